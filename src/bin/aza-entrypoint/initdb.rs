//! initdb, and what it does not do: the password, the database, who may connect, and from where.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use postgres_protocol::password::scram_sha_256;

use crate::environment::{Environment, Password};
use crate::identity::Identity;
use crate::refusal::{Context, Refusal};
use crate::{log, words};

/// Makes an empty cluster in `data`.
///
/// # Errors
/// No password, arguments that are none, or what initdb says.
pub fn initdb(environment: &Environment, identity: &Identity, data: &Path) -> Result<(), Refusal> {
    let password = password(environment)?;
    let more = words::split(&environment.initdb_args)
        .ok_or_else(|| Refusal::new("POSTGRES_INITDB_ARGS: a quote is not closed"))?;
    let mut command = identity.command("initdb");
    command.arg("--pgdata").arg(data);
    command.args([
        "--username=postgres",
        "--encoding=UTF8",
        "--set=listen_addresses=*",
    ]);
    // Until our own files are written: nobody over the network, and no password is asked for here.
    command.args(["--auth-local=peer", "--auth-host=reject"]);
    if !names_a_locale(&more) {
        // The builtin provider: a new glibc never breaks an index.
        command.args(["--locale-provider=builtin", "--locale=C.UTF-8"]);
    }
    if !environment.checksums {
        command.arg("--no-data-checksums");
    }
    let status = command
        .args(&more)
        .status()
        .tried(|| "cannot run initdb".to_owned())?;
    if !status.success() {
        return Err(Refusal::new(format!(
            "initdb failed ({status}): its own message stands above"
        )));
    }
    may_connect(environment, data)?;
    first_statements(environment, identity, data, password)
}

/// Names the superuser, sets the password and makes the database, before any server runs: initdb cannot quote
/// names, and pg_cron's launcher fails over and over without its database.
fn first_statements(
    environment: &Environment,
    identity: &Identity,
    data: &Path,
    password: Option<&Password>,
) -> Result<(), Refusal> {
    let what = || {
        format!(
            "cannot create the database `{}` and its owner",
            environment.database
        )
    };
    let mut single = identity.command("postgres");
    single
        .arg("--single")
        .arg("-D")
        .arg(data)
        .args(["-j", "-c", "shared_preload_libraries="]);
    single.args([
        "-c",
        "exit_on_error=on",
        "-c",
        "log_min_error_statement=panic",
        "template1",
    ]);
    let mut child = single
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .tried(what)?;
    if let Some(mut input) = child.stdin.take() {
        let statements = statements(&environment.user, password, &environment.database);
        input
            .write_all(statements.join(";\n\n").as_bytes())
            .tried(what)?;
        input.write_all(b";\n\n").tried(what)?;
    }
    let status = child.wait().tried(what)?;
    if status.success() {
        Ok(())
    } else {
        Err(Refusal::new(format!("{} ({status})", what())))
    }
}

fn statements(user: &str, password: Option<&Password>, database: &str) -> Vec<String> {
    let (role, mut statements) = (quoted(user), Vec::new());
    if user != "postgres" {
        // Nobody can rename who they are: for a moment another superuser does it.
        statements.push("CREATE ROLE aza_rename SUPERUSER".to_owned());
        statements.push("SET SESSION AUTHORIZATION aza_rename".to_owned());
        statements.push(format!("ALTER ROLE postgres RENAME TO {role}"));
        statements.push(format!("SET SESSION AUTHORIZATION {role}"));
        statements.push("DROP ROLE aza_rename".to_owned());
    }
    if let Some(password) = password {
        // A verifier, never the password: what is in SQL ends up in logs.
        statements.push(format!(
            "ALTER ROLE {role} PASSWORD '{}'",
            verifier(password.reveal())
        ));
    }
    if !["postgres", "template0", "template1"].contains(&database) {
        statements.push(format!("CREATE DATABASE {}", quoted(database)));
    }
    // Always at least one: an empty input is no session.
    statements.push("CHECKPOINT".to_owned());
    statements
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns the password of the superuser; `None` only where nobody is asked for one.
fn password(environment: &Environment) -> Result<Option<&Password>, Refusal> {
    let trusts = environment.host_auth_method.as_deref() == Some("trust");
    if trusts {
        log::warn(
            "POSTGRES_HOST_AUTH_METHOD=trust: anyone who reaches the port is in, as anybody, without a password",
        );
    }
    match &environment.password {
        None if !trusts => Err(Refusal::new("a first boot needs a password for the superuser, and none is given")
            .fix(
                "set POSTGRES_PASSWORD_FILE to a file that holds one (or POSTGRES_PASSWORD to a value that is not \
                 empty), for example `docker run -e POSTGRES_PASSWORD=...`. POSTGRES_HOST_AUTH_METHOD=trust lets \
                 everyone in without one, which is not recommended",
            )),
        password => Ok(password.as_ref()),
    }
}

/// Returns what the server stores. A value that is a verifier already stays as it is.
fn verifier(password: &str) -> String {
    if password.starts_with("SCRAM-SHA-256$") {
        password.to_owned()
    } else {
        scram_sha_256(password.as_bytes())
    }
}

fn names_a_locale(arguments: &[String]) -> bool {
    let words = [
        "--locale",
        "--no-locale",
        "--lc-",
        "--icu",
        "--builtin-locale",
    ];
    arguments
        .iter()
        .any(|argument| words.iter().any(|word| argument.starts_with(word)))
}

/// Writes `pg_hba.conf` and `pg_ident.conf`, of a new cluster only.
///
/// A volume from elsewhere keeps its own rules. The official image's let everyone in through the socket, so the
/// agent gets in there too; stricter ones make it report that it cannot look, and a person adds the `peer` line.
fn may_connect(environment: &Environment, data: &Path) -> Result<(), Refusal> {
    let method = environment
        .host_auth_method
        .as_deref()
        .unwrap_or("scram-sha-256");
    let hba = format!(
        "# TYPE  DATABASE     USER  ADDRESS  METHOD\n\
         # Whoever may enter the container may enter the server: `docker exec`, and the agent on the host.\n\
         local   all          all            peer map=container\n\
         local   replication  all            peer map=container\n\
         host    all          all   all      {method}\n"
    );
    let ident = "# MAPNAME    SYSTEM-USERNAME  PG-USERNAME\n\
                 container    root             all\n\
                 container    postgres         all\n";
    for (name, text) in [("pg_hba.conf", hba.as_str()), ("pg_ident.conf", ident)] {
        fs::write(data.join(name), text).tried(|| format!("cannot write {name}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_leaves_only_as_a_verifier() {
        let made = verifier("secret");
        assert!(made.starts_with("SCRAM-SHA-256$4096:") && !made.contains("secret"));
        assert_eq!(verifier(&made), made);
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(quoted("Al \"ice'"), "\"Al \"\"ice'\"");
    }

    #[test]
    fn a_locale_of_the_users_own_replaces_ours() {
        let words = |text: &str| words::split(text).unwrap();
        for text in [
            "--locale=de_DE.utf8",
            "--no-locale",
            "--lc-collate=C",
            "--icu-locale=en --locale-provider=icu",
        ] {
            assert!(names_a_locale(&words(text)), "{text}");
        }
        assert!(!names_a_locale(&words("--wal-segsize=64")));
    }
}
