//! Amounts with a unit: memory and processor time.
//!
//! Memory units are binary, whatever they are called (512MB = 512M = 512Mi): that is what PostgreSQL
//! and Docker both mean. A bare number is refused: one of them would read it as bytes, the other
//! as 8 kB pages.

use serde::{Deserialize, Serialize};

/// An amount of memory or disk, in bytes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Bytes(pub u64);

/// An amount of processor time, in thousandths of one CPU.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct MilliCpu(pub u32);

/// Why a text is no quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// A number without a unit.
    #[error("`{0}` has no unit: write for example `{0}MB` or `{0}GB`")]
    NoUnit(String),
    /// A unit that is not one of ours.
    #[error("unknown unit `{0}`: use kB, MB, GB or TB (also k, M, G, T, Ki, Mi, Gi, Ti)")]
    UnknownUnit(String),
    /// Not a number at all, or a negative one.
    #[error("`{0}` is not an amount: write for example `512MB` or `4GiB`")]
    NotANumber(String),
    /// Not a number of CPUs.
    #[error("`{0}` is not a number of CPUs: write for example `2`, `1.5` or `500m`")]
    NotCpus(String),
    /// More than fits.
    #[error("`{0}` is too large")]
    TooLarge(String),
}

impl Bytes {
    /// One kibibyte.
    pub const KIB: u64 = 1 << 10;
    /// One mebibyte.
    pub const MIB: u64 = 1 << 20;
    /// One gibibyte.
    pub const GIB: u64 = 1 << 30;

    /// Returns `n` MiB.
    #[must_use]
    pub const fn mib(n: u64) -> Self {
        Self(n * Self::MIB)
    }

    /// Returns `n` GiB.
    #[must_use]
    pub const fn gib(n: u64) -> Self {
        Self(n * Self::GIB)
    }

    /// Returns the whole mebibytes in it, rounded down.
    #[must_use]
    pub const fn as_mib(self) -> u64 {
        self.0 / Self::MIB
    }

    /// Reads an amount with a unit.
    ///
    /// # Errors
    /// A missing or unknown unit, something that is no number, or more than fits.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let text = text.trim();
        let split = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = (&text[..split], text[split..].trim());
        if number.is_empty() {
            return Err(QuantityError::NotANumber(text.into()));
        }
        if unit.is_empty() {
            return Err(QuantityError::NoUnit(number.into()));
        }
        let scale: u64 = match unit.to_ascii_lowercase().as_str() {
            "b" => 1,
            "k" | "kb" | "ki" | "kib" => Self::KIB,
            "m" | "mb" | "mi" | "mib" => Self::MIB,
            "g" | "gb" | "gi" | "gib" => Self::GIB,
            "t" | "tb" | "ti" | "tib" => Self::GIB << 10,
            _ => return Err(QuantityError::UnknownUnit(unit.into())),
        };
        let too_large = || QuantityError::TooLarge(text.into());
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(scale).map(Self).ok_or_else(too_large);
        }
        let amount: f64 = number
            .parse()
            .map_err(|_| QuantityError::NotANumber(text.into()))?;
        let bytes = amount * scale as f64;
        if bytes >= u64::MAX as f64 {
            Err(too_large())
        } else {
            Ok(Self(bytes.round() as u64))
        }
    }
}

impl std::fmt::Display for Bytes {
    /// Writes the largest unit that keeps the amount whole: `4GB`, `1536MB`, `64kB`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self.0 {
            0 => "0MB".to_owned(),
            n if n % (Self::GIB << 10) == 0 => format!("{}TB", n / (Self::GIB << 10)),
            n if n % Self::GIB == 0 => format!("{}GB", n / Self::GIB),
            n if n % Self::MIB == 0 => format!("{}MB", n / Self::MIB),
            n if n % Self::KIB == 0 => format!("{}kB", n / Self::KIB),
            n => format!("{n}B"),
        };
        f.pad(&text)
    }
}

impl MilliCpu {
    /// Reads a number of CPUs: `2`, `1.5`, `500m`.
    ///
    /// # Errors
    /// Anything else, and zero.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let text = text.trim();
        let wrong = || QuantityError::NotCpus(text.into());
        let milli = match text.strip_suffix('m') {
            Some(milli) => milli.parse::<u32>().map_err(|_| wrong())?,
            None => {
                let cpus: f64 = text.parse().map_err(|_| wrong())?;
                if !(cpus > 0.0 && cpus <= 1e6) {
                    return Err(wrong());
                }
                (cpus * 1000.0).round() as u32
            }
        };
        // A million CPUs, in either spelling: what is shown is read again.
        if milli == 0 || milli > 1_000_000_000 {
            Err(wrong())
        } else {
            Ok(Self(milli))
        }
    }

    /// Returns the number of CPUs, rounded up: what PostgreSQL can use at one moment.
    #[must_use]
    pub const fn whole(self) -> u32 {
        self.0.div_ceil(1000)
    }
}

impl std::fmt::Display for MilliCpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_multiple_of(1000) {
            f.pad(&(self.0 / 1000).to_string())
        } else {
            f.pad(&(f64::from(self.0) / 1000.0).to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_unit_is_binary() {
        for text in [
            "512MB", "512M", "512Mi", "512MiB", "512 mb", "0.5GiB", "524288kB",
        ] {
            assert_eq!(Bytes::parse(text), Ok(Bytes::mib(512)), "{text}");
        }
    }

    #[test]
    fn a_bare_number_is_refused() {
        assert_eq!(
            Bytes::parse("512"),
            Err(QuantityError::NoUnit("512".into()))
        );
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            "MB",
            "-1MB",
            "1.2.3MB",
            "5 minutes",
            "99999999999TB",
            "1e3MB",
        ] {
            assert!(Bytes::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_amount_is_shown_in_the_largest_whole_unit() {
        let shown: Vec<_> = [0, 512, 65536, 1536 << 20, 4 << 30, 1 << 40]
            .map(|n| Bytes(n).to_string())
            .into();
        assert_eq!(shown, ["0MB", "512B", "64kB", "1536MB", "4GB", "1TB"]);
    }

    #[test]
    fn cpus_are_read_and_shown() {
        for (text, milli, shown) in [
            ("2", 2000, "2"),
            ("1.5", 1500, "1.5"),
            ("500m", 500, "0.5"),
            (" 0.25 ", 250, "0.25"),
        ] {
            let cpus = MilliCpu::parse(text).unwrap();
            assert_eq!((cpus.0, cpus.to_string().as_str()), (milli, shown));
        }
        for text in ["0", "-1", "two", "", "NaN", "inf", "0m", "2147483648m"] {
            assert!(MilliCpu::parse(text).is_err(), "{text}");
        }
    }
}
