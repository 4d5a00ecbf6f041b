//! What a file asks for.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::{Asked, WRITING, Which};
use crate::error::Error;
use crate::names;
use crate::state::{Identity, NetState, Netns, ProgramId};
use crate::sys::program_files;
use crate::sys::resolver::Served;
use crate::topology::{Program, RESOLVER, Topology};

/// What shall run.
pub(super) struct Wanted {
    /// What the journal keeps of it.
    pub(super) record: String,
    pub(super) shown: String,
    pub(super) output: Option<String>,
    pub(super) what: What,
}

impl Wanted {
    pub(super) fn is_main(&self) -> bool {
        matches!(&self.what, What::Program(program) if program.main)
    }
}

pub(super) enum What {
    Program(Program),
    Resolver(Vec<Served>),
}

/// The programs of a file, with absolute paths.
pub(crate) fn named(
    topology: &Topology,
) -> impl Iterator<Item = Result<(ProgramId, Program), Error>> {
    topology.programs().map(|(netns, name, program)| {
        let id = ProgramId {
            netns: netns.clone(),
            name: name.clone(),
        };
        let program = program_files::absolute(program);
        let program = program.map_err(Error::system("read the working directory"))?;
        Ok((id, program))
    })
}

/// What a file asks for.
pub(super) fn wanted(
    topology: &Topology,
    which: Which,
    (desired, places): (&NetState, &BTreeMap<Netns, Identity>),
) -> Result<BTreeMap<ProgramId, Wanted>, Error> {
    let all = named(topology).filter(|one| match (which, one) {
        (Which::All, _) | (_, Err(_)) => true,
        (Which::ButMain, Ok((_, program))) => !program.main,
        (Which::None, _) => false,
    });
    let all = all.map(|one| {
        let (id, program) = one?;
        let shown = program.command.shown();
        let wanted = Wanted {
            record: recorded(&program, &shown, program.output.as_ref())?,
            shown,
            output: program.output.clone(),
            what: What::Program(program),
        };
        Ok((id, wanted))
    });
    let resolver = topology.resolver.then(|| {
        let served = served(desired);
        let shown = format!("names at {}", names::RESOLVER);
        let id = ProgramId {
            netns: Netns::Host,
            name: RESOLVER
                .parse()
                .map_err(io::Error::other)
                .map_err(Error::system("name it"))?,
        };
        // Its sockets are in namespaces that may be others by now.
        let which: Vec<_> = places
            .values()
            .map(|which| (which.inode, which.cookie))
            .collect();
        let wanted = Wanted {
            record: recorded(&(&served, which), &shown, None)?,
            shown,
            output: None,
            what: What::Resolver(served),
        };
        Ok((id, wanted))
    });
    all.chain(resolver).collect()
}

/// What a lab's resolver answers in each of its namespaces.
pub(crate) fn served(desired: &NetState) -> Vec<Served> {
    let made = desired
        .namespaces
        .keys()
        .filter(|netns| netns.made().is_some());
    made.map(|netns| (netns.clone(), names::names(desired, netns)))
        .collect()
}

fn recorded(what: &impl Serialize, shown: &str, output: Option<&String>) -> Result<String, Error> {
    let text = serde_json::to_value(what).and_then(|all| {
        serde_json::to_string(&Asked {
            program: all,
            shown: shown.to_owned(),
            output: output.cloned(),
        })
    });
    text.map_err(io::Error::other)
        .map_err(Error::journal(WRITING))
}
