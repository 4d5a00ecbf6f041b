//! JSON as Go's encoding/json takes it, which the reference plugins are written with, and most
//! runtimes: keys without regard to case, `null` and an empty text for what is not there.

use std::collections::BTreeMap;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

/// What becomes of keys that are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    Refused,
    Ignored,
}

/// Whether a key is the one of this name.
pub(super) fn is_key(key: &str, name: &str) -> bool {
    key.eq_ignore_ascii_case(name)
}

/// Reads a value.
pub(super) fn read<T: DeserializeOwned>(value: &Value, others: Others) -> Result<T, Error> {
    T::deserialize(Lax { value, others })
}

#[derive(Debug)]
struct Lax<'v> {
    value: &'v Value,
    others: Others,
}

impl<'de> IntoDeserializer<'de, Error> for Lax<'de> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Lax<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let others = self.others;
        let within = move |value| Lax { value, others };
        match self.value {
            Value::Array(all) => visitor.visit_seq(SeqDeserializer::new(all.iter().map(within))),
            Value::Object(all) => {
                let all = all.iter().map(|(key, value)| (key.as_str(), within(value)));
                visitor.visit_map(MapDeserializer::new(all))
            }
            value => value.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_none(),
            Value::String(text) if text.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// Here it is known which keys there are.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let others = self.others;
        let Value::Object(all) = self.value else {
            return self.deserialize_any(visitor);
        };
        // Of two that differ in case alone, the one that is written as it should be.
        let mut known = BTreeMap::new();
        for (key, value) in all.iter().filter(|(_, value)| !value.is_null()) {
            match names.iter().find(|name| is_key(key, name)) {
                Some(name) if key != *name && known.contains_key(name) => {}
                Some(name) => drop(known.insert(*name, Lax { value, others })),
                None if others == Others::Ignored => {}
                None => return Err(Error::unknown_field(key, names)),
            }
        }
        visitor.visit_map(MapDeserializer::new(known.into_iter()))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
