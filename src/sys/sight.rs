//! Which processes can be seen from here, and whether a namespace that is not this one
//! lives by what they show.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::netns::{self, Identity};
use super::residents::processes;

/// The namespaces that the machine began with: in them every process is seen
/// (PROC_USER_INIT_INO and PROC_PID_INIT_INO, include/linux/proc_ns.h).
const FIRST_USER: &str = "user:[4026531837]";
const FIRST_PID: &str = "pid:[4026531836]";

/// What decides which processes /proc shows, and which of them may be looked at: the PID
/// namespace that it belongs to, told by when its first process began (numbers of
/// namespaces are given out again), and the user namespace of who looks.
pub(crate) fn sight() -> Option<String> {
    let stat = fs::read_to_string("/proc/1/stat").ok()?;
    // The 22nd field, of which two are before this parenthesis (proc_pid_stat(5)).
    let began = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?;
    Some(format!("{} {began}", own("user")?))
}

/// Whether all that who has this sight would see is seen from here.
pub(crate) fn covers(other: Option<&str>) -> bool {
    let all =
        own("user").as_deref() == Some(FIRST_USER) && own("pid").as_deref() == Some(FIRST_PID);
    all || other.is_some() && sight().as_deref() == other
}

/// Who may look at everything: not one who is root here only.
pub(crate) fn who_sees_all() -> &'static str {
    let root = rustix::process::geteuid().is_root();
    match root || own("user").as_deref() != Some(FIRST_USER) {
        true => "root of the machine",
        false => "root",
    }
}

fn own(kind: &str) -> Option<String> {
    let link = fs::read_link(format!("/proc/thread-self/ns/{kind}")).ok()?;
    link.into_os_string().into_string().ok()
}

/// Whether a process that may be looked at is in the network namespace with this inode,
/// or sees a name of it.
pub(crate) fn lives(inode: u64) -> io::Result<bool> {
    Ok(Living::look()?.at.contains_key(&inode))
}

/// The network namespaces that a process which may be looked at is in, or sees a name of.
pub(crate) struct Living {
    /// Where each can be opened, by inode.
    at: BTreeMap<u64, PathBuf>,
    /// Which those are that were opened.
    known: BTreeMap<u64, Option<Identity>>,
}

impl Living {
    /// Looks.
    pub(crate) fn look() -> io::Result<Self> {
        let (mut at, mut looked_at) = (BTreeMap::new(), BTreeSet::new());
        let others = processes()?.map(|pid| pid.as_raw_nonzero().to_string());
        // This thread may see other mounts than the first of its process.
        for process in ["thread-self".to_owned()].into_iter().chain(others) {
            let process = Path::new("/proc").join(process);
            let space = |kind| fs::read_link(process.join("ns").join(kind));
            // One that has ended, or may not be looked at.
            let (Ok(net), Ok(mounts)) = (space("net"), space("mnt")) else {
                continue;
            };
            if looked_at.insert(mounts) {
                at.extend(named(&process));
            }
            let inode = net.to_str().and_then(inode_of);
            at.extend(inode.map(|inode| (inode, process.join("ns/net"))));
        }
        Ok(Living {
            at,
            known: BTreeMap::new(),
        })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.at.len()
    }

    /// Whether this namespace is among them, and not another that was given its inode. Of
    /// one that cannot be opened the inode is all that is known.
    pub(crate) fn has(&mut self, netns: Identity) -> bool {
        let Some(path) = self.at.get(&netns.inode) else {
            return false;
        };
        let look = || netns::identity(netns::open_at(path, netns.inode).ok()?.as_fd()).ok();
        let known = self.known.entry(netns.inode).or_insert_with(look);
        known.is_none_or(|known| known == netns)
    }
}

/// The inode in `net:[4026531840]`.
pub(super) fn inode_of(link: &str) -> Option<u64> {
    let inode = link.strip_prefix("net:[")?.strip_suffix(']')?;
    inode.parse().ok()
}

/// The namespaces of which the process sees a mount, and where (proc_pid_mountinfo(5)).
pub(super) fn named(process: &Path) -> Vec<(u64, PathBuf)> {
    let mounts = fs::read(process.join("mountinfo")).unwrap_or_default();
    let named = mounts.split(|byte| *byte == b'\n').filter_map(|line| {
        let mut fields = line.split(|byte| *byte == b' ').skip(3);
        let inode = inode_of(std::str::from_utf8(fields.next()?).ok()?)?;
        let path = unescaped(fields.next()?);
        let path = path.strip_prefix("/").unwrap_or(&path);
        Some((inode, process.join("root").join(path)))
    });
    named.collect()
}

/// A path of mountinfo: blanks, tabs, line ends and backslashes are written as `\040`
/// and the like (`mangle_path`, fs/seq_file.c). It may be of any bytes.
fn unescaped(path: &[u8]) -> PathBuf {
    let mut parts = path.split(|byte| *byte == b'\\');
    let mut bytes = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        let number = part.first_chunk::<3>();
        let number = number.and_then(|three| std::str::from_utf8(three).ok());
        match number.and_then(|three| u8::from_str_radix(three, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part[3..]);
            }
            None => {
                bytes.push(b'\\');
                bytes.extend_from_slice(part);
            }
        }
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn paths_of_mounts_as_they_are() {
        let is = |written: &[u8], path: &[u8]| {
            assert_eq!(unescaped(written).as_os_str().as_bytes(), path);
        };
        is(b"/run/netns/a\\040b\\134c", b"/run/netns/a b\\c");
        is(b"/run/netns/plain", b"/run/netns/plain");
        is(b"/run/netns/\xff\\", b"/run/netns/\xff\\");
    }

    #[test]
    fn a_namespace_that_has_the_number_of_another_is_not_that_one() {
        let own = fs::File::open("/proc/self/ns/net").unwrap();
        // Who may not enter its own namespace knows only that its number lives.
        let Ok(here) = netns::identity(own.as_fd()) else {
            return;
        };
        let (inode, cookie) = (here.inode, here.cookie + 1);
        let mut living = Living::look().unwrap();
        assert!(living.has(here));
        assert!(!living.has(Identity { inode, cookie }));
        assert!(!living.has(Identity { inode: 1, ..here }));
    }
}
