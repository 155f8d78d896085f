//! WAL and checkpoints: how much may lie between two checkpoints, and how it is compressed.
//!
//! Sizes are powers of two of the file system's size, so that a disk a little larger changes
//! nothing. Not here: `wal_buffers` (the server's own choice is a whole segment from 512 MB of
//! shared buffers on) and
//! `wal_level` (`replica` already serves backups and standbys).

use crate::api::Bytes;

use super::because::{Input, Reason};
use super::profile::Profile;
use super::{Inputs, TunedSetting};

/// What an unknown disk is taken for, in MB.
const DISK_UNKNOWN: u64 = 32 << 10;
/// Sixteen segments: less would checkpoint all the time.
const MAX_WAL_SIZE_MIN: u64 = 256;

/// Returns the settings of this room.
pub(super) fn settings(inputs: &Inputs) -> Vec<TunedSetting> {
    let profile = Profile::of(inputs.workload);
    let max = max_wal_size(inputs, &profile);
    let on = &[Input::Workload, Input::Disk];
    let disk = match inputs.disk {
        Some(disk) => format!("an eighth of the {} MB file system", disk.as_mib()),
        None => "4 GB, as the size of the file system is not known".into(),
    };
    let mut settings = vec![
        TunedSetting::new(
            "max_wal_size",
            format!("{max}MB"),
            vec![Reason::of(
                on,
                format!(
                    "{} MB for {}, at most {disk}: the more between checkpoints, the fewer full page \
                     images and the longer a crash recovery",
                    profile.max_wal_size, profile.name
                ),
            )],
        ),
        TunedSetting::new(
            "min_wal_size",
            format!("{}MB", max / 4),
            vec![Reason::of(
                on,
                "a quarter of max_wal_size is kept for reuse",
            )],
        ),
        TunedSetting::new(
            "checkpoint_timeout",
            profile.checkpoint_timeout,
            vec![Reason::of(
                &[Input::Workload],
                "each checkpoint makes the next change of every page write it whole; max_wal_size bounds \
                 the recovery",
            )],
        ),
        TunedSetting::new(
            "checkpoint_completion_target",
            "0.9",
            vec![Reason::always(
                "writes spread over most of the time there is",
            )],
        ),
        TunedSetting::new(
            "wal_compression",
            "lz4",
            vec![Reason::always(
                "full page images shrink to a fraction for little CPU time",
            )],
        ),
    ];
    if let Some(disk) = inputs.disk {
        let keep = power_of_two_in(disk.as_mib() / 4).max(max);
        settings.push(TunedSetting::new(
            "max_slot_wal_keep_size",
            format!("{keep}MB"),
            vec![Reason::of(
                &[Input::Disk],
                format!(
                    "at most a quarter of the {} MB file system: an abandoned replication slot must not \
                     fill the disk",
                    disk.as_mib()
                ),
            )],
        ));
    }
    settings
}

/// `max_wal_size`, in MB.
fn max_wal_size(inputs: &Inputs, profile: &Profile) -> u64 {
    let disk = inputs.disk.map_or(DISK_UNKNOWN, Bytes::as_mib);
    profile
        .max_wal_size
        .min(power_of_two_in(disk / 8))
        .max(MAX_WAL_SIZE_MIN)
}

/// Returns the largest power of two that is not above `n`, or 1; never more than the server takes.
fn power_of_two_in(n: u64) -> u64 {
    1 << n.clamp(1, 1 << 30).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Workload;
    use crate::tune::tests::machine;
    use crate::tune::tune;

    fn wal(workload: Option<Workload>, disk_gib: Option<u64>) -> (String, String) {
        let tuning = tune(&Inputs {
            workload,
            disk: disk_gib.map(Bytes::gib),
            ..machine()
        });
        let of = |name| tuning.value(name).unwrap_or("-").to_owned();
        (of("max_wal_size"), of("max_slot_wal_keep_size"))
    }

    #[test]
    fn wal_follows_the_workload_and_stops_at_an_eighth_of_the_disk() {
        for (workload, disk, max, keep) in [
            (None, None, "4096MB", "-"),
            (Some(Workload::Dw), Some(1000), "16384MB", "131072MB"),
            (Some(Workload::Oltp), Some(40), "4096MB", "8192MB"),
            (Some(Workload::Web), Some(10), "1024MB", "2048MB"),
            (Some(Workload::Web), Some(1), "256MB", "256MB"),
        ] {
            assert_eq!(
                wal(workload, disk),
                (max.into(), keep.into()),
                "{workload:?} {disk:?}"
            );
        }
    }

    #[test]
    fn a_slightly_larger_disk_changes_nothing() {
        assert_eq!(wal(None, Some(70)), wal(None, Some(100)));
    }
}
