//! Extensions against the manifest, in the order library → preload → restart → CREATE.

use std::collections::BTreeMap;

use crate::api::desired::{Desired, Ensure, Extension};
use crate::catalogue::{self, Kind};
use crate::facts::extensions::Extensions;
use crate::facts::{Observation, Server};

/// One extension in one database that is not as wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionDrift {
    /// The extension.
    pub name: String,
    /// The database.
    pub database: String,
    /// What is to be done.
    pub want: ExtensionWant,
}

/// What an extension lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtensionWant {
    /// It is to be created.
    Create {
        /// The version, where the manifest names one.
        version: Option<String>,
    },
    /// It is there in another version.
    Update {
        /// The version that is there.
        from: String,
        /// The version that the manifest names.
        to: String,
    },
    /// It is to be dropped.
    Drop {
        /// The version that is there.
        from: String,
    },
    /// Nothing can be done about it now.
    Blocked {
        /// One word for machines.
        reason: &'static str,
        /// A sentence for people.
        message: String,
    },
}

/// Compares the extensions of the manifest with the server's; dependencies come first.
#[must_use]
pub fn diff(desired: &Desired, server: &Server) -> Vec<ExtensionDrift> {
    let mut drifts: Vec<ExtensionDrift> = Vec::new();
    for wanted in &desired.extensions {
        match wanted.ensure {
            Ensure::Present => present(wanted, server, &mut drifts),
            Ensure::Absent => absent(wanted, &server.extensions, &mut drifts),
        }
    }
    drifts
}

fn present(wanted: &Extension, server: &Server, drifts: &mut Vec<ExtensionDrift>) {
    let (name, database) = (wanted.name.as_str(), wanted.database.as_str());
    let entry = catalogue::find(name);
    if let Some(library) = entry.and_then(|e| e.preload)
        && !is_preloaded(library, server)
    {
        let message = if server.libraries.iter().any(|l| l == library) {
            format!("waits for the restart that preloads `{library}`")
        } else {
            format!("the image has no library `{library}`: use an image that carries it")
        };
        return push(drifts, name, database, blocked("NotPreloaded", message));
    }
    if entry.is_some_and(|e| e.kind == Kind::Module) {
        // Preloading was all there is to do.
        return;
    }
    let installed = match server.extensions.databases.get(database) {
        Some(Observation::Known(installed)) => installed,
        Some(Observation::Absent) => {
            let message =
                format!("there is no database `{database}`: create it, or correct the manifest");
            return push(drifts, name, database, blocked("NoDatabase", message));
        }
        Some(Observation::Unknown { why }) => {
            let message = format!("database `{database}` could not be looked at: {why}");
            return push(drifts, name, database, blocked("Unknown", message));
        }
        None => return,
    };
    if let Some(version) = installed.get(name) {
        if let Some(to) = wanted.version.as_ref().filter(|to| *to != version) {
            let want = if has_version(&server.extensions, name, to) {
                ExtensionWant::Update {
                    from: version.clone(),
                    to: to.clone(),
                }
            } else {
                no_version(&server.extensions, name, to)
            };
            push(drifts, name, database, want);
        }
        return;
    }
    create(
        name,
        database,
        wanted.version.as_deref(),
        &server.extensions,
        installed,
        drifts,
        0,
    );
}

/// Adds the steps that create an extension, those it requires first.
fn create(
    name: &str,
    database: &str,
    version: Option<&str>,
    extensions: &Extensions,
    installed: &BTreeMap<String, String>,
    drifts: &mut Vec<ExtensionDrift>,
    depth: usize,
) {
    // No chain of real extensions is longer than three; a cycle in control files must not hang us.
    const DEEPEST: usize = 16;
    let planned = drifts
        .iter()
        .any(|d| d.name == name && d.database == database);
    if planned || installed.contains_key(name) || depth > DEEPEST {
        return;
    }
    let Some(available) = extensions.available.get(name) else {
        let near = extensions
            .available
            .keys()
            .find(|k| k.replace('_', "") == name.replace(['_', '-'], ""));
        let hint = near
            .map(|n| format!(" (did you mean `{n}`?)"))
            .unwrap_or_default();
        let message = format!("the image has no extension `{name}`{hint}");
        return push(drifts, name, database, blocked("NotInImage", message));
    };
    if let Some(version) = version.filter(|v| !available.versions.iter().any(|have| have == v)) {
        return push(
            drifts,
            name,
            database,
            no_version(extensions, name, version),
        );
    }
    for required in &available.requires {
        create(
            required,
            database,
            None,
            extensions,
            installed,
            drifts,
            depth + 1,
        );
    }
    push(
        drifts,
        name,
        database,
        ExtensionWant::Create {
            version: version.map(str::to_owned),
        },
    );
}

fn absent(wanted: &Extension, extensions: &Extensions, drifts: &mut Vec<ExtensionDrift>) {
    let installed = extensions.databases.get(wanted.database.as_str());
    if let Some(Observation::Known(installed)) = installed
        && let Some(version) = installed.get(wanted.name.as_str())
    {
        let want = ExtensionWant::Drop {
            from: version.clone(),
        };
        push(drifts, wanted.name.as_str(), wanted.database.as_str(), want);
    }
}

fn push(drifts: &mut Vec<ExtensionDrift>, name: &str, database: &str, want: ExtensionWant) {
    drifts.push(ExtensionDrift {
        name: name.to_owned(),
        database: database.to_owned(),
        want,
    });
}

fn blocked(reason: &'static str, message: String) -> ExtensionWant {
    ExtensionWant::Blocked { reason, message }
}

fn has_version(extensions: &Extensions, name: &str, version: &str) -> bool {
    extensions
        .available
        .get(name)
        .is_some_and(|a| a.versions.iter().any(|v| v == version))
}

fn no_version(extensions: &Extensions, name: &str, version: &str) -> ExtensionWant {
    let have = extensions
        .available
        .get(name)
        .map(|a| a.versions.join(", "))
        .unwrap_or_default();
    blocked(
        "NoSuchVersion",
        format!("the image has no version {version} of `{name}`, only {have}"),
    )
}

fn is_preloaded(library: &str, server: &Server) -> bool {
    let row = server
        .settings
        .iter()
        .find(|(name, _)| name.as_str() == "shared_preload_libraries");
    row.is_some_and(|(_, row)| {
        super::settings::list_items(&row.running)
            .iter()
            .any(|l| l == library)
    })
}
