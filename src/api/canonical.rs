//! Values of settings, read and shown as PostgreSQL does it.
//!
//! Two texts are the same value when their canonical forms are the same: `0.5GB`, `512MB` and the
//! `65536` that `pg_settings.setting` shows. The rules are those of the server's `parse_int`,
//! `parse_real`, `parse_bool` and of its enum tables with their hidden words; the surprising one is that
//! an amount with a fraction is first rounded to the next smaller unit (`1.5kB` stays, `30.1GB` becomes
//! whole megabytes).
//!
//! A bare number is a number in the setting's own unit: that is how the server reports values. That
//! manifests may not write such numbers is a rule of validation, not of this file.
//!
//! *Current limitations*: texts are compared as they are, except for lists and for the few names that
//! the server compares without case; hexadecimal fractions are refused.

use super::number::{MEMORY, TIME, leading_number, plain};
use super::setting::{Canonical, SettingDef, VarType};

/// Why a text is no value of a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not a word for yes or no.
    #[error("`{0}` is neither on nor off")]
    NotBool(String),
    /// Not one of the words that an enum takes.
    #[error("`{value}` is not one of: {}", .allowed.join(", "))]
    NotAWord {
        /// What was given.
        value: String,
        /// What would be right.
        allowed: Vec<String>,
    },
    /// Not a number.
    #[error("`{0}` is not a number")]
    NotANumber(String),
    /// A unit where the setting has none.
    #[error("`{0}`: this setting takes a number without a unit")]
    NoUnitHere(String),
    /// A unit that the setting does not take.
    #[error("`{value}`: unknown unit `{unit}`; use {allowed} (case matters)")]
    UnknownUnit {
        /// What was given.
        value: String,
        /// The part that is no unit.
        unit: String,
        /// The units that would be right.
        allowed: &'static str,
    },
    /// A number outside the setting's limits.
    #[error("`{value}` is out of range: from {min} to {max}")]
    OutOfRange {
        /// What was given.
        value: String,
        /// The smallest value, with its unit.
        min: String,
        /// The largest value, with its unit.
        max: String,
    },
    /// A text that no setting can hold.
    #[error("a value cannot contain a NUL byte")]
    Nul,
}

/// Settings whose text is a list: only the items count, not the blanks between them.
const LISTS: [&str; 10] = [
    "createrole_self_grant",
    "listen_addresses",
    "local_preload_libraries",
    "log_destination",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "synchronized_standby_slots",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// Settings whose text the server looks up without case and shows in its own spelling.
const CASELESS: [&str; 5] = [
    "TimeZone",
    "log_timezone",
    "cron.timezone",
    "client_encoding",
    "DateStyle",
];

/// How exactly the server shows a real: `%g`, six digits.
const REAL_TOLERANCE: f64 = 1e-5;

/// How close to a whole number of units a real must be to be shown in it, as in the server.
const WHOLE_TOLERANCE: f64 = 1e-8;

impl Canonical {
    /// Whether both are the same value to the server, which shows reals with six digits only.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Real(a), Self::Real(b)) => {
                a == b || (a - b).abs() <= REAL_TOLERANCE * a.abs().max(b.abs())
            }
            (Self::Bool(_) | Self::Integer(_) | Self::Real(_) | Self::Text(_), _) => self == other,
        }
    }
}

impl SettingDef {
    /// Reads a value as the server would.
    ///
    /// # Errors
    /// Why it is no value of this setting, naming what is allowed.
    pub fn canonical(&self, text: &str) -> Result<Canonical, ValueError> {
        if text.contains('\0') {
            return Err(ValueError::Nul);
        }
        match self.vartype {
            VarType::Bool => boolean(text)
                .map(Canonical::Bool)
                .ok_or_else(|| ValueError::NotBool(text.into())),
            VarType::Integer => {
                let number = self.number(text)?.round_ties_even();
                self.in_range(text, number)
                    .map(|n| Canonical::Integer(n as i64))
            }
            VarType::Real => {
                let number = self.number(text)?;
                self.in_range(text, number).map(Canonical::Real)
            }
            VarType::Enum => self.word(text).map(Canonical::Text),
            VarType::String => Ok(Canonical::Text(self.text(text))),
        }
    }

    /// Whether a number in this text would be read in the setting's own unit, which manifests may not
    /// rely on. Zero and minus one have meanings of their own, without a unit.
    #[must_use]
    pub fn lacks_unit(&self, text: &str) -> bool {
        let bare = leading_number(text.trim(), self.reads_octal())
            .is_some_and(|(_, rest)| rest.is_empty());
        self.unit.is_some() && bare && !matches!(self.number(text), Ok(n) if n == 0.0 || n == -1.0)
    }

    /// Writes a value for people: with the largest unit that keeps it whole (`512MB`, `10min`).
    #[must_use]
    pub fn show(&self, value: &Canonical) -> String {
        match value {
            Canonical::Bool(true) => "on".into(),
            Canonical::Bool(false) => "off".into(),
            Canonical::Text(text) => text.clone(),
            Canonical::Integer(number) => self.show_number(*number as f64),
            Canonical::Real(number) => self.show_number(*number),
        }
    }

