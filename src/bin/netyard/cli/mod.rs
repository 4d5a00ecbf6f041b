//! One file per subcommand; here what they share: the arguments, and how an
//! error is shown.

mod bar;
mod capture;
mod changes;
mod check;
mod cni;
mod completions;
mod consent;
mod demo;
mod doctor;
mod down;
mod errors;
mod exec;
mod explain;
mod gc;
mod graph;
mod import;
mod init;
mod link;
mod list;
mod logs;
mod man;
mod meant;
mod monitor;
mod output;
mod plan;
mod ports;
mod progress;
mod repair;
mod run;
mod schema;
mod shell;
mod show;
mod source;
mod status;
mod test;
mod trouble;
mod turns;
mod ui;
mod up;
mod watch;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{Parser, Subcommand};

use netyard::report::codes;

use trouble::Trouble;

/// Container networks from one file: built in milliseconds, shown, and proved.
#[derive(Debug, Parser)]
#[command(name = "netyard", version, max_term_width = 100, after_help = AFTER)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    /// Show each command as it is done; twice: the netlink messages too
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: progress::Verbosity,
}

const AFTER: &str = "\
Start:  netyard demo                       see what it is about, in a minute
        netyard init three                 write a file to begin with
        netyard up three.yaml              make the network that it describes
        netyard test three                 prove it with packets
        netyard exec one -- ip address     run a program in a namespace
        netyard show                       what is on this host, whoever made it
        netyard explain one three          why a packet arrives, or does not
        netyard down three                 leave nothing behind

        netyard run three.yaml --in one -- ping -c1 three
                                           all of that at once; as a normal user too

Exit codes: 0 done; 1 not done, or not as expected;
            2 the command line or the file is wrong; 130 interrupted.
            Those of exec, run and shell are their program's.";

