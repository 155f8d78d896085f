//! The server through SQL, read-only.
//!
//! What a start of the server fixes, the files of its image, is read once for each start; everything else
//! by three queries; extensions only where the manifest names some.
//!
//! What surprised us: a value that only waits for a restart is an error in `pg_file_settings` ("setting
//! could not be applied"), in the same words as a value that the server does not take.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Row};

use crate::api::SettingName;
use crate::api::desired::Desired;
use crate::api::setting::{Canonical, Context, SettingDef, VarType};
use crate::client::{APPLICATION, WayIn, in_words};
use crate::facts::settings::FileError;
use crate::facts::{Collation, Observation, Server, SettingRow};

use super::extensions::{Shelf, extensions};

use super::password::PasswordFile;

/// How long the container's address may take to answer; it is one round trip over a bridge.
const ADDRESS_DEADLINE: Duration = Duration::from_secs(2);

/// Asks the server for everything that a pass compares. `shelf` is what its image was seen to have.
///
/// # Errors
/// A query fails.
pub(super) async fn look(
    (way, client): (&WayIn, &Client),
    desired: &Desired,
    names: &BTreeSet<SettingName>,
    address: Option<IpAddr>,
    (shelf, password): (&mut Shelf, &PasswordFile<'_>),
) -> Result<Server, tokio_postgres::Error> {
    let (identity, files, address_failure) = tokio::join!(
        client.query_one(IDENTITY, &[&APPLICATION]),
        client.query(FILES, &[]),
        address_failure(address),
    );
    let (identity, files) = (identity?, Files::of(&files?));
    let started_at = timestamp(identity.try_get(2)?);
    shelf
        .fill(client, started_at, !desired.extensions.is_empty())
        .await?;
    let auto_conf_unreadable = files.auto_lines.is_empty() && cannot_read_auto_conf(client).await;
    let password_holds = password_holds(client, password).await;
    let collations = collations(client).await;
    let mut wanted: BTreeSet<&str> = names.iter().map(SettingName::as_str).collect();
    wanted.extend(files.auto_lines.keys().map(SettingName::as_str));
    let wanted: Vec<&str> = wanted
        .into_iter()
        .chain(files.errors.iter().filter_map(|(e, _)| e.name.as_deref()))
        .collect();
    let rows = client.query(SETTINGS, &[&wanted]).await?;
    let settings: BTreeMap<SettingName, SettingRow> =
        rows.iter().filter_map(|row| setting(row, &files)).collect();
    Ok(Server {
        version_num: identity.try_get::<_, i32>(0)?.unsigned_abs(),
        system_identifier: identity.try_get(1)?,
        started_at,
        reinitialised_at: reinitialised(identity.try_get(2)?, identity.try_get(6)?),
        in_recovery: identity.try_get(3)?,
        tuning_revision: identity
            .try_get::<_, Option<&str>>(4)?
            .and_then(|r| r.parse().ok()),
        inputs: identity.try_get(5)?,
        file_errors: real_errors(files.errors, &settings),
        settings,
        auto_lines: files.auto_lines,
        auto_conf_unreadable,
        password_holds,
        collations,
        libraries: shelf.libraries.clone(),
        extensions: extensions(way, client, desired, shelf).await?,
        address_failure,
        login_failure: identity.try_get::<_, Option<i32>>(7)?.map(no_place_left),
    })
}

fn no_place_left(places: i32) -> String {
    format!(
        "all {places} connections that are not reserved for superusers are taken; look at max_connections, \
         and at who holds them in pg_stat_activity"
    )
}

const IDENTITY: &str = "SELECT current_setting('server_version_num')::int, \
     (SELECT system_identifier::text FROM pg_control_system()), \
     extract(epoch FROM pg_postmaster_start_time())::float8, pg_is_in_recovery(), \
     nullif(current_setting('aza.tuning_revision', true), ''), nullif(current_setting('aza.inputs', true), ''), \
     (SELECT extract(epoch FROM backend_start)::float8 FROM pg_stat_activity WHERE backend_type = 'checkpointer'), \
     (SELECT places FROM (SELECT current_setting('max_connections')::int \
        - current_setting('superuser_reserved_connections')::int \
        - coalesce(current_setting('reserved_connections', true), '0')::int) p (places) WHERE places <= \
        (SELECT 1 + count(*) FROM pg_stat_get_activity(NULL) a \
         WHERE a.backend_type = 'client backend' AND a.application_name IS DISTINCT FROM $1))";

const FILES: &str =
    "SELECT sourcefile, sourceline, name, setting, error FROM pg_file_settings ORDER BY seqno";

const SETTINGS: &str = "SELECT name, vartype, unit, context, min_val, max_val, enumvals, setting, source, boot_val \
     FROM pg_settings WHERE name = ANY($1::text[])";

fn timestamp(epoch: f64) -> Timestamp {
    Timestamp::from_microsecond((epoch * 1e6) as i64).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A file that the server's user may not open is no error in `pg_file_settings`: it is not there. Asked only
/// where no line of it was told.
async fn cannot_read_auto_conf(client: &Client) -> bool {
    const FIRST_BYTE: &str = "SELECT length(pg_read_file('postgresql.auto.conf', 0, 1, true))";
    const IS_SUPERUSER: &str = "SELECT current_setting('is_superuser') = 'on'";
    let Err(error) = client.query_one(FIRST_BYTE, &[]).await else {
        return false;
    };
    // Who is no superuser may call no such function, which says nothing about the file.
    let may_ask = async || {
        client
            .query_one(IS_SUPERUSER, &[])
            .await?
            .try_get::<_, bool>(0)
    };
    error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) && may_ask().await.unwrap_or(false)
}

async fn password_holds(client: &Client, password: &PasswordFile<'_>) -> Observation<bool> {
    const VERIFIER: &str = "SELECT rolpassword FROM pg_authid WHERE rolname = current_user";
    let verifier = client.query_one(VERIFIER, &[]).await;
    match verifier.and_then(|row| row.try_get::<_, Option<String>>(0)) {
        Ok(verifier) => password.holds(verifier.as_deref()),
        Err(error) => Observation::unknown(in_words(&error)),
    }
}

/// Asked for apart from everything else: the version of a locale that the image lacks is an error.
async fn collations(client: &Client) -> Observation<Vec<Collation>> {
    const OTHERS: &str = "SELECT datname::text, datcollversion, now FROM pg_database, \
         LATERAL (SELECT pg_database_collation_actual_version(oid)) a (now) \
         WHERE datallowconn AND datcollversion <> now ORDER BY datname";
    let collation = |row: &Row| {
        Ok(Collation {
            database: row.try_get(0)?,
            made_with: row.try_get(1)?,
            now: row.try_get(2)?,
        })
    };
    let rows = client.query(OTHERS, &[]).await;
    match rows.and_then(|rows| rows.iter().map(collation).collect()) {
        Ok(others) => Observation::Known(others),
        Err(error) => Observation::unknown(in_words(&error)),
    }
}

/// How much later than the postmaster its checkpointer may start in an ordinary start. It comes right after it, also
/// before a crash recovery; one that is later was started again with all others, because a process had died.
const ORDINARY_START: f64 = 2.0;

fn reinitialised(started: f64, checkpointer: Option<f64>) -> Option<Timestamp> {
    checkpointer
        .filter(|checkpointer| checkpointer - started > ORDINARY_START)
        .map(timestamp)
}

/// What the configuration files say, `postgresql.auto.conf` apart from the others.
struct Files {
    base: BTreeMap<String, String>,
    auto_lines: BTreeMap<SettingName, String>,
    /// Each with the value of its line.
    errors: Vec<(FileError, Option<String>)>,
}

impl Files {
    fn of(rows: &[Row]) -> Self {
        let mut files = Self {
            base: BTreeMap::new(),
            auto_lines: BTreeMap::new(),
            errors: Vec::new(),
        };
        for row in rows {
            let file: String = row.try_get(0).unwrap_or_default();
            let name: Option<String> = row.try_get(2).ok();
            let value: Option<String> = row.try_get(3).ok();
            if let Ok(Some(error)) = row.try_get::<_, Option<String>>(4) {
                let line = row.try_get::<_, i32>(1).unwrap_or(0).unsigned_abs();
                let file = file.rsplit('/').next().unwrap_or(&file).to_owned();
                let error = FileError {
                    file,
                    line,
                    name: name.clone(),
                    error,
                };
                files.errors.push((error, value.clone()));
            }
            let (Some(name), Some(value)) = (name, value) else {
                continue;
            };
            if !file.ends_with("/postgresql.auto.conf") {
                files.base.insert(name.to_ascii_lowercase(), value);
            } else if let Ok(name) = SettingName::parse(&name) {
                files.auto_lines.insert(name, value);
            }
        }
        files
    }
}

/// Returns the errors without the values that only wait for a restart; the drift says so already.
fn real_errors(
    errors: Vec<(FileError, Option<String>)>,
    settings: &BTreeMap<SettingName, SettingRow>,
) -> Vec<FileError> {
    let only_waits = |error: &FileError, value: Option<&str>| {
        let name = error
            .name
            .as_deref()
            .and_then(|n| SettingName::parse(n).ok());
        let row = name.and_then(|n| settings.get(&n));
        row.zip(value).is_some_and(|(row, value)| {
            row.def.context == Context::Postmaster && row.def.canonical(value).is_ok()
        })
    };
    let real = errors
        .into_iter()
        .filter(|(error, value)| !only_waits(error, value.as_deref()));
    real.map(|(error, _)| error).collect()
}

fn setting(row: &Row, files: &Files) -> Option<(SettingName, SettingRow)> {
    let text = |i: usize| row.try_get::<_, Option<String>>(i).ok().flatten();
    let name = text(0)?;
    let def = SettingDef {
        vartype: VarType::parse(&text(1)?)?,
        unit: text(2).filter(|u| !u.is_empty()),
        context: Context::parse(&text(3)?)?,
        min: text(4).and_then(|m| m.parse().ok()),
        max: text(5).and_then(|m| m.parse().ok()),
        enumvals: row
            .try_get::<_, Option<Vec<String>>>(6)
            .ok()
            .flatten()
            .unwrap_or_default(),
        name: name.clone(),
    };
    let base = files.base.get(&name.to_ascii_lowercase()).cloned();
    let parsed = SettingName::parse(&name).ok()?;
    let (running, source, boot) = (text(7).unwrap_or_default(), text(8)?, text(9));
    let (running, source) = match source.as_str() {
        "client" | "session" => {
            let line = files.auto_lines.get(&parsed).or(base.as_ref());
            for_others(&def, line, boot.as_deref()).unwrap_or((running, source))
        }
        _ => (running, source),
    };
    let row = SettingRow {
        running,
        source,
        boot,
        base,
        def,
    };
    Some((parsed, row))
}

/// What other sessions have where ours has a value of its own: what the files say. It is asked only where a
/// new login is refused, and a look has to do with the session that it has.
fn for_others(
    def: &SettingDef,
    line: Option<&String>,
    boot: Option<&str>,
) -> Option<(String, String)> {
    let (value, source) = match line {
        Some(line) => (line.as_str(), "configuration file"),
        None => (boot?, "default"),
    };
    let value = match def.canonical(value).ok()? {
        Canonical::Bool(on) => if on { "on" } else { "off" }.to_owned(),
        Canonical::Integer(number) => number.to_string(),
        Canonical::Real(number) => number.to_string(),
        Canonical::Text(_) if def.enumvals.is_empty() => value.to_owned(),
        Canonical::Text(word) => word,
    };
    Some((value, source.to_owned()))
}

/// Asks at the container's address whether TLS is spoken there: every postmaster answers that with one
/// byte, before any login, and nothing else does.
async fn address_failure(address: Option<IpAddr>) -> Option<String> {
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
    let Some(address) = address else {
        return Some("the container has no address: it is on no network".to_owned());
    };
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect((address, 5432)).await?;
        stream.write_all(&SSL_REQUEST).await?;
        stream.read_u8().await
    };
    match tokio::time::timeout(ADDRESS_DEADLINE, ask).await {
        Ok(Ok(b'S' | b'N')) => None,
        Ok(Ok(byte)) => Some(format!(
            "{address}:5432 answers byte {byte}, not as PostgreSQL does"
        )),
        Ok(Err(error)) => Some(format!("{address}:5432: {error}")),
        Err(_) => Some(format!(
            "{address}:5432 gave no answer within {} s",
            ADDRESS_DEADLINE.as_secs()
        )),
    }
}
