//! Which processes can be seen from here, and whether a namespace that is not this one
//! lives by what they show.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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

fn own(kind: &str) -> Option<String> {
    let link = fs::read_link(format!("/proc/thread-self/ns/{kind}")).ok()?;
    link.into_os_string().into_string().ok()
}

/// Whether a process that may be looked at is in the network namespace with this inode,
/// or sees a name of it.
pub(crate) fn lives(inode: u64) -> io::Result<bool> {
    let netns = format!("net:[{inode}]");
    let mut looked_at = BTreeSet::new();
    for pid in processes()? {
        let process = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
        let space = |kind| fs::read_link(process.join("ns").join(kind));
        // One that has ended, or may not be looked at.
        let (Ok(net), Ok(mounts)) = (space("net"), space("mnt")) else {
            continue;
        };
        if net.as_os_str() == netns.as_str() || looked_at.insert(mounts) && names(&process, &netns)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the process sees a mount of this namespace (proc_pid_mountinfo(5)).
fn names(process: &Path, netns: &str) -> bool {
    let mounts = fs::read_to_string(process.join("mountinfo")).unwrap_or_default();
    let mut roots = mounts.lines().map(|line| line.split(' ').nth(3));
    roots.any(|root| root == Some(netns))
}
