//! Real container runtimes that call CNI plugins: netyard, and Debian's reference plugins,
//! by which the tests themselves are known to be right. No root is needed, and nothing of it
//! is seen by the machine.
//!
//! - `driven`: the protocol itself, by a driver that does what libcni does.
//! - `troubled`: what goes wrong around a plugin.
//! - `containerd`: a containerd of the test's own and its client `ctr`.
//! - `podman`: Podman with the network backend `cni`.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

mod containerd;
mod driven;
#[allow(dead_code, reason = "benches use it, too, and no one all of it")]
mod driver;
mod host;
mod podman;
#[allow(dead_code, reason = "the kernel tests use the rest")]
#[path = "../kernel/sandbox.rs"]
mod sandbox;
#[allow(dead_code, reason = "the kernel tests use the rest")]
#[path = "../kernel/snapshot.rs"]
mod snapshot;
mod troubled;
mod world;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use world::Whose;

/// A test of somebody's plugins.
type Body = fn(Whose);

/// What is tested with one runtime, and what must be installed for it.
struct Tier {
    name: &'static str,
    programs: &'static [&'static str],
    tests: Vec<(&'static str, Body)>,
    /// What is asked of netyard alone.
    ours: Vec<(&'static str, Body)>,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let obstacle = world::enter().err();
    let all = [
        driven::tier(),
        troubled::tier(),
        containerd::tier(),
        podman::tier(),
    ];
    let mut skipped = false;
    let mut trials = Vec::new();
    for tier in all {
        let obstacle = obstacle.clone().or_else(|| world::missing(tier.programs));
        if let Some(why) = &obstacle {
            eprintln!("{} skipped: {why}", tier.name);
            skipped = true;
        }
        let theirs = tier.tests.iter().map(|test| (test, Whose::Reference));
        let ours = tier.tests.iter().chain(&tier.ours);
        for ((name, body), whose) in theirs.chain(ours.map(|test| (test, Whose::Netyard))) {
            let name = format!("{}::{}::{name}", tier.name, whose.name());
            let body = *body;
            let run = move || sandbox::fresh(Box::new(move || body(whose)));
            trials.push(Trial::test(name, run).with_ignored_flag(obstacle.is_some()));
        }
    }
    // A skipped tier is no passed tier where it was promised to run.
    if skipped && std::env::var_os("NETYARD_NO_SKIP").is_some() {
        eprintln!("and NETYARD_NO_SKIP is set: that is a failure");
        return ExitCode::FAILURE;
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
