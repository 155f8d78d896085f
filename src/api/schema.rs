//! The JSON Schema of a manifest, for editors and for our own check of shapes.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::manifest::PostgresStack;

/// Returns the JSON Schema (draft 7, which editors know best) of one document.
#[must_use]
pub fn schema() -> Value {
    let settings = SchemaSettings::draft07().with(|s| s.inline_subschemas = true);
    let mut schema = Value::from(
        settings
            .into_generator()
            .into_root_schema_for::<PostgresStack>(),
    );
    without_null(&mut schema);
    schema
}

/// Takes out what says "or null": an optional field is left out of a manifest, never empty.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Object(map) => {
            if map.get("default").is_some_and(Value::is_null) {
                map.remove("default");
            }
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = &types[..] {
                    let only = only.clone();
                    map.insert("type".into(), only);
                }
            }
            if let Some(Value::Array(choices)) = map.get_mut("anyOf") {
                choices.retain(|choice| choice["type"] != "null");
                if let [Value::Object(only)] = &choices[..] {
                    let only = only.clone();
                    map.remove("anyOf");
                    for (key, value) in only {
                        map.entry(key).or_insert(value);
                    }
                }
            }
            map.values_mut().for_each(without_null);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
