//! Extensions: what the image has on its shelf, and what is created in which database.
//!
//! The shelf is read once for each start of the server, and again after a while: to list what is available
//! takes the server 24 to 60 ms, because it reads every control file, and a root file system is read-only.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio_postgres::Client;

use crate::api::desired::Desired;
use crate::client::{DATABASE, WayIn, connect, in_words};
use crate::facts::Observation;
use crate::facts::extensions::{Available, Extensions};

/// How long a shelf counts. Only a container of somebody else's making, with a root file system that can be
/// written, gets new files in between.
const SHELF_COUNTS: Duration = Duration::from_secs(600);

/// What the image of one running server has.
#[derive(Debug, Clone, Default)]
pub(super) struct Shelf {
    /// Libraries that can be preloaded.
    pub libraries: Vec<String>,
    /// Extensions that can be created; `None` where nobody asked.
    pub available: Option<BTreeMap<String, Available>>,
    of: Option<(Timestamp, Instant)>,
}

impl Shelf {
    /// Reads what is not known yet of the server that started then.
    pub async fn fill(
        &mut self,
        client: &Client,
        started_at: Timestamp,
        with_extensions: bool,
    ) -> Result<(), tokio_postgres::Error> {
        let counts = |(start, read): (Timestamp, Instant)| {
            start == started_at && read.elapsed() < SHELF_COUNTS
        };
        if !self.of.is_some_and(counts) {
            self.libraries = libraries(client).await?;
            (self.available, self.of) = (None, Some((started_at, Instant::now())));
        }
        if with_extensions && self.available.is_none() {
            self.available = Some(available(client).await?);
        }
        Ok(())
    }
}

async fn libraries(client: &Client) -> Result<Vec<String>, tokio_postgres::Error> {
    const LIBRARIES: &str = "SELECT substr(f, 1, length(f) - 3) FROM pg_config c, LATERAL pg_ls_dir(c.setting) f \
         WHERE c.name = 'PKGLIBDIR' AND f LIKE '%.so' ORDER BY 1";
    let rows = client.query(LIBRARIES, &[]).await?;
    Ok(rows.iter().filter_map(|r| r.try_get(0).ok()).collect())
}

async fn available(client: &Client) -> Result<BTreeMap<String, Available>, tokio_postgres::Error> {
    const AVAILABLE: &str = "SELECT e.name::text, e.default_version, \
         (SELECT array_agg(v.version ORDER BY v.version) FROM pg_available_extension_versions v WHERE v.name = e.name), \
         (SELECT v.requires::text[] FROM pg_available_extension_versions v \
          WHERE v.name = e.name AND v.version = e.default_version) FROM pg_available_extensions e";
    let mut found = BTreeMap::new();
    for row in client.query(AVAILABLE, &[]).await? {
        let available = Available {
            default_version: row.try_get::<_, Option<String>>(1)?.unwrap_or_default(),
            versions: row
                .try_get::<_, Option<Vec<String>>>(2)?
                .unwrap_or_default(),
            requires: row
                .try_get::<_, Option<Vec<String>>>(3)?
                .unwrap_or_default(),
        };
        found.insert(row.try_get(0)?, available);
    }
    Ok(found)
}

/// Looks at what is created in which database. A database of users gets a session for a moment only.
pub(super) async fn extensions(
    way: &WayIn,
    client: &Client,
    desired: &Desired,
    shelf: &Shelf,
) -> Result<Extensions, tokio_postgres::Error> {
    const DATABASES: &str = "SELECT datname::text FROM pg_database WHERE datallowconn";
    if desired.extensions.is_empty() {
        return Ok(Extensions::default());
    }
    let mut found = Extensions {
        available: shelf.available.clone().unwrap_or_default(),
        ..Extensions::default()
    };
    let existing: BTreeSet<String> = client
        .query(DATABASES, &[])
        .await?
        .iter()
        .filter_map(|r| r.try_get(0).ok())
        .collect();
    let wanted: BTreeSet<&str> = desired
        .extensions
        .iter()
        .map(|e| e.database.as_str())
        .collect();
    for database in wanted {
        let seen = if existing.contains(database) {
            let installed = if database == DATABASE {
                installed(client).await
            } else {
                elsewhere(way, database).await
            };
            match installed {
                Ok(installed) => Observation::Known(installed),
                Err(error) => Observation::unknown(in_words(&error)),
            }
        } else {
            Observation::Absent
        };
        found.databases.insert(database.to_owned(), seen);
    }
    Ok(found)
}

async fn elsewhere(
    way: &WayIn,
    database: &str,
) -> Result<BTreeMap<String, String>, tokio_postgres::Error> {
    let session = connect(way, database, "-c default_transaction_read_only=on").await?;
    installed(&session.client).await
}

async fn installed(client: &Client) -> Result<BTreeMap<String, String>, tokio_postgres::Error> {
    const INSTALLED: &str = "SELECT extname::text, extversion FROM pg_extension";
    let rows = client.query(INSTALLED, &[]).await?;
    rows.iter()
        .map(|r| Ok((r.try_get(0)?, r.try_get(1)?)))
        .collect()
}
