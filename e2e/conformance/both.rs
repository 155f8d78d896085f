//! Both worlds with one script: each line of a story happens in both, and is told by both.

use aza_agent::api::desired::Desired;
use aza_agent::controller::live::Live;
use aza_agent::reconcile::World;
use aza_agent::sim::{Host, StackBuilder, stack};

use crate::hand::Hand;
use crate::machine::Machine;
use crate::side::Side;
use crate::told::{differences, tell};

/// One stack, in both worlds.
pub struct Both {
    pub machine: Machine,
    runtime: tokio::runtime::Runtime,
    pretended: Side<Host>,
    real: Side<Live>,
    desired: Option<Desired>,
}

impl Both {
    /// Two empty worlds of the same size.
    pub fn new(story: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let machine = Machine::new(story);
        let pretended = Side::new(machine.pretended());
        let real = Side::new(runtime.block_on(machine.live()));
        Self {
            machine,
            runtime,
            pretended,
            real,
            desired: None,
        }
    }

    /// Begins the story's manifest: 1 GB, 2 CPUs, a free port.
    pub fn manifest(&self) -> StackBuilder {
        stack(&self.machine.name)
            .with_port(self.machine.port)
            .with_image(&self.machine.image())
    }

    /// Puts a manifest in force, lets both worlds settle and compares them. Returns what both told.
    pub fn settle(&mut self, manifest: &StackBuilder) -> Vec<String> {
        self.desired = Some(manifest.desired());
        self.settle_again()
    }

    /// The same with the manifest that is in force.
    pub fn settle_again(&mut self) -> Vec<String> {
        let desired = self.desired.as_ref().expect("a manifest in force");
        let pretended = tell(&self.runtime.block_on(self.pretended.settle(desired)));
        let real = tell(&self.runtime.block_on(self.real.settle(desired)));
        let lies = differences(&pretended, &real);
        assert!(lies.is_empty(), "the worlds differ:\n{}", lies.join("\n"));
        real
    }

    /// Whether a glance sees that nothing changed since the last look.
    pub fn glance(&mut self) -> bool {
        let desired = self.desired.as_ref().expect("a manifest in force");
        let pretended = self.runtime.block_on(self.pretended.world.glance(desired));
        let real = self.runtime.block_on(self.real.world.glance(desired));
        assert_eq!(pretended, real, "the worlds differ: pretended, real");
        real
    }

    /// Lets one pass be made, where waiting for quiet would wait in vain.
    pub fn pass(&mut self) -> Vec<String> {
        let desired = self.desired.as_ref().expect("a manifest in force");
        let pretended = tell(&[self.runtime.block_on(self.pretended.pass(desired))]);
        let real = tell(&[self.runtime.block_on(self.real.pass(desired))]);
        let lies = differences(&pretended, &real);
        assert!(lies.is_empty(), "the worlds differ:\n{}", lies.join("\n"));
        real
    }

    /// The agent forgets everything, in both.
    pub fn lose_state(&mut self) {
        self.pretended.world.lose_state(&self.machine.name);
        self.machine.lose_declared();
        self.pretended.forgets();
        self.real.forgets();
    }

    /// The agent starts again, in both: no session is open, and no look is remembered.
    pub fn lose_sessions(&mut self) {
        self.pretended.world.lose_sessions();
        self.real.world = self.runtime.block_on(self.machine.live());
    }

    /// A person does something, in both.
    pub fn by_hand(&mut self, hand: &Hand) {
        hand.on_pretended(&mut self.pretended.world, &self.machine);
        hand.on_real(&self.machine);
    }
}

/// Asserts that a tale has a line that begins so.
pub fn assert_told(tale: &[String], beginning: &str) {
    assert!(
        tale.iter().any(|l| l.starts_with(beginning)),
        "nothing begins with `{beginning}`:\n{}",
        tale.join("\n")
    );
}

/// Returns the verbs of what was done.
pub fn deeds(tale: &[String]) -> Vec<&str> {
    tale.iter().filter_map(|l| l.strip_prefix("did ")).collect()
}
