//! `aza-agent image build`: the base from Debian's archive, the image on top, tagged `aza-pg:18`.
//!
//! Everything the build needs is inside this binary, except `aza-entrypoint`, which lies beside it. Nothing here
//! is async: it runs programs, one after the other, and their progress goes to standard error.
//! What surprised us: the build context must not change from run to run, or nothing is ever cached; so it is
//! written with fixed contents, and only files that differ make a layer anew.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use crate::tune::REVISION;

/// The image's name where nobody gives another.
pub const TAG: &str = "aza-pg:18";
/// The container door's file name.
const ENTRYPOINT: &str = "aza-entrypoint";

const BASE_SCRIPT: &str = include_str!("../../docker/base.sh");
/// The build context: name, text, mode.
const CONTEXT: [(&str, &str, u32); 4] = [
    ("Dockerfile", include_str!("../../docker/Dockerfile"), 0o644),
    ("install.sh", include_str!("../../docker/install.sh"), 0o755),
    ("packages", include_str!("../../docker/packages"), 0o644),
    (
        "dpkg-excludes",
        include_str!("../../docker/dpkg-excludes"),
        0o644,
    ),
];

/// What to build, and from what.
#[derive(Debug, Clone, Default)]
pub struct BuildOptions {
    /// Another base image, whose apt sources carry PostgreSQL 18; absent: one made from Debian's archive.
    pub base: Option<String>,
    /// The container door; absent: beside this program.
    pub entrypoint: Option<PathBuf>,
    /// The image's name; absent: [`TAG`].
    pub tag: Option<String>,
    /// Fetches everything anew, security updates included.
    pub refresh: bool,
    /// The engine's socket or address, as `DOCKER_HOST` has it.
    pub docker_host: Option<String>,
}

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Built {
    /// Its name.
    pub tag: String,
    /// Its content's id.
    pub id: String,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it differs from what the name meant before.
    pub changed: bool,
    /// How long it took.
    #[serde(skip)]
    pub took: Duration,
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The container door is not where it should be.
    #[error("no `{ENTRYPOINT}` at {}: build it with `cargo build --release --no-default-features --bin {ENTRYPOINT}`, or name it with --entrypoint", .0.display())]
    NoEntrypoint(PathBuf),
    /// A program could not be run.
    #[error("cannot run `{program}`: is it installed?")]
    Run {
        /// Which.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A program said no; its own message went to standard error, or stands here.
    #[error("`{what}` failed{}", if .said.is_empty() { String::new() } else { format!(": {}", .said) })]
    Failed {
        /// What was run.
        what: String,
        /// What it said, where that was not shown already.
        said: String,
    },
    /// A file of the build could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Arguments of `image build`.
#[derive(Debug, clap::Args)]
pub struct BuildArgs {
    /// Another base image, whose apt sources carry PostgreSQL 18 [default: made from Debian's archive].
    #[arg(long)]
    base: Option<String>,
    /// The container door [default: aza-entrypoint beside this program].
    #[arg(long)]
    entrypoint: Option<PathBuf>,
    /// The image's name.
    #[arg(long, default_value = TAG)]
    tag: String,
    /// Fetch everything anew, security updates included.
    #[arg(long)]
    refresh: bool,
    /// Docker's socket.
    #[arg(long, env = "DOCKER_HOST")]
    docker: Option<String>,
    /// How to print what was built.
    #[arg(short, long, value_enum, default_value_t = super::Format::Table)]
    output: super::Format,
}

/// Builds and prints what was built.
///
/// # Errors
/// See [`build`].
pub fn run(args: BuildArgs) -> Result<super::Exit, super::CliError> {
    let BuildArgs {
        base,
        entrypoint,
        tag,
        refresh,
        docker,
        output,
    } = args;
    let built = build(&BuildOptions {
        base,
        entrypoint,
        tag: Some(tag),
        refresh,
        docker_host: docker,
    })?;
    match output {
        super::Format::Json => super::output::json(&built)?,
        super::Format::Table => {
            let changed = if built.changed { "built" } else { "unchanged" };
            let mb = built.size / 1_000_000;
            let line = format!(
                "{} {changed}, {mb} MB, {} ({:.1} s)\n",
                built.tag,
                built.id,
                built.took.as_secs_f64()
            );
            super::output::print(&line)?;
        }
    }
    Ok(super::Exit::Done)
}

/// Builds the image.
///
/// # Guarantees
/// The name moves only to an image that was built whole. Unchanged inputs rebuild nothing.
///
/// # Errors
/// A missing door or program, or a step that failed.
pub fn build(options: &BuildOptions) -> Result<Built, ImageError> {
    let started = Instant::now();
    let entrypoint = entrypoint(options)?;
    let context = Scratch::new("aza-image")?;
    for (name, text, mode) in CONTEXT {
        context.write(name, text.as_bytes(), mode)?;
    }
    let door = fs::read(&entrypoint).map_err(|_| ImageError::NoEntrypoint(entrypoint))?;
    context.write(ENTRYPOINT, &door, 0o755)?;

    let docker = Docker {
        host: options.docker_host.clone(),
    };
    docker.needs_buildx()?;
    let base = match &options.base {
        Some(base) => base.clone(),
        None => docker.base(options.refresh, &context)?,
    };
    let tag = options.tag.as_deref().unwrap_or(TAG);
    let before = docker.image(tag)?;
    docker.build(&context.0, &base, tag, options.refresh)?;
    let (id, size) = docker.image(tag)?.ok_or_else(|| ImageError::Failed {
        what: format!("docker build --tag {tag}"),
        said: "it ended well, but there is no such image".into(),
    })?;
    let changed = before.is_none_or(|(before, _)| before != id);
    Ok(Built {
        tag: tag.to_owned(),
        id,
        size,
        changed,
        took: started.elapsed(),
    })
}

/// Returns the path of the container door: as named, or beside this program.
fn entrypoint(options: &BuildOptions) -> Result<PathBuf, ImageError> {
    let path = match &options.entrypoint {
        Some(path) => path.clone(),
        None => env::current_exe()
            .unwrap_or_default()
            .with_file_name(ENTRYPOINT),
    };
    if path.is_file() {
        Ok(path)
    } else {
        Err(ImageError::NoEntrypoint(path))
    }
}

/// The machine's own date checks of apt, to be followed inside the build too. Signatures are not among them.
fn apt_options() -> String {
    let output = Command::new("apt-config")
        .arg("dump")
        .stdin(Stdio::null())
        .output();
    // No apt here: then the base image is somebody else's, and so are its date checks.
    output.map_or_else(
        |_| String::new(),
        |output| date_checks(&String::from_utf8_lossy(&output.stdout)),
    )
}

fn date_checks(dump: &str) -> String {
    let names = [
        "Acquire::Check-Valid-Until",
        "Acquire::Check-Date",
        "Acquire::Max-FutureTime",
    ];
    let options = dump.lines().filter_map(|line| {
        let (name, value) = line.split_once(' ')?;
        let value = value.trim_end_matches(';').trim_matches('"');
        names.contains(&name).then(|| format!("-o {name}={value}"))
    });
    options.collect::<Vec<_>>().join(" ")
}

/// The engine, through its own command.
struct Docker {
    host: Option<String>,
}

impl Docker {
    fn command(&self) -> Command {
        let mut command = Command::new("docker");
        if let Some(host) = &self.host {
            command.env("DOCKER_HOST", host);
        }
        command.stdin(Stdio::null());
        command
    }

    /// The engine's own builder knows neither stages in parallel nor `COPY --chmod`.
    fn needs_buildx(&self) -> Result<(), ImageError> {
        let mut command = self.command();
        command.args(["buildx", "version"]);
        quietly(command, "docker buildx version")
            .map(drop)
            .map_err(|wrong| match wrong {
                ImageError::Failed { what, said: _ } => ImageError::Failed {
                    what,
                    said: "the buildx plugin is missing: run docker/install-plugins.sh".into(),
                },
                other => other,
            })
    }

    /// Returns the base made from Debian's archive, after making it where it is missing.
    fn base(&self, refresh: bool, scratch: &Scratch) -> Result<String, ImageError> {
        let name = format!("aza-base:forky-{:016x}", fingerprint(BASE_SCRIPT));
        if !refresh && self.image(&name)?.is_some() {
            return Ok(name);
        }
        // Beside the context, not in it: a file more would be a context changed.
        let script = scratch.0.with_extension("base.sh");
        write(&script, BASE_SCRIPT.as_bytes(), 0o755)?;
        let mut command = Command::new(&script);
        command.arg(&name).stdin(Stdio::null());
        if let Some(host) = &self.host {
            command.env("DOCKER_HOST", host);
        }
        let made = aloud(command, "docker/base.sh");
        let _ = fs::remove_file(&script);
        made.map(|()| name)
    }

    fn build(
        &self,
        context: &Path,
        base: &str,
        tag: &str,
        refresh: bool,
    ) -> Result<(), ImageError> {
        let mut command = self.command();
        command
            .env("DOCKER_BUILDKIT", "1")
            .args(["buildx", "build", "--progress=plain", "--load"]);
        for argument in [
            format!("BASE={base}"),
            format!("APT_OPTIONS={}", apt_options()),
            format!("VERSION={}", env!("CARGO_PKG_VERSION")),
            format!("TUNING_REVISION={REVISION}"),
        ] {
            command.arg("--build-arg").arg(argument);
        }
        if refresh {
            command.arg("--no-cache");
        }
        command.arg("--tag").arg(tag).arg(context);
        aloud(command, "docker buildx build")
    }

    /// Returns id and size of an image; `None` where there is no such name.
    fn image(&self, name: &str) -> Result<Option<(String, u64)>, ImageError> {
        let mut command = self.command();
        command.args(["image", "inspect", "--format", "{{.Id}} {{.Size}}", name]);
        match quietly(command, "docker image inspect") {
            Ok(text) => Ok(text
                .trim()
                .split_once(' ')
                .and_then(|(id, size)| Some((id.to_owned(), size.parse().ok()?)))),
            Err(ImageError::Failed { what: _, said })
                if said.to_lowercase().contains("no such image") =>
            {
                Ok(None)
            }
            Err(wrong) => Err(wrong),
        }
    }
}

/// Runs a command whose output a person follows: all of it goes to standard error.
fn aloud(mut command: Command, what: &str) -> Result<(), ImageError> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|source| cannot_run(&command, source))?;
    if let Some(mut output) = child.stdout.take() {
        // Nobody listening any more is no reason to stop the build.
        let _ = io::copy(&mut output, &mut io::stderr());
    }
    let status = child
        .wait()
        .map_err(|source| cannot_run(&command, source))?;
    if status.success() {
        return Ok(());
    }
    Err(ImageError::Failed {
        what: what.to_owned(),
        said: String::new(),
    })
}

