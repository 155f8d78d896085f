//! `SecretsInSync`: whether who reads the password file gets in with it.

use crate::api::condition::{ConditionType, Finding, Truth};
use crate::facts::Observation;

use super::{Told, changing, failed, failure_message, finding, server};

pub(super) fn secrets(told: &Told<'_>) -> Finding {
    let kind = ConditionType::SecretsInSync;
    if let Some(outcome) = failed(told, &["set password"]) {
        return finding(kind, Truth::False, "StepFailed", failure_message(outcome));
    }
    let server = match server(told, kind) {
        Ok(server) => server,
        Err(unknown) => return unknown,
    };
    match &server.password_holds {
        Observation::Known(true) => {
            let message = "the superuser's password is the one in its file";
            finding(kind, Truth::True, "AsDeclared", message)
        }
        Observation::Known(false) => {
            let message = "the superuser's password is not the one in its file";
            finding(kind, Truth::False, changing(told), message)
        }
        Observation::Absent => {
            let message =
                "no file holds the superuser's password: name one under spec.secrets.superuser";
            finding(kind, Truth::Unknown, "NoFile", message)
        }
        Observation::Unknown { why } => finding(kind, Truth::Unknown, "NotCompared", why.clone()),
    }
}
