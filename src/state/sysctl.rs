//! Kernel settings under `/proc/sys/net`.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::name::{IfName, LabName};

/// A setting's path below `/proc/sys/`, with slashes: a device name may hold dots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SysctlKey(String);

impl SysctlKey {
    /// IPv4 forwarding of a whole namespace (Documentation/networking/ip-sysctl.rst, `ip_forward`).
    pub fn forward4() -> Self {
        SysctlKey("net/ipv4/ip_forward".to_owned())
    }

    /// IPv6 forwarding of a whole namespace (`conf/all/forwarding`).
    pub fn forward6() -> Self {
        SysctlKey("net/ipv6/conf/all/forwarding".to_owned())
    }

    /// Forwarding of one device, or of those to come (`default`). Writing the
    /// whole namespace's switch overwrites all of these.
    pub fn device_forward(family: u8, dev: &str) -> Self {
        SysctlKey(format!("net/ipv{family}/conf/{dev}/forwarding"))
    }

    /// Whether a device takes router advertisements: 0 no, 1 unless it forwards, 2 always.
    pub fn accept_ra(dev: &IfName) -> Self {
        SysctlKey(format!("net/ipv6/conf/{dev}/accept_ra"))
    }

    /// The path below `/proc/sys/`.
    pub fn path(&self) -> &str {
        &self.0
    }

    /// A key as it was stored.
    pub fn stored(path: String) -> Self {
        SysctlKey(path)
    }
}

/// As `sysctl(8)` takes it: dots and slashes exchanged, when a dot is in the path.
impl fmt::Display for SysctlKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains('.') {
            return f.write_str(&self.0);
        }
        f.write_str(&self.0.replace('/', "."))
    }
}

/// A setting's value and, when labs hold it, what it was before the first did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sysctl {
    /// The value, as the file holds it without the final newline.
    pub value: String,
    /// The value before the first lab changed it; `None`: no lab did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// The labs that need the present value.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub holders: BTreeSet<LabName>,
}

impl Sysctl {
    /// A value that no lab holds.
    pub fn new(value: &str) -> Self {
        Sysctl {
            value: value.to_owned(),
            was: None,
            holders: BTreeSet::new(),
        }
    }
}
