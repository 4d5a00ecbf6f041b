//! A private world for threads instead of the whole process: a network namespace and a mount
//! namespace with an empty directory of names and an empty journal. It is nowhere but in two
//! file descriptors, and in the threads that are inside; with the last of them it is gone,
//! whatever ended the process.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use super::blocked::{Blocked, Facts, Step};
use super::netns::{self, on_thread};
use super::private::{self, Refused};
use super::{early, view};
use crate::names::Names;
use crate::state::Netns;

/// Its two namespaces.
#[derive(Debug)]
pub(crate) struct World {
    net: OwnedFd,
    mounts: OwnedFd,
}

impl World {
    /// A new one, with what `first` did in it.
    pub(crate) fn with<T: Send>(first: impl FnOnce() -> T + Send) -> Result<(Self, T), Blocked> {
        early::ready()?;
        let facts = Facts::before();
        let made = on_thread(|| {
            let world = make()?;
            Ok((world, first()))
        });
        made.map_err(|(step, e)| facts.blocked(step, e))
    }

    /// Runs `f` on a new thread in its first network namespace, the host of its labs.
    pub(crate) fn enter<T: Send>(&self, f: impl FnOnce() -> T + Send) -> io::Result<T> {
        on_thread(|| {
            self.go()?;
            Ok(f())
        })
    }

    /// The same in a namespace that it names, with the mounts that programs there have.
    pub(crate) fn enter_netns<T: Send>(
        &self,
        netns: &Netns,
        names: &Names,
        f: impl FnOnce() -> T + Send,
    ) -> io::Result<T> {
        on_thread(|| {
            self.go()?;
            if let Some(fd) = netns::open(netns)? {
                set(fd.as_fd(), LinkNameSpaceType::Network)?;
            }
            view::take(netns, names)?;
            Ok(f())
        })
    }

    /// Moves the calling thread, which was made for this, in. Another mount namespace begins at
    /// its root (setns(2)): a program that works with relative paths goes on where it was.
    fn go(&self) -> io::Result<()> {
        let directory = std::env::current_dir();
        alone(UnshareFlags::FS)?;
        set(self.mounts.as_fd(), LinkNameSpaceType::Mount)?;
        set(self.net.as_fd(), LinkNameSpaceType::Network)?;
        // The thread's own, which it no longer shares (CLONE_FS). What is hidden in there has no
        // such place.
        let _ = directory.and_then(std::env::set_current_dir);
        Ok(())
    }
}

fn make() -> Result<World, Refused> {
    alone(UnshareFlags::NEWNET | UnshareFlags::NEWNS).map_err(|e| (Step::Others, e))?;
    private::furnished()?;
    let open = |path| File::open(path).map(OwnedFd::from);
    let namespaces = || -> io::Result<World> {
        Ok(World {
            net: open("/proc/thread-self/ns/net")?,
            mounts: open("/proc/thread-self/ns/mnt")?,
        })
    };
    namespaces().map_err(|e| (Step::Others, e))
}

fn alone(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: the thread was made for this and ends with it. Root, working directory, mounts
    // and network become its own; it shares its file table with the others as before.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

fn set(namespace: BorrowedFd<'_>, kind: LinkNameSpaceType) -> io::Result<()> {
    Ok(move_into_link_name_space(namespace, Some(kind))?)
}
