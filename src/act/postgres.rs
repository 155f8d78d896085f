//! Changes inside a running server: settings, a reload, extensions, a checkpoint.
//!
//! What needs no database of its own goes through the session that is kept for the stack: it works also
//! where no new one is let in, so that a setting which locks everybody out can be put right.

use std::time::{Duration, Instant};

use postgres_protocol::password::scram_sha_256;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::api::SettingName;
use crate::api::secret::Secret;
use crate::client::{
    self, DATABASE, Kept, LoginError, ROLE, Serving, Session, WayIn, connect, in_words,
};

use super::{ActError, sql};

/// How long a reload may take to show. It takes 6 ms (9 at worst) on an idle machine; a busy one gets
/// room, and a reload that does nothing must not hold a pass for longer.
const RELOAD_SHOWS: Duration = Duration::from_secs(5);
/// How often it is looked for.
const RELOAD_POLL: Duration = Duration::from_millis(3);
/// How long a CHECKPOINT may take: with 5 GB dirty it took 12 s on a slow disk, and clients are served
/// meanwhile.
const CHECKPOINT_TAKES: &str = "SET statement_timeout = '600s'";
/// How long a statement of ours waits for locks and work; an index build of an extension's update is
/// the longest that we can cause.
const STATEMENT: &str = "SET statement_timeout = '60s'; SET lock_timeout = '10s'";
/// The same for a session of its own, which may write whatever the default for sessions is.
const WRITING: &str =
    "-c statement_timeout=60s -c lock_timeout=10s -c default_transaction_read_only=off";

/// How a stack's server is reached, and the session that is kept for it.
pub(super) struct Door<'a> {
    /// The way of a new session.
    pub way: WayIn,
    /// The stack.
    pub stack: &'a str,
    /// The run that a kept session has to be of; `None` where there is no container.
    pub serving: Option<Serving>,
    /// Where sessions are kept.
    pub kept: &'a Kept,
}

impl Door<'_> {
    /// Takes the kept session, where it still answers, or opens one.
    async fn open(&self, timeouts: &str) -> Result<Session, ActError> {
        let kept = self
            .serving
            .as_ref()
            .and_then(|serving| self.kept.take(self.stack, serving));
        if let Some(session) = kept
            && session.client.batch_execute(timeouts).await.is_ok()
        {
            return Ok(session);
        }
        let session = client::enter(&self.way, DATABASE, "")
            .await
            .map_err(not_let_in)?;
        let set = session.client.batch_execute(timeouts).await;
        set.map_err(refused("take our timeouts"))?;
        Ok(session)
    }

    /// Gives a session back, also after a statement that failed: it may be the only one there is.
    async fn close(&self, session: Session) {
        if let Some(serving) = &self.serving
            && session.settle().await.is_ok()
        {
            self.kept.keep(self.stack, serving.clone(), session);
        }
    }
}

fn not_let_in(error: LoginError) -> ActError {
    ActError::Postgres {
        what: "let us in".to_owned(),
        answer: error.words,
    }
}

