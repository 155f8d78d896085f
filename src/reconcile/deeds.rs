//! The steps of a plan, done in order. What disturbs is written down before it begins.

use crate::api::Disruption;
use crate::api::desired::Desired;
use crate::facts::{Observed, Record};
use crate::plan::{self, Plan, Planned, Step};
use crate::report::Outcome;

use super::World;
use super::memory::{note, note_refusal};

/// Does the steps in order. The first failure ends the pass, and so does a signal to end.
pub(super) async fn act(
    world: &mut impl World,
    desired: &Desired,
    seen: &Observed,
    plan: &Plan,
    record: &mut Record,
    approved: bool,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for Planned {
        step,
        disruption,
        reason,
    } in &plan.steps
    {
        if world.is_stopping() {
            break;
        }
        let begun = if *disruption >= Disruption::Restart {
            let recreate = *disruption >= Disruption::Recreate;
            record.begun_on = plan::restart::evidence(seen, recreate);
            begin(world, desired, step, record, approved)
        } else {
            Ok(())
        };
        let result = match begun {
            Ok(()) => world.perform(desired, step).await,
            Err(error) => Err(error.into()),
        };
        let failed = result.is_err();
        match &result {
            Ok(()) => note(record, step),
            Err(error) if error.refused => note_refusal(record, step, seen, error),
            Err(_) => {}
        }
        let _ = world.remember(desired, record);
        let result = result.map_err(|error| error.words);
        outcomes.push(Outcome {
            step: step.clone(),
            reason: reason.clone(),
            result,
        });
        if failed {
            break;
        }
    }
    outcomes
}

/// Writes down that a disruptive step begins, so that a crash in it is known and it is not repeated.
fn begin(
    world: &mut impl World,
    desired: &Desired,
    step: &Step,
    record: &mut Record,
    approved: bool,
) -> Result<(), String> {
    match step {
        Step::Restart { because, .. } => record.last_restart = Some(because.join("; ")),
        Step::Recreate { because, .. } => record.last_recreate = Some(because.join("; ")),
        Step::Prepare
        | Step::Declare { .. }
        | Step::Create
        | Step::Rename { .. }
        | Step::RemoveLeftover { .. }
        | Step::Unpause { .. }
        | Step::Connect { .. }
        | Step::RepairAutoConf { .. }
        | Step::SetPassword
        | Step::Start { .. }
        | Step::SetLimits { .. }
        | Step::SetProcessLimit { .. }
        | Step::AlterSystem { .. }
        | Step::ResetSetting { .. }
        | Step::Reload { .. }
        | Step::CreateExtension { .. }
        | Step::UpdateExtension { .. }
        | Step::DropExtension { .. }
        | Step::Stop { .. }
        | Step::Remove { .. } => {}
    }
    record.journal = Some(step.to_string());
    world.remember(desired, record)?;
    if approved {
        world.take_approval(desired)
    } else {
        Ok(())
    }
}
