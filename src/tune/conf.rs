//! The tuning as a configuration file.

use std::fmt::Write as _;

use super::{REVISION, Tuning};

/// Renders the include file that the container writes at every start.
#[must_use]
pub fn render_include(tuning: &Tuning) -> String {
    let mut file = String::from(
        "# Written by aza-entrypoint at every start; do not edit.\n\
         # To change a value, use the manifest, or ALTER SYSTEM, which wins over this file.\n\n",
    );
    for setting in &tuning.settings {
        line(&mut file, setting.name, &setting.value);
    }
    file.push_str("\n# What this file was computed from; the agent reads it back.\n");
    line(&mut file, "aza.tuning_revision", &REVISION.to_string());
    line(&mut file, "aza.inputs", &tuning.inputs.to_line());
    file
}

/// Renders a fragment of `postgresql.conf` for use elsewhere, with the reasons as comments if
/// wanted.
#[must_use]
pub fn render_conf(tuning: &Tuning, with_reasons: bool) -> String {
    let mut file = format!("# aza-agent tune: {}\n", one_line(&tuning.inputs.to_line()));
    for setting in &tuning.settings {
        if with_reasons {
            file.push('\n');
            for reason in &setting.because {
                let _ = writeln!(file, "# {}", one_line(&reason.to_string()));
            }
        }
        line(&mut file, setting.name, &setting.value);
    }
    file
}

fn line(file: &mut String, name: &str, value: &str) {
    let _ = writeln!(file, "{name} = {}", quoted(value));
}

/// Quotes a value for a configuration file: quotes are doubled, and backslashes too, because the
/// file's scanner reads escapes. No value of ours spans lines; a line break would end the string,
/// so it is written as an escape.
#[must_use]
pub fn quoted(value: &str) -> String {
    let mut text = String::from("'");
    for c in value.chars() {
        match c {
            '\'' => text.push_str("''"),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            other => text.push(other),
        }
    }
    text.push('\'');
    text
}

/// Keeps a comment a comment.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::tests::machine;
    use crate::tune::{Inputs, tune};

    #[test]
    fn a_value_cannot_leave_its_quotes() {
        assert_eq!(quoted("it's \\ a\nb"), r"'it''s \\ a\nb'");
    }

    #[test]
    fn the_include_file_carries_what_the_agent_reads_back() {
        let preload = vec!["pg_cron".to_owned(), "pgaudit".to_owned()];
        let inputs = Inputs {
            preload,
            cron_database: "bob's".into(),
            ..machine()
        };
        let file = render_include(&tune(&inputs));
        for line in [
            "shared_buffers = '512MB'",
            "shared_preload_libraries = 'pg_cron,pgaudit'",
            "cron.database_name = 'bob''s'",
            "aza.tuning_revision = '2'",
            "aza.inputs = 'memory=2048MB cpus=2 workload=reference storage=ssd shm=1024MB disk=65536MB'",
        ] {
            assert!(file.lines().any(|l| l == line), "{line} in\n{file}");
        }
    }

    #[test]
    fn every_line_is_a_comment_or_a_quoted_setting() {
        for file in [
            render_include(&tune(&machine())),
            render_conf(&tune(&machine()), true),
        ] {
            for line in file
                .lines()
                .filter(|line| !line.is_empty() && !line.starts_with("# "))
            {
                let (name, value) = line.split_once(" = ").unwrap();
                assert!(
                    name.chars()
                        .all(|c| c.is_ascii_lowercase() || c == '_' || c == '.'),
                    "{line}"
                );
                assert!(value.starts_with('\'') && value.ends_with('\''), "{line}");
            }
        }
    }

    #[test]
    fn reasons_stand_above_their_setting() {
        let file = render_conf(&tune(&machine()), true);
        assert!(
            file.contains("# 25 % of 2048 MB\nshared_buffers = '512MB'\n"),
            "{file}"
        );
        assert!(!render_conf(&tune(&machine()), false).contains("25 %"));
    }
}
