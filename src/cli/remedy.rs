//! The command that fixes it: what a first-time user lacks, found out where the error is told.
//!
//! Only looked at when something has failed already, so it may take its time. What surprised us: the same
//! "cannot connect" has five causes, and each needs another command.

use std::env;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::host::layout::{Layout, STATE_DIR};

use super::{DOCKER_SOCKET, HostArgs, image, stack};

/// What keeps us from Docker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// `DOCKER_HOST` or `--docker` names no Unix socket.
    NotASocket,
    /// There is no socket, and no Docker either.
    NotInstalled,
    /// There is no socket, or nobody listens at it.
    NotRunning,
    /// The socket is not for us.
    NotAllowed,
    /// It takes the connection and says nothing, or nonsense.
    Silent,
}

/// Returns the path of a socket as `DOCKER_HOST` has it.
fn path_of(socket: &str) -> Option<&Path> {
    match socket.split_once("://") {
        Some(("unix", path)) => Some(Path::new(path)),
        Some(_) => None,
        None => Some(Path::new(socket)),
    }
}

/// Finds out what is wrong with the engine at `socket`; `None` where it takes a connection.
#[must_use]
pub fn trouble(socket: &str) -> Option<Trouble> {
    let Some(path) = path_of(socket) else {
        return Some(Trouble::NotASocket);
    };
    let error = UnixStream::connect(path).err()?;
    Some(match error.kind() {
        io::ErrorKind::PermissionDenied => Trouble::NotAllowed,
        _ if is_installed("dockerd") || is_installed("docker") => Trouble::NotRunning,
        _ => Trouble::NotInstalled,
    })
}

/// Returns what to type about it.
#[must_use]
pub fn docker(socket: &str, trouble: Trouble) -> String {
    let is_default = path_of(socket) == path_of(DOCKER_SOCKET);
    let elsewhere = trouble != Trouble::Silent && !is_default;
    if elsewhere && self::trouble(DOCKER_SOCKET).is_none() {
        let named = if env::var("DOCKER_HOST").as_deref() == Ok(socket) {
            "unset DOCKER_HOST"
        } else {
            "leave --docker out"
        };
        return format!("{named}: Docker answers at its usual place, {DOCKER_SOCKET}");
    }
    match trouble {
        Trouble::NotASocket => format!(
            "--docker {DOCKER_SOCKET}: the agent works beside its engine, through a Unix socket"
        ),
        Trouble::NotInstalled => install(),
        Trouble::NotRunning => format!("{}, then {}", as_root(&start_docker()), again()),
        Trouble::NotAllowed if is_root() => {
            "run it on the host itself: this root may not use the socket".to_owned()
        }
        Trouble::NotAllowed => format!(
            "{}, or for good: {}, then log in again",
            as_root(&command_line()),
            as_root(&format!("usermod -aG docker {}", user()))
        ),
        Trouble::Silent => format!(
            "{}; what it says: {}",
            as_root(if has_systemd() {
                "systemctl restart docker"
            } else {
                "service docker restart"
            }),
            docker_log()
        ),
    }
}

fn install() -> String {
    if Path::new("docker/setup.sh").is_file() && Path::new("Makefile").is_file() {
        return "make setup installs Docker".to_owned();
    }
    if is_installed("apt-get") {
        let start = if has_systemd() {
            ""
        } else {
            " && service docker start"
        };
        let install = format!("apt-get install docker.io{start}");
        return format!("{}, then {}", as_root(&install), again());
    }
    "install Docker Engine: https://docs.docker.com/engine/install/".to_owned()
}

fn start_docker() -> String {
    if has_systemd() {
        "systemctl start docker".to_owned()
    } else if is_installed("service") {
        "service docker start".to_owned()
    } else {
        "dockerd".to_owned()
    }
}

fn docker_log() -> &'static str {
    if has_systemd() {
        "journalctl -u docker -n 50"
    } else {
        "tail /var/log/docker.log"
    }
}

/// Returns what to type so that an agent runs, for those who found that none does.
#[must_use]
pub fn start_agent(state_dir: &Path, desired_state: Option<&str>) -> String {
    let is_default = state_dir == Path::new(STATE_DIR);
    if is_default && has_systemd() && Path::new("/etc/systemd/system/aza-agent.service").exists() {
        return as_root("systemctl start aza-agent");
    }
    let mut command = format!(
        "{} run --desired-state {}",
        program(),
        quoted(desired_state.unwrap_or("DIR"))
    );
    // sudo keeps no environment, so the option says it.
    if !is_default {
        command.push_str(" --state-dir ");
        command.push_str(&quoted(&state_dir.display().to_string()));
    }
    as_root(&command)
}

