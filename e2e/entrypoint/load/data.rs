//! The tables, sized by what the server may use: a statement must want more memory than it gets.
//!
//! All of it is made of `generate_series`, lies in the server's own buffers or in temporary files, and depends on no page cache.

use aza_agent::tune::Effective;
use tokio_postgres::Client;

/// A row of the three tables, header included.
const ROW_BYTES: u64 = 432;

/// Makes three tables of which each is a multiple of what a sort or hash may hold, and one that fills the shared buffers.
pub async fn fill(client: &Client, effective: &Effective) {
    let most = effective.work_mem.0 as f64 * effective.hash_mem_multiplier.max(1.0);
    let rows = (1.5 * most) as u64 / ROW_BYTES;
    // What no statement reads: a table below 8 MB would never be read in parallel.
    let rest = ((12 << 20) / rows).saturating_sub(ROW_BYTES).clamp(1, 7000);
    // A page for each row: to read them all is to touch every page, and costs little else.
    let pages = effective.shared_buffers.0 / 8192 * 9 / 10;
    let script = format!(
        "CREATE UNLOGGED TABLE filler (pad text STORAGE plain);
         INSERT INTO filler SELECT repeat('x', 7000) FROM generate_series(1, {pages});
         CREATE EXTENSION pg_prewarm"
    );
    client.batch_execute(&script).await.unwrap();
    for table in ["a", "b", "c"] {
        // The keys in another order in each: a sort that finds its input sorted is no sort.
        let script = format!(
            "CREATE TABLE {table} (k bigint, pad text STORAGE plain, rest text STORAGE plain);
             INSERT INTO {table} SELECT (g * 7919 + {}) % {rows}, md5(g::text) || repeat('{table}', 360), repeat('r', {rest})
                 FROM generate_series(1, {rows}) g;
             ANALYZE {table}",
            table.as_bytes()[0]
        );
        client.batch_execute(&script).await.unwrap();
    }
    for statement in ["VACUUM filler", "CHECKPOINT", "SELECT pg_prewarm('filler')"] {
        client.batch_execute(statement).await.unwrap();
    }
}

/// Reads what fills the shared buffers: from now on the session's page tables cover all of them.
pub const TOUCH: &str = "SELECT count(*) FROM filler";

/// The statements of the phases, each with what keeps the planner from a lighter way.
pub const STATEMENTS: [(&str, &str); 3] = [
    (
        "SET enable_sort = on",
        "SELECT count(*) FROM (SELECT k, pad FROM a ORDER BY pad, k) s",
    ),
    (
        "SET enable_sort = off",
        "SELECT count(*) FROM (SELECT k, max(pad) FROM b GROUP BY k) s",
    ),
    (
        "SET enable_mergejoin = off; SET enable_nestloop = off",
        "SELECT count(*) FROM a JOIN b USING (k) JOIN c USING (k) WHERE length(a.pad || b.pad || c.pad) > 0",
    ),
];
