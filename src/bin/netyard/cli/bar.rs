//! How far long work is: a bar on standard error, only on a terminal.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use super::output::columns;

/// Work that is done sooner needs no bar.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often a bar is drawn at most.
const PERIOD: Duration = Duration::from_millis(50);
/// Its characters.
const WIDTH: usize = 30;

/// A bar that appears when its work takes long, and is gone when it is dropped.
pub(crate) struct Bar {
    steps: usize,
    done: usize,
    /// Whether it may be drawn at all.
    draws: bool,
    /// When it may be drawn again.
    next: Instant,
    shown: bool,
}

impl Bar {
    /// The patience for the work begins here.
    pub(crate) fn new(wanted: bool) -> Self {
        Bar {
            steps: 0,
            done: 0,
            draws: wanted && stderr().is_terminal(),
            next: Instant::now() + PATIENCE,
            shown: false,
        }
    }

    /// So many steps are to be done, and none is.
    pub(crate) fn begin(&mut self, steps: usize) {
        (self.steps, self.done) = (steps, 0);
    }

    /// So many steps are done; what the last was is only asked when it is drawn.
    pub(crate) fn at(&mut self, step: usize, message: impl FnOnce() -> String) {
        self.done = step;
        if self.draws && Instant::now() >= self.next {
            self.draw(&message());
        }
    }

    /// One more is done.
    pub(crate) fn next(&mut self, message: impl FnOnce() -> String) {
        self.at(self.done + 1, message);
    }

    /// What is being done for long after the last step.
    pub(crate) fn still(&mut self, message: &str) {
        self.at(self.done, || message.to_owned());
    }

    /// What is being done now, however soon after the last step.
    pub(crate) fn say(&mut self, message: &str) {
        if self.shown {
            self.draw(message);
        }
    }

    /// The cursor goes back to the first column: what the terminal echoes of Ctrl-C is
    /// then on the bar's line, and goes with it.
    fn draw(&mut self, message: &str) {
        self.shown = true;
        self.next = Instant::now() + PERIOD;
        let full = (WIDTH * self.done / self.steps.max(1)).min(WIDTH);
        let bar = "█".repeat(full) + &"░".repeat(WIDTH - full);
        let line = format!("{bar} {}/{}  {message}", self.done, self.steps);
        let fits = columns(stderr()).unwrap_or(80).saturating_sub(1);
        let line: String = line.chars().take(fits).collect();
        put(&format!("\r\x1b[2K{line}\r"));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.shown {
            put("\r\x1b[2K");
        }
    }
}

/// A bar that cannot be drawn is no reason to end the work.
fn put(text: &str) {
    let _ = stderr().write_all(text.as_bytes());
}
