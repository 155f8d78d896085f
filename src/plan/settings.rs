//! Lines in `postgresql.auto.conf`, one reload, then extensions.

use crate::api::setting::Context;
use crate::diff::extensions::ExtensionWant;
use crate::diff::settings::{Correction, list_items};
use crate::diff::{Drifts, ExtensionDrift, Hold, SettingDrift};
use crate::facts::Server;
use crate::facts::settings::Pin;

use super::{Plan, Step};

/// Plans what a running server can be brought to without a restart.
pub fn adjust(drifts: &Drifts, server: &Server, plan: &mut Plan) {
    lines(&drifts.settings, server, plan);
    if !server.in_recovery {
        drifts
            .extensions
            .iter()
            .for_each(|drift| extension(drift, plan));
    }
}

fn lines(drifts: &[SettingDrift], server: &Server, plan: &mut Plan) {
    let mut reload = Vec::new();
    let mut wrote = false;
    for drift in drifts {
        if let Some(hold) = drift.hold {
            let message = format!(
                "{} stays {} instead of {}: {}{}",
                drift.name,
                drift.running,
                drift.wanted,
                lacking(drift, server),
                drift.help(hold)
            );
            plan.wait(hold.reason(), message);
            if !matches!(hold, Hold::Pinned(Pin::RoleOrDatabase)) {
                continue;
            }
        }
        let (name, from, to) = (
            drift.name.clone(),
            drift.running.clone(),
            drift.wanted.clone(),
        );
        match &drift.correction {
            Correction::Keep => {}
            Correction::Set(value) => {
                wrote = true;
                let step = Step::AlterSystem {
                    name,
                    from,
                    to,
                    value: value.clone(),
                };
                plan.push(step, set_reason(drift));
            }
            Correction::Reset => {
                wrote = true;
                plan.push(
                    Step::ResetSetting { name, from, to },
                    "the other files say what is wanted",
                );
            }
        }
        if drift.hold.is_none() && drift.takes.is_some_and(by_reload) {
            reload.push((drift.name.clone(), drift.wanted.clone()));
        }
    }
    if wrote || !reload.is_empty() {
        let reason = match reload.len() {
            0 => "the files have changed, and no running value with them".to_owned(),
            1 => "one setting becomes effective by it".to_owned(),
            n => format!("{n} settings become effective by it"),
        };
        plan.push(Step::Reload { expect: reload }, reason);
    }
}

/// Names the libraries that keep a preload list from being written.
fn lacking(drift: &SettingDrift, server: &Server) -> String {
    if drift.hold != Some(Hold::LibraryMissing) {
        return String::new();
    }
    let wanted = list_items(&drift.wanted);
    let missing = wanted.iter().filter(|l| !server.libraries.contains(l));
    let names: Vec<String> = missing.map(|l| format!("`{l}`")).collect();
    format!("{} missing; ", names.join(", "))
}

fn set_reason(drift: &SettingDrift) -> &'static str {
    match drift.takes {
        None => "the wanted value already runs, and must survive the next start",
        Some(Context::Postmaster) => "it becomes effective with a restart",
        Some(
            Context::Internal
            | Context::Sighup
            | Context::SuperuserBackend
            | Context::Backend
            | Context::Superuser
            | Context::User,
        ) => "it becomes effective with a reload",
    }
}

fn by_reload(context: Context) -> bool {
    match context {
        Context::Internal | Context::Postmaster => false,
        Context::Sighup
        | Context::SuperuserBackend
        | Context::Backend
        | Context::Superuser
        | Context::User => true,
    }
}

fn extension(drift: &ExtensionDrift, plan: &mut Plan) {
    let (name, database) = (drift.name.clone(), drift.database.clone());
    match &drift.want {
        ExtensionWant::Create { version } => {
            let step = Step::CreateExtension {
                name,
                database,
                version: version.clone(),
            };
            plan.push(step, "the manifest wants it and it is not there");
        }
        ExtensionWant::Update { from, to } => {
            let step = Step::UpdateExtension {
                name,
                database,
                from: from.clone(),
                to: to.clone(),
            };
            plan.push(step, "the manifest names another version");
        }
        ExtensionWant::Drop { from } => {
            let step = Step::DropExtension {
                name,
                database,
                from: from.clone(),
            };
            plan.push(step, "the manifest says `ensure: absent`");
        }
        ExtensionWant::Blocked { reason, message } => {
            plan.wait(
                reason,
                format!("extension {name} in database {database}: {message}"),
            );
        }
    }
}
