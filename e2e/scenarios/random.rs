//! Stories that nobody wrote: random manifests and random hands.

use aza_agent::api::{Bytes, MilliCpu};
use aza_agent::facts::CgroupVersion;
use aza_agent::sim::{Host, ImageFiles, Sight, StackBuilder, stack};
use proptest::prelude::*;

use crate::scene::name;

/// A manifest as few numbers, so that a failing one shrinks to something that can be read.
#[derive(Debug, Clone)]
pub struct Wish {
    pub memory: Option<&'static str>,
    pub cpus: &'static str,
    pub workload: Option<&'static str>,
    pub settings: Vec<(&'static str, &'static str)>,
    pub extensions: Vec<&'static str>,
    pub mode: Mode,
    pub port: u16,
}

/// Who decides the moment of a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Auto,
    Window,
    Manual,
}

impl Wish {
    /// Without the extension that the image has no library for: no first start comes up with it.
    pub fn possible(mut self) -> Self {
        self.extensions.retain(|e| *e != "timescaledb");
        self
    }

    pub fn manifest(&self) -> StackBuilder {
        let mut manifest = stack("db").with_cpus(self.cpus).with_port(self.port);
        manifest = match self.memory {
            Some(memory) => manifest.with_memory(memory),
            None => manifest.without_memory(),
        };
        if let Some(workload) = self.workload {
            manifest = manifest.with_workload(workload);
        }
        for (setting, value) in &self.settings {
            manifest = manifest.with_setting(setting, value);
        }
        for extension in &self.extensions {
            manifest = manifest.with_extension(extension);
        }
        match self.mode {
            Mode::Auto => manifest,
            Mode::Window => manifest.restarts_in("daily 02:00-04:00 UTC"),
            Mode::Manual => manifest.restarts_manually(),
        }
    }
}

pub const MEMORY: [&str; 5] = ["512MB", "1GiB", "2GiB", "4GiB", "16GiB"];
pub const CPUS: [&str; 5] = ["500m", "1", "2", "4", "8"];
pub const WORKLOADS: [&str; 4] = ["web", "oltp", "dw", "mixed"];
pub const EXTENSIONS: [&str; 5] = [
    "hstore",
    "earthdistance",
    "vector",
    "pg_cron",
    "timescaledb",
];
pub const SETTINGS: [(&str, &str); 7] = [
    ("work_mem", "8MB"),
    ("max_connections", "90"),
    ("deadlock_timeout", "3s"),
    ("random_page_cost", "auto"),
    ("max_wal_senders", "12"),
    ("cron.max_running_jobs", "3"),
    ("log_statement", "ddl"),
];

