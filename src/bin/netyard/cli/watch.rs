//! Looking on while a plan is executed: a bar when it takes long, each command with
//! `-v`, and Ctrl-C.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use netyard::error::Error;
use netyard::plan::{Op, Plan};
use netyard::reconcile::Watch;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::output::{DIM, styled};

/// Work that is done sooner needs no bar.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often a bar is drawn, in Hz.
const RATE: u8 = 20;

/// How much is told: 0 the outcome, 1 each command, 2 the netlink messages too.
pub(crate) type Verbosity = u8;

/// Watches one `up` or `down`.
pub(crate) struct Watcher {
    verbosity: Verbosity,
    began: Instant,
    bar: ProgressBar,
    interrupted: Arc<AtomicBool>,
}

impl Watcher {
    pub(crate) fn new(verbosity: Verbosity) -> Self {
        Watcher {
            verbosity,
            began: Instant::now(),
            bar: ProgressBar::hidden(),
            interrupted: Arc::default(),
        }
    }

    /// Ctrl-C stops the work, which is then undone; a second one ends the program.
    /// Not before there is something to undo: until then a signal simply ends it.
    fn catch_signals(&self) -> std::io::Result<()> {
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let flag = || Arc::clone(&self.interrupted);
            signal_hook::flag::register_conditional_default(signal, flag())?;
            signal_hook::flag::register(signal, flag())?;
        }
        Ok(())
    }

    fn draw(&mut self) {
        let draws = self.verbosity == 0 && std::io::stderr().is_terminal();
        if draws && self.bar.is_hidden() && self.began.elapsed() >= PATIENCE {
            let target = ProgressDrawTarget::stderr_with_hz(RATE);
            self.bar.set_draw_target(target);
        }
    }

    fn tell(&self, text: &str) {
        if self.verbosity > 0 {
            anstream::eprintln!("{}", styled(DIM, format_args!("# {text}")));
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Watch for Watcher {
    fn waiting(&mut self) {
        anstream::eprintln!("waiting for another netyard that changes labs here");
    }

    fn planned(&mut self, plan: &Plan) -> Result<(), Error> {
        self.bar = ProgressBar::with_draw_target(
            Some(plan.steps.len() as u64),
            ProgressDrawTarget::hidden(),
        );
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len}  {wide_msg}") {
            self.bar.set_style(style);
        }
        // Without its signals caught the program still works; it is less polite.
        let _ = self.catch_signals();
        Ok(())
    }

    fn done(&mut self, op: &Op) {
        if self.verbosity > 0 {
            op.commands()
                .iter()
                .for_each(|command| anstream::eprintln!("{command}"));
        }
        self.draw();
        if !self.bar.is_hidden() {
            self.bar.set_message(op.title());
        }
        self.bar.inc(1);
    }

    fn verifying(&mut self) {
        self.tell("all is done: looking again");
        self.bar.set_message("looking again");
    }

    fn undoing(&mut self, ops: &[Op]) {
        self.tell("undoing what was done");
        self.bar.set_length(ops.len() as u64);
        self.bar.set_position(0);
    }

    fn interrupted(&mut self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

/// Tells the netlink messages, as the library hands them out.
struct Tracer;

impl log::Log for Tracer {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        anstream::eprintln!("{}", styled(DIM, record.args()));
    }

    fn flush(&self) {}
}

/// From here on netlink messages are told, if that was asked for.
pub(crate) fn trace(verbosity: Verbosity) {
    if verbosity > 1 && log::set_logger(&Tracer).is_ok() {
        log::set_max_level(log::LevelFilter::Trace);
    }
}
