//! A day of one stack: the agent on its own clock, what happens to it, and the judge in every pass.
//!
//! The clock is the controller's: at once after a deed, a growing wait after a failure, the resync time
//! with its jitter where nothing is to do, and at once when Docker tells of something. A pass over a quiet
//! stack that nobody touched is left out: the two before it are the same, it writes nothing, and only
//! windows, which begin and end at whole hours here, depend on the time; so one is made in every hour. Its place in time and its
//! jitter are drawn all the same, so that a day with every pass made is the same day, to the millisecond.

use aza_agent::api::SettingName;
use aza_agent::api::condition::{Condition, ConditionType};
use aza_agent::api::desired::Desired;
use aza_agent::api::event::Event;
use aza_agent::facts::{ContainerState, Observed, Record};
use aza_agent::plan::Step;
use aza_agent::reconcile::{After, Before, Next, Rest, StepError, World, pass, requeue};
use aza_agent::sim::agent::at_once;
use aza_agent::sim::{Agent, Host, Volume};
use jiff::{SignedDuration, Timestamp};

use super::chance::Chance;
use super::fault::{Does, Fault, Schedule};
use crate::judge::{Verdict, judge};

/// How long after the last fault everything may take: the longest wait after a failure with its jitter is
/// a minute and a half, and a pass or two follow it.
const CONVERGES_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// How long systemd waits before it starts a killed agent again.
const RESTARTS_AFTER: SignedDuration = SignedDuration::from_secs(2);
/// One event of Docker in so many is lost.
const LOST: u64 = 10;
/// One fault of a host in so many happens in the middle of a pass.
const IN_THE_MIDDLE: u64 = 5;
/// No window begins or ends in between.
const HOUR: i64 = 60 * 60;
/// Passes in a row after which a quiet stack is known to be quiet.
const KNOWN_QUIET: u32 = 2;

/// What may stand between a stack that is left alone and Ready.
const STATED: [&str; 5] = [
    "WindowClosed",
    "ApprovalNeeded",
    "NotPreloaded",
    "ForeignLine",
    "DriftReported",
];

/// The day.
pub struct Day {
    pub host: Host,
    agent: Agent,
    /// What the agent's process holds in memory.
    memory: Option<Record>,
    /// What its status file says.
    status_file: (Vec<Condition>, Vec<Event>),
    /// What the directory of manifests says.
    directory: Result<Desired, String>,
    chance: Chance,
    begins: Timestamp,
    /// When the next pass is due; `None` while no agent runs.
    due: Option<Timestamp>,
    backoff: SignedDuration,
    /// What the last pass came to, as long as a glance is enough to know that it holds.
    rest: Option<Rest>,
    /// When the last look was, whether made or left out.
    looked_at: Timestamp,
    /// The last look that was left out, until it is made up for.
    left_out: Option<Timestamp>,
    doomed: bool,
    /// What happens in the middle of the next pass, and after how many steps.
    meanwhile: Option<(u32, Fault)>,
    /// The identity and the rows of what users stored.
    stored: Option<(String, u64)>,
    /// The volume, while somebody has it elsewhere.
    cellar: Option<Volume>,
    quiet: u32,
    /// Whether a glance has shown everything as it was since somebody touched anything.
    glanced: bool,
    waits_until: Option<Timestamp>,
    /// From when on nothing is left to do.
    calm_from: Timestamp,
    leaves_out: bool,
    /// What happened, line by line.
    pub story: Vec<String>,
    /// How many passes were made.
    pub passes: u64,
}

impl Day {
    /// A day on an empty host. `leaves_out` says whether quiet passes are.
    pub fn new(host: Host, first: Desired, chance: Chance, leaves_out: bool) -> Self {
        let begins = host.now;
        Self {
            host,
            agent: Agent::new(first.clone()),
            memory: None,
            status_file: (Vec::new(), Vec::new()),
            directory: Ok(first),
            chance,
            begins,
            due: Some(begins),
            backoff: duration(requeue::FIRST_BACKOFF),
            rest: None,
            looked_at: begins,
            left_out: None,
            doomed: false,
            meanwhile: None,
            stored: None,
            cellar: None,
            quiet: 0,
            glanced: false,
            waits_until: None,
            calm_from: Timestamp::MAX,
            leaves_out,
            story: Vec::new(),
            passes: 0,
        }
    }

