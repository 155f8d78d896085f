//! Databases whose text was put in order by another version of the C library than the server's.

use serde::{Deserialize, Serialize};

/// A database whose collation version is not the one that its indexes were made with. PostgreSQL only warns of it,
/// and an index that is in another order than its library's finds some rows, and not others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collation {
    /// The database.
    pub database: String,
    /// `pg_database.datcollversion`
    pub made_with: String,
    /// `pg_database_collation_actual_version`
    pub now: String,
}
