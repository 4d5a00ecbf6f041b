//! The programs of a lab's file: they run as long as the value lives.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::MemfdFlags;
use rustix::process::{Pid, Signal, kill_process_group};

use super::{Lab, Namespace};
use crate::error::{Error, ProgramFailed};
use crate::lab::programs::ready::{self, Awaited};
use crate::lab::programs::{named, places, served};
use crate::state::{Identity, Life, ProgramId};
use crate::sys::netlink::socket::Socket;
use crate::sys::resolver::{Resolver, Serving};
use crate::sys::store::Store;
use crate::sys::{open_files, program_files, wait};
use crate::topology::{Program, Topology};

/// One that was started.
#[derive(Debug)]
pub(super) struct Running {
    id: ProgramId,
    asked: Program,
    /// The namespace that it was started in.
    place: Option<Identity>,
    child: Child,
    output: OwnedFd,
}

impl Lab {
    /// What a program of the file, such as `web/server`, has written so far.
    ///
    /// # Errors
    /// The lab runs no such program.
    pub fn logs(&self, program: &str) -> Result<String, Error> {
        let mut all = self.running();
        let mut file = self.found(&mut all, program)?.reader()?;
        let mut bytes = Vec::new();
        let reading = Error::system(format!("read the output of {program}"));
        file.read_to_end(&mut bytes).map_err(reading)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Waits until a program of the file has ended, and tells how.
    ///
    /// # Errors
    /// The lab runs no such program, or it did not end in time.
    pub fn wait_for_exit(&self, program: &str, longest: Duration) -> Result<ExitStatus, Error> {
        let mut ended = None;
        wait::until(longest, |_| {
            let mut all = self.running();
            let waiting = Error::system(format!("wait for {program}"));
            ended = self
                .found(&mut all, program)?
                .child
                .try_wait()
                .map_err(waiting)?;
            Ok::<_, Error>(ended.is_some())
        })?;
        ended.ok_or_else(|| Error::Late {
            what: format!("the end of program {program}"),
            waited: longest,
        })
    }

    pub(super) fn running(&self) -> MutexGuard<'_, Vec<Running>> {
        self.programs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn found<'r>(&self, all: &'r mut [Running], program: &str) -> Result<&'r mut Running, Error> {
        let known = all.iter().map(|one| one.id.clone()).collect();
        let found = all.iter_mut().find(|one| one.id.to_string() == program);
        found.ok_or_else(|| Error::NoProgram {
            lab: self.name.clone(),
            word: program.to_owned(),
            known,
        })
    }

    /// Ends those that are not in this topology, or not so, and starts what is; returns when
    /// they are ready.
    pub(super) fn make_programs(
        &self,
        topology: &Topology,
        all: &mut Vec<Running>,
    ) -> Result<(), Error> {
        self.make_resolver(topology)?;
        let places = self.enter(|| places(&self.name, &Store::open_to_read()?))?;
        let asked = named(topology).collect::<Result<Vec<_>, Error>>()?;
        all.retain_mut(|one| {
            let same = asked
                .iter()
                .any(|(id, program)| *id == one.id && *program == one.asked);
            let stays = same && one.place == places.get(&one.id.netns).copied() && one.is_well();
            if !stays {
                one.kill();
            }
            stays
        });
        let old = all.len();
        for (id, program) in asked {
            if !all.iter().any(|one| one.id == id) {
                let place = places.get(&id.netns).copied();
                all.push(self.begin(id, program, place)?);
            }
        }
        let awaited = all[old..].iter_mut().map(|one| self.awaited(one));
        ready::wait(awaited.collect::<Result<_, _>>()?, &mut ())
    }

    /// Has a thread answer what the lab's namespaces are called, if that is asked for.
    fn make_resolver(&self, topology: &Topology) -> Result<(), Error> {
        let mut now = self.resolver.lock().unwrap_or_else(PoisonError::into_inner);
        // It has let go of its sockets then.
        drop(now.take());
        if topology.resolver {
            let serving = || Error::system(format!("serve the names of lab {}", self.name));
            let asked = served(&*self.desired()?);
            let open = || {
                asked
                    .into_iter()
                    .map(Resolver::open)
                    .collect::<Result<_, _>>()
            };
            let open = self.enter(|| open().map_err(serving()))?;
            *now = Some(Serving::start(open).map_err(serving())?);
        }
        Ok(())
    }

    fn begin(&self, id: ProgramId, asked: Program, at: Option<Identity>) -> Result<Running, Error> {
        let place = Namespace {
            lab: self,
            netns: id.netns.clone(),
        };
        let output = match &asked.output {
            Some(path) => program_files::create(path.as_ref()).map(OwnedFd::from),
            None => rustix::fs::memfd_create("output", MemfdFlags::CLOEXEC).map_err(Into::into),
        };
        let output = output.map_err(Error::system(format!("open the output of {id}")))?;
        let streams = || Ok([output.try_clone()?, output.try_clone()?]);
        let [one, other] = streams().map_err(Error::system::<std::io::Error>("open files"))?;
        let entering = format!("use the directory of program {id}");
        let mut command = program_files::command(&asked).map_err(Error::system(entering))?;
        command
            .stdin(Stdio::null())
            .stdout(one)
            .stderr(other)
            .process_group(0);
        open_files::as_before(&mut command);
        let child = place
            .run(|| command.spawn())?
            .map_err(|e| Error::Program(Box::new(ProgramFailed::not_started(&id, &asked, e))))?;
        Ok(Running {
            id,
            asked,
            place: at,
            child,
            output,
        })
    }

    fn awaited<'r>(&self, one: &'r mut Running) -> Result<Awaited<'r>, Error> {
        let output = one.reader()?;
        let Running {
            id, asked, child, ..
        } = one;
        let socket = match asked.ready.tcp.or(asked.ready.udp) {
            None => None,
            Some(_) => {
                let place = Namespace {
                    lab: self,
                    netns: id.netns.clone(),
                };
                let looking = format!("look at what listens in {}", id.netns);
                Some(place.run(Socket::diag)?.map_err(Error::system(looking))?)
            }
        };
        Ok(Awaited {
            id: id.clone(),
            ready: &asked.ready,
            output,
            socket,
            life: Box::new(|| match child.try_wait() {
                Ok(Some(status)) => Life::of(status),
                Ok(None) => Life::Running,
                Err(_) => Life::Lost,
            }),
            read: Vec::new(),
        })
    }
}

impl Running {
    /// Another place in its output than where it writes.
    fn reader(&self) -> Result<File, Error> {
        let again = format!("/proc/self/fd/{}", self.output.as_raw_fd());
        let reading = Error::system(format!("read the output of {}", self.id));
        program_files::open(again.as_ref()).map_err(reading)
    }

    /// It runs, or has done what it was to do.
    fn is_well(&mut self) -> bool {
        match self.child.try_wait() {
            Ok(ended) => ended.is_none_or(|status| status.success()),
            Err(_) => false,
        }
    }

    /// It was killed, and is not to be a zombie.
    pub(super) fn reap(&mut self) {
        let _ = self.child.try_wait();
    }

    /// With what it has started in its process group; the rest ends with the lab.
    fn kill(&mut self) {
        if let Some(group) = Pid::from_raw(self.child.id() as i32)
            && let Ok(None) = self.child.try_wait()
        {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}
