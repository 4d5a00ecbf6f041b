use std::process::ExitCode;

use netyard::error::Error;
use netyard::gc::{self, Leftover};
use netyard::ipam::Lease;
use netyard::lease;
use serde_json::{Value, json};

use super::changes;
use super::consent::agree;
use super::output::{self, BOLD, say, styled};
use super::progress::{Onlooker, Verbosity};
use super::trouble::Trouble;

/// Remove what no living lab owns
///
/// Labs whose host, a network namespace, is gone, and those that were all in namespaces of
/// others which are gone, as a container's whose engine did not tell of its end; and what
/// carries the mark of a lab of which the journal knows nothing, as when /run was emptied;
/// and addresses that are held for containers whose namespaces are gone. It is shown
/// first. Without `--yes` it asks; where nobody can be asked, nothing is removed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: netyard gc --dry-run")]
pub(crate) struct Args {
    /// Remove it without a question
    #[arg(short, long)]
    yes: bool,
    /// Only show it; the exit code is 1 when there is something
    #[arg(short = 'n', long, conflicts_with = "yes")]
    dry_run: bool,
    /// Print JSON; removes only with `--yes`
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where by then something else is left than was shown, it is shown anew.
pub(crate) fn run(args: &Args, verbosity: Verbosity) -> Result<ExitCode, Trouble> {
    loop {
        let found = Found {
            labs: gc::leftovers()?,
            leases: lease::open_to_read()?.gone()?,
        };
        if let Some(code) = attempt(args, &found, verbosity)? {
            return Ok(code);
        }
    }
}

/// What no living lab and no living container owns.
struct Found {
    labs: Vec<Leftover>,
    leases: Vec<Lease>,
}

impl Found {
    fn is_empty(&self) -> bool {
        self.labs.is_empty() && self.leases.is_empty()
    }
}

fn attempt(args: &Args, found: &Found, verbosity: Verbosity) -> Result<Option<ExitCode>, Trouble> {
    if !args.json {
        found.labs.iter().for_each(show);
        found.leases.iter().for_each(show_lease);
    }
    if found.is_empty() || args.dry_run || args.json && !args.yes {
        if args.json {
            told(found)?;
        } else if found.is_empty() {
            say!("nothing is left of labs and containers that are gone");
        }
        return Ok(Some(ExitCode::from(u8::from(!found.is_empty()))));
    }
    if !args.yes {
        agree("no living lab owns this; nothing was removed")?;
    }
    let labs = match gc::collect(&found.labs, &mut Onlooker::new(verbosity)) {
        Err(Error::Declined) => return Ok(None),
        labs => labs?,
    };
    let leases = match found.leases.as_slice() {
        [] => Vec::new(),
        agreed => lease::open()?.gc(agreed)?,
    };
    let removed = Found { labs, leases };
    if args.json {
        return told(&removed).map(Some);
    }
    for Leftover { lab, .. } in removed.labs {
        say!("what was left of lab {} is removed", styled(BOLD, &lab));
    }
    match removed.leases.len() {
        0 => {}
        1 => say!("1 address is free again"),
        many => say!("{many} addresses are free again"),
    }
    Ok(Some(ExitCode::SUCCESS))
}

fn told(left: &Found) -> Result<ExitCode, Trouble> {
    let labs = left.labs.iter().map(as_json);
    let all = labs.chain(left.leases.iter().map(lease_as_json));
    output::json(&all.collect::<Vec<_>>())
}

fn show_lease(lease: &Lease) {
    let Lease {
        address,
        holder,
        netns,
        dev,
        ..
    } = lease;
    let address = styled(BOLD, address.addr());
    say!("{address} is held for {dev} of {holder}, whose namespace {netns} is gone");
}

fn lease_as_json(lease: &Lease) -> Value {
    json!({
        "address": lease.address, "holder": lease.holder.to_string(), "network": lease.network,
        "netns": lease.netns, "interface": lease.dev,
    })
}

fn show(left: &Leftover) {
    let lab = styled(BOLD, &left.lab);
    match left.plan.is_empty() {
        true => say!("left of lab {lab}: only its record"),
        false => say!(
            "left of lab {lab}:\n{}",
            changes::list(&left.plan.changes())
        ),
    }
}

fn as_json(left: &Leftover) -> Value {
    json!({ "lab": left.lab, "steps": left.plan.steps })
}
