//! The kernel's small files: memory and processor limits.

use std::fs;
use std::path::{Path, PathBuf};

use aza_agent::host::{Ceilings, capacity, container_limits, host_capacity};

use crate::run::{Target, run};

const V2: &str = "sys/fs/cgroup/system.slice/docker-ab.scope";

/// Files of a host with cgroup v2, and of one with v1. The host's own files come first.
const FILES: [(&str, &str, &str); 21] = [
    (
        "v2",
        "proc/meminfo",
        "MemTotal:        8388608 kB\nMemFree:  1000000 kB\n",
    ),
    ("v2", "sys/devices/system/cpu/online", "0-3,6\n"),
    ("v2", "proc/cpuinfo", "processor\t: 0\nprocessor\t: 1\n"),
    ("v2", "proc/42/cgroup", "0::/system.slice/docker-ab.scope\n"),
    (
        "v2",
        "sys/fs/cgroup/cgroup.controllers",
        "cpuset cpu io memory pids\n",
    ),
    ("v2", "memory.max", "2147483648\n"),
    ("v2", "memory.high", "max\n"),
    ("v2", "memory.swap.max", "0\n"),
    ("v2", "memory.current", "123456\n"),
    (
        "v2",
        "memory.events",
        "low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\n",
    ),
    ("v2", "cpu.max", "150000 100000\n"),
    ("v2", "cpuset.cpus.effective", "0-1\n"),
    ("v1", "proc/meminfo", "MemTotal:        8388608 kB\n"),
    ("v1", "sys/devices/system/cpu/online", "0\n"),
    (
        "v1",
        "proc/42/cgroup",
        "5:memory:/docker/ab\n4:cpu,cpuacct:/docker/ab\n3:cpuset:/docker/ab\n",
    ),
    (
        "v1",
        "sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes",
        "2147483648\n",
    ),
    (
        "v1",
        "sys/fs/cgroup/memory/docker/ab/memory.memsw.limit_in_bytes",
        "9223372036854771712\n",
    ),
    (
        "v1",
        "sys/fs/cgroup/memory/docker/ab/memory.stat",
        "cache 1\nhierarchical_memory_limit 2147483648\n",
    ),
    (
        "v1",
        "sys/fs/cgroup/cpu,cpuacct/docker/ab/cpu.cfs_quota_us",
        "150000\n",
    ),
    (
        "v1",
        "sys/fs/cgroup/cpu,cpuacct/docker/ab/cpu.cfs_period_us",
        "100000\n",
    ),
    ("v1", "sys/fs/cgroup/cpuset/docker/ab/cpuset.cpus", "0-1\n"),
];

fn path(root: &Path, (version, path, _): &(&str, &str, &str)) -> PathBuf {
    let root = root.join(version);
    if path.contains('/') {
        root.join(path)
    } else {
        root.join(V2).join(path)
    }
}

/// A directory in memory, where there is one: a million files are written.
fn trees() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let root = if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    };
    for file in &FILES {
        let path = path(root.path(), file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file.2).unwrap();
    }
    root
}

#[test]
fn cgroup() {
    let trees = trees();
    // An input is one file: its number as a letter, then its content.
    let check = |input: &[u8]| {
        let (letter, content) = input.split_first().unwrap_or((&b'A', &[]));
        let file = &FILES[usize::from(letter.wrapping_sub(b'A')) % FILES.len()];
        let (path, root) = (path(trees.path(), file), trees.path().join(file.0));
        fs::write(&path, content).unwrap();
        for pid in [Some(42), None] {
            if let Ok(seen) = capacity(&root, pid, Ceilings::default()) {
                assert!((1..=128).contains(&seen.cpus));
            }
            match container_limits(&root, pid) {
                Ok(limits) => assert!(limits.cpus.is_none_or(|c| c.0 > 0)),
                Err(wrong) => assert!(!wrong.to_string().is_empty()),
            }
        }
        let _ = host_capacity(&root);
        fs::write(&path, file.2).unwrap();
    };
    let corpus = FILES.iter().enumerate().map(|(at, (_, _, text))| {
        let letter = b'A' + u8::try_from(at).unwrap();
        [&[letter], text.as_bytes()].concat()
    });
    run(&Target {
        name: "cgroup",
        few: 1500,
        corpus: corpus.collect(),
        words: vec![
            "max",
            "kB",
            "MemTotal:",
            "oom_kill ",
            "0::/",
            "/../..",
            "0-4294967295",
            "memory:",
            " 0\n",
        ],
        check: &check,
    });
}
