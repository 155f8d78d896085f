//! Logging in as a client would, and past what keeps clients out.
//!
//! A new login is the only proof that clients can log in: a session that was open before answers all the same.

use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::{DATABASE, Session, WayIn, connect, in_words};

/// How long a login may take. It takes 2 ms; a frozen postmaster takes the connection and stays silent.
const DEADLINE: Duration = Duration::from_secs(4);
/// What a superuser's login brings along to get past a library that is missing.
const PAST_LIBRARIES: &str = "-c session_preload_libraries= -c local_preload_libraries=";

/// A login that did not come to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct LoginError {
    /// Why, in the server's words where it said some, with the setting to look at.
    pub words: String,
    /// Whether a library is in the way, which an option gets past.
    pub of_libraries: bool,
}

impl LoginError {
    fn of(error: &tokio_postgres::Error) -> Self {
        let code = error.code();
        let words = match code.and_then(setting_behind) {
            Some(setting) => format!("{}; look at {setting}", in_words(error)),
            None => in_words(error),
        };
        Self {
            words,
            of_libraries: code == Some(&SqlState::UNDEFINED_FILE),
        }
    }
}

/// Logs in as a client does: with no option of ours that would get it past a lock.
///
/// # Errors
/// No client can log in, and why.
pub async fn log_in(way: &WayIn) -> Result<Session, LoginError> {
    in_time(connect(way, DATABASE, "")).await
}

/// Logs in with options of ours, past libraries that are missing where it takes that.
///
/// # Errors
/// There is no way in.
pub async fn enter(way: &WayIn, database: &str, options: &str) -> Result<Session, LoginError> {
    match in_time(connect(way, database, options)).await {
        Err(error) if error.of_libraries => {
            let options = format!("{PAST_LIBRARIES} {options}");
            in_time(connect(way, database, &options)).await
        }
        other => other,
    }
}

async fn in_time(
    login: impl Future<Output = Result<Session, tokio_postgres::Error>>,
) -> Result<Session, LoginError> {
    match tokio::time::timeout(DEADLINE, login).await {
        Ok(result) => result.map_err(|error| LoginError::of(&error)),
        Err(_) => Err(LoginError {
            words: format!("a login gave no answer within {} s", DEADLINE.as_secs()),
            of_libraries: false,
        }),
    }
}

/// Returns what a person has to look at where a login fails so.
fn setting_behind(code: &SqlState) -> Option<&'static str> {
    match code.code() {
        "53300" => Some("max_connections, and at who holds them in pg_stat_activity"),
        "25P04" => Some("transaction_timeout"),
        "58P01" => Some(
            "session_preload_libraries and local_preload_libraries (a superuser gets past them with \
             PGOPTIONS='-c session_preload_libraries= -c local_preload_libraries=')",
        ),
        "28000" | "28P01" => Some("pg_hba.conf and pg_ident.conf"),
        _ => None,
    }
}
