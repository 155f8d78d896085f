//! The environment variables of the contract, read once and checked: after this nothing asks for a variable.
//!
//! Every variable that carries a value of the user's also exists with `_FILE`. Values may hold spaces and
//! quotes: no part of them is ever pasted into a shell or into SQL without quoting.

use std::ffi::OsString;
use std::path::PathBuf;

use aza_agent::api::{Bytes, Storage, Workload};

use crate::refusal::{Context, Refusal};

/// Where a value may come from: `std::env::var_os`, or a table in tests.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Loaded where nobody says otherwise.
pub const DEFAULT_PRELOAD: [&str; 4] = ["pg_stat_statements", "auto_explain", "pg_cron", "pgaudit"];

/// A password. It has no `Debug` on purpose.
pub struct Password(String);

impl Password {
    /// Returns it, for the one place that makes a verifier of it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// What the container was told through its environment.
pub struct Environment {
    /// `PGDATA`
    pub pgdata: PathBuf,
    /// `POSTGRES_USER`, the superuser of a first boot.
    pub user: String,
    /// `POSTGRES_PASSWORD`, `None` when unset or empty.
    pub password: Option<Password>,
    /// `POSTGRES_DB`
    pub database: String,
    /// `POSTGRES_INITDB_ARGS`
    pub initdb_args: String,
    /// `POSTGRES_HOST_AUTH_METHOD`
    pub host_auth_method: Option<String>,
    /// Whether pages carry checksums: not with `DISABLE_DATA_CHECKSUMS=true`.
    pub checksums: bool,
    /// `POSTGRES_MEMORY`
    pub memory: Option<Bytes>,
    /// `POSTGRES_WORKLOAD`
    pub workload: Option<Workload>,
    /// `POSTGRES_STORAGE`
    pub storage: Option<Storage>,
    /// `POSTGRES_SHARED_PRELOAD_LIBRARIES`
    pub preload: Option<Vec<String>>,
}

impl Environment {
    /// Reads and checks the variables.
    ///
    /// # Errors
    /// Two sources for one value, an unreadable file, or a value that is none.
    pub fn read(lookup: Lookup) -> Result<Self, Refusal> {
        let user = value(lookup, "POSTGRES_USER")?.unwrap_or_else(|| "postgres".into());
        let database = value(lookup, "POSTGRES_DB")?.unwrap_or_else(|| user.clone());
        for (name, text) in [("POSTGRES_USER", &user), ("POSTGRES_DB", &database)] {
            if text.len() > 63 || text.chars().any(char::is_control) {
                return Err(Refusal::new(format!(
                    "{name}: a name has at most 63 bytes and no control characters"
                )));
            }
        }
        let pgdata = lookup("PGDATA").filter(|path| !path.is_empty());
        Ok(Self {
            pgdata: pgdata
                .unwrap_or_else(|| "/var/lib/postgresql/18/docker".into())
                .into(),
            password: value(lookup, "POSTGRES_PASSWORD")?.map(Password),
            user,
            database,
            initdb_args: value(lookup, "POSTGRES_INITDB_ARGS")?.unwrap_or_default(),
            host_auth_method: value(lookup, "POSTGRES_HOST_AUTH_METHOD")?,
            checksums: value(lookup, "DISABLE_DATA_CHECKSUMS")?.is_none_or(|text| text != "true"),
            memory: value(lookup, "POSTGRES_MEMORY")?
                .map(|text| memory(&text))
                .transpose()?,
            workload: word(
                lookup,
                "POSTGRES_WORKLOAD",
                Workload::parse,
                "web, oltp, dw or mixed",
            )?,
            storage: word(
                lookup,
                "POSTGRES_STORAGE",
                Storage::parse,
                "ssd, hdd or san",
            )?,
            preload: preload(lookup)?,
        })
    }
}

/// Returns a variable's value, or that of the file which `NAME_FILE` names; `None` when unset or empty.
fn value(lookup: Lookup, name: &str) -> Result<Option<String>, Refusal> {
    let file_name = format!("{name}_FILE");
    let direct = lookup(name).filter(|text| !text.is_empty());
    let file = lookup(&file_name).filter(|path| !path.is_empty());
    match (direct, file) {
        (Some(_), Some(_)) => Err(Refusal::new(format!("both {name} and {file_name} are set"))
            .fix("set only one of them")),
        (Some(text), None) => {
            let text = text
                .into_string()
                .map_err(|_| Refusal::new(format!("{name} is not UTF-8")))?;
            Ok(Some(text))
        }
        (None, Some(path)) => {
            let shown = PathBuf::from(&path).display().to_string();
            let text = std::fs::read_to_string(&path)
                .tried(|| format!("cannot read {shown}, which {file_name} names"))?;
            // As `$(<file)` does: a file edited by hand ends with a newline that is not part of the value.
            let text = text.trim_end_matches(['\n', '\r']).to_owned();
            Ok(Some(text).filter(|text| !text.is_empty()))
        }
        (None, None) => Ok(None),
    }
}

/// Reads `POSTGRES_MEMORY`: with a unit, or a bare number of MB.
fn memory(text: &str) -> Result<Bytes, Refusal> {
    let text = text.trim();
    let bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let with_unit = if bare {
        format!("{text}MB")
    } else {
        text.to_owned()
    };
    Bytes::parse(&with_unit).map_err(|wrong| {
        Refusal::new(format!("POSTGRES_MEMORY: {wrong}")).fix("write for example 2048 (MB) or 2GB")
    })
}

fn word<T>(
    lookup: Lookup,
    name: &str,
    parse: fn(&str) -> Option<T>,
    allowed: &str,
) -> Result<Option<T>, Refusal> {
    let Some(text) = value(lookup, name)? else {
        return Ok(None);
    };
    let parsed = parse(text.trim());
    parsed
        .map(Some)
        .ok_or_else(|| Refusal::new(format!("{name}: `{text}` is not one of {allowed}")))
}

/// Reads the preload list. Set but empty is a choice too: nothing is loaded.
fn preload(lookup: Lookup) -> Result<Option<Vec<String>>, Refusal> {
    let name = "POSTGRES_SHARED_PRELOAD_LIBRARIES";
    if lookup(name).is_some_and(|text| text.is_empty()) {
        return Ok(Some(Vec::new()));
    }
    Ok(value(lookup, name)?.map(|text| {
        let names = text.split(',').map(|name| name.trim().trim_matches('"'));
        names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(table: &[(&str, &str)]) -> Result<Environment, String> {
        let lookup = |name: &str| {
            table
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| OsString::from(value))
        };
        Environment::read(&lookup).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn nothing_set_means_the_defaults_people_know() {
        let environment = read(&[]).unwrap();
        assert_eq!(
            environment.pgdata,
            PathBuf::from("/var/lib/postgresql/18/docker")
        );
        assert_eq!(
            (environment.user.as_str(), environment.database.as_str()),
            ("postgres", "postgres")
        );
        assert!(environment.checksums && environment.password.is_none());
    }

    #[test]
    fn the_database_is_named_after_the_user_unless_it_has_a_name() {
        assert_eq!(
            read(&[("POSTGRES_USER", "Al \"ice'")]).unwrap().database,
            "Al \"ice'"
        );
    }

    #[test]
    fn a_bare_memory_is_megabytes() {
        for (text, mib) in [("768", 768), ("2GB", 2048), ("1.5GiB", 1536)] {
            assert_eq!(
                read(&[("POSTGRES_MEMORY", text)]).unwrap().memory,
                Some(Bytes::mib(mib))
            );
        }
        assert!(
            read(&[("POSTGRES_MEMORY", "lots")])
                .err()
                .unwrap()
                .contains("POSTGRES_MEMORY")
        );
    }

    #[test]
    fn a_value_and_its_file_at_once_are_refused() {
        let wrong = read(&[("POSTGRES_PASSWORD", "a"), ("POSTGRES_PASSWORD_FILE", "/b")])
            .err()
            .unwrap();
        assert!(
            wrong.contains("both POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE"),
            "{wrong}"
        );
    }

    #[test]
    fn an_unreadable_file_is_named() {
        let wrong = read(&[("POSTGRES_USER_FILE", "/does/not/exist")])
            .err()
            .unwrap();
        assert!(
            wrong.contains("/does/not/exist") && wrong.contains("POSTGRES_USER_FILE"),
            "{wrong}"
        );
    }

    #[test]
    fn an_empty_preload_list_loads_nothing() {
        assert_eq!(
            read(&[("POSTGRES_SHARED_PRELOAD_LIBRARIES", "")])
                .unwrap()
                .preload,
            Some(vec![])
        );
        assert_eq!(read(&[]).unwrap().preload, None);
        let list = read(&[("POSTGRES_SHARED_PRELOAD_LIBRARIES", " a, \"b\" ,")])
            .unwrap()
            .preload;
        assert_eq!(list.unwrap(), ["a", "b"]);
    }
}
