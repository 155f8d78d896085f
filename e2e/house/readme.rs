//! The README says what is so: its commands exist, its manifests are valid, its links lead somewhere.

use std::fs;
use std::path::Path;

use aza_agent::api::validate::validate;

use crate::code::root;
use crate::reference::help;

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// The code blocks of one language.
fn blocks(language: &str) -> Vec<String> {
    let text = readme();
    let fence = format!("```{language}\n");
    let after = text.split(&fence).skip(1);
    let found: Vec<String> = after
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect();
    assert!(!found.is_empty(), "the README has no {language} block");
    found
}

/// Every command line of the shell blocks, without comments and sudo.
fn commands() -> Vec<String> {
    let all = blocks("sh").join("\n");
    let lines = all
        .lines()
        .map(|line| line.split(" #").next().unwrap().trim());
    let bare = lines
        .map(|line| line.trim_start_matches("sudo "))
        .filter(|line| !line.is_empty());
    bare.map(str::to_owned).collect()
}

#[test]
fn every_manifest_in_it_is_valid() {
    for manifest in blocks("yaml") {
        let report = validate(manifest.as_bytes(), "README.md");
        let wrong: Vec<String> = report.violations().map(ToString::to_string).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert_eq!(report.stacks().count(), 1);
    }
}

#[test]
fn every_agent_command_in_it_has_its_verb_and_options() {
    let all = commands();
    let ours: Vec<&String> = all
        .iter()
        .filter(|line| line.contains("aza-agent "))
        .collect();
    assert!(ours.len() >= 5, "{ours:?}");
    for line in ours {
        let words: Vec<&str> = line
            .split("aza-agent ")
            .nth(1)
            .unwrap()
            .split_whitespace()
            .collect();
        let verb: Vec<&str> = if words[0] == "image" {
            words[..2].to_vec()
        } else {
            words[..1].to_vec()
        };
        let known = help(&verb);
        for option in words.iter().filter(|word| word.starts_with('-')) {
            assert!(
                [" ", ",", "\n"]
                    .iter()
                    .any(|end| known.contains(&format!("{option}{end}"))),
                "{line}: {option}"
            );
        }
    }
}

#[test]
fn its_offline_commands_run() {
    let all = commands();
    let offline = ["schema", "tune", "validate"];
    let runnable = all.iter().filter(|line| {
        offline
            .iter()
            .any(|verb| line.contains(&format!("aza-agent {verb}")))
    });
    let mut ran = 0;
    for line in runnable {
        let words = line.split("aza-agent ").nth(1).unwrap().split_whitespace();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_aza-agent"))
            .args(words)
            .current_dir(root())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{line}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        ran += 1;
    }
    assert!(ran >= 2, "{all:?}");
}

#[test]
fn every_make_target_in_it_exists() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    for line in commands().iter().filter(|line| line.starts_with("make ")) {
        let target = line.split_whitespace().nth(1).unwrap();
        assert!(makefile.contains(&format!("\n{target}: ")), "{line}");
    }
}

#[test]
fn every_link_leads_somewhere() {
    for link in readme()
        .split("](")
        .skip(1)
        .map(|rest| rest.split(')').next().unwrap().to_owned())
    {
        let is_elsewhere = link.starts_with("http") || link.starts_with('#');
        assert!(
            is_elsewhere || Path::new(root()).join(&link).exists(),
            "{link}"
        );
    }
}
