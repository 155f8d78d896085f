//! The preload list, and what its libraries need. A setting of a library that is not loaded is
//! never written: the server would take it unseen and drop it with a warning.

use super::because::{Input, Reason};
use super::profile::Profile;
use super::{Inputs, TunedSetting};

/// Returns the settings of this room.
pub(super) fn settings(inputs: &Inputs) -> Vec<TunedSetting> {
    let mut settings = vec![TunedSetting::new(
        "shared_preload_libraries",
        inputs.preload.join(","),
        vec![Reason::of(
            &[Input::Preload],
            "the preload list, in its order",
        )],
    )];
    for library in &inputs.preload {
        settings.extend(match library.as_str() {
            "pg_cron" => pg_cron(inputs),
            "pgaudit" => vec![of(
                "pgaudit.log",
                "ddl,role",
                "who changed the schema or the roles; more would bury it",
            )],
            "pg_stat_statements" => vec![of(
                "pg_stat_statements.track",
                "all",
                "statements inside functions count too: that is where their time goes",
            )],
            "auto_explain" => vec![TunedSetting::new(
                "auto_explain.log_min_duration",
                Profile::of(inputs.workload).slow,
                vec![Reason::of(
                    &[Input::Preload, Input::Workload],
                    "a slow statement is logged with its plan, in the place of log_min_duration_statement",
                )],
            )],
            "timescaledb" => vec![of(
                "timescaledb.max_background_workers",
                "8",
                "as many as max_worker_processes has slots for it",
            )],
            _ => Vec::new(), // The others do well with their defaults.
        });
    }
    settings
}

fn pg_cron(inputs: &Inputs) -> Vec<TunedSetting> {
    vec![
        TunedSetting::new(
            "cron.database_name",
            &inputs.cron_database,
            vec![Reason::of(
                &[Input::CronDatabase],
                "where its jobs are kept",
            )],
        ),
        of(
            "cron.use_background_workers",
            "on",
            "its own way in is a connection to localhost, which needs a password",
        ),
        of(
            "cron.max_running_jobs",
            "4",
            "of the six worker slots that parallel queries leave free, two belong to launchers",
        ),
    ]
}

fn of(name: &'static str, value: &str, why: &str) -> TunedSetting {
    TunedSetting::new(name, value, vec![Reason::of(&[Input::Preload], why)])
}
