//! Whether a document has the shape that the schema asks for: known fields, of the right kind, with the
//! right words.
//!
//! What is wrong is told and taken out, so that the rest can still be decoded and checked: a person
//! gets all violations at once. What a right-shaped value means is [`super::spec`]'s to judge.

use serde_json::Value;

use super::didyoumean::did_you_mean;
use super::document::{Content, Document, Node, Step, joined};
use super::findings::Findings;
use super::violation::shortened;

/// Fields and words of the design that this release does not have yet.
const LATER: [(&str, &str); 10] = [
    ("spec.stack", "primary"),
    ("spec.stack", "replica"),
    ("spec", "replication"),
    ("spec.publish", "pooler"),
    ("spec.publish", "exporter"),
    ("spec.publish", "poolerExporter"),
    ("spec.secrets", "replication"),
    ("spec.secrets", "poolerAuth"),
    ("spec.secrets", "agent"),
    ("spec.secrets", "exporter"),
];

/// Checks a document against the schema, and takes out what does not fit.
pub fn check(schema: &Value, document: &mut Document, findings: &mut Findings<'_>) {
    let Document {
        tree,
        value,
        duplicates: _,
    } = document;
    if !fits(schema, tree, value, "", findings) {
        *value = Value::Object(serde_json::Map::new());
    }
}

fn fits(
    schema: &Value,
    node: &mut Node,
    value: &mut Value,
    path: &str,
    findings: &mut Findings<'_>,
) -> bool {
    if value.is_null() {
        let hint = "write a value, or leave the field out".to_owned();
        findings.wrong_at(node.key_at, path, "has no value".into(), Some(hint));
        return false;
    }
    if let Some(words) = words(schema) {
        return is_one_of(&words, node, value, path, findings);
    }
    as_it_is_written(schema, node, value);
    let fits = match kinds(schema)[..] {
        ["object"] => fields_fit(schema, node, value, path, findings),
        ["array"] => items_fit(&schema["items"], node, value, path, findings),
        ["integer"] => Some(is_in_range(schema, value)),
        ["boolean"] => Some(value.is_boolean()),
        // What may also be a number or a bool has become text above.
        _ => Some(value.is_string()),
    };
    match fits {
        Some(true) => true,
        Some(false) => {
            let (message, hint) = expected(schema, node);
            findings.wrong_at(node.at, path, message, hint);
            false
        }
        None => false,
    }
}

/// Returns the words that a schema allows, where it lists them.
#[must_use]
pub fn words(schema: &Value) -> Option<Vec<&str>> {
    let listed = schema.get("enum").and_then(Value::as_array);
    let choices = schema.get("oneOf").and_then(Value::as_array);
    match (listed, choices) {
        (Some(listed), _) => Some(listed.iter().filter_map(Value::as_str).collect()),
        (None, Some(choices)) => choices.iter().map(|c| c["const"].as_str()).collect(),
        (None, None) => None,
    }
}

fn kinds(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

/// Turns a number or bool back into the text it was written as, where only the text tells what was
/// meant: `memory: 512` has no unit, `random_page_cost: 1.10` is PostgreSQL's to read.
fn as_it_is_written(schema: &Value, node: &Node, value: &mut Value) {
    let takes = match schema["format"].as_str() {
        Some("setting") => value.is_number() || value.is_boolean(),
        Some("quantity" | "cpus") => value.is_number(),
        Some(_) | None => false,
    };
    if let (true, Content::Scalar(text)) = (takes, &node.content) {
        *value = Value::String(text.clone());
    }
}

fn is_one_of(
    words: &[&str],
    node: &Node,
    value: &Value,
    path: &str,
    findings: &mut Findings<'_>,
) -> bool {
    let text = match &node.content {
        Content::Scalar(text) => text.as_str(),
        Content::List(_) | Content::Fields(_) => "",
    };
    if value.as_str().is_some_and(|text| words.contains(&text)) {
        return true;
    }
    if LATER.contains(&(path, text)) {
        findings.wrong_at(
            node.at,
            path,
            format!("`{text}` is not in this release"),
            None,
        );
        return false;
    }
    let hint =
        did_you_mean(text, words.iter().copied()).map(|word| format!("did you mean `{word}`?"));
    let message = format!("`{}` is not one of: {}", shortened(text), words.join(", "));
    findings.wrong_at(node.at, path, message, hint);
    false
}

/// Checks the fields of an object. `None` where each violation is told already.
fn fields_fit(
    schema: &Value,
    node: &mut Node,
    value: &mut Value,
    path: &str,
    findings: &mut Findings<'_>,
) -> Option<bool> {
    let (Content::Fields(fields), Value::Object(map)) = (&mut node.content, value) else {
        return Some(false);
    };
    for name in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if !map.contains_key(name) {
            let path = joined(path, &Step::Field(name.to_owned()));
            findings.wrong_at(
                node.key_at,
                &path,
                "is missing: it is required".into(),
                None,
            );
        }
    }
    let known = schema["properties"].as_object();
    let other = schema
        .get("additionalProperties")
        .filter(|other| other.is_object());
    fields.retain_mut(|field| {
        let path_of_field = joined(path, &field.step);
        let Step::Field(key) = field.step.clone() else {
            return false;
        };
        let fits = match known.and_then(|known| known.get(&key)).or(other) {
            Some(schema) => map
                .get_mut(&key)
                .is_some_and(|value| fits(schema, field, value, &path_of_field, findings)),
            None => {
                let names = known
                    .into_iter()
                    .flat_map(|known| known.keys().map(String::as_str));
                unknown(&key, names.collect(), field, path, &path_of_field, findings);
                false
            }
        };
        if !fits {
            map.remove(&key);
        }
        fits
    });
    Some(true)
}

