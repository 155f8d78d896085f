//! The table: what, ours, its bare counterpart, the ratio, the reach, and whether it is reached.

/// One line.
pub struct Row {
    pub what: String,
    pub ours: String,
    pub bare: String,
    pub ratio: String,
    pub reach: &'static str,
    pub reached: bool,
}

/// Prints the lines under each other.
pub fn print(rows: &[Row]) {
    let head = [
        "what",
        "ours",
        "bare counterpart",
        "ratio",
        "reach",
        "reached",
    ]
    .map(str::to_owned);
    let mut lines = vec![head];
    lines.extend(rows.iter().map(|r| {
        let reached = if r.reached { "yes" } else { "NO" };
        let cells = [&r.what, &r.ours, &r.bare, &r.ratio, r.reach, reached];
        cells.map(str::to_owned)
    }));
    let width = |i: usize| {
        lines
            .iter()
            .map(|l| l[i].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..6).map(width).collect();
    for line in &lines {
        let cells = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        println!("| {} |", cells.collect::<Vec<_>>().join(" | "));
    }
}

/// Returns the value in the middle.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 50.0)
}

/// Returns the value that so many in a hundred do not exceed.
pub fn percentile(values: &[f64], percent: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// Writes a ratio.
pub fn ratio(ours: f64, bare: f64) -> String {
    format!("{:.2}", ours / bare)
}
