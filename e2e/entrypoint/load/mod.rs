//! One server under all the load that its own settings allow: every connection it takes runs a heavy sort, then a
//! hash aggregate, then a join of three tables, all at the same time.
//!
//! What counts is what became of it: processes that the kernel killed, servers that started over, /dev/shm that was
//! full, and the memory that could not be reclaimed at the worst moment, beside what the budget foretells. Speed is
//! not measured. The clients run outside the container: 200 of psql inside would take the memory themselves.

pub mod contender;
mod data;
mod gauge;
mod sessions;

use std::collections::BTreeMap;
use std::time::Duration;

use aza_agent::api::{Bytes, Storage};
use aza_agent::host::host_capacity;
use aza_agent::tune::{Budget, Effective, Inputs, budget};

use contender::Contender;
pub use gauge::{Gauge, Memory};
use sessions::Tally;
pub use sessions::{Address, patient};

use crate::container::Container;

/// The three statements, one after the other; each for the same time.
pub const PHASES: [&str; 3] = ["sort", "hash aggregate", "join of three"];

/// What became of one server.
#[derive(Debug)]
pub struct Seen {
    /// `max_connections`: so many sessions ran.
    pub sessions: u32,
    /// What the budget foretells of the settings in force.
    pub budget: Budget,
    /// Processes that the kernel killed for memory.
    pub kills: u64,
    /// Times that the server started over with all sessions lost.
    pub reinitialised: usize,
    /// Times that the container itself ended: process 1 was killed.
    pub ended: u64,
    /// Statements that failed for want of /dev/shm.
    pub shm_errors: u64,
    /// Statements that failed otherwise, by SQLSTATE; those that the end of a phase cut short are none.
    pub other_errors: BTreeMap<String, u64>,
    /// Sessions lost, and logins refused after that.
    pub lost: u64,
    /// Statements that came to their end.
    pub done: u64,
    /// The most that could not be reclaimed, phase by phase.
    pub peaks: [Memory; PHASES.len()],
}

impl Seen {
    /// Returns the worst moment of all.
    pub fn peak(&self) -> Memory {
        let most = self.peaks.into_iter().max_by_key(Memory::total);
        most.unwrap_or_default()
    }
}

/// Starts the server in `memory` and loads it, each statement for `time`.
pub fn load(contender: &Contender, memory: Bytes, time: Duration) -> Seen {
    let server = contender.start(memory);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let address = Address::of(&server);
    let settings = runtime.block_on(async {
        let client = sessions::patient(&address).await;
        let settings = sessions::settings(&client).await;
        data::fill(
            &client,
            &Effective::from_lookup(|name| settings.get(name).cloned()),
        )
        .await;
        settings
    });
    let effective = Effective {
        shared_memory: settings
            .get("shared_memory_size")
            .and_then(|mb| mb.parse().ok())
            .map(Bytes::mib),
        ..Effective::from_lookup(|name| settings.get(name).cloned())
    };
    let tally = Tally::default();
    let mut seen = Seen {
        sessions: effective.max_connections,
        budget: budget(&inputs(contender, memory), &effective),
        kills: 0,
        reinitialised: 0,
        ended: 0,
        shm_errors: 0,
        other_errors: BTreeMap::new(),
        lost: 0,
        done: 0,
        peaks: Default::default(),
    };
    let mut open = runtime.block_on(sessions::open(&address, seen.sessions, &tally));
    for (phase, peak) in seen.peaks.iter_mut().enumerate() {
        let gauge = Gauge::start(&server);
        let address = Address::of(&server);
        runtime.block_on(sessions::run(&address, &mut open, phase, time, &tally));
        let read = gauge.stop();
        *peak = read.peak;
        seen.kills += read.kills;
        if revive(&server) {
            seen.ended += 1;
            runtime.block_on(sessions::patient(&Address::of(&server)));
        }
    }
    seen.reinitialised = server.logs().matches("reinitializing").count();
    seen.shm_errors = tally.shm.get();
    seen.other_errors = tally.others.take();
    seen.lost = tally.lost.get();
    seen.done = tally.done.get();
    seen
}

/// Starts a container again that ended under the load; says whether it had to.
fn revive(server: &Container) -> bool {
    let ended = server.inspect("{{.State.Running}}") != "true";
    if ended {
        server.docker(&["start"]);
    }
    ended
}

fn inputs(contender: &Contender, memory: Bytes) -> Inputs {
    let (_, cpus) = host_capacity("/".as_ref()).unwrap();
    Inputs {
        memory,
        cpus,
        workload: contender.workload(),
        storage: Storage::Ssd,
        shm: Some(contender.shm),
        disk: None,
        preload: Vec::new(),
        cron_database: "postgres".into(),
    }
}