    /// Lets the day go by. After the last fault everything has to come to rest, and to stay so.
    pub fn passes_by(&mut self, schedule: Schedule, length: SignedDuration) -> Verdict {
        let ends = self.begins + length;
        let last = schedule
            .last()
            .map_or(self.begins, |(at, ..)| self.begins + *at);
        let mut schedule = schedule.into_iter().peekable();
        loop {
            let fault_at = schedule.peek().map(|(at, ..)| self.begins + *at);
            let next = fault_at.into_iter().chain(self.due).min();
            let Some(next) = next.filter(|next| *next < ends) else {
                break;
            };
            if fault_at != Some(next) && self.may_be_left_out(next) {
                self.leave_out(next);
                continue;
            }
            self.make_up()?;
            self.host.now = self.host.now.max(next);
            if fault_at == Some(next) {
                let (_, _, fault) = schedule.next().expect("it was there");
                self.happens(fault)?;
                if next == last && schedule.peek().is_none() {
                    self.calms_down();
                }
            } else {
                self.pass()?;
            }
        }
        self.is_well()
    }

    fn happens(&mut self, fault: Fault) -> Verdict {
        self.what_was_put_off();
        let of_host = matches!(fault.does, Does::Host(_));
        if of_host && self.due.is_some() && self.chance.one_in(IN_THE_MIDDLE) {
            let after = u32::try_from(self.chance.below(4)).expect("small");
            self.meanwhile = Some((after, fault));
            (self.quiet, self.glanced) = (0, false);
            return Ok(());
        }
        self.tell(&format!("* {}", fault.words));
        self.does(fault);
        self.keeps_the_data()
    }

    fn does(&mut self, fault: Fault) {
        match fault.does {
            Does::Host(does) => does(&mut self.host),
            Does::Agent(does) => does(self),
        }
        (self.quiet, self.glanced) = (0, false);
        self.rows_stored();
        let hears = !self.host.blind.contains(&aza_agent::sim::Sight::Docker);
        if fault.is_heard && hears && !self.chance.one_in(LOST) {
            self.wake();
        }
    }

    /// No pass came in whose middle it could happen.
    fn what_was_put_off(&mut self) {
        if let Some((_, fault)) = self.meanwhile.take() {
            self.tell(&format!("* {}", fault.words));
            self.does(fault);
        }
    }

    fn wake(&mut self) {
        self.rest = None;
        self.glanced = false;
        self.due = self.due.map(|due| due.min(self.host.now));
    }

    /// From now on nobody touches anything.
    fn calms_down(&mut self) {
        self.what_was_put_off();
        // What was to be repaired while the volume was away.
        self.host.repair_conf("db");
        self.host.reset_pins("db");
        self.host.revive_agent();
        self.doomed = false;
        self.calm_from = self.host.now + CONVERGES_WITHIN;
        self.tell("* everybody goes home");
    }

    fn may_be_left_out(&self, at: Timestamp) -> bool {
        let hour = |t: Timestamp| t.as_second().div_euclid(HOUR);
        let before = at - duration(requeue::RESYNC);
        // The next glance shows what the one before it did, until the look is old.
        let fresh = at.duration_since(self.looked_at) < duration(requeue::LOOK_COUNTS);
        self.leaves_out
            && (self.quiet >= KNOWN_QUIET || self.glanced && fresh)
            && !self.doomed
            && hour(before) == hour(at)
            && self.waits_until.is_none_or(|until| at < until)
    }

    /// A pass that would find nothing. Where the last look is old by then, it would have been a look.
    fn leave_out(&mut self, at: Timestamp) {
        let age = at.duration_since(self.looked_at);
        if self.rest.is_some() && age >= duration(requeue::LOOK_COUNTS) {
            self.looked_at = at;
            self.left_out = Some(at);
        }
        self.due = Some(at + self.resync());
    }

