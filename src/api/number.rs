//! Numbers and units as C and PostgreSQL write them.

/// Memory units from large to small, in bytes.
pub const MEMORY: [(&str, f64); 5] = [
    ("TB", 1_099_511_627_776.0),
    ("GB", 1_073_741_824.0),
    ("MB", 1_048_576.0),
    ("kB", 1024.0),
    ("B", 1.0),
];

/// Time units from large to small, in microseconds.
pub const TIME: [(&str, f64); 6] = [
    ("d", 86_400_000_000.0),
    ("h", 3_600_000_000.0),
    ("min", 60_000_000.0),
    ("s", 1_000_000.0),
    ("ms", 1000.0),
    ("us", 1.0),
];

/// Splits a text into the number that it begins with and what follows, as the server's `strtol` and
/// `strtod` do: both read `0x1F`, and `017` is octal to the first only.
#[must_use]
pub fn leading_number(text: &str, octal: bool) -> Option<(f64, &str)> {
    let unsigned = text.trim_start_matches(['+', '-']);
    if text.len() - unsigned.len() > 1 {
        return None;
    }
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    let (value, rest) = whole_in_c(unsigned, octal).or_else(|| decimal(unsigned))?;
    // Out of range for a double: too large, or too near to zero.
    let fits = value.is_finite() && !value.is_subnormal();
    fits.then(|| (sign * value, rest.trim()))
}

/// Reads a hexadecimal or octal number; `None` where the text is neither, or goes on as a fraction.
fn whole_in_c(text: &str, octal: bool) -> Option<(f64, &str)> {
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = match hexadecimal {
        Some(digits) => (digits, 16),
        None if octal && text.starts_with('0') => (text, 8),
        None => return None,
    };
    let end = digits
        .find(|c: char| !c.is_digit(radix))
        .unwrap_or(digits.len());
    if digits[end..].starts_with(['.', 'e', 'E']) {
        return None;
    }
    i64::from_str_radix(&digits[..end], radix)
        .ok()
        .map(|n| (n as f64, &digits[end..]))
}

fn decimal(text: &str) -> Option<(f64, &str)> {
    let digits = |from: usize| {
        text[from..]
            .find(|c: char| !c.is_ascii_digit())
            .map_or(text.len(), |n| from + n)
    };
    let mut end = digits(0);
    if text[end..].starts_with('.') {
        end = digits(end + 1);
    }
    if !text[..end].contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if text[end..].starts_with(['e', 'E']) {
        let signed = text[end + 1..].starts_with(['+', '-']);
        let exponent = end + 1 + usize::from(signed);
        if digits(exponent) > exponent {
            end = digits(exponent);
        }
    }
    text[..end].parse().ok().map(|n| (n, &text[end..]))
}

/// Writes a number without trailing zeros, and a very large one with an exponent.
#[must_use]
pub fn plain(number: f64) -> String {
    if number.abs() >= 1e15 {
        format!("{number:e}")
    } else {
        number.to_string()
    }
}
