//! What systemd is told: ready, one line of status, and that the loop still turns.
//!
//! The watchdog is fed by the loop alone. A thread of its own would go on feeding it while the loop hangs; a
//! slow Docker hangs passes, each within its deadlines, and never the loop. Without systemd (`NOTIFY_SOCKET`
//! is not set) nothing is sent.
//!
//! Debian 12 has systemd 252, which does not know `Type=notify-reload`: the unit says `Type=notify` and
//! sends HUP itself. The messages are right for both.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::Instant;

use crate::api::condition::ConditionType;
use crate::api::status::{StackStatus, StatusFile};

/// How often the end of a long step is put off, and by how much: half of it may get lost.
const PUT_OFF_EVERY: Duration = Duration::from_secs(10);
const PUT_OFF_BY: Duration = Duration::from_secs(30);

/// systemd, where it started us.
pub struct Systemd {
    /// A quarter of `WATCHDOG_USEC`: a busy machine may delay one beat.
    every: Option<Duration>,
    next: Instant,
    told: String,
}

impl Systemd {
    /// Reads what systemd wants from the environment.
    #[must_use]
    pub fn here() -> Self {
        Self {
            every: sd_notify::watchdog_enabled().map(|limit| limit / 4),
            next: Instant::now(),
            told: String::new(),
        }
    }

    /// Returns when the loop has to turn again at the latest.
    #[must_use]
    pub fn next_beat(&self) -> Instant {
        match self.every {
            Some(_) => self.next,
            None => Instant::now() + PUT_OFF_EVERY,
        }
    }

    /// Says that the loop turns.
    pub fn beat(&mut self) {
        let Some(every) = self.every else { return };
        let now = Instant::now();
        if now >= self.next {
            self.next = now + every;
            send(&[NotifyState::Watchdog]);
        }
    }

    /// Says how the stacks are, where that changed.
    pub fn tell(&mut self, file: &StatusFile) {
        let line = line(file);
        if line != self.told {
            send(&[NotifyState::Status(&line)]);
            self.told = line;
        }
    }

    /// Says that the agent looks after its stacks now, at the start and after a reload.
    pub fn ready(&self) {
        send(&[NotifyState::Ready]);
    }

    /// Says that the directory is read again.
    pub fn reloading(&self) {
        let mut said = vec![NotifyState::Reloading];
        // Type=notify-reload wants the time too, to know this reload from an earlier one.
        said.extend(NotifyState::monotonic_usec_now());
        send(&said);
    }

    /// Says that the agent ends, after the steps in hand.
    pub fn stopping(&mut self, in_hand: usize) {
        self.told = match in_hand {
            0 => "ending".to_owned(),
            _ => "ending; the step in hand is finished first".to_owned(),
        };
        send(&[NotifyState::Stopping, NotifyState::Status(&self.told)]);
    }

    /// Asks for patience with the step in hand, which has its own deadline.
    pub fn put_off(&self) {
        let micros = u32::try_from(PUT_OFF_BY.as_micros()).unwrap_or(u32::MAX);
        send(&[NotifyState::ExtendTimeoutUsec(micros)]);
    }
}

/// A message that does not arrive is no reason to end: the next one may, and a missing one makes systemd act.
fn send(said: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(said);
}

/// Puts everything into the one line that `systemctl status` shows.
fn line(file: &StatusFile) -> String {
    let mut parts = Vec::new();
    if let Some(silence) = file.agent.as_ref().and_then(|a| a.docker_silent.as_ref()) {
        parts.push(format!(
            "Docker does not answer since {:.0}: {}",
            silence.since, silence.why
        ));
    }
    let (ready, unready): (Vec<&StackStatus>, Vec<&StackStatus>) =
        (file.items.iter()).partition(|i| i.status.is(ConditionType::Ready));
    if !ready.is_empty() {
        let names: Vec<&str> = ready.iter().map(|i| i.metadata.name.as_str()).collect();
        parts.push(format!("Ready: {}", names.join(", ")));
    }
    if !unready.is_empty() {
        let named: Vec<String> = unready.iter().map(|i| with_reason(i)).collect();
        parts.push(format!("not Ready: {}", named.join(", ")));
    }
    if !file.rejected.is_empty() {
        parts.push(format!("refused: {}", file.rejected.len()));
    }
    if parts.is_empty() {
        parts.push("no stacks: the directory has no manifest".to_owned());
    }
    parts.join("; ").replace('\n', " ")
}

fn with_reason(item: &StackStatus) -> String {
    let name = &item.metadata.name;
    match item.status.condition(ConditionType::Ready) {
        Some(ready) => format!("{name} ({})", ready.reason),
        None => format!("{name} (not looked at yet)"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::api::condition::{Condition, Truth};
    use crate::api::status::{AgentStatus, Metadata, Silence, Status};

    fn item(name: &str, ready: Option<(Truth, &str)>) -> StackStatus {
        let condition = |(status, reason): (Truth, &str)| Condition {
            kind: ConditionType::Ready,
            status,
            reason: reason.to_owned(),
            message: String::new(),
            last_transition_time: Timestamp::UNIX_EPOCH,
            observed_digest: String::new(),
        };
        StackStatus {
            metadata: Metadata {
                name: name.to_owned(),
            },
            status: Status {
                conditions: ready.map(condition).into_iter().collect(),
                observed_digest: String::new(),
                manifest: String::new(),
                container: None,
                endpoint: String::new(),
                waiting: vec![],
                first_look_at: None,
                changed_at: Timestamp::UNIX_EPOCH,
                events: vec![],
            },
        }
    }

    #[test]
    fn one_line_names_every_stack() {
        let file = StatusFile {
            items: vec![
                item("a", Some((Truth::True, "AsDeclared"))),
                item("b", Some((Truth::Unknown, "NotSeen"))),
                item("c", None),
            ],
            ..StatusFile::default()
        };
        assert_eq!(
            line(&file),
            "Ready: a; not Ready: b (NotSeen), c (not looked at yet)"
        );
        assert_eq!(
            line(&StatusFile::default()),
            "no stacks: the directory has no manifest"
        );
    }

    #[test]
    fn a_silent_docker_comes_first() {
        let file = StatusFile {
            agent: Some(AgentStatus {
                pid: 1,
                version: String::new(),
                host: String::new(),
                desired_state: String::new(),
                lock: String::new(),
                started_at: Timestamp::UNIX_EPOCH,
                stopped_at: None,
                unwatched: None,
                docker_silent: Some(Silence {
                    since: Timestamp::UNIX_EPOCH,
                    why: "no such\nfile".to_owned(),
                }),
            }),
            items: vec![item("a", Some((Truth::Unknown, "NotSeen")))],
            rejected: vec!["x".to_owned()],
        };
        assert_eq!(
            line(&file),
            "Docker does not answer since 1970-01-01T00:00:00Z: no such file; not Ready: a (NotSeen); refused: 1"
        );
    }
}
