//! What the kernel holds for a container, read from outside many times a second: v1 and v2 say it in other words.
//!
//! Page cache is left out, because the kernel takes it back; shared memory counts, although v1 calls it cache. v1's kernel
//! memory includes what could be reclaimed of it (a few MB of file names), v2's does not.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use aza_agent::api::Bytes;
use aza_agent::host::container_limits;

use crate::container::Container;

/// Short enough to see a peak that lasts for one hash table.
const EVERY: Duration = Duration::from_millis(20);

/// Memory that cannot be reclaimed, in bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Private memory of all processes.
    pub private: u64,
    /// Shared buffers and /dev/shm.
    pub shared: u64,
    /// Page tables, sockets, stacks in the kernel.
    pub kernel: u64,
}

/// What a gauge read.
pub struct Reading {
    pub peak: Memory,
    /// Kills since the gauge was started.
    pub kills: u64,
}

/// A thread that reads one container's memory until it is stopped.
pub struct Gauge {
    stopped: Arc<AtomicBool>,
    thread: JoinHandle<Reading>,
}

impl Memory {
    pub fn total(&self) -> u64 {
        self.private + self.shared + self.kernel
    }

    /// Returns the total in MB.
    pub fn mb(&self) -> u64 {
        self.total() / Bytes::MIB
    }
}

impl Gauge {
    pub fn start(server: &Container) -> Self {
        let pid: u32 = server.inspect("{{.State.Pid}}").parse().unwrap();
        let group = group(pid);
        let before = kills(pid).unwrap_or(0);
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        let thread = std::thread::spawn(move || {
            let mut reading = Reading {
                peak: Memory::default(),
                kills: 0,
            };
            loop {
                let last = stop.load(Ordering::Acquire);
                if let Some(now) = held(&group) {
                    reading.peak = std::cmp::max_by_key(reading.peak, now, Memory::total);
                }
                // A container whose process 1 was killed takes its counters with it: the last value stays.
                if let Some(now) = kills(pid) {
                    reading.kills = now.saturating_sub(before);
                }
                if last {
                    return reading;
                }
                std::thread::sleep(EVERY);
            }
        });
        Self { stopped, thread }
    }

    pub fn stop(self) -> Reading {
        self.stopped.store(true, Ordering::Release);
        self.thread.join().unwrap()
    }
}

fn kills(pid: u32) -> Option<u64> {
    container_limits(Path::new("/"), Some(pid)).ok()?.oom_kills
}

/// Returns the directory of the process's memory group.
fn group(pid: u32) -> PathBuf {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let mount = Path::new("/sys/fs/cgroup");
    let of = |mount: PathBuf, path: &str| mount.join(path.trim_start_matches('/'));
    let v1 = text.lines().find_map(|line| line.split_once(":memory:"));
    match v1 {
        Some((_, path)) => of(mount.join("memory"), path),
        None => {
            let v2 = text.lines().find_map(|line| line.strip_prefix("0::"));
            of(mount.to_owned(), v2.unwrap())
        }
    }
}

/// Reads what is held now; `None` once the group is gone.
fn held(group: &Path) -> Option<Memory> {
    let stat = fs::read_to_string(group.join("memory.stat")).ok()?;
    let of = |key: &str| {
        let mut lines = stat.lines().filter_map(|line| line.split_once(' '));
        lines
            .find(|(name, _)| *name == key)
            .and_then(|(_, n)| n.parse::<u64>().ok())
    };
    if let Some(private) = of("rss") {
        let kernel = fs::read_to_string(group.join("memory.kmem.usage_in_bytes")).ok()?;
        return Some(Memory {
            private,
            shared: of("shmem")?,
            kernel: kernel.trim().parse().ok()?,
        });
    }
    Some(Memory {
        private: of("anon")?,
        shared: of("shmem")?,
        kernel: of("kernel")?.saturating_sub(of("slab_reclaimable")?),
    })
}
