//! How much room the data has left.

use rustix::fs::statvfs;

use crate::api::Bytes;
use crate::facts::{Container, Disk, Observation};

/// Looks at the file system that the container's data lies on. One system call: on a local disk it never
/// waits, and a volume on a network file system that hangs would have stopped the server first.
pub fn disk(container: &Observation<Container>) -> Observation<Disk> {
    let container = match container {
        Observation::Known(container) => container,
        Observation::Absent => return Observation::Absent,
        Observation::Unknown { why } => return Observation::unknown(why.clone()),
    };
    let Some(path) = &container.data_path else {
        return Observation::Absent;
    };
    match statvfs(path.as_str()) {
        Ok(found) => Observation::Known(Disk {
            size: Bytes(found.f_blocks.saturating_mul(found.f_frsize)),
            free: Bytes(found.f_bavail.saturating_mul(found.f_frsize)),
            inodes: found.f_files,
            inodes_free: found.f_favail,
        }),
        Err(error) => Observation::unknown(format!("`{path}` could not be looked at: {error}")),
    }
}

/// Returns how many twentieths of it are free: what a glance compares, because every write changes the rest.
pub fn twentieths_free(path: &str) -> Option<u64> {
    let found = statvfs(path).ok()?;
    found
        .f_bavail
        .saturating_mul(20)
        .checked_div(found.f_blocks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::inspect::interpret;

    fn container(data: Option<&str>) -> Observation<Container> {
        let mounts = data.map(|source| {
            serde_json::json!([{"Destination": "/var/lib/postgresql", "Source": source, "Name": "db_pgdata"}])
        });
        let answer =
            serde_json::json!({"Id": "c", "State": {"Status": "running"}, "Mounts": mounts});
        Observation::Known(interpret(serde_json::from_value(answer).unwrap()).unwrap())
    }

    #[test]
    fn a_file_system_tells_its_size_and_what_is_left() {
        let Observation::Known(disk) = disk(&container(Some("/"))) else {
            panic!("the root can be looked at");
        };
        assert!(disk.size > disk.free && disk.free > Bytes(0), "{disk:?}");
    }

    #[test]
    fn a_path_that_is_gone_is_unknown_and_no_volume_is_absent() {
        let gone = disk(&container(Some("/nowhere/at/all")));
        assert!(
            gone.why_unknown()
                .is_some_and(|why| why.contains("/nowhere/at/all"))
        );
        assert!(disk(&container(None)).is_absent());
    }
}
