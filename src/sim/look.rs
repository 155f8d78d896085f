//! All that a pass gets to see: the same questions as the real eyes ask, and no more.

use std::collections::BTreeSet;

use crate::api::desired::Desired;
use crate::api::setting::recorded;
use crate::api::{MilliCpu, SettingName};
use crate::diff::services::{container_name, network_name, volume_name};
use crate::facts::extensions::Extensions;
use crate::facts::observed::Observed;
use crate::facts::service::{Image, PortHolder, Volume};
use crate::facts::{Container, Limits, Observation, Server, SettingRow};

use super::docker::SimContainer;
use super::server::Sql;
use super::values::{boot, stored};
use super::{Host, Sight};

pub(super) fn look(host: &mut Host, desired: &Desired, names: &BTreeSet<SettingName>) -> Observed {
    let stack = desired.name.as_str();
    let container = seen(host, Sight::Docker, || {
        let container = host.containers.get(&container_name(stack));
        container.map(|c| c.facts.clone())
    });
    let running = container.running().map(|_| ());
    let runs = running.known().is_some();
    let (volume, port) = before_a_start(host, desired, &container, runs);
    let disk = match &container {
        Observation::Known(_) => seen(host, Sight::Disk, || Some(host.disk())),
        Observation::Absent => Observation::Absent,
        Observation::Unknown { why } => Observation::unknown(why.clone()),
    };
    let network = match &running {
        Observation::Known(()) => seen(host, Sight::Network, || {
            let name = network_name(stack);
            (!host.networks_gone.contains(&name)).then_some(name)
        }),
        Observation::Absent => Observation::unknown("not asked while the container does not run"),
        Observation::Unknown { why } => Observation::unknown(why.clone()),
    };
    Observed {
        strays: seen(host, Sight::Docker, || Some(host.strays(stack))),
        network,
        at: host.now,
        host_name: host.name.clone(),
        host: seen(host, Sight::HostSize, || Some(host.size)),
        image: seen(host, Sight::Image, || {
            let id = host.tags.get(&desired.image)?.clone();
            Some(Image { id })
        }),
        limits: match &running {
            Observation::Known(()) => seen(host, Sight::Cgroup, || {
                host.container(stack).map(|c| limits(host, c))
            }),
            Observation::Absent => Observation::Absent,
            Observation::Unknown { why } => Observation::unknown(why.clone()),
        },
        declared: seen(host, Sight::Declared, || host.declared.get(stack).cloned()),
        server: match &running {
            Observation::Known(()) => server(host, desired, names),
            Observation::Absent => Observation::Absent,
            Observation::Unknown { why } => Observation::unknown(why.clone()),
        },
        container,
        volume,
        port,
        disk,
    }
}

/// Whether nothing changed between two looks but the time and what is in use.
pub(super) fn is_still(before: Observed, now: Observed) -> bool {
    let comparable = |seen: Observed| Observed {
        at: jiff::Timestamp::UNIX_EPOCH,
        limits: seen.limits.clone().map(|limits| Limits {
            memory_usage: None,
            ..limits
        }),
        ..seen
    };
    comparable(before) == comparable(now)
}

/// Docker's silence hides everything that is asked of Docker.
fn seen<T>(host: &Host, sight: Sight, look: impl FnOnce() -> Option<T>) -> Observation<T> {
    let of_docker = matches!(
        sight,
        Sight::Docker | Sight::Image | Sight::Volume | Sight::Port | Sight::Network
    );
    if host.blind.contains(&sight) || (of_docker && host.blind.contains(&Sight::Docker)) {
        return Observation::unknown(format!("{sight:?} gave no answer within 5 s"));
    }
    look().map_or(Observation::Absent, Observation::Known)
}

