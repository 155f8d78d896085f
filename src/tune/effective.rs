//! The settings that cost memory, with the values that really count: tuned, overridden in a
//! manifest, or left behind in `postgresql.auto.conf`.

use crate::api::Bytes;

use super::Tuning;

/// What the memory budget is computed from. A setting nobody gave has the server's default.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// `shared_buffers`
    pub shared_buffers: Bytes,
    /// `max_connections`
    pub max_connections: u32,
    /// `work_mem`
    pub work_mem: Bytes,
    /// `hash_mem_multiplier`
    pub hash_mem_multiplier: f64,
    /// `maintenance_work_mem`
    pub maintenance_work_mem: Bytes,
    /// `autovacuum_max_workers`
    pub autovacuum_max_workers: u32,
    /// `autovacuum_work_mem`; `None` stands for -1, which means `maintenance_work_mem`.
    pub autovacuum_work_mem: Option<Bytes>,
    /// `io_workers`
    pub io_workers: u32,
    /// `max_worker_processes`
    pub max_worker_processes: u32,
    /// `max_parallel_workers`
    pub max_parallel_workers: u32,
    /// `max_parallel_workers_per_gather`
    pub max_parallel_workers_per_gather: u32,
    /// `max_parallel_maintenance_workers`
    pub max_parallel_maintenance_workers: u32,
    /// `enable_parallel_hash`
    pub enable_parallel_hash: bool,
    /// The exact shared memory, where `postgres -C shared_memory_size` told it; zero when huge
    /// pages hold it, which the memory cgroup does not charge. `None`: an upper bound is computed.
    pub shared_memory: Option<Bytes>,
}

impl Effective {
    /// Returns what the tuner chose.
    #[must_use]
    pub fn of(tuning: &Tuning) -> Self {
        Self::from_lookup(|name| tuning.value(name).map(str::to_owned))
    }

    /// Reads each setting through `lookup`, which answers in PostgreSQL's grammar (`512MB`) or, as
    /// `pg_settings.setting` does, with a bare number in the setting's own unit (`65536`).
    ///
    /// A value that cannot be read counts as not given: the server skips such a line too.
    #[must_use]
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let memory = |name: &str, unit: u64| lookup(name).and_then(|text| memory(&text, unit));
        let count = |name: &str| lookup(name).and_then(|text| text.trim().parse::<u32>().ok());
        Self {
            shared_buffers: memory("shared_buffers", 8 * Bytes::KIB).unwrap_or(Bytes::mib(128)),
            max_connections: count("max_connections").unwrap_or(100),
            work_mem: memory("work_mem", Bytes::KIB).unwrap_or(Bytes::mib(4)),
            hash_mem_multiplier: lookup("hash_mem_multiplier")
                .and_then(|text| text.trim().parse().ok())
                .filter(|factor: &f64| factor.is_finite())
                .unwrap_or(2.0),
            maintenance_work_mem: memory("maintenance_work_mem", Bytes::KIB)
                .unwrap_or(Bytes::mib(64)),
            autovacuum_max_workers: count("autovacuum_max_workers").unwrap_or(3),
            autovacuum_work_mem: memory("autovacuum_work_mem", Bytes::KIB),
            io_workers: count("io_workers").unwrap_or(3),
            max_worker_processes: count("max_worker_processes").unwrap_or(8),
            max_parallel_workers: count("max_parallel_workers").unwrap_or(8),
            max_parallel_workers_per_gather: count("max_parallel_workers_per_gather").unwrap_or(2),
            max_parallel_maintenance_workers: count("max_parallel_maintenance_workers")
                .unwrap_or(2),
            enable_parallel_hash: lookup("enable_parallel_hash")
                .and_then(|text| boolean(&text))
                .unwrap_or(true),
            shared_memory: None,
        }
    }
}

/// Reads an amount of memory; a bare number counts in `unit` bytes. `None` for -1 and what is no
/// amount.
fn memory(text: &str, unit: u64) -> Option<Bytes> {
    let text = text.trim();
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..split].parse().ok()?;
    let scale = match text[split..].trim() {
        "" => unit,
        "B" => 1,
        "kB" => Bytes::KIB,
        "MB" => Bytes::MIB,
        "GB" => Bytes::GIB,
        "TB" => Bytes::GIB << 10,
        _ => return None,
    };
    Some(Bytes((number * scale as f64).round() as u64))
}

/// Reads a boolean as PostgreSQL does: any unambiguous beginning of a word.
fn boolean(text: &str) -> Option<bool> {
    let text = text.trim().to_ascii_lowercase();
    let begins = |word: &str, least: usize| text.len() >= least && word.starts_with(&text);
    if begins("on", 2) || begins("true", 1) || begins("yes", 1) || text == "1" {
        Some(true)
    } else if begins("off", 2) || begins("false", 1) || begins("no", 1) || text == "0" {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(pairs: &'static [(&str, &str)]) -> Effective {
        Effective::from_lookup(|name| {
            pairs
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| (*v).to_owned())
        })
    }

    #[test]
    fn a_bare_number_counts_in_the_unit_of_its_setting() {
        let seen = lookup(&[("shared_buffers", "65536"), ("work_mem", "4096")]);
        assert_eq!(
            (seen.shared_buffers, seen.work_mem),
            (Bytes::mib(512), Bytes::mib(4))
        );
    }

    #[test]
    fn units_and_fractions_are_read() {
        let seen = lookup(&[("shared_buffers", " 1.5GB "), ("work_mem", "64 kB")]);
        assert_eq!(
            (seen.shared_buffers, seen.work_mem),
            (Bytes::mib(1536), Bytes(65536))
        );
    }

    #[test]
    fn minus_one_means_maintenance_work_mem() {
        assert_eq!(
            lookup(&[("autovacuum_work_mem", "-1")]).autovacuum_work_mem,
            None
        );
    }

    #[test]
    fn what_the_server_would_skip_counts_as_its_default() {
        let seen = lookup(&[
            ("shared_buffers", "lots"),
            ("work_mem", "4mb"),
            ("io_workers", "-3"),
        ]);
        assert_eq!(seen, lookup(&[]));
    }

    #[test]
    fn booleans_have_many_spellings() {
        for (text, value) in [
            ("on", Some(true)),
            ("T", Some(true)),
            ("yes", Some(true)),
            ("1", Some(true)),
            ("of", Some(false)),
            ("FALSE", Some(false)),
            ("0", Some(false)),
            ("o", None),
            ("", None),
            ("only", None),
        ] {
            assert_eq!(boolean(text), value, "{text}");
        }
    }
}
