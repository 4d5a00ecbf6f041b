//! netyard as a plugin of the Container Network Interface (CNI 1.1.0): called with
//! `CNI_COMMAND` set, it does what the chain of bridge, host-local, portmap, firewall, tuning
//! and bandwidth does.
//!
//! A network is a lab, and each attachment is a small lab on it, so that all that netyard can
//! do for labs it can do for containers.

mod add;
mod advice;
mod attach;
mod call;
mod check;
mod config;
mod del;
mod delegate;
mod failure;
mod gc;
mod given;
mod keys;
mod lax;
mod network;
mod result;
mod said;
mod status;
mod version;

use std::io::{IsTerminal, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use netyard::lab::Described;
use serde_json::{Value, json};

use attach::Known;
use call::{Call, Verb};
use config::{Basics, Config, Ipam};
use delegate::Delegate;
use failure::{Code, Failure};
use keys::find;
use version::Version;

/// What a runtime may ask for by `capabilities`.
pub(crate) const CAPABILITIES: [&str; 7] = [
    "portMappings",
    "ipRanges",
    "ips",
    "mac",
    "bandwidth",
    "dns",
    "aliases",
];

/// The number of the container that a lab is an attachment of.
pub(crate) fn container_of(lab: &Described) -> Option<String> {
    Known::of(lab).map(|known| known.container)
}

/// More than any network's configuration has.
const MOST_BYTES: u64 = 4 << 20;

/// Does what the environment and standard input ask for; the answer is JSON on standard output.
pub(crate) fn run() -> ExitCode {
    let mut text = Vec::new();
    // First the input: an error speaks the version that it names.
    let answer = read(&mut text)
        .and_then(|()| Call::read(|name| std::env::var(name).ok()))
        .and_then(|call| answer(&call, &text))
        .map_err(Failure::with_leftovers);
    let (answer, exit) = match answer {
        Ok(answer) => (answer, ExitCode::SUCCESS),
        Err(failure) => (
            Some(failure.as_json(&said_version(&text))),
            ExitCode::FAILURE,
        ),
    };
    let written = answer.map(|json| writeln!(std::io::stdout(), "{json}"));
    match written {
        Some(Err(_)) => ExitCode::FAILURE,
        _ => exit,
    }
}

/// Whether netyard is called as one of the plugins that it can be.
pub(crate) fn is_called_as_plugin() -> bool {
    config::NAMES.contains(&program().as_str())
}

/// Says what it is, as the reference plugins do where nothing is asked.
pub(crate) fn about() -> ExitCode {
    let versions = Version::ALL.map(Version::as_str).join(", ");
    let text = format!(
        "CNI plugin {}: netyard {}\nCNI protocol versions supported: {versions}",
        program(),
        env!("CARGO_PKG_VERSION"),
    );
    match writeln!(std::io::stderr(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Nobody types it: a terminal has nothing to say.
fn read(text: &mut Vec<u8>) -> Result<(), Failure> {
    let input = std::io::stdin();
    if input.is_terminal() {
        return Ok(());
    }
    let read = input.take(MOST_BYTES).read_to_end(text);
    read.map(|_| ()).map_err(|e| {
        let msg = "cannot read standard input";
        Failure::new(Code::Io, msg).details(e.to_string())
    })
}

fn answer(call: &Call, text: &[u8]) -> Result<Option<Value>, Failure> {
    known_to(&said_version(text), call.verb)?;
    match call.verb {
        Verb::Version => return Ok(Some(versions(text))),
        Verb::Add => return with_addresses(call, text).map(Some),
        _ => {}
    }
    // To judge needs all of it, to take away less.
    let judged = matches!(call.verb, Verb::Check | Verb::Status);
    let config = judged.then(|| Config::read(text, call, &program()));
    let config = config.transpose()?;
    let basics = Basics::read(text)?;
    let ours = match (call.verb, &config) {
        (Verb::Check, Some(config)) => check::check(config, call),
        (_, Some(config)) => status::status(config),
        (Verb::Del, None) => del::del(&basics, call),
        (_, None) => gc::gc(&basics),
    };
    // What is not ours to give is not ours alone to take back or to judge.
    let delegate = basics
        .delegate()
        .map(|kind| Delegate::find(kind, call, text));
    let theirs = delegate.map(|delegate| delegate?.run(call.verb.as_str()));
    let failures = [ours.err(), theirs.and_then(Result::err)];
    Failure::all(failures.into_iter().flatten().collect())?;
    Ok(None)
}

/// `ADD`, with addresses of another plugin's where that gives them; it takes them back when
/// they are of no use.
fn with_addresses(call: &Call, text: &[u8]) -> Result<Value, Failure> {
    let config = Config::read(text, call, &program())?;
    add::refuse_loopback(&config, call)?;
    let Ipam::Other(kind) = &config.ipam else {
        return add::add(&config, call);
    };
    // To take back what a second ADD was given would take the first one's.
    add::refuse_second(&config, call)?;
    let delegate = Delegate::find(kind, call, text)?;
    let given = delegate.given(&config);
    let added = given.and_then(|given| add::add(&given, call));
    added.map_err(|failure| match delegate.run("DEL") {
        Ok(_) => failure,
        Err(other) => failure.and(&other),
    })
}

/// The name that netyard was called by.
fn program() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&path).file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Refuses what a version does not know yet, as the reference library does.
fn known_to(version: &str, verb: Verb) -> Result<(), Failure> {
    let since = match verb {
        Verb::Add | Verb::Del | Verb::Version => Version::V0_3_0,
        Verb::Check => Version::V0_4_0,
        Verb::Gc | Verb::Status => Version::V1_1_0,
    };
    match version.parse::<Version>() {
        Ok(version) if version < since => {
            let msg = format!("CNI version {version} has no {}", verb.as_str());
            let details = format!("it is there since {since}");
            Err(Failure::new(Code::IncompatibleVersion, msg).details(details))
        }
        _ => Ok(()),
    }
}

/// The version that the call spoke, if it can be told.
fn said_version(text: &[u8]) -> String {
    let value: Option<Value> = serde_json::from_slice(text).ok();
    let version = value.as_ref().and_then(|value| find(value, "cniVersion"));
    let version = version.and_then(Value::as_str);
    version.unwrap_or(Version::NEWEST.as_str()).to_owned()
}

fn versions(text: &[u8]) -> Value {
    let all = Version::ALL.map(Version::as_str);
    json!({ "cniVersion": said_version(text), "supportedVersions": all })
}
