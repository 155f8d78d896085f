//! Rows in columns, on a page of some width.
//!
//! Where the page is wide enough, every row is one line: good for `grep`, and what a pipe gets. On a
//! terminal that is too narrow, the last column is wrapped within itself; where even that leaves it no
//! room, it goes below its row. Nothing is cut off: at night the end of a message is the part that counts.

/// The last column is not squeezed below this: a sentence of three words a line reads worse than one below.
const NARROWEST: usize = 32;
/// How far a cell that goes below its row is set in.
const INDENT: usize = 8;
/// Between two columns.
const GAP: usize = 2;

/// A table for people.
pub struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Returns a table with these headings; without any where the slice is empty.
    #[must_use]
    pub fn new(heads: &[&str]) -> Self {
        Self {
            heads: heads.iter().map(|head| (*head).to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Its cells may hold colour, the last one only text.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Leaves out a column.
    pub fn without(&mut self, head: &str) {
        let Some(at) = self.heads.iter().position(|h| h == head) else {
            return;
        };
        self.heads.remove(at);
        for row in &mut self.rows {
            row.remove(at);
        }
    }

    /// Whether every row is one line of that width.
    #[must_use]
    pub fn fits(&self, width: Option<usize>) -> bool {
        let widths = self.widths();
        width.is_none_or(|width| total(&widths) <= width)
    }

    /// Lays it out.
    #[must_use]
    pub fn render(&self, width: Option<usize>) -> String {
        let widths = self.widths();
        let width = width.unwrap_or(usize::MAX);
        // How many columns stand beside each other; what is left goes below.
        let mut beside = widths.len();
        if total(&widths) > width {
            while beside > 2
                && total(&widths[..beside - 1]) + GAP + NARROWEST.min(widths[beside - 1]) > width
            {
                beside -= 1;
            }
        }
        let mut text = String::new();
        if !self.heads.is_empty() {
            let heads: Vec<String> = self.heads.iter().map(|h| super::output::bold(h)).collect();
            text.push_str(&line(&heads[..beside.min(heads.len())], &widths, width));
        }
        for row in &self.rows {
            let (here, below) = row.split_at(beside.min(row.len()));
            text.push_str(&line(here, &widths, width));
            let below: Vec<&str> = below
                .iter()
                .map(String::as_str)
                .filter(|cell| !cell.is_empty())
                .collect();
            if !below.is_empty() {
                text.push_str(&wrapped(&below.join("  "), INDENT, INDENT, width));
            }
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let all = || self.rows.iter().chain([&self.heads]);
        let count = all().map(Vec::len).max().unwrap_or(0);
        (0..count)
            .map(|i| {
                all()
                    .filter_map(|row| row.get(i))
                    .map(|cell| visible(cell))
                    .max()
                    .unwrap_or(0)
            })
            .collect()
    }
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// Returns one row; its last cell is wrapped where it does not fit.
fn line(cells: &[String], widths: &[usize], width: usize) -> String {
    let Some((last, before)) = cells.split_last() else {
        return String::new();
    };
    let mut text = String::new();
    for (cell, column) in before.iter().zip(widths) {
        text.push_str(cell);
        text.push_str(&" ".repeat(column - visible(cell) + GAP));
    }
    let at = total(&widths[..before.len()]) + if before.is_empty() { 0 } else { GAP };
    text.push_str(wrapped(last, 0, at, width).as_str());
    text
}

/// Wraps a text at spaces, every line set in: the first by `first`, the others by `hanging`, which is also where
/// the first one stands. A word that is longer than the page stays whole.
#[must_use]
pub fn wrapped(text: &str, first: usize, hanging: usize, width: usize) -> String {
    let room = width.saturating_sub(hanging).max(8);
    let mut out = " ".repeat(first);
    for (number, paragraph) in text.lines().enumerate() {
        if number > 0 {
            out.push('\n');
            out.push_str(&" ".repeat(hanging));
        }
        if visible(paragraph) <= room {
            out.push_str(paragraph);
            continue;
        }
        let mut used = 0;
        for word in paragraph.split(' ') {
            let length = visible(word);
            if used > 0 && used + 1 + length > room {
                out.push('\n');
                out.push_str(&" ".repeat(hanging));
                used = 0;
            } else if used > 0 {
                out.push(' ');
                used += 1;
            }
            out.push_str(word);
            used += length;
        }
    }
    let mut out = out.trim_end().to_owned();
    out.push('\n');
    out
}

/// Counts the letters that a terminal shows, without colour.
#[must_use]
pub fn visible(cell: &str) -> usize {
    anstream::adapter::strip_str(cell)
        .to_string()
        .chars()
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(table: &Table, width: Option<usize>) -> String {
        anstream::adapter::strip_str(&table.render(width)).to_string()
    }

    fn sample() -> Table {
        let mut table = Table::new(&["NAME", "WHY"]);
        table.row([
            "main".to_owned(),
            "the container ends right after each start, and nobody knows why".to_owned(),
        ]);
        table.row(["x".to_owned(), "it is well".to_owned()]);
        table
    }

    #[test]
    fn a_pipe_gets_one_line_for_each_row() {
        assert_eq!(
            shown(&sample(), None),
            "NAME  WHY\nmain  the container ends right after each start, and nobody knows why\nx     it is well\n"
        );
    }

    #[test]
    fn a_narrow_terminal_wraps_the_last_column_within_itself() {
        assert_eq!(
            shown(&sample(), Some(44)),
            "NAME  WHY\nmain  the container ends right after each\n      start, and nobody knows why\nx     it is well\n"
        );
    }

    #[test]
    fn what_has_no_room_beside_goes_below_and_nothing_is_lost() {
        let mut table = Table::new(&[]);
        let step = "set limits: 1GB memory → 2GB memory".to_owned();
        table.row([
            "1.".to_owned(),
            step,
            "none".to_owned(),
            "the manifest differs from it".to_owned(),
        ]);
        assert_eq!(
            shown(&table, Some(50)),
            "1.  set limits: 1GB memory → 2GB memory  none\n        the manifest differs from it\n"
        );
        assert_eq!(
            shown(&table, Some(30)),
            "1.  set limits: 1GB memory →\n    2GB memory\n        none  the manifest\n        differs from it\n"
        );
    }

    #[test]
    fn no_line_is_wider_than_the_page_where_no_word_is() {
        for width in 30..120 {
            for line in shown(&sample(), Some(width)).lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn colour_takes_no_room() {
        let mut table = Table::new(&[]);
        table.row(["\x1b[31mab\x1b[0m".to_owned(), "c".to_owned()]);
        assert_eq!(shown(&table, Some(10)), "ab  c\n");
    }
}
