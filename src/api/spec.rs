//! What a right-shaped manifest means: each value is checked, each default filled in.
//!
//! Every check goes on after a mistake, so that all violations are told at once. The defaults stand
//! here and nowhere else.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use super::desired::{
    Desired, Ensure, Extension, Publish, Resources, RestartMode, RestartPolicy, Secrets,
};
use super::document::Node;
use super::findings::Findings;
use super::image::check_image;
use super::manifest::{self, PostgresStack, Quantity, Spec};
use super::name::{DatabaseName, ExtensionName, StackName};
use super::overrides;
use super::quantity::{Bytes, MilliCpu};
use super::window::Window;

const DEFAULT_IMAGE: &str = "aza-pg:18";
const DEFAULT_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const DEFAULT_PORT: u16 = 5432;
/// Generous, because a new size means a new container.
const DEFAULT_SHM: Bytes = Bytes::gib(1);
const DEFAULT_DATABASE: &str = "postgres";
/// The tuner's smallest server.
const SMALLEST_MEMORY: Bytes = Bytes::mib(512);
/// Docker's own default; with less, parallel queries fail.
const SMALLEST_SHM: Bytes = Bytes::mib(64);
/// Docker takes no smaller share of a CPU.
const FEWEST_CPUS: MilliCpu = MilliCpu(10);
/// More than any machine has.
const MOST_CPUS: MilliCpu = MilliCpu(4_096_000);
/// Docker counts memory in a signed number.
const MOST_MEMORY: Bytes = Bytes(1 << 60);
/// Modules that are preloaded, and that CREATE EXTENSION does not know.
const MODULES: [&str; 2] = ["auto_explain", "safeupdate"];
/// Ensured in one database only: its background worker knows no other.
const ONE_DATABASE: &str = "pg_cron";

/// Returns the stack that a manifest asks for. It counts only if there are no violations after it.
pub fn desired(
    manifest: PostgresStack,
    origin: String,
    tree: &Node,
    findings: &mut Findings<'_>,
) -> Option<Desired> {
    let mut check = Check { tree, findings };
    let name = manifest.metadata.and_then(|metadata| metadata.name);
    let name = check.parsed(&["metadata", "name"], name.as_deref(), StackName::parse);
    let spec = manifest.spec.unwrap_or_default();
    let resources = check.resources(spec.resources.as_ref());
    let settings = spec
        .settings
        .as_ref()
        .map(|settings| overrides::check(settings, resources.memory, check.tree, check.findings));
    let mut desired = Desired {
        name: name?,
        digest: String::new(),
        origin,
        host: check.parsed(&["spec", "host"], spec.host.as_deref(), host),
        image: check
            .parsed(&["spec", "image"], spec.image.as_deref(), check_image)
            .unwrap_or_else(|| DEFAULT_IMAGE.to_owned()),
        resources,
        workload: spec.workload,
        storage: spec.storage.unwrap_or_default(),
        publish: check.publish(spec.publish.as_ref()),
        settings: settings.unwrap_or_default(),
        extensions: check.extensions(spec.extensions.as_deref().unwrap_or_default()),
        restart: check.restart(spec.restart.as_ref()),
        drift: spec.drift.unwrap_or_default(),
        deletion_policy: spec.deletion_policy.unwrap_or_default(),
        adopt: spec.adopt.unwrap_or_default(),
        suspend: spec.suspend.unwrap_or_default(),
        secrets: check.secrets(&spec),
    };
    desired.digest = desired.computed_digest();
    Some(desired)
}

struct Check<'c, 'f> {
    tree: &'c Node,
    findings: &'c mut Findings<'f>,
}

impl Check<'_, '_> {
    fn wrong(&mut self, path: &[&str], message: impl Into<String>) {
        self.findings.wrong(self.tree, path, message.into(), None);
    }

