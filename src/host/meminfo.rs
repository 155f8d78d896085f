//! What the whole machine has: `MemTotal`, and the CPUs that are online.

use std::io;
use std::path::Path;

use super::files;
use crate::api::Bytes;

/// Returns the host's memory and number of CPUs.
///
/// # Errors
/// `/proc/meminfo` without a `MemTotal`, or neither of the two places that count CPUs.
pub fn host_capacity(root: &Path) -> io::Result<(Bytes, u32)> {
    let meminfo = root.join("proc/meminfo");
    let kib = files::keyed(&meminfo, "MemTotal")?
        .ok_or_else(|| files::garbage(&meminfo, "no MemTotal line"))?;
    let bytes = kib.checked_mul(Bytes::KIB);
    let bytes = bytes.ok_or_else(|| files::garbage(&meminfo, &format!("MemTotal: {kib}")))?;
    Ok((Bytes(bytes), cpus(root)?))
}

fn cpus(root: &Path) -> io::Result<u32> {
    let online = root.join("sys/devices/system/cpu/online");
    if let Some(count) = files::value(&online, files::cpu_list)?.filter(|count| *count > 0) {
        return Ok(count);
    }
    // A container that hides /sys still has this one.
    let cpuinfo = root.join("proc/cpuinfo");
    let text = files::read(&cpuinfo)?.unwrap_or_default();
    match text
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count()
    {
        0 => Err(files::garbage(&cpuinfo, "no processor line")),
        count => Ok(u32::try_from(count).unwrap_or(u32::MAX)),
    }
}
