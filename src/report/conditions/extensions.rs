//! `ExtensionsReady`: the extensions that the manifest names.

use crate::api::condition::{ConditionType, Finding, Truth};
use crate::diff::extensions::ExtensionWant;

use super::{Told, changing, failed, failure_message, finding, not_compared, server};

pub(super) fn extensions(told: &Told<'_>) -> Finding {
    let kind = ConditionType::ExtensionsReady;
    if let Err(unknown) = server(told, kind) {
        return unknown;
    }
    if let Some(outcome) = failed(
        told,
        &["create extension", "update extension", "drop extension"],
    ) {
        return finding(kind, Truth::False, "StepFailed", failure_message(outcome));
    }
    if let Some(unknown) = not_compared(told, kind) {
        return unknown;
    }
    let Some(first) = told.drifts.extensions.first() else {
        let message = match told.desired.extensions.len() {
            0 => "the manifest asks for none".to_owned(),
            1 => "the one that the manifest names is as wanted".to_owned(),
            n => format!("all {n} that the manifest names are as wanted"),
        };
        return finding(kind, Truth::True, "AsDeclared", message);
    };
    let blocked = told.drifts.extensions.iter().find_map(|d| match &d.want {
        ExtensionWant::Blocked { reason, message } => Some((d, *reason, message)),
        ExtensionWant::Create { .. }
        | ExtensionWant::Update { .. }
        | ExtensionWant::Drop { .. } => None,
    });
    match blocked {
        Some((drift, "Unknown", message)) => finding(
            kind,
            Truth::Unknown,
            "Unknown",
            format!("{}: {message}", drift.name),
        ),
        Some((drift, reason, message)) => finding(
            kind,
            Truth::False,
            reason,
            format!("{}: {message}", drift.name),
        ),
        None => {
            let message = format!(
                "{} in database {} is not as wanted yet",
                first.name, first.database
            );
            finding(kind, Truth::False, changing(told), message)
        }
    }
}
