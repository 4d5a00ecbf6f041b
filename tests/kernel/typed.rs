//! Programs on a terminal of their own, typed at and read.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::sandbox::until;

/// Goes to the beginning of the line and clears it (ECMA-48, EL).
pub(crate) const CLEAR: &str = "\r\u{1b}[2K";

/// A program, and its terminal.
pub(crate) struct Typed {
    pub(crate) program: Child,
    pub(crate) screen: File,
    /// What was shown and not yet looked for.
    shown: String,
}

impl Typed {
    pub(crate) fn start(words: &[&str]) -> Self {
        // Without CLOEXEC the program itself would hold the terminal open.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let screen = openpt(flags).expect("a terminal");
        unlockpt(&screen).expect("it opens");
        tcsetwinsize(&screen, window(80)).expect("a window");
        let peer: OwnedFd = ioctl_tiocgptpeer(&screen, flags).expect("its other end");
        let copy = || peer.try_clone().expect("a copy");
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .env("PS1", "$ ")
            .env("ENV", "")
            .env("SHELL", "/bin/sh");
        command.stdin(copy()).stdout(copy()).stderr(copy());
        // SAFETY: two system calls, which are async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                Ok(rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?)
            });
        }
        let program = command.spawn().expect("it starts");
        Typed {
            program,
            screen: screen.into(),
            shown: String::new(),
        }
    }

    pub(crate) fn keys(&mut self, keys: &str) {
        self.screen.write_all(keys.as_bytes()).expect("it reads");
    }

    /// Waits until this is shown, and gives all that was shown before.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.shown.find(text) {
                let rest = self.shown.split_off(at + text.len());
                return std::mem::replace(&mut self.shown, rest);
            }
            assert!(self.read(), "no {text:?} after {:?}", self.shown);
        }
    }

    /// Whether more is shown within 10 s.
    fn read(&mut self) -> bool {
        let mut fds = [PollFd::new(&self.screen, PollFlags::IN)];
        let longest = Timespec {
            tv_sec: 10,
            tv_nsec: 0,
        };
        poll(&mut fds, Some(&longest)).expect("poll");
        let mut bytes = [0; 4096];
        // EIO: nobody has the other end any more.
        let count = match fds[0].revents().is_empty() {
            true => 0,
            false => self.screen.read(&mut bytes).unwrap_or(0),
        };
        self.shown += &String::from_utf8_lossy(&bytes[..count]);
        count > 0
    }

    /// All that is still shown, and how the program ends.
    pub(crate) fn end(mut self) -> (String, ExitStatus) {
        while self.read() {}
        let mut ended = || self.program.try_wait().expect("its end");
        until(&format!("it ends after {:?}", self.shown), || {
            ended().is_some()
        });
        (self.shown, self.program.wait().expect("its end"))
    }
}

/// The size of a window with so many columns.
pub(crate) fn window(columns: u16) -> Winsize {
    Winsize {
        ws_row: 33,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}
