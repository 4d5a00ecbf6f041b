//! How far long work is: a bar on standard error, only on a terminal.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that is done sooner needs no bar.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often a bar is drawn, in Hz.
const RATE: u8 = 20;

/// A bar that appears when its work takes long, and is gone when it is dropped.
pub(crate) struct Bar {
    bar: ProgressBar,
    began: Instant,
    /// Whether it may be drawn at all.
    draws: bool,
    shown: bool,
}

impl Bar {
    /// The patience for the work begins here.
    pub(crate) fn new(wanted: bool) -> Self {
        Bar {
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            began: Instant::now(),
            draws: wanted && std::io::stderr().is_terminal(),
            shown: false,
        }
    }

    /// So many steps are to be done, and none is.
    pub(crate) fn begin(&self, steps: usize) {
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len}  {wide_msg}") {
            self.bar.set_style(style);
        }
        self.bar.set_length(steps as u64);
        self.bar.set_position(0);
    }

    /// So many steps are done; what the last was is only asked when it is drawn.
    pub(crate) fn at(&mut self, step: usize, message: impl FnOnce() -> String) {
        if !self.draws {
            return;
        }
        if !self.shown && self.began.elapsed() >= PATIENCE {
            self.shown = true;
            self.bar
                .set_draw_target(ProgressDrawTarget::stderr_with_hz(RATE));
        }
        if self.shown {
            self.bar.set_message(message());
        }
        self.bar.set_position(step as u64);
    }

    /// One more is done.
    pub(crate) fn next(&mut self, message: impl FnOnce() -> String) {
        let step = self.bar.position() as usize + 1;
        self.at(step, message);
    }

    /// What is being done now.
    pub(crate) fn say(&self, message: &'static str) {
        self.bar.set_message(message);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