#[derive(Debug, Subcommand)]
enum Verb {
    Demo(demo::Args),
    Init(init::Args),
    Import(import::Args),
    Check(check::Args),
    Plan(plan::Args),
    Up(up::Args),
    Test(test::Args),
    List(list::Args),
    Show(show::Args),
    Ui(ui::Args),
    Explain(explain::Args),
    Doctor(doctor::Args),
    Capture(capture::Args),
    Graph(graph::Args),
    Monitor(monitor::Args),
    Status(status::Args),
    Exec(exec::Args),
    Logs(logs::Args),
    Down(down::Args),
    Link(link::Args),
    Repair(repair::Args),
    Watch(watch::Args),
    Gc(gc::Args),
    Run(run::Args),
    Shell(shell::Args),
    Cni(cni::Args),
    Schema(schema::Args),
    Errors(errors::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Verb {
    /// Whether a program reads the answer.
    fn json(&self) -> bool {
        match self {
            Verb::Up(args) => args.json,
            Verb::Down(args) => args.json,
            Verb::Link(args) => args.json(),
            Verb::Plan(args) => args.json(),
            Verb::Check(args) => args.json,
            Verb::List(args) => args.json,
            Verb::Show(args) => args.json,
            Verb::Ui(args) => args.json,
            Verb::Explain(args) => args.json,
            Verb::Doctor(args) => args.json,
            Verb::Capture(args) => args.json,
            Verb::Monitor(args) => args.json,
            Verb::Test(args) => args.json,
            Verb::Errors(args) => args.json,
            Verb::Status(args) => args.json,
            Verb::Logs(args) => args.json,
            Verb::Repair(args) => args.json,
            Verb::Watch(args) => args.json,
            Verb::Gc(args) => args.json,
            Verb::Demo(_)
            | Verb::Exec(_)
            | Verb::Run(_)
            | Verb::Shell(_)
            | Verb::Init(_)
            | Verb::Import(_)
            | Verb::Cni(_)
            | Verb::Graph(_)
            | Verb::Schema(_)
            | Verb::Completions(_)
            | Verb::Man(_) => false,
        }
    }
}

/// Parses the command line, runs the verb, shows what went wrong.
pub(crate) fn run() -> ExitCode {
    let Cli { verb, verbose } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(error),
    };
    let json = verb.json();
    progress::trace(verbose);
    let result = match verb {
        Verb::Demo(args) => demo::run(&args),
        Verb::Up(args) => up::run(&args, verbose),
        Verb::Down(args) => down::run(&args, verbose),
        Verb::Link(args) => link::run(&args, verbose),
        Verb::Plan(args) => plan::run(&args),
        Verb::Check(args) => check::run(&args),
        Verb::List(args) => list::run(&args),
        Verb::Show(args) => show::run(&args),
        Verb::Ui(args) => ui::run(&args),
        Verb::Explain(args) => explain::run(&args),
        Verb::Doctor(args) => doctor::run(&args),
        Verb::Capture(args) => capture::run(&args),
        Verb::Graph(args) => graph::run(&args),
        Verb::Monitor(args) => monitor::run(&args),
        Verb::Status(args) => status::run(&args),
        Verb::Exec(args) => exec::run(&args),
        Verb::Logs(args) => logs::run(&args),
        Verb::Repair(args) => repair::run(&args, verbose),
        Verb::Watch(args) => watch::run(&args),
        Verb::Gc(args) => gc::run(&args, verbose),
        Verb::Run(args) => run::run(&args, verbose),
        Verb::Shell(args) => shell::run(&args, verbose),
        Verb::Test(args) => test::run(&args),
        Verb::Init(args) => init::run(&args),
        Verb::Import(args) => import::run(&args),
        Verb::Cni(args) => cni::run(&args),
        Verb::Schema(args) => schema::run(&args),
        Verb::Errors(args) => errors::run(&args),
        Verb::Completions(args) => completions::run(&args),
        Verb::Man(args) => man::run(&args),
    };
    result.unwrap_or_else(|trouble| ExitCode::from(trouble.show(json)))
}

/// What other tools call it.
fn meant(error: &mut clap::Error) {
    let verbs: &[&str] = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) => match word.as_str() {
            "remove" | "rm" | "delete" | "destroy" | "stop" => &["down"],
            "start" | "create" | "apply" | "deploy" => &["up"],
            "fix" | "heal" | "reconcile" => &["repair"],
            "ps" | "ls" | "inspect" => &["list", "show"],
            _ => return,
        },
        _ => {
            let dry = ContextValue::String("--dry-run".to_owned());
            let plan =
                ContextValue::StyledStrs(vec!["`netyard plan` shows what `up` would do".into()]);
            let up = std::env::args_os().any(|word| word == "up");
            if up && error.get(ContextKind::InvalidArg) == Some(&dry) {
                error.insert(ContextKind::Suggested, plan);
            }
            return;
        }
    };
    let verbs = verbs.iter().map(|verb| (*verb).to_owned()).collect();
    error.insert(
        ContextKind::SuggestedSubcommand,
        ContextValue::Strings(verbs),
    );
}

/// A wrong command line, or a question for help or the version.
fn misused(mut error: clap::Error) -> ExitCode {
    // A tip is enough where there are seventy values.
    if let Some(ContextValue::Strings(all)) = error.get(ContextKind::ValidValue)
        && all.len() > 12
    {
        error.insert(ContextKind::ValidValue, ContextValue::Strings(Vec::new()));
        let all = ContextValue::StyledStrs(vec!["`netyard errors` lists them all".into()]);
        error.insert(ContextKind::Suggested, all);
    }
    meant(&mut error);
    let words = std::env::args_os().take_while(|word| word != "--");
    if !error.use_stderr() || !words.into_iter().any(|word| word == "--json") {
        error.exit();
    }
    let said = error.render().to_string();
    // What is wrong, a tip perhaps, how it is used.
    let mut parts = said.split("\n\n").map(|part| {
        let words: Vec<&str> = part.split_whitespace().collect();
        words.join(" ")
    });
    let message = parts.next().unwrap_or_default();
    let trouble = Trouble::input(codes::USAGE, message.trim_start_matches("error: "));
    match parts.next() {
        Some(next) => trouble.hint(next.trim_start_matches("tip: ")),
        None => trouble,
    }
    .show(true)
    .into()
}
