//! Healthy means: the final postmaster is ready, answers at its address, and answers SQL.
//!
//! The temporary server of a first boot works in another directory, so it can never be taken for it.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::environment::Environment;
use crate::paths::{SOCKETS, read};
use crate::refusal::{Context, Refusal};
use crate::server::says_ready;

/// Checks once.
///
/// # Errors
/// What does not answer.
pub fn check() -> Result<(), Refusal> {
    let environment = Environment::read(&|name| std::env::var_os(name))?;
    let data = &environment.pgdata;
    if !says_ready(data) {
        return Err(Refusal::new(format!(
            "no ready postmaster on {}",
            data.display()
        )));
    }
    let pid_file = read(&data.join("postmaster.pid"))?;
    let Place {
        port,
        sockets,
        address,
    } = Place::parse(&pid_file);
    if let Some(address) = address {
        run(Command::new("pg_isready")
            .args(["-q", "-t", "3", "-h", &address, "-p", &port])
            // A user without a name has no default one.
            .arg("-U")
            .arg(&environment.user))
        .map_err(|wrong| Refusal::new(format!("{address}:{port} takes no connections: {wrong}")))?;
    }
    let mut psql = Command::new("psql");
    psql.args([
        "--no-psqlrc",
        "--no-password",
        "-qAt",
        "-h",
        &sockets,
        "-p",
        &port,
        "-c",
        "SELECT 1",
    ]);
    psql.arg("-U")
        .arg(&environment.user)
        .arg("-d")
        .arg("postgres")
        .env("PGCONNECT_TIMEOUT", "3");
    run(&mut psql)
}

fn run(command: &mut Command) -> Result<(), Refusal> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .tried(|| "cannot check".to_owned())?;
    if output.status.success() {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "{} {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}

/// Where the postmaster says that it listens: lines 4 to 6 of its pid file.
struct Place {
    port: String,
    sockets: String,
    address: Option<String>,
}

impl Place {
    fn parse(pid_file: &str) -> Self {
        let line = |number: usize| {
            pid_file
                .lines()
                .nth(number)
                .map(str::trim)
                .filter(|line| !line.is_empty())
        };
        let address = line(5).map(|address| match address {
            "*" | "0.0.0.0" => "127.0.0.1",
            "::" => "::1",
            other => other,
        });
        let sockets = line(4)
            .filter(|path| Path::new(path).is_absolute())
            .unwrap_or(SOCKETS);
        Self {
            port: line(3).unwrap_or("5432").to_owned(),
            sockets: sockets.to_owned(),
            address: address.map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn the_postmaster_says_where_it_listens() {
        let place = Place::parse("1\n/data\n17\n5433\n/run/postgresql\n*\n  1 2\nready   \n");
        assert_eq!(
            (place.port.as_str(), place.sockets.as_str()),
            ("5433", "/run/postgresql")
        );
        assert_eq!(place.address.as_deref(), Some("127.0.0.1"));
        assert_eq!(
            Place::parse("1\n/data\n17\n5432\n/run/postgresql\n\n").address,
            None
        );
    }
}
