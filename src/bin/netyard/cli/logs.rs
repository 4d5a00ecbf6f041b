use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::process::ExitCode;
use std::time::Duration;

use netyard::error::Error;
use netyard::lab::programs::{self, Known};
use netyard::report::codes;
use netyard::state::{LabName, Life};

use super::output::{self, BAD, BOLD, DIM, GOOD, say, styled};
use super::trouble::Trouble;

/// Show what the programs of a lab have written
///
/// What a namespace has under `run` writes into a file, its standard output and standard error
/// alike; it goes with the lab. Without a program all of them are shown, each with how it is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples: netyard logs shop                each program, how it is, and its output
          netyard logs shop web/server     the output of one alone
          netyard logs shop -f -n 10       the last lines, and what comes")]
pub(crate) struct Args {
    /// The lab
    lab: LabName,
    /// Only these: `NAMESPACE/PROGRAM`, or either of the two words
    program: Vec<String>,
    /// Go on with what is written, until all have ended
    #[arg(short, long)]
    follow: bool,
    /// The last lines alone
    #[arg(short = 'n', long, value_name = "LINES")]
    lines: Option<usize>,
    /// Print the programs, how they are, and the paths of their output, as JSON
    #[arg(long, conflicts_with_all = ["follow", "lines"])]
    pub(crate) json: bool,
}

/// How often is looked for what has been written.
const PERIOD: Duration = Duration::from_millis(100);

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let known = programs::chosen(&args.lab, programs::list(&args.lab)?, &args.program)?;
    if args.json {
        return output::json(&known);
    }
    if known.is_empty() {
        say!("lab {} runs no programs", args.lab);
        return Ok(ExitCode::SUCCESS);
    }
    let heads = args.program.len() != 1 || known.len() != 1;
    let mut shown = Shown { last: None, heads };
    let mut open = Vec::new();
    for one in &known {
        let mut file = opened(one)?;
        if heads {
            shown.head(one);
        }
        if let Some(lines) = args.lines {
            last(&mut file, lines)?;
        }
        copy(&mut file)?;
        open.push((one, file));
    }
    while args.follow && runs(args)? {
        std::thread::sleep(PERIOD);
        rest(&mut open, &mut shown)?;
    }
    if args.follow {
        rest(&mut open, &mut shown)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn rest(open: &mut [(&Known, File)], shown: &mut Shown) -> Result<(), Trouble> {
    for (one, file) in open {
        let at = file.stream_position()?;
        let length = file.metadata()?.len();
        if length < at {
            // It was begun anew.
            file.seek(SeekFrom::Start(0))?;
        }
        if length != at && length > 0 {
            shown.of(one);
            copy(file)?;
        }
    }
    Ok(())
}

fn opened(one: &Known) -> Result<File, Trouble> {
    File::open(&one.output).map_err(|e| {
        let path = one.output.display();
        let said = format!("cannot read the output of {}, {path}: {e}", one.program);
        Trouble::failed(codes::CANNOT_READ, said)
    })
}

/// Goes to where the last lines begin.
fn last(file: &mut File, lines: usize) -> io::Result<()> {
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let ends = text
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, byte)| **byte == b'\n');
    let mut ends = ends.map(|(at, _)| at + 1).filter(|at| *at < text.len());
    let start = match lines {
        0 => text.len(),
        lines => ends.nth(lines - 1).unwrap_or(0),
    };
    file.seek(SeekFrom::Start(start as u64))?;
    Ok(())
}

/// As it was written, byte for byte.
fn copy(file: &mut File) -> Result<(), Trouble> {
    let mut out = io::stdout().lock();
    match io::copy(file, &mut out).and_then(|_| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        copied => Ok(copied?),
    }
}

fn runs(args: &Args) -> Result<bool, Trouble> {
    let known = match programs::list(&args.lab) {
        Err(Error::NoLab(_)) => return Ok(false),
        known => programs::chosen(&args.lab, known?, &args.program),
    };
    Ok(known.is_ok_and(|all| all.iter().any(|one| one.life == Life::Running)))
}

/// Whose output was shown last.
struct Shown {
    last: Option<String>,
    heads: bool,
}

impl Shown {
    fn head(&mut self, one: &Known) {
        if self.last.is_some() {
            say!("");
        }
        say!("{}", line(one));
        self.last = Some(one.program.to_string());
    }

    fn of(&mut self, one: &Known) {
        let name = one.program.to_string();
        if self.heads && self.last.as_ref() != Some(&name) {
            say!("\n{}", styled(BOLD, &name));
            self.last = Some(name);
        }
    }
}

/// A program and how it is.
pub(crate) fn line(one: &Known) -> String {
    let style = match one.life {
        Life::Running | Life::Ended(0) => GOOD,
        _ => BAD,
    };
    let command = styled(DIM, format!("({})", one.command));
    format!(
        "{} {} {command}",
        styled(BOLD, &one.program),
        styled(style, one.life)
    )
}
