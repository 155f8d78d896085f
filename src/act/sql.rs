//! Statements as text, quoted. Pure.

use crate::api::SettingName;

/// Settings that PostgreSQL keeps as a list of quoted names (`GUC_LIST_QUOTE`, the list that
/// `pg_dump` carries too). One literal `'a,b'` would be stored as one name with a comma, and a server
/// that preloads it cannot start.
const LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// Returns `ALTER SYSTEM SET` for a value, or `RESET` for none.
#[must_use]
pub fn alter_system(name: &SettingName, value: Option<&str>) -> String {
    let quoted = identifier_path(name);
    match value {
        None => format!("ALTER SYSTEM RESET {quoted}"),
        Some(list) if LISTS.contains(&name.as_str()) => {
            let items = crate::diff::settings::list_items(list);
            let items: Vec<String> = items.iter().map(|item| literal(item)).collect();
            // No item at all is written as one empty literal.
            let items = if items.is_empty() {
                "''".to_owned()
            } else {
                items.join(", ")
            };
            format!("ALTER SYSTEM SET {quoted} = {items}")
        }
        Some(value) => format!("ALTER SYSTEM SET {quoted} = {}", literal(value)),
    }
}

/// Returns `ALTER ROLE … PASSWORD` of a verifier: a password in clear text would stay readable in the log and in
/// `pg_stat_statements`.
#[must_use]
pub fn set_verifier(role: &str, verifier: &str) -> String {
    format!(
        "ALTER ROLE {} PASSWORD {}",
        identifier(role),
        literal(verifier)
    )
}

/// Returns `CREATE EXTENSION`, never CASCADE: what it requires is planned by name.
#[must_use]
pub fn create_extension(name: &str, version: Option<&str>) -> String {
    let version = version
        .map(|v| format!(" VERSION {}", identifier(v)))
        .unwrap_or_default();
    format!(
        "CREATE EXTENSION IF NOT EXISTS {}{version}",
        identifier(name)
    )
}

/// Returns `ALTER EXTENSION … UPDATE`.
#[must_use]
pub fn update_extension(name: &str, version: &str) -> String {
    format!(
        "ALTER EXTENSION {} UPDATE TO {}",
        identifier(name),
        identifier(version)
    )
}

/// Returns `DROP EXTENSION`, never CASCADE: what depends on it is not ours to drop.
#[must_use]
pub fn drop_extension(name: &str) -> String {
    format!("DROP EXTENSION IF EXISTS {} RESTRICT", identifier(name))
}

/// A setting's name, each of its at most two parts quoted alone: quoted as a whole, a prefix would
/// become a part of an identifier with a dot in it.
fn identifier_path(name: &SettingName) -> String {
    name.as_str()
        .split('.')
        .map(identifier)
        .collect::<Vec<_>>()
        .join(".")
}

fn identifier(text: &str) -> String {
    postgres_quote(text, '"')
}

fn literal(text: &str) -> String {
    // With standard_conforming_strings on, its default, a backslash is an ordinary letter.
    postgres_quote(text, '\'')
}

fn postgres_quote(text: &str, quote: char) -> String {
    let doubled = text.replace(quote, &format!("{quote}{quote}"));
    format!("{quote}{doubled}{quote}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> SettingName {
        SettingName::parse(text).unwrap()
    }

    #[test]
    fn a_list_setting_gets_one_literal_for_each_name() {
        let sql = alter_system(
            &name("shared_preload_libraries"),
            Some("pg_cron, \"pgaudit\""),
        );
        assert_eq!(
            sql,
            r#"ALTER SYSTEM SET "shared_preload_libraries" = 'pg_cron', 'pgaudit'"#
        );
        let none = alter_system(&name("shared_preload_libraries"), Some(""));
        assert_eq!(none, r#"ALTER SYSTEM SET "shared_preload_libraries" = ''"#);
    }

    #[test]
    fn a_single_string_with_commas_stays_one_literal() {
        let sql = alter_system(&name("synchronous_standby_names"), Some("ANY 1 (a, b)"));
        assert_eq!(
            sql,
            r#"ALTER SYSTEM SET "synchronous_standby_names" = 'ANY 1 (a, b)'"#
        );
    }

    #[test]
    fn quotes_cannot_end_a_literal_or_a_name() {
        let sql = alter_system(&name("pgaudit.log"), Some("x'; DROP TABLE t; --"));
        assert_eq!(
            sql,
            r#"ALTER SYSTEM SET "pgaudit"."log" = 'x''; DROP TABLE t; --'"#
        );
        assert_eq!(
            drop_extension("a\"b"),
            r#"DROP EXTENSION IF EXISTS "a""b" RESTRICT"#
        );
    }
}
