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

/// bash gets the names among the options of the verbs that take one. A manifest's path completes too: files are
/// what bash offers where nothing of ours fits.
fn bash(text: &str) -> String {
    // The generator calls a verb by two names where the program's own has a hyphen, and finds none (seen with
    // clap_complete 4.6.11: nothing after the verb was completed).
    let mut text = text
        .replace("aza__subcmd__agent", "aza__agent")
        .replace(" names help\"", " help\"");
    for verb in TAKE_A_STACK.split(' ') {
        let head = format!("        aza__agent__subcmd__{verb})\n            opts=\"");
        text = text.replace(&head, &format!("{head}$({NAMES}) "));
    }
    text
}

/// zsh gets `_default` for each positional argument: files.
fn zsh(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let is_positional = line.starts_with("':");
        if is_positional && line.contains(MARK) {
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
    fn every_shell_asks_for_names_where_a_stack_is_named() {
        let stacks = TAKE_A_STACK.split(' ').count();
        assert_eq!(script(Shell::Bash).matches(NAMES).count(), stacks);
        assert_eq!(script(Shell::Fish).matches(NAMES).count(), 1);
        let zsh = script(Shell::Zsh);
        assert_eq!(zsh.matches(":_aza_agent_stacks'").count(), stacks, "{zsh}");
        assert_eq!(zsh.matches("\n_aza_agent_stacks()").count(), 1);
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
