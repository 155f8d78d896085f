//! What a container mounts: its directories, its declared file, its secrets.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use crate::api::StackName;
use crate::api::desired::Desired;
use crate::host::layout::Layout;

use super::{ActError, secrets};

/// The image's postgres user, as the official image's volumes have it.
const POSTGRES_UID: u32 = 999;

/// Makes the directories and the secrets. What is there already stays.
pub fn prepare(layout: &Layout, desired: &Desired) -> Result<(), ActError> {
    let name = &desired.name;
    directory(&layout.stack(name), 0o755, None)?;
    directory(&layout.declared_dir(name), 0o755, None)?;
    directory(&layout.secrets(), 0o700, None)?;
    // The container's user must enter this one and no other; the parent keeps everyone else out.
    directory(&layout.stack_secrets(name), 0o750, Some(POSTGRES_UID))?;
    directory(&layout.run(), 0o700, None)?;
    directory(&layout.socket_dir(name), 0o775, Some(POSTGRES_UID))?;
    superuser(layout, desired)
}

/// Writes the declared file. It holds no secret, and the container reads it as another user.
pub fn declare(layout: &Layout, name: &StackName, text: &str) -> Result<(), ActError> {
    directory(&layout.stack(name), 0o755, None)?;
    directory(&layout.declared_dir(name), 0o755, None)?;
    let path = layout.declared(name);
    write_new(&path, text.as_bytes(), 0o644, None)
}

/// Copies the manifest's password file, or makes up a password at first use.
pub fn superuser(layout: &Layout, desired: &Desired) -> Result<(), ActError> {
    let path = layout.superuser_secret(&desired.name);
    let secret = match &desired.secrets.superuser {
        Some(named) => secrets::read(named)?,
        None if path.exists() => return Ok(()),
        None => secrets::generate()?,
    };
    write_new(&path, secret.expose().as_bytes(), 0o440, Some(POSTGRES_UID))
}

/// Makes a directory, or puts its mode and owner right. Only an owner may change a mode: one that was given
/// away is taken back for that moment, so that the agent needs CAP_CHOWN and no CAP_FOWNER.
fn directory(path: &Path, mode: u32, owner: Option<u32>) -> Result<(), ActError> {
    fs::create_dir_all(path).map_err(ActError::file("make the directory", path))?;
    let seen = fs::metadata(path).map_err(ActError::file("look at", path))?;
    let own = rustix::process::geteuid().as_raw();
    if seen.mode() & 0o7777 != mode {
        if seen.uid() != own {
            chown(path, Some(own), None).map_err(ActError::file("take back", path))?;
        }
        fs::set_permissions(path, Permissions::from_mode(mode))
            .map_err(ActError::file("set the mode of", path))?;
    }
    match owner {
        Some(uid) => chown(path, Some(uid), Some(0)).map_err(ActError::file("give away", path)),
        None => Ok(()),
    }
}

/// Replaces a file by a new one; the mode is set before the owner, since giving away comes last.
fn write_new(path: &Path, bytes: &[u8], mode: u32, owner: Option<u32>) -> Result<(), ActError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let temporary = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let _ = fs::remove_file(&temporary);
        let mut file = fs::OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::set_permissions(&temporary, Permissions::from_mode(mode))?;
        if let Some(uid) = owner {
            chown(&temporary, Some(uid), Some(0))?;
        }
        fs::rename(&temporary, path)
    };
    write().map_err(ActError::file("write", path))
}
