//! No forgotten file: everything under `src/` and `e2e/` is compiled by somebody, and says what it is for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenTree;

use crate::code::{File, files, root};

/// The files that Cargo.toml names: doors, library, test targets.
fn named_in_cargo_toml() -> Vec<PathBuf> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let paths = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \""));
    paths
        .map(|path| PathBuf::from(path.trim_end_matches('"')))
        .collect()
}

/// Follows `mod name;` from a file.
fn reach(path: &Path, reached: &mut BTreeSet<PathBuf>) {
    if !reached.insert(path.to_owned()) {
        return;
    }
    // The first file of a crate has its rooms beside itself, whatever its name.
    let is_first = named_in_cargo_toml().iter().any(|named| named == path);
    let folder = match path.file_name().unwrap().to_str().unwrap() {
        "mod.rs" => path.parent().unwrap().to_owned(),
        _ if is_first => path.parent().unwrap().to_owned(),
        _ => path.with_extension(""),
    };
    let mut elsewhere = None;
    for words in File::read(path).code.windows(3) {
        if let TokenTree::Group(attribute) = &words[0]
            && let Some(named) = attribute.stream().to_string().strip_prefix("path = ")
        {
            elsewhere = Some(path.with_file_name(named.trim_matches('"')));
        }
        let [
            TokenTree::Ident(word),
            TokenTree::Ident(name),
            TokenTree::Punct(end),
        ] = words
        else {
            continue;
        };
        if word != "mod" || end.as_char() != ';' {
            continue;
        }
        let beside = folder.join(format!("{name}.rs"));
        let inside = folder.join(name.to_string()).join("mod.rs");
        let usual = if root().join(&beside).exists() {
            beside
        } else {
            inside
        };
        reach(&elsewhere.take().unwrap_or(usual), reached);
    }
}

#[test]
fn every_file_is_part_of_something() {
    let mut reached = BTreeSet::new();
    for start in named_in_cargo_toml() {
        reach(&start, &mut reached);
    }
    let all = files("src")
        .into_iter()
        .chain(files("e2e"))
        .map(|file| file.path);
    let forgotten: Vec<PathBuf> = all.filter(|path| !reached.contains(path)).collect();
    assert!(forgotten.is_empty(), "no `mod` leads to {forgotten:?}");
}

#[test]
fn every_file_begins_with_what_it_is_for() {
    let all = files("src").into_iter().chain(files("e2e"));
    let silent: Vec<PathBuf> = all
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| file.path)
        .collect();
    assert!(
        silent.is_empty(),
        "these do not begin with `//! `: {silent:?}"
    );
}
