//! `aza-agent status --watch`: the same page again and again.
//!
//! A terminal is redrawn every second, for the ages. A pipe gets a block at every change and nothing
//! else, a program a JSON document in one line.

use std::time::Duration;

use jiff::Timestamp;

use crate::api::status::StatusFile;
use crate::host::layout::Layout;
use crate::store;

use super::{StatusArgs, note, only, text};
use crate::cli::follow::{Follow, Woken};
use crate::cli::output::{self, Reader, bold, json_line, redraw, remark, send};
use crate::cli::stack::block_on;
use crate::cli::{CliError, Exit, Format};

/// The ages are shown in seconds.
const REDRAW: Duration = Duration::from_secs(1);

/// What a change of is news.
#[derive(PartialEq)]
struct News {
    file: Option<StatusFile>,
    note: Option<String>,
}

/// Shows the status until somebody ends it.
///
/// # Errors
/// The status cannot be read, or there is no such stack.
pub fn run(args: &StatusArgs) -> Result<Exit, CliError> {
    let layout = Layout::new(&args.host.state.state_dir);
    block_on(async {
        let mut follow = Follow::start(&layout, REDRAW)?;
        let mut shown: Option<News> = None;
        while follow.next().await == Woken::Look {
            let news = look(args, &layout)?;
            let is_new = shown.as_ref() != Some(&news);
            let screen = output::screen().filter(|_| args.output == Format::Table);
            let reader = match screen {
                Some((width, lines)) => {
                    let page = page(args, &news, Some(width), lines);
                    redraw(&output::as_wanted(&page), lines)?
                }
                None if is_new => tell(args, &news, shown.as_ref())?,
                None => Reader::There,
            };
            if reader == Reader::Gone {
                break;
            }
            shown = Some(news);
        }
        Ok(Exit::Done)
    })
}

fn look(args: &StatusArgs, layout: &Layout) -> Result<News, CliError> {
    let mut file = store::status::load(layout)?;
    let note = match &file {
        Some(file) => {
            let agent = file.agent.as_ref();
            note(layout, agent)
        }
        None => Some(format!(
            "note: no agent has written a status in `{}` yet",
            layout.root().display()
        )),
    };
    if let Some(file) = &mut file {
        only(file, args.name.as_deref())?;
    }
    Ok(News { file, note })
}

/// The page of a terminal: it says what it is, and how to end it.
fn page(args: &StatusArgs, news: &News, width: Option<usize>, lines: usize) -> String {
    let now = Timestamp::now();
    let mut page = format!("{}   {now:.0}, Ctrl-C ends\n", bold("aza-agent status"));
    if let Some(note) = &news.note {
        page.push_str(&crate::cli::table::wrapped(
            note,
            0,
            2,
            width.unwrap_or(usize::MAX),
        ));
    }
    // Lines are rare on a terminal: the rule between head and table only where there are enough.
    if lines > 10 {
        page.push('\n');
    }
    if let Some(file) = &news.file {
        page.push_str(&text::page(file, args.name.is_some(), now, width));
    }
    page
}

fn tell(args: &StatusArgs, news: &News, before: Option<&News>) -> Result<Reader, CliError> {
    let is_new_note = before.and_then(|b| b.note.as_ref()) != news.note.as_ref();
    if let Some(note) = news.note.as_ref().filter(|_| is_new_note) {
        remark(note);
    }
    let Some(file) = news
        .file
        .as_ref()
        .filter(|_| before.is_none_or(|b| b.file != news.file))
    else {
        return Ok(Reader::There);
    };
    if args.output == Format::Json {
        return json_line(file);
    }
    let now = Timestamp::now();
    let page = text::page(file, args.name.is_some(), now, output::width());
    let gap = if before.is_some_and(|b| b.file.is_some()) {
        "\n"
    } else {
        ""
    };
    send(&format!("{gap}{}\n{page}", bold(&format!("{now:.0}"))))
}
