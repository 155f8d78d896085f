//! `docker inspect` in our words. Pure, so that recordings of real answers can be read in tests.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use bollard::models::{ContainerInspectResponse, HostConfig, NetworkSettings};
use jiff::Timestamp;

use crate::api::{Bytes, MilliCpu};
use crate::facts::service::{DATA_DIR, Published};
use crate::facts::{Container, ContainerState};

/// Interprets an answer, or says what it lacks.
pub fn interpret(response: ContainerInspectResponse) -> Result<Container, String> {
    let state = response.state.ok_or("no state")?;
    let status = state.status.map(|s| s.to_string()).unwrap_or_default();
    let config = response.config.unwrap_or_default();
    let host = response.host_config.unwrap_or_default();
    let mounts = response.mounts.unwrap_or_default();
    let data = mounts
        .iter()
        .find(|m| m.destination.as_deref() == Some(DATA_DIR));
    Ok(Container {
        id: response.id.ok_or("no id")?,
        name: response
            .name
            .unwrap_or_default()
            .trim_start_matches('/')
            .to_owned(),
        image: config.image.unwrap_or_default(),
        image_id: response.image.unwrap_or_default(),
        state: ContainerState::parse(&status)
            .ok_or_else(|| format!("an unknown state `{status}`"))?,
        pid: state.pid.and_then(|p| u32::try_from(p).ok()).unwrap_or(0),
        // Docker writes the year 1 for "never".
        started_at: state
            .started_at
            .and_then(|t| t.parse().ok())
            .filter(|t| *t > Timestamp::UNIX_EPOCH),
        exit_code: state.exit_code.unwrap_or(0),
        error: state.error.unwrap_or_default(),
        oom_killed: state.oom_killed.unwrap_or(false),
        labels: config.labels.unwrap_or_default().into_iter().collect(),
        memory: limit(host.memory),
        memory_swap: limit(host.memory_swap),
        cpus: cpus(&host),
        shm_size: Bytes(
            host.shm_size
                .and_then(|s| u64::try_from(s).ok())
                .unwrap_or(0),
        ),
        published: published(&host),
        data_path: data.and_then(|m| m.source.clone()),
        restarts: response
            .restart_count
            .and_then(|n| u64::try_from(n).ok())
            .unwrap_or(0),
        mounts: mounts
            .into_iter()
            .filter_map(|m| {
                Some((
                    m.destination?,
                    m.name.filter(|n| !n.is_empty()).or(m.source)?,
                ))
            })
            .collect::<BTreeMap<_, _>>(),
        networks: networks(response.network_settings.as_ref()),
        address: response.network_settings.as_ref().and_then(address),
    })
}

/// 0 and -1 both mean "none".
fn limit(bytes: Option<i64>) -> Option<Bytes> {
    bytes
        .and_then(|b| u64::try_from(b).ok())
        .filter(|b| *b > 0)
        .map(Bytes)
}

fn cpus(host: &HostConfig) -> Option<MilliCpu> {
    let nano = host.nano_cpus.unwrap_or(0);
    if nano > 0 {
        // Less than a thousandth of a CPU is as little as we can say.
        return u32::try_from(nano / 1_000_000)
            .ok()
            .map(|m| MilliCpu(m.max(1)));
    }
    let (quota, period) = (
        host.cpu_quota.unwrap_or(0),
        host.cpu_period.filter(|p| *p > 0).unwrap_or(100_000),
    );
    (quota > 0)
        .then(|| u32::try_from(quota.checked_mul(1000)? / period).ok())
        .flatten()
        .map(|milli| MilliCpu(milli.max(1)))
}

/// The wanted bindings, not the live ones: a stopped container has no live ones.
fn published(host: &HostConfig) -> Vec<Published> {
    let bindings = host
        .port_bindings
        .as_ref()
        .and_then(|map| map.get("5432/tcp"))
        .cloned()
        .flatten();
    let mut list: Vec<Published> = bindings
        .unwrap_or_default()
        .into_iter()
        .filter_map(|b| {
            let ip = b.host_ip.unwrap_or_default();
            let address = if ip.is_empty() {
                IpAddr::V4(Ipv4Addr::UNSPECIFIED)
            } else {
                ip.parse().ok()?
            };
            Some(Published {
                address,
                port: b.host_port?.parse().ok()?,
            })
        })
        .collect();
    list.sort();
    list
}

fn networks(settings: Option<&NetworkSettings>) -> BTreeSet<String> {
    let networks = settings.and_then(|s| s.networks.as_ref());
    networks
        .into_iter()
        .flat_map(|n| n.keys().cloned())
        .collect()
}

fn address(network: &NetworkSettings) -> Option<IpAddr> {
    let networks = network.networks.as_ref()?;
    networks
        .values()
        .find_map(|n| n.ip_address.as_ref()?.parse().ok())
}
