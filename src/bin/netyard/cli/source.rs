//! Where a topology comes from: a file, standard input, or a lab that is up.

use std::io::{IsTerminal, Read};
use std::path::Path;

use netyard::lab::Described;
use netyard::state::LabName;
use netyard::topology::{self, Topology};

use super::output::Trouble;

/// A topology and the text it was read from.
pub(crate) struct Source {
    pub(crate) topology: Topology,
    pub(crate) text: String,
}

/// Reads a file; `-` is standard input.
pub(crate) fn read(file: &str) -> Result<Source, Trouble> {
    let text = if file == "-" {
        from_stdin()
    } else {
        std::fs::read_to_string(file)
    };
    let text = text.map_err(|e| {
        let hint = match e.kind() {
            std::io::ErrorKind::NotFound => {
                "give the path of a topology file, or `-` for standard input"
            }
            std::io::ErrorKind::IsADirectory => "give the path of a topology file in it",
            std::io::ErrorKind::InvalidData => "a topology is a YAML text in UTF-8",
            _ => "give a file that you may read, or `-` for standard input",
        };
        Trouble::input(format!("cannot read {}: {e}", origin(file))).hint(hint)
    })?;
    parse(file, text)
}

fn from_stdin() -> std::io::Result<String> {
    let mut stdin = std::io::stdin();
    if stdin.is_terminal() {
        anstream::eprintln!("reading the topology from the terminal; end it with Ctrl-D");
    }
    let mut text = String::new();
    stdin.read_to_string(&mut text)?;
    Ok(text)
}

fn parse(file: &str, text: String) -> Result<Source, Trouble> {
    match topology::parse(&text) {
        Ok(topology) => Ok(Source { topology, text }),
        // Styled always: anstream takes the colours out where they do not belong.
        Err(error) => Err(Trouble::drawn(error.render(origin(file), true))),
    }
}

fn origin(file: &str) -> &str {
    if file == "-" { "standard input" } else { file }
}

/// What FILE|LAB on a command line means.
pub(crate) enum Named {
    /// A topology file.
    File(Source),
    /// A lab by its name.
    Lab(LabName),
}

/// A word that is a file's path, or looks like one, is a file; else a lab's name.
pub(crate) fn file_or_lab(word: &str) -> Result<Named, Trouble> {
    if is_file(word) {
        return read(word).map(Named::File);
    }
    match word.parse() {
        Ok(lab) => Ok(Named::Lab(lab)),
        Err(error) => Err(Trouble::input(format!(
            "{error}, and there is no such file"
        ))),
    }
}

pub(crate) fn is_file(word: &str) -> bool {
    let like_path =
        word == "-" || word.contains('/') || word.ends_with(".yaml") || word.ends_with(".yml");
    like_path || Path::new(word).is_file()
}

/// A file, or that with which a lab was brought up.
pub(crate) fn of(word: &str) -> Result<Source, Trouble> {
    let lab = match file_or_lab(word)? {
        Named::File(source) => return Ok(source),
        Named::Lab(lab) => lab,
    };
    let labs = netyard::lab::list()?;
    let found = labs.into_iter().find(|known| known.name == lab);
    recorded(found.ok_or_else(|| netyard::error::Error::NoLab(lab.clone()))?)
}

/// What the journal holds of a lab.
pub(crate) fn recorded(lab: Described) -> Result<Source, Trouble> {
    parse(&format!("(lab {})", lab.name), lab.source)
}
