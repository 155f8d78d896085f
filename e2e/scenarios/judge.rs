//! What holds in every single pass, whatever happened before it. Each rule is read off what the pass saw,
//! planned and told, never off the code that decided it.

use aza_agent::api::desired::{DriftPolicy, RestartMode};
use aza_agent::api::setting::{Context, recorded};
use aza_agent::facts::Observation;
use aza_agent::plan::{Planned, Step};
use aza_agent::reconcile::{After, Before};

use crate::scene::tell_plan;

/// What is wrong with a pass, in words.
pub type Verdict = Result<(), String>;

/// Judges one pass by every rule.
pub fn judge(before: &Before, after: &After) -> Verdict {
    steps(after)?;
    permission(before, after)?;
    words(after)
}

/// A restart names a setting of postmaster context that differs, a recreate a field that differs, and no
/// step is taken on what could not be seen.
pub fn steps(after: &After) -> Verdict {
    let seen = &after.seen;
    let that = |holds: bool, rule: &str| {
        if holds {
            return Ok(());
        }
        Err(format!("{rule}:\n{}\n{seen:#?}", tell_plan(&after.plan)))
    };
    let steps = &after.plan.steps;
    let disruptive = steps.iter().filter(|p| disturbs(p)).count();
    that(disruptive <= 1, "more than one disruption in a pass")?;
    if seen.container.why_unknown().is_some() || seen.host.why_unknown().is_some() {
        that(after.plan.is_empty(), "a step on an unknown host")?;
    }
    for planned in steps {
        match &planned.step {
            Step::Create => {
                that(seen.container.is_absent(), "made beside a container")?;
                let alone = seen.strays.known().is_some_and(Vec::is_empty);
                that(alone, "made beside one of another name")?;
                startable(after)?;
            }
            Step::Start { .. } => startable(after)?,
            Step::Recreate {
                serving: false,
                because,
                ..
            } => {
                startable(after)?;
                because.iter().try_for_each(|why| differs(why))?;
            }
            Step::Restart { because, .. } => {
                that(seen.server.known().is_some(), "restarted a silent server")?;
                that(!because.is_empty(), "restarted without a reason")?;
                for why in because {
                    differs(why)?;
                    let name = why.split(' ').next().unwrap_or_default();
                    let context = recorded(name).map(|def| def.context);
                    let takes_it = context == Some(Context::Postmaster);
                    that(takes_it, "restarted for what takes no restart")?;
                }
            }
            Step::Recreate { because, .. } => {
                let sure = seen.server.known().is_some() && seen.image.known().is_some();
                that(sure, "recreated without having seen server and image")?;
                that(!because.is_empty(), "recreated without a reason")?;
                because.iter().try_for_each(|why| differs(why))?;
            }
            Step::SetLimits { .. } | Step::SetProcessLimit { .. } => {
                that(seen.limits.known().is_some(), "limits unseen")?
            }
            Step::Declare { .. } => {
                that(seen.declared.why_unknown().is_none(), "declared unseen")?;
            }
            Step::Rename { .. } => that(seen.container.is_absent(), "renamed onto another")?,
            Step::RemoveLeftover { container, .. } => {
                let found = seen
                    .strays
                    .known()
                    .and_then(|s| s.iter().find(|s| s.id == *container));
                that(
                    found.is_some_and(|s| !s.started),
                    "removed what had started",
                )?;
            }
            Step::Unpause { .. } | Step::Connect { .. } => {
                that(seen.container.known().is_some(), "an unseen container")?;
            }
            Step::RepairAutoConf { .. }
            | Step::SetPassword
            | Step::AlterSystem { .. }
            | Step::ResetSetting { .. }
            | Step::Reload { .. }
            | Step::CreateExtension { .. }
            | Step::UpdateExtension { .. }
            | Step::DropExtension { .. } => {
                let asked = matches!(seen.server, Observation::Known(_));
                that(asked, "SQL on a silent server")?;
            }
            Step::Prepare => {}
            Step::Stop { .. } | Step::Remove { .. } => that(false, "its manifest is there")?,
        }
    }
    Ok(())
}

/// Whether clients lose their connections by it.
pub fn disturbs(planned: &Planned) -> bool {
    matches!(planned.step, Step::Restart { .. } | Step::Recreate { .. })
}

/// A reason for a disruption is a difference: what it is, from what, to what.
fn differs(why: &str) -> Verdict {
    let (from, to) = why.split_once(" → ").unwrap_or((why, ""));
    let from = from.split_once(' ').map_or("", |(_, from)| from);
    if from.is_empty() || from == to {
        return Err(format!("`{why}` is no difference"));
    }
    Ok(())
}

/// Nothing is started before volume and port were seen to be free.
fn startable(after: &After) -> Verdict {
    let (volume, port) = (&after.seen.volume, &after.seen.port);
    if volume.why_unknown().is_some() || !port.is_absent() {
        return Err(format!("started beside {volume:?} and {port:?}"));
    }
    Ok(())
}

/// What the manifest lets happen: nothing while suspended, no disruption of a serving database outside
/// window and approval, no correction of drift that is only to be reported.
fn permission(before: &Before, after: &After) -> Verdict {
    let (desired, plan) = (&before.desired, &after.plan);
    let refuse = |rule: &str| Err(format!("{rule}:\n{}", tell_plan(plan)));
    if desired.suspend && !plan.is_empty() {
        return refuse("a step on a suspended stack");
    }
    let disturbed = plan.steps.iter().any(|planned| {
        matches!(
            planned.step,
            Step::Restart { .. } | Step::Recreate { serving: true, .. }
        )
    });
    let open = |w: &aza_agent::api::window::Window| w.is_open(after.seen.at);
    let allowed = match desired.restart.mode {
        RestartMode::Auto => true,
        RestartMode::Window => desired.restart.windows.iter().any(open),
        RestartMode::Manual => false,
    };
    if disturbed && !allowed && !before.approved {
        return refuse("a disruption that nobody allowed");
    }
    let synced = before
        .record
        .as_ref()
        .and_then(|r| r.synced_digest.as_ref());
    let reported = desired.drift == DriftPolicy::Report && synced == Some(&desired.digest);
    if reported && !before.approved && !plan.is_empty() {
        return refuse("a correction of drift that is only to be reported");
    }
    Ok(())
}

/// Every condition that is not as it should be says why, in words; so does everything that waits.
fn words(after: &After) -> Verdict {
    let said = |text: &str| text.split_whitespace().count() >= 3;
    for condition in &after.conditions {
        if condition.status == condition.kind.good() {
            continue;
        }
        if condition.reason.is_empty() || !said(&condition.message) {
            return Err(format!("says too little: {condition:?}"));
        }
    }
    match after.plan.waiting.iter().find(|w| !said(&w.message)) {
        Some(waiting) => Err(format!("says too little: {waiting:?}")),
        None => Ok(()),
    }
}