    fn parsed<T, E: std::fmt::Display>(
        &mut self,
        path: &[&str],
        text: Option<&str>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        match parse(text?) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.wrong(path, wrong.to_string());
                None
            }
        }
    }

    fn amount(&mut self, field: &str, text: Option<&Quantity>, min: Bytes) -> Option<Bytes> {
        let path = ["spec", "resources", field];
        let amount = self.parsed(&path, text.map(|text| text.0.as_str()), Bytes::parse)?;
        if amount < min {
            let message = format!("{amount} is too little: at least {min}");
            let hint = format!("write `{field}: {min}` or more");
            self.findings.wrong(self.tree, &path, message, Some(hint));
        } else if amount > MOST_MEMORY {
            self.wrong(&path, format!("{amount} is more than any machine has"));
        }
        Some(amount)
    }

    fn resources(&mut self, resources: Option<&manifest::Resources>) -> Resources {
        let Some(resources) = resources else {
            return Resources {
                memory: None,
                memory_swap: None,
                cpus: None,
                shm_size: DEFAULT_SHM,
            };
        };
        let memory = self.amount("memory", resources.memory.as_ref(), SMALLEST_MEMORY);
        let swap = self.amount("memorySwap", resources.memory_swap.as_ref(), Bytes(0));
        let path = ["spec", "resources", "memorySwap"];
        match (memory, swap) {
            (Some(memory), Some(swap)) if swap < memory => {
                let message = format!(
                    "{swap} is less than the memory of {memory}: it counts memory and swap together"
                );
                self.wrong(&path, message);
            }
            (None, Some(_)) if resources.memory.is_none() => {
                self.wrong(
                    &path,
                    "needs `memory` beside it: Docker limits no swap alone",
                );
            }
            (Some(_) | None, _) => {}
        }
        let cpus_text = resources.cpus.as_ref().map(|cpus| cpus.0.as_str());
        let cpus_path = ["spec", "resources", "cpus"];
        let cpus = self.parsed(&cpus_path, cpus_text, MilliCpu::parse);
        if cpus.is_some_and(|cpus| !(FEWEST_CPUS..=MOST_CPUS).contains(&cpus)) {
            self.wrong(
                &cpus_path,
                format!("must be from {FEWEST_CPUS} to {MOST_CPUS}"),
            );
        }
        let shm_size = self.amount("shmSize", resources.shm_size.as_ref(), SMALLEST_SHM);
        Resources {
            memory,
            memory_swap: swap.or(memory),
            cpus,
            shm_size: shm_size.unwrap_or(DEFAULT_SHM),
        }
    }

    fn publish(&mut self, publish: Option<&manifest::Publish>) -> Publish {
        let path = ["spec", "publish", "address"];
        let address = publish.and_then(|publish| publish.address.as_deref());
        let address = self
            .parsed(&path, address, address_of_host)
            .unwrap_or(DEFAULT_ADDRESS);
        if !address.is_loopback() {
            let message = format!(
                "{address} can be reached from beyond this host, and Docker's rules go past its \
                 firewall: ufw and firewalld do not protect this port"
            );
            let hint = "use 127.0.0.1, or filter in the chain DOCKER-USER".to_owned();
            self.findings.warn(self.tree, &path, message, Some(hint));
        }
        Publish {
            address,
            port: publish.and_then(|p| p.port).unwrap_or(DEFAULT_PORT),
        }
    }

    fn extensions(&mut self, extensions: &[manifest::Extension]) -> Vec<Extension> {
        let mut seen = BTreeSet::new();
        let mut cron: Option<DatabaseName> = None;
        let mut checked = Vec::new();
        for (number, extension) in extensions.iter().enumerate() {
            let number = number.to_string();
            let path = |field: &'static str| ["spec", "extensions", number.as_str(), field];
            let name = self.parsed(&path("name"), extension.name.as_deref(), extension_name);
            let database = extension.database.as_deref().unwrap_or(DEFAULT_DATABASE);
            let database = self.parsed(&path("database"), Some(database), database_of_users);
            let version = self.parsed(
                &path("version"),
                extension.version.as_deref(),
                extension_version,
            );
            let (Some(name), Some(database)) = (name, database) else {
                continue;
            };
            if !seen.insert((name.clone(), database.clone())) {
                let message = format!("`{name}` stands here twice for the database `{database}`");
                self.wrong(&path("name"), message);
            }
            let ensure = extension.ensure.unwrap_or_default();
            if name.as_str() == ONE_DATABASE && ensure == Ensure::Present {
                match &cron {
                    Some(first) if *first != database => {
                        let message =
                            format!("`{name}` can be in one database only: it is in `{first}`");
                        self.wrong(&path("database"), message);
                    }
                    Some(_) | None => cron = Some(database.clone()),
                }
            }
            checked.push(Extension {
                name,
                database,
                version,
                ensure,
            });
        }
        checked
    }

    fn restart(&mut self, restart: Option<&manifest::Restart>) -> RestartPolicy {
        let Some(restart) = restart else {
            return RestartPolicy::default();
        };
        let mode = restart.mode.unwrap_or_default();
        let texts = restart.windows.as_deref().unwrap_or_default();
        let mut windows = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            let path = ["spec", "restart", "windows", &number.to_string()];
            windows.extend(self.parsed(&path, Some(text), Window::parse));
        }
        match mode {
            RestartMode::Window if texts.is_empty() => {
                let message = "the mode `window` needs at least one, such as `Sun 03:00-05:00 UTC`";
                self.wrong(&["spec", "restart", "windows"], message);
            }
            RestartMode::Auto | RestartMode::Manual if !texts.is_empty() => {
                let message = "windows count only with `mode: window`";
                self.wrong(&["spec", "restart", "windows"], message);
            }
            RestartMode::Auto | RestartMode::Manual | RestartMode::Window => {}
        }
        RestartPolicy { mode, windows }
    }

    fn secrets(&mut self, spec: &Spec) -> Secrets {
        let superuser = spec
            .secrets
            .as_ref()
            .and_then(|secrets| secrets.superuser.as_ref());
        let file = superuser.and_then(|secret| secret.file.as_deref());
        let path = ["spec", "secrets", "superuser", "file"];
        Secrets {
            superuser: self.parsed(&path, file, absolute),
        }
    }
}

