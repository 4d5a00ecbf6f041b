//! What becomes of packets: a file, or lines.

use std::io::{self, ErrorKind, Write};
use std::ops::ControlFlow;
use std::time::{SystemTime, UNIX_EPOCH};

use netyard::capture::{Count, Interface, Log, Packet};
use netyard::report::codes;

use super::super::trouble::Trouble;
use super::lines::{Json, Text};
use super::pcapng::File;

/// Where packets go to.
pub(super) enum Output {
    File(File<io::BufWriter<Box<dyn Write>>>),
    Text(Text),
    Json(Json),
}

/// Packets on their way there.
pub(super) struct Record {
    output: Output,
    /// So many more are wanted.
    left: Option<u64>,
    /// What ended it.
    failed: Option<io::Error>,
}

impl Record {
    pub(super) fn new(output: Output, count: Option<u64>) -> Self {
        Record {
            output,
            left: count,
            failed: None,
        }
    }

    /// Whoever reads may be waiting for the beginning.
    pub(super) fn begin(&mut self, interfaces: &[Interface]) -> Result<(), Trouble> {
        let begun = match &mut self.output {
            Output::File(file) => file.flush(),
            Output::Text(_) => Ok(()),
            Output::Json(json) => json.begin(interfaces),
        };
        written(begun)
    }

    /// The statistics, and the last that is to be written.
    pub(super) fn end(self, interfaces: &[Interface], counts: &[Count]) -> Result<(), Trouble> {
        if let Some(error) = self.failed {
            return written(Err(error));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        written(match self.output {
            Output::File(mut file) => file.finish(counts, now.unwrap_or_default()),
            Output::Text(mut text) => text.flush(),
            Output::Json(mut json) => json.end(interfaces, counts),
        })
    }

    fn done(&mut self, result: io::Result<()>) -> ControlFlow<()> {
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

/// The end of a pipe is no trouble: nobody reads any more.
fn written(result: io::Result<()>) -> Result<(), Trouble> {
    match result {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            let said = format!("cannot write packets: {e}");
            Err(Trouble::failed(codes::CANNOT_WRITE, said)
                .hint("look at where they go, and at the room that is there"))
        }
        _ => Ok(()),
    }
}

impl Log for Record {
    fn packet(&mut self, packet: &Packet<'_>) -> ControlFlow<()> {
        let result = match &mut self.output {
            Output::File(file) => file.packet(packet),
            Output::Text(text) => text.packet(packet),
            Output::Json(json) => json.packet(packet),
        };
        self.done(result)?;
        match &mut self.left {
            None => ControlFlow::Continue(()),
            Some(left) => {
                *left -= 1;
                match *left {
                    0 => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                }
            }
        }
    }

    fn came(&mut self, interface: &Interface) {
        let told = match &mut self.output {
            Output::File(file) => file.interface(interface),
            Output::Text(text) => {
                text.came(interface);
                Ok(())
            }
            Output::Json(json) => json.came(interface),
        };
        let _ = self.done(told);
        if !matches!(self.output, Output::Json(_)) {
            anstream::eprintln!("{}:{} has come", interface.netns, interface.dev);
        }
    }

    fn missed(&mut self, interface: &Interface, why: &str) {
        match &mut self.output {
            Output::Json(json) => {
                let told = json.missed(interface, why);
                let _ = self.done(told);
            }
            _ => {
                let Interface { netns, dev, .. } = interface;
                anstream::eprintln!("{netns}:{dev} has come, and is not captured: {why}");
            }
        }
    }

    fn gone(&mut self, interface: &Interface) {
        match &mut self.output {
            Output::Json(json) => {
                let told = json.gone(interface);
                let _ = self.done(told);
            }
            _ => anstream::eprintln!("{}:{} is gone", interface.netns, interface.dev),
        }
    }

    fn pause(&mut self) -> ControlFlow<()> {
        if self.failed.is_some() {
            return ControlFlow::Break(());
        }
        let flushed = match &mut self.output {
            Output::File(file) => file.flush(),
            Output::Text(text) => text.flush(),
            Output::Json(json) => json.flush(),
        };
        self.done(flushed)
    }
}
