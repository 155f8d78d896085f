//! Which stacks are looked at now, because something was heard: from Docker, or from a person who approves.

use jiff::Timestamp;
use tracing::{info, warn};

use crate::api::status::Silence;
use crate::store;

use super::Controller;
use super::events::Heard;

impl Controller {
    pub(super) fn wake_approved(&mut self) {
        for (name, tracked) in &mut self.stacks {
            if store::requests::is_approved(&self.options.layout, name) {
                tracked.wake();
            }
        }
    }

    pub(super) fn wake(&mut self, told: Heard) {
        self.untold = true;
        let is_new = match &told {
            Heard::Stack(_) | Heard::Container(_) => true,
            Heard::Anything => {
                if self.agent.docker_silent.take().is_some() {
                    info!("docker answers again");
                }
                true
            }
            Heard::Silent(why) => self.note_silence(why),
        };
        if !is_new {
            // The passes' own backoff says when to try again.
            return;
        }
        for (name, tracked) in &mut self.stacks {
            let concerned = match &told {
                Heard::Anything | Heard::Silent(_) => true,
                Heard::Stack(stack) => stack == name.as_str(),
                Heard::Container(id) => {
                    let own = tracked.status.container.as_ref();
                    own.is_some_and(|own| id.starts_with(&own.id))
                }
            };
            if concerned {
                tracked.wake();
            }
        }
    }

    /// Returns whether it was not known yet.
    fn note_silence(&mut self, why: &str) -> bool {
        if let Some(silence) = &mut self.agent.docker_silent {
            why.clone_into(&mut silence.why);
            return false;
        }
        warn!(
            why,
            "docker does not answer; nothing is done until it does (systemctl start docker)"
        );
        self.agent.docker_silent = Some(Silence {
            since: Timestamp::now(),
            why: why.to_owned(),
        });
        true
    }
}
