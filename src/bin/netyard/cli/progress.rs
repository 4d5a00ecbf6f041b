//! Looking on while a plan is executed: a bar when it takes long, each command with
//! `-v`, and Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use netyard::error::Error;
use netyard::plan::{Op, Plan};
use netyard::reconcile::Progress;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::bar::Bar;
use super::output::{DIM, styled};

/// How much is told: 0 the outcome, 1 each command, 2 the netlink messages too.
pub(crate) type Verbosity = u8;

/// Watches one `up`, or several `down`.
pub(crate) struct Onlooker {
    verbosity: Verbosity,
    bar: Bar,
    interrupted: Arc<AtomicBool>,
    catches: bool,
}

impl Onlooker {
    pub(crate) fn new(verbosity: Verbosity) -> Self {
        Onlooker {
            verbosity,
            bar: Bar::new(verbosity == 0),
            interrupted: Arc::default(),
            catches: false,
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

    fn tell(&self, text: &str) {
        if self.verbosity > 0 {
            anstream::eprintln!("{}", styled(DIM, format_args!("# {text}")));
        }
    }
}

impl Progress for Onlooker {
    fn waiting(&mut self) {
        anstream::eprintln!("waiting for another netyard that changes labs here");
    }

    fn planned(&mut self, plan: &Plan) -> Result<(), Error> {
        self.bar.begin(plan.steps.len());
        // Caught twice, the first would look like the second. Without its signals caught
        // the program still works; it is less polite.
        if !std::mem::replace(&mut self.catches, true) {
            let _ = self.catch_signals();
        }
        Ok(())
    }

    fn done(&mut self, op: &Op) {
        if self.verbosity > 0 {
            op.commands()
                .iter()
                .for_each(|command| anstream::eprintln!("{command}"));
        }
        self.bar.next(|| op.title());
    }

    fn verifying(&mut self) {
        self.tell("all is done: looking again");
        self.bar.say("looking again");
    }

    fn awaiting(&mut self, what: &str) {
        self.bar.still(what);
    }

    fn undoing(&mut self, ops: &[Op]) {
        self.tell("undoing what was done");
        self.bar.begin(ops.len());
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
