//! The JSON Schema of a topology file, for editors: it completes keys, shows what
//! they mean, and marks what cannot be read. What must hold between values, the
//! checks of [`super::check()`], is more than a schema can say.

use serde_json::{Map, Value, json};

use super::keys::{Default, Key, Kind, Mapping, Text, table};

/// The schema, in the draft of 2020-12.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    for (name, part) in &table::ALL[1..] {
        let mut schema = mapping(part);
        // An empty value, as under `one:`, is an empty mapping.
        schema["type"] = json!(["object", "null"]);
        definitions.insert((*name).to_owned(), schema);
    }
    let mut schema = mapping(&table::TOPOLOGY);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("netyard topology");
    schema["$defs"] = Value::Object(definitions);
    schema
}

fn mapping(mapping: &Mapping) -> Value {
    let keys = mapping.keys.iter();
    let required = keys.clone().filter(|key| key.is_required());
    let required: Vec<&str> = required.map(|key| key.name).collect();
    let properties: Map<String, Value> =
        keys.map(|key| (key.name.to_owned(), value(key))).collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn value(key: &Key) -> Value {
    let mut schema = kind(&key.kind);
    schema["title"] = json!(key.kind.words());
    schema["description"] = match &key.default {
        Default::Words(words) => json!(format!("{} Default: {words}.", key.means)),
        _ => json!(key.means),
    };
    if let Default::Flag(flag) = key.default {
        schema["default"] = json!(flag);
    }
    schema
}

fn kind(kind: &Kind) -> Value {
    match kind {
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Number(least, most, _) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Kind::Fraction(most, _) => {
            json!({ "type": "number", "exclusiveMinimum": 0, "maximum": most })
        }
        Kind::NumberOrTrue(least, most, _) => json!({ "anyOf": [
            { "const": true },
            { "type": "integer", "minimum": least, "maximum": most },
        ] }),
        Kind::One(one) => text(one),
        Kind::OneOr(one, of) => json!({ "anyOf": [text(one), reference(of)] }),
        Kind::Some(one) => json!({ "anyOf": [text(one), list(one, 0)] }),
        Kind::SomeOrNone(one) => {
            json!({ "anyOf": [{ "const": "none" }, text(one), list(one, 1)] })
        }
        Kind::Ports => json!({ "anyOf": [
            port(),
            range(),
            { "type": "array", "items": { "anyOf": [port(), range()] }, "minItems": 1 },
        ] }),
        Kind::Two(one) => {
            let mut list = list(one, 2);
            list["maxItems"] = json!(2);
            list
        }
        Kind::Named(name, of) => json!({
            "type": ["object", "null"],
            "propertyNames": text(name),
            "additionalProperties": reference(of),
        }),
        Kind::Texts(name, value) => json!({
            "type": ["object", "null"],
            "propertyNames": text(name),
            "additionalProperties": text(value),
        }),
        Kind::Of(of) => reference(of),
        Kind::Listed(of) => json!({ "type": "array", "items": reference(of) }),
        Kind::Shortened(short, of) => {
            json!({ "type": "array", "items": { "anyOf": [text(short), reference(of)] } })
        }
    }
}

fn port() -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": 65535 })
}

/// A single port may be written as a text, too.
fn range() -> Value {
    json!({ "type": "string", "pattern": "^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$" })
}

fn list(one: &Text, least: usize) -> Value {
    json!({ "type": "array", "items": text(one), "minItems": least })
}

/// A pattern counts only for texts.
fn text(text: &Text) -> Value {
    let kind = match text.name {
        true => json!(["string", "number", "boolean"]),
        false => json!("string"),
    };
    let mut schema = json!({ "type": kind, "pattern": format!("^{}$", text.pattern) });
    if !text.not.is_empty() {
        schema["not"] = json!({ "enum": text.not });
    }
    schema
}

fn reference(to: &Mapping) -> Value {
    let name = table::ALL.iter().find(|(_, part)| std::ptr::eq(*part, to));
    json!({ "$ref": format!("#/$defs/{}", name.map_or("topology", |(name, _)| name)) })
}
