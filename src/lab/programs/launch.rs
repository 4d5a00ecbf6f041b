//! Starting a program, and what is needed to know when it is ready.

use std::os::fd::AsFd;

use super::ready::Awaited;
use super::{WRITING, life, record};
use crate::error::{Error, ProgramFailed, Why};
use crate::names;
use crate::state::{Identity, LabName, NetState, Netns, ProgramId};
use crate::sys::attendant::{self, Attendant, Order};
use crate::sys::netlink::socket::Socket;
use crate::sys::netns;
use crate::sys::program_files::{self, Files};
use crate::sys::store::{Begun, Store};
use crate::topology::Program;

pub(super) fn launch(
    lab: &LabName,
    id: &ProgramId,
    program: &Program,
    (place, desired): (Identity, &NetState),
    store: &Store,
) -> Result<Attendant, Error> {
    let failed = |e: std::io::Error| {
        Error::Program(Box::new(ProgramFailed {
            program: id.clone(),
            why: Why::NotStarted(program.command.words().0.to_owned(), e.into()),
            last: Vec::new(),
        }))
    };
    let files = Files::of(lab, id, program.output.as_deref());
    let opening = format!("open {}", files.output.display());
    let output = files.begin().map_err(Error::system(opening))?;
    let asked = record(program)?;
    let names = names::names(desired, &id.netns);
    let directory = program.directory.as_deref().unwrap_or_default();
    let entering = format!("use {directory} as the directory of program {id}");
    let order = Order {
        netns: &id.netns,
        names: &names,
        command: program_files::command(program).map_err(Error::system(entering))?,
        output,
        end: files.end,
    };
    let mut begun = None;
    let started = attendant::begin(order, |attendant| {
        begun = Some(attendant);
        let row = Begun {
            place,
            attendant,
            asked,
        };
        let written = store.set_program(lab, id, &row);
        written.map_err(std::io::Error::other)
    });
    match (started, begun) {
        (Ok(()), Some(attendant)) => Ok(attendant),
        (started, _) => {
            let forgotten = store.forget_program(lab, id);
            forgotten.map_err(Error::journal(WRITING))?;
            let missing = || std::io::Error::other("it ended at once");
            Err(failed(started.err().unwrap_or_else(missing)))
        }
    }
}

pub(super) fn watched<'a>(
    lab: &LabName,
    id: &ProgramId,
    program: &'a Program,
    attendant: Attendant,
) -> Result<Awaited<'a>, Error> {
    let files = Files::of(lab, id, program.output.as_deref());
    let reading = format!("read {}", files.output.display());
    let output = program_files::open(&files.output).map_err(Error::system(reading))?;
    let mut socket = None;
    if program.ready.tcp.is_some() || program.ready.udp.is_some() {
        let entering = format!("enter namespace {}", id.netns);
        socket = Some(diag_socket(&id.netns).map_err(Error::system(entering))?);
    }
    Ok(Awaited {
        id: id.clone(),
        ready: &program.ready,
        output,
        socket,
        life: Box::new(move || life(&attendant, &files)),
        read: Vec::new(),
    })
}

fn diag_socket(place: &Netns) -> std::io::Result<Socket> {
    let fd = netns::open(place)?;
    netns::enter(fd.as_ref().map(AsFd::as_fd), Socket::diag)
}
