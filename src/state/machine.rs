//! What was seen of a machine, for `doctor` to judge.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Walls;

#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) kernel: Result<Tries, Barred>,
    pub(crate) rights: Rights,
    pub(crate) limits: Limits,
    pub(crate) settings: Settings,
    pub(crate) others: Others,
}

/// How something ended that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Tried {
    Works,
    /// The kernel does not know it.
    Lacks,
    /// It knows it and does not do it, in its words.
    Refused(String),
    /// To try it would load this module, which netyard does not need.
    Unloaded(String),
}

/// What was tried, by the ids of the findings about it.
pub(crate) type Tries = BTreeMap<String, Tried>;

/// No namespace was to be had to try something in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Barred {
    pub(crate) why: String,
    pub(crate) remedy: String,
}

/// How the directory was found before netyard prepared it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Directory {
    /// As `ip netns add` makes it: a mount of its own, shared, so that names made in
    /// it are seen in every mount namespace.
    Ready,
    /// A mount of its own that is not shared.
    Private,
    /// The same, and it follows one of another mount namespace: names made in it are seen
    /// nowhere else. So it is for programs of `ip netns exec`.
    Following,
    /// There, but no mount.
    Plain,
    /// Not there.
    Missing,
}

#[derive(Debug, Clone)]
pub(crate) struct Rights {
    /// It may make namespaces and change networks here.
    pub(crate) administrator: bool,
    /// Whether an ordinary user gets a private world; `None`: that could not be tried.
    pub(crate) private: Option<Result<(), Barred>>,
    /// `user.max_user_namespaces`.
    pub(crate) max_user_namespaces: Option<u64>,
    /// The version of the hierarchy at /sys/fs/cgroup.
    pub(crate) cgroup: Option<u8>,
    /// How the directory of names is.
    pub(crate) names: Result<Directory, String>,
    /// Why the directory of the journal cannot be written.
    pub(crate) run: Option<String>,
    /// Why the journal cannot be read; not looked at by who may not.
    pub(crate) journal: Option<String>,
}

/// So many there are, and so many there may be.
pub(crate) type Use = (u64, u64);

#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    /// How far the limit of open files can be raised (RLIMIT_NOFILE, the hard one).
    pub(crate) open_files: u64,
    /// Neighbours in all namespaces together, of IPv4 and of IPv6; told only in the
    /// machine's first namespace.
    pub(crate) neighbours: [Option<Use>; 2],
    /// Connections that are tracked.
    pub(crate) flows: Option<Use>,
    /// Network namespaces; the limit is one for each user.
    pub(crate) namespaces: Option<Use>,
    /// Why no more inotify instance can be had; and how many a user may have.
    pub(crate) inotify: (Option<String>, Option<u64>),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// Whether the host forwards IPv4, IPv6.
    pub(crate) forwards: [Option<bool>; 2],
    /// The devices at which `rp_filter` is strict.
    pub(crate) strict: Vec<String>,
    /// Whether what stays on a bridge passes the rules of IPv4, IPv6; `None`: br_netfilter
    /// is not there.
    pub(crate) bridge_rules: [Option<bool>; 2],
    /// Which of `all` and `default` route 127.0.0.0/8.
    pub(crate) localnet: Vec<String>,
    /// The devices of hardware with `accept_ra` 1.
    pub(crate) accept_ra: Vec<String>,
    /// `net.ipv6.conf.all.disable_ipv6`.
    pub(crate) ipv6_off: Option<bool>,
    /// `net.core.rmem_max`.
    pub(crate) rmem_max: Option<u64>,
    /// `net.core.devconf_inherit_init_net`.
    pub(crate) inherit: Option<u64>,
}

/// A file, and its text.
pub(crate) type Read = (String, String);

#[derive(Debug, Clone)]
pub(crate) struct Others {
    /// The names of the processes in this network namespace, as far as they can be known.
    pub(crate) running: BTreeSet<String>,
    /// Their firewalls; or why they were not seen.
    pub(crate) walls: Result<Walls, String>,
    /// The systemd services that are started at boot.
    pub(crate) services: BTreeSet<String>,
    /// Rule sets of the service `nftables`.
    pub(crate) nftables: Vec<Read>,
    /// `/etc/ufw/ufw.conf` and `/etc/default/ufw`.
    pub(crate) ufw: [String; 2],
    /// networkd.conf and its drop-ins, in the order in which they are read.
    pub(crate) networkd: Vec<Read>,
    /// The `.network` files.
    pub(crate) networks: Vec<Read>,
    /// NetworkManager's configuration, and its rules for udev.
    pub(crate) network_manager: Vec<Read>,
}
