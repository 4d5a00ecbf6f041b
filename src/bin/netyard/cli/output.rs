//! How answers and errors look: words for people, JSON for programs, colours
//! only on a terminal.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use netyard::error::Error;
use serde::Serialize;

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// Like `println!`, but the end of a pipe (`netyard list | head -1`) is no reason
/// to cry: nobody reads any more, so the program ends.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::cli::output::print(format_args!($($text)*))
    };
}
pub(crate) use say;

/// Prints a line to standard output.
pub(crate) fn print(line: fmt::Arguments<'_>) {
    if let Err(e) = writeln!(anstream::stdout(), "{line}") {
        let broken = e.kind() == std::io::ErrorKind::BrokenPipe;
        std::process::exit(if broken { 0 } else { 1 });
    }
}

/// A text in a style.
pub(crate) fn styled(style: Style, text: impl fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// How many characters a line may have: as the terminal says, or `COLUMNS`, or 80.
pub(crate) fn width() -> usize {
    let terminal = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    let columns = terminal.map(|size| usize::from(size.ws_col));
    let said = || std::env::var("COLUMNS").ok()?.parse().ok();
    columns.filter(|n| *n > 0).or_else(said).unwrap_or(80)
}

/// Something went wrong: what is said, and the exit code.
#[derive(Debug)]
pub(crate) struct Trouble {
    text: String,
    hint: Option<String>,
    /// The text has its own picture and needs no `error:` before it.
    drawn: bool,
    code: u8,
}

impl Trouble {
    /// The work could not be done.
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Trouble {
            text: text.into(),
            hint: None,
            drawn: false,
            code: 1,
        }
    }

    /// What the user gave is wrong.
    pub(crate) fn input(text: impl Into<String>) -> Self {
        Trouble {
            code: 2,
            ..Self::failed(text)
        }
    }

    /// A bad file, with the picture of its line.
    pub(crate) fn drawn(text: String) -> Self {
        Trouble {
            drawn: true,
            ..Self::input(text)
        }
    }

    /// What to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With another exit code.
    pub(crate) fn code(self, code: u8) -> Self {
        Trouble { code, ..self }
    }

    /// Prints it to standard error and gives the exit code.
    pub(crate) fn show(self) -> u8 {
        if self.drawn {
            anstream::eprintln!("{}", self.text.trim_end());
        } else {
            anstream::eprintln!("{} {}", styled(BAD, "error:"), self.text);
        }
        if let Some(hint) = self.hint {
            anstream::eprintln!("{} {hint}", styled(BOLD, "hint:"));
        }
        self.code
    }
}

/// As shells tell it: 128 and the number of SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;

const NOT_ROOT: &str =
    "run it with sudo; or, as a normal user, in a private world: `netyard shell` opens one";

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match &error {
            Error::NotRoot(_) => Trouble::failed(text).hint(NOT_ROOT),
            Error::NoLab(_) => {
                Trouble::failed(text).hint("`netyard list` shows the labs that are up")
            }
            Error::AlreadyUp(_) => Trouble::failed(text)
                .hint("`netyard exec NAMESPACE -- PROGRAM` runs a program in it"),
            Error::Blocked(blocked) => Trouble::failed(text).hint(blocked.remedy()),
            Error::Undone(cause) if matches!(**cause, Error::Interrupted) => Trouble {
                code: INTERRUPTED,
                ..Trouble::failed(text + ": what had been done was undone")
            },
            Error::Undone(_) => Trouble::failed(text + "\nwhat had been done was undone"),
            Error::Interrupted => Trouble {
                code: INTERRUPTED,
                ..Trouble::failed(text)
            }
            .hint("run it again to go on"),
            Error::Hidden(name) => Trouble::failed(text).hint(format!(
                "run netyard where the lab was made; if someone has unmounted it, `rm {}/{name}`",
                netyard::NETNS_DIRECTORY
            )),
            Error::Conflicts(_) => Trouble::failed(text + "\nnothing was changed"),
            Error::Different(_) => Trouble::failed(text)
                .hint("another program changes the same objects: a network manager, perhaps"),
            Error::System { what, .. } if what.contains("the journal") => Trouble::failed(text)
                .hint(
                    "if it is damaged, move it away; what it knew of must then be removed by hand",
                ),
            _ => Trouble::failed(text),
        }
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Trouble::failed(error.to_string())
    }
}

/// Prints a value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<ExitCode, Trouble> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Trouble::failed(e.to_string()))?;
    say!("{text}");
    Ok(ExitCode::SUCCESS)
}
