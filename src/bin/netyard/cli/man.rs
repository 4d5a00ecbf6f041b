use std::process::ExitCode;

use clap::CommandFactory;
use clap_mangen::Man;
use netyard::report::codes;

use super::output::say;
use super::trouble::Trouble;

/// Print the manual page, or that of a verb
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: netyard man up | man -l -")]
pub(crate) struct Args {
    /// A verb, such as `up`
    verb: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let mut command = super::Cli::command();
    command.build();
    let page = match &args.verb {
        None => command,
        Some(verb) => command
            .find_subcommand(verb)
            .cloned()
            .ok_or_else(|| Trouble::input(codes::USAGE, format!("there is no verb `{verb}`")))?,
    };
    let mut text = Vec::new();
    Man::new(page).render(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    // Examples are lines, not running text (`.nf`, groff(7)).
    let mut text = text.replace(".SH EXTRA\n", ".SH EXAMPLES\n.nf\n");
    for title in ["Example: ", "Examples: ", "Examples, "] {
        let blank = " ".repeat(title.len());
        let examples = format!(".nf\n{title}");
        if text.contains(&examples) {
            text = text
                .replace(&examples, ".nf\n")
                .replace(&format!("\n{blank}"), "\n");
        }
    }
    say!("{}", text.trim_end());
    Ok(ExitCode::SUCCESS)
}