pub fn wish() -> impl Strategy<Value = Wish> {
    let memory = prop_oneof![
        9 => prop::sample::select(MEMORY.to_vec()).prop_map(Some),
        1 => Just(None),
    ];
    let settings = prop::sample::subsequence(SETTINGS.to_vec(), 0..4);
    let workload = prop::option::of(prop::sample::select(WORKLOADS.to_vec()));
    let mode = prop_oneof![6 => Just(Mode::Auto), 1 => Just(Mode::Window), 2 => Just(Mode::Manual)];
    (
        memory,
        prop::sample::select(CPUS.to_vec()),
        workload,
        settings,
        prop::sample::subsequence(EXTENSIONS.to_vec(), 0..3),
        mode,
        prop_oneof![9 => Just(5432_u16), 1 => Just(5433_u16)],
    )
        .prop_map(
            |(memory, cpus, workload, settings, extensions, mode, port)| Wish {
                memory,
                cpus,
                workload,
                settings,
                extensions,
                mode,
                port,
            },
        )
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Event {
    Save(Wish),
    Stop,
    Start,
    Restart,
    Remove,
    ForceRecreate,
    UpdateMemory(u64),
    UpdateCpus(u32),
    AlterSystem(&'static str, &'static str),
    ResetSystem(&'static str),
    NewImage,
    Approve,
    LoseState,
    Blind(Sight),
    Sight,
    Crash(u32),
    Hours(i64),
    Passes(u8),
}

/// Things that a pass can repair; what needs a person is in [`trouble`].
pub fn event() -> impl Strategy<Value = Event> {
    let line = prop::sample::select(vec![
        ("work_mem", "64MB"),
        ("shared_buffers", "256MB"),
        ("max_connections", "300"),
        ("deadlock_timeout", "7s"),
        ("random_page_cost", "3"),
        ("checkpoint_timeout", "1min"),
    ]);
    prop_oneof![
        5 => wish().prop_map(Event::Save),
        1 => Just(Event::Stop),
        1 => Just(Event::Start),
        1 => Just(Event::Restart),
        1 => Just(Event::Remove),
        1 => Just(Event::ForceRecreate),
        1 => prop::sample::select(vec![700_u64, 1500, 3000, 6000]).prop_map(Event::UpdateMemory),
        1 => (1_u32..6).prop_map(|n| Event::UpdateCpus(n * 700)),
        3 => line.prop_map(|(n, v)| Event::AlterSystem(n, v)),
        1 => prop::sample::select(vec!["work_mem", "max_connections"]).prop_map(Event::ResetSystem),
        1 => Just(Event::NewImage),
        1 => Just(Event::Approve),
        1 => prop::sample::select(Sight::ALL.to_vec()).prop_map(Event::Blind),
        2 => Just(Event::Sight),
        3 => (0_u32..14).prop_map(Event::Crash),
        1 => (1_i64..30).prop_map(Event::Hours),
        6 => (1_u8..5).prop_map(Event::Passes),
    ]
}

/// What cannot be undone without losing the agent's memory.
pub fn trouble() -> impl Strategy<Value = Event> {
    prop_oneof![12 => event(), 1 => Just(Event::LoseState)]
}

/// Lets an event happen to the host; manifests and passes are the caller's.
pub fn happen(host: &mut Host, event: &Event) {
    match event {
        Event::Save(_) | Event::Passes(_) => {}
        Event::Stop => host.docker_stop("db"),
        Event::Start => host.docker_start("db"),
        Event::Restart => host.docker_restart("db"),
        Event::Remove => host.docker_rm("db"),
        Event::ForceRecreate => host.compose_force_recreate("db"),
        Event::UpdateMemory(mb) => host.docker_update_memory("db", Bytes::mib(*mb)),
        Event::UpdateCpus(milli) => host.docker_update_cpus("db", MilliCpu(*milli)),
        Event::AlterSystem(setting, value) => host.alter_system("db", &name(setting), value),
        Event::ResetSystem(setting) => host.reset_system("db", &name(setting)),
        Event::NewImage => {
            host.tag("aza-pg:18", ImageFiles::ours());
        }
        Event::Approve => host.approve("db"),
        Event::LoseState => host.lose_state("db"),
        Event::Blind(sight) => {
            host.blind.insert(*sight);
        }
        Event::Sight => host.blind.clear(),
        Event::Crash(deeds) => host.crash_after(*deeds),
        Event::Hours(hours) => host.wait(jiff::SignedDuration::from_hours(*hours)),
    }
}

/// A host of either kind, with or without limits above the container's.
#[derive(Debug, Clone)]
pub struct Machine {
    pub v2: bool,
    pub above: Option<Bytes>,
    pub above_cpus: Option<MilliCpu>,
    pub patient: bool,
}

impl Machine {
    pub fn host(&self) -> Host {
        let mut host = Host::new();
        if self.v2 {
            host.cgroup = CgroupVersion::V2;
        }
        host.ancestor_memory = self.above;
        host.ancestor_cpus = self.above_cpus;
        if !self.patient {
            host.patience = jiff::SignedDuration::ZERO;
        }
        host
    }
}

pub fn machine() -> impl Strategy<Value = Machine> {
    let above = prop_oneof![5 => Just(None), 1 => Just(Some(Bytes::gib(3)))];
    let above_cpus = prop_oneof![5 => Just(None), 1 => Just(Some(MilliCpu(3000)))];
    (any::<bool>(), above, above_cpus, any::<bool>()).prop_map(
        |(v2, above, above_cpus, patient)| Machine {
            v2,
            above,
            above_cpus,
            patient,
        },
    )
}
