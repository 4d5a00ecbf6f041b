//! What the guest tells of its tests: a line of JSON on its second serial port for each that
//! begins, and for each that ends.

use std::fs::File;
use std::io::Write;
use std::sync::Mutex;
use std::time::Instant;

use libtest_mimic::Failed;
use serde_json::{Value, json};

/// A test began, or ended.
pub(crate) enum Report {
    Began(String),
    Ended(String, Outcome),
}

/// How a test ended.
#[derive(Clone)]
pub(crate) struct Outcome {
    pub(crate) failure: Option<String>,
    pub(crate) seconds: f64,
}

impl Report {
    pub(crate) fn read(line: &str) -> Option<Self> {
        let said: Value = serde_json::from_str(line).ok()?;
        let name = said["test"].as_str()?.to_owned();
        let Some(seconds) = said["seconds"].as_f64() else {
            return Some(Report::Began(name));
        };
        let failure = said["failure"].as_str().map(str::to_owned);
        Some(Report::Ended(name, Outcome { failure, seconds }))
    }
}

/// The guest's end of the port.
pub(crate) struct Port(Mutex<File>);

impl Port {
    pub(crate) fn open(path: &str) -> Self {
        let port = File::options().write(true).open(path);
        Port(Mutex::new(port.expect("the port for reports")))
    }

    /// Does a test, and tells.
    pub(crate) fn tell(
        &self,
        name: &str,
        test: impl FnOnce() -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        self.line(json!({ "test": name }));
        let began = Instant::now();
        let done = test();
        let failed = |failed: &Failed| failed.message().unwrap_or("it failed").to_owned();
        let failure = done.as_ref().err().map(failed);
        let seconds = began.elapsed().as_secs_f64();
        self.line(json!({ "test": name, "seconds": seconds, "failure": failure }));
        done
    }

    fn line(&self, said: Value) {
        let mut port = self.0.lock().expect("no test holds it");
        port.write_all(format!("{said}\n").as_bytes())
            .expect("the host listens");
    }
}
