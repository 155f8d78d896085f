//! The temporary server of a first boot: no network, its socket in a private directory.
//!
//! Private, because whoever looks at the real socket must not take it for the final server.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::environment::Environment;
use crate::identity::Identity;
use crate::refusal::{Context, Refusal};

/// initdb left nothing to recover: this is plenty.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A running temporary server.
pub struct TemporaryServer<'a> {
    child: Child,
    environment: &'a Environment,
    identity: &'a Identity,
    data: PathBuf,
    sockets: PathBuf,
}

impl<'a> TemporaryServer<'a> {
    /// Starts a server on `data` and waits until it takes connections.
    ///
    /// # Errors
    /// It ended, or took too long; its own messages stand in the log.
    pub fn start(
        environment: &'a Environment,
        identity: &'a Identity,
        data: &Path,
        sockets: &Path,
    ) -> Result<Self, Refusal> {
        let mut command = identity.command("postgres");
        command.arg("-D").arg(data);
        command.args([
            "-c",
            "listen_addresses=",
            "-c",
            "unix_socket_permissions=0700",
        ]);
        command
            .arg("-c")
            .arg(format!("unix_socket_directories={}", sockets.display()));
        command.env_remove("POSTGRES_PASSWORD").stdin(Stdio::null());
        let child = command.spawn().tried(|| "cannot run postgres".to_owned())?;
        let (data, sockets) = (data.to_owned(), sockets.to_owned());
        let mut server = Self {
            child,
            environment,
            identity,
            data,
            sockets,
        };
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&mut self) -> Result<(), Refusal> {
        let deadline = Instant::now() + STARTS_WITHIN;
        while !says_ready(&self.data) {
            if let Some(status) = self
                .child
                .try_wait()
                .tried(|| "cannot wait for postgres".to_owned())?
            {
                return Err(Refusal::new(format!(
                    "the first boot's server ended ({status}): its own message stands above"
                )));
            }
            if Instant::now() > deadline {
                let _ = self.child.kill();
                return Err(Refusal::new(
                    "the first boot's server is not ready after 60 s",
                ));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Returns a command that finds this server, with the variables that init scripts know.
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.identity.command(program);
        command
            .env("PGHOST", &self.sockets)
            .env("PGDATA", &self.data)
            .env("POSTGRES_USER", &self.environment.user)
            .env("POSTGRES_DB", &self.environment.database)
            .env_remove("PGHOSTADDR");
        if let Some(password) = &self.environment.password {
            command.env("POSTGRES_PASSWORD", password.reveal());
        }
        command
    }

    /// Returns psql on the first boot's database, stopping at the first error.
    pub fn psql(&self) -> Command {
        let mut command = self.command("psql");
        command.env_remove("POSTGRES_PASSWORD");
        command.args([
            "--no-psqlrc",
            "--no-password",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
        ]);
        command.arg("--username").arg(&self.environment.user);
        command
            .arg("--dbname")
            .arg(connection_string(&self.environment.database));
        command
    }

    /// Runs SQL.
    ///
    /// # Errors
    /// With what was tried; psql's own message stands in the log.
    pub fn sql(&self, sql: &str, what: &str) -> Result<(), Refusal> {
        let mut child = self
            .psql()
            .stdin(Stdio::piped())
            .spawn()
            .tried(|| format!("cannot {what}"))?;
        if let Some(mut input) = child.stdin.take() {
            input
                .write_all(sql.as_bytes())
                .tried(|| format!("cannot {what}"))?;
        }
        let status = child.wait().tried(|| format!("cannot {what}"))?;
        if status.success() {
            Ok(())
        } else {
            Err(Refusal::new(format!("cannot {what} ({status})")))
        }
    }

    /// Stops it, and waits until everything is on disk.
    ///
    /// # Errors
    /// It did not end well.
    pub fn stop(mut self) -> Result<(), Refusal> {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        let stopped = pid.map_or(Ok(()), |pid| {
            rustix::process::kill_process(pid, rustix::process::Signal::INT)
        });
        stopped.tried(|| "cannot stop the first boot's server".to_owned())?;
        let status = self
            .child
            .wait()
            .tried(|| "cannot wait for postgres".to_owned())?;
        if status.success() {
            Ok(())
        } else {
            Err(Refusal::new(format!(
                "the first boot's server did not stop cleanly ({status})"
            )))
        }
    }
}

/// A database name with spaces, quotes or `=` must not be read as a connection string.
fn connection_string(database: &str) -> String {
    format!(
        "dbname='{}'",
        database.replace('\\', "\\\\").replace('\'', "\\'")
    )
}

/// Whether the postmaster wrote `ready` into its pid file: its eighth line.
pub fn says_ready(data: &Path) -> bool {
    std::fs::read_to_string(data.join("postmaster.pid")).is_ok_and(|text| {
        text.lines()
            .nth(7)
            .is_some_and(|line| line.trim() == "ready")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_name_is_never_a_connection_string() {
        assert_eq!(connection_string("it's \\ =x"), "dbname='it\\'s \\\\ =x'");
    }
}
