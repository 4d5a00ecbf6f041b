//! Tests against the real kernel, without root: this program first enters user,
//! network and mount namespaces of its own, and each test gets fresh ones with an
//! empty /run. Nothing of it is seen by the machine.
//!
//! - `examples`: each example is brought up, proved, changed not at all by a second
//!   `up`, and taken down; the host is then as before.
//! - `tutorial`: what the tutorial says of each step, with the real `ping`.
//! - `labs`: conflicts, several labs, differences only, undoing.
//! - `link`, `partition`: links that are changed while their lab is up, and namespaces that are parted.
//! - `leases`: addresses for containers, many processes at once, subnets that are chosen.
//! - `external`: labs on networks of other labs.
//! - `filter`: what is said of packets by rules of any kind, and what becomes of them.
//! - `foreign`: what others hold, do meanwhile or undo.
//! - `graph`: what is drawn of a host is what was drawn of the file.
//! - `import`: containerlab's files.
//! - `spoof`: frames in another's name, as `frames` makes them.
//! - `join`, `join_gone`: namespaces that others made.
//! - `child`: interfaces on devices of the host.
//! - `routes`: what is said of routes beside their next hops.
//! - `policy`: who may speak with whom.
//! - `routed`: networks without a bridge.
//! - `demo`: the tour.
//! - `doctor`, `doctor_kinds`: what the machine can do, as `ip`, `tc` and `nft` find it.
//! - `down`: what `down` and `gc` say and leave.
//! - `kill`, `kill_several`: SIGKILL after every system call that changes something.
//! - `accepted`: what `check` lets through, the kernel takes.
//! - `oracle`: the printed script, run by the real `ip`, `nft` and `sysctl`.
//! - `errors`: what the host and the kernel refuse, as text and as JSON.
//! - `changes`: changes of a lab that is up, with pings that go on meanwhile.
//! - `shapes`: a lab by a few characters.
//! - `show`: every namespace of a host that others made.
//! - `status`: what it tells, and questions before something is lost.
//! - `capture`, `captured`: packets of several places, as `pcapng` and tcpdump read them.
//! - `cli`: exit codes, JSON, standard input, signals.
//! - `cni`: the plugin, as runtimes call it.
//! - `run`, `run_ends`, `terminal`, `blocked`: a program with a lab of its own; on a terminal; where
//!   the machine gives no private world.
//! - `matrix`: who reaches a published port, from everywhere and over everything.
//! - `broken`: what `explain` says of networks that are broken in one way each.
//! - `names`: namespaces known by name.
//! - `nat`: routers, and what comes through each kind of them.
//! - `ports`, `rivals`: published ports, who has them and who will reach them; beside other labs'.
//! - `proof`: the matrix, how well pings arrive, servers, JUnit.
//! - `flows`: what went on by a rule that is gone.
//! - `crowd`: many namespaces talk to each other at once.
//! - `progress`: what is shown while netyard works.
//! - `repair`, `vigil`: what others do to a lab is brought back, by hand and by itself.
//! - `monitor`: what happens on the host, told.
//! - `ui`, `ui_served`, `browser`: the live map, as a client and as Chromium see it.
//! - `readme`: what README.md shows.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

mod accepted;
mod blocked;
mod broken;
mod browser;
mod capture;
mod captured;
mod changes;
mod child;
mod cli;
mod cni;
mod crowd;
mod demo;
mod doctor;
mod doctor_kinds;
mod down;
mod errors;
mod examples;
mod external;
mod external_addresses;
mod filter;
mod flows;
mod foreign;
mod frames;
mod graph;
mod import;
mod join;
mod join_gone;
mod kill;
mod kill_link;
mod kill_several;
mod labs;
mod leases;
mod link;
mod matrix;
mod monitor;
mod names;
mod nat;
#[path = "../oracle/oracle.rs"]
mod oracle;
mod partition;
mod pcapng;
mod policy;
mod ports;
mod programs;
mod programs_ends;
mod programs_told;
mod progress;
mod proof;
mod rate;
mod readme;
mod repair;
mod rivals;
mod routed;
mod routes;
mod run;
mod run_ends;
mod sandbox;
mod shapes;
mod show;
mod snapshot;
mod spoof;
mod status;
mod terminal;
mod tutorial;
mod typed;
mod ui;
mod ui_served;
mod vigil;

use std::num::NonZero;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

/// A test's name and body.
type Test = (String, Box<dyn FnOnce() + Send>);

fn main() -> ExitCode {
    if let Some(code) = leases::worker() {
        return code;
    }
    let mut arguments = Arguments::from_args();
    // Half of its time a test waits, for the kernel to clear away or for what shall not come.
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    arguments.test_threads.get_or_insert(processors + 1);
    let obstacle = sandbox::enter().err();
    let no_browser = browser::obstacle();
    if let Some(why) = &no_browser {
        eprintln!("browser tests are skipped: {why}");
    }
    let trials = tests().map(|(name, body)| {
        let ignored = obstacle.is_some() || no_browser.is_some() && name.starts_with("browser::");
        Trial::test(name, move || sandbox::fresh(body)).with_ignored_flag(ignored)
    });
    let trials = trials.collect();
    if let Some(obstacle) = &obstacle {
        eprintln!("kernel tests are skipped: {obstacle}");
        // A skipped tier is no passed tier where it was promised to run.
        if std::env::var_os("NETYARD_NO_SKIP").is_some() {
            eprintln!("and NETYARD_NO_SKIP is set: that is a failure");
            std::process::exit(1);
        }
    }
    let code = libtest_mimic::run(&arguments, trials).exit_code();
    if obstacle.is_none() {
        sandbox::end_others();
    }
    code
}

/// All of them.
#[expect(clippy::too_many_lines, reason = "a list")]
fn tests() -> impl Iterator<Item = Test> {
    let all = [
        errors::tests(),
        examples::tests(),
        tutorial::tests(),
        labs::tests(),
        leases::tests(),
        link::tests(),
        partition::tests(),
        external::tests(),
        external_addresses::tests(),
        filter::tests(),
        demo::tests(),
        doctor::tests(),
        doctor_kinds::tests(),
        down::tests(),
        foreign::tests(),
        graph::tests(),
        import::tests(),
        join::tests(),
        join_gone::tests(),
        spoof::tests(),
        policy::tests(),
        routed::tests(),
        kill::tests(),
        kill_link::tests(),
        kill_several::tests(),
        accepted::tests(),
        oracle::tests(),
        cli::tests(),
        cni::tests(),
        changes::tests(),
        child::tests(),
        shapes::tests(),
        show::tests(),
        status::tests(),
        capture::tests(),
        captured::tests(),
        rivals::tests(),
        routes::tests(),
        run::tests(),
        run_ends::tests(),
        blocked::tests(),
        broken::tests(),
        terminal::tests(),
        matrix::tests(),
        monitor::tests(),
        names::tests(),
        nat::tests(),
        ports::tests(),
        proof::tests(),
        crowd::tests(),
        programs::tests(),
        programs_ends::tests(),
        programs_told::tests(),
        progress::tests(),
        flows::tests(),
        rate::tests(),
        readme::tests(),
        repair::tests(),
        vigil::tests(),
        ui::tests(),
        ui_served::tests(),
        browser::tests(),
    ];
    all.into_iter().flatten()
}

fn test(name: &str, body: impl FnOnce() + Send + 'static) -> Test {
    (name.to_owned(), Box::new(body))
}