/// Runs a command and returns what it prints.
fn quietly(mut command: Command, what: &str) -> Result<String, ImageError> {
    let output = command
        .output()
        .map_err(|source| cannot_run(&command, source))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(ImageError::Failed {
        what: what.to_owned(),
        said,
    })
}

fn cannot_run(command: &Command, source: io::Error) -> ImageError {
    ImageError::Run {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    }
}

/// FNV-1a: enough to tell one text from another, and the same in every release of the compiler.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A directory that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Result<Self, ImageError> {
        let path = env::temp_dir().join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(|source| ImageError::Write {
            path: path.clone(),
            source,
        })?;
        Ok(Self(path))
    }

    fn write(&self, name: &str, bytes: &[u8], mode: u32) -> Result<(), ImageError> {
        write(&self.0.join(name), bytes, mode)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), ImageError> {
    use std::os::unix::fs::PermissionsExt;
    let written = fs::File::create(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.set_permissions(fs::Permissions::from_mode(mode))
    });
    written.map_err(|source| ImageError::Write {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_checks_of_the_machine_are_followed_and_nothing_else() {
        let dump = "APT \"\";\nAcquire::Check-Valid-Until \"false\";\nAcquire::AllowInsecureRepositories \"1\";\n\
                    Acquire::Check-Date \"false\";\n";
        assert_eq!(
            date_checks(dump),
            "-o Acquire::Check-Valid-Until=false -o Acquire::Check-Date=false"
        );
        assert_eq!(date_checks("APT \"\";\n"), "");
    }

    #[test]
    fn another_script_makes_another_base() {
        assert_ne!(fingerprint("a"), fingerprint("b"));
        assert_eq!(fingerprint(""), 0xcbf2_9ce4_8422_2325);
    }

    #[test]
    fn a_missing_door_says_how_to_build_it() {
        let options = BuildOptions {
            entrypoint: Some("/does/not/exist".into()),
            ..BuildOptions::default()
        };
        let said = build(&options).unwrap_err().to_string();
        assert!(
            said.contains("/does/not/exist") && said.contains("cargo build"),
            "{said}"
        );
    }

    #[test]
    fn the_build_context_holds_what_the_dockerfile_copies() {
        let dockerfile = CONTEXT[0].1;
        let copied = dockerfile
            .lines()
            .filter(|line| line.starts_with("COPY ") && !line.contains("--from"));
        for word in copied
            .flat_map(str::split_whitespace)
            .filter(|word| !word.contains(['/', '-']) && *word != "COPY")
        {
            assert!(CONTEXT.iter().any(|(name, ..)| *name == word), "{word}");
        }
    }
}
