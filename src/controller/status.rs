//! The status file: every stack that is looked after, and every manifest that is not in force.

use jiff::Timestamp;
use tracing::{info, warn};

use crate::api::StackName;
use crate::api::chain::in_words;
use crate::api::condition::{Condition, ConditionType, Truth};
use crate::api::status::{Metadata, StackStatus, Status, StatusFile};
use crate::store;

use super::Controller;
use super::tracked::Tracked;

impl Controller {
    pub(super) fn write_status_or_warn(&mut self) {
        // To compare the whole file after each glance would cost more than the glance.
        if !self.untold {
            return;
        }
        let written = self.write_status();
        self.untold = written.is_err();
        let failed_before = std::mem::replace(&mut self.status_fails, written.is_err());
        match written {
            Err(error) if !failed_before => {
                warn!(error = in_words(&error), "cannot write the status");
            }
            Ok(()) if failed_before => info!("the status is written again"),
            Ok(()) | Err(_) => {}
        }
    }

    pub(super) fn write_status(&mut self) -> Result<(), store::StoreError> {
        let mut items: Vec<StackStatus> = self.stacks.values().map(Tracked::item).collect();
        let never_valid = self
            .intake
            .stacks
            .iter()
            .filter(|(name, _)| !self.stacks.contains_key(*name));
        let changed_at = self.agent.started_at;
        items.extend(never_valid.filter_map(|(name, verdict)| {
            verdict
                .as_ref()
                .err()
                .map(|why| refused(name, why, changed_at))
        }));
        items.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        let status = StatusFile {
            agent: Some(self.agent.clone()),
            items,
            rejected: self.intake.rejected.clone(),
        };
        self.systemd.tell(&status);
        if self.written.as_ref() != Some(&status) {
            store::status::save(&self.options.layout, &status)?;
            self.written = Some(status);
        }
        Ok(())
    }
}

/// A stack whose manifest was never valid: nothing of it exists, and it is told all the same.
fn refused(name: &StackName, why: &str, since: Timestamp) -> StackStatus {
    let condition = |kind, message: String| Condition {
        kind,
        status: Truth::False,
        reason: "Invalid".to_owned(),
        message,
        last_transition_time: since,
        observed_digest: String::new(),
    };
    let conditions = vec![
        condition(ConditionType::Ready, format!("Accepted: {why}")),
        condition(ConditionType::Accepted, why.to_owned()),
    ];
    let status = Status {
        conditions,
        observed_digest: String::new(),
        manifest: String::new(),
        container: None,
        endpoint: String::new(),
        waiting: Vec::new(),
        first_look_at: None,
        changed_at: since,
        events: Vec::new(),
    };
    StackStatus {
        metadata: Metadata {
            name: name.to_string(),
        },
        status,
    }
}
