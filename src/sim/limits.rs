//! Live limits: what `docker update` does, and what the kernel answers.

use jiff::SignedDuration;

use crate::api::Bytes;
use crate::diff::limits::LimitValues;
use crate::facts::CgroupVersion;

use super::Host;
use super::docker::SimContainer;
use super::server::Postmaster;

impl Host {
    /// `docker update`: zero changes nothing, memory and swap go together, v1 refuses to go below what is
    /// in use, and v2 kills.
    pub(super) fn set_limits(
        &mut self,
        stack: &str,
        id: &str,
        to: &LimitValues,
    ) -> Result<(), String> {
        self.planned(stack, id)?;
        self.update(stack, to)
    }

    /// `prlimit --pid 1` in the container.
    pub(super) fn set_process_limit(
        &mut self,
        stack: &str,
        id: &str,
        to: Bytes,
    ) -> Result<(), String> {
        let container = self.planned(stack, id)?;
        let postmaster = container.postmaster.as_mut();
        postmaster.ok_or("no server runs")?.process_limit = to;
        Ok(())
    }

    pub(super) fn update(&mut self, stack: &str, to: &LimitValues) -> Result<(), String> {
        self.wait(SignedDuration::from_millis(27));
        let cgroup = self.cgroup;
        let container = self.container_mut(stack)?;
        if let Some(memory) = to.memory {
            let used = container.memory_used();
            if memory < used {
                match cgroup {
                    CgroupVersion::V1 => {
                        return Err(format!(
                            "docker did not change the limits: memory limit {memory} is too low, current usage: {used}"
                        ));
                    }
                    CgroupVersion::V2 => container.oom_kills += 1,
                }
            }
            container.facts.memory = Some(memory);
            container.facts.memory_swap = Some(to.memory_swap.unwrap_or(memory));
        }
        if let Some(cpus) = to.cpus {
            container.facts.cpus = Some(cpus);
        }
        Ok(())
    }
}

impl SimContainer {
    /// What is charged to it: the shared buffers, all touched, and a little for processes.
    #[must_use]
    pub fn memory_used(&self) -> Bytes {
        let pages = self.postmaster.as_ref().map_or(0, Postmaster::shared_pages);
        Bytes(pages * 8 * Bytes::KIB + 64 * Bytes::MIB)
    }
}
