//! `aza-agent completions`: what a shell needs to complete verbs, options and the names of stacks.
//!
//! The generated scripts know verbs and options. Names change, so the script asks the hidden verb `names`, which
//! reads the status file and nothing else (3 ms).

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::aot;

use crate::host::layout::Layout;
use crate::store;

use super::output::print;
use super::{Cli, CliError, Exit, StateArgs};

/// What a script calls for the names.
const NAMES: &str = "aza-agent names 2>/dev/null";
/// The verbs that take the name of a stack, in fish's own words.
const TAKE_A_STACK: &str = "status events plan explain approve";

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Arguments of `names`.
#[derive(Debug, Args)]
pub struct NamesArgs {
    #[command(flatten)]
    state: StateArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    /// `source <(aza-agent completions bash)`.
    Bash,
    /// `aza-agent completions zsh > ~/.zfunc/_aza-agent`, with that directory in fpath.
    Zsh,
    /// `aza-agent completions fish > ~/.config/fish/completions/aza-agent.fish`.
    Fish,
}

/// Prints the script.
///
/// # Errors
/// Standard output cannot be written.
pub fn run(args: &CompletionsArgs) -> Result<Exit, CliError> {
    print(&script(args.shell))?;
    Ok(Exit::Done)
}

/// Prints the names of the stacks, one a line; none where there is no status.
///
/// # Errors
/// Standard output cannot be written.
pub fn names(args: &NamesArgs) -> Result<Exit, CliError> {
    let layout = Layout::new(&args.state.state_dir);
    let file = store::status::load(&layout)
        .ok()
        .flatten()
        .unwrap_or_default();
    let names = file.items.iter().map(|i| format!("{}\n", i.metadata.name));
    print(&names.collect::<String>())?;
    Ok(Exit::Done)
}

fn script(shell: Shell) -> String {
    let mut command = Cli::command();
    let mut text = Vec::new();
    let to = match shell {
        Shell::Bash => aot::Shell::Bash,
        Shell::Zsh => aot::Shell::Zsh,
        Shell::Fish => aot::Shell::Fish,
    };
    aot::generate(to, &mut command, "aza-agent", &mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    match shell {
        Shell::Bash => bash(&text),
        Shell::Zsh => zsh(&text),
        Shell::Fish => {
            format!(
                "{text}complete -c aza-agent -n \"__fish_seen_subcommand_from {TAKE_A_STACK}\" -f -a \"({NAMES})\"\n"
            )
        }
    }
}

/// bash gets the placeholders of positional arguments among the options: there the names belong.
fn bash(text: &str) -> String {
    let names = format!("$({NAMES})");
    let text = text.replace("[STACK]", &names).replace("<STACK>", &names);
    // A manifest's path too: files are what bash offers where nothing of ours fits.
    text.replace("[STACK|FILE]", &names)
}

/// zsh gets `_default` for each positional argument: files.
fn zsh(text: &str) -> String {
    let lines = text.lines().map(|line| {
        if line.contains(MARK) {
            line.replace(":_default'", ":_aza_agent_stacks'")
        } else {
            line.to_owned()
        }
    });
    let text: String = lines.map(|line| line + "\n").collect();
    let function = format!(
        "_aza_agent_stacks() {{\n    compadd -- ${{(f)\"$({NAMES})\"}}\n    _files\n}}\n\n"
    );
    let at = text.find("_aza-agent() {").unwrap_or(0);
    format!("{}{function}{}", &text[..at], &text[at..])
}

/// How the help of every argument that names a stack goes on.
const MARK: &str = "stack";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_asks_for_names_and_no_placeholder_is_left() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = script(shell);
            assert!(script.contains(NAMES), "{shell:?}");
            for placeholder in ["[STACK", "<STACK"] {
                assert!(!script.contains(placeholder), "{shell:?}: {placeholder}");
            }
        }
    }

    #[test]
    fn every_verb_that_takes_a_stack_is_completed() {
        let takes = |command: &&clap::Command| {
            command.get_positionals().any(|a| {
                a.get_value_names()
                    .is_some_and(|n| n.iter().any(|n| n.contains("STACK")))
            })
        };
        let command = Cli::command();
        let verbs: Vec<&str> = command
            .get_subcommands()
            .filter(takes)
            .map(clap::Command::get_name)
            .collect();
        for verb in &verbs {
            assert!(TAKE_A_STACK.split(' ').any(|v| v == *verb), "{verb}");
        }
        assert_eq!(verbs.len(), TAKE_A_STACK.split(' ').count());
    }
}
