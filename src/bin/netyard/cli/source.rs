//! Where a topology comes from: a file, a shape, standard input, or a lab that is up.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use netyard::error::Error;
use netyard::lab::Described;
use netyard::report::codes;
use netyard::state::LabName;
use netyard::topology::{self, MOST_BYTES, Shape, Topology};

use super::meant;
use super::trouble::Trouble;

/// A topology and the text it was read from.
pub(crate) struct Source {
    pub(crate) topology: Topology,
    pub(crate) text: String,
}

/// Reads a file; `-` is standard input, `star:4` the file that `init` would write.
pub(crate) fn read(file: &str) -> Result<Source, Trouble> {
    if is_shape(file) {
        return shape(file);
    }
    parse(file, text(file)?)
}

/// The text of a file; `-` is standard input.
pub(crate) fn text(file: &str) -> Result<String, Trouble> {
    let text = if file == "-" {
        from_stdin()
    } else {
        File::open(file).and_then(read_text)
    };
    text.map_err(|e| {
        let hint = match e.kind() {
            io::ErrorKind::NotFound => {
                "give the path of a topology file, or `-` for standard input"
            }
            io::ErrorKind::IsADirectory => "give the path of a topology file in it",
            io::ErrorKind::InvalidData => "a topology is a YAML text in UTF-8",
            _ => "give a file that you may read, or `-` for standard input",
        };
        let message = format!("cannot read {}: {e}", origin(file));
        Trouble::input(codes::CANNOT_READ, message).hint(hint)
    })
}

/// A shape, whatever files there are.
pub(crate) fn shape(word: &str) -> Result<Source, Trouble> {
    let shape: Shape = word.parse().map_err(Error::from)?;
    parse(word, shape.file(&shape.lab()))
}

/// A file of that name is what it is.
fn is_shape(word: &str) -> bool {
    Shape::is_meant(word) && !Path::new(word).exists()
}

fn from_stdin() -> io::Result<String> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        anstream::eprintln!("reading the topology from the terminal; end it with Ctrl-D");
    }
    read_text(stdin)
}

/// No more than a topology may have and a little, so that the parser says what is
/// wrong with the rest: `/dev/zero` has no end.
fn read_text(from: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    from.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MOST_BYTES {
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("byte {at} is not UTF-8"),
        )
    })
}

fn parse(file: &str, text: String) -> Result<Source, Trouble> {
    match topology::parse(&text) {
        Ok(topology) => Ok(Source { topology, text }),
        Err(error) => Err(Trouble::file(&error, origin(file))),
    }
}

pub(crate) fn origin(file: &str) -> &str {
    if file == "-" { "standard input" } else { file }
}

/// What FILE|LAB on a command line means.
pub(crate) enum Named {
    /// A topology file.
    File(Source),
    /// A lab by its name, or all of a container.
    Labs(Vec<LabName>),
}

/// A word that is a file's path, or looks like one, is a file; else a lab's name, or a
/// container's, which may look like a path.
pub(crate) fn file_or_lab(word: &str) -> Result<Named, Trouble> {
    let file = is_file(word);
    let lab = word.parse::<LabName>();
    if lab.is_ok() && !file {
        return meant::labs(word).map(Named::Labs);
    }
    if word == "-" || is_shape(word) || Path::new(word).exists() {
        return read(word).map(Named::File);
    }
    let of_container = meant::of_container(word)?;
    if !of_container.is_empty() {
        let labs = of_container.into_iter().map(|(lab, _)| lab);
        return Ok(Named::Labs(labs.collect()));
    }
    match lab {
        Err(error) if !file => {
            let message = format!("{error}, and there is no such file");
            let trouble = Trouble::input(codes::CANNOT_READ, message);
            Err(trouble.hint("give a lab's name, or the path of a topology file"))
        }
        _ => read(word).map(Named::File),
    }
}

pub(crate) fn is_file(word: &str) -> bool {
    let like_path =
        word == "-" || word.contains('/') || word.ends_with(".yaml") || word.ends_with(".yml");
    like_path || is_shape(word) || Path::new(word).is_file()
}

/// A file, or that with which a lab was brought up.
pub(crate) fn of(word: &str) -> Result<Source, Trouble> {
    let mut of_it = match file_or_lab(word)? {
        Named::File(source) => return Ok(source),
        Named::Labs(labs) => labs,
    };
    if of_it.len() > 1 {
        let names: Vec<&str> = of_it.iter().map(LabName::as_str).collect();
        let said = format!("container `{word}` has several labs: {}", names.join(", "));
        return Err(Trouble::input(codes::NO_SUCH_LAB, said).hint("name one of them"));
    }
    let lab = of_it.remove(0);
    let labs = netyard::lab::list()?;
    match labs.into_iter().find(|known| known.name == lab) {
        Some(found) => recorded(found),
        None => Err(no_lab(lab)),
    }
}

/// No lab has this name; perhaps a file was meant.
fn no_lab(lab: LabName) -> Trouble {
    let files = ["yaml", "yml"].map(|end| format!("{lab}.{end}"));
    let file = files.into_iter().find(|file| Path::new(file).is_file());
    let directory = Path::new(lab.as_str()).is_dir();
    let hint = match file {
        Some(file) => Some(format!("did you mean `{file}`?")),
        None if directory => Some(format!(
            "`{lab}` is a directory here: give the path of a topology file in it"
        )),
        None => None,
    };
    let trouble = Trouble::from(Error::NoLab(lab));
    match hint {
        Some(hint) => trouble.hint(hint),
        None => trouble,
    }
}

/// What the journal holds of a lab.
pub(crate) fn recorded(lab: Described) -> Result<Source, Trouble> {
    parse(&format!("(lab {})", lab.name), lab.source)
}
