//! The sessions: all that the server takes, each at work until the phase ends, back again when the server lost them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::{Client, Error, NoTls};

use super::contender::PASSWORD;
use super::data::{STATEMENTS, TOUCH};
use crate::container::Container;

/// How long a server may take to answer at all: a first boot, or a recovery, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long the last statements of a phase may take to end: a server at its limit is very slow.
const GRACE: Duration = Duration::from_secs(15);
/// Between two attempts to log in again.
const PAUSE: Duration = Duration::from_millis(200);

/// Where the server listens.
#[derive(Debug, Clone)]
pub struct Address(String);

/// What the sessions met with.
#[derive(Debug, Default)]
pub struct Tally {
    pub done: Cell<u64>,
    pub shm: Cell<u64>,
    pub lost: Cell<u64>,
    pub others: RefCell<BTreeMap<String, u64>>,
}

impl Address {
    /// Returns the container's address on the engine's own network.
    pub fn of(server: &Container) -> Self {
        Self(server.inspect("{{.NetworkSettings.IPAddress}}"))
    }

    pub async fn connect(&self) -> Result<Client, Error> {
        let words = format!(
            "host={} user=postgres password={PASSWORD} connect_timeout=20",
            self.0
        );
        let (client, connection) = tokio_postgres::connect(&words, NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }
}

/// Logs in, however long the server takes to start.
pub async fn patient(address: &Address) -> Client {
    let until = Instant::now() + PATIENCE;
    loop {
        match address.connect().await {
            Ok(client) => return client,
            Err(error) => assert!(Instant::now() < until, "no login at {}: {error}", address.0),
        }
        sleep(PAUSE).await;
    }
}

/// Returns every setting's running value in its own unit.
pub async fn settings(client: &Client) -> HashMap<String, String> {
    let rows = client
        .query("SELECT name, setting FROM pg_settings", &[])
        .await
        .unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Opens all sessions, and lets each read through the shared buffers.
pub async fn open(address: &Address, count: u32, tally: &Tally) -> Vec<Option<Client>> {
    let one = || async {
        let opened = timeout(2 * GRACE, async {
            let client = address.connect().await?;
            client.batch_execute(TOUCH).await?;
            Ok(client)
        });
        let opened = opened.await.ok()?;
        opened.map_err(|error| tally.failed(&error)).ok()
    };
    join_all((0..count).map(|_| one())).await
}

/// Lets every session repeat the statement of a phase until the time is over.
pub async fn run(
    address: &Address,
    open: &mut [Option<Client>],
    phase: usize,
    time: Duration,
    tally: &Tally,
) {
    let until = Instant::now() + time;
    let each = open
        .iter_mut()
        .map(|session| one(address, session, phase, until, tally));
    // The server ends its statements itself; one that does not answer at all must not hold the rest up.
    let _ = timeout(time + GRACE, join_all(each)).await;
}

async fn one(
    address: &Address,
    session: &mut Option<Client>,
    phase: usize,
    until: Instant,
    tally: &Tally,
) {
    let (prepare, statement) = STATEMENTS[phase];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        let client = match session.take().filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => match address.connect().await {
                Ok(client) => client,
                Err(error) => {
                    tally.failed(&error);
                    sleep(PAUSE.min(left)).await;
                    continue;
                }
            },
        };
        let within = format!(
            "{prepare}; SET statement_timeout = {}",
            left.as_millis().max(1)
        );
        let ran = match client.batch_execute(&within).await {
            Ok(()) => client.batch_execute(statement).await,
            Err(error) => Err(error),
        };
        match ran {
            Ok(()) => tally.done.set(tally.done.get() + 1),
            Err(error) => tally.failed(&error),
        }
        *session = Some(client);
    }
}

impl Tally {
    fn failed(&self, error: &Error) {
        let add = |cell: &Cell<u64>| cell.set(cell.get() + 1);
        let Some(said) = error.as_db_error() else {
            return add(&self.lost);
        };
        match said.code().code() {
            // The phase is over.
            "57014" => {}
            // The server starts over, or has not yet noticed who is gone.
            "57P01" | "57P02" | "57P03" | "53300" => add(&self.lost),
            _ if said
                .message()
                .contains("could not resize shared memory segment") =>
            {
                add(&self.shm)
            }
            code => *self.others.borrow_mut().entry(code.to_owned()).or_default() += 1,
        }
    }
}
