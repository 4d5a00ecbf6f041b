//! Firewalls and programs of others: processes, tables, files. No program is run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::state::Walls;
use crate::state::machine::{Others, Read};
use crate::sys::netlink::socket::Socket;
use crate::sys::netlink::walls;
use crate::sys::{may_administer, residents};

/// Where systemd looks, and others do as it does; what comes first hides a file of the same
/// name in those after it (systemd.unit(5)).
const ETC_RUN_LIB: [&str; 4] = ["/etc", "/run", "/usr/local/lib", "/usr/lib"];

pub(super) fn look() -> Others {
    let walls = match may_administer() {
        true => Socket::netfilter()
            .and_then(|mut socket| walls::read(&mut socket))
            .map_err(|e| e.to_string()),
        false => Err("that needs root".to_owned()),
    };
    let running = residents::names().unwrap_or_default();
    let network_manager = match running.contains("NetworkManager") {
        true => network_manager(),
        false => Vec::new(),
    };
    Others {
        running,
        walls: walls.map(|tables| Walls {
            tables,
            legacy: walls::has_legacy_rules(),
        }),
        services: services(),
        nftables: files(&["/etc/nftables.conf", "/etc/sysconfig/nftables.conf"]),
        ufw: ["/etc/ufw/ufw.conf", "/etc/default/ufw"]
            .map(|path| fs::read_to_string(path).unwrap_or_default()),
        networkd: networkd(),
        networks: all_in("systemd/network", |name| name.ends_with(".network")),
        network_manager,
    }
}

fn network_manager() -> Vec<Read> {
    let mut all = files(&["/etc/NetworkManager/NetworkManager.conf"]);
    all.extend(all_in("NetworkManager/conf.d", |name| {
        name.ends_with(".conf")
    }));
    all.extend(all_in("udev/rules.d", |name| name.ends_with(".rules")));
    all
}

/// networkd.conf is read where it is found first, then its drop-ins by their names.
fn networkd() -> Vec<Read> {
    let paths = ETC_RUN_LIB.map(|above| format!("{above}/systemd/networkd.conf"));
    let mut all: Vec<Read> = paths
        .iter()
        .flat_map(|path| files(&[path]))
        .take(1)
        .collect();
    all.extend(all_in("systemd/networkd.conf.d", |name| {
        name.ends_with(".conf")
    }));
    all
}

/// Those that can be read.
fn files(paths: &[&str]) -> Vec<Read> {
    let read = |path: &&str| Some(((*path).to_owned(), fs::read_to_string(path).ok()?));
    paths.iter().filter_map(read).collect()
}

/// The files in a directory of each place, in the order of their names.
fn all_in(directory: &str, wanted: impl Fn(&str) -> bool) -> Vec<Read> {
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for above in ETC_RUN_LIB {
        for (name, path) in entries(&Path::new(above).join(directory)) {
            if wanted(&name) {
                found.entry(name).or_insert(path);
            }
        }
    }
    let read = |path: PathBuf| Some((path.display().to_string(), fs::read_to_string(path).ok()?));
    found.into_values().filter_map(read).collect()
}

/// `systemctl enable` makes a link in the directory of what wants it.
fn services() -> BTreeSet<String> {
    let wants =
        entries(Path::new("/etc/systemd/system")).filter(|(name, _)| name.ends_with(".wants"));
    wants
        .flat_map(|(_, path)| entries(&path).collect::<Vec<_>>())
        .map(|(name, _)| name)
        .collect()
}

fn entries(directory: &Path) -> impl Iterator<Item = (String, PathBuf)> + use<> {
    let all = fs::read_dir(directory).into_iter().flatten();
    all.filter_map(|entry| {
        let entry = entry.ok()?;
        Some((entry.file_name().into_string().ok()?, entry.path()))
    })
}
