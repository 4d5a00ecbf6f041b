//! How answers look: words for people, JSON for programs, colours only on a terminal.

use std::fmt;
use std::io::Write;
use std::os::fd::AsFd;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use netyard::report::codes;
use serde::Serialize;

use super::trouble::Trouble;

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();
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
        if e.kind() == std::io::ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        let told = format!("cannot write to standard output: {e}");
        let trouble = Trouble::failed(codes::CANNOT_WRITE, told);
        let trouble = trouble.hint("look at where the output of this command goes");
        std::process::exit(i32::from(trouble.show(false)));
    }
}

/// A text in a style.
pub(crate) fn styled(style: Style, text: impl fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// How many characters a line may have: as the terminal says, or `COLUMNS`, or 80.
pub(crate) fn width() -> usize {
    let said = || std::env::var("COLUMNS").ok()?.parse().ok();
    columns(std::io::stdout()).or_else(said).unwrap_or(80)
}

/// The columns of a terminal. One that does not know them says 0.
pub(crate) fn columns(terminal: impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(terminal).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// How many characters a line of running text may have: only a terminal has an end.
pub(crate) fn fits() -> usize {
    columns(std::io::stdout()).unwrap_or(usize::MAX)
}

/// A long command over several lines, as one writes it in a shell.
pub(crate) fn folded(command: &str, width: usize) -> Vec<String> {
    const MORE: &str = " \\";
    let mut lines = vec![String::new()];
    for word in command.split(' ') {
        let used = lines.last().map_or(0, |line| line.chars().count());
        let fits = used + word.chars().count() + 1 + MORE.len() <= width;
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if fits => {
                line.push(' ');
                line.push_str(word);
            }
            Some(line) => {
                line.push_str(MORE);
                lines.push(format!("    {word}"));
            }
            None => {}
        }
    }
    lines
}

/// Prints a value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<ExitCode, Trouble> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Trouble::failed(codes::INTERNAL, e.to_string()))?;
    say!("{text}");
    Ok(ExitCode::SUCCESS)
}
