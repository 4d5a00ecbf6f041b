//! `CHECK`: whether all is still there.

use netyard::lab::{self, Journal};
use netyard::plan::{Op, Setting};
use netyard::state::Netns;
use netyard::topology;

use super::attach::{inode, lab_name_of, netns_of};
use super::call::Call;
use super::config::Config;
use super::failure::{Code, Failure};
use super::network::lab_of;

pub(super) fn check(config: &Config, call: &Call) -> Result<(), Failure> {
    config.before()?;
    let dev = call.dev()?.as_str();
    let name = lab_name_of(&config.name, &call.container, dev);
    let netns = netns_of(call)?;
    let network = (config.kind.has_network()).then(|| lab_of(&config.name));
    for name in network.into_iter().chain([name]) {
        let known = Journal::open()?.find(&name)?;
        let known = known.ok_or_else(|| {
            let what = format!("{dev} of container {}", call.container);
            let msg = format!("{what} is not attached to network {}", config.name);
            Failure::new(Code::Different, msg).details(format!("no lab `{name}` is up"))
        })?;
        let topology = topology::parse(&known.source)?;
        let mut paths = topology.namespaces.keys().filter_map(Netns::joined);
        if let Some(path) = paths.next()
            && inode(path.as_str()) != inode(netns.as_str())
        {
            let msg = format!("{dev} of {netns} is not attached: {path} is");
            return Err(Failure::new(Code::Different, msg));
        }
        let drift = lab::status(&topology)?.drift;
        let drift = drift.map_err(netyard::error::Error::from)?;
        let mut missing = drift.steps.iter().filter(|step| is_missing(&step.op));
        if let Some(first) = missing.next() {
            let others = match missing.count() {
                0 => String::new(),
                n => format!(", and {n} more"),
            };
            let msg = format!(
                "{} is needed on {}{others}",
                first.op.title(),
                first.op.netns()
            );
            let details = format!("`netyard repair {name}` does it");
            return Err(Failure::new(Code::Different, msg).details(details));
        }
    }
    Ok(())
}

/// What plugins that come after this one may change as they like is no difference.
fn is_missing(op: &Op) -> bool {
    !matches!(
        op,
        Op::SetLink {
            set: Setting::Mac(_) | Setting::Mtu(_) | Setting::Qdisc(None),
            ..
        } | Op::DelAddress { .. }
            | Op::DelRoute { .. }
            | Op::SetLifetime { .. }
    )
}
