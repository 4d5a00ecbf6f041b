//! How long a tree of depth 2 takes (`netyard up tree:32,2`: 1024 hosts on 32 switches, and a router),
//! as whole processes, against what the kernel alone charges for the same network
//! (`floor/nsfloor.c`), in one run and taking turns.
//!
//! `cargo bench --bench trees` (32), `cargo bench --bench trees -- 5 8 16` (5 rounds of two fanouts).

#![allow(unsafe_code, clippy::disallowed_methods, clippy::disallowed_macros)]

mod yard;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use yard::{compiled, ms, run, sandbox, settle_within, told};

const NETYARD: &str = env!("CARGO_BIN_EXE_netyard");
/// How long a machine that is never quiet is waited for.
const QUIET: Duration = Duration::from_secs(4);

/// Samples in ms by what was measured.
type Samples = BTreeMap<&'static str, Vec<f64>>;

fn main() {
    let (rounds, fanouts) = yard::rounds_and_sizes(7, &[32]);
    let floor = compiled("nsfloor");
    sandbox();
    println!("{rounds} rounds, load before: {}", yard::load());
    println!(
        "| tree | hosts | floor up | one queue | netyard up | of the floor | of it with one queue | up again | floor down | netyard down | of the floor |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for fanout in fanouts {
        let mut samples = Samples::new();
        for round in 0..rounds {
            eprintln!("round {} of {rounds}, fanout {fanout}", round + 1);
            nsfloor(fanout, &floor, &mut samples);
            netyard(fanout, &mut samples);
        }
        report(fanout, &samples);
    }
}

/// Up, up again, down.
fn netyard(fanout: usize, samples: &mut Samples) {
    let (shape, lab) = (format!("tree:{fanout},2"), format!("tree-{fanout}-2"));
    let calls = [
        ("up", ["up", &shape]),
        ("up again", ["up", &shape]),
        ("down", ["down", &lab]),
    ];
    for (what, arguments) in calls {
        settle_within(QUIET);
        let began = Instant::now();
        run(Command::new(NETYARD).args(arguments));
        let list = samples.entry(what).or_default();
        list.push(ms(began.elapsed()));
    }
}

/// The floor tells its own times: as the kernel's defaults have cables, and with one queue for each end.
fn nsfloor(fanout: usize, program: &Path, samples: &mut Samples) {
    let directory = Path::new("/run/netns");
    for (queues, what) in [(None, "floor up"), (Some("-1"), "one queue")] {
        settle_within(QUIET);
        fs::create_dir_all(directory).expect("the directory of names");
        let mut command = Command::new(program);
        command.args(["-F", &fanout.to_string(), "-t", "1", "-D", "3"]);
        let said = run(command.args(queues));
        let list = samples.entry(what).or_default();
        list.push(told(&said, "total "));
        if queues.is_none() {
            let list = samples.entry("floor down").or_default();
            list.push(told(&said, "bridge_gone "));
        }
        let _ = fs::remove_dir(directory);
    }
}

fn report(fanout: usize, samples: &Samples) {
    let time = |what| yard::median(&samples[what]).0;
    println!(
        "| {fanout} | {} | {:.0} ms | {:.0} ms | {:.0} ms | {:.2} | {:.2} | {:.0} ms | {:.0} ms | {:.0} ms | {:.2} |",
        fanout * fanout,
        time("floor up"),
        time("one queue"),
        time("up"),
        time("up") / time("floor up"),
        time("up") / time("one queue"),
        time("up again"),
        time("floor down"),
        time("down"),
        time("down") / time("floor down"),
    );
}
