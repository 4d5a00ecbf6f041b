//! What the host says of itself.

use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;

use rustix::fs::inotify::{self, CreateFlags};
use rustix::process::{Resource, getrlimit};

use crate::error::Error;
use crate::state::machine::{Barred, Limits, Rights, Settings, Use};
use crate::state::{Family, SysctlKey};
use crate::sys::sight::Living;
use crate::sys::store::{self, Store};
use crate::sys::uapi::CGROUP2_SUPER_MAGIC;
use crate::sys::{may_administer, netns};

pub(super) fn rights(private: Option<Result<(), Barred>>) -> Rights {
    let administrator = may_administer();
    let refused = |result: io::Result<()>| result.err().map(|e| e.to_string());
    let journal = || {
        let read = |store: Store| store.labs().map_err(Error::journal("read the journal"));
        let refused = Store::open_to_read().and_then(read).err();
        refused.map(|e| e.report().message)
    };
    Rights {
        administrator,
        private,
        max_user_namespaces: number("user/max_user_namespaces"),
        cgroup: cgroup(),
        names: netns::directory().map_err(|e| e.to_string()),
        run: refused(store::can_be_written()),
        journal: administrator.then(journal).flatten(),
    }
}

/// cgroups(7); /sys/fs/cgroup is a tmpfs with version 1 below it, or with both.
fn cgroup() -> Option<u8> {
    let found = rustix::fs::statfs("/sys/fs/cgroup").ok()?;
    match found.f_type {
        CGROUP2_SUPER_MAGIC => Some(2),
        _ => Path::new("/sys/fs/cgroup/net_cls").exists().then_some(1),
    }
}

pub(super) fn limits() -> Limits {
    let files = getrlimit(Resource::Nofile).maximum;
    Limits {
        open_files: files.unwrap_or(u64::MAX),
        neighbours: [("ipv4", "arp_cache"), ("ipv6", "ndisc_cache")].map(neighbours),
        flows: number("net/netfilter/nf_conntrack_count")
            .zip(number("net/netfilter/nf_conntrack_max")),
        namespaces: Living::look()
            .ok()
            .map(|living| living.count() as u64)
            .zip(number("user/max_net_namespaces")),
        inotify: (
            inotify::init(CreateFlags::CLOEXEC)
                .err()
                .map(|e| e.to_string()),
            number("fs/inotify/max_user_instances"),
        ),
    }
}

/// Of each processor a line; each begins with the entries of the whole table, in
/// hexadecimal (`neigh_stat_seq_show`, net/core/neighbour.c).
fn neighbours((family, cache): (&str, &str)) -> Option<Use> {
    let most = number(&format!("net/{family}/neigh/default/gc_thresh3"))?;
    let table = fs::read_to_string(format!("/proc/net/stat/{cache}")).ok()?;
    let first = table.lines().nth(1)?.split_whitespace().next()?;
    Some((u64::from_str_radix(first, 16).ok()?, most))
}

pub(super) fn settings() -> Settings {
    let is_on = |key: SysctlKey| Some(number::<u64>(key.path())? != 0);
    let rp_filter = |dev: &str| number::<u64>(&format!("net/ipv4/conf/{dev}/rp_filter"));
    let of_all = rp_filter("all").unwrap_or(0);
    let is_strict = |dev: &String| rp_filter(dev).unwrap_or(0).max(of_all) == 1;
    let localnet = |dev: &String| {
        let path = format!("net/ipv4/conf/{dev}/route_localnet");
        number::<u64>(&path).is_some_and(|value| value != 0)
    };
    // Routers that advertise are on the other side of hardware.
    let takes_ra = |dev: &String| {
        let real = Path::new("/sys/class/net").join(dev).join("device");
        number::<u64>(&format!("net/ipv6/conf/{dev}/accept_ra")) == Some(1) && real.exists()
    };
    Settings {
        forwards: [SysctlKey::forward4(), SysctlKey::forward6()].map(is_on),
        strict: devices("ipv4").filter(is_strict).collect(),
        bridge_rules: [Family::Ipv4, Family::Ipv6]
            .map(SysctlKey::bridge_rules)
            .map(is_on),
        localnet: ["all", "default"]
            .map(str::to_owned)
            .into_iter()
            .filter(localnet)
            .collect(),
        accept_ra: devices("ipv6").filter(takes_ra).collect(),
        ipv6_off: number::<u64>("net/ipv6/conf/all/disable_ipv6").map(|off| off != 0),
        rmem_max: number("net/core/rmem_max"),
        inherit: number("net/core/devconf_inherit_init_net"),
    }
}

/// The devices that have settings, in order.
fn devices(family: &str) -> impl Iterator<Item = String> + use<> {
    let entries = fs::read_dir(format!("/proc/sys/net/{family}/conf"));
    let names = entries.into_iter().flatten().filter_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        (name != "all" && name != "default").then_some(name)
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.into_iter()
}

/// A setting that is a number, and can be read here.
fn number<T: FromStr>(path: &str) -> Option<T> {
    let text = fs::read_to_string(Path::new("/proc/sys").join(path)).ok()?;
    text.trim().parse().ok()
}
