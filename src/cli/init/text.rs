//! The manifest that `init` writes: every value with its reason, and what else could be said.

use crate::api::{Bytes, Storage, Workload};

use super::size::Share;

/// What stands in it.
pub struct Draft<'d> {
    /// The name, as it was given.
    pub name: &'d str,
    /// What the host has.
    pub host: (Bytes, u32),
    /// What of it the stack gets.
    pub share: &'d Share,
    /// What it is for.
    pub workload: Workload,
    /// What it lies on, and how that is known.
    pub storage: (Storage, &'static str),
    /// The port.
    pub port: u16,
    /// Whether the schema lies beside it.
    pub has_schema: bool,
}

/// Writes it.
#[must_use]
pub fn manifest(draft: &Draft<'_>) -> String {
    let Draft {
        name,
        host: (host_memory, host_cpus),
        share,
        workload,
        storage: (storage, storage_why),
        port,
        has_schema,
    } = draft;
    let schema = if *has_schema {
        "# yaml-language-server: $schema=manifest.schema.json\n"
    } else {
        ""
    };
    let mb = |bytes: Bytes| format!("{} MB", bytes.as_mib());
    let others = match share.others {
        Bytes(0) => String::new(),
        others => format!(", {} for the other stacks", mb(others)),
    };
    let reason = if share.is_asked_for {
        format!("As asked for. This host has {}.", mb(*host_memory))
    } else {
        format!(
            "This host has {}: {} for the system{others}, and of the rest three quarters.",
            mb(*host_memory),
            mb(share.system)
        )
    };
    let tight = if share.memory < Bytes::gib(1) {
        "\n    # Less than 1 GB is tight: few connections, small sorts. It works, and it is safe."
    } else {
        ""
    };
    let cpus = if *host_cpus == 1 { "CPU" } else { "CPUs" };
    format!(
        "{schema}# PostgreSQL 18 on this host. Save a change and the agent makes it so; to see first what it would do:
#   aza-agent plan FILE
apiVersion: aza.dev/v1alpha1
kind: PostgresStack
metadata:
  # Container {name}-postgres, volume {name}_pgdata.
  name: {name}
spec:
  # What it is for: web (many short queries), oltp (many writes), dw (few big queries), mixed.
  workload: {workload}
  # {storage_why} ssd, hdd or san.
  storage: {storage}
  resources:
    # {reason}
    # It can be changed at any time, without a new container.{tight}
    memory: {memory}
    # Of {host_cpus} {cpus}.
    cpus: {cpu}
  publish:
    # Only programs on this host reach it.
    address: 127.0.0.1
    port: {port}
  # Settings that you decide instead of the tuner; aza-agent explain {name} shows the others and why:
  # settings:
  #   log_min_duration_statement: 500ms
  # Extensions to create:
  # extensions:
  #   - name: pg_stat_statements
  # A restart happens when it is needed; to let it wait for the night:
  # restart:
  #   mode: window
  #   windows:
  #     - Sun 03:00-05:00 UTC
",
        memory = share.memory,
        cpu = share.cpus,
    )
}
