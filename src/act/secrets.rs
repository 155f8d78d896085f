//! Passwords that the manifest names as files, and those that nobody named.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::api::secret::{MAX_SECRET, Secret, SecretError};

/// How long a generated password is: 190 bits.
const LENGTH: usize = 32;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// The kernel's generator; the agent starts long after it is seeded.
const RANDOM: &str = "/dev/urandom";

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// The file cannot be read.
    #[error("cannot read the secret file `{}`", .path.display())]
    Read {
        /// Where it is.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// What it holds is no password.
    #[error("the secret file `{}` {source}", .path.display())]
    Content {
        /// Where it is.
        path: PathBuf,
        /// What is wrong. Never shows what the file holds.
        source: SecretError,
    },
}

/// Reads a password from a file.
///
/// # Errors
/// The file cannot be read, or holds no password.
pub fn read(path: &Path) -> Result<Secret, SecretFileError> {
    let mut bytes = Vec::new();
    // A line end may follow the longest password; one byte more shows that it is too long.
    let limit = MAX_SECRET as u64 + 3;
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(|source| SecretFileError::Read {
            path: path.to_path_buf(),
            source,
        })?;
    Secret::parse(&bytes).map_err(|source| SecretFileError::Content {
        path: path.to_path_buf(),
        source,
    })
}

/// Makes a new password of letters and digits, from the kernel's random numbers.
///
/// # Errors
/// The machine has no random numbers.
pub fn generate() -> Result<Secret, SecretFileError> {
    let path = || PathBuf::from(RANDOM);
    let failed = |source| SecretFileError::Read {
        path: path(),
        source,
    };
    let mut random = File::open(RANDOM).map_err(failed)?;
    let mut password = Vec::with_capacity(LENGTH);
    let mut bytes = [0u8; LENGTH];
    while password.len() < LENGTH {
        random.read_exact(&mut bytes).map_err(failed)?;
        // The last few values are left out: with them some letters would be likelier than others.
        let even = bytes
            .iter()
            .map(|byte| usize::from(*byte))
            .filter(|n| *n < 62 * 4);
        password.extend(even.map(|n| ALPHABET[n % 62]).take(LENGTH - password.len()));
    }
    Secret::parse(&password).map_err(|source| SecretFileError::Content {
        path: path(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_password_is_long_plain_and_never_the_same() {
        let (first, second) = (generate().ok().unwrap(), generate().ok().unwrap());
        assert_eq!(first.expose().len(), LENGTH);
        assert!(first.expose().chars().all(|c| c.is_ascii_alphanumeric()));
        assert!(first.expose() != second.expose());
    }

    #[test]
    fn an_error_names_the_file_and_never_its_content() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pw");
        let wrong = read(&path).err().unwrap();
        assert!(wrong.to_string().contains("pw"), "{wrong}");
        std::fs::write(&path, "hidden\0word").unwrap();
        let wrong = read(&path).err().unwrap();
        assert!(
            wrong.to_string().ends_with("pw` contains a NUL byte"),
            "{wrong}"
        );
        std::fs::write(&path, "x".repeat(1025)).unwrap();
        assert!(
            read(&path)
                .err()
                .unwrap()
                .to_string()
                .contains("longer than 1024")
        );
        std::fs::write(&path, "good\n").unwrap();
        assert!(read(&path).ok().unwrap().expose() == "good");
    }
}
