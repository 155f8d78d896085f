//! The inputs as one line of text, for the setting `aza.inputs`.
//!
//! The container writes what it saw; the agent reads it back with `current_setting`. The preload
//! list and pg_cron's database are not in it: they are settings of their own, and the server knows
//! them.

use crate::api::{Bytes, Storage, Workload};

use super::Inputs;

/// Why a line is no inputs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// A word without `=`, or a value that cannot be read.
    #[error("`{0}` in the inputs line cannot be read")]
    Word(String),
    /// Memory, cpus, workload or storage is not there.
    #[error("the inputs line does not give `{0}`")]
    Missing(&'static str),
}

impl Inputs {
    /// Writes the line: `memory=2048MB cpus=2 workload=reference storage=ssd shm=1024MB
    /// disk=65536MB`.
    ///
    /// What is not known is left out.
    #[must_use]
    pub fn to_line(&self) -> String {
        let workload = self.workload.map_or("reference", Workload::as_str);
        let mut line = format!(
            "memory={} cpus={} workload={workload} storage={}",
            exact(self.memory),
            self.cpus,
            self.storage
        );
        for (key, amount) in [("shm", self.shm), ("disk", self.disk)] {
            if let Some(amount) = amount {
                line += &format!(" {key}={}", exact(amount));
            }
        }
        line
    }

    /// Reads such a line. The preload list comes back empty, the cron database as `postgres`: fill
    /// them in from `shared_preload_libraries` and `cron.database_name`. Keys it does not know are
    /// skipped, because a newer image may write more of them.
    ///
    /// # Errors
    /// A word that cannot be read, or a missing memory, cpus, workload or storage.
    pub fn parse_line(line: &str) -> Result<Self, LineError> {
        let (mut memory, mut cpus, mut workload, mut storage) = (None, None, None, None);
        let (mut shm, mut disk) = (None, None);
        for word in line.split_whitespace() {
            let wrong = || LineError::Word(word.into());
            let (key, value) = word.split_once('=').ok_or_else(wrong)?;
            let amount = || Bytes::parse(value).map_err(|_| wrong());
            match key {
                "memory" => memory = Some(amount()?),
                "cpus" => cpus = Some(value.parse().map_err(|_| wrong())?),
                "workload" if value == "reference" => workload = Some(None),
                "workload" => workload = Some(Some(Workload::parse(value).ok_or_else(wrong)?)),
                "storage" => storage = Some(Storage::parse(value).ok_or_else(wrong)?),
                "shm" => shm = Some(amount()?),
                "disk" => disk = Some(amount()?),
                _ => {}
            }
        }
        Ok(Self {
            memory: memory.ok_or(LineError::Missing("memory"))?,
            cpus: cpus.ok_or(LineError::Missing("cpus"))?,
            workload: workload.ok_or(LineError::Missing("workload"))?,
            storage: storage.ok_or(LineError::Missing("storage"))?,
            shm,
            disk,
            preload: Vec::new(),
            cron_database: "postgres".into(),
        })
    }
}

/// Writes an amount in MB where it is whole, and never rounds.
fn exact(amount: Bytes) -> String {
    if amount.0.is_multiple_of(Bytes::MIB) {
        format!("{}MB", amount.as_mib())
    } else {
        format!("{}B", amount.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_back_as_it_was() {
        for (workload, shm, disk) in [
            (None, None, None),
            (
                Some(Workload::Dw),
                Some(Bytes::gib(1)),
                Some(Bytes(65_536_000_001)),
            ),
        ] {
            let inputs = Inputs {
                memory: Bytes(2_000_000_000),
                cpus: 3,
                workload,
                storage: Storage::San,
                shm,
                disk,
                preload: Vec::new(),
                cron_database: "postgres".into(),
            };
            assert_eq!(Inputs::parse_line(&inputs.to_line()), Ok(inputs));
        }
    }

    #[test]
    fn a_line_is_readable() {
        let line = "memory=2048MB cpus=2 workload=reference storage=ssd shm=1024MB disk=65536MB";
        assert_eq!(Inputs::parse_line(line).unwrap().to_line(), line);
    }

    #[test]
    fn a_newer_image_may_say_more() {
        let line = "memory=1GB cpus=1 workload=web storage=hdd numa=2";
        assert_eq!(
            Inputs::parse_line(line).unwrap().workload,
            Some(Workload::Web)
        );
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for line in [
            "",
            "memory",
            "memory=1 cpus=1 workload=web storage=hdd",
            "memory=1GB cpus=1 workload=fast storage=hdd",
            "memory=1GB cpus=x workload=web storage=hdd",
            "memory=1GB cpus=1 workload=web",
        ] {
            assert!(Inputs::parse_line(line).is_err(), "{line}");
        }
    }
}