    /// Makes the last look that was left out, at its own time: it does nothing, and glances rest on it.
    fn make_up(&mut self) -> Verdict {
        let Some(at) = self.left_out.take() else {
            return Ok(());
        };
        let now = std::mem::replace(&mut self.host.now, at);
        let before = Before {
            record: self.memory.clone(),
            ..self.agent.before(&self.host)
        };
        let after = at_once(pass(&mut self.host, before));
        // A window that closed since is told in other words.
        self.tells_of(&after, None);
        self.agent.absorb(&after);
        self.host.now = now;
        self.rest = after.rest();
        if self.memory.as_ref() == Some(&after.record) && after.plan.is_empty() {
            return Ok(());
        }
        Err(format!(
            "a look that was left out would have found {after:#?}"
        ))
    }

    /// Whether a glance shows everything as it was.
    fn rests(&mut self) -> bool {
        let Some(rest) = self.rest.filter(|_| !self.host.approvals.contains("db")) else {
            return false;
        };
        let goes_on = at_once(rest.goes_on(&mut self.host, &self.agent.desired));
        self.rest = self.rest.filter(|_| goes_on);
        goes_on
    }

    fn pass(&mut self) -> Verdict {
        self.passes += 1;
        if self.rests() {
            // Glances miss what nobody reloaded: after a touch it takes a look to know that all is quiet.
            self.quiet += u32::from(self.quiet > 0);
            self.glanced = true;
            let next = self.host.now + self.resync();
            self.due = self.waits_until.into_iter().chain([next]).min();
            self.what_was_put_off();
            return Ok(());
        }
        match &self.directory {
            Ok(desired) => {
                self.agent.desired.clone_from(desired);
                self.agent.rejected = None;
            }
            Err(why) => self.agent.rejected = Some(why.clone()),
        }
        let before = Before {
            record: self.memory.clone(),
            ..self.agent.before(&self.host)
        };
        let container = identity(&self.host);
        let mut world = Interrupted {
            host: &mut self.host,
            meanwhile: self.meanwhile.take(),
            told: None,
        };
        let after = at_once(pass(&mut world, before.clone()));
        let (left, told) = (world.meanwhile, world.told);
        let interrupted = told.is_some();
        let became = identity(&self.host);
        self.tells_of(&after, told.as_deref());
        if self.host.agent_is_dead() {
            self.tell("* the agent is killed in its tracks");
            self.is_killed();
        } else {
            self.agent.absorb(&after);
            if !self.host.state_is_full {
                self.status_file = (after.conditions.clone(), after.events.clone());
            }
            self.goes_on(&before, &after);
            self.memory = Some(after.record.clone());
        }
        if let Some((_, fault)) = left {
            self.tell(&format!("* {}", fault.words));
            self.does(fault);
        } else if interrupted {
            // Docker told of it, or the next look finds it.
            (self.quiet, self.glanced) = (0, false);
            self.rows_stored();
        }
        judge(&before, &after)?;
        if !interrupted {
            touched_only_what_was_planned(&container, &became, &after)?;
        }
        self.keeps_the_data()?;
        self.stays_calm(&after)
    }

    /// Sets the time of the next pass as the controller does.
    fn goes_on(&mut self, before: &Before, after: &After) {
        let same = before.record.as_ref() == Some(&after.record)
            && before.conditions == after.conditions
            && before.events == after.events;
        let is_quiet = matches!(after.next, Next::Quiet(_)) && same && after.plan.is_empty();
        self.quiet = if is_quiet { self.quiet + 1 } else { 0 };
        self.rest = after.rest();
        self.looked_at = after.seen.at;
        self.glanced = false;
        let now = self.host.now;
        if after.next != Next::Backoff {
            self.backoff = duration(requeue::FIRST_BACKOFF);
        }
        self.waits_until = None;
        let wait = match after.next {
            Next::Now => SignedDuration::from_millis(1),
            Next::Backoff => {
                let wait = self.backoff.mul_f64(self.chance.between(0.5, 1.5));
                self.backoff = (self.backoff * 2).min(duration(requeue::LONGEST_BACKOFF));
                wait
            }
            Next::Quiet(until) => {
                self.waits_until = until.filter(|until| *until > now);
                let until = self.waits_until.map(|until| until.duration_since(now));
                self.resync().min(until.unwrap_or(SignedDuration::MAX))
            }
        };
        self.due = Some(now + wait);
    }

