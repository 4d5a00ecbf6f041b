//! Files that programs write are JSON, often: the same tree, from a reader that takes a tenth
//! of the time. What is wrong or odd in them is left to that of YAML, of which JSON is a part
//! (YAML 1.2.2, section 1.3), and which says where.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::node::{DEEPEST, Node, Value};

/// The tree, if the text is JSON behind lines of comments.
pub(super) fn read(text: &str) -> Option<Node> {
    let mut json = text;
    while json.starts_with('#') {
        // A line ends at either (YAML 1.2.2, section 5.4).
        json = json.split_once(['\n', '\r'])?.1;
        json = json.trim_start_matches(['\n', '\r']);
    }
    if !json.starts_with('{') {
        return None;
    }
    let raw: &RawValue = serde_json::from_str(json).ok()?;
    node(text, raw.get(), DEEPEST)
}

fn node(text: &str, raw: &str, levels: usize) -> Option<Node> {
    let levels = levels.checked_sub(1)?;
    let inner = |raw: &&RawValue| node(text, raw.get(), levels);
    let value = match raw.as_bytes().first()? {
        b'{' => {
            let Entries(entries) = serde_json::from_str(raw).ok()?;
            let entry = |(key, value): &(&str, &RawValue)| {
                let text_of = Value::Text((*key).to_owned());
                let at = place(text, key);
                let span = at.start.checked_sub(1)?..at.end + 1;
                let key = Node {
                    value: text_of,
                    span,
                };
                Some((key, inner(value)?))
            };
            Value::Mapping(entries.iter().map(entry).collect::<Option<_>>()?)
        }
        b'[' => {
            let list: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
            Value::List(list.iter().map(inner).collect::<Option<_>>()?)
        }
        b'"' => Value::Text(serde_json::from_str(raw).ok()?),
        b't' => Value::Bool(true),
        b'f' => Value::Bool(false),
        b'n' => Value::Null,
        _ => Value::Number,
    };
    let mut span = place(text, raw);
    // As the reader of YAML has it: where it begins.
    if matches!(value, Value::Mapping(_) | Value::List(_)) {
        span.end = span.start + 1;
    }
    Some(Node { value, span })
}

/// Where a part of the text is in it.
fn place(text: &str, part: &str) -> std::ops::Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}

/// A mapping as it is written: keys may be there twice, which is found later. A key with an
/// escape in it is not borrowed, and refused.
struct Entries<'t>(Vec<(&'t str, &'t RawValue)>);

impl<'t> Deserialize<'t> for Entries<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'t> Visitor<'t> for Each {
            type Value = Entries<'t>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::topology::node;

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<f64>().prop_map(Json::from),
            "[ -~äß\n\t\\\\\"#:]{0,12}".prop_map(Json::from),
        ];
        let text = "[a-z0-9_.:/# -]{0,8}";
        leaf.prop_recursive(4, 40, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
                prop::collection::btree_map(text, inner, 0..5)
                    .prop_map(|map| Json::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_tree_is_that_of_yaml(value in any_json(), pretty in any::<bool>(), head in 0..4_usize) {
            let value = json!({ "lab": value });
            let heads = ["", "# a comment\n# another\n", "# a\r# b\r", "# a\r\n\r\n# b\r\n"];
            let head = heads[head];
            let text = match pretty {
                true => format!("{head}{value:#}"),
                false => format!("{head}{value}"),
            };
            let yaml = node::read_yaml(&text);
            prop_assert_eq!(read(&text).unwrap(), yaml.map_err(|_| TestCaseError::fail("no YAML"))?);
        }
    }

    #[test]
    fn what_is_odd_is_left_to_yaml() {
        for odd in [
            "{\"a\": 1,}",
            "{a: 1}",
            "{\"a\\n\": 1}",
            "{\"a\": 1} {}",
            "a: 1",
            "",
            "# a\n",
            "# a\r{\"a\": 1}\n{\"b\": 2}",
            "# a\u{85}{\"a\": 1}",
            "# a\u{2028}{\"a\": 1}",
            "{",
            "[1]",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
        let deep = format!("{{\"a\": {}{}}}", "[".repeat(20), "]".repeat(20));
        assert_eq!(read(&deep), None);
        let Some(Node {
            value: Value::Mapping(twice),
            ..
        }) = read("{\"a\": 1, \"a\": 2}")
        else {
            panic!("no mapping");
        };
        assert_eq!(twice.len(), 2);
    }
}
