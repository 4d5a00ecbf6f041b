//! Names that cannot hold a bad value. Each is built only by parsing, so no
//! later layer meets an empty, over-long or path-like name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {kind}: {reason}")]
pub struct NameError {
    /// What the text was meant to be, with its article: "an interface name".
    pub kind: &'static str,
    /// The rule it breaks.
    pub reason: &'static str,
    /// The text itself.
    pub text: String,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                match $check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(reason) => Err(NameError { kind: $kind, reason, text }),
                }
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name!(
    /// A lab: a named topology on a host. Up to 48 letters, digits, `_`, `-`, `.`;
    /// not `netyard`, which marks what belongs to no single lab.
    LabName, "a lab name", lab
);
name!(
    /// A network (a switch) of a lab. Same rule as [`LabName`].
    NetworkName, "a network name", plain
);
name!(
    /// A network namespace, as `ip netns` lists it. Same rule as [`LabName`];
    /// `host` is refused, it means the namespace netyard was started in.
    NetnsName, "a namespace name", netns
);
name!(
    /// A network or a namespace, whichever a lab has of that name. Same rule as [`LabName`].
    PartyName, "the name of a network or namespace", plain
);
name!(
    /// A network device. The kernel's rule (`dev_valid_name` in net/core/dev.c):
    /// 1 to 15 bytes, not `.` or `..`, no `/`, `:` or white space.
    IfName, "an interface name", device
);

name!(
    /// What a container is called, by its engine and its user: `c0ffee`, `shop/web`. Up to
    /// 128 signs of ASCII without white space.
    ContainerName, "the name of a container", container
);

name!(
    /// A program that a lab runs in one of its namespaces. Same rule as [`LabName`].
    ProgramName, "the name of a program", plain
);
name!(
    /// The name of an environment variable: neither empty, nor with `=` or a NUL in it.
    Variable, "the name of an environment variable", variable
);

name!(
    /// The path of a network namespace that others made: `/proc/4711/ns/net`,
    /// `/var/run/netns/cni-1234`. Absolute, written in the one shortest way, without white
    /// space; up to 255 bytes.
    NetnsPath, "the path of a namespace", path
);

/// Letters, digits and `_-.` need no quoting in a shell, a file name or an nft comment.
fn plain(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > 48 {
        return Err("it is longer than 48 bytes");
    }
    if !text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
    {
        return Err("only letters, digits, `_`, `-` and `.` may stand in it");
    }
    if text.starts_with(['-', '.']) {
        return Err("it starts with `-` or `.`");
    }
    Ok(())
}

fn lab(text: &str) -> Result<(), &'static str> {
    if text == "netyard" {
        return Err("`netyard` marks what belongs to no single lab");
    }
    plain(text)
}

fn netns(text: &str) -> Result<(), &'static str> {
    if text == "host" {
        return Err("`host` is the namespace netyard was started in");
    }
    plain(text)
}

/// What a shell can use as one, too (POSIX.1-2024, Base Definitions, 8.1).
fn variable(text: &str) -> Result<(), &'static str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match text.chars().next() {
        None => Err("it is empty"),
        Some('0'..='9') => Err("it begins with a digit"),
        Some(_) if text.chars().all(is_word) => Ok(()),
        Some(_) => Err("only letters, digits and `_` may stand in it"),
    }
}

impl ContainerName {
    /// As engines show it: the first digits of a number of 64, or all of a name.
    pub fn short(&self) -> &str {
        let number = self.0.len() == 64 && self.0.bytes().all(|b| b.is_ascii_hexdigit());
        if number { &self.0[..12] } else { &self.0 }
    }
}

fn container(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > 128 {
        return Err("it is longer than 128 bytes");
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("only letters, digits and signs of ASCII may stand in it");
    }
    Ok(())
}

fn path(text: &str) -> Result<(), &'static str> {
    let Some(parts) = text.strip_prefix('/') else {
        return Err("it does not begin with `/`");
    };
    if text.len() > 255 {
        return Err("it is longer than 255 bytes");
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("only letters, digits and signs of ASCII may stand in it");
    }
    // One path for one place, so that texts can be compared.
    if parts.split('/').any(|part| ["", ".", ".."].contains(&part)) {
        return Err("`//`, `.`, `..` and a `/` at its end are not allowed");
    }
    Ok(())
}

