//! Checked strings: once made, never checked again.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is no name of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NameError(pub String);

macro_rules! checked_string {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text.
            ///
            /// # Errors
            /// What is wrong with it, and what would be right.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                $check(text).map(Self)
            }

            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

checked_string!(
    /// The name of a stack: a DNS label of 2 to 40 characters.
    ///
    /// Project, container and volume names derive from it. One letter is too short: Docker accepts
    /// no container name of one character, and reads `d:/data` as a Windows drive.
    StackName,
    stack_name
);
checked_string!(
    /// The name of a PostgreSQL setting: an identifier, or two joined by one dot, in lower case.
    ///
    /// A third part would be a poison pill: `ALTER SYSTEM SET "a.b.c"` succeeds, and the file that
    /// it writes can never be read again.
    SettingName,
    setting_name
);
checked_string!(
    /// The name of an extension, as `CREATE EXTENSION` takes it.
    ExtensionName,
    extension_name
);
checked_string!(
    /// The name of a database: any text of 1 to 63 bytes without a NUL.
    DatabaseName,
    database_name
);

fn stack_name(text: &str) -> Result<String, NameError> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_label = text.chars().all(inner)
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-');
    if is_label && (2..=40).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(NameError(format!(
            "`{text}` is no stack name: use 2 to 40 of a-z, 0-9 and `-`, starting with a letter and \
             not ending with `-`"
        )))
    }
}

fn setting_name(text: &str) -> Result<String, NameError> {
    let lower = text.to_ascii_lowercase();
    let parts: Vec<&str> = lower.split('.').collect();
    if parts.len() <= 2 && lower.len() <= 63 && parts.iter().all(|p| is_identifier(p)) {
        // The server keeps three historical names in mixed case, and compares without case.
        Ok(match lower.as_str() {
            "datestyle" => "DateStyle".into(),
            "intervalstyle" => "IntervalStyle".into(),
            "timezone" => "TimeZone".into(),
            _ => lower,
        })
    } else {
        Err(NameError(format!(
            "`{text}` is no setting name: use letters, digits and `_`, with at most one `.` after an \
             extension's prefix"
        )))
    }
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$')
}

fn extension_name(text: &str) -> Result<String, NameError> {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if (1..=63).contains(&text.len()) && text.chars().all(inner) {
        Ok(text.to_owned())
    } else {
        Err(NameError(format!(
            "`{text}` is no extension name: use letters, digits, `_` and `-`"
        )))
    }
}

fn database_name(text: &str) -> Result<String, NameError> {
    if (1..=63).contains(&text.len()) && !text.contains('\0') {
        Ok(text.to_owned())
    } else {
        Err(NameError(format!(
            "`{text}` is no database name: use 1 to 63 bytes without NUL"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_name_is_a_dns_label() {
        for good in ["db", "shop-1", "a0", &"a".repeat(40)] {
            assert!(StackName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "d",
            "Db",
            "-db",
            "db-",
            "1db",
            "d_b",
            "d.b",
            "a/b",
            &"a".repeat(41),
        ] {
            assert!(StackName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_setting_name_has_at_most_one_dot() {
        assert_eq!(SettingName::parse("Work_Mem").unwrap().as_str(), "work_mem");
        assert_eq!(SettingName::parse("timezone").unwrap().as_str(), "TimeZone");
        assert!(SettingName::parse("pgaudit.log").is_ok());
        for bad in ["a.b.c", "", ".a", "a.", "1a", "a b", "a\"b", "a=b"] {
            assert!(SettingName::parse(bad).is_err(), "{bad}");
        }
    }
}
