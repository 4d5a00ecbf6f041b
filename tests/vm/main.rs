//! Tests on another kernel: Debian's, in emulated machines (qemu, no acceleration, no
//! network); it has what the kernel here may lack. They see the files of this machine,
//! and run this very program there; `init` is the first process.
//!
//! - `kinds`, `cni_kinds`, `vlans`: what not every kernel has: ipvlan, VLAN, VLANs on a bridge.
//! - `wireguard`: encrypted tunnels.
//! - `netem`: links that delay and lose packets; `shots` sends them and looks.
//! - `chosen`: which of the kernel tests are run there once more.
//! - `package`, `machine`: where the kernel is from, and how it is booted; `pack` makes what it begins with.
//! - `report`: how the guest tells what came of a test.
//!
//! A test is a function in a module here, and a line in its `tests()`; it is as one of
//! `tests/kernel`, in whose sandbox it runs, as root of that other kernel.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]
#![allow(dead_code, reason = "the kernel tests use the rest")]

#[path = "../kernel/changes.rs"]
mod changes;
#[path = "../kernel/child.rs"]
mod child;
mod chosen;
#[path = "../kernel/cni/mod.rs"]
mod cni;
mod cni_kinds;
#[path = "../kernel/doctor.rs"]
mod doctor;
#[path = "../kernel/doctor_kinds.rs"]
mod doctor_kinds;
#[path = "../kernel/examples.rs"]
mod examples;
#[path = "../kernel/filter/mod.rs"]
mod filter;
#[path = "../kernel/flows.rs"]
mod flows;
#[path = "../kernel/frames.rs"]
mod frames;
#[path = "../kernel/join.rs"]
mod join;
#[path = "../kernel/kill.rs"]
mod kill;
mod kinds;
#[path = "../kernel/labs.rs"]
mod labs;
mod machine;
#[path = "../kernel/matrix.rs"]
mod matrix;
mod netem;
#[path = "../oracle/oracle.rs"]
mod oracle;
mod package;
#[path = "../kernel/policy.rs"]
mod policy;
#[path = "../kernel/ports.rs"]
mod ports;
#[path = "../kernel/proof.rs"]
mod proof;
#[path = "../kernel/rate.rs"]
mod rate;
#[path = "../kernel/repair.rs"]
mod repair;
mod report;
#[path = "../kernel/rivals.rs"]
mod rivals;
#[path = "../kernel/routed.rs"]
mod routed;
#[path = "../kernel/routes.rs"]
mod routes;
#[path = "../kernel/sandbox.rs"]
mod sandbox;
mod shots;
#[path = "../kernel/snapshot.rs"]
mod snapshot;
#[path = "../kernel/spoof.rs"]
mod spoof;
#[path = "../kernel/tutorial.rs"]
mod tutorial;
#[path = "../kernel/vigil.rs"]
mod vigil;
mod vlans;
mod wireguard;

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Trial};

use machine::{MACHINES, Machine, PART, PORT};
use report::Port;

/// A test's name and body.
type Test = (String, Box<dyn FnOnce() + Send>);

fn main() -> ExitCode {
    if machine::asked_for("shell") {
        let shell = package::kernel().and_then(|kernel| machine::shell(&kernel));
        return shell.map_or_else(failed, |()| ExitCode::SUCCESS);
    }
    let arguments = Arguments::from_args();
    match std::env::var(PORT) {
        Ok(port) => inside(&arguments, &port),
        Err(_) => outside(&arguments),
    }
}

fn failed(why: String) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}

fn tests() -> Vec<Test> {
    let own = [
        kinds::tests(),
        cni_kinds::tests(),
        vlans::tests(),
        wireguard::tests(),
        netem::tests(),
        chosen::tests(),
    ];
    own.into_iter().flatten().collect()
}

fn test(name: &str, body: impl FnOnce() + Send + 'static) -> Test {
    (name.to_owned(), Box::new(body))
}

/// In a machine: does its part of the tests, and tells.
fn inside(arguments: &Arguments, port: &str) -> ExitCode {
    if let Err(why) = sandbox::enter() {
        return failed(why);
    }
    let port = Arc::new(Port::open(port));
    let part = std::env::var(PART).ok().and_then(|part| part.parse().ok());
    let part = part.expect("which machine this is");
    let mine = tests().into_iter().skip(part).step_by(MACHINES);
    let trials = mine.map(|(name, body)| {
        let port = Arc::clone(&port);
        Trial::test(name.clone(), move || {
            port.tell(&name, || sandbox::fresh(body))
        })
    });
    libtest_mimic::run(arguments, trials.collect()).exit_code()
}

/// Out here: each test is what its machine, which boots with the first, tells of it.
fn outside(arguments: &Arguments) -> ExitCode {
    let tests: Vec<String> = tests().into_iter().map(|(name, _)| name).collect();
    let asked_for = tests.iter().any(|name| is_asked_for(arguments, name));
    let kernel = match machine::obstacle() {
        _ if !asked_for => Err("nobody asks for a test".to_owned()),
        None => package::kernel(),
        Some(why) => Err(why),
    };
    if let Err(why) = &kernel
        && asked_for
    {
        eprintln!("tests in a machine are skipped: {why}");
        // A skipped tier is no passed tier where it was promised to run.
        if std::env::var_os("NETYARD_NO_SKIP").is_some() {
            return failed("and NETYARD_NO_SKIP is set: that is a failure".to_owned());
        }
    }
    let kernel = Arc::new(kernel);
    let machines: Arc<[OnceLock<Arc<Machine>>; MACHINES]> = Arc::default();
    let trials = tests.into_iter().enumerate().map(|(i, name)| {
        let (kernel, machines) = (Arc::clone(&kernel), Arc::clone(&machines));
        let ignored = kernel.is_err();
        let test = name.clone();
        let run = move || {
            let kernel = Result::as_ref(&kernel)?;
            let part = i % MACHINES;
            let machine = machines[part].get_or_init(|| Machine::boot(kernel, part));
            machine.outcome(&test)
        };
        Trial::test(name, run).with_ignored_flag(ignored)
    });
    let conclusion = libtest_mimic::run(arguments, trials.collect());
    for machine in machines.iter().filter_map(OnceLock::get) {
        machine.finish();
    }
    conclusion.exit_code()
}

/// As libtest-mimic judges: a kernel is not downloaded for nothing.
fn is_asked_for(arguments: &Arguments, name: &str) -> bool {
    let fits = |word: &String| match arguments.exact {
        true => name == word,
        false => name.contains(word.as_str()),
    };
    let chosen = arguments.filter.as_ref().is_none_or(fits) && !arguments.skip.iter().any(fits);
    chosen && !arguments.list
}
