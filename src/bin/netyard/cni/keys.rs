//! Keys of a JSON object, each taken once; what is left at the end is not known. They count as
//! for the reference plugins: Go's encoding/json takes keys without regard to case, and some
//! runtimes rely on that.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::failure::{Code, Failure};
use super::lax::{Others, is_key, read};

/// An object, and where it stands in the whole.
#[derive(Debug)]
pub(super) struct Keys {
    at: String,
    left: Map<String, Value>,
}

impl Keys {
    /// The object itself.
    pub(super) fn of(at: &str, value: Value) -> Result<Self, Failure> {
        match value {
            Value::Object(left) => Ok(Keys {
                at: at.to_owned(),
                left,
            }),
            other => Err(invalid(at, &format!("expected an object, found {other}"))),
        }
    }

    fn path(&self, key: &str) -> String {
        match self.at.is_empty() {
            true => key.to_owned(),
            false => format!("{}.{key}", self.at),
        }
    }

    /// The value of a key; one that is null counts as missing.
    pub(super) fn take<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, Failure> {
        match take(&mut self.left, key).filter(|value| !value.is_null()) {
            None => Ok(None),
            Some(value) => {
                let shown = value.to_string();
                let read = read(value, Others::Refused);
                let wrong = |e| invalid(&self.path(key), &format!("{e}, found {shown}"));
                read.map(Some).map_err(wrong)
            }
        }
    }

    /// The object that is the value of a key; an empty one where there is none.
    pub(super) fn object(&mut self, key: &str) -> Result<Keys, Failure> {
        let value = self.take::<Value>(key)?;
        let empty = || Value::Object(Map::new());
        Keys::of(&self.path(key), value.unwrap_or_else(empty))
    }

    /// That what is taken of it does not fit together.
    pub(super) fn wrong(&self, what: &str) -> Failure {
        invalid(&self.at, what)
    }

    /// Leaves out what begins so: it is reserved for others.
    pub(super) fn pass_over(&mut self, start: &str) {
        self.left.retain(|key, _| !key.starts_with(start));
    }

    /// Refuses what was not taken.
    pub(super) fn end(self) -> Result<(), Failure> {
        match self.left.iter().find(|(_, value)| !value.is_null()) {
            None => Ok(()),
            Some((key, value)) => {
                let path = self.path(key);
                let msg = format!("unsupported field: {path} = {value}");
                Err(Failure::new(Code::UnsupportedField, msg))
            }
        }
    }
}

/// The value of a key, taken out of an object: of two that differ in case alone the one that
/// is written as it should be.
pub(super) fn take(object: &mut Map<String, Value>, key: &str) -> Option<Value> {
    object.remove(key).or_else(|| {
        let other = object.keys().find(|other| is_key(other, key)).cloned();
        object.remove(&other?)
    })
}

/// The value of a key, if this is an object that has it.
pub(super) fn find<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    let all = value.as_object()?;
    let alike = || all.iter().find(|(other, _)| is_key(other, key));
    all.get(key).or_else(|| alike().map(|(_, value)| value))
}

/// A value that cannot be.
pub(super) fn invalid(path: &str, what: &str) -> Failure {
    let msg = match path.is_empty() {
        true => format!("invalid configuration: {what}"),
        false => format!("invalid configuration: {path}: {what}"),
    };
    Failure::new(Code::InvalidConfig, msg)
}
