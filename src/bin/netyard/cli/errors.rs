use std::process::ExitCode;

use netyard::report::{self, Code, wrap};
use serde_json::{Value, json};

use super::output::{self, BOLD, say, styled};
use super::trouble::Trouble;

/// Explain an error by its code, or list all codes
///
/// An error shows its code in brackets, as in `error[unknown-key]`; with --json it
/// is `error.code`. A code keeps its meaning from version to version.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: netyard errors unknown-key")]
pub(crate) struct Args {
    /// A code, such as `unknown-key`
    #[arg(value_parser = words(), hide_possible_values = true)]
    code: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The codes, for completions, and for suggestions where one is misspelt.
fn words() -> clap::builder::PossibleValuesParser {
    let all =
        report::all().map(|code| clap::builder::PossibleValue::new(code.word).help(code.title));
    clap::builder::PossibleValuesParser::new(all)
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    match args.code.as_deref().and_then(report::find) {
        Some(code) if args.json => output::json(&as_json(code)),
        Some(code) => {
            explain(code);
            Ok(ExitCode::SUCCESS)
        }
        None if args.json => {
            let all: Vec<Value> = report::all().map(as_json).collect();
            output::json(&all)
        }
        None => {
            list();
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn as_json(code: &Code) -> Value {
    let Code {
        word,
        title,
        means,
        cause,
        fix,
        ..
    } = code;
    json!({ "code": word, "title": title, "means": means, "cause": cause, "fix": fix })
}

fn explain(code: &Code) {
    let width = width();
    say!("{}: {}", styled(BOLD, code.word), code.title);
    say!("\n{}", wrap(code.means, width));
    if !code.cause.is_empty() {
        say!(
            "\n{} {}",
            styled(BOLD, "Likely cause:"),
            indented(code.cause, 14)
        );
    }
    say!(
        "\n{} {}",
        styled(BOLD, "What to do:"),
        indented(code.fix, 12)
    );
}

/// No wider than is good to read.
fn width() -> usize {
    output::width().clamp(40, 100)
}

/// A text that begins in this column and goes on there.
fn indented(text: &str, column: usize) -> String {
    let lines = wrap(text, width().saturating_sub(column));
    lines.replace('\n', &format!("\n{:column$}", ""))
}

fn list() {
    let widest = report::all().map(|code| code.word.len()).max();
    let widest = widest.unwrap_or_default();
    for (i, (section, codes)) in report::SECTIONS.iter().enumerate() {
        let before = if i == 0 { "" } else { "\n" };
        say!("{before}{}", styled(BOLD, section));
        for code in *codes {
            say!("  {:widest$}  {}", code.word, code.title);
        }
    }
}
