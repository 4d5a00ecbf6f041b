//! Namespaces to try something in: nameless, and gone with the thread or process that is
//! in them.
#![allow(unsafe_code)]

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use rustix::process::{WaitOptions, waitpid};
use rustix::thread::UnshareFlags;

use super::modules::Modules;
use super::{devices, firewall, qdisc, sockets};
use crate::state::machine::{Barred, Tries};
use crate::sys::{fork, may_administer, netns, private};

/// What an ordinary user's private world is like; `None`: that could not be tried.
pub(super) type Seen = Option<Result<Tries, Barred>>;

/// Has a copy of this process make a private world, as `netyard run` does, and try all
/// that it can there. Root steps down before.
pub(super) fn private() -> Seen {
    fork::need_single_thread().ok()?;
    let (mut line, mut other) = UnixStream::pair().ok()?;
    let Some(process) = fork::fork().ok()? else {
        drop(line);
        fork::end_with(move || match report(&mut other) {
            Ok(()) => 0,
            Err(_) => 1,
        });
    };
    drop(other);
    let mut told = Vec::new();
    let heard = line.read_to_end(&mut told);
    // Where nobody waits for children (SIGCHLD is ignored) it has gone by itself.
    let _ = rustix::io::retry_on_intr(|| waitpid(Some(process), WaitOptions::empty()));
    heard.ok()?;
    serde_json::from_slice(&told).ok()?
}

fn report(line: &mut UnixStream) -> io::Result<()> {
    let seen: Seen = match step_down() {
        true => Some(inside()),
        false => None,
    };
    line.write_all(&serde_json::to_vec(&seen)?)?;
    line.shutdown(Shutdown::Both)
}

fn inside() -> Result<Tries, Barred> {
    private::enter().map_err(|blocked| Barred {
        why: blocked.to_string(),
        remedy: blocked.remedy(),
    })?;
    Ok(all())
}

/// The user and group that have nothing (`nobody`).
const NOBODY: u32 = 65534;

/// Whether this process has no more rights than an ordinary user's; root gives up all that
/// it has. Where there is no other user, as in a user namespace, it cannot.
fn step_down() -> bool {
    if !may_administer() {
        return true;
    }
    // SAFETY: these change only this process, which has no other thread, and take no
    // pointer but a null one with the length 0. What has changed its user may not write to
    // its own files in /proc until it is dumpable again (proc(5)).
    unsafe {
        libc::setgroups(0, std::ptr::null()) == 0
            && libc::setresgid(NOBODY, NOBODY, NOBODY) == 0
            && libc::setresuid(NOBODY, NOBODY, NOBODY) == 0
            && libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) == 0
    }
}

/// Tries everything in a network namespace, on a thread that then ends.
pub(super) fn thrown_away() -> Result<Tries, Barred> {
    let tried = netns::enter(None, || {
        // SAFETY: only the network namespace is unshared, and only of this thread, which
        // holds no other thread's file table.
        unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }?;
        Ok(all())
    });
    tried.map_err(|e| Barred {
        why: format!("no network namespace could be made: {e}"),
        remedy: "use a kernel with CONFIG_NET_NS, and in a container give it more rights"
            .to_owned(),
    })
}

/// What could be tried of the kernel by who may only do so in a world of its own.
pub(super) fn seen_in(private: &Seen) -> Result<Tries, Barred> {
    match private {
        Some(seen) => seen.clone(),
        None => Err(Barred {
            why: "this process may make no namespace".to_owned(),
            remedy: "start `netyard doctor` as root, or as an ordinary user".to_owned(),
        }),
    }
}

/// Tries everything in the network namespace that the thread is in.
fn all() -> Tries {
    let (mut tries, modules) = (Tries::new(), Modules::look());
    // What cannot even be asked is not told of.
    let _ = devices::attempt(&mut tries, &modules);
    let _ = qdisc::attempt(&mut tries, &modules);
    let _ = firewall::attempt(&mut tries);
    sockets::attempt(&mut tries, &modules);
    tries
}
