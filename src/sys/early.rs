//! What only a process with a single thread can do, done before `main`: a test harness starts
//! threads, and a process that has several gets no user namespace (unshare(2), EINVAL). So a
//! `#[test]` needs no `main` of its own.
//!
//! An ordinary user's process becomes the root of a user namespace, as with `unshare -r`. And a
//! copy of it, the keeper, waits for its end, however it ends, to kill what still runs in the
//! namespaces of its labs.
#![allow(unsafe_code)]

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::process::{Pid, WaitOptions, setsid, waitpid};
use rustix::thread::UnshareFlags;

use super::blocked::{Blocked, Facts, Step};
use super::private::{self, Refused};
use super::{fork, open_files, residents, signal};
use crate::state::Identity;

/// Run by the loader before `main` (`DT_INIT_ARRAY`, ld.so(8)). Not in the program `netyard`,
/// which makes such worlds itself when it is asked to.
#[cfg(not(feature = "cli"))]
#[used]
// SAFETY: the loader calls what the section has as functions with C's calling convention.
#[unsafe(link_section = ".init_array")]
static FIRST: extern "C" fn() = {
    extern "C" fn first() {
        // A panic must not leave a function that C called.
        let _ = catch_unwind(AssertUnwindSafe(prepare));
    }
    first
};

/// Whom the process tells of its namespaces.
static KEEPER: OnceLock<Mutex<UnixStream>> = OnceLock::new();

/// What was refused when the process tried to become a user namespace's root.
static REFUSED: OnceLock<(Step, i32)> = OnceLock::new();

/// Whether this process can make worlds.
pub(super) fn ready() -> Result<(), Blocked> {
    if super::may_administer() {
        return Ok(());
    }
    let (step, errno) = REFUSED
        .get()
        .copied()
        .unwrap_or((Step::Alone, libc::EINVAL));
    Err(Facts::before().blocked(step, io::Error::from_raw_os_error(errno)))
}

/// The keeper shall kill what is in these namespaces when this process has ended. Without a
/// keeper there is nobody to tell: then what runs on after a SIGKILL is left.
pub(crate) fn keep(namespaces: impl Iterator<Item = Identity>) {
    let Some(keeper) = KEEPER.get() else { return };
    let words = namespaces.flat_map(|one| [one.inode, one.cookie]);
    let bytes: Vec<u8> = words.flat_map(u64::to_ne_bytes).collect();
    let mut keeper = keeper.lock().unwrap_or_else(PoisonError::into_inner);
    // Somebody has killed it.
    let _ = keeper.write_all(&bytes);
}

#[cfg_attr(feature = "cli", allow(dead_code, reason = "see FIRST"))]
fn prepare() {
    let refused = match super::may_administer() {
        true => None,
        false => tried().or_else(|| private::own().err().map(told)),
    };
    match refused {
        Some(refused) => drop(REFUSED.set(refused)),
        None => {
            if let Ok(line) = keeper() {
                let _ = KEEPER.set(Mutex::new(line));
            }
        }
    }
}

fn told((step, e): Refused) -> (Step, i32) {
    (step, e.raw_os_error().unwrap_or(libc::EPERM))
}

/// What is refused to a copy of this process, which does all that a world needs: AppArmor may
/// give a user namespace in which nothing is allowed, and there is no way back out of one.
fn tried() -> Option<(Step, i32)> {
    let unknown = Some((Step::User, libc::EPERM));
    let Ok((mut line, other)) = UnixStream::pair() else {
        return unknown;
    };
    match fork::fork() {
        Ok(None) => in_copy(|| {
            let (step, errno) = try_all().err().map_or((None, 0), |e| {
                let (step, errno) = told(e);
                (Some(step), errno)
            });
            let step = STEPS.iter().position(|known| Some(*known) == step);
            let step = step.unwrap_or(STEPS.len()) as i32;
            (&other).write_all(&[step.to_ne_bytes(), errno.to_ne_bytes()].concat())
        }),
        Ok(Some(copy)) => {
            drop(other);
            let (mut step, mut errno) = ([0; 4], [0; 4]);
            let heard = line
                .read_exact(&mut step)
                .and_then(|()| line.read_exact(&mut errno));
            let _ = ended(copy);
            match (heard, usize::try_from(i32::from_ne_bytes(step))) {
                (Ok(()), Ok(step)) => Some((*STEPS.get(step)?, i32::from_ne_bytes(errno))),
                _ => unknown,
            }
        }
        Err(_) => unknown,
    }
}

/// As they are told from one process to another.
const STEPS: [Step; 5] = [
    Step::User,
    Step::Map,
    Step::Others,
    Step::Mount,
    Step::Network,
];

fn try_all() -> Result<(), Refused> {
    private::own()?;
    // SAFETY: there is no other thread, which could be left with less.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET | UnshareFlags::NEWNS) }
        .map_err(|e| (Step::Others, e.into()))?;
    private::furnished()
}

/// Starts the keeper. It is a child's child: who waits for any child (wait(2)) does not meet it.
fn keeper() -> io::Result<UnixStream> {
    let (line, other) = UnixStream::pair()?;
    match fork::fork()? {
        None => in_copy(|| match fork::fork()? {
            None => in_copy(|| wait_for_the_end(other)),
            Some(_) => Ok(()),
        }),
        Some(between) => ended(between).map(|()| line),
    }
}

fn ended(copy: Pid) -> io::Result<()> {
    rustix::io::retry_on_intr(|| waitpid(Some(copy), WaitOptions::empty()))?;
    Ok(())
}

/// What was put into place for the end of `main` is the original's to do.
fn in_copy(f: impl FnOnce() -> io::Result<()>) -> ! {
    let done = catch_unwind(AssertUnwindSafe(f));
    let code = i32::from(!matches!(done, Ok(Ok(()))));
    // SAFETY: it ends the process, and runs nothing before.
    unsafe { libc::_exit(code) }
}

/// In a session of its own neither Ctrl-C nor a hang-up reaches it; and nobody waits for what
/// it holds open.
fn wait_for_the_end(mut line: UnixStream) -> io::Result<()> {
    setsid()?;
    signal::deaf()?;
    // SAFETY: a name of less than 16 bytes, which the kernel copies (PR_SET_NAME(2const)).
    unsafe { libc::prctl(libc::PR_SET_NAME, c"netyard-keeper".as_ptr()) };
    open_files::let_go_but(&[line.as_raw_fd()])?;
    let (mut namespaces, mut one) = (BTreeSet::new(), [0; 16]);
    while line.read_exact(&mut one).is_ok() {
        let (inode, cookie) = (&one[..8], &one[8..]);
        let number = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_ne_bytes);
        namespaces.insert(Identity {
            inode: number(inode),
            cookie: number(cookie),
        });
    }
    residents::kill(&namespaces)
}
