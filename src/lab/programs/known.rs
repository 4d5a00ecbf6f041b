//! The programs of a lab, as they are.

use std::path::PathBuf;

use serde::Serialize;

use super::{Asked, READING, life};
use crate::error::Error;
use crate::lab;
use crate::state::{LabName, Life, ProgramId};
use crate::sys::program_files::Files;
use crate::sys::store::Store;

/// A program of a lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Known {
    /// Which one.
    pub program: ProgramId,
    /// How it is.
    pub life: Life,
    /// What it runs.
    pub command: String,
    /// The file that has what it writes.
    pub output: PathBuf,
}

/// The programs of a lab that is up.
///
/// # Errors
/// There is no such lab, or the journal cannot be read.
pub fn list(name: &LabName) -> Result<Vec<Known>, Error> {
    let store = Store::open_to_read()?;
    lab::known(name, &store)?.ok_or_else(|| Error::NoLab(name.clone()))?;
    let known = store.programs(name).map_err(Error::journal(READING))?;
    let known = known.into_iter().map(|(program, begun)| {
        let asked = Asked::of(&begun);
        let files = Files::of(name, &program, asked.output.as_deref());
        Known {
            life: life(&begun.attendant, &files),
            command: asked.shown,
            output: files.output,
            program,
        }
    });
    Ok(known.collect())
}

/// Those of the programs of a lab that are meant by these words, each `NAMESPACE/PROGRAM` or
/// either of the two; without words all.
///
/// # Errors
/// The lab has none of that name.
pub fn chosen(name: &LabName, known: Vec<Known>, words: &[String]) -> Result<Vec<Known>, Error> {
    let is_meant = |one: &Known, word: &String| {
        let ProgramId { netns, name } = &one.program;
        *word == one.program.to_string() || word == name.as_str() || *word == netns.to_string()
    };
    for word in words {
        if !known.iter().any(|one| is_meant(one, word)) {
            return Err(Error::NoProgram {
                lab: name.clone(),
                word: word.clone(),
                known: known.into_iter().map(|one| one.program).collect(),
            });
        }
    }
    let wanted = |one: &Known| words.is_empty() || words.iter().any(|word| is_meant(one, word));
    Ok(known.into_iter().filter(wanted).collect())
}
