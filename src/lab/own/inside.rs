//! A lab's namespace, from inside.

use std::process::{Child, Command, ExitStatus, Output};
use std::time::Duration;

use super::Lab;
use crate::error::Error;
use crate::state::{Netns, PortRange, Transport};
use crate::sys::netlink::{diag, socket::Socket};
use crate::sys::{open_files, wait};

/// A namespace of a [`Lab`]. Programs and closures in it see its devices in /sys, and find the
/// lab's other namespaces by name.
#[derive(Debug, Clone)]
pub struct Namespace<'lab> {
    pub(super) lab: &'lab Lab,
    pub(super) netns: Netns,
}

impl Namespace<'_> {
    /// Its name.
    pub fn name(&self) -> &Netns {
        &self.netns
    }

    /// Runs this in it, on a thread made for it. Sockets that it opens are the namespace's,
    /// wherever they are used; so are threads that it starts. The working directory is the
    /// caller's. A panic in there goes on here.
    ///
    /// # Errors
    /// The namespace cannot be entered.
    pub fn run<T: Send>(&self, f: impl FnOnce() -> T + Send) -> Result<T, Error> {
        self.lab.note_entered()?;
        let names = self.lab.names(&self.netns)?;
        let entered = self.lab.world.enter_netns(&self.netns, &names, f);
        entered.map_err(Error::system(format!("enter namespace {}", self.netns)))
    }

    /// Starts a program in it; as root, where an ordinary user started the test, too. It is
    /// killed when the lab is dropped, with what it started.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(&self, command: &mut Command) -> Result<Child, Error> {
        self.start(command, Command::spawn)
    }

    /// Runs a program in it and gives what it wrote.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn output(&self, command: &mut Command) -> Result<Output, Error> {
        self.start(command, Command::output)
    }

    /// Runs a program in it and tells how it ended.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn status(&self, command: &mut Command) -> Result<ExitStatus, Error> {
        self.start(command, Command::status)
    }

    fn start<T: Send>(
        &self,
        command: &mut Command,
        how: impl FnOnce(&mut Command) -> std::io::Result<T> + Send,
    ) -> Result<T, Error> {
        let program = command.get_program().to_string_lossy().into_owned();
        let starting = format!("start {program} in namespace {}", self.netns);
        open_files::as_before(command);
        self.run(|| how(command))?.map_err(Error::system(starting))
    }

    /// Waits until something listens on this TCP port.
    ///
    /// # Errors
    /// Nothing did in time.
    pub fn wait_for_tcp(&self, port: u16, longest: Duration) -> Result<(), Error> {
        self.wait_for_port(Transport::Tcp, port, longest)
    }

    /// Waits until something takes what comes to this UDP port.
    ///
    /// # Errors
    /// Nothing did in time.
    pub fn wait_for_udp(&self, port: u16, longest: Duration) -> Result<(), Error> {
        self.wait_for_port(Transport::Udp, port, longest)
    }

    fn wait_for_port(
        &self,
        protocol: Transport,
        port: u16,
        longest: Duration,
    ) -> Result<(), Error> {
        let looking = || Error::system(format!("look at what listens in {}", self.netns));
        let mut socket = self.run(Socket::diag)?.map_err(looking())?;
        let ports = [PortRange::only(port)];
        let what = format!("{protocol} port {port} in namespace {}", self.netns);
        until(&what, longest, || {
            let found = diag::listening(&mut socket, protocol, &ports).map_err(looking())?;
            Ok(!found.is_empty())
        })
    }

    /// Waits until this is so, which is asked in it again and again.
    ///
    /// # Errors
    /// It was not in time; `what` says then what was waited for.
    pub fn wait_until(
        &self,
        what: &str,
        longest: Duration,
        mut is_so: impl FnMut() -> bool + Send,
    ) -> Result<(), Error> {
        self.run(|| until(what, longest, || Ok(is_so())))?
    }
}

fn until(
    what: &str,
    longest: Duration,
    mut is_so: impl FnMut() -> Result<bool, Error>,
) -> Result<(), Error> {
    match wait::until(longest, |_| is_so())? {
        true => Ok(()),
        false => Err(Error::Late {
            what: what.to_owned(),
            waited: longest,
        }),
    }
}
