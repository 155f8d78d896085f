//! How a server is reached: the one connection code that eyes and hands share.
//!
//! The socket as root by peer is the agent's own way in: no password to lose, no network to break. A
//! stack that was adopted mounts no directory of ours; there it is the container's address with the
//! superuser's password, with keepalives, because a connection over a bridge that was disconnected
//! hangs for ever otherwise.
//!
//! What surprised us: `transaction_timeout = 1` ends a login before the session's own options count, so
//! against it only a session helps that is open already; a preloaded library that is missing can be
//! gone past with an option.

pub mod kept;
mod login;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::{Client, Config, NoTls};

use crate::api::secret::Secret;

pub use kept::{Kept, Serving};
pub use login::{LoginError, enter, log_in};

/// The role that the agent logs in as. The image's map lets root in as any.
pub const ROLE: &str = "postgres";
/// The database of the kept sessions.
pub const DATABASE: &str = "postgres";
/// What our sessions are called in `pg_stat_activity`.
pub const APPLICATION: &str = "aza-agent";
/// How long a dead peer may stay unnoticed. 5 s and 8 s were seen with these.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVE: Duration = Duration::from_secs(3);

/// A way to a server.
#[derive(Clone)]
pub enum WayIn {
    /// The host's directory with its Unix socket.
    Socket(PathBuf),
    /// The container's address and the superuser's password.
    Address(IpAddr, Secret),
}

/// A connection that is closed when this value is dropped.
pub struct Session {
    /// For queries.
    pub client: Client,
    driver: tokio::task::JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// What an idle session of ours has of its own. What a look reads of these settings, it reads before.
pub const OWN_SETTINGS: [&str; 8] = [
    "default_transaction_read_only",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "local_preload_libraries",
    "lock_timeout",
    "session_preload_libraries",
    "statement_timeout",
    "transaction_timeout",
];

impl Session {
    /// Makes it one that looks and that can be kept: read-only, with a deadline of its own, and out of
    /// reach of every timeout that somebody may set for sessions.
    ///
    /// # Errors
    /// The server does not answer as it should.
    pub async fn settle(&self) -> Result<(), tokio_postgres::Error> {
        const KEPT: &str = "SET default_transaction_read_only = on; SET statement_timeout = '4s'; \
             SET lock_timeout = '2s'; SET idle_session_timeout = 0; SET idle_in_transaction_session_timeout = 0";
        self.client.batch_execute(KEPT).await?;
        // Older servers, which may have been adopted, do not know it.
        let _ = self
            .client
            .batch_execute("SET transaction_timeout = 0")
            .await;
        Ok(())
    }
}

/// Opens a connection.
///
/// # Errors
/// The server does not take it.
pub async fn connect(
    way: &WayIn,
    database: &str,
    options: &str,
) -> Result<Session, tokio_postgres::Error> {
    let mut config = Config::new();
    config
        .user(ROLE)
        .dbname(database)
        .application_name(APPLICATION)
        .options(options);
    match way {
        WayIn::Socket(directory) => config.host_path(directory),
        WayIn::Address(address, password) => config
            .host(address.to_string())
            .password(password.expose())
            .connect_timeout(TCP_USER_TIMEOUT)
            .tcp_user_timeout(TCP_USER_TIMEOUT)
            .keepalives(true)
            .keepalives_idle(KEEPALIVE),
    };
    let (client, connection) = config.connect(NoTls).await?;
    let driver = tokio::spawn(async move {
        // The client's own call reports what went wrong; the driver has nothing to add.
        let _ = connection.await;
    });
    Ok(Session { client, driver })
}

/// Returns the server's own words where there are some, without a query's text or values.
#[must_use]
pub fn in_words(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => {
            let hint = db
                .hint()
                .or(db.detail())
                .map(|h| format!(" ({h})"))
                .unwrap_or_default();
            format!("{}{hint}", db.message())
        }
        None => crate::api::chain::in_words(error),
    }
}
