//! `aza-agent tune`: sizes PostgreSQL for a machine that need not be here. Offline.

use std::fmt::Write;

use clap::{Args, ValueEnum};

use crate::api::{Bytes, MilliCpu, Storage, Workload};
use crate::catalogue::{CRON_DATABASE, DEFAULT_PRELOAD};
use crate::tune::{Budget, Inputs, conf, tune};

use super::output::{bold, json, print, width};
use super::table::Table;
use super::{CliError, Exit};

/// The least that PostgreSQL 18 with the default libraries is sized for.
const LEAST: Bytes = Bytes::mib(512);

/// Arguments of `tune`.
#[derive(Debug, Args)]
pub struct TuneArgs {
    /// Memory, with a unit: 4GiB.
    #[arg(long, value_parser = |t: &str| Bytes::parse(t).map_err(|e| e.to_string()))]
    memory: Bytes,
    /// CPUs: 2, 1.5 or 500m.
    #[arg(long, value_parser = |t: &str| MilliCpu::parse(t).map_err(|e| e.to_string()))]
    cpus: MilliCpu,
    /// web, oltp, dw or mixed; without it the reference profile.
    #[arg(long, value_parser = |t: &str| Workload::parse(t).ok_or("use web, oltp, dw or mixed"))]
    workload: Option<Workload>,
    /// ssd, hdd or san.
    #[arg(long, default_value = "ssd", value_parser = |t: &str| Storage::parse(t).ok_or("use ssd, hdd or san"))]
    storage: Storage,
    /// Size of the file system that holds the data, with a unit.
    #[arg(long, value_parser = |t: &str| Bytes::parse(t).map_err(|e| e.to_string()))]
    disk: Option<Bytes>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = TuneFormat::Table)]
    output: TuneFormat,
}

/// How a tuning is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TuneFormat {
    /// For people.
    Table,
    /// For machines.
    Json,
    /// A postgresql.conf.
    Conf,
}

/// Tunes and prints.
///
/// # Errors
/// Too little memory.
pub fn run(args: &TuneArgs) -> Result<Exit, CliError> {
    if args.memory < LEAST {
        return Err(CliError::Argument {
            message: format!(
                "{} is too little: PostgreSQL is sized from {LEAST} on",
                args.memory
            ),
            next: format!("aza-agent tune --memory {LEAST} --cpus {}", args.cpus),
        });
    }
    let tuning = tune(&Inputs {
        memory: args.memory,
        cpus: args.cpus.whole().clamp(1, 128),
        workload: args.workload,
        storage: args.storage,
        shm: Some(Bytes::gib(1)),
        disk: args.disk,
        preload: DEFAULT_PRELOAD.map(str::to_owned).to_vec(),
        cron_database: CRON_DATABASE.to_owned(),
    });
    match args.output {
        TuneFormat::Json => json(&tuning)?,
        TuneFormat::Conf => print(&conf::render_conf(&tuning, true))?,
        TuneFormat::Table => {
            let mut table = Table::new(&["SETTING", "VALUE", "BECAUSE"]);
            for setting in &tuning.settings {
                let because: Vec<String> =
                    setting.because.iter().map(ToString::to_string).collect();
                table.row([
                    setting.name.to_owned(),
                    setting.value.clone(),
                    because.join("; "),
                ]);
            }
            let budget = budget_text(&tuning.budget);
            print(&format!(
                "{}\n{}\n{budget}",
                table.render(width()),
                bold("memory budget")
            ))?;
        }
    }
    Ok(Exit::Done)
}

/// Lays the memory budget out term by term.
#[must_use]
pub fn budget_text(budget: &Budget) -> String {
    let mut table = Table::new(&[]);
    for row in budget.rows() {
        table.row([
            format!("  {}", row.label),
            format!("{:>8.0} MB", row.mb),
            row.explanation.clone(),
        ]);
    }
    let mut text = table.render(width());
    let _ = match budget.margin_mb {
        margin @ 0.. => writeln!(text, "  fits, with {margin} MB to spare"),
        short => writeln!(
            text,
            "  does not fit: {} MB too much with every connection at work",
            -short
        ),
    };
    text
}
