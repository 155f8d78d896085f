//! Schema and parser know the same fields, words and kinds: the schema is walked, and the parser asked.

use serde_json::{Map, Value, json};

use super::super::shape::words;
use super::super::validate::{Report, validate};
use super::schema;

/// A value for each field, valid as a whole; a field that is missing here fails the first test.
fn full() -> Value {
    json!({
        "apiVersion": "aza.dev/v1alpha1",
        "kind": "PostgresStack",
        "metadata": {"name": "full"},
        "spec": {
            "host": "db-1",
            "stack": "single",
            "image": "aza-pg:18",
            "resources": {"memory": "4GB", "memorySwap": "5GB", "cpus": "2", "shmSize": "1GB"},
            "workload": "web",
            "storage": "ssd",
            "publish": {"address": "127.0.0.1", "port": 5432},
            "settings": {"work_mem": "4MB"},
            "extensions": [
                {"name": "vector", "database": "postgres", "version": "0.8.0", "ensure": "present"}
            ],
            "restart": {"mode": "window", "windows": ["daily 03:00-05:00"]},
            "drift": "correct",
            "deletionPolicy": "orphan",
            "adopt": true,
            "suspend": false,
            "secrets": {"superuser": {"file": "/etc/aza/superuser"}}
        }
    })
}

/// JSON is YAML.
fn check(manifest: &Value) -> Report {
    validate(manifest.to_string().as_bytes(), "full.yaml")
}

fn told(manifest: &Value) -> Vec<String> {
    check(manifest)
        .violations()
        .map(ToString::to_string)
        .collect()
}

/// Returns the pointer to each object in a manifest with the schema of its fields.
fn objects(schema: &Value, at: &str, found: &mut Vec<(String, Map<String, Value>, Value)>) {
    if let Some(properties) = schema["properties"].as_object() {
        found.push((
            at.to_owned(),
            properties.clone(),
            schema["required"].clone(),
        ));
        for (name, property) in properties {
            objects(property, &format!("{at}/{name}"), found);
        }
    }
    if schema["type"] == "array" {
        objects(&schema["items"], &format!("{at}/0"), found);
    }
}

fn every_object() -> Vec<(String, Map<String, Value>, Value)> {
    let mut found = Vec::new();
    objects(&schema(), "", &mut found);
    assert!(found.len() >= 8, "{}", found.len());
    found
}

#[test]
fn every_field_of_the_schema_is_accepted() {
    let full = full();
    assert_eq!(told(&full), Vec::<String>::new());
    for (at, properties, _) in every_object() {
        let object = full.pointer(&at).unwrap().as_object().unwrap();
        let ours: Vec<&String> = object.keys().collect();
        assert_eq!(ours, properties.keys().collect::<Vec<_>>(), "{at}");
    }
}

#[test]
fn every_field_that_the_schema_does_not_have_is_refused() {
    for (at, _, _) in every_object() {
        let mut manifest = full();
        manifest.pointer_mut(&at).unwrap()["surprise"] = json!("x");
        let told = told(&manifest);
        assert!(
            told.len() == 1 && told[0].contains("surprise: unknown field"),
            "{at}: {told:?}"
        );
    }
}

#[test]
fn what_the_schema_requires_the_parser_requires_and_nothing_else() {
    for (at, properties, required) in every_object() {
        for name in properties.keys() {
            let mut manifest = full();
            manifest
                .pointer_mut(&at)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove(name);
            let is_required = required
                .as_array()
                .is_some_and(|r| r.contains(&json!(name)));
            let missing = told(&manifest)
                .iter()
                .any(|line| line.contains("is missing"));
            assert_eq!(missing, is_required, "{at}/{name}");
        }
    }
}

#[test]
fn every_word_of_the_schema_is_accepted_and_no_other() {
    let mut checked = 0;
    for (at, properties, _) in every_object() {
        for (name, property) in &properties {
            let Some(allowed) = words(property) else {
                continue;
            };
            let set = |word: &str| {
                let mut manifest = full();
                manifest.pointer_mut(&at).unwrap()[name] = json!(word);
                told(&manifest)
                    .iter()
                    .any(|line| line.contains("is not one of"))
            };
            assert!(
                allowed.iter().all(|word| !set(word)),
                "{at}/{name}: {allowed:?}"
            );
            assert!(set("surprise"), "{at}/{name}");
            assert!(
                set(&allowed[0].to_uppercase()) || allowed[0] == "PostgresStack",
                "{at}/{name}"
            );
            checked += 1;
        }
    }
    assert!(checked >= 9, "{checked}");
}

#[test]
fn a_value_of_another_kind_is_refused_where_the_schema_refuses_it() {
    for (at, properties, _) in every_object() {
        for (name, property) in &properties {
            for wrong in [
                json!([["x"]]),
                json!({"x": {"y": {}}}),
                json!(null),
                json!(true),
                json!(-7.5),
            ] {
                let kind = match &wrong {
                    Value::Bool(_) => "boolean",
                    Value::Number(_) => "number",
                    Value::Array(_) => "array",
                    Value::Object(_) => "object",
                    Value::Null | Value::String(_) => "null",
                };
                let takes = match &property["type"] {
                    Value::Array(kinds) => kinds.contains(&json!(kind)),
                    one => one == kind,
                };
                let mut manifest = full();
                manifest.pointer_mut(&at).unwrap()[name] = wrong.clone();
                assert!(
                    takes || !told(&manifest).is_empty(),
                    "{at}/{name} = {wrong}"
                );
            }
        }
    }
}

#[test]
fn every_field_says_what_it_is_for() {
    for (at, properties, _) in every_object() {
        for (name, property) in properties {
            assert!(property["description"].is_string(), "{at}/{name}");
        }
    }
    assert!(
        !schema().to_string().contains("null"),
        "an optional field is left out, never null"
    );
}

#[test]
fn the_schema_of_the_examples_is_this_one() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/desired-state/manifest.schema.json"
    );
    let file = std::fs::read_to_string(path).unwrap_or_default();
    let ours = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    assert_eq!(
        file, ours,
        "write what `aza-agent schema` prints to desired-state/manifest.schema.json"
    );
}