    fn resync(&mut self) -> SignedDuration {
        duration(requeue::RESYNC).mul_f64(self.chance.between(0.9, 1.1))
    }

    /// Writes down what was done and what turned.
    fn tells_of(&mut self, after: &After, meanwhile: Option<&str>) {
        for outcome in &after.outcomes {
            let failed = outcome.result.as_ref().err();
            let failed = failed.map_or(String::new(), |why| format!(" FAILED: {why}"));
            self.tell(&format!("> {} ({}){failed}", outcome.step, outcome.reason));
        }
        if let Some(words) = meanwhile {
            self.tell(&format!("* in the middle of it: {words}"));
        }
        for condition in &after.conditions {
            let old = self.agent.condition(condition.kind);
            if old.is_none_or(|o| (o.status, &o.reason) != (condition.status, &condition.reason)) {
                let Condition {
                    kind,
                    status,
                    reason,
                    message,
                    ..
                } = condition;
                self.tell(&format!("  {kind} {status} {reason}: {message}"));
            }
        }
    }

    fn tell(&mut self, line: &str) {
        let at = self.host.now.strftime("%a %H:%M:%S%.3f");
        self.story.push(format!("{at} {line}"));
    }

    /// What users stored is there, in the same cluster.
    fn keeps_the_data(&mut self) -> Verdict {
        let cluster = self.host.cluster("db");
        let now = cluster.map(|c| (c.system_identifier.clone(), c.rows));
        match (&self.stored, now, &self.cellar) {
            (None, first, _) => self.stored = first,
            (Some(_), None, Some(_)) => {}
            (Some(stored), Some(now), None) if *stored == now => {}
            (Some(stored), now, _) => {
                return Err(format!("users stored {stored:?}, and now there is {now:?}"));
            }
        }
        Ok(())
    }

    /// People stored more; nobody else may.
    fn rows_stored(&mut self) {
        if let (Some((id, rows)), Some(cluster)) = (&mut self.stored, self.host.cluster("db"))
            && *id == cluster.system_identifier
        {
            *rows = cluster.rows;
        }
    }

    /// Some minutes after the last fault nothing is left to do, until a window opens.
    fn stays_calm(&mut self, after: &After) -> Verdict {
        let now = self.host.now;
        if now < self.calm_from {
            return Ok(());
        }
        if after.plan.is_empty() {
            return self.is_well();
        }
        let windows = &self.agent.desired.restart.windows;
        if windows.iter().any(|w| w.is_open(after.seen.at)) {
            self.calm_from = now + CONVERGES_WITHIN;
            return Ok(());
        }
        Err("everybody is home, and there is still something to do".into())
    }

    /// Ready, or it says what it waits for.
    fn is_well(&self) -> Verdict {
        if self.host.now < self.calm_from {
            return Ok(());
        }
        if self.agent.is(ConditionType::Ready) {
            return Ok(());
        }
        let plan = self.agent.plan(&self.host);
        let stated = |reason: &str| {
            STATED.contains(&reason) || reason == "SettingsFirst" && plan.waiting.len() > 1
        };
        let all = plan.waiting.iter().all(|w| stated(&w.reason));
        if all && !plan.waiting.is_empty() {
            return Ok(());
        }
        Err(format!("not Ready, and waits for {:#?}", plan.waiting))
    }
}

/// What faults do to the agent.
impl Day {
    /// The directory's manifest is replaced.
    pub fn saves(&mut self, manifest: Result<Desired, String>) {
        self.directory = manifest;
        self.wake();
    }

    /// SIGKILL; systemd starts it again.
    pub fn is_killed(&mut self) {
        self.forgets();
        self.due = self.due.map(|_| self.host.now + RESTARTS_AFTER);
    }

    /// SIGKILL in the middle of what it does next.
    pub fn is_doomed(&mut self, deeds: u32) {
        if self.due.is_some() {
            self.host.crash_after(deeds);
            // The next pass has to be one with deeds.
            (self.rest, self.glanced) = (None, false);
            self.doomed = true;
        }
    }

    /// `systemctl stop`
    pub fn goes_down(&mut self) {
        self.forgets();
        self.due = None;
    }

    /// `systemctl start`
    pub fn comes_up(&mut self) {
        self.due = Some(self.host.now);
    }