    /// Lists the units that this setting takes; `None` where it takes none.
    #[must_use]
    pub fn units(&self) -> Option<&'static str> {
        let (_, units) = self.base()?;
        Some(if units.len() == MEMORY.len() {
            "B, kB, MB, GB or TB"
        } else {
            "us, ms, s, min, h or d"
        })
    }

    /// Returns the size of the setting's unit and the units that it takes.
    fn base(&self) -> Option<(f64, &'static [(&'static str, f64)])> {
        let unit = self.unit.as_deref()?;
        let digits = unit.find(|c: char| !c.is_ascii_digit())?;
        let count: f64 = if digits == 0 {
            1.0
        } else {
            unit[..digits].parse().ok()?
        };
        let find = |units: &'static [(&'static str, f64)]| {
            let (_, size) = units.iter().find(|(name, _)| *name == &unit[digits..])?;
            Some((count * size, units))
        };
        find(&MEMORY).or_else(|| find(&TIME))
    }

    fn reads_octal(&self) -> bool {
        self.vartype == VarType::Integer
    }

    /// Reads a number with or without a unit, and converts it to the setting's unit.
    fn number(&self, text: &str) -> Result<f64, ValueError> {
        let (number, unit) = leading_number(text.trim(), self.reads_octal())
            .ok_or_else(|| ValueError::NotANumber(text.into()))?;
        if unit.is_empty() {
            return Ok(number);
        }
        let Some((base, units)) = self.base() else {
            return Err(ValueError::NoUnitHere(text.into()));
        };
        let place = units
            .iter()
            .position(|(name, _)| *name == unit)
            .ok_or_else(|| {
                let allowed = self.units().unwrap_or_default();
                ValueError::UnknownUnit {
                    value: text.into(),
                    unit: unit.into(),
                    allowed,
                }
            })?;
        let amount = number * (units[place].1 / base);
        Ok(match units.get(place + 1) {
            Some((_, smaller)) => (amount / (smaller / base)).round_ties_even() * (smaller / base),
            None => amount,
        })
    }

    fn in_range(&self, text: &str, number: f64) -> Result<f64, ValueError> {
        let min = self.min.unwrap_or(f64::MIN);
        let max = self.max.unwrap_or(f64::MAX);
        if number.is_finite() && (min..=max).contains(&number) {
            return Ok(number);
        }
        let shown = |limit: f64| self.show_number(limit);
        Err(ValueError::OutOfRange {
            value: text.into(),
            min: shown(min),
            max: shown(max),
        })
    }

    fn show_number(&self, number: f64) -> String {
        let is_whole = |amount: f64| match self.vartype {
            VarType::Integer => amount.fract() == 0.0,
            VarType::Real => (amount.round() / amount - 1.0).abs() <= WHOLE_TOLERANCE,
            VarType::Bool | VarType::Enum | VarType::String => false,
        };
        match self.base() {
            Some((base, units)) if number > 0.0 => {
                let mut amounts = units
                    .iter()
                    .map(|(unit, size)| (number * base / size, unit));
                let (amount, unit) = amounts
                    .clone()
                    .find(|(amount, _)| is_whole(*amount))
                    .or_else(|| amounts.next_back())
                    .expect("both lists of units have entries");
                format!("{}{unit}", plain(amount))
            }
            Some(_) | None => plain(number),
        }
    }

    /// Reads a word of an enum, with the server's hidden words for it.
    fn word(&self, text: &str) -> Result<String, ValueError> {
        let lower = text.to_ascii_lowercase();
        let has = |word: &str| self.enumvals.iter().any(|w| w == word);
        let visible = self
            .enumvals
            .iter()
            .find(|w| w.eq_ignore_ascii_case(&lower))
            .cloned();
        let hidden = match lower.as_str() {
            "true" | "yes" | "1" if has("on") && has("off") => Some("on".to_owned()),
            "false" | "no" | "0" if has("on") && has("off") => Some("off".to_owned()),
            "debug" if has("debug2") => Some("debug2".to_owned()),
            "info" if has("debug2") => Some("info".to_owned()),
            "archive" | "hot_standby" if self.name == "wal_level" => Some("replica".to_owned()),
            _ => None,
        };
        let word = visible.or(hidden).ok_or_else(|| ValueError::NotAWord {
            value: text.into(),
            allowed: self
                .enumvals
                .iter()
                .filter(|w| !w.is_empty())
                .cloned()
                .collect(),
        })?;
        // The one visible word that the server reads back as another.
        let reads_as_pglz = self.name == "wal_compression" && word == "on";
        Ok(if reads_as_pglz { "pglz".into() } else { word })
    }

    fn text(&self, text: &str) -> String {
        let name = self.name.as_str();
        if LISTS.contains(&name) {
            let items: Vec<&str> = text.split(',').map(str::trim).collect();
            return items.join(", ");
        }
        if CASELESS.contains(&name) {
            text.to_ascii_lowercase()
        } else {
            text.to_owned()
        }
    }
}

/// Reads a word for yes or no: any unambiguous beginning counts.
fn boolean(text: &str) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    let begins = |word: &str| !lower.is_empty() && word.starts_with(&lower);
    match lower.as_str() {
        "on" | "1" => Some(true),
        "of" | "off" | "0" => Some(false),
        _ if begins("true") || begins("yes") => Some(true),
        _ if begins("false") || begins("no") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
#[path = "canonical_tests.rs"]
mod tests;