fn host(text: &str) -> Result<String, String> {
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if (1..=253).contains(&text.len()) && text.chars().all(is_host) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` is no host name: write what `hostname` prints there"
        ))
    }
}

fn address_of_host(text: &str) -> Result<IpAddr, String> {
    match text.parse::<IpAddr>() {
        Ok(address) if address.is_multicast() => Err(format!("`{text}` is no address of a host")),
        Ok(address) => Ok(address),
        Err(_) => Err(format!(
            "`{text}` is no IP address: write for example `127.0.0.1` or `::1`"
        )),
    }
}

fn extension_name(text: &str) -> Result<ExtensionName, String> {
    if MODULES.contains(&text) {
        return Err(format!(
            "`{text}` is a module and no extension: name it in \
             spec.settings.shared_preload_libraries"
        ));
    }
    ExtensionName::parse(text).map_err(|wrong| wrong.to_string())
}

fn database_of_users(text: &str) -> Result<DatabaseName, String> {
    if text == "template0" {
        return Err("`template0` takes no connections".into());
    }
    DatabaseName::parse(text).map_err(|wrong| wrong.to_string())
}

fn extension_version(text: &str) -> Result<String, String> {
    let is_version = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    // `--` separates versions in the names of update scripts.
    if !text.is_empty() && text.len() <= 63 && text.chars().all(is_version) && !text.contains("--")
    {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` is no version: write for example \"0.8.0\""
        ))
    }
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_absolute() && !text.ends_with('/') {
        Ok(path)
    } else {
        Err(format!(
            "`{text}` is no absolute path of a file: begin it with `/`"
        ))
    }
}
