//! Keys of a JSON object, each taken once; what is left at the end is not known. They count as
//! for the reference plugins: Go's encoding/json takes keys without regard to case, and some
//! runtimes rely on that.

use netyard::topology::nearest;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::failure::{Code, Failure};
use super::lax::{Others, is_key, read};

/// Keys of reference plugins that stand beside netyard in a list, and have keys of their own.
const OF_OTHERS: [(&str, &[&str]); 4] = [
    (
        "portmap",
        &[
            "snat",
            "masqAll",
            "markMasqBit",
            "externalSetMarkChain",
            "conditionsV4",
            "conditionsV6",
        ],
    ),
    (
        "bandwidth",
        &["ingressRate", "ingressBurst", "egressRate", "egressBurst"],
    ),
    (
        "firewall",
        &[
            "backend",
            "firewalldZone",
            "iptablesAdminChainName",
            "ingressPolicy",
        ],
    ),
    ("tuning", &["sysctl", "promisc", "allmulti", "mac"]),
];

/// An object, and where it stands in the whole.
#[derive(Debug)]
pub(super) struct Keys {
    at: String,
    left: Map<String, Value>,
    /// Those that were asked for, there or not.
    known: Vec<&'static str>,
}

impl Keys {
    /// The object itself.
    pub(super) fn of(at: &str, value: Value) -> Result<Self, Failure> {
        match value {
            Value::Object(left) => Ok(Keys {
                at: at.to_owned(),
                left,
                known: Vec::new(),
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
    pub(super) fn take<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
    ) -> Result<Option<T>, Failure> {
        self.known.push(key);
        match take(&mut self.left, key).filter(|value| !value.is_null()) {
            None => Ok(None),
            Some(value) => {
                let read = read(&value, Others::Refused);
                let wrong = |e| invalid(&self.path(key), &format!("{e}, found {value}"));
                read.map(Some).map_err(wrong)
            }
        }
    }

    /// The object that is the value of a key; an empty one where there is none.
    pub(super) fn object(&mut self, key: &'static str) -> Result<Keys, Failure> {
        let value = self.take::<Value>(key)?;
        let empty = || Value::Object(Map::new());
        Keys::of(&self.path(key), value.unwrap_or_else(empty))
    }

    /// The objects of a list that is the value of a key, each with no more than what is read of
    /// it.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut Keys) -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        let values: Vec<Value> = self.take(key)?.unwrap_or_default();
        let read = |(n, value)| {
            let mut keys = Keys::of(&format!("{}[{n}]", self.path(key)), value)?;
            let read = read(&mut keys)?;
            keys.end()?;
            Ok(read)
        };
        values.into_iter().enumerate().map(read).collect()
    }

    /// The value of a key that cannot be left out.
    pub(super) fn need<T: DeserializeOwned>(&mut self, key: &'static str) -> Result<T, Failure> {
        let value = self.take(key)?;
        value.ok_or_else(|| invalid(&self.path(key), "it is missing"))
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
        let mut left = self.left.iter().filter(|(_, value)| !value.is_null());
        left.next().map_or(Ok(()), |(key, value)| {
            let failure = unsupported(&self.path(key), value);
            Err(match (self.plugin(key), self.near(key)) {
                (Some(plugin), _) => failure.details(format!(
                    "it is a key of the plugin `{plugin}`, which may stand after netyard in the list"
                )),
                (None, Some(near)) => failure.details(did_you_mean(near)),
                (None, None) => failure,
            })
        })
    }

    /// Refuses what was not taken, and looks like what could have been: others are for others.
    pub(super) fn end_of_ours(self) -> Result<(), Failure> {
        let mut left = self.left.iter();
        let near = left.find_map(|(key, value)| Some((key, value, self.near(key)?)));
        near.map_or(Ok(()), |(key, value, near)| {
            Err(unsupported(&self.path(key), value).details(did_you_mean(near)))
        })
    }

    fn near(&self, key: &str) -> Option<&'static str> {
        let mut known = self.known.iter().copied();
        let same = known.find(|known| known.eq_ignore_ascii_case(key));
        same.or_else(|| nearest(key, self.known.iter().copied()))
    }

    /// The other plugin that has a key of the whole.
    fn plugin(&self, key: &str) -> Option<&'static str> {
        let mut others = OF_OTHERS.iter().filter(|_| self.at.is_empty());
        let whose = others.find(|(_, keys)| keys.contains(&key));
        whose.map(|(plugin, _)| *plugin)
    }
}

fn did_you_mean(key: &str) -> String {
    format!("did you mean `{key}`?")
}

/// A key, or a value of it, that is refused.
pub(super) fn unsupported(path: &str, value: &Value) -> Failure {
    let msg = format!("unsupported field: {path} = {value}");
    Failure::new(Code::UnsupportedField, msg)
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
