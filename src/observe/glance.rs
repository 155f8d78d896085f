//! A glance: whether a stack is still as the last look saw it, for a tenth of what a look costs.
//!
//! One query on the kept session returns a digest of all that a look would read, computed by the server;
//! the container's own limits and kills and the room on its disk are read again; Docker is not asked. What
//! a glance rests on:
//! - Docker tells of every change to a container with our label, to images and to networks. Who hears
//!   something, or hears nothing because the stream broke, does not glance but look.
//! - The last look is half a minute old at most (`reconcile::requeue`): an event that was missed, a limit of a group above the
//!   container's, a login that is refused without a setting to show for it, or an address that went silent
//!   is seen after that time.
//! - A glance never leads to a step. It either says "nothing changed", or everything is looked at afresh,
//!   through a new login, and the digest is taken before the facts are: a change in between shows next time.
//!
//! Not in it: extensions of databases other than `postgres`, which take a session of their own, and the
//! place they have is not ours to hold. They are seen by looks only.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Statement};

use crate::api::SettingName;
use crate::api::desired::Desired;
use crate::client::{APPLICATION, OWN_SETTINGS, Serving};
use crate::facts::Container;
use crate::host::{Signs, Told};

use super::disk::twentieths_free;
use super::extensions::Shelf;
use super::{DEADLINE, Eyes};

/// What is remembered of looks, by stack. Clones share it.
#[derive(Clone, Default)]
pub struct Looks(Arc<Mutex<BTreeMap<String, Look>>>);

/// What is remembered of the last look at one stack.
#[derive(Default)]
pub(super) struct Look {
    pub shelf: Shelf,
    still: Option<Still>,
}

/// What files say that a look has to go with. Read before the facts are, as the digest is.
pub(super) struct Before {
    serving: Serving,
    signs: (Signs, Told),
    files: [(PathBuf, Option<Stamp>); 2],
    data: Option<(String, Option<u64>)>,
}

impl Before {
    /// Reads them for a running container that Docker's events tell us of.
    pub fn of(eyes: &Eyes, desired: &Desired, container: &Container) -> Option<Self> {
        if !container.is_ours(desired.name.as_str(), &eyes.host_name) {
            return None;
        }
        let secret = desired.secrets.superuser.clone();
        let files = [
            eyes.layout.declared(&desired.name),
            secret.unwrap_or_else(|| eyes.layout.superuser_secret(&desired.name)),
        ];
        let signs = Signs::of(&eyes.root, container.pid).ok()?;
        let told = signs.read().ok()?;
        Some(Self {
            serving: Serving::of(container),
            signs: (signs, told),
            files: files.map(|path| {
                let stamp = stamp(&path);
                (path, stamp)
            }),
            data: container.data_path.clone().map(|path| {
                let free = twentieths_free(&path);
                (path, free)
            }),
        })
    }
}

/// What has to be the same for a look to count still.
struct Still {
    before: Before,
    question: Question,
}

/// The server's digest, and how to ask for it again.
pub(super) struct Question {
    statement: Statement,
    names: Arc<[String]>,
    answer: i64,
}

impl Question {
    /// Asks for the first time in a session.
    pub async fn ask(
        client: &Client,
        names: impl Iterator<Item = &SettingName>,
    ) -> Result<Self, tokio_postgres::Error> {
        let theirs = names.filter(|n| !OWN_SETTINGS.contains(&n.as_str()));
        let names: Arc<[String]> = theirs.map(ToString::to_string).collect();
        let statement = client
            .prepare_typed(DIGEST, &[Type::TEXT_ARRAY, Type::TEXT])
            .await?;
        let mut question = Self {
            statement,
            names,
            answer: 0,
        };
        question.answer = question.again(client).await?;
        Ok(question)
    }

    async fn again(&self, client: &Client) -> Result<i64, tokio_postgres::Error> {
        let row = client
            .query_one(&self.statement, &[&&*self.names, &APPLICATION])
            .await?;
        row.try_get(0)
    }
}

