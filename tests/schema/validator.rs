//! A judge for the words of JSON Schema that ours uses; it refuses to judge others.
//! (The ready-made validators bring fifty crates, some of them in two versions.)

use regex_lite::Regex;
use serde_json::{Map, Value};

/// Why a value does not fit, with its place; empty: it fits.
pub(crate) fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut judge = Judge {
        root: schema,
        faults: Vec::new(),
    };
    judge.judge(schema, value, "");
    judge.faults
}

struct Judge<'s> {
    root: &'s Value,
    faults: Vec<String>,
}

impl Judge<'_> {
    fn judge(&mut self, schema: &Value, value: &Value, place: &str) {
        let rules = schema.as_object().expect("a schema is an object");
        for (word, rule) in rules {
            let fits = self
                .of_itself(word, rule, value)
                .or_else(|| of_size(word, rule, value))
                .or_else(|| self.of_parts(word, (rules, rule), value, place));
            match fits {
                Some(true) => {}
                Some(false) => self.faults.push(format!("{place}: {word} {rule}: {value}")),
                None => panic!("the judge does not know `{word}`"),
            }
        }
    }

    fn fits(&self, schema: &Value, value: &Value) -> bool {
        let mut judge = Judge {
            root: self.root,
            faults: Vec::new(),
        };
        judge.judge(schema, value, "");
        judge.faults.is_empty()
    }

    fn of_itself(&self, word: &str, rule: &Value, value: &Value) -> Option<bool> {
        let rules = || rule.as_array().expect("a list").iter();
        Some(match word {
            "$schema" | "$defs" | "title" | "description" | "default" => true,
            "type" => is_of_type(rule, value),
            "const" => rule == value,
            "enum" => rules().any(|one| one == value),
            "not" => !self.fits(rule, value),
            "anyOf" => rules().any(|one| self.fits(one, value)),
            _ => return None,
        })
    }

    /// Words that lead on to the parts of a value.
    fn of_parts(
        &mut self,
        word: &str,
        (rules, rule): (&Map<String, Value>, &Value),
        value: &Value,
        place: &str,
    ) -> Option<bool> {
        let (none, nothing) = (Map::new(), Vec::new());
        let object = value.as_object().unwrap_or(&none);
        let named = |key: &str| {
            rules
                .get("properties")
                .is_some_and(|p| p.get(key).is_some())
        };
        match word {
            "$ref" => {
                let name = rule.as_str()?.strip_prefix("#/$defs/")?;
                self.judge(&self.root["$defs"][name], value, place);
            }
            "items" => {
                let items = value.as_array().unwrap_or(&nothing).iter();
                for (i, item) in items.enumerate() {
                    self.judge(rule, item, &format!("{place}/{i}"));
                }
            }
            "properties" => {
                for (key, inner) in object.iter().filter(|(key, _)| named(key)) {
                    self.judge(&rule[key], inner, &format!("{place}/{key}"));
                }
            }
            "additionalProperties" => {
                for (key, inner) in object.iter().filter(|(key, _)| !named(key)) {
                    match rule.as_bool() {
                        Some(allowed) => return Some(allowed),
                        None => self.judge(rule, inner, &format!("{place}/{key}")),
                    }
                }
            }
            "propertyNames" => {
                let mut keys = object.keys();
                return Some(keys.all(|key| self.fits(rule, &Value::String(key.clone()))));
            }
            _ => return None,
        }
        Some(true)
    }
}

/// Words that count or compare; a value of another type fits them.
fn of_size(word: &str, rule: &Value, value: &Value) -> Option<bool> {
    let number = (value.as_f64(), rule.as_f64());
    let count = value.as_array().map(|items| items.len() as u64);
    Some(match word {
        "minimum" => number.0.is_none() || number.0 >= number.1,
        "exclusiveMinimum" => number.0.is_none() || number.0 > number.1,
        "maximum" => number.0.is_none() || number.0 <= number.1,
        "minItems" => count.is_none() || count >= rule.as_u64(),
        "maxItems" => count.is_none() || count <= rule.as_u64(),
        "pattern" => {
            let pattern = Regex::new(rule.as_str()?).expect("a regular expression");
            value.as_str().is_none_or(|text| pattern.is_match(text))
        }
        "required" => {
            let mut keys = rule.as_array()?.iter().filter_map(Value::as_str);
            value
                .as_object()
                .is_none_or(|object| keys.all(|key| object.contains_key(key)))
        }
        _ => return None,
    })
}

fn is_of_type(rule: &Value, value: &Value) -> bool {
    let kinds = match rule {
        Value::Array(kinds) => kinds.clone(),
        one => vec![one.clone()],
    };
    kinds.iter().any(|kind| match kind.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => panic!("the judge does not know the type {kind}"),
    })
}
