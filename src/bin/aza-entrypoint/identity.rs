//! Who the server runs as: never root, and always somebody with a name.

use std::ffi::OsString;
use std::os::unix::fs::{MetadataExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use crate::environment::Environment;
use crate::refusal::{Context, Refusal};

/// postgres in the image, and in the volumes of the official one.
const POSTGRES: u32 = 999;
const HOME: &str = "/var/lib/postgresql";
const NSS_WRAPPER: &str = "libnss_wrapper.so";

/// What every command of this container gets in its environment, so that its user has a name.
#[derive(Default)]
pub struct Identity(Vec<(&'static str, OsString)>);

impl Identity {
    /// Returns a command that runs under this identity.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.envs(self.0.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Started as root: gives the volume to postgres, then runs this program again as postgres.
///
/// # Errors
/// The capabilities CHOWN, SETUID or SETGID are missing.
pub fn drop_root(environment: &Environment, arguments: &[OsString]) -> Result<(), Refusal> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let fix = "do not start the container as root (leave out --user), or keep the capabilities CHOWN, \
               SETUID and SETGID";
    let data = &environment.pgdata;
    fs::create_dir_all(data).tried(|| format!("cannot make {}", data.display()))?;
    // The directories between the volume's root and the data were just made by root.
    let above = data
        .ancestors()
        .skip(1)
        .take_while(|path| path.starts_with(HOME));
    let places = above
        .chain([Path::new("/run/postgresql")])
        .map(|path| (path, false));
    for (path, whole) in places.chain([(data.as_path(), true)]) {
        give(path, whole)
            .tried(|| format!("cannot give {} to postgres", path.display()))
            .map_err(|refusal| refusal.fix(fix))?;
    }
    // With a uid set and root calling, the standard library drops the supplementary groups too.
    let failed = Command::new("/proc/self/exe")
        .args(arguments)
        .env("HOME", HOME)
        .uid(POSTGRES)
        .gid(POSTGRES)
        .exec();
    Err(Refusal::new(format!("cannot become postgres: {failed}")).fix(fix))
}

fn give(path: &Path, whole: bool) -> io::Result<()> {
    let Ok(seen) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if seen.uid() != POSTGRES {
        lchown(path, Some(POSTGRES), Some(POSTGRES))?;
    }
    if whole && seen.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), true)?;
        }
    }
    Ok(())
}

/// Makes a name for a user that the image does not know: initdb and peer authentication ask for it.
///
/// # Errors
/// No place to write the two small files.
pub fn name_this_user() -> Result<Identity, Refusal> {
    let (uid, gid) = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let known = users
        .lines()
        .any(|line| line.split(':').nth(2) == Some(&uid.to_string()));
    if known {
        return Ok(Identity::default());
    }
    // root stays in the table: the agent comes through the socket as root, and peer must resolve it.
    let passwd = format!(
        "root:x:0:0:root:/root:/bin/sh\npostgres:x:{uid}:{gid}:PostgreSQL:{HOME}:/bin/false\n"
    );
    let group = format!("root:x:0:\npostgres:x:{gid}:\n");
    let directory = format!("/tmp/aza-user-{uid}");
    let written = fs::create_dir_all(&directory)
        .and_then(|()| fs::write(format!("{directory}/passwd"), passwd))
        .and_then(|()| fs::write(format!("{directory}/group"), group));
    written
        .tried(|| format!("cannot write {directory}"))
        .map_err(|refusal| {
            refusal.fix("give the container a writable /tmp, for example `--tmpfs /tmp:mode=1777`")
        })?;
    Ok(Identity(vec![
        ("LD_PRELOAD", NSS_WRAPPER.into()),
        ("NSS_WRAPPER_PASSWD", format!("{directory}/passwd").into()),
        ("NSS_WRAPPER_GROUP", format!("{directory}/group").into()),
    ]))
}
