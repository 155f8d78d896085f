//! What two valid manifests cannot both have: one name, one port.
//!
//! Two stacks of one name are both refused, because nobody can say which was meant. Ports clash only
//! where both stacks may be on one host.

use std::net::IpAddr;

use super::desired::Desired;
use super::name::StackName;

/// Why stacks cannot stand side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clash {
    /// Several manifests have this name.
    Name {
        /// The name.
        name: StackName,
        /// Where they stand.
        origins: Vec<String>,
    },
    /// Two stacks publish the same port.
    Port {
        /// The port.
        port: u16,
        /// The two stacks, in the order given.
        stacks: [StackName; 2],
        /// Where they stand.
        origins: [String; 2],
    },
}

impl Clash {
    /// Whether it concerns the stack of this name.
    #[must_use]
    pub fn concerns(&self, stack: &StackName) -> bool {
        match self {
            Self::Name { name, origins: _ } => name == stack,
            Self::Port { stacks, .. } => stacks.contains(stack),
        }
    }
}

impl std::fmt::Display for Clash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name { name, origins } => {
                write!(
                    f,
                    "the name `{name}` is used more than once: {}",
                    origins.join(", ")
                )
            }
            Self::Port {
                port,
                stacks: [first, second],
                origins: [at, other],
            } => write!(
                f,
                "port {port} is published by both `{first}` ({at}) and `{second}` ({other}): give one of \
                 them another `spec.publish.port`"
            ),
        }
    }
}

/// Returns every clash among the stacks, names first.
#[must_use]
pub fn clashes<'d>(stacks: impl IntoIterator<Item = &'d Desired>) -> Vec<Clash> {
    let mut stacks: Vec<&Desired> = stacks.into_iter().collect();
    stacks.sort_by(|a, b| (&a.name, &a.origin).cmp(&(&b.name, &b.origin)));
    let names = stacks
        .chunk_by(|a, b| a.name == b.name)
        .filter(|same| same.len() > 1);
    let mut clashes: Vec<Clash> = names
        .map(|same| Clash::Name {
            name: same[0].name.clone(),
            origins: same.iter().map(|stack| stack.origin.clone()).collect(),
        })
        .collect();
    stacks.sort_by_key(|stack| stack.publish.port);
    for same_port in stacks.chunk_by(|a, b| a.publish.port == b.publish.port) {
        for (number, first) in same_port.iter().enumerate() {
            let others = same_port[number + 1..].iter();
            let clashing = others.filter(|second| {
                first.name != second.name
                    && may_share_a_host(first, second)
                    && overlap(first, second)
            });
            clashes.extend(clashing.map(|second| Clash::Port {
                port: first.publish.port,
                stacks: [first.name.clone(), second.name.clone()],
                origins: [first.origin.clone(), second.origin.clone()],
            }));
        }
    }
    clashes
}

fn may_share_a_host(a: &Desired, b: &Desired) -> bool {
    a.host.is_none() || b.host.is_none() || a.host == b.host
}

/// Whether both addresses can be the same one. The unspecified IPv6 address takes IPv4 too, as the
/// kernel's default has it.
fn overlap(a: &Desired, b: &Desired) -> bool {
    let takes = |all: IpAddr, one: IpAddr| {
        all.is_unspecified() && (all.is_ipv6() || one.is_ipv4() || one.is_unspecified())
    };
    let (a, b) = (
        a.publish.address.to_canonical(),
        b.publish.address.to_canonical(),
    );
    a == b || takes(a, b) || takes(b, a)
}

#[cfg(test)]
mod tests {
    use super::super::validate::validate;
    use super::*;

    /// Stacks as `name [host] address port`.
    fn told(stacks: &[(&str, Option<&str>, &str, u16)]) -> Vec<String> {
        let text: String = stacks
            .iter()
            .map(|(name, host, address, port)| {
                let host = host.map(|host| format!("  host: {host}\n")).unwrap_or_default();
                format!(
                    "---\napiVersion: aza.dev/v1alpha1\nkind: PostgresStack\nmetadata: {{name: {name}}}\n\
                     spec:\n  publish: {{address: '{address}', port: {port}}}\n{host}"
                )
            })
            .collect();
        let report = validate(text.as_bytes(), "all.yaml");
        assert_eq!(
            report.stacks().count(),
            stacks.len(),
            "{:?}",
            report.violations().next()
        );
        clashes(report.stacks())
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    const LOCAL: &str = "127.0.0.1";

    #[test]
    fn stacks_with_names_and_ports_of_their_own_do_not_clash() {
        assert!(told(&[("aa", None, LOCAL, 5432), ("bb", None, LOCAL, 5433)]).is_empty());
        assert!(told(&[("aa", None, LOCAL, 5432), ("bb", None, "127.0.0.2", 5432)]).is_empty());
        assert!(told(&[("aa", None, "0.0.0.0", 5432), ("bb", None, "::1", 5432)]).is_empty());
    }

    #[test]
    fn one_name_twice_is_told_once_with_both_places() {
        assert_eq!(
            told(&[
                ("aa", None, LOCAL, 5432),
                ("bb", None, LOCAL, 5433),
                ("aa", None, LOCAL, 5432)
            ]),
            ["the name `aa` is used more than once: all.yaml:14, all.yaml:2"]
        );
    }

    #[test]
    fn a_port_on_overlapping_addresses_clashes() {
        for (first, second) in [
            (LOCAL, LOCAL),
            ("0.0.0.0", LOCAL),
            ("10.0.0.1", "0.0.0.0"),
            ("::", LOCAL),
            ("::", "::1"),
            ("::", "0.0.0.0"),
            ("::ffff:127.0.0.1", LOCAL),
        ] {
            let told = told(&[("aa", None, first, 5432), ("bb", None, second, 5432)]);
            assert_eq!(told.len(), 1, "{first} {second}");
            assert!(
                told[0].starts_with("port 5432 is published by both `aa`"),
                "{told:?}"
            );
        }
    }

    #[test]
    fn ports_of_different_hosts_do_not_clash() {
        let stack = |name, host| (name, host, LOCAL, 5432);
        assert!(told(&[stack("aa", Some("one")), stack("bb", Some("two"))]).is_empty());
        assert_eq!(
            told(&[stack("aa", Some("one")), stack("bb", None)]).len(),
            1
        );
        assert_eq!(
            told(&[stack("aa", Some("one")), stack("bb", Some("one"))]).len(),
            1
        );
    }
}
