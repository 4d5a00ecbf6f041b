use std::process::ExitCode;

use clap::ValueEnum;
use netyard::lab;
use netyard::plan::Plan;

use super::output::{self, DIM, Trouble, say, styled};
use super::source;

/// Show what `up` would do, as the commands that one would type; change nothing
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The topology file; `-` reads standard input
    file: String,
    /// The form: for people, as a shell script, or as JSON
    #[arg(long = "as", value_name = "FORM", default_value = "text")]
    form: Form,
    /// The same as `--as json`
    #[arg(long, conflicts_with = "form")]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One command a line, each with its reason
    Text,
    /// A script that builds the same network with ip, nft and sysctl
    Sh,
    /// Every operation with all its values
    Json,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let source = source::read(&args.file)?;
    let plan = lab::plan(&source.topology)?;
    match args.form {
        _ if args.json => return output::json(&plan),
        Form::Json => return output::json(&plan),
        Form::Sh => say!("{}", plan.script().trim_end()),
        Form::Text if plan.is_empty() => {
            say!("lab {} is as the file says: nothing to do", plan.lab);
        }
        Form::Text => print(&plan),
    }
    Ok(ExitCode::SUCCESS)
}

/// The reasons stand behind the commands, in a column.
fn print(plan: &Plan) {
    let text = plan.to_string();
    let lines: Vec<(&str, &str)> = text
        .lines()
        .map(|line| line.split_once("  # ").unwrap_or((line, "")))
        .collect();
    // A very long command does not push the reasons of all the others away.
    let width = lines
        .iter()
        .map(|(command, _)| command.len())
        .filter(|len| *len <= 72)
        .max();
    for (command, because) in lines {
        match because {
            "" => say!("{command}"),
            _ => {
                let because = styled(DIM, format!("# {because}"));
                say!("{command:width$}  {because}", width = width.unwrap_or(0));
            }
        }
    }
}
