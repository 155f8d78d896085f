//! The first parser's way through a file: which fields stand where, within limits.
//!
//! saphyr-parser tells events with places, one at a time, so reading stops at the first limit that is
//! passed, whatever follows. It is named in this file only.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScanError, Span, StrInput};

use super::document::{Content, Node, Step, joined};
use super::violation::{Place, Violation, shortened};

/// How deep fields may nest; a manifest needs six.
const MAX_DEPTH: usize = 16;
/// How many fields and values a file may have: some eighty full manifests.
const MAX_NODES: usize = 5_000;
/// The longest key, in bytes: PostgreSQL's names end at 63.
const MAX_KEY: usize = 200;
/// The longest value, in bytes: an `archive_command` with room to spare.
const MAX_SCALAR: usize = 8 << 10;

/// Where reading stopped, and why.
pub type Stop = (Place, String);

/// The first parser's way through the text.
pub struct Outline<'t> {
    parser: Parser<'t, StrInput<'t>>,
    file: &'t str,
    nodes: usize,
    /// The steps to the node that is being read.
    steps: Vec<Step>,
    duplicates: Vec<Violation>,
    /// What was read: each document's tree, and the keys that occur twice in it.
    pub documents: Vec<(Node, Vec<Violation>)>,
}

impl<'t> Outline<'t> {
    /// Begins at the start of a text. Violations name the file so.
    #[must_use]
    pub fn new(text: &'t str, file: &'t str) -> Self {
        let parser = Parser::new_from_str(text);
        let (steps, duplicates, documents) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            parser,
            file,
            nodes: 0,
            steps,
            duplicates,
            documents,
        }
    }

    /// Collects the documents up to the first that cannot be read.
    ///
    /// # Errors
    /// Why the rest cannot be read.
    pub fn read(&mut self) -> Result<(), Stop> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::Nothing | Event::StreamStart, _)
                | (Event::DocumentStart(_) | Event::DocumentEnd, _) => {}
                (event, span) => {
                    let at = place(&span);
                    let tree = self.node(event, at, at, Step::Root, 0)?;
                    let duplicates = std::mem::take(&mut self.duplicates);
                    self.documents.push((tree, duplicates));
                }
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Stop> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(wrong)) => Err(unreadable(&wrong)),
            None => Err((
                Place::START,
                "not readable as YAML: it ends too early".into(),
            )),
        }
    }

    fn node(
        &mut self,
        event: Event<'t>,
        key_at: Place,
        at: Place,
        step: Step,
        depth: usize,
    ) -> Result<Node, Stop> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err((at, format!("more than {MAX_NODES} values: split the file")));
        }
        if depth > MAX_DEPTH {
            return Err((at, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let content = match event {
            Event::Scalar(_, _, 0, None)
            | Event::SequenceStart(0, None)
            | Event::MappingStart(0, None) => self.content(event, at, depth)?,
            Event::Scalar(_, _, _, Some(tag))
            | Event::SequenceStart(_, Some(tag))
            | Event::MappingStart(_, Some(tag)) => {
                let tag = shortened(&tag.to_string());
                return Err((
                    at,
                    format!("tag `{tag}`: tags are not read here, remove it"),
                ));
            }
            Event::Alias(_)
            | Event::Scalar(..)
            | Event::SequenceStart(..)
            | Event::MappingStart(..) => {
                return Err((
                    at,
                    "anchors and aliases are not read here: write it out".into(),
                ));
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err((at, "not readable as YAML: unexpected end".into())),
        };
        Ok(Node {
            step,
            key_at,
            at,
            content,
        })
    }

    fn content(&mut self, event: Event<'t>, at: Place, depth: usize) -> Result<Content, Stop> {
        match event {
            Event::Scalar(text, ..) if text.len() > MAX_SCALAR => Err((
                at,
                format!("a value of {} bytes; {MAX_SCALAR} at most", text.len()),
            )),
            Event::Scalar(text, ..) => Ok(Content::Scalar(text.into_owned())),
            Event::SequenceStart(..) => self.list(depth),
            _ => self.fields(depth),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Content, Stop> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Content::List(items));
            }
            let at = place(&span);
            let step = Step::Index(items.len());
            self.steps.push(step.clone());
            items.push(self.node(event, at, at, step, depth + 1)?);
            self.steps.pop();
        }
    }

    fn fields(&mut self, depth: usize) -> Result<Content, Stop> {
        let mut fields: Vec<Node> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        loop {
            let (event, span) = self.next()?;
            let key_at = place(&span);
            let key = match event {
                Event::MappingEnd => return Ok(Content::Fields(fields)),
                Event::Scalar(text, _, 0, None) if text.len() <= MAX_KEY => text.into_owned(),
                _ => return Err((key_at, "a key must be a short, plain word".into())),
            };
            let (event, span) = self.next()?;
            let step = Step::Field(key.clone());
            self.steps.push(step.clone());
            let node = self.node(event, key_at, place(&span), step, depth + 1)?;
            match known.get(&key).copied() {
                None => {
                    known.insert(key, fields.len());
                    fields.push(node);
                }
                Some(first) => {
                    self.duplicate(&key, fields[first].key_at, key_at);
                    fields[first] = node;
                }
            }
            self.steps.pop();
        }
    }

    fn duplicate(&mut self, key: &str, first: Place, second: Place) {
        let key = shortened(key);
        let Place { line, column } = first;
        self.duplicates.push(Violation {
            file: self.file.to_owned(),
            line: second.line,
            column: second.column,
            message: format!("`{key}` stands here twice: first at line {line}, column {column}"),
            path: self
                .steps
                .iter()
                .fold(String::new(), |path, step| joined(&path, step)),
            hint: Some("keep one of the two".into()),
        });
    }
}

fn place(span: &Span) -> Place {
    Place {
        line: span.start.line().max(1),
        column: span.start.col() + 1,
    }
}

fn unreadable(wrong: &ScanError) -> Stop {
    let at = wrong.marker();
    let place = Place {
        line: at.line().max(1),
        column: at.col() + 1,
    };
    (place, format!("not readable as YAML: {}", wrong.info()))
}