/// What stands against a start is asked only where one is due.
fn before_a_start(
    host: &Host,
    desired: &Desired,
    container: &Observation<Container>,
    runs: bool,
) -> (Observation<Volume>, Observation<PortHolder>) {
    if runs {
        let volume = Observation::unknown("not asked while the stack runs");
        return (volume, Observation::Absent);
    }
    if let Observation::Unknown { why } = container {
        return (
            Observation::unknown(why.clone()),
            Observation::unknown(why.clone()),
        );
    }
    let stack = desired.name.as_str();
    let volume = seen(host, Sight::Volume, || {
        let volume = host.volumes.get(&volume_name(stack))?;
        Some(Volume {
            mounted_by: volume.mounted_by.iter().cloned().collect(),
            cluster: match &volume.cluster {
                Some(c) => Observation::Known(crate::facts::service::Cluster {
                    major: c.major,
                    system_identifier: Some(c.system_identifier.clone()),
                }),
                None => Observation::Absent,
            },
        })
    });
    let port = seen(host, Sight::Port, || {
        let who = host.holder_of(desired.publish.port, stack)?;
        Some(PortHolder { who })
    });
    (volume, port)
}

fn limits(host: &Host, container: &SimContainer) -> Limits {
    let own = container.facts.memory;
    let memory = [own, host.ancestor_memory].into_iter().flatten().min();
    let cpus: Option<MilliCpu> = [container.facts.cpus, host.ancestor_cpus]
        .into_iter()
        .flatten()
        .min();
    Limits {
        version: Some(host.cgroup),
        memory,
        own_memory: own,
        swap: None,
        cpus,
        cpuset: Some(host.size.cpus),
        oom_kills: Some(container.oom_kills),
        memory_usage: Some(container.memory_used()),
        process: container.postmaster.as_ref().map(|p| p.process_limit),
    }
}

fn server(
    host: &mut Host,
    desired: &Desired,
    names: &BTreeSet<SettingName>,
) -> Observation<Server> {
    let (session, login_failure) = match host.agents_sql(desired.name.as_str()) {
        Ok(session) => session,
        Err(why) => return Observation::unknown(why),
    };
    let auto = session.cluster.told_lines().keys();
    let asked: BTreeSet<&SettingName> = names.iter().chain(auto).collect();
    let settings = asked
        .into_iter()
        .filter_map(|name| Some((name.clone(), row(&session, name)?)))
        .collect();
    Observation::Known(Server {
        version_num: session.image.major * 10_000 + 6,
        system_identifier: session.cluster.system_identifier.clone(),
        started_at: session.postmaster.started_at,
        reinitialised_at: session.postmaster.reinitialised_at,
        in_recovery: false,
        tuning_revision: Some(session.cluster.tuning_revision),
        inputs: Some(session.cluster.inputs.clone()),
        settings,
        auto_lines: session.cluster.told_lines().clone(),
        auto_conf_unreadable: session.cluster.auto_unreadable,
        password_holds: Observation::Known(!session.cluster.other_password),
        collations: Observation::Known(session.cluster.collations.clone()),
        file_errors: session.cluster.file_errors(),
        libraries: session.image.libraries.clone(),
        extensions: extensions(&session, desired),
        address_failure: session
            .is_off_network
            .then(|| "the container has no address: it is on no network".to_owned()),
        login_failure,
    })
}

fn row(session: &Sql<'_>, name: &SettingName) -> Option<SettingRow> {
    if !session.postmaster.has(name) {
        return None;
    }
    let given = session.postmaster.running.get(name);
    let (mut running, mut source) = (session.postmaster.shows(name.as_str()), "default");
    if let Some(given) = given {
        source = given.source;
    }
    // The agent's own session sees what is set for its role and database.
    let def = recorded(name.as_str())?;
    if let Some((value, pinned_by)) = session.cluster.pins.get(name)
        && let Some(value) = stored(def, value)
    {
        running = value;
        source = pinned_by;
    }
    Some(SettingRow {
        def: def.clone(),
        running,
        source: source.to_owned(),
        base: session.cluster.told_base(name).cloned(),
        boot: boot(name.as_str()).map(str::to_owned),
    })
}

fn extensions(session: &Sql<'_>, desired: &Desired) -> Extensions {
    if desired.extensions.is_empty() {
        return Extensions::default();
    }
    let wanted: BTreeSet<&str> = desired
        .extensions
        .iter()
        .map(|e| e.database.as_str())
        .collect();
    let database = |name: &str| match session.cluster.databases.get(name) {
        Some(installed) => Observation::Known(installed.clone()),
        None => Observation::Absent,
    };
    Extensions {
        available: session.image.extensions.clone(),
        databases: wanted
            .into_iter()
            .map(|n| (n.to_owned(), database(n)))
            .collect(),
    }
}