fn device(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > 15 {
        return Err("the kernel takes at most 15 bytes");
    }
    if text == "." || text == ".." || text.contains(['/', ':', '%']) {
        return Err("`/`, `:`, `%`, `.` and `..` are not allowed");
    }
    // The kernel would take it; nft has no way to write it.
    if text.contains('"') {
        return Err("`\"` is not allowed: nft cannot write such a name");
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("white space and control characters are not allowed");
    }
    // Each device has a directory beside these two under /proc/sys/net/*/conf.
    if text == "all" || text == "default" {
        return Err("`all` and `default` are taken by the kernel's sysctls");
    }
    Ok(())
}

impl NetnsPath {
    /// What tells it from most others: the number of a process, else the file's name.
    pub fn nickname(&self) -> &str {
        let process = self
            .0
            .strip_prefix("/proc/")
            .and_then(|of| of.split_once('/'));
        let file = self.0.rsplit_once('/').map(|(_, file)| file);
        process
            .map(|(number, _)| number)
            .or(file)
            .unwrap_or(&self.0)
    }
}

/// A network namespace of a state: the one netyard was started in, one at a path, or a named
/// one. The host sorts first. Of a cable the end that comes first carries the lab's mark: not
/// the one that goes with a namespace of ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Netns {
    /// The namespace netyard was started in.
    Host,
    /// A namespace that others made, where they show it: it is joined, not made, and never
    /// removed.
    At(NetnsPath),
    /// A namespace with a name under the directory that `ip netns` uses: labs make them.
    Named(NetnsName),
}

impl Netns {
    /// The name, where it is one that labs make and remove.
    pub fn made(&self) -> Option<&NetnsName> {
        match self {
            Netns::Host | Netns::At(_) => None,
            Netns::Named(name) => Some(name),
        }
    }

    /// The path, where it is one that labs join.
    pub fn joined(&self) -> Option<&NetnsPath> {
        match self {
            Netns::Host | Netns::Named(_) => None,
            Netns::At(path) => Some(path),
        }
    }
}

/// What tells a namespace from all others. The kernel gives the inode of one that
/// is gone to the next; it gives no cookie twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Its number on the nsfs.
    pub inode: u64,
    /// `SO_NETNS_COOKIE` of a socket inside.
    pub cookie: u64,
}

/// Why no namespace can be joined at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unjoinable {
    /// Nothing is there.
    Missing,
    /// Something else is there.
    Other,
    /// It is the one that netyard was started in.
    Host,
    /// The lab has it by this name or path already.
    Twice(Netns),
}

impl FromStr for Netns {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        match text {
            "host" => Ok(Netns::Host),
            _ if text.starts_with('/') => text.parse().map(Netns::At),
            _ => text.parse().map(Netns::Named),
        }
    }
}

impl TryFrom<String> for Netns {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Netns> for String {
    fn from(netns: Netns) -> String {
        netns.to_string()
    }
}

impl fmt::Display for Netns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Netns::Host => "host",
            Netns::At(path) => path.as_str(),
            Netns::Named(name) => name.as_str(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_names_follow_the_kernel() {
        for good in ["lo", "eth0", "veth-three-in", "a.b", "fifteen-bytes-x"] {
            assert!(good.parse::<IfName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "a:b",
            "a b",
            "sixteen-bytes-xx",
            "all",
            "e%d",
            "a\u{7}",
            "a\"b",
        ] {
            assert!(bad.parse::<IfName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn host_is_no_namespace_name() {
        assert!("host".parse::<NetnsName>().is_err());
        assert_eq!("host".parse::<Netns>(), Ok(Netns::Host));
        assert!("../etc".parse::<NetnsName>().is_err());
    }

    #[test]
    fn a_path_is_written_in_one_way() {
        for good in [
            "/proc/4711/ns/net",
            "/var/run/netns/cni-1",
            "/run/a:b",
            "/..a",
        ] {
            assert!(matches!(good.parse(), Ok(Netns::At(_))), "{good}");
        }
        let long = format!("/{}", "a".repeat(255));
        for bad in [
            "/", "//a", "/a/", "/a/../b", "/./a", "/a b", "/a\u{7}", "/ä", &long,
        ] {
            assert!(bad.parse::<Netns>().is_err(), "{bad}");
        }
        assert!("run/netns/a".parse::<NetnsPath>().is_err());
    }
}