fn refused(what: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> ActError {
    let what = what.into();
    move |error| ActError::Postgres {
        what,
        answer: in_words(&error),
    }
}

/// Runs one statement in a database.
pub(super) async fn execute(
    door: &Door<'_>,
    database: &str,
    statement: &str,
    what: &str,
) -> Result<(), ActError> {
    let session = client::enter(&door.way, database, WRITING)
        .await
        .map_err(not_let_in)?;
    let done = session.client.batch_execute(statement).await;
    done.map_err(refused(what))
}

/// Sets or resets one line; one statement for each round trip, as ALTER SYSTEM wants it.
pub(super) async fn alter_system(
    door: &Door<'_>,
    name: &SettingName,
    value: Option<&str>,
) -> Result<(), ActError> {
    let session = door.open(STATEMENT).await?;
    let altered = alter(&session.client, name, value).await;
    door.close(session).await;
    altered
}

async fn alter(client: &Client, name: &SettingName, value: Option<&str>) -> Result<(), ActError> {
    let altered = client.batch_execute(&sql::alter_system(name, value)).await;
    altered.map_err(|error| not_altered(name, &error))?;
    // A line that cannot be parsed would block every later change and the next start.
    let broken =
        "SELECT error FROM pg_file_settings WHERE error IS NOT NULL AND name IS NULL LIMIT 1";
    match client
        .query_opt(broken, &[])
        .await
        .map_err(refused("show its files"))?
    {
        None => Ok(()),
        Some(row) => {
            let error: String = row.try_get(0).unwrap_or_default();
            Err(ActError::NoEffect(format!(
                "after the change of {name} the files cannot be parsed: {error}"
            )))
        }
    }
}

/// Gives the superuser its password, as a verifier that is made here. A file may hold the verifier itself.
pub async fn set_password(door: &Door<'_>, password: &Secret) -> Result<(), ActError> {
    let text = password.expose();
    let verifier = if text.starts_with("SCRAM-SHA-256$") {
        text.to_owned()
    } else {
        scram_sha_256(text.as_bytes())
    };
    let statement = sql::set_verifier(ROLE, &verifier);
    execute(
        door,
        "postgres",
        &statement,
        "change the superuser's password",
    )
    .await
}

/// Tells a value that the server does not take from a server that cannot take one now.
fn not_altered(name: &SettingName, error: &tokio_postgres::Error) -> ActError {
    let values = [
        SqlState::INVALID_PARAMETER_VALUE,
        SqlState::UNDEFINED_OBJECT,
        SqlState::CANT_CHANGE_RUNTIME_PARAM,
        SqlState::SYNTAX_ERROR,
    ];
    match error.code() {
        Some(code) if values.contains(code) => ActError::Refused {
            name: name.clone(),
            answer: in_words(error),
        },
        Some(_) | None => ActError::Postgres {
            what: format!("change {name}"),
            answer: in_words(error),
        },
    }
}

/// Lets the server read its files again, and waits until it has.
///
/// `pg_reload_conf()` returns at once and true on a bad file too; the first read in the same session
/// was stale 50 times of 50. So the load time has to move, in a session's own eyes.
pub(super) async fn reload(
    door: &Door<'_>,
    expect: &[(SettingName, String)],
) -> Result<(), ActError> {
    let session = door.open(STATEMENT).await?;
    let done = reread(&session.client, expect).await;
    door.close(session).await;
    done
}

async fn reread(client: &Client, expect: &[(SettingName, String)]) -> Result<(), ActError> {
    const LOADED: &str = "SELECT extract(epoch FROM pg_conf_load_time())::float8";
    let loaded = async |client: &Client| -> Result<f64, ActError> {
        let row = client
            .query_one(LOADED, &[])
            .await
            .map_err(refused("tell its load time"))?;
        row.try_get(0).map_err(refused("tell its load time"))
    };
    let before = loaded(client).await?;
    client
        .batch_execute("SELECT pg_reload_conf()")
        .await
        .map_err(refused("reload"))?;
    let deadline = Instant::now() + RELOAD_SHOWS;
    while loaded(client).await? <= before {
        if Instant::now() > deadline {
            let errors = file_errors(client).await?;
            return Err(ActError::NoEffect(format!(
                "the reload changed nothing within {} s{errors}",
                RELOAD_SHOWS.as_secs()
            )));
        }
        tokio::time::sleep(RELOAD_POLL).await;
    }
    let errors = file_errors(client).await?;
    if errors.is_empty() || expect.is_empty() {
        return Ok(());
    }
    Err(ActError::NoEffect(format!(
        "the reload did not take everything{errors}"
    )))
}

async fn file_errors(client: &Client) -> Result<String, ActError> {
    // A value that waits for a restart is told as an error in the words of one that is refused; the next
    // look tells them apart.
    const ERRORS: &str = "SELECT sourcefile, sourceline, error FROM pg_file_settings f \
         WHERE error IS NOT NULL AND NOT EXISTS \
         (SELECT FROM pg_settings s WHERE s.name = f.name AND s.context = 'postmaster') LIMIT 3";
    let rows = client
        .query(ERRORS, &[])
        .await
        .map_err(refused("show its files"))?;
    let texts = rows.iter().map(|r| {
        let file: String = r.try_get(0).unwrap_or_default();
        let line: i32 = r.try_get(1).unwrap_or_default();
        let error: String = r.try_get(2).unwrap_or_default();
        format!("; {file} line {line}: {error}")
    });
    Ok(texts.collect())
}

/// Writes everything dirty while clients are still served, so that the restart is short; returns when
/// the postmaster started.
pub(super) async fn checkpoint(door: &Door<'_>) -> Result<f64, ActError> {
    let session = door.open(CHECKPOINT_TAKES).await?;
    let client = &session.client;
    let written = client.batch_execute("CHECKPOINT").await;
    let started = started_at(client).await;
    door.close(session).await;
    written.map_err(refused("write a checkpoint"))?;
    started.map_err(refused("tell its start"))
}

async fn started_at(client: &Client) -> Result<f64, tokio_postgres::Error> {
    let row = client
        .query_one(
            "SELECT extract(epoch FROM pg_postmaster_start_time())::float8",
            &[],
        )
        .await?;
    row.try_get(0)
}

/// Whether a server lets us in that started after that moment.
pub(super) async fn answers(
    way: &WayIn,
    after: Option<f64>,
) -> Result<bool, tokio_postgres::Error> {
    let session = connect(way, DATABASE, "-c statement_timeout=60s").await?;
    let client = &session.client;
    let started = started_at(client).await?;
    Ok(after.is_none_or(|before| started > before))
}