/// Finds the first thing that keeps a database from running here, and returns what to type: Docker, the image,
/// then the agent. `image` is the one that a manifest names.
#[must_use]
pub fn first_obstacle(host: &HostArgs, image: Option<&str>) -> String {
    if let Some(trouble) = trouble(&host.docker) {
        // The agent is root: what this user may not do does not stand in its way.
        if trouble != Trouble::NotAllowed {
            return docker(&host.docker, trouble);
        }
    }
    let image = image.unwrap_or(image::TAG);
    if image_is_missing(&host.docker, image) {
        return build_image(image);
    }
    let layout = Layout::new(&host.state.state_dir);
    let directory = stack::desired_state(host, &layout);
    let directory = std::path::absolute(&directory).unwrap_or(directory);
    if !directory.is_dir() {
        return make_directory(&directory);
    }
    start_agent(layout.root(), Some(&directory.display().to_string()))
}

/// Returns what opens a file at the place that is wrong, and what checks it afterwards.
#[must_use]
pub fn edit(file: &str, line: usize) -> String {
    let named = quoted(file);
    let editor = env::var("VISUAL").or_else(|_| env::var("EDITOR"));
    let editor = editor.unwrap_or("vi".to_owned());
    let edit = format!("{editor} +{line} {named}");
    let may_write = rustix::fs::access(file, rustix::fs::Access::WRITE_OK).is_ok();
    let edit = if may_write { edit } else { as_root(&edit) };
    format!("{edit}, then {} validate {named}", program())
}

/// Returns what makes a directory of manifests, or names another one.
#[must_use]
pub fn make_directory(path: &Path) -> String {
    let named = quoted(&path.display().to_string());
    let make = as_root(&format!("mkdir -p {named}"));
    format!(
        "{make}, then {} init NAME --desired-state {named}; or name another directory with --desired-state",
        program()
    )
}

/// Returns what makes an image.
#[must_use]
pub fn build_image(image: &str) -> String {
    let tag = if image == image::TAG {
        String::new()
    } else {
        format!(" --tag {}", quoted(image))
    };
    format!(
        "{}, or docker load --input FILE",
        as_root(&format!("{} image build{tag}", program()))
    )
}

/// Whether Docker says so. Anything else is no reason to speak of images.
fn image_is_missing(socket: &str, image: &str) -> bool {
    let missing = stack::block_on(async {
        let docker = stack::connect(socket).await?;
        let seen = crate::observe::docker::image(&docker, image);
        let seen = tokio::time::timeout(std::time::Duration::from_secs(5), seen).await;
        Ok(seen.is_ok_and(|seen| seen.is_absent()))
    });
    missing.unwrap_or(false)
}

/// Returns this command line once more.
#[must_use]
pub fn again() -> String {
    command_line()
}

/// Returns this command line with one word replaced: the one that was meant.
#[must_use]
pub fn again_with(wrong: &str, right: &str) -> String {
    let words = env::args().skip(1);
    let words = words.map(|word| {
        if word == wrong {
            right.to_owned()
        } else {
            word
        }
    });
    line(words)
}

fn command_line() -> String {
    line(env::args().skip(1))
}

fn line(words: impl Iterator<Item = String>) -> String {
    let mut text = program();
    for word in words {
        text.push(' ');
        text.push_str(&quoted(&word));
    }
    text
}

/// Returns this program as it was called.
fn program() -> String {
    env::args()
        .next()
        .map_or("aza-agent".to_owned(), |p| quoted(&p))
}

/// Quotes a word for a shell, where it needs it.
#[must_use]
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Returns the command as root: as it is for root, else through what this host has.
#[must_use]
pub fn as_root(command: &str) -> String {
    if is_root() {
        return command.to_owned();
    }
    let is_simple = !command.contains("&&");
    if is_installed("sudo") {
        if is_simple {
            format!("sudo {command}")
        } else {
            format!("sudo sh -c {}", quoted(command))
        }
    } else {
        format!("su -c {}", quoted(command))
    }
}

/// Returns this very command line as root.
#[must_use]
pub fn again_as_root() -> String {
    as_root(&command_line())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn user() -> String {
    env::var("USER").map_or("$(id -un)".to_owned(), |user| quoted(&user))
}

fn has_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Whether a program is on the path, or where only root's path leads.
fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(more)
        .any(|directory| directory.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_take_it_apart() {
        assert_eq!(quoted("/var/lib/aza-agent"), "/var/lib/aza-agent");
        assert_eq!(quoted("two words"), "'two words'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn each_cause_of_no_connection_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let socket = |name: &str| format!("unix://{}", dir.path().join(name).display());
        assert_eq!(trouble("tcp://127.0.0.1:2375"), Some(Trouble::NotASocket));
        let none = trouble(&socket("none"));
        assert!(
            matches!(none, Some(Trouble::NotRunning | Trouble::NotInstalled)),
            "{none:?}"
        );
        let listener = std::os::unix::net::UnixListener::bind(dir.path().join("here")).unwrap();
        assert_eq!(trouble(&socket("here")), None);
        drop(listener);
        assert_eq!(trouble(&socket("here")), none);
    }
}
