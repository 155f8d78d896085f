//! Rust files as tokens: what a rule about code asks for, without being fooled by comments, strings or macros.
//!
//! Tokens and not a syntax tree: a path inside `format!(…)` is an import too, and a tree does not show it.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One source file.
pub struct File {
    /// Relative to the package.
    pub path: PathBuf,
    pub text: String,
    /// Its code, without doc comments.
    pub code: Vec<TokenTree>,
}

impl File {
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(root().join(path)).unwrap();
        let tokens: TokenStream = text
            .parse()
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self {
            path: path.to_owned(),
            text,
            code: without(tokens, &|_| false),
        }
    }

    /// Its code without what only tests see.
    pub fn production(&self) -> Vec<TokenTree> {
        without(self.code.iter().cloned().collect(), &is_for_tests)
    }

    /// The room it belongs to: the first folder or file under `src/`.
    pub fn room(&self) -> String {
        let inside = self.path.strip_prefix("src").unwrap();
        let first = inside.components().next().unwrap().as_os_str();
        first.to_str().unwrap().trim_end_matches(".rs").to_owned()
    }

    /// Whether all of it is there for tests only.
    pub fn is_for_tests(&self) -> bool {
        let stem = self.path.file_stem().unwrap().to_str().unwrap();
        stem == "tests" || stem == "properties" || stem.ends_with("_tests")
    }
}

fn is_for_tests(attribute: &str) -> bool {
    ["cfg(test)", "test"].contains(&attribute.replace(' ', "").as_str())
}

/// The package's directory.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, sorted.
pub fn files(folder: &str) -> Vec<File> {
    let mut paths = Vec::new();
    collect(&root().join(folder), &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "no Rust files in {folder}");
    let relative = paths.iter().map(|path| path.strip_prefix(root()).unwrap());
    relative.map(File::read).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|e| e == "rs") {
            paths.push(path);
        }
    }
}

/// Drops doc comments, and the items that have an unwanted attribute.
fn without(tokens: TokenStream, unwanted: &dyn Fn(&str) -> bool) -> Vec<TokenTree> {
    let mut kept = Vec::new();
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        let is = |token: Option<&TokenTree>, sign| matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == sign);
        if is(Some(&token), '#') {
            if is(rest.peek(), '!') {
                rest.next();
            }
            let Some(TokenTree::Group(attribute)) = rest.next() else {
                continue;
            };
            let said = attribute.stream().to_string();
            if unwanted(&said) {
                // To the end of the item: its body, or its semicolon.
                let ends = |t: &TokenTree| match t {
                    TokenTree::Group(g) => g.delimiter() == Delimiter::Brace,
                    TokenTree::Punct(p) => p.as_char() == ';',
                    TokenTree::Ident(_) | TokenTree::Literal(_) => false,
                };
                rest.by_ref().find(ends);
            } else if !said.starts_with("doc") {
                kept.extend([token, TokenTree::Group(attribute)]);
            }
            continue;
        }
        kept.push(match token {
            TokenTree::Group(group) => {
                let inside = without(group.stream(), unwanted).into_iter().collect();
                TokenTree::Group(proc_macro2::Group::new(group.delimiter(), inside))
            }
            other => other,
        });
    }
    kept
}

/// Every path in the code, `use` trees laid out flat: `use a::{b, c::d}` is `a::b` and `a::c::d`.
pub fn paths(code: &[TokenTree]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    walk(code, &[], &mut found);
    found
}

fn walk(tokens: &[TokenTree], prefix: &[String], found: &mut Vec<Vec<String>>) {
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(ident) => {
                let mut path = prefix.to_vec();
                path.push(ident.to_string());
                at += 1;
                loop {
                    if !is_colons(&tokens[at..]) {
                        found.push(path);
                        break;
                    }
                    at += 2;
                    match tokens.get(at) {
                        Some(TokenTree::Ident(next)) => path.push(next.to_string()),
                        Some(TokenTree::Group(tree)) if tree.delimiter() == Delimiter::Brace => {
                            let inside: Vec<_> = tree.stream().into_iter().collect();
                            walk(&inside, &path, found);
                            at += 1;
                            break;
                        }
                        // `*`, or the `<` of a turbofish: the path so far is what counts.
                        _ => {
                            found.push(path);
                            break;
                        }
                    }
                    at += 1;
                }
            }
            TokenTree::Group(group) => {
                let inside: Vec<_> = group.stream().into_iter().collect();
                walk(&inside, &[], found);
                at += 1;
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => at += 1,
        }
    }
}

fn is_colons(tokens: &[TokenTree]) -> bool {
    let colon =
        |t: Option<&TokenTree>| matches!(t, Some(TokenTree::Punct(p)) if p.as_char() == ':');
    colon(tokens.first()) && colon(tokens.get(1))
}

/// Every token that is not a group, in order, groups opened.
pub fn flat(code: &[TokenTree]) -> Vec<String> {
    let mut words = Vec::new();
    for token in code {
        match token {
            TokenTree::Group(group) => {
                words.extend(flat(&group.stream().into_iter().collect::<Vec<_>>()));
            }
            other => words.push(other.to_string()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<TokenTree> {
        without(text.parse().unwrap(), &is_for_tests)
    }

    fn said(text: &str) -> Vec<String> {
        paths(&tokens(text)).iter().map(|p| p.join("::")).collect()
    }

    #[test]
    fn a_use_tree_is_laid_out_flat() {
        assert_eq!(
            said("use crate::{act::Hands, store::{self, x::Y}};"),
            [
                "use",
                "crate::act::Hands",
                "crate::store::self",
                "crate::store::x::Y"
            ]
        );
    }

    #[test]
    fn a_path_inside_a_macro_counts_and_one_in_a_comment_or_string_does_not() {
        let text =
            "/// crate::no\nfn f() { println!(\"crate::no\", crate::yes::it()); } // crate::no";
        assert_eq!(said(text), ["fn", "f", "println", "crate::yes::it"]);
    }

    #[test]
    fn what_only_tests_see_can_be_left_out() {
        assert_eq!(
            said("a::b; #[cfg(test)] mod tests { use c::d; } e::f;"),
            ["a::b", "e::f"]
        );
    }
}
