//! What the trees of real hosts say: v2 under systemd and under cgroupfs, v1, nested, hybrid, none.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::api::MilliCpu;
use crate::facts::Limits;

const UNLIMITED: &str = "9223372036854771712";

/// A root directory with these files, and a host of 8 GB and 4 CPUs.
fn host(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let machine = [
        (
            "proc/meminfo",
            "MemTotal:        8388608 kB\nMemFree:          1000000 kB\n",
        ),
        ("sys/devices/system/cpu/online", "0-3\n"),
    ];
    for (path, text) in machine.iter().chain(files) {
        write(root.path(), path, text);
    }
    root
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn inside(root: &TempDir) -> Capacity {
    capacity(root.path(), None, Ceilings::default()).unwrap()
}

/// A container of Docker under systemd, as the host sees it; its slice has a limit of its own.
fn v2_systemd() -> TempDir {
    let scope = "sys/fs/cgroup/system.slice/docker-ab.scope";
    let file = |name: &str| format!("{scope}/{name}");
    host(&[
        ("proc/42/cgroup", "0::/system.slice/docker-ab.scope\n"),
        (
            "sys/fs/cgroup/cgroup.controllers",
            "cpuset cpu io memory pids\n",
        ),
        ("sys/fs/cgroup/system.slice/memory.max", "1610612736\n"),
        ("sys/fs/cgroup/system.slice/cpu.max", "max 100000\n"),
        (&file("memory.max"), "2147483648\n"),
        (&file("memory.high"), "max\n"),
        (&file("memory.swap.max"), "0\n"),
        (&file("memory.current"), "123456\n"),
        (
            &file("memory.events"),
            "low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\noom_group_kill 0\n",
        ),
        (&file("cpu.max"), "150000 100000\n"),
        (&file("cpuset.cpus.effective"), "0-3\n"),
    ])
}

/// A container of Docker on cgroup v1, as the host sees it.
fn v1() -> TempDir {
    let memory = |name: &str| format!("sys/fs/cgroup/memory/docker/ab/{name}");
    let cpu = |name: &str| format!("sys/fs/cgroup/cpu,cpuacct/docker/ab/{name}");
    host(&[
        (
            "proc/42/cgroup",
            "5:memory:/docker/ab\n4:cpu,cpuacct:/docker/ab\n3:cpuset:/docker/ab\n0::/\n",
        ),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", UNLIMITED),
        (
            "sys/fs/cgroup/memory/docker/memory.limit_in_bytes",
            UNLIMITED,
        ),
        (&memory("memory.limit_in_bytes"), "1073741824\n"),
        (&memory("memory.memsw.limit_in_bytes"), "1610612736\n"),
        (&memory("memory.usage_in_bytes"), "4096\n"),
        (
            &memory("memory.stat"),
            "cache 0\nhierarchical_memory_limit 805306368\n",
        ),
        (
            &memory("memory.oom_control"),
            "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
        ),
        (&cpu("cpu.cfs_quota_us"), "50000\n"),
        (&cpu("cpu.cfs_period_us"), "100000\n"),
        ("sys/fs/cgroup/cpuset/docker/ab/cpuset.cpus", "0,2-3\n"),
    ])
}

#[test]
fn v2_from_outside_the_smallest_of_all_ancestors_counts() {
    let limits = container_limits(v2_systemd().path(), Some(42)).unwrap();
    let seen = Limits {
        version: Some(CgroupVersion::V2),
        memory: Some(Bytes::mib(1536)),
        own_memory: Some(Bytes::gib(2)),
        swap: Some(Bytes(0)),
        cpus: Some(MilliCpu(1500)),
        cpuset: Some(4),
        oom_kills: Some(1),
        memory_usage: Some(Bytes(123_456)),
        process: None,
    };
    assert_eq!(limits, seen);
}

#[test]
fn v1_from_outside_knows_limits_above_what_can_be_seen() {
    let limits = container_limits(v1().path(), Some(42)).unwrap();
    let seen = Limits {
        version: Some(CgroupVersion::V1),
        memory: Some(Bytes::mib(768)),
        own_memory: Some(Bytes::gib(1)),
        swap: Some(Bytes::mib(512)),
        cpus: Some(MilliCpu(500)),
        cpuset: Some(3),
        oom_kills: Some(3),
        memory_usage: Some(Bytes(4096)),
        process: None,
    };
    assert_eq!(limits, seen);
}

#[test]
fn what_a_process_may_allocate_is_told_where_it_can_be_raised() {
    for (line, seen) in [
        (
            "Max data size             318767104            4398046511104        bytes",
            Some(304),
        ),
        (
            "Max data size             318767104            unlimited            bytes",
            Some(304),
        ),
        (
            "Max data size             318767104            318767104            bytes",
            None,
        ),
        (
            "Max data size             unlimited            unlimited            bytes",
            None,
        ),
    ] {
        let root = v1();
        let text = format!(
            "Limit                     Soft Limit           Hard Limit           Units\n{line}\n"
        );
        write(root.path(), "proc/42/limits", &text);
        let limits = container_limits(root.path(), Some(42)).unwrap();
        assert_eq!(limits.process, seen.map(Bytes::mib), "{line}");
    }
}

#[test]
fn v2_inside_a_namespace_of_its_own() {
    let root = host(&[
        ("proc/self/cgroup", "0::/\n"),
        ("sys/fs/cgroup/cgroup.controllers", "cpu memory\n"),
        ("sys/fs/cgroup/memory.max", "1073741824\n"),
        ("sys/fs/cgroup/memory.high", "805306368\n"),
        ("sys/fs/cgroup/cpu.max", "200000 100000\n"),
    ]);
    let seen = inside(&root);
    assert_eq!(
        (seen.memory, seen.memory_from),
        (Bytes::mib(768), MemorySource::CgroupV2)
    );
    assert_eq!((seen.cpus, seen.cpus_from), (2, CpuSource::Quota));
}

#[test]
fn v1_inside_a_container_the_path_of_proc_is_not_below_its_mount() {
    let root = host(&[
        (
            "proc/self/cgroup",
            "5:memory:/docker/ab\n4:cpu,cpuacct:/docker/ab\n",
        ),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n"),
        ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"),
        ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
    ]);
    let seen = inside(&root);
    assert_eq!(
        (seen.memory, seen.memory_from),
        (Bytes::gib(1), MemorySource::CgroupV1)
    );
    assert_eq!((seen.cpus, seen.cpus_from), (4, CpuSource::Host));
}

#[test]
fn nested_the_visible_part_of_the_path_is_found() {
    let root = host(&[
        ("proc/self/cgroup", "5:memory:/docker/outer/docker/inner\n"),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n"),
        (
            "sys/fs/cgroup/memory/docker/inner/memory.limit_in_bytes",
            "3221225472\n",
        ),
    ]);
    assert_eq!(inside(&root).memory, Bytes::gib(2));
}

#[test]
fn a_hybrid_host_keeps_memory_in_v1() {
    let root = host(&[
        ("proc/self/cgroup", "5:memory:/a\n0::/a\n"),
        ("sys/fs/cgroup/unified/cgroup.controllers", "\n"),
        (
            "sys/fs/cgroup/memory/a/memory.limit_in_bytes",
            "1073741824\n",
        ),
    ]);
    assert_eq!(inside(&root).memory_from, MemorySource::CgroupV1);
}

#[test]
fn without_cgroups_or_limits_the_host_counts() {
    let none = host(&[]);
    let unlimited = host(&[
        ("proc/self/cgroup", "5:memory:/\n"),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", UNLIMITED),
        (
            "sys/fs/cgroup/memory/memory.stat",
            "hierarchical_memory_limit 9223372036854771712\n",
        ),
    ]);
    for root in [none, unlimited] {
        let seen = inside(&root);
        assert_eq!(
            (seen.memory, seen.memory_from),
            (Bytes::gib(8), MemorySource::Host)
        );
        assert_eq!((seen.cpus, seen.cpus_from), (4, CpuSource::Host));
    }
}

#[test]
fn a_ceiling_lowers_and_never_raises() {
    let root = v2_systemd();
    let with = |memory, cpus| {
        let ceilings = Ceilings {
            override_memory: Some(memory),
            declared_memory: Some(Bytes::gib(4)),
            declared_cpus: Some(cpus),
        };
        capacity(root.path(), Some(42), ceilings).unwrap()
    };
    let lower = with(Bytes::mib(600), 1);
    assert_eq!(
        (lower.memory, lower.memory_from),
        (Bytes::mib(600), MemorySource::Override)
    );
    assert_eq!((lower.cpus, lower.cpus_from), (1, CpuSource::Declared));
    let higher = with(Bytes::gib(3), 64);
    assert_eq!(
        (higher.memory, higher.memory_from),
        (Bytes::mib(1536), MemorySource::CgroupV2)
    );
    assert_eq!((higher.cpus, higher.cpus_from), (2, CpuSource::Quota));
}

#[test]
fn cpus_stay_between_1_and_128() {
    let root = host(&[("sys/devices/system/cpu/online", "0-255\n")]);
    assert_eq!(inside(&root).cpus, 128);
}

#[test]
fn garbage_is_an_error_with_the_files_name_and_not_zero() {
    for (path, text) in [
        ("sys/fs/cgroup/memory.max", "plenty"),
        ("sys/fs/cgroup/memory.max", ""),
        ("sys/fs/cgroup/cpu.max", "100000"),
        ("sys/fs/cgroup/cpu.max", "100000 0"),
        ("sys/fs/cgroup/cpuset.cpus.effective", "3-1"),
        ("proc/meminfo", "MemFree: 1 kB\n"),
    ] {
        let controllers = ("sys/fs/cgroup/cgroup.controllers", "memory\n");
        let root = host(&[("proc/self/cgroup", "0::/\n"), controllers, (path, text)]);
        let wrong = capacity(root.path(), None, Ceilings::default()).unwrap_err();
        assert!(
            wrong.to_string().contains(path.rsplit('/').next().unwrap()),
            "{wrong}"
        );
    }
}

#[test]
fn a_container_that_is_gone_is_an_error_and_not_its_parent() {
    let wrong = container_limits(v2_systemd().path(), Some(43)).unwrap_err();
    assert_eq!(wrong.kind(), io::ErrorKind::NotFound);
    let root = v1();
    write(root.path(), "proc/44/cgroup", "5:memory:/docker/gone\n");
    let wrong = container_limits(root.path(), Some(44)).unwrap_err();
    assert!(wrong.to_string().contains("docker/gone"), "{wrong}");
}

/// The six reference points, through the trees that a container sees.
#[test]
fn the_reference_points_hold_on_trees_of_both_versions() {
    use crate::api::Storage;
    use crate::tune::{Inputs, tune};
    for (mib, shared_buffers) in [
        (512, "128MB"),
        (1024, "256MB"),
        (2048, "512MB"),
        (4096, "1024MB"),
        (8192, "2048MB"),
        (65536, "9830MB"),
    ] {
        let limit = (mib * Bytes::MIB).to_string();
        let big = ("proc/meminfo", "MemTotal: 134217728 kB\n");
        let v1 = host(&[
            big,
            ("proc/self/cgroup", "5:memory:/docker/ab\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", limit.as_str()),
        ]);
        let v2 = host(&[
            big,
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/cgroup.controllers", "memory\n"),
            ("sys/fs/cgroup/memory.max", limit.as_str()),
        ]);
        for root in [v1, v2] {
            let seen = inside(&root);
            let inputs = Inputs {
                memory: seen.memory,
                cpus: seen.cpus,
                workload: None,
                storage: Storage::Ssd,
                shm: Some(Bytes::gib(1)),
                disk: None,
                preload: Vec::new(),
                cron_database: "postgres".into(),
            };
            assert_eq!(
                tune(&inputs).value("shared_buffers"),
                Some(shared_buffers),
                "{mib} MB"
            );
        }
    }
}

#[test]
fn a_number_that_no_kernel_writes_is_an_error_and_no_overflow() {
    for (path, text) in [
        ("proc/meminfo", "MemTotal: 18446744073709551615 kB\n"),
        ("sys/devices/system/cpu/online", "0-4294967295\n"),
        ("sys/devices/system/cpu/online", "0-4294967294,0-9\n"),
    ] {
        let root = host(&[(path, text)]);
        let wrong = host_capacity(root.path()).unwrap_err();
        assert!(
            wrong.to_string().contains("not what the kernel writes"),
            "{wrong}"
        );
    }
}
