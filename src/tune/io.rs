//! What a read costs on this storage, and how many may be under way.

use crate::api::Storage;

use super::because::{Input, Reason};
use super::{Inputs, TunedSetting};

/// Returns the settings of this room.
pub(super) fn settings(inputs: &Inputs) -> Vec<TunedSetting> {
    let (page_cost, why_cost, concurrency, why_concurrency) = match inputs.storage {
        Storage::Ssd => (
            "1.1",
            "flash reads anywhere at nearly the same cost",
            "64",
            "16, 64 and 200 could not be told apart, 1 was 3 times slower, 1000 slower too",
        ),
        Storage::San => (
            "1.1",
            "a storage network hides where the data lies",
            "64",
            "deep queues hide the network's latency",
        ),
        Storage::Hdd => (
            "4",
            "the head has to move: the server's default was made for this",
            "16",
            "the server's default; the disk sorts what waits",
        ),
    };
    let on = &[Input::Storage];
    let cost_limit = match inputs.storage {
        Storage::Ssd | Storage::San => "1000",
        Storage::Hdd => "200",
    };
    vec![
        TunedSetting::new(
            "random_page_cost",
            page_cost,
            vec![Reason::of(on, why_cost)],
        ),
        TunedSetting::new(
            "effective_io_concurrency",
            concurrency,
            vec![Reason::of(on, why_concurrency)],
        ),
        TunedSetting::new(
            "maintenance_io_concurrency",
            concurrency,
            vec![Reason::of(on, "as effective_io_concurrency")],
        ),
        TunedSetting::new(
            "io_method",
            "worker",
            vec![Reason::always(
                "io_uring does not start under Docker's seccomp profile",
            )],
        ),
        TunedSetting::new(
            "autovacuum_vacuum_cost_limit",
            cost_limit,
            vec![Reason::of(
                on,
                "what all workers together may do between two naps of 2 ms: 200 suits a spinning disk, \
                 anything faster takes five times that",
            )],
        ),
    ]
}