fn unknown(
    key: &str,
    names: Vec<&str>,
    field: &Node,
    parent: &str,
    path: &str,
    findings: &mut Findings<'_>,
) {
    if LATER.contains(&(parent, key)) {
        let message = "is not in this release: it belongs to stacks with a replica".to_owned();
        findings.wrong_at(field.key_at, path, message, None);
        return;
    }
    let hint = match did_you_mean(key, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known here: {}", names.join(", ")),
    };
    findings.wrong_at(field.key_at, path, "unknown field".into(), Some(hint));
}

fn items_fit(
    schema: &Value,
    node: &mut Node,
    value: &mut Value,
    path: &str,
    findings: &mut Findings<'_>,
) -> Option<bool> {
    let (Content::List(nodes), Value::Array(values)) = (&mut node.content, value) else {
        return Some(false);
    };
    // Both lists lose the same items; a node keeps the number that it has in the file.
    let mut kept = Vec::new();
    let mut items = std::mem::take(values).into_iter();
    nodes.retain_mut(|node| {
        let Some(mut value) = items.next() else {
            return false;
        };
        let fits = fits(
            schema,
            node,
            &mut value,
            &joined(path, &node.step),
            findings,
        );
        if fits {
            kept.push(value);
        }
        fits
    });
    *values = kept;
    Some(true)
}

fn is_in_range(schema: &Value, value: &Value) -> bool {
    let limit = |name: &str| schema[name].as_i64();
    value.as_i64().is_some_and(|n| {
        limit("minimum").is_none_or(|min| n >= min) && limit("maximum").is_none_or(|max| n <= max)
    })
}

fn expected(schema: &Value, node: &Node) -> (String, Option<String>) {
    let written = match &node.content {
        Content::Scalar(text) => format!("`{}`", shortened(text)),
        Content::List(_) => "a list".to_owned(),
        Content::Fields(_) => "a group of fields".to_owned(),
    };
    match kinds(schema)[..] {
        ["object"] => (format!("must be a group of fields, and is {written}"), None),
        ["array"] => (
            format!("must be a list, and is {written}"),
            Some("write `- ` before each item".into()),
        ),
        ["integer"] => {
            let (min, max) = (&schema["minimum"], &schema["maximum"]);
            (
                format!("must be a whole number from {min} to {max}, and is {written}"),
                None,
            )
        }
        ["boolean"] => {
            let hint = match written.to_ascii_lowercase().as_str() {
                "`yes`" | "`on`" | "`1`" => Some("write `true`".to_owned()),
                "`no`" | "`off`" | "`0`" => Some("write `false`".to_owned()),
                _ => None,
            };
            (format!("must be true or false, and is {written}"), hint)
        }
        _ => {
            let hint = match &node.content {
                Content::Scalar(text) => Some(format!("put it in quotes: \"{}\"", shortened(text))),
                Content::List(_) | Content::Fields(_) => None,
            };
            (format!("must be a text, and is {written}"), hint)
        }
    }
}
