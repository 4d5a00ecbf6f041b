//! A survey as text: a paragraph for each namespace.

use netyard::state::survey::{Device, Space, Survey};

use super::cells;
use crate::cli::output::{BAD, BOLD, DIM, GOOD, say, styled};

/// Prints it; `long` with neighbours, counters and processes.
pub(super) fn show(survey: &Survey, long: bool) {
    let rows = survey
        .namespaces
        .iter()
        .flat_map(|space| space.devices.iter());
    let width = |of: &dyn Fn(&Device) -> usize| rows.clone().map(of).max().unwrap_or_default();
    let widths = Widths {
        name: width(&|device| device.name.chars().count()),
        kind: width(&|device| device.kind.len()),
        state: width(&|device| device.condition().len()),
        // One that has many stands out by itself.
        addresses: width(&|device| cells::addresses(device, long).len().min(WIDEST)),
    };
    for (at, space) in survey.namespaces.iter().enumerate() {
        if at > 0 {
            say!("");
        }
        title(space, long);
        space
            .devices
            .iter()
            .for_each(|device| line(space, device, &widths, long));
        below(space, long);
    }
    for unseen in &survey.unseen {
        say!("\n{} {unseen}", styled(BAD, "not shown:"));
    }
}

/// Columns are at most so wide.
const WIDEST: usize = 34;

struct Widths {
    name: usize,
    kind: usize,
    state: usize,
    addresses: usize,
}

fn title(space: &Space, long: bool) {
    let mut notes = space.labs();
    let other = space.names.iter().filter(|name| **name != space.name);
    notes.extend(other.map(|name| format!("also {name}")));
    if let Some(container) = space.container.as_ref().filter(|_| !space.names.is_empty()) {
        notes.push(format!(
            "{} container {}",
            container.engine,
            container.short()
        ));
    }
    match space.processes.as_slice() {
        [] => {}
        [one] => notes.push(format!("process {} ({})", one.pid, one.name)),
        some => notes.push(format!("{} processes", some.len())),
    }
    if long {
        notes.push(format!("net:[{}]", space.inode));
    }
    let notes = match notes.is_empty() {
        true => String::new(),
        false => format!("  {}", styled(DIM, notes.join(", "))),
    };
    say!("{}{notes}", styled(BOLD, &space.name));
    if let Some(unread) = &space.unread {
        say!("  {}", styled(BAD, unread));
    }
}

fn line(space: &Space, device: &Device, widths: &Widths, long: bool) {
    let state = device.condition();
    let style = if device.carries() { GOOD } else { BAD };
    let padding = " ".repeat(widths.state - state.len());
    let text = format!(
        "  {:name$}  {:kind$}  {}{padding}  {:addresses$}  {}",
        device.name,
        device.kind,
        styled(style, state),
        cells::addresses(device, long),
        cells::wiring(space, device),
        name = widths.name,
        kind = widths.kind,
        addresses = widths.addresses,
    );
    say!("{}", text.trim_end());
    if long {
        let mac = device.mac.as_ref().map(|mac| format!("{mac}, "));
        let carried = cells::carried(&device.counters);
        let more = format!("{}mtu {}, {carried}", mac.unwrap_or_default(), device.mtu);
        say!("  {:name$}  {}", "", styled(DIM, more), name = widths.name);
    }
}

/// What a namespace has beside devices.
fn below(space: &Space, long: bool) {
    // What the kernel adds with an address is seen by the address.
    let said = |path: &&netyard::state::survey::Path| long || path.protocol != "kernel";
    for path in space.routes.iter().filter(said) {
        say!("  route {path}");
    }
    for rule in &space.rules {
        say!("  rule {rule}");
    }
    if long {
        for neighbour in &space.neighbours {
            let mac = neighbour.mac.as_deref().unwrap_or("unknown");
            let (address, dev, state) = (neighbour.address, &neighbour.dev, &neighbour.state);
            say!("  neighbour {address} on {dev} at {mac} {state}");
        }
        for process in &space.processes {
            say!("  process {} ({})", process.pid, process.name);
        }
        space
            .mounts
            .iter()
            .for_each(|mount| say!("  mounted at {mount}"));
    }
    let forwards = [(space.forwards.ipv4, "IPv4"), (space.forwards.ipv6, "IPv6")];
    let forwards: Vec<&str> = (forwards.into_iter())
        .filter_map(|(on, family)| on.then_some(family))
        .collect();
    if !forwards.is_empty() {
        say!("  forwards {}", forwards.join(" and "));
    }
    for subnet in &space.masquerades {
        say!("  masquerades {subnet}");
    }
    for port in &space.published {
        say!("  publishes {port}");
    }
}
