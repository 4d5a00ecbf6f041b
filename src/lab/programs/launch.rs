//! Starting a program, and what is needed to know when it is ready.

use std::io;
use std::os::fd::AsFd;

use super::ready::Awaited;
use super::{WRITING, Wanted, What, life};
use crate::error::{Error, ProgramFailed};
use crate::names::{self, Names};
use crate::state::{Identity, LabName, Netns, ProgramId};
use crate::sys::attendant::{self, Attendant, Order, Run};
use crate::sys::netlink::socket::Socket;
use crate::sys::netns;
use crate::sys::program_files::{self, Files};
use crate::sys::store::{Begun, Store};
use crate::topology::Program;

pub(super) fn launch(
    (lab, id): (&LabName, &ProgramId),
    wanted: &Wanted,
    (place, names): (Identity, &Names),
    store: &Store,
) -> Result<Attendant, Error> {
    let files = Files::of(lab, id, wanted.output.as_deref());
    let opening = format!("open {}", files.output.display());
    let output = files.begin().map_err(Error::system(opening))?;
    if let What::Program(program) = &wanted.what
        && program.ready.text.is_some()
        && !program_files::is_file(&output)
    {
        let e = io::Error::other("it is no file, in which `text` could be looked for");
        return Err(Error::system(format!("read {}", files.output.display()))(e));
    }
    let order = match &wanted.what {
        What::Resolver(served) => Order::Serve(served.clone()),
        What::Program(program) => {
            let directory = program.directory.as_deref().unwrap_or_default();
            let entering = format!("use {directory} as the directory of program {id}");
            Order::Run(Box::new(Run {
                netns: &id.netns,
                names,
                command: program_files::command(program).map_err(Error::system(entering))?,
                output,
                bounded: program.output.is_none(),
                end: files.end,
            }))
        }
    };
    let mut begun = None;
    let started = attendant::begin(order, |attendant| {
        begun = Some(attendant);
        let row = Begun {
            place,
            attendant,
            asked: wanted.record.clone(),
        };
        let written = store.set_program(lab, id, &row);
        written.map_err(io::Error::other)
    });
    match (started, begun) {
        (Ok(()), Some(attendant)) => Ok(attendant),
        (started, _) => {
            let forgotten = store.forget_program(lab, id);
            forgotten.map_err(Error::journal(WRITING))?;
            let missing = || io::Error::other("it ended at once");
            Err(not_started(
                id,
                wanted,
                started.err().unwrap_or_else(missing),
            ))
        }
    }
}

fn not_started(id: &ProgramId, wanted: &Wanted, e: io::Error) -> Error {
    match &wanted.what {
        What::Program(program) => {
            Error::Program(Box::new(ProgramFailed::not_started(id, program, e)))
        }
        What::Resolver(_) => Error::system(format!("serve names at {}", names::RESOLVER))(e),
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

fn diag_socket(place: &Netns) -> io::Result<Socket> {
    let fd = netns::open(place)?;
    netns::enter(fd.as_ref().map(AsFd::as_fd), Socket::diag)
}
