//! A settled point in lines that do not depend on ids and times: what was done on the way to it, what
//! waits, the conditions, and the facts of the last look.

use std::collections::BTreeSet;

use aza_agent::facts::{Container, Limits, Observation, Observed, Server};
use aza_agent::reconcile::After;

/// Tells the passes that led to a settled point, and the point.
pub fn tell(passes: &[After]) -> Vec<String> {
    let mut lines = Vec::new();
    for outcome in passes.iter().flat_map(|after| &after.outcomes) {
        let how = if outcome.result.is_ok() {
            "did"
        } else {
            "failed"
        };
        lines.push(format!(
            "{how} {} ({})",
            outcome.step,
            without_ids(&outcome.reason)
        ));
    }
    // A step that failed is tried again, as often as the world is patient.
    lines.dedup();
    let Some(last) = passes.last() else {
        return lines;
    };
    let waiting = last.plan.waiting.iter();
    lines.extend(waiting.map(|w| format!("waits [{}] {}", w.reason, without_ids(&w.message))));
    lines.extend(last.plan.then.iter().map(|then| format!("then {then}")));
    let conditions = last.conditions.iter();
    lines.extend(conditions.map(|c| format!("is {}={} {}", c.kind, c.status, c.reason)));
    lines.extend(facts(&last.seen));
    lines
}

/// Tells the facts of a look.
pub fn facts(seen: &Observed) -> Vec<String> {
    let mut lines = vec![
        certainly("container", &seen.container, container),
        certainly("limits", &seen.limits, limits),
        certainly("declared", &seen.declared, |text| format!("{text:?}")),
        certainly("volume", &seen.volume, |v| {
            format!(
                "major {:?} mounted by {:?}",
                v.cluster.clone().map(|c| c.major),
                v.mounted_by
            )
        }),
        certainly("port", &seen.port, |holder| holder.who.clone()),
        certainly("server", &seen.server, server),
    ];
    let Some(server) = seen.server.known() else {
        return lines;
    };
    let rows = server.settings.iter().map(|(name, row)| {
        let auto = server.auto_lines.get(name);
        format!(
            "setting {name} = {:?} from {} base {:?} auto {auto:?}",
            row.running, row.source, row.base
        )
    });
    lines.extend(rows);
    let without_row = server
        .auto_lines
        .iter()
        .filter(|(name, _)| !server.settings.contains_key(name));
    lines.extend(
        without_row.map(|(name, value)| format!("line {name} = {value:?}, and no such setting")),
    );
    let errors = server.file_errors.iter();
    lines.extend(errors.map(|e| format!("file error {} {:?} {}", e.file, e.name, e.error)));
    for (database, installed) in &server.extensions.databases {
        let names = |i: &std::collections::BTreeMap<String, String>| {
            i.keys()
                .filter(|n| *n != "plpgsql")
                .cloned()
                .collect::<Vec<_>>()
                .join(" ")
        };
        lines.push(certainly(
            &format!("extensions in {database}"),
            installed,
            names,
        ));
    }
    lines
}

fn certainly<T>(what: &str, fact: &Observation<T>, tell: impl FnOnce(&T) -> String) -> String {
    match fact {
        Observation::Known(fact) => format!("{what}: {}", tell(fact)),
        Observation::Absent => format!("{what}: absent"),
        // Each world has its own words for what it could not see.
        Observation::Unknown { .. } => format!("{what}: unknown"),
    }
}

fn container(c: &Container) -> String {
    format!(
        "{} exit {} oom {} failed {} image {} memory {:?} swap {:?} cpus {:?} shm {} published {:?} labels {:?}",
        c.state.as_str(),
        c.exit_code,
        c.oom_killed,
        !c.error.is_empty(),
        c.image,
        c.memory,
        c.memory_swap,
        c.cpus,
        c.shm_size,
        c.published,
        c.labels
            .iter()
            .filter(|(key, _)| key.starts_with("aza.dev/"))
            .collect::<Vec<_>>(),
    )
}

fn limits(l: &Limits) -> String {
    let kills = l.oom_kills.unwrap_or(0);
    format!(
        "{:?} memory {:?} own {:?} cpus {:?} cpuset {:?} kills {kills}",
        l.version, l.memory, l.own_memory, l.cpus, l.cpuset
    )
}

fn server(s: &Server) -> String {
    format!(
        "{} recovery {} revision {:?} inputs {:?} reachable {}",
        s.version_num / 10_000,
        s.in_recovery,
        s.tuning_revision,
        s.inputs,
        s.address_failure.is_none() && s.login_failure.is_none(),
    )
}

/// Puts a mark where a sentence names a container, an image or a moment.
fn without_ids(text: &str) -> String {
    let is_id = |word: &str| word.len() >= 12 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let is_time = |word: &str| {
        word.trim_matches(|c: char| !c.is_ascii_alphanumeric())
            .parse::<jiff::Timestamp>()
            .is_ok()
    };
    let mark = |word: &str| {
        if is_time(word) {
            return "TIME".to_owned();
        }
        let core = word
            .trim_matches(|c: char| !c.is_ascii_alphanumeric())
            .trim_start_matches("sha256:");
        if is_id(core) {
            word.replace(core, "ID")
        } else {
            word.to_owned()
        }
    };
    text.split(' ').map(mark).collect::<Vec<_>>().join(" ")
}

/// Returns what only one of two tales says.
pub fn differences(pretended: &[String], real: &[String]) -> Vec<String> {
    let (sim, live): (BTreeSet<_>, BTreeSet<_>) =
        (pretended.iter().collect(), real.iter().collect());
    let only_sim = sim
        .difference(&live)
        .map(|line| format!("pretended: {line}"));
    let only_live = live
        .difference(&sim)
        .map(|line| format!("real:      {line}"));
    let mut lines: Vec<String> = only_sim.chain(only_live).collect();
    // The same lines in another order: steps are a sequence.
    if lines.is_empty() && pretended != real {
        lines = vec![
            format!("pretended: {pretended:#?}"),
            format!("real: {real:#?}"),
        ];
    }
    lines
}
