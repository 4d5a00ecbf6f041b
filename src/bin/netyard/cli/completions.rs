use std::process::ExitCode;

use clap::CommandFactory;
use clap::builder::PossibleValuesParser;
use clap_complete::{Shell, generate};

use super::output::say;
use super::trouble::Trouble;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples, for one shell after the other:
  netyard completions bash > ~/.local/share/bash-completion/completions/netyard
  netyard completions zsh > ~/.zfunc/_netyard    (with ~/.zfunc in the fpath)
  netyard completions fish > ~/.config/fish/completions/netyard.fish")]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let (mut text, mut command) = (Vec::new(), super::Cli::command());
    // clap keeps static names only.
    let verbs: Vec<&'static str> = (command.get_subcommands())
        .map(|verb| &*verb.get_name().to_owned().leak())
        .collect();
    command = command.mut_subcommand("man", |man| {
        man.mut_arg("verb", |verb| {
            verb.value_parser(PossibleValuesParser::new(verbs))
        })
    });
    generate(args.shell, &mut command, "netyard", &mut text);
    say!("{}", String::from_utf8_lossy(&text).trim_end());
    Ok(ExitCode::SUCCESS)
}
