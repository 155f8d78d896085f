//! A host, an agent, and what was told: the script of a story, line by line.

use std::fmt::Write as _;

use aza_agent::api::condition::{Condition, ConditionType, Truth};
use aza_agent::api::{Bytes, SettingName};
use aza_agent::plan::Plan;
use aza_agent::reconcile::After;
use aza_agent::sim::{Agent, Host, StackBuilder};

/// One stack named `db` on one host.
pub struct Scene {
    pub host: Host,
    pub agent: Agent,
}

impl Scene {
    /// A manifest on an empty host; nothing was looked at yet.
    pub fn new(manifest: StackBuilder) -> Self {
        Self::on(Host::new(), manifest)
    }

    /// The same on a prepared host.
    pub fn on(host: Host, manifest: StackBuilder) -> Self {
        Self {
            host,
            agent: Agent::new(manifest.desired()),
        }
    }

    /// A stack that was made from the manifest, and is quiet.
    pub fn running(manifest: StackBuilder) -> Self {
        let mut scene = Self::new(manifest);
        scene.settle();
        assert!(
            scene.agent.is(ConditionType::Ready),
            "{:#?}",
            scene.agent.conditions
        );
        scene
    }

    /// The manifest is saved with another text.
    pub fn save(&mut self, manifest: StackBuilder) {
        self.agent.desired = manifest.desired();
        self.agent.rejected = None;
    }

    /// Passes until it is quiet.
    pub fn settle(&mut self) -> Vec<After> {
        self.agent.settle(&mut self.host)
    }

    /// One pass.
    pub fn pass(&mut self) -> After {
        self.agent.pass(&mut self.host).expect("nobody kills it")
    }

    /// What `aza-agent plan` shows now.
    pub fn plan(&self) -> Plan {
        self.agent.plan(&self.host)
    }

    /// Passes until it is quiet, and tells each of them and the conditions at the end.
    pub fn tale(&mut self) -> String {
        let mut tale = String::new();
        for (after, number) in self.settle().iter().zip(1..) {
            let _ = writeln!(tale, "pass {number}");
            tale.push_str(&tell_plan(&after.plan));
            for outcome in &after.outcomes {
                if let Err(error) = &outcome.result {
                    let _ = writeln!(tale, "  FAILED {}: {error}", outcome.step.verb());
                }
            }
        }
        let _ = write!(tale, "\n{}", self.status());
        tale
    }

    /// What `aza-agent status` shows of the conditions.
    pub fn status(&self) -> String {
        let mut text = String::new();
        for condition in &self.agent.conditions {
            let mark = if condition.status == condition.kind.good() {
                ' '
            } else {
                '!'
            };
            let _ = writeln!(
                text,
                "{mark} {:<16} {:<8} {:<16} {}",
                condition.kind, condition.status, condition.reason, condition.message
            );
        }
        text
    }

    pub fn id(&self) -> String {
        self.host
            .container("db")
            .expect("a container")
            .facts
            .id
            .clone()
    }

    /// When the container last started: moves with every restart.
    pub fn started_at(&self) -> jiff::Timestamp {
        let container = self.host.container("db").expect("a container");
        container.facts.started_at.expect("a start")
    }

    pub fn show(&self, setting: &str) -> String {
        let container = self.host.container("db").expect("a container");
        container
            .postmaster
            .as_ref()
            .expect("a server")
            .shows(setting)
    }

    /// The line in `postgresql.auto.conf`.
    pub fn line(&self, setting: &str) -> Option<String> {
        let cluster = self.host.cluster("db").expect("a cluster");
        cluster.auto.get(&name(setting)).cloned()
    }

    pub fn limit(&self) -> Option<Bytes> {
        self.host.container("db").expect("a container").facts.memory
    }

    pub fn truth(&self, kind: ConditionType) -> Truth {
        self.agent.condition(kind).expect("told").status
    }

    pub fn condition(&self, kind: ConditionType) -> &Condition {
        self.agent.condition(kind).expect("told")
    }

    pub fn reason(&self, kind: ConditionType) -> &str {
        &self.agent.condition(kind).expect("told").reason
    }
}

pub fn name(setting: &str) -> SettingName {
    SettingName::parse(setting).expect("a setting's name")
}

/// Every step of many passes, by its verb.
pub fn verbs(passes: &[After]) -> Vec<&'static str> {
    let steps = passes.iter().flat_map(|after| &after.plan.steps);
    steps.map(|planned| planned.step.verb()).collect()
}

pub fn tell_plan(plan: &Plan) -> String {
    let mut text = String::new();
    for planned in &plan.steps {
        let _ = writeln!(
            text,
            "  {:<8} {} ({})",
            planned.disruption, planned.step, planned.reason
        );
    }
    for waiting in &plan.waiting {
        let _ = writeln!(text, "  waits    [{}] {}", waiting.reason, waiting.message);
    }
    for then in &plan.then {
        let _ = writeln!(text, "  then     {then}");
    }
    if text.is_empty() {
        text.push_str("  nothing to do\n");
    }
    text
}
