//! What kind of disk a path lies on, as far as the kernel can tell.
//!
//! What surprised us: a virtual disk says it rotates, whatever it lies on, because nobody told it otherwise. So
//! of a virtual machine's disk nothing is known.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::files;

/// Returns whether the disk below a path rotates; `None` where nobody knows: a virtual disk, a network or
/// memory file system.
///
/// # Errors
/// There is no such path, or the kernel's files hold what it does not write.
pub fn rotates(root: &Path, path: &Path) -> io::Result<Option<bool>> {
    let device = std::fs::metadata(path)?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    device_rotates(root, major, minor)
}

fn device_rotates(root: &Path, major: u32, minor: u32) -> io::Result<Option<bool>> {
    let entry = root.join(format!("sys/dev/block/{major}:{minor}"));
    let Ok(device) = std::fs::canonicalize(&entry) else {
        return Ok(None);
    };
    // A partition has no queue of its own: the disk it is on does.
    for place in [Some(device.as_path()), device.parent()]
        .into_iter()
        .flatten()
    {
        let known = files::value(&place.join("queue/rotational"), |text| match text {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        })?;
        if let Some(rotates) = known {
            let name = place.file_name().unwrap_or_default().to_string_lossy();
            let is_virtual = name.starts_with("vd") || name.starts_with("xvd");
            return Ok((!rotates || !is_virtual).then_some(rotates));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with one partition, as sysfs has them.
    fn disk(name: &str, rotational: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let disk = root.path().join("sys/devices/pci0/block").join(name);
        std::fs::create_dir_all(disk.join("queue")).unwrap();
        std::fs::write(disk.join("queue/rotational"), format!("{rotational}\n")).unwrap();
        std::fs::create_dir_all(disk.join(format!("{name}1"))).unwrap();
        let devices = root.path().join("sys/dev/block");
        std::fs::create_dir_all(&devices).unwrap();
        for (number, at) in [("8:0", name.to_owned()), ("8:1", format!("{name}/{name}1"))] {
            let target = root.path().join("sys/devices/pci0/block").join(at);
            std::os::unix::fs::symlink(target, devices.join(number)).unwrap();
        }
        root
    }

    #[test]
    fn a_partition_is_what_its_disk_is() {
        for (minor, rotational, rotates) in [(0, "1", true), (1, "1", true), (1, "0", false)] {
            let root = disk("sda", rotational);
            assert_eq!(
                device_rotates(root.path(), 8, minor).unwrap(),
                Some(rotates)
            );
        }
    }

    #[test]
    fn a_virtual_disk_that_says_it_rotates_knows_nothing() {
        assert_eq!(device_rotates(disk("vda", "1").path(), 8, 1).unwrap(), None);
        assert_eq!(
            device_rotates(disk("vda", "0").path(), 8, 1).unwrap(),
            Some(false)
        );
    }

    #[test]
    fn a_file_system_without_a_device_is_unknown() {
        assert_eq!(
            device_rotates(disk("sda", "1").path(), 0, 47).unwrap(),
            None
        );
    }
}
