//! The real world of a pass, made of eyes and hands.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use tracing::{info, warn};

use crate::act::{ActError, Hands};
use crate::api::SettingName;
use crate::api::chain::in_words;
use crate::api::desired::Desired;
use crate::facts::{Observed, Record};
use crate::host::layout::Layout;
use crate::observe::Eyes;
use crate::plan::Step;
use crate::reconcile::{StepError, World};
use crate::store;

/// The engine and the servers of this host.
#[derive(Clone)]
pub struct Live {
    /// What looks.
    pub eyes: Eyes,
    /// What acts.
    pub hands: Hands,
    /// Where things are remembered.
    pub layout: Layout,
    /// Set when the agent is to end.
    pub stopping: Arc<AtomicBool>,
    /// Set while nothing can be remembered: told once, and not in every pass.
    pub forgetful: Arc<AtomicBool>,
}

impl World for Live {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn look(&mut self, desired: &Desired, settings: &BTreeSet<SettingName>) -> Observed {
        self.eyes.look(desired, settings).await
    }

    async fn glance(&mut self, desired: &Desired) -> bool {
        self.eyes.glance(desired).await
    }

    async fn perform(&mut self, desired: &Desired, step: &Step) -> Result<(), StepError> {
        let stack = desired.name.as_str();
        info!(stack, step = step.verb(), what = %step, "begins");
        match self.hands.perform(desired, step).await {
            Ok(()) => {
                info!(stack, step = step.verb(), "done");
                Ok(())
            }
            Err(error) => {
                let words = in_words(&error);
                warn!(
                    stack,
                    step = step.verb(),
                    category = error.category(),
                    error = words,
                    "failed"
                );
                let refused = matches!(error, ActError::Refused { .. });
                Err(StepError { words, refused })
            }
        }
    }

    fn remember(&mut self, desired: &Desired, record: &Record) -> Result<(), String> {
        let kept = store::stacks::keep_record(&self.layout, &desired.name, record);
        let stack = desired.name.as_str();
        let was_forgetful = self.forgetful.swap(kept.is_err(), Ordering::Relaxed);
        if kept.is_ok() && was_forgetful {
            info!(stack, "can remember again");
        }
        kept.map_err(|e| {
            let words = in_words(&e);
            if !was_forgetful {
                warn!(
                    stack,
                    error = words,
                    "cannot remember: nothing disruptive begins"
                );
            }
            words
        })
    }

    fn take_approval(&mut self, desired: &Desired) -> Result<(), String> {
        store::requests::take(&self.layout, &desired.name).map_err(|e| in_words(&e))
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}
