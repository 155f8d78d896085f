//! `aza-agent validate`: every mistake at once, with its place and its cure. Offline.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::api::clash::clashes;
use crate::api::desired::Desired;
use crate::api::validate::validate;
use crate::source;

use super::output::{json, print, remark};
use super::{CliError, Exit, Format, remedy};

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Manifest files and directories of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

#[derive(Serialize, Default)]
struct Verdict {
    valid: Vec<String>,
    violations: Vec<String>,
    warnings: Vec<String>,
    /// The first place that is wrong.
    #[serde(skip)]
    place: Option<(String, usize)>,
}

/// Checks and prints.
///
/// # Errors
/// A path cannot be read.
pub fn run(args: &ValidateArgs) -> Result<Exit, CliError> {
    let mut verdict = Verdict::default();
    let mut stacks: Vec<Desired> = Vec::new();
    for path in &args.paths {
        check(path, &mut verdict, &mut stacks)?;
    }
    verdict
        .violations
        .extend(clashes(&stacks).iter().map(ToString::to_string));
    if verdict.violations.is_empty() && stacks.is_empty() {
        remark("no manifests there: *.yaml and *.yml count");
    }
    let is_valid = verdict.violations.is_empty();
    match args.output {
        Format::Json => json(&verdict)?,
        Format::Table => {
            verdict
                .warnings
                .iter()
                .for_each(|w| remark(&format!("warning: {w}")));
            let all = verdict
                .violations
                .iter()
                .chain(verdict.valid.iter().filter(|_| is_valid));
            print(&all.map(|line| format!("{line}\n")).collect::<String>())?;
            if let Some((file, line)) = &verdict.place {
                remark(&format!("  next: {}", remedy::edit(file, *line)));
            }
        }
    }
    Ok(if is_valid { Exit::Done } else { Exit::Invalid })
}

fn check(path: &Path, verdict: &mut Verdict, stacks: &mut Vec<Desired>) -> Result<(), CliError> {
    let reports = if path.is_dir() {
        let snapshot = source::read(path)?;
        let unreadable = snapshot
            .files
            .iter()
            .filter_map(|f| f.content.as_ref().err());
        verdict
            .violations
            .extend(unreadable.map(ToString::to_string));
        snapshot.reports().cloned().collect()
    } else {
        let failed = |e| CliError::Argument {
            message: format!("cannot read `{}`: {e}", path.display()),
            next: "aza-agent validate FILE or DIRECTORY; aza-agent init NAME writes one".to_owned(),
        };
        vec![validate(
            &std::fs::read(path).map_err(failed)?,
            &path.display().to_string(),
        )]
    };
    for report in reports {
        if let (None, Some(first)) = (&verdict.place, report.violations().next()) {
            verdict.place = Some((first.file.clone(), first.line));
        }
        verdict
            .violations
            .extend(report.violations().map(ToString::to_string));
        verdict
            .warnings
            .extend(report.warnings().map(ToString::to_string));
        verdict.valid.extend(
            report
                .stacks()
                .map(|d| format!("{}: `{}` is valid (digest {})", d.origin, d.name, d.digest)),
        );
        stacks.extend(report.stacks().cloned());
    }
    Ok(())
}
