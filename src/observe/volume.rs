//! The volume with the data: who else mounts it, and which major version made it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use bollard::Docker;
use bollard::query_parameters::ListContainersOptions;

use crate::api::chain::in_words;
use crate::facts::Observation;
use crate::facts::service::{Cluster, Volume};

use super::docker::not_seen;

/// Looks at a volume; `own` is the stack's container, which may mount it.
pub async fn volume(docker: &Docker, name: &str, own: Option<&str>) -> Observation<Volume> {
    let inspected = match docker.inspect_volume(name).await {
        Ok(volume) => volume,
        Err(error) => return not_seen(&error),
    };
    let filters = HashMap::from([
        ("volume".to_owned(), vec![name.to_owned()]),
        (
            "status".to_owned(),
            vec![
                "running".to_owned(),
                "paused".to_owned(),
                "restarting".to_owned(),
            ],
        ),
    ]);
    let options = ListContainersOptions {
        filters: Some(filters),
        ..Default::default()
    };
    let containers = match docker.list_containers(Some(options)).await {
        Ok(containers) => containers,
        Err(error) => return Observation::unknown(format!("docker: {}", in_words(&error))),
    };
    let others = containers.into_iter().filter(|c| c.id.as_deref() != own);
    let mounted_by = others
        .map(|c| {
            let name = c.names.unwrap_or_default().into_iter().next();
            name.map_or_else(
                || c.id.unwrap_or_default(),
                |n| n.trim_start_matches('/').to_owned(),
            )
        })
        .collect();
    let cluster = cluster(Path::new(&inspected.mountpoint));
    Observation::Known(Volume {
        mounted_by,
        cluster,
    })
}

/// Looks for a cluster where this image, the official one and older layouts keep theirs. Where the
/// volume's directory cannot be read, the entrypoint's own checks inside the container count alone.
fn cluster(mountpoint: &Path) -> Observation<Cluster> {
    let nested = match fs::read_dir(mountpoint) {
        Ok(entries) => entries
            .filter_map(Result::ok)
            .map(|e| e.path().join("docker")),
        Err(error) => {
            return Observation::unknown(format!("the volume could not be read: {error}"));
        }
    };
    let mut places = vec![
        mountpoint.join("18/docker"),
        mountpoint.to_owned(),
        mountpoint.join("data"),
    ];
    places.extend(nested);
    match places.iter().find_map(|place| cluster_at(place)) {
        Some(cluster) => Observation::Known(cluster),
        None => Observation::Absent,
    }
}

fn cluster_at(directory: &Path) -> Option<Cluster> {
    let major = fs::read_to_string(directory.join("PG_VERSION"))
        .ok()?
        .trim()
        .parse()
        .ok()?;
    // pg_control begins with the system identifier, in the machine's own byte order, in every version.
    let control = fs::read(directory.join("global/pg_control")).ok();
    let identifier = control.and_then(|bytes| bytes.first_chunk::<8>().copied());
    let system_identifier = identifier.map(|bytes| u64::from_ne_bytes(bytes).to_string());
    Some(Cluster {
        major,
        system_identifier,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_cluster(place: &str) -> tempfile::TempDir {
        let volume = tempfile::tempdir().unwrap();
        let directory = volume.path().join(place);
        fs::create_dir_all(directory.join("global")).unwrap();
        fs::write(directory.join("PG_VERSION"), "17\n").unwrap();
        fs::write(
            directory.join("global/pg_control"),
            [7_u64.to_ne_bytes(), [0; 8]].concat(),
        )
        .unwrap();
        volume
    }

    #[test]
    fn a_cluster_is_found_in_every_layout() {
        let found = Cluster {
            major: 17,
            system_identifier: Some("7".into()),
        };
        for place in ["18/docker", "17/docker", "data", "."] {
            let volume = with_cluster(place);
            assert_eq!(
                cluster(volume.path()),
                Observation::Known(found.clone()),
                "{place}"
            );
        }
    }

    #[test]
    fn an_empty_volume_holds_none_and_an_unreadable_one_is_unknown() {
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(cluster(empty.path()), Observation::Absent);
        assert!(cluster(&empty.path().join("gone")).why_unknown().is_some());
    }
}
