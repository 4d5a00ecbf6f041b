use std::process::ExitCode;

use netyard::lab::{self, LinkEnd, Way};
use netyard::state::{Conditions, LabName};
use serde_json::{Value, json};

use crate::cli::output::{self, BOLD, DIM, say, styled};
use crate::cli::trouble::Trouble;

/// Show every end of a lab's links, and what becomes of packets there
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The lab
    lab: LabName,
    /// For programs
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let links = lab::links(&args.lab)?;
    if args.json {
        let all: Vec<Value> = links.iter().map(value).collect();
        return output::json(&all);
    }
    let width = links.iter().map(|link| link.end.to_string().len()).max();
    for link in &links {
        let set = |is: bool| match is {
            true => styled(DIM, "  set while the lab was up"),
            false => String::new(),
        };
        let name = format!(
            "{:width$}",
            link.end.to_string(),
            width = width.unwrap_or(0)
        );
        let name = styled(BOLD, name);
        if link.down {
            say!("{name}  down{}", set(true));
        }
        let ways = [(Way::In, link.received), (Way::Out, link.sent)];
        for (way, conditions) in ways {
            let set = set(link.set.contains(&way));
            say!("{name}  {:3}  {}{set}", word(way), words(conditions));
        }
    }
    for two in lab::partitions(&args.lab)? {
        let [one, other] = two.both().map(|netns| styled(BOLD, netns));
        say!("{one} and {other} are parted");
    }
    if links.is_empty() {
        say!("lab {} has no links", args.lab);
    }
    Ok(ExitCode::SUCCESS)
}

fn value(link: &LinkEnd) -> Value {
    json!({
        "end": link.end, "peer": link.peer, "down": link.down, "in": link.received,
        "out": link.sent, "apart": link.apart, "set": link.set.iter().map(|way| word(*way)).collect::<Vec<_>>(),
    })
}

fn word(way: Way) -> &'static str {
    match way {
        Way::In => "in",
        Way::Out => "out",
    }
}

/// As `link set` takes them.
fn words(conditions: Option<Conditions>) -> String {
    let Some(of) = conditions else {
        return "as fast as the machine".to_owned();
    };
    let times = [("delay", of.delay), ("jitter", of.jitter)];
    let times = times.into_iter().filter(|(_, time)| !time.is_zero());
    let shares = [
        ("loss", of.loss),
        ("duplicate", of.duplicate),
        ("reorder", of.reorder),
        ("corrupt", of.corrupt),
    ];
    let shares = shares.into_iter().filter(|(_, share)| !share.is_none());
    let words = times.map(|(word, time)| format!("{word} {time}"));
    let words = words.chain(shares.map(|(word, share)| format!("{word} {share}")));
    let words = words.chain(of.rate.map(|rate| format!("rate {rate}")));
    let words: Vec<String> = words
        .chain(of.limit.map(|limit| format!("limit {limit}")))
        .collect();
    words.join(" ")
}
