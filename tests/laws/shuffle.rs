//! One file in every order.

use std::fmt::Write;

use serde_json::Value;

/// The file's text with the keys of every mapping in the order of `seed`.
pub(crate) fn shuffled(value: &Value, seed: &mut u64, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            // A linear congruential generator: any order will do.
            entries.sort_by_cached_key(|_| {
                *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *seed >> 33
            });
            out.push('{');
            for (key, value) in entries {
                let _ = write!(out, "{key:?}: ");
                shuffled(value, seed, out);
                out.push_str(", ");
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                shuffled(item, seed, out);
                out.push_str(", ");
            }
            out.push(']');
        }
        scalar => *out += &scalar.to_string(),
    }
}
