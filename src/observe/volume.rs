//! The volume with the data: who else mounts it, and which major version made it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use bollard::Docker;
use bollard::query_parameters::ListContainersOptions;

use crate::api::chain::in_words;
use crate::facts::Observation;
use crate::facts::service::Volume;

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
    Observation::Known(Volume {
        mounted_by,
        major: major(Path::new(&inspected.mountpoint)),
    })
}

/// Reads `PG_VERSION` where this image, the official one and older layouts keep it. `None` where there
/// is no cluster, and where the volume's directory cannot be read: then the entrypoint's own check,
/// inside the container, is the one that counts.
fn major(mountpoint: &Path) -> Option<u32> {
    let version = |dir: &Path| {
        fs::read_to_string(dir.join("PG_VERSION"))
            .ok()?
            .trim()
            .parse()
            .ok()
    };
    let nested = fs::read_dir(mountpoint).ok()?.filter_map(Result::ok);
    version(&mountpoint.join("18/docker"))
        .or_else(|| version(mountpoint))
        .or_else(|| version(&mountpoint.join("data")))
        .or_else(|| {
            nested
                .filter_map(|e| version(&e.path().join("docker")))
                .max()
        })
}
