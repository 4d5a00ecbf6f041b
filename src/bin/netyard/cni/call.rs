//! What a runtime asks, by environment variables (CNI 1.1.0, section 2).

use std::collections::BTreeMap;
use std::path::PathBuf;

use netyard::state::IfName;

use super::failure::{Code, Failure};

/// What shall be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Add,
    Del,
    Check,
    Gc,
    Status,
    Version,
}

impl Verb {
    pub(super) const ALL: [Verb; 6] = [
        Verb::Add,
        Verb::Del,
        Verb::Check,
        Verb::Gc,
        Verb::Status,
        Verb::Version,
    ];

    /// The value of `CNI_COMMAND`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Verb::Add => "ADD",
            Verb::Del => "DEL",
            Verb::Check => "CHECK",
            Verb::Gc => "GC",
            Verb::Status => "STATUS",
            Verb::Version => "VERSION",
        }
    }
}

/// For whom, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) verb: Verb,
    /// Missing for `GC`, `STATUS` and `VERSION`.
    pub(super) container: String,
    pub(super) dev: Option<IfName>,
    /// `DEL` may do without.
    pub(super) netns: Option<PathBuf>,
    /// `CNI_ARGS`: `K=V;K=V`.
    pub(super) args: BTreeMap<String, String>,
    /// Where other plugins are.
    pub(super) path: Vec<PathBuf>,
}

impl Call {
    /// The interface; each verb that is about one has it.
    pub(super) fn dev(&self) -> Result<&IfName, Failure> {
        self.dev.as_ref().ok_or_else(|| missing(&["CNI_IFNAME"]))
    }

    /// Reads the variables.
    pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let get = |name: &str| variable(name).filter(|value| !value.is_empty());
        let word = get("CNI_COMMAND").ok_or_else(|| missing(&["CNI_COMMAND"]))?;
        let verb = Verb::ALL.into_iter().find(|verb| verb.as_str() == word);
        let verb = verb.ok_or_else(|| bad(format!("unknown CNI_COMMAND: {word}")))?;
        let needed: &[&str] = match verb {
            Verb::Add | Verb::Check => &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"],
            Verb::Del => &["CNI_CONTAINERID", "CNI_IFNAME"],
            Verb::Gc | Verb::Status | Verb::Version => &[],
        };
        let mut unset = needed.to_vec();
        unset.retain(|name| get(name).is_none());
        if !unset.is_empty() {
            return Err(missing(&unset));
        }
        let container = get("CNI_CONTAINERID").unwrap_or_default();
        if !needed.is_empty() && !is_identifier(&container) {
            return Err(
                bad(format!("CNI_CONTAINERID `{container}` is no identifier"))
                    .details("letters, digits, `_`, `.` and `-`, the first a letter or digit"),
            );
        }
        let dev = match get("CNI_IFNAME").filter(|_| !needed.is_empty()) {
            Some(name) => Some(name.parse().map_err(|e| {
                bad(format!("CNI_IFNAME `{name}` is no interface name")).details(format!("{e}"))
            })?),
            None => None,
        };
        let args = get("CNI_ARGS").map_or_else(|| Ok(BTreeMap::new()), |text| pairs(&text))?;
        let path = get("CNI_PATH").unwrap_or_default();
        Ok(Call {
            verb,
            container,
            dev,
            netns: get("CNI_NETNS").map(PathBuf::from),
            args,
            path: std::env::split_paths(&path).collect(),
        })
    }
}

fn bad(msg: String) -> Failure {
    Failure::new(Code::BadEnvironment, msg)
}

fn missing(names: &[&str]) -> Failure {
    let names = names.join(", ");
    bad(format!("required environment variables missing: {names}"))
}

fn pairs(text: &str) -> Result<BTreeMap<String, String>, Failure> {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(bad(format!("CNI_ARGS: `{pair}` is no KEY=VALUE"))),
    };
    let all = text.split(';').filter(|part| !part.is_empty());
    all.map(pair).collect()
}

/// What containers and networks may be called.
pub(super) fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    first && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(pairs: &[(&str, &str)]) -> Result<Call, Failure> {
        Call::read(|name| {
            let mut all = pairs.iter();
            all.find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn an_add_has_all_it_needs() {
        let read = call(&[
            ("CNI_COMMAND", "ADD"),
            ("CNI_CONTAINERID", "c0ffee"),
            ("CNI_NETNS", "/run/netns/web"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_ARGS", "K8S_POD_NAME=web;IP=10.0.0.9"),
            ("CNI_PATH", "/opt/cni/bin:/usr/lib/cni"),
        ]);
        let read = read.expect("a call");
        assert_eq!(read.verb, Verb::Add);
        assert_eq!(read.args["IP"], "10.0.0.9");
        assert_eq!(read.path.len(), 2);
    }

    #[test]
    fn what_is_missing_is_named() {
        let failure = call(&[("CNI_COMMAND", "ADD"), ("CNI_IFNAME", "eth0")]).expect_err("none");
        assert_eq!(failure.code, Code::BadEnvironment);
        assert!(
            failure.msg.ends_with("CNI_CONTAINERID, CNI_NETNS"),
            "{}",
            failure.msg
        );
    }

    #[test]
    fn a_bad_value_is_refused() {
        let with = |container, dev| {
            call(&[
                ("CNI_COMMAND", "DEL"),
                ("CNI_CONTAINERID", container),
                ("CNI_IFNAME", dev),
            ])
        };
        assert!(with("c0ffee", "eth0").is_ok());
        for (container, dev) in [
            ("-c", "eth0"),
            ("a b", "eth0"),
            ("../x", "eth0"),
            ("c", "a/b"),
            ("c", "a:b"),
            ("c", "0123456789abcdef"),
            ("c", ".."),
        ] {
            let failure = with(container, dev).expect_err("refused");
            assert_eq!(failure.code, Code::BadEnvironment, "{container} {dev}");
        }
        for (word, said) in [
            ("MAKE", "unknown CNI_COMMAND: MAKE"),
            ("", "missing: CNI_COMMAND"),
        ] {
            let failure = call(&[("CNI_COMMAND", word)]).expect_err("refused");
            assert!(failure.msg.ends_with(said), "{failure:?}");
        }
    }
}