    /// `rm -r` of the state directory; a running agent still has its memory.
    pub fn loses_state(&mut self) {
        self.host.lose_state("db");
        self.status_file = (Vec::new(), Vec::new());
    }

    /// A process that ended knows what is on disk, and no more.
    fn forgets(&mut self) {
        self.host.revive_agent();
        self.host.lose_sessions();
        self.doomed = false;
        self.memory = self.host.records.get("db").cloned();
        (self.agent.conditions, self.agent.events) = self.status_file.clone();
        self.backoff = duration(requeue::FIRST_BACKOFF);
        self.rest = None;
        (self.quiet, self.glanced) = (0, false);
    }

    /// The container is removed, and the volume with all its data is somewhere else. Not where the agent
    /// does not know the cluster: then an empty place is an empty place.
    pub fn volume_goes(&mut self) {
        let known = |r: &Record| r.system_identifier.is_some();
        if self.cellar.is_some()
            || !self.memory.as_ref().is_some_and(known)
            || !self.host.records.get("db").is_some_and(known)
        {
            return;
        }
        self.host.docker_rm("db");
        self.cellar = self.host.volumes.remove("db_pgdata");
        // A volume that somebody mounts could not have gone.
        if let Some(volume) = &mut self.cellar {
            volume.mounted_by = None;
        }
    }

    /// The volume is back.
    pub fn volume_comes(&mut self) {
        if let Some(volume) = self.cellar.take() {
            self.host.volumes.insert("db_pgdata".into(), volume);
        }
    }
}

fn duration(of: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(of).expect("short")
}

/// Which container, which start of it, and its state.
type Identity = Option<(String, Option<Timestamp>, ContainerState)>;

fn identity(host: &Host) -> Identity {
    let facts = &host.container("db")?.facts;
    Some((facts.id.clone(), facts.started_at, facts.state))
}

/// A container that is another one or started anew was so by a step, or by Docker between attempts.
fn touched_only_what_was_planned(was: &Identity, is: &Identity, after: &After) -> Verdict {
    let loops = |of: &Identity| {
        of.as_ref()
            .is_some_and(|c| c.2 == ContainerState::Restarting)
    };
    let starts = |step: &Step| {
        matches!(
            step,
            Step::Create
                | Step::Start { .. }
                | Step::Unpause { .. }
                | Step::Restart { .. }
                | Step::Recreate { .. }
                | Step::Rename { .. }
        )
    };
    let planned = after.plan.steps.iter().any(|p| starts(&p.step));
    let which = |of: &Identity| of.as_ref().map(|c| (c.0.clone(), c.1));
    if which(was) == which(is) || planned || loops(was) || loops(is) {
        return Ok(());
    }
    Err(format!(
        "no step says so, and the container changed: {was:?} → {is:?}"
    ))
}

/// A host to which something happens between two steps.
struct Interrupted<'a> {
    host: &'a mut Host,
    meanwhile: Option<(u32, Fault)>,
    told: Option<String>,
}

impl World for Interrupted<'_> {
    fn now(&self) -> Timestamp {
        self.host.now
    }

    async fn look(
        &mut self,
        desired: &Desired,
        settings: &std::collections::BTreeSet<SettingName>,
    ) -> Observed {
        self.host.look(desired, settings).await
    }

    async fn glance(&mut self, desired: &Desired) -> bool {
        self.host.glance(desired).await
    }

    async fn perform(&mut self, desired: &Desired, step: &Step) -> Result<(), StepError> {
        match self.meanwhile.take() {
            Some((0, fault)) => {
                if let Does::Host(does) = &fault.does {
                    does(self.host);
                }
                self.told = Some(fault.words);
            }
            Some((more, fault)) => self.meanwhile = Some((more - 1, fault)),
            None => {}
        }
        self.host.perform(desired, step).await
    }

    fn remember(&mut self, desired: &Desired, record: &Record) -> Result<(), String> {
        self.host.remember(desired, record)
    }

    fn take_approval(&mut self, desired: &Desired) -> Result<(), String> {
        self.host.take_approval(desired)
    }

    fn is_stopping(&self) -> bool {
        self.host.is_stopping()
    }
}
