//! What a production server does otherwise than the defaults: vacuum earlier, plan for its load,
//! and say in the log what an operator will ask.

use super::because::{Input, Reason};
use super::profile::Profile;
use super::{Inputs, TunedSetting};

/// Returns the settings of this room.
pub(super) fn settings(inputs: &Inputs) -> Vec<TunedSetting> {
    let profile = Profile::of(inputs.workload);
    let on = &[Input::Workload];
    let fixed =
        |name, value: &str, why: &str| TunedSetting::new(name, value, vec![Reason::always(why)]);
    let by_load =
        |name, value: &str, why: &str| TunedSetting::new(name, value, vec![Reason::of(on, why)]);
    let mut settings = vec![
        fixed(
            "autovacuum_vacuum_scale_factor",
            "0.1",
            "a table is cleaned when a tenth of it is dead, half the bloat of the default",
        ),
        fixed(
            "autovacuum_analyze_scale_factor",
            "0.05",
            "statistics follow the data twice as closely as by default",
        ),
        by_load(
            "default_statistics_target",
            profile.statistics,
            "large scans repay a finer look at each column; short statements do not repay the planning",
        ),
        by_load(
            "jit",
            if profile.jit { "on" } else { "off" },
            "compiling takes longer than a short statement runs; it pays for large scans",
        ),
        fixed(
            "log_line_prefix",
            "%m [%p] %q%u@%d/%a ",
            "who and where, for every line of a session",
        ),
        fixed(
            "log_lock_waits",
            "on",
            "a wait longer than deadlock_timeout names who blocks whom",
        ),
        fixed(
            "log_temp_files",
            "64MB",
            "a statement that spills this much wants an index or more work_mem",
        ),
        fixed(
            "log_autovacuum_min_duration",
            "10s",
            "shows which tables keep autovacuum busy",
        ),
    ];
    if !inputs
        .preload
        .iter()
        .any(|library| library == "auto_explain")
    {
        settings.push(by_load(
            "log_min_duration_statement",
            profile.slow,
            "slow enough for this load that somebody will ask for it",
        ));
    }
    settings
}
