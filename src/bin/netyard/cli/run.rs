use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};

use netyard::error::Error;
use netyard::lab::programs::{self, Which};
use netyard::plan::Plan;
use netyard::reconcile::Progress;
use netyard::report::codes;
use netyard::state::Netns;
use netyard::topology::Program;
use netyard::{lab, may_administer, run};
use signal_hook::consts::SIGINT;
use signal_hook::low_level::emulate_default_handler;

use super::exec::{become_command, become_program};
use super::progress::{Onlooker, Verbosity};
use super::source::{self, Source};
use super::trouble::{INTERRUPTED, Trouble};

/// Bring a lab up, run a program in it, take it down
///
/// As a normal user this happens in a private world: namespaces of your own, seen by
/// nobody else and gone with the program, even when it or netyard is killed. You are
/// root in there; `up`, `exec`, `test` and `ip` work, and whatever a file is made by is
/// yours outside. As root the lab is made on this host, as by `up`.
///
/// The lab's namespaces are known by name. Programs that the file itself runs are started
/// first, and waited for until they are ready; if one of them is `main`, it is what runs where
/// no other is given. The exit code is the program's, or 128 and the number of the signal that
/// killed it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples: netyard run lab.yaml -- ping -c1 10.0.0.20
          netyard run lab.yaml --in one -- ping -c1 three
          netyard run star:4 --in h1 -- ping -c1 h4
          netyard run lab.yaml -- bash          up, exec, test work in there")]
pub(crate) struct Args {
    /// The topology file (`-` reads standard input), or a shape as for `init`
    file: String,
    /// The namespace to run it in; `host`, where the lab is made from, if none is given
    #[arg(long = "in", value_name = "NAMESPACE")]
    netns: Option<Netns>,
    /// Start none of the programs that the file itself runs
    #[arg(long)]
    no_programs: bool,
    /// In a private world as root too
    #[arg(long)]
    private: bool,
    /// The program and its arguments; a shell if none is given
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

pub(crate) fn run(args: &Args, verbosity: Verbosity) -> Result<ExitCode, Trouble> {
    if args.file == "-" && args.command.is_empty() {
        let message = "a shell cannot read from the standard input that the file comes from";
        return Err(Trouble::input(codes::USAGE, message)
            .hint("give a program, `netyard run - -- CMD`, or the file by its path"));
    }
    let lab = Lab {
        source: source::read(&args.file)?,
        netns: args.netns.clone().unwrap_or(Netns::Host),
        programs: match (args.no_programs, &args.netns, args.command.is_empty()) {
            (true, ..) => Which::None,
            // What is said of where is of a shell.
            (false, None, true) => Which::All,
            _ => Which::ButMain,
        },
        private: args.private || !may_administer(),
    };
    lab.run(&args.command, verbosity)
}

/// A lab that lives as long as one program.
pub(crate) struct Lab {
    pub(crate) source: Source,
    pub(crate) netns: Netns,
    /// Which of its programs run; with all of them the main one takes the place of a shell.
    pub(crate) programs: Which,
    pub(crate) private: bool,
}

impl Lab {
    pub(crate) fn run(
        &self,
        words: &[OsString],
        verbosity: Verbosity,
    ) -> Result<ExitCode, Trouble> {
        self.check()?;
        let Source { topology, text } = &self.source;
        let mut onlooker = Onlooker::new(verbosity);
        let ended = if self.private {
            run::private(|| {
                let made = lab::up(topology, text, &mut onlooker);
                self.inside(made, onlooker, words)
            })
        } else {
            run::on_host(topology, text, onlooker, |made, onlooker| {
                self.inside(made, onlooker, words)
            })
        };
        Ok(exit_code(ended?))
    }

    /// What runs where nothing else is asked for.
    fn main(&self) -> Option<(&Netns, &Program)> {
        let main = self.source.topology.main_program();
        let main = main.filter(|_| self.programs == Which::All);
        main.map(|(netns, _, program)| (netns, program))
    }

    fn check(&self) -> Result<(), Trouble> {
        let Source { topology, .. } = &self.source;
        if self.netns == Netns::Host || topology.namespaces.contains_key(&self.netns) {
            return Ok(());
        }
        let names: Vec<String> = topology
            .namespaces
            .keys()
            .map(ToString::to_string)
            .collect();
        let (lab, netns) = (&topology.lab, &self.netns);
        let message = format!("lab {lab} has no namespace `{netns}`");
        let trouble = Trouble::input(codes::UNKNOWN_NAMESPACE, message);
        Err(trouble.hint(format!("it has {}", names.join(", "))))
    }

    /// In the child process: becomes the program, or gives an exit code.
    fn inside(&self, made: Result<Plan, Error>, mut onlooker: Onlooker, words: &[OsString]) -> u8 {
        let main = self.main();
        let which = match main {
            Some(_) => Which::ButMain,
            None => self.programs,
        };
        let made = made.and_then(|_| programs::start(&self.source.topology, which, &mut onlooker));
        if let Err(error) = made {
            return Trouble::from(error).show(false);
        }
        // Too late to undo anything, early enough to run nothing.
        if onlooker.interrupted() {
            return INTERRUPTED;
        }
        // Another program takes this one's place: nothing else would take the bar away.
        drop(onlooker);
        if let Some((netns, program)) = main {
            return become_main(netns, program).show(false);
        }
        let banner = format!(
            "a shell in namespace {} of lab {}; `exit` ends both",
            self.netns, self.source.topology.lab
        );
        become_program(&self.netns, words, &banner).show(false)
    }
}

/// Becomes the program that the lab lasts as long as.
fn become_main(netns: &Netns, program: &Program) -> Trouble {
    match programs::command(program) {
        Ok(mut command) => become_command(netns, &mut command),
        Err(e) => e.into(),
    }
}

/// How a program ended, as shells tell it.
pub(crate) fn exit_code(ended: ExitStatus) -> ExitCode {
    let signal = ended.signal().unwrap_or_default();
    if signal == SIGINT {
        // A shell ends its script on Ctrl-C only when what it waited for died of it
        // too (www.cons.org/cracauer/sigint.html).
        let _ = emulate_default_handler(SIGINT);
    }
    let code = ended.code().unwrap_or(128 + signal);
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}
