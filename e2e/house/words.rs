//! What no line of the agent may say: nothing deletes a volume, and nothing is put off without a reason.

use crate::code::{File, files, flat};

/// Code that could delete a volume. Each of them did, in somebody's trial.
fn deletes_volumes(words: &[String]) -> Option<String> {
    let literal = |word: &String, means: &str| {
        word.starts_with('"')
            && word
                .trim_matches('"')
                .split_whitespace()
                .any(|part| part == means)
    };
    for (at, word) in words.iter().enumerate() {
        let next = |n: usize| words.get(at + n).map_or("", String::as_str);
        let is_word =
            ["remove_volume", "prune_volumes", "RemoveVolumeOptions"].contains(&word.as_str());
        let takes_anonymous = word == "v" && next(1) == ":" && next(2) == "true";
        let is_option = ["--remove-orphans", "-y", "--yes", "--volumes"]
            .iter()
            .any(|option| literal(word, option));
        let is_down = literal(word, "down")
            && words[at..]
                .iter()
                .take(8)
                .any(|option| literal(option, "-v"));
        if is_word || takes_anonymous || is_option || is_down {
            return Some(
                words[at..]
                    .iter()
                    .take(3)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join(" "),
            );
        }
    }
    None
}

/// What is put off and does not say until when.
fn unreasoned(file: &File) -> Vec<String> {
    let vague = |line: &str| {
        let put_off = ["TODO", "FIXME", "XXX"]
            .iter()
            .any(|word| line.contains(word));
        put_off
            && !["until ", "when ", "once ", "waits for "]
                .iter()
                .any(|reason| line.contains(reason))
    };
    let lines = file
        .text
        .lines()
        .enumerate()
        .filter(|(_, line)| vague(line));
    lines
        .map(|(at, line)| format!("{}:{}: {}", file.path.display(), at + 1, line.trim()))
        .collect()
}

#[test]
fn the_agent_has_no_code_that_deletes_a_volume() {
    let mut wrong = Vec::new();
    for file in files("src") {
        if let Some(said) = deletes_volumes(&flat(&file.production())) {
            wrong.push(format!("{}: {said}", file.path.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "data is never the agent's to delete:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_check_above_can_fail() {
    for code in [
        "docker.remove_volume(name, None)",
        "RemoveContainerOptions { v: true, force: false }",
        "command.args([\"compose\", \"down\", \"-v\"])",
        "command.arg(\"--remove-orphans\")",
        "command.args([\"up\", \"-y\"])",
    ] {
        let tokens: Vec<_> = code
            .parse::<proc_macro2::TokenStream>()
            .unwrap()
            .into_iter()
            .collect();
        assert!(deletes_volumes(&flat(&tokens)).is_some(), "{code}");
    }
}

#[test]
fn what_is_put_off_says_what_it_waits_for() {
    let own = file!();
    let all = files("src")
        .into_iter()
        .chain(files("e2e"))
        .filter(|file| !own.ends_with(file.path.to_str().unwrap()));
    let wrong: Vec<String> = all.flat_map(|file| unreasoned(&file)).collect();
    assert!(wrong.is_empty(), "say until when:\n{}", wrong.join("\n"));
}
