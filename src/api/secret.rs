//! A password on its way from a file to where it is needed.

/// A text that cannot be shown, compared or stored by accident: it has no `Debug`, no
/// `Display` and no `Serialize`, so every use of it says [`Secret::expose`] and can be found by that word.
#[derive(Clone)]
pub struct Secret(String);

/// Why a text is no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Nothing in it.
    #[error("is empty")]
    Empty,
    /// PostgreSQL's passwords end at a NUL.
    #[error("contains a NUL byte")]
    Nul,
    /// Not text.
    #[error("is not valid UTF-8")]
    NotUtf8,
    /// More than a password has.
    #[error("is longer than {MAX_SECRET} bytes")]
    TooLong,
}

/// The longest password, in bytes: what PostgreSQL's own tools read.
pub const MAX_SECRET: usize = 1024;

impl Secret {
    /// Checks a password. One line end after it is not part of it, because editors and `echo` write one.
    ///
    /// # Errors
    /// An empty text, one with a NUL, one that is no UTF-8, or one that is too long.
    pub fn parse(bytes: &[u8]) -> Result<Self, SecretError> {
        let text = std::str::from_utf8(bytes).map_err(|_| SecretError::NotUtf8)?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(SecretError::Empty);
        }
        if text.contains('\0') {
            return Err(SecretError::Nul);
        }
        if text.len() > MAX_SECRET {
            return Err(SecretError::TooLong);
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the password itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_not_part_of_it() {
        for bytes in ["pa ss", "pa ss\n", "pa ss\r\n"] {
            assert_eq!(
                Secret::parse(bytes.as_bytes()).ok().unwrap().expose(),
                "pa ss"
            );
        }
        assert_eq!(Secret::parse(b" x\n\n").ok().unwrap().expose(), " x\n");
    }

    #[test]
    fn what_is_no_password_is_refused() {
        for (bytes, why) in [
            (&b""[..], SecretError::Empty),
            (b"\n", SecretError::Empty),
            (b"a\0b", SecretError::Nul),
            (b"\xff", SecretError::NotUtf8),
            (&[b'a'; 1025], SecretError::TooLong),
        ] {
            assert_eq!(Secret::parse(bytes).err(), Some(why));
        }
    }
}
