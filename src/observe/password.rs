//! Whether the superuser's password is the one in its file, without sending it anywhere.
//!
//! The server tells its verifier, and the file's password is put through the same function (RFC 5802). That
//! takes 4096 rounds of HMAC, some milliseconds, so what was compared once is remembered by its digest. The
//! verifier itself goes no further than this room: it is as good as the password to whoever guesses offline.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::api::desired::Desired;
use crate::api::secret::Secret;
use crate::facts::Observation;
use crate::host::layout::Layout;

/// What was compared before: digests of a verifier and a password that belong together.
#[derive(Clone, Default)]
pub struct Passwords {
    matching: Arc<Mutex<BTreeSet<[u8; 32]>>>,
}

/// The file with one stack's password.
pub struct PasswordFile<'a> {
    known: &'a Passwords,
    path: PathBuf,
}

impl Passwords {
    /// Names the file with the password of a stack's superuser: the manifest's, or the agent's own.
    #[must_use]
    pub fn of(&self, layout: &Layout, desired: &Desired) -> PasswordFile<'_> {
        let named = desired.secrets.superuser.clone();
        PasswordFile {
            known: self,
            path: named.unwrap_or_else(|| layout.superuser_secret(&desired.name)),
        }
    }
}

impl PasswordFile<'_> {
    /// Returns whether the verifier is one of the file's password; `Absent` where there is no file.
    #[must_use]
    pub fn holds(&self, verifier: Option<&str>) -> Observation<bool> {
        let shown = self.path.display();
        let secret = match std::fs::read(&self.path) {
            Ok(bytes) => match Secret::parse(&bytes) {
                Ok(secret) => secret,
                Err(wrong) => return Observation::unknown(format!("`{shown}` {wrong}")),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Observation::Absent;
            }
            Err(error) => return Observation::unknown(format!("cannot read `{shown}`: {error}")),
        };
        let Some(verifier) = verifier else {
            return Observation::Known(false);
        };
        // A file may hold the verifier itself: then that is what the server stores.
        if verifier == secret.expose() {
            return Observation::Known(true);
        }
        let pair =
            Sha256::digest([verifier.as_bytes(), b"\0", secret.expose().as_bytes()].concat())
                .into();
        let mut matching = self
            .known
            .matching
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if matching.contains(&pair) {
            return Observation::Known(true);
        }
        match matches(verifier, secret.expose()) {
            Some(true) => {
                matching.insert(pair);
                Observation::Known(true)
            }
            Some(false) => Observation::Known(false),
            None => Observation::unknown(
                "the password is not stored as SCRAM-SHA-256, so it cannot be compared",
            ),
        }
    }
}

/// Whether `SCRAM-SHA-256$rounds:salt$stored key:server key` was made of a password; `None` where it is
/// something else.
fn matches(verifier: &str, password: &str) -> Option<bool> {
    let rest = verifier.strip_prefix("SCRAM-SHA-256$")?;
    let (head, keys) = rest.split_once('$')?;
    let (rounds, salt) = head.split_once(':')?;
    let stored_key = BASE64.decode(keys.split_once(':')?.0).ok()?;
    let salt = BASE64.decode(salt).ok()?;
    // As the server does: what cannot be prepared is taken as it is.
    let prepared = stringprep::saslprep(password);
    let prepared = prepared.as_deref().unwrap_or(password);
    let salted = salted(prepared.as_bytes(), &salt, rounds.parse().ok()?);
    let client_key = hmac(&salted, &[b"Client Key"]);
    Some(Sha256::digest(client_key).as_slice() == stored_key)
}

/// PBKDF2 with HMAC-SHA-256 and one block, as RFC 5802 calls `Hi`.
fn salted(password: &[u8], salt: &[u8], rounds: u32) -> [u8; 32] {
    let mut last = hmac(password, &[salt, &1u32.to_be_bytes()]);
    let mut sum = last;
    for _ in 1..rounds {
        last = hmac(password, &[&last]);
        sum.iter_mut()
            .zip(last)
            .for_each(|(sum, byte)| *sum ^= byte);
    }
    sum
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use postgres_protocol::password::scram_sha_256;

    #[test]
    fn a_verifier_belongs_to_its_password_and_to_no_other() {
        for password in ["secret", "pässwörd", "ſoft\u{ad}hyphen", "$:'\" %"] {
            let verifier = scram_sha_256(password.as_bytes());
            assert_eq!(matches(&verifier, password), Some(true), "{password}");
            assert_eq!(matches(&verifier, "another"), Some(false));
        }
        assert_eq!(matches("md5d41d8cd98f00b204e9800998ecf8427e", "x"), None);
        assert_eq!(matches("SCRAM-SHA-256$x:y$z", "x"), None);
    }

    #[test]
    fn a_file_is_compared_and_no_file_is_absent() {
        let dir = tempfile::tempdir().unwrap();
        let passwords = Passwords::default();
        let path = dir.path().join("superuser");
        let file = PasswordFile {
            known: &passwords,
            path: path.clone(),
        };
        let verifier = scram_sha_256(b"right");
        assert!(file.holds(Some(&verifier)).is_absent());
        std::fs::write(&path, "right\n").unwrap();
        assert_eq!(file.holds(Some(&verifier)), Observation::Known(true));
        assert_eq!(file.holds(None), Observation::Known(false));
        std::fs::write(&path, "wrong").unwrap();
        assert_eq!(file.holds(Some(&verifier)), Observation::Known(false));
        std::fs::write(&path, "").unwrap();
        assert!(file.holds(Some(&verifier)).why_unknown().is_some());
    }
}
