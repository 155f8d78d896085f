//! The reference of the command line: `--help` of every verb, so that a change of it is seen in a review.

use std::process::Command;

/// Prints the help of a verb, with an environment that holds no option of ours.
pub fn help(verb: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_aza-agent"))
        .args(verb)
        .arg("--help")
        .env_clear()
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{verb:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The verbs that a help text lists.
fn verbs(help: &str) -> Vec<String> {
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = list
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

fn collect(verb: &[&str], text: &mut String) {
    let help = help(verb);
    text.push_str(&format!(
        "$ aza-agent {}\n{help}\n",
        [verb, &["--help"]].concat().join(" ")
    ));
    for name in verbs(&help) {
        collect(&[verb, &[name.as_str()]].concat(), text);
    }
}

#[test]
fn the_reference_is_the_one_that_was_reviewed() {
    let mut text = String::new();
    collect(&[], &mut text);
    let tidy: Vec<&str> = text.lines().map(str::trim_end).collect();
    insta::assert_snapshot!("cli", tidy.join("\n"));
}
