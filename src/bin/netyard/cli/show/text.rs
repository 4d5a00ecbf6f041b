//! A survey as text: a paragraph for each namespace. On a terminal, what is too long for a
//! line goes on below it, indented.

use anstyle::Style;
use netyard::report::wrap;
use netyard::state::survey::{Device, Path, Space, Survey};

use super::cells;
use crate::cli::output::{BAD, BOLD, DIM, GOOD, fits, say, styled};

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
        say!("");
        let head = "not shown: ";
        beside(&styled(BAD, head), head.len(), PLAIN, unseen);
    }
}

const PLAIN: Style = Style::new();
/// The least room for a text beside its head; where there is less, it stands below.
const ROOM: usize = 24;
/// How far what stands below is indented.
const INDENT: usize = 6;

/// A head, which has so many columns without its colours, and a text of several lines.
fn beside(head: &str, columns: usize, style: Style, text: &str) {
    let width = fits();
    let (mut head, indent) = match width.saturating_sub(columns) >= ROOM {
        true => (head, columns),
        false => {
            say!("{}", head.trim_end());
            (&*" ".repeat(INDENT), INDENT)
        }
    };
    let margin = " ".repeat(indent);
    for line in wrap(text, width.saturating_sub(indent)).lines() {
        say!("{head}{}", styled(style, line));
        head = &margin;
    }
}

/// A line of its own, which goes on where it is too long.
fn below_it(style: Style, text: &str) {
    let mut head = "  ";
    for line in wrap(text, fits().saturating_sub(INDENT)).lines() {
        say!("{head}{}", styled(style, line));
        head = "      ";
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
    let head = format!("{}  ", styled(BOLD, &space.name));
    match notes.is_empty() {
        true => say!("{}", head.trim_end()),
        false => beside(
            &head,
            space.name.chars().count() + 2,
            DIM,
            &notes.join(", "),
        ),
    }
    if let Some(unread) = &space.unread {
        below_it(BAD, unread);
    }
}

fn line(space: &Space, device: &Device, widths: &Widths, long: bool) {
    let state = device.condition();
    let style = if device.carries() { GOOD } else { BAD };
    let padding = " ".repeat(widths.state - state.len());
    let (name, kind) = (widths.name, widths.kind);
    let head = format!(
        "  {:name$}  {:kind$}  {}{padding}  ",
        device.name,
        device.kind,
        styled(style, state)
    );
    let columns = name + kind + widths.state + 8;
    let (addresses, wiring) = (cells::addresses(device, long), cells::wiring(space, device));
    let together = format!("{addresses:width$}  {wiring}", width = widths.addresses);
    let together = together.trim_end();
    match (
        addresses.is_empty() && wiring.is_empty(),
        columns + together.chars().count() <= fits(),
    ) {
        (true, _) => say!("{}", head.trim_end()),
        (false, true) => say!("{head}{together}"),
        (false, false) => {
            let text = format!("{addresses}\n{wiring}");
            beside(&head, columns, PLAIN, text.trim());
        }
    }
    if long {
        let mac = device.mac.as_ref().map(|mac| format!("{mac}, "));
        let carried = cells::carried(&device.counters);
        let more = format!("{}mtu {}, {carried}", mac.unwrap_or_default(), device.mtu);
        beside(&" ".repeat(name + 4), name + 4, DIM, &more);
    }
}

/// So many routes of a namespace are printed.
const ROUTES: usize = 20;

/// What a namespace has beside devices.
fn below(space: &Space, long: bool) {
    // What the kernel adds with an address is seen by the address.
    let said = |path: &&Path| long || path.protocol != "kernel";
    let item = |text: String| below_it(PLAIN, &text);
    let routes: Vec<&Path> = space.routes.iter().filter(said).collect();
    for path in routes.iter().take(ROUTES) {
        item(format!("route {path}"));
    }
    if let Some(more @ 1..) = routes.len().checked_sub(ROUTES) {
        item(format!("and {more} more (--json has all)"));
    }
    for rule in &space.rules {
        item(format!("rule {rule}"));
    }
    if long {
        for neighbour in &space.neighbours {
            let mac = neighbour.mac.as_deref().unwrap_or("unknown");
            let (address, dev, state) = (neighbour.address, &neighbour.dev, &neighbour.state);
            item(format!("neighbour {address} on {dev} at {mac} {state}"));
        }
        for process in &space.processes {
            item(format!("process {} ({})", process.pid, process.name));
        }
        for mount in &space.mounts {
            item(format!("mounted at {mount}"));
        }
    }
    let forwards = [(space.forwards.ipv4, "IPv4"), (space.forwards.ipv6, "IPv6")];
    let forwards: Vec<&str> = (forwards.into_iter())
        .filter_map(|(on, family)| on.then_some(family))
        .collect();
    if !forwards.is_empty() {
        item(format!("forwards {}", forwards.join(" and ")));
    }
    if let Some(router) = &space.router {
        item(router.clone());
    }
    for other in &space.parted {
        item(format!("parted from {other}"));
    }
    for subnet in &space.masquerades {
        item(format!("masquerades {subnet}"));
    }
    for port in &space.published {
        item(format!("publishes {port}"));
    }
}