/// All that a look compares, as one number. A value that runs can change by a start or a reload only, the
/// files at any time, what is set for roles and databases counts for new sessions. Clients can be shut out
/// when every place is taken that is not a superuser's; our own sessions are not counted, they come and go.
const DIGEST: &str = "SELECT hashtextextended(concat_ws(chr(1), \
     pg_postmaster_start_time(), pg_conf_load_time(), pg_is_in_recovery(), \
     (SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int \
        - coalesce(current_setting('reserved_connections', true), '0')::int <= 1 + count(*) \
      FROM pg_stat_get_activity(NULL) a \
      WHERE a.backend_type = 'client backend' AND a.application_name IS DISTINCT FROM $2), \
     (SELECT string_agg(concat_ws(chr(2), sourcefile, sourceline, name, setting, error), chr(3) ORDER BY seqno) \
      FROM pg_file_settings), \
     (SELECT string_agg(concat_ws(chr(2), n, current_setting(n, true)), chr(3)) FROM unnest($1) n), \
     (SELECT string_agg(concat_ws(chr(2), setdatabase, setrole, setconfig), chr(3) ORDER BY setdatabase, setrole) \
      FROM pg_db_role_setting), \
     (SELECT rolpassword FROM pg_authid WHERE rolname = current_user), \
     (SELECT string_agg(concat_ws(chr(2), datname, datallowconn), chr(3) ORDER BY oid) FROM pg_database), \
     (SELECT string_agg(concat_ws(chr(2), extname, extversion), chr(3) ORDER BY oid) FROM pg_extension)), 0)";

impl Looks {
    /// Returns what a new look begins with.
    pub(super) fn shelf(&self, stack: &str) -> Shelf {
        let looks = self.looks();
        looks
            .get(stack)
            .map(|l| l.shelf.clone())
            .unwrap_or_default()
    }

    /// Remembers a look. `question` is that of the session that is kept now.
    pub(super) fn remember(
        &self,
        stack: &str,
        shelf: Shelf,
        (before, question): (Option<Before>, Option<Question>),
    ) {
        let still = before
            .zip(question)
            .map(|(before, question)| Still { before, question });
        let stack = stack.to_owned();
        self.looks().insert(stack, Look { shelf, still });
    }

    fn take(&self, stack: &str) -> Option<Still> {
        self.looks().get_mut(stack)?.still.take()
    }

    fn put_back(&self, stack: &str, still: Still) {
        if let Some(look) = self.looks().get_mut(stack) {
            look.still = Some(still);
        }
    }

    /// Forgets a stack.
    pub fn forget(&self, stack: &str) {
        self.looks().remove(stack);
    }

    fn looks(&self) -> MutexGuard<'_, BTreeMap<String, Look>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which writing of a file it is.
type Stamp = (u64, i64, i64, u64);

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.ino(), meta.ctime(), meta.ctime_nsec(), meta.size()))
}

impl Eyes {
    /// Whether everything is as the last look saw it; false when in doubt, and then a look is due.
    pub async fn glance(&self, desired: &Desired) -> bool {
        let stack = desired.name.as_str();
        let Some(still) = self.looks.take(stack) else {
            return false;
        };
        let Before {
            serving,
            signs,
            files,
            data,
        } = &still.before;
        let fills = |(path, free): &(String, Option<u64>)| twentieths_free(path) != *free;
        if files.iter().any(|(path, then)| stamp(path) != *then)
            || data.as_ref().is_some_and(fills)
            || signs.0.read().ok().as_ref() != Some(&signs.1)
        {
            return false;
        }
        let Some(session) = self.kept.take(stack, serving) else {
            return false;
        };
        // A session whose answer does not come is closed, not kept.
        let again = still.question.again(&session.client);
        let Ok(answer) = tokio::time::timeout(DEADLINE, again).await else {
            return false;
        };
        self.kept.keep(stack, serving.clone(), session);
        let same = answer.is_ok_and(|answer| answer == still.question.answer);
        if same {
            self.looks.put_back(stack, still);
        }
        same
    }
}
