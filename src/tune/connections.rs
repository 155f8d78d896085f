//! How many sessions the memory carries.
//!
//! `superuser_reserved_connections` stays at the server's 3, of the 25 connections that are always
//! there: one for the agent, one for its login probe, one for a person in need.

use super::because::{Input, Reason};
use super::profile::Profile;
use super::sizes::Sizes;
use super::{Inputs, TunedSetting};

/// Returns the settings of this room.
pub(super) fn settings(inputs: &Inputs, sizes: &Sizes) -> Vec<TunedSetting> {
    let base = Profile::of(inputs.workload).connections;
    let (name, chosen) = (Profile::of(inputs.workload).name, sizes.connections);
    let on = &[Input::Memory, Input::Workload];
    let because = if inputs.workload.is_none() {
        vec![Reason::of(
            on,
            "80 up to 512 MB, 120 below 4 GB, 200 from there",
        )]
    } else if chosen < base {
        vec![
            Reason::of(on, format!("{base} for {name}")),
            Reason::of(
                on,
                format!(
                    "lowered to {chosen} until the memory budget holds with 1 MB of work_mem; a pooler \
                     serves more clients than that"
                ),
            ),
        ]
    } else {
        vec![Reason::of(on, format!("{base} for {name}"))]
    };
    vec![
        TunedSetting::new("max_connections", chosen, because),
        TunedSetting::new(
            "listen_addresses",
            "*",
            vec![Reason::always(
                "the container's network decides who reaches it",
            )],
        ),
        TunedSetting::new(
            "password_encryption",
            "scram-sha-256",
            vec![Reason::always(
                "the only kind of password hash that is still safe",
            )],
        ),
    ]
}
