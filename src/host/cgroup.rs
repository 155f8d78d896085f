//! Control groups: the limits of one container and of everything above it, v2 and v1.
//!
//! Not here: what to do about them. On v2 a container in its own cgroup namespace cannot see its
//! ancestors, so the smallest limit found from inside may be too large; the agent declares its own.

use std::io;
use std::path::{Path, PathBuf};

use super::files;
use crate::api::{Bytes, MilliCpu};
use crate::facts::{CgroupVersion, Limits};

/// v1 writes the largest page-aligned number where v2 writes `max`. Nobody has an exbibyte.
const V1_UNLIMITED: u64 = 1 << 60;

/// Returns the limits of a container.
///
/// `pid` is one of its processes, seen from outside; `None` asks about the process itself.
///
/// # Errors
/// A process or a cgroup that is gone, or a file that does not hold what the kernel writes.
pub fn container_limits(root: &Path, pid: Option<u32>) -> io::Result<Limits> {
    let tree = root.join("sys/fs/cgroup");
    let process = pid.map_or_else(|| "self".to_owned(), |pid| pid.to_string());
    let membership = root.join("proc").join(process).join("cgroup");
    let Some(text) = files::read(&membership)? else {
        if pid.is_some() {
            let what = format!("{} is gone: the process ended", membership.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, what));
        }
        return Ok(Limits::default());
    };
    let limits = if tree.join("cgroup.controllers").exists() {
        v2(&tree, &text, pid.is_some())?
    } else {
        v1(&tree, &text, pid.is_some())?
    };
    let process = files::read(&membership.with_file_name("limits"))?;
    Ok(Limits {
        process: process.and_then(|text| raisable_data(&text)),
        ..limits
    })
}

/// Returns the soft limit of the line `Max data size  SOFT  HARD  bytes`, where the hard one is higher.
fn raisable_data(text: &str) -> Option<Bytes> {
    let line = text.lines().find_map(|l| l.strip_prefix("Max data size"))?;
    let mut words = line.split_whitespace();
    let soft = words.next()?.parse().ok()?;
    let hard = words.next()?;
    let higher = hard
        .parse::<u64>()
        .map_or(hard == "unlimited", |hard| hard > soft);
    higher.then_some(Bytes(soft))
}

/// The files of a container's own groups that tell whether its limits were changed or a process of it was
/// killed: a few reads instead of the twenty that the whole truth takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signs {
    memory: PathBuf,
    quota: PathBuf,
    kills: PathBuf,
}

/// What [`Signs`] say.
pub type Told = (Option<String>, Option<String>, Option<u64>);

impl Signs {
    /// Finds them for a process, seen from outside.
    ///
    /// # Errors
    /// A process or a cgroup that is gone, or a controller that is not there.
    pub fn of(root: &Path, pid: u32) -> io::Result<Self> {
        let tree = root.join("sys/fs/cgroup");
        let membership = root.join("proc").join(pid.to_string()).join("cgroup");
        let text = files::read(&membership)?.ok_or(io::ErrorKind::NotFound)?;
        if tree.join("cgroup.controllers").exists() {
            let path = text.lines().find_map(|line| line.strip_prefix("0::"));
            let own = own(lineage(&tree, path.unwrap_or("/"), true)?)?;
            return Ok(Self {
                memory: own.join("memory.max"),
                quota: own.join("cpu.max"),
                kills: own.join("memory.events"),
            });
        }
        let of = |controller: &str| {
            let lineage = v1_lineage(&tree, &text, controller, true)?;
            own(lineage.unwrap_or_default())
        };
        let (memory, cpu) = (of("memory")?, of("cpu")?);
        Ok(Self {
            quota: cpu.join("cpu.cfs_quota_us"),
            kills: memory.join("memory.oom_control"),
            memory: memory.join("memory.limit_in_bytes"),
        })
    }

    /// Reads them.
    ///
    /// # Errors
    /// A cgroup that is gone.
    pub fn read(&self) -> io::Result<Told> {
        let kills = files::keyed(&self.kills, "oom_kill")?;
        Ok((files::read(&self.memory)?, files::read(&self.quota)?, kills))
    }
}

