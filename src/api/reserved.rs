//! Settings that a manifest may not decide, and values that do harm later.
//!
//! Three kinds of harm: the agent loses its way in, the next start is fatal while everything looks
//! well until then, or data is at risk. The first two are refused, the third is warned of. Everything
//! else is the user's to decide.

use std::collections::BTreeMap;

use super::name::SettingName;
use super::quantity::Bytes;
use super::setting::{Canonical, Context, is_for_developers, recorded};

/// Two segments of 16 MB: with less the server does not start.
const SMALLEST_WAL_MB: i64 = 32;
/// A session needs some time to log in.
const SHORTEST_TRANSACTION_MS: i64 = 1000;
/// The fewest connections that the tuner ever gives.
const FEWEST_CONNECTIONS: i64 = 25;
/// The server's own `superuser_reserved_connections` where nobody says otherwise.
const RESERVED_FOR_SUPERUSERS: i64 = 3;
/// PostgreSQL's pages.
const PAGE: u64 = 8192;

/// Returns why a manifest may not decide a setting; `None` where it may.
#[must_use]
pub fn not_for_users(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let reason = match lower.as_str() {
        "data_directory" | "config_file" | "hba_file" | "ident_file" | "external_pid_file" => {
            "the image decides where its files lie"
        }
        "port" | "listen_addresses" => {
            "clients in the container's network expect it as it is; `spec.publish` has the host's \
             address and port"
        }
        "unix_socket_directories" | "unix_socket_group" | "unix_socket_permissions" => {
            "the agent reaches the server through this socket"
        }
        "allow_alter_system" => "the agent changes settings through ALTER SYSTEM",
        "session_preload_libraries" | "local_preload_libraries" => {
            "a missing library would lock out every new connection; `shared_preload_libraries` is \
             checked before a start"
        }
        "logging_collector" => {
            "the server's log goes to the container's log, where Docker rotates it"
        }
        "primary_conninfo"
        | "primary_slot_name"
        | "restore_command"
        | "recovery_end_command"
        | "archive_cleanup_command"
        | "recovery_min_apply_delay"
        | "hot_standby" => "it is for standbys and restores, not for a single server",
        "synchronous_standby_names" => {
            "a single server has no standby, and every commit would wait for one"
        }
        _ if lower.starts_with("recovery_target") => "it is for restores, not for a running server",
        _ if lower.starts_with("aza.") => "settings with this prefix are the agent's own",
        _ if is_for_developers(&lower) => {
            "PostgreSQL has it for its own developers; data or connections can be lost"
        }
        _ if recorded(&lower).is_some_and(|def| def.context == Context::Internal) => {
            "the server only shows it; nothing can change it"
        }
        _ => return None,
    };
    Some(reason)
}

/// Returns why a value that is in range would still do harm: end a later start, lock everyone out, or
/// be refused at the last moment; `None` where it would not.
#[must_use]
pub fn bomb(name: &str, value: &Canonical) -> Option<&'static str> {
    match (name, value) {
        ("wal_level", Canonical::Text(level)) if level == "minimal" => Some(
            "the server would not start again: backups and standbys (`max_wal_senders`) need `replica`",
        ),
        ("io_method", Canonical::Text(method)) if method == "io_uring" => {
            Some("Docker's seccomp profile forbids io_uring: the next start would fail")
        }
        ("huge_pages", Canonical::Text(word)) if word == "on" => Some(
            "without enough huge pages the next start would fail: `try` uses them where they are",
        ),
        ("ssl", Canonical::Bool(true)) => {
            Some("this release has no certificates yet: the next start would fail")
        }
        ("bonjour", Canonical::Bool(true)) => {
            Some("the image is built without it: the next start would fail")
        }
        ("max_wal_size" | "min_wal_size", Canonical::Integer(size)) if *size < SMALLEST_WAL_MB => {
            Some("the next start would fail: at least 32MB, two WAL segments")
        }
        ("transaction_timeout", Canonical::Integer(ms))
            if (1..SHORTEST_TRANSACTION_MS).contains(ms) =>
        {
            Some("no connection could log in any more: 0 or at least 1s")
        }
        ("vacuum_buffer_usage_limit", Canonical::Integer(kb)) if (1..128).contains(kb) => {
            Some("the server takes 0, or 128kB and more")
        }
        _ => None,
    }
}

/// Returns what values would do together, by setting, given the container's memory limit.
#[must_use]
pub fn bombs_together(
    values: &BTreeMap<SettingName, Canonical>,
    memory: Option<Bytes>,
) -> Vec<(&'static str, String)> {
    let number = |name: &str| match values.iter().find(|(n, _)| n.as_str() == name) {
        Some((_, Canonical::Integer(number))) => Some(*number),
        Some((_, Canonical::Bool(_) | Canonical::Real(_) | Canonical::Text(_))) | None => None,
    };
    let mut bombs = Vec::new();
    let shared = number("shared_buffers").and_then(|pages| u64::try_from(pages).ok());
    if let (Some(pages), Some(limit)) = (shared, memory)
        && pages.saturating_mul(PAGE) >= limit.0
    {
        let message = format!(
            "does not fit the memory limit of {limit}: the server would start, and be killed when it \
             uses them"
        );
        bombs.push(("shared_buffers", message));
    }
    let for_superusers = number("superuser_reserved_connections");
    let reserved = number("reserved_connections");
    let all_reserved = for_superusers.unwrap_or(RESERVED_FOR_SUPERUSERS) + reserved.unwrap_or(0);
    let limit = number("max_connections");
    if all_reserved >= limit.unwrap_or(FEWEST_CONNECTIONS) {
        let name = match (for_superusers, reserved) {
            (_, Some(_)) => "reserved_connections",
            (Some(_), None) => "superuser_reserved_connections",
            (None, None) => "max_connections",
        };
        let message = match limit {
            Some(limit) => format!(
                "reserved connections ({all_reserved}) must be fewer than max_connections ({limit}): the \
                 next start would fail"
            ),
            None => format!(
                "{all_reserved} reserved connections may be more than the tuner gives: set \
                 max_connections too"
            ),
        };
        bombs.push((name, message));
    }
    bombs
}

/// Returns why a value is dangerous although it is allowed.
#[must_use]
pub fn risk(name: &str, value: &Canonical) -> Option<&'static str> {
    match (name, value) {
        ("fsync", Canonical::Bool(false)) => {
            Some("a crash of the host can destroy the whole database")
        }
        ("full_page_writes", Canonical::Bool(false)) => {
            Some("a crash of the host can leave torn pages that nothing repairs")
        }
        ("autovacuum", Canonical::Bool(false)) => {
            Some("tables bloat, until the server has to stop to save its transaction ids")
        }
        ("password_encryption", Canonical::Text(word)) if word == "md5" => {
            Some("md5 passwords are deprecated; `scram-sha-256` is the default")
        }
        _ => None,
    }
}
