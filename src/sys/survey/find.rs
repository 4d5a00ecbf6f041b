//! The network namespaces of the host: those that processes are in, and those that are
//! mounted where some process sees it, each once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::state::Process;
use crate::state::survey::{Container, Space};
use crate::sys::netns::{self, DIRECTORY};
use crate::sys::residents::processes;
use crate::sys::sight::{inode_of, named};

/// A namespace, and where it can be opened.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) space: Space,
    pub(crate) path: PathBuf,
}

/// All that can be found, and how many processes may not be looked at.
pub(crate) fn find() -> io::Result<(Vec<Found>, usize)> {
    let host = netns::host()?.identity.inode;
    let mut all = BTreeMap::new();
    at(&mut all, host, Path::new("/proc/self/ns/net")).host = true;
    for (name, inode) in netns::names()? {
        if let Some(inode) = inode {
            let path = netns::path(&name);
            at(&mut all, inode, &path).names.push(name.to_string());
        }
    }
    let hidden = by_processes(&mut all, host)?;
    let mut found: Vec<Found> = all.into_values().collect();
    for one in &mut found {
        one.space.name = plain(&called(&one.space));
        one.space
            .names
            .iter_mut()
            .for_each(|name| *name = plain(name));
    }
    distinguish(&mut found);
    Ok((found, hidden))
}

/// The namespace with this number, which can be opened there.
fn at<'a>(all: &'a mut BTreeMap<u64, Found>, inode: u64, path: &Path) -> &'a mut Space {
    let found = all.entry(inode).or_insert_with(|| Found {
        space: Space {
            inode,
            ..Space::default()
        },
        path: path.to_owned(),
    });
    &mut found.space
}

fn by_processes(all: &mut BTreeMap<u64, Found>, host: u64) -> io::Result<usize> {
    let (mut hidden, mut mounts_seen) = (0, BTreeSet::new());
    let mut pids: Vec<i32> = processes()?.map(|pid| pid.as_raw_nonzero().get()).collect();
    pids.sort_unstable();
    for pid in pids {
        let process = PathBuf::from(format!("/proc/{pid}"));
        let net = match fs::read_link(process.join("ns/net")) {
            Ok(net) => net,
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                hidden += 1;
                continue;
            }
            Err(_) => continue,
        };
        if let Ok(mounts) = fs::read_link(process.join("ns/mnt"))
            && mounts_seen.insert(mounts)
        {
            mounted(all, &process);
        }
        let Some(inode) = net.to_str().and_then(inode_of) else {
            continue;
        };
        // The host's are most of all, and tell nothing.
        if inode != host {
            let space = at(all, inode, &process.join("ns/net"));
            if space.container.is_none() {
                space.container = container(&process);
            }
            let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
            let name = plain(name.trim_end());
            space.processes.push(Process { pid, name });
        }
    }
    Ok(hidden)
}

/// What the process sees mounted. A name that is in the directory of names is known already.
fn mounted(all: &mut BTreeMap<u64, Found>, process: &Path) {
    let root = process.join("root");
    for (inode, path) in named(process) {
        let shown = match path.strip_prefix(&root) {
            Ok(inner) => Path::new("/").join(inner),
            Err(_) => path.clone(),
        };
        let space = at(all, inode, &path);
        let known = shown.strip_prefix(DIRECTORY).is_ok_and(|name| {
            let name = name.to_string_lossy();
            space.names.iter().any(|own| *own == name)
        });
        let shown = plain(&shown.to_string_lossy());
        if !known && !space.mounts.contains(&shown) {
            space.mounts.push(shown);
        }
    }
}

fn container(process: &Path) -> Option<Container> {
    let groups = fs::read_to_string(process.join("cgroup")).ok()?;
    // `ID:CONTROLLERS:PATH` (cgroups(7)).
    let mut paths = groups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    paths.find_map(Container::of)
}

/// What it is called.
fn called(space: &Space) -> String {
    let process = || {
        let first = space.processes.first()?;
        Some(format!("{}:{}", first.name, first.pid))
    };
    let mount = || {
        let path = space.mounts.first()?;
        let file = Path::new(path).file_name()?.to_string_lossy();
        // A container engine numbers them with more digits than anybody reads.
        Some(file.chars().take(20).collect())
    };
    if space.host {
        return "host".to_owned();
    }
    let container = space.container.as_ref();
    let container = container.map(|one| format!("{}:{}", one.engine, one.short()));
    let name = space.names.first().cloned().or(container);
    name.or_else(process)
        .or_else(mount)
        .unwrap_or_else(|| format!("net:[{}]", space.inode))
}

/// Without what would steer a terminal.
pub(crate) fn plain(name: &str) -> String {
    name.replace(char::is_control, "\u{fffd}")
}

/// Gives those that are called the same their numbers. The host is called so alone, and what
/// `ip netns` lists stays as it is where only one of them is called so.
fn distinguish(found: &mut [Found]) {
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    for Found { space, .. } in found.iter() {
        *all.entry(space.name.clone()).or_default() += 1;
        if space.host || !space.names.is_empty() {
            *named.entry(space.name.clone()).or_default() += 1;
        }
    }
    for Found { space, .. } in found {
        let stays = !space.names.is_empty() && named[&space.name] == 1;
        if all[&space.name] > 1 && !space.host && !stays {
            space.name = format!("{} net:[{}]", space.name, space.inode);
        }
    }
}
