//! The budget as a table for people.

use serde::Serialize;

use super::Budget;

/// One line of the budget's table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What it is.
    pub label: &'static str,
    /// How much, in MB.
    pub mb: f64,
    /// How it was computed.
    pub explanation: String,
}

impl Budget {
    /// Returns the table that `explain` and `tune` print, from the limit down to the margin.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let row = |label, mb, explanation: String| Row {
            label,
            mb,
            explanation,
        };
        let (n, c) = (self.connections, self.per_connection);
        let shared = if self.shared_is_exact {
            "measured by the server"
        } else {
            "shared_buffers × 33/32 + 26 MB + 0.08 MB per connection + 0.1 MB per worker slot, an upper bound"
        };
        let workers = self.parallel_workers;
        let hash = self.work_mem * self.hash_mem_multiplier;
        let query = format!(
            "a hash may take {hash} MB (work_mem {} MB × hash_mem_multiplier {}): one for each of {n} \
             connections and {workers} parallel workers with full caches, or two without, or {} for each \
             of {:.0} active sessions and the workers, whichever is most",
            self.work_mem, self.hash_mem_multiplier, self.nodes, self.active
        );
        vec![
            row("memory limit", self.limit, "what the cgroup grants".into()),
            row(
                "reserve",
                self.reserve,
                "8 %, 48 MB to 2 GB: agent, kernel, slack".into(),
            ),
            row(
                "page cache",
                self.page_cache,
                "5 %, 32 MB to 4 GB, kept for reading files".into(),
            ),
            row("shared memory", self.shared, shared.into()),
            row(
                "connections",
                f64::from(n) * c,
                format!("{n} × {c:.1} MB, page tables included"),
            ),
            row(
                "background",
                self.background,
                "autovacuum workers, one maintenance command, I/O workers, 12 MB for the rest"
                    .into(),
            ),
            row("queries", self.query, query),
            row(
                "parallel hash",
                self.parallel_hash,
                if self.shm_need > 0.0 {
                    "two tables in /dev/shm for every connection, with workers or without, up to its size"
                } else {
                    "off: nothing in /dev/shm"
                }
                .into(),
            ),
            row(
                "total",
                self.total,
                "shared memory + connections + background + queries + parallel hash".into(),
            ),
            row(
                "margin",
                self.limit - self.reserve - self.page_cache - self.total,
                if self.kept {
                    "the budget holds"
                } else {
                    "the budget is broken"
                }
                .into(),
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use crate::tune::tests::machine;
    use crate::tune::tune;

    #[test]
    fn the_rows_add_up_to_the_limit() {
        let rows = tune(&machine()).budget.rows();
        let of = |label| rows.iter().find(|row| row.label == label).unwrap().mb;
        let spent: f64 = ["reserve", "page cache", "total", "margin"]
            .into_iter()
            .map(of)
            .sum();
        assert!((spent - of("memory limit")).abs() < 1e-6);
    }
}
