//! One file per subcommand; here what they share: the arguments, and how an
//! error is shown.

mod changes;
mod check;
mod completions;
mod consent;
mod demo;
mod down;
mod exec;
mod gc;
mod list;
mod man;
mod output;
mod plan;
mod run;
mod shell;
mod source;
mod status;
mod test;
mod up;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use output::Trouble;

/// Container networks from one file: built in milliseconds, shown, and proved.
#[derive(Debug, Parser)]
#[command(name = "netyard", version, max_term_width = 100, after_help = AFTER)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    /// Show each command as it is done; twice: the netlink messages too
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: watch::Verbosity,
}

const AFTER: &str = "\
Start:  netyard up examples/three.yaml     make the network that the file describes
        netyard test three                 prove it with packets
        netyard exec one -- ip address     run a program in a namespace
        netyard down three                 leave nothing behind

        netyard run examples/three.yaml --in one -- ping -c1 three
                                           all of that at once; as a normal user too

Exit codes: 0 done; 1 not done, or not as expected; 2 the command line or the file is wrong.";

#[derive(Debug, Subcommand)]
enum Verb {
    Demo(demo::Args),
    Up(up::Args),
    Down(down::Args),
    Plan(plan::Args),
    Check(check::Args),
    List(list::Args),
    Status(status::Args),
    Exec(exec::Args),
    Gc(gc::Args),
    Run(run::Args),
    Shell(shell::Args),
    Test(test::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Parses the command line, runs the verb, shows what went wrong.
pub(crate) fn run() -> ExitCode {
    let Cli { verb, verbose } = Cli::parse();
    watch::trace(verbose);
    let result = match verb {
        Verb::Demo(args) => demo::run(&args),
        Verb::Up(args) => up::run(&args, verbose),
        Verb::Down(args) => down::run(&args, verbose),
        Verb::Plan(args) => plan::run(&args),
        Verb::Check(args) => check::run(&args),
        Verb::List(args) => list::run(&args),
        Verb::Status(args) => status::run(&args),
        Verb::Exec(args) => exec::run(&args),
        Verb::Gc(args) => gc::run(&args, verbose),
        Verb::Run(args) => run::run(&args, verbose),
        Verb::Shell(args) => shell::run(&args, verbose),
        Verb::Test(args) => test::run(&args),
        Verb::Completions(args) => completions::run(&args),
        Verb::Man(args) => man::run(&args),
    };
    result.unwrap_or_else(|trouble: Trouble| ExitCode::from(trouble.show()))
}
