//! Whether the wanted port is free, asked before a container is made or started.

use std::net::{SocketAddr, TcpListener};

use bollard::Docker;

use crate::api::chain::in_words;
use crate::api::desired::Publish;
use crate::facts::Observation;
use crate::facts::service::PortHolder;

/// Looks for who holds a port; `own` is the stack's container. `Absent` means it is free, or our own: a
/// paused container does not run, and Docker's proxy holds its port all the same.
pub async fn holder(
    docker: &Docker,
    publish: &Publish,
    own: Option<&str>,
) -> Observation<PortHolder> {
    let containers = match docker.list_containers(None).await {
        Ok(containers) => containers,
        Err(error) => return Observation::unknown(format!("docker: {}", in_words(&error))),
    };
    for container in &containers {
        let holds = container.ports.iter().flatten().any(|p| {
            let same_address = p.ip.as_deref().is_none_or(|ip| {
                ip.parse() == Ok(publish.address)
                    || ip == "0.0.0.0"
                    || ip == "::"
                    || publish.address.is_unspecified()
            });
            p.public_port == Some(publish.port) && same_address
        });
        if holds && own.is_some() && container.id.as_deref() == own {
            return Observation::Absent;
        }
        if holds {
            let name = container
                .names
                .iter()
                .flatten()
                .next()
                .map_or("?", |n| n.trim_start_matches('/'));
            return Observation::Known(PortHolder {
                who: format!("the container `{name}`"),
            });
        }
    }
    // The only way to know of other programs without reading every network namespace: try it, and
    // let go at once.
    match TcpListener::bind(SocketAddr::new(publish.address, publish.port)) {
        Ok(_) => Observation::Absent,
        Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => Observation::Known(PortHolder {
            who: "another program on this host".to_owned(),
        }),
        Err(e) if e.kind() == std::io::ErrorKind::AddrNotAvailable => {
            Observation::Known(PortHolder {
                who: "nobody: this host has no such address".to_owned(),
            })
        }
        Err(e) => Observation::unknown(format!("the port could not be tried: {e}")),
    }
}
