//! The session that is kept for each stack, so that a pass needs no login and a lock-out shuts nobody in
//! here out.
//!
//! Who uses it takes it, and gives it back when it is well: a session in use is nobody else's, one whose
//! answer did not come is never given back, and one of another run of the container is closed. It belongs
//! to the database `postgres` only: in a database of users it would stand in the way of DROP DATABASE.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::facts::Container;

use super::Session;

/// One run of one container: sessions do not outlive it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// The container's id.
    pub container: String,
    /// When it last started.
    pub started_at: Option<Timestamp>,
}

impl Serving {
    /// Returns the run that a container is in.
    #[must_use]
    pub fn of(container: &Container) -> Self {
        Self {
            container: container.id.clone(),
            started_at: container.started_at,
        }
    }
}

/// The kept sessions by stack. Clones share them.
#[derive(Clone, Default)]
pub struct Kept(Arc<Mutex<BTreeMap<String, (Serving, Session)>>>);

impl Kept {
    /// Takes a stack's session away, where it is of this run and was not closed by the server.
    #[must_use]
    pub fn take(&self, stack: &str, serving: &Serving) -> Option<Session> {
        let (of, session) = self.sessions().remove(stack)?;
        (of == *serving && !session.client.is_closed()).then_some(session)
    }

    /// Keeps a session; a closed one is not worth it.
    pub fn keep(&self, stack: &str, serving: Serving, session: Session) {
        if !session.client.is_closed() {
            self.sessions().insert(stack.to_owned(), (serving, session));
        }
    }

    /// Closes what is kept of a stack.
    pub fn forget(&self, stack: &str) {
        self.sessions().remove(stack);
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<String, (Serving, Session)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
