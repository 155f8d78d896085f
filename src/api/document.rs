//! The text of a manifest file as documents with places.
//!
//! Two parsers read it. The first goes through the text once, within limits, and remembers where each
//! field stands: that bounds what a hostile file can cost, and finds what the second cannot place.
//! The second, serde_yaml, decodes. Where the two would disagree about the shape, the document is
//! refused. Anchors, aliases and tags are refused too: manifests have no use for them, and bombs do.
//!
//! serde_yaml is named in this file only, so that replacing it is one file.

use serde::Deserialize;
use serde_json::Value;

use super::outline::{Outline, Stop};
use super::violation::{Place, Violation, shortened};

/// The largest file, in bytes.
pub const MAX_FILE: usize = 1 << 20;
/// A field or value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its key, or its number in a list.
    pub step: Step,
    /// Where its key stands; in a list, where the value does.
    pub key_at: Place,
    /// Where its value stands.
    pub at: Place,
    /// What it holds.
    pub content: Content,
}

/// How a node is reached from the one that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The document itself.
    Root,
    /// A key.
    Field(String),
    /// A place in a list, from 0, as the file has it.
    Index(usize),
}

/// What a node holds. Keys are unique: of a duplicate, the last one is here.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A single value, as it is written.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// Fields.
    Fields(Vec<Node>),
}

/// One document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its fields and their places.
    pub tree: Node,
    /// Its decoded value, of the same shape as the tree.
    pub value: Value,
    /// Keys that occur twice.
    pub duplicates: Vec<Violation>,
}

/// What could be read of a file.
#[derive(Debug, Default)]
pub struct Documents {
    /// The documents before the first unreadable one. Empty ones are left out.
    pub read: Vec<Document>,
    /// Why the rest could not be read.
    pub broken: Option<Violation>,
}

impl Node {
    /// Returns where the value at the end of a path stands, and the path as people read it. Of a value
    /// that is missing, the key that should hold it.
    #[must_use]
    pub fn place_of(&self, path: &[&str]) -> (Place, String) {
        let (mut node, mut shown) = (self, String::new());
        for part in path {
            let next = match &node.content {
                Content::Fields(fields) => fields.iter().find(|n| n.is_field(part)),
                Content::List(items) => part.parse().ok().and_then(|n: usize| items.get(n)),
                Content::Scalar(_) => None,
            };
            let Some(next) = next else {
                return (
                    node.key_at,
                    joined(&shown, &Step::Field((*part).to_owned())),
                );
            };
            node = next;
            shown = joined(&shown, &node.step);
        }
        (node.at, shown)
    }

    /// Returns the text of the scalar at the end of the path.
    #[must_use]
    pub fn text(&self, path: &[&str]) -> Option<&str> {
        let mut node = self;
        for part in path {
            let Content::Fields(fields) = &node.content else {
                return None;
            };
            node = fields.iter().find(|n| n.is_field(part))?;
        }
        match &node.content {
            Content::Scalar(text) => Some(text),
            Content::List(_) | Content::Fields(_) => None,
        }
    }

    fn is_field(&self, name: &str) -> bool {
        matches!(&self.step, Step::Field(key) if key == name)
    }

    /// Whether a decoded value has this shape.
    fn has_shape_of(&self, value: &Value) -> bool {
        match (&self.content, value) {
            (Content::Fields(fields), Value::Object(map)) => {
                fields.len() == map.len()
                    && fields.iter().all(|node| match &node.step {
                        Step::Field(key) => map.get(key).is_some_and(|v| node.has_shape_of(v)),
                        Step::Root | Step::Index(_) => false,
                    })
            }
            (Content::List(items), Value::Array(values)) => {
                items.len() == values.len()
                    && items
                        .iter()
                        .zip(values)
                        .all(|(node, value)| node.has_shape_of(value))
            }
            (Content::Scalar(_), Value::Object(_) | Value::Array(_)) => false,
            (Content::Scalar(_), _) => true,
            (Content::Fields(_) | Content::List(_), _) => false,
        }
    }
}

/// Appends a step to a path: `spec`, `spec.extensions`, `spec.extensions[0]`.
#[must_use]
pub fn joined(path: &str, step: &Step) -> String {
    match step {
        Step::Root => path.to_owned(),
        Step::Field(key) if path.is_empty() => shortened(key),
        Step::Field(key) => format!("{path}.{}", shortened(key)),
        Step::Index(number) => format!("{path}[{number}]"),
    }
}

/// Reads a file's documents.
#[must_use]
pub fn read(bytes: &[u8], file: &str) -> Documents {
    let text = match as_text(bytes) {
        Ok(text) => text,
        Err((at, message)) => {
            return Documents {
                read: Vec::new(),
                broken: Some(whole(file, at, &message)),
            };
        }
    };
    let mut outline = Outline::new(text, file);
    let stopped = outline.read().err();
    let mut documents = Documents::default();
    let decoders = serde_yaml::Deserializer::from_str(text);
    for ((tree, duplicates), decoder) in outline.documents.into_iter().zip(decoders) {
        match Value::deserialize(decoder) {
            Ok(value) if value.is_null() => {}
            Ok(value) if tree.has_shape_of(&value) => {
                documents.read.push(Document {
                    tree,
                    value,
                    duplicates,
                });
            }
            Ok(_) => {
                let message = "YAML parsers read this document differently: write it more plainly";
                documents.broken = Some(whole(file, tree.at, message));
                return documents;
            }
            Err(wrong) => {
                // Its lines end at U+0085, U+2028 and U+2029 too; those of an editor do not.
                let at = wrong.location().map_or(tree.at, |at| {
                    let end = text.char_indices().nth(at.index());
                    end_of(&text[..end.map_or(text.len(), |(end, _)| end)])
                });
                documents.broken = Some(whole(file, at, &format!("not readable as YAML: {wrong}")));
                return documents;
            }
        }
    }
    documents.broken = stopped.map(|stop| whole(file, stop.0, &stop.1));
    documents
}

fn whole(file: &str, at: Place, message: &str) -> Violation {
    Violation {
        file: file.to_owned(),
        line: at.line,
        column: at.column,
        path: String::new(),
        message: message.to_owned(),
        hint: None,
    }
}

/// Checks what no parser should have to see: size, encoding, control characters.
fn as_text(bytes: &[u8]) -> Result<&str, Stop> {
    if bytes.len() > MAX_FILE {
        let message = format!(
            "the file has {} bytes; a manifest has 1 MiB at most",
            bytes.len()
        );
        return Err((Place::START, message));
    }
    let text = std::str::from_utf8(bytes).map_err(|wrong| {
        let readable = bytes.get(..wrong.valid_up_to()).unwrap_or_default();
        let at = end_of(&String::from_utf8_lossy(readable));
        (
            at,
            "not valid UTF-8: save the file in the encoding UTF-8".to_owned(),
        )
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_wrong = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{85}');
    match text.char_indices().find(|(_, c)| is_wrong(*c)) {
        Some((index, c)) => {
            let message = format!("control character U+{:04X}: remove it", u32::from(c));
            Err((end_of(&text[..index]), message))
        }
        None => Ok(text),
    }
}

/// Returns the place of the character that follows a text.
fn end_of(text: &str) -> Place {
    let line = text.matches('\n').count() + 1;
    let column = text.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Place { line, column }
}