fn own(lineage: Vec<PathBuf>) -> io::Result<PathBuf> {
    let own = lineage.into_iter().next();
    own.ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn v2(tree: &Path, membership: &str, outside: bool) -> io::Result<Limits> {
    let path = membership
        .lines()
        .find_map(|line| line.strip_prefix("0::"))
        .unwrap_or("/");
    let lineage = lineage(tree, path, outside)?;
    let own = &lineage[0];
    let mut memory = None;
    let mut cpus = None;
    for group in &lineage {
        for limit in ["memory.max", "memory.high"] {
            memory = least(
                memory,
                files::value(&group.join(limit), v2_bytes)?.flatten(),
            );
        }
        cpus = least(
            cpus,
            files::value(&group.join("cpu.max"), v2_quota)?.flatten(),
        );
    }
    Ok(Limits {
        version: Some(CgroupVersion::V2),
        memory,
        own_memory: files::value(&own.join("memory.max"), v2_bytes)?.flatten(),
        swap: files::value(&own.join("memory.swap.max"), v2_bytes)?.flatten(),
        cpus,
        cpuset: cpuset(&lineage, &["cpuset.cpus.effective"])?,
        oom_kills: files::keyed(&own.join("memory.events"), "oom_kill")?,
        memory_usage: files::value(&own.join("memory.current"), bytes)?,
        process: None,
    })
}

fn v1(tree: &Path, membership: &str, outside: bool) -> io::Result<Limits> {
    let of = |controller: &str| v1_lineage(tree, membership, controller, outside);
    let mut limits = Limits::default();
    if let Some(lineage) = of("memory")? {
        let own = &lineage[0];
        for group in &lineage {
            let limit = files::value(&group.join("memory.limit_in_bytes"), v1_bytes)?.flatten();
            limits.memory = least(limits.memory, limit);
        }
        // The kernel's own minimum, which knows ancestors that a container cannot see.
        let all = files::keyed(&own.join("memory.stat"), "hierarchical_memory_limit")?;
        limits.memory = least(limits.memory, all.filter(|n| *n < V1_UNLIMITED).map(Bytes));
        limits.own_memory = files::value(&own.join("memory.limit_in_bytes"), v1_bytes)?.flatten();
        let both = files::value(&own.join("memory.memsw.limit_in_bytes"), v1_bytes)?.flatten();
        limits.swap = both
            .zip(limits.own_memory)
            .map(|(both, own)| Bytes(both.0.saturating_sub(own.0)));
        limits.oom_kills = files::keyed(&own.join("memory.oom_control"), "oom_kill")?;
        limits.memory_usage = files::value(&own.join("memory.usage_in_bytes"), bytes)?;
        limits.version = Some(CgroupVersion::V1);
    }
    if let Some(lineage) = of("cpu")? {
        for group in &lineage {
            limits.cpus = least(limits.cpus, v1_quota(group)?);
        }
        limits.version = Some(CgroupVersion::V1);
    }
    if let Some(lineage) = of("cpuset")? {
        limits.cpuset = cpuset(&lineage, &["cpuset.effective_cpus", "cpuset.cpus"])?;
        limits.version = Some(CgroupVersion::V1);
    }
    Ok(limits)
}

/// Returns a controller's groups, the container's own first; `None` where it is not mounted.
fn v1_lineage(
    tree: &Path,
    membership: &str,
    controller: &str,
    outside: bool,
) -> io::Result<Option<Vec<PathBuf>>> {
    let mine = membership.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (names, path) = (fields.next()?, fields.next()?);
        names
            .split(',')
            .any(|name| name == controller)
            .then_some((names, path))
    });
    let Some((names, path)) = mine else {
        return Ok(None);
    };
    // `cpu` is usually a link to `cpu,cpuacct`; where it is missing the directory has both names.
    let mount = [controller, names]
        .map(|name| tree.join(name))
        .into_iter()
        .find(|dir| dir.is_dir());
    mount
        .map(|mount| lineage(&mount, path, outside))
        .transpose()
}

/// Returns a group's directory and those above it, up to the top of the mount.
///
/// Inside a container the path may begin above what is mounted: its leading parts are dropped until
/// it exists. Seen from outside that would be another group, so there a missing path is an error.
fn lineage(mount: &Path, path: &str, outside: bool) -> io::Result<Vec<PathBuf>> {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != "..")
        .collect();
    let whole = join(mount, &parts);
    if outside && !whole.is_dir() {
        let what = format!("cgroup {} is gone: the container stopped", whole.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, what));
    }
    let hidden = (0..=parts.len()).find(|skip| join(mount, &parts[*skip..]).is_dir());
    let visible = &parts[hidden.unwrap_or(parts.len())..];
    Ok((0..=visible.len())
        .rev()
        .map(|depth| join(mount, &visible[..depth]))
        .collect())
}

fn join(mount: &Path, parts: &[&str]) -> PathBuf {
    parts
        .iter()
        .fold(mount.to_owned(), |dir, part| dir.join(part))
}

fn cpuset(lineage: &[PathBuf], names: &[&str]) -> io::Result<Option<u32>> {
    for group in lineage {
        for name in names {
            let count = files::value(&group.join(name), files::cpu_list)?;
            // Empty means: as the parent has it.
            if let Some(count) = count.filter(|count| *count > 0) {
                return Ok(Some(count));
            }
        }
    }
    Ok(None)
}

fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn bytes(text: &str) -> Option<Bytes> {
    text.parse().ok().map(Bytes)
}

fn v2_bytes(text: &str) -> Option<Option<Bytes>> {
    if text == "max" {
        Some(None)
    } else {
        bytes(text).map(Some)
    }
}

fn v1_bytes(text: &str) -> Option<Option<Bytes>> {
    bytes(text).map(|limit| (limit.0 < V1_UNLIMITED).then_some(limit))
}

fn v2_quota(text: &str) -> Option<Option<MilliCpu>> {
    let (quota, period) = text.split_once(' ')?;
    if quota == "max" {
        Some(None)
    } else {
        quota_of(quota.parse().ok()?, period.parse().ok()?).map(Some)
    }
}

fn v1_quota(group: &Path) -> io::Result<Option<MilliCpu>> {
    let quota = files::value(&group.join("cpu.cfs_quota_us"), |text| {
        text.parse::<i64>().ok()
    })?;
    let period = files::value(&group.join("cpu.cfs_period_us"), |text| {
        text.parse::<u64>().ok()
    })?;
    match (quota.map(u64::try_from), period) {
        (Some(Ok(quota)), Some(period)) => quota_of(quota, period)
            .map(Some)
            .ok_or_else(|| files::garbage(&group.join("cpu.cfs_period_us"), &period.to_string())),
        // -1: no quota.
        (Some(Err(_)) | None, _) | (_, None) => Ok(None),
    }
}

fn quota_of(quota: u64, period: u64) -> Option<MilliCpu> {
    let milli = quota.checked_mul(1000)?.checked_div(period)?;
    u32::try_from(milli.max(1)).ok().map(MilliCpu)
}
