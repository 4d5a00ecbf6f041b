use std::process::ExitCode;

use netyard::lab::programs::Which;
use netyard::report::codes;
use netyard::state::Netns;
use netyard::{may_administer, run};

use super::exec::{self, become_program};
use super::progress::Verbosity;
use super::run::{Lab, exit_code};
use super::source;
use super::trouble::Trouble;

/// Open a shell: in a private world, in a file's lab, or in a namespace
///
/// Without arguments it is an empty world of your own, where everything of netyard works
/// without root and nothing is seen outside. With a file it is the same as `run` without
/// a program, with a namespace the same as `exec`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples: netyard shell lab.yaml one    a lab that lives as long as the shell
          netyard shell one             a namespace that is there
          netyard shell                 an empty private world")]
pub(crate) struct Args {
    /// A topology file, or a namespace that is there
    #[arg(value_name = "FILE|NAMESPACE")]
    place: Option<String>,
    /// The namespace of the file's lab; `host` if none is given
    #[arg(requires = "place")]
    netns: Option<Netns>,
    /// In a private world as root too
    #[arg(long)]
    private: bool,
}

pub(crate) fn run(args: &Args, verbosity: Verbosity) -> Result<ExitCode, Trouble> {
    let Some(place) = &args.place else {
        let banner = "a shell in a private world; `exit` ends it, and all that is in it";
        let ended = run::private(|| become_program(&Netns::Host, &[], banner).show(false))?;
        return Ok(exit_code(ended));
    };
    if source::is_file(place) {
        let lab = Lab {
            source: source::read(place)?,
            netns: args.netns.clone().unwrap_or(Netns::Host),
            programs: Which::ButMain,
            private: args.private || !may_administer(),
        };
        return lab.run(&[], verbosity);
    }
    if args.netns.is_some() || args.private {
        let message = format!("`{place}` is no topology file");
        return Err(Trouble::input(codes::USAGE, message).hint(
            "`netyard shell FILE NAMESPACE`, or `netyard shell NAMESPACE` for one that is there",
        ));
    }
    exec::enter(place, &[])
}
