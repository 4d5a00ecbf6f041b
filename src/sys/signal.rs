//! Signals that a process holds back, to take them one by one while it waits for
//! another.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::process::Signal;

/// What would end or stop this process, and the death of a child.
const HELD: [i32; 12] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGTERM,
    libc::SIGCHLD,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGWINCH,
];

/// While this lives, those signals wait to be taken.
pub(crate) struct Held {
    set: libc::sigset_t,
    before: libc::sigset_t,
}

/// A signal that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) signal: Signal,
    /// From the kernel, as the terminal's are, and not from a process.
    pub(crate) by_kernel: bool,
}

impl Held {
    pub(crate) fn hold() -> io::Result<Self> {
        let set = set_of(&HELD);
        let before = mask(libc::SIG_BLOCK, &set)?;
        // Who started this process may have it ignored, and an ignored one takes the
        // exit codes of children with it (wait(2)).
        // SAFETY: the default action runs no code of ours.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
        Ok(Held { set, before })
    }

    /// Waits for the next one.
    pub(crate) fn next(&self) -> io::Result<Arrived> {
        loop {
            let mut info = MaybeUninit::<libc::siginfo_t>::uninit();
            // SAFETY: the set is initialised, and the kernel writes to the live `info`.
            let number = unsafe { libc::sigwaitinfo(&raw const self.set, info.as_mut_ptr()) };
            if let Some(signal) = Signal::from_named_raw(number) {
                // SAFETY: a call that succeeded has written it.
                let code = unsafe { info.assume_init() }.si_code;
                let by_kernel = code == libc::SI_KERNEL;
                return Ok(Arrived { signal, by_kernel });
            }
            match io::Error::last_os_error() {
                e if e.kind() == io::ErrorKind::Interrupted => {}
                e => return Err(e),
            }
        }
    }

    /// Where they can be read while something else is waited for, too (signalfd(2)).
    pub(super) fn arrivals(&self) -> io::Result<Arrivals> {
        let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
        // SAFETY: the set is initialised; what is given is a file of nobody else's.
        match unsafe { libc::signalfd(-1, &raw const self.set, flags) } {
            -1 => Err(io::Error::last_os_error()),
            // SAFETY: as above.
            fd => Ok(Arrivals(unsafe { OwnedFd::from_raw_fd(fd) })),
        }
    }

    /// Lets one through that waits: it does what it does by default.
    pub(crate) fn let_through(&self, signal: Signal) -> io::Result<()> {
        let set = set_of(&[signal.as_raw()]);
        mask(libc::SIG_UNBLOCK, &set)?;
        mask(libc::SIG_BLOCK, &set)?;
        Ok(())
    }

    /// As it was before, such as for a program that this process becomes.
    pub(crate) fn release(&self) -> io::Result<()> {
        self.before().put_back()
    }

    /// What was held back before.
    pub(super) fn before(&self) -> Before {
        Before(self.before)
    }
}

/// Signals that have come, to be read.
pub(super) struct Arrivals(OwnedFd);

impl Arrivals {
    /// The next one, if there is one.
    pub(super) fn next(&self) -> Option<Signal> {
        // `ssi_signo` comes first (struct signalfd_siginfo).
        let mut info = [0; size_of::<libc::signalfd_siginfo>()];
        let length = rustix::io::read(&self.0, &mut info).ok()?;
        let number = info.first_chunk().filter(|_| length == info.len())?;
        Signal::from_named_raw(u32::from_ne_bytes(*number) as i32)
    }
}

impl AsFd for Arrivals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The signals that were held back before a [`Held`].
pub(super) struct Before(libc::sigset_t);

impl Before {
    /// Holds back these and no others. Also between fork(2) and execve(2): it is a system call
    /// alone (signal-safety(7)).
    pub(super) fn put_back(&self) -> io::Result<()> {
        mask(libc::SIG_SETMASK, &self.0).map(drop)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // It succeeded with a set as good as this one.
        let _ = self.release();
    }
}

/// Each of those signals does what it does by default, and none is held back, whatever this
/// process was before it was copied.
pub(super) fn plain() -> io::Result<()> {
    for signal in HELD {
        // SAFETY: the default action runs no code of ours.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    mask(libc::SIG_SETMASK, &set_of(&[])).map(drop)
}

/// From here on no signal but SIGKILL and SIGSTOP touches this process, and its
/// children are not waited for.
pub(crate) fn deaf() -> io::Result<()> {
    let mut all = MaybeUninit::uninit();
    // SAFETY: sigfillset(3) initialises the set; ignoring runs no code of ours.
    let all = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::signal(libc::SIGCHLD, libc::SIG_IGN);
        all.assume_init()
    };
    mask(libc::SIG_SETMASK, &all).map(drop)
}

fn set_of(signals: &[i32]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset(3) initialises the set that sigaddset(3) then adds to.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        set.assume_init()
    }
}

/// Changes the thread's mask and gives the one before.
fn mask(how: i32, set: &libc::sigset_t) -> io::Result<libc::sigset_t> {
    let mut before = set_of(&[]);
    // SAFETY: both point to live sets.
    match unsafe { libc::pthread_sigmask(how, set, &raw mut before) } {
        0 => Ok(before),
        e => Err(io::Error::from_raw_os_error(e)),
    }
}
