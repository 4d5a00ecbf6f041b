//! Where the output of a lab's programs lies, and how they ended: beside the journal, gone with
//! the lab.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use rustix::fs::OFlags;

use crate::state::{LabName, ProgramId};
use crate::topology::Program;

const DIRECTORY: &str = "/run/netyard/programs";

/// The files of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    pub(crate) output: PathBuf,
    pub(crate) end: PathBuf,
}

impl Files {
    /// Those of a program of this lab, which is asked for like that.
    pub(crate) fn of(lab: &LabName, id: &ProgramId, own: Option<&str>) -> Self {
        let place = directory(lab).join(id.netns.to_string());
        Files {
            output: match own {
                Some(path) => PathBuf::from(path),
                None => place.join(format!("{}.output", id.name)),
            },
            end: place.join(format!("{}.end", id.name)),
        }
    }

    /// Makes them anew: nothing is written yet, and nothing has ended.
    pub(crate) fn begin(&self) -> io::Result<File> {
        let parent = self.end.parent().unwrap_or(Path::new(DIRECTORY));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)?;
        match fs::remove_file(&self.end) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        create(&self.output)
    }
}

/// A file for what a program writes, empty. A pipe without a reader is refused, not waited for
/// (fifo(7)).
pub(crate) fn create(output: &Path) -> io::Result<File> {
    let mut open = OpenOptions::new();
    let open = open.create(true).append(true).mode(0o644);
    let file = open
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(output)?;
    // Not what is no file, as a terminal.
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    // Who writes into a pipe may wait for its reader.
    let flags = rustix::fs::fcntl_getfl(&file)?;
    rustix::fs::fcntl_setfl(&file, flags.difference(OFlags::NONBLOCK))?;
    Ok(file)
}

/// What a program has written, to be read.
pub(crate) fn open(output: &Path) -> io::Result<File> {
    let mut open = OpenOptions::new();
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    open.read(true).custom_flags(flags).open(output)
}

/// Whether it can be read again.
pub(crate) fn is_file(output: &File) -> bool {
    output.metadata().is_ok_and(|file| file.is_file())
}

/// How a program has ended, as wait(2) tells it: all of it is there, or nothing.
pub(super) fn set_end(end: &Path, status: i32) -> io::Result<()> {
    let new = end.with_extension("new");
    fs::write(&new, status.to_string())?;
    fs::rename(new, end)
}

/// How a program ended, if it has.
pub(crate) fn ended(end: &Path) -> Option<ExitStatus> {
    let status = fs::read_to_string(end).ok()?.parse().ok()?;
    Some(ExitStatus::from_raw(status))
}

fn directory(lab: &LabName) -> PathBuf {
    Path::new(DIRECTORY).join(lab.as_str())
}

/// The lab is no more.
pub(crate) fn remove(lab: &LabName) -> io::Result<()> {
    let place = directory(lab);
    match fs::remove_dir_all(&place) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        // Somebody has put something else there.
        Err(e) if e.kind() == ErrorKind::NotADirectory => fs::remove_file(place),
        removed => removed,
    }
}

/// The same program with paths that mean the same wherever they are used.
pub(crate) fn absolute(program: &Program) -> io::Result<Program> {
    let made = |path: &Option<String>| -> io::Result<Option<String>> {
        let Some(path) = path else { return Ok(None) };
        let whole = std::path::absolute(path)?;
        let text = whole.into_os_string().into_string();
        let text = text.map_err(|_| io::Error::other("the working directory is no UTF-8"));
        text.map(Some)
    };
    Ok(Program {
        directory: made(&program.directory)?,
        output: made(&program.output)?,
        ..program.clone()
    })
}

/// The command of a program whose paths are absolute.
pub(crate) fn command(program: &Program) -> io::Result<Command> {
    let (word, rest) = program.command.words();
    let mut command = Command::new(word);
    command.args(rest);
    for (name, value) in &program.env {
        command.env(name.as_str(), value);
    }
    let directory = match &program.directory {
        Some(directory) => PathBuf::from(directory),
        None => std::env::current_dir()?,
    };
    // What would be told of the program otherwise: there is no such file.
    if !fs::metadata(&directory)?.is_dir() {
        return Err(io::Error::from_raw_os_error(libc::ENOTDIR));
    }
    command.current_dir(directory);
    Ok(command)
}

/// The same to become it: its output goes where it says, if it says so.
pub(crate) fn command_with_output(program: &Program) -> io::Result<Command> {
    let program = absolute(program)?;
    let mut command = command(&program)?;
    if let Some(path) = &program.output {
        let output = create(path.as_ref())?;
        command.stdout(output.try_clone()?).stderr(output);
    }
    Ok(command)
}

/// The last lines of what a program wrote.
pub(crate) fn last_lines(output: &mut File, most: usize) -> Vec<String> {
    const ENOUGH: u64 = 8192;
    let mut bytes = Vec::new();
    let read = output.metadata().and_then(|file| {
        output.seek(SeekFrom::Start(file.len().saturating_sub(ENOUGH)))?;
        output.take(ENOUGH).read_to_end(&mut bytes)
    });
    if read.is_err() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(most);
    lines[first..]
        .iter()
        .map(|line| super::survey::plain(line))
        .collect()
}
