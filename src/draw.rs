//! A state as a drawing for a terminal: the host and what is plugged into its switches,
//! then the cables that run between namespaces.

use crate::state::{End, IfName, Link, LinkKind, NetState, Netns, is_link_local};

/// A line of the drawing, in columns.
struct Line {
    branch: &'static str,
    place: String,
    dev: String,
    what: String,
}

/// Draws the lab's part of a state, and what of the host it uses. Each namespace stands
/// beside the switch or the device that it is plugged into:
///
/// ```text
/// host
///  ├─ virtual-bridge  10.0.0.1/24  switch
///  │   ├─ one    veth-one-in    10.0.0.10/24
///  │   └─ two    veth-two-in    10.0.0.20/24
///  └─ uplink  203.0.113.1/24  ── internet:eth0  203.0.113.2/24
/// ```
pub fn tree(state: &NetState) -> String {
    let mut text = String::new();
    let own: Vec<(&IfName, &Link)> = host_devices(state).collect();
    if !own.is_empty() {
        text += "host\n";
    }
    for (i, (dev, link)) in own.iter().enumerate() {
        let last = i + 1 == own.len();
        text += &device(state, dev, link, last);
    }
    text += &columns(between(state));
    text += &columns(lonely(state));
    text
}

/// The lab's devices on the host that are no ports of a switch.
fn host_devices(state: &NetState) -> impl Iterator<Item = (&IfName, &Link)> {
    let host = state.namespaces.get(&Netns::Host);
    let links = host.into_iter().flat_map(|host| &host.links);
    links.filter(|(dev, link)| {
        let near = link.owner.as_ref() == Some(&state.lab);
        let far = link.peer().is_some_and(|peer| is_own(state, peer));
        link.master.is_none() && (near || far) && dev.as_str() != "lo"
    })
}

fn is_own(state: &NetState, end: &End) -> bool {
    let namespace = state.namespaces.get(&end.netns);
    namespace.is_some_and(|namespace| namespace.owner.as_ref() == Some(&state.lab))
}

/// A device of the host, and what hangs on it.
fn device(state: &NetState, dev: &IfName, link: &Link, last: bool) -> String {
    let (branch, trunk) = if last {
        (" └─ ", "     ")
    } else {
        (" ├─ ", " │   ")
    };
    let mut line = format!("{branch}{dev}{}", addresses(link));
    if let Some((peer, far)) = link
        .peer()
        .and_then(|peer| Some((peer, find(state, peer)?)))
    {
        line += &format!("  ── {peer}{}", addresses(far));
    }
    if link.kind == LinkKind::Bridge {
        line += "  switch";
        if goes_out(state, dev) {
            line += ", masquerades";
        }
    }
    let mut text = line + "\n";
    for row in columns(ports(state, dev)).lines() {
        text += &format!("{trunk}{row}\n");
    }
    text
}

/// The namespaces that are plugged into a switch.
fn ports(state: &NetState, bridge: &IfName) -> Vec<Line> {
    let host = state.namespaces.get(&Netns::Host);
    let links = host.into_iter().flat_map(|host| host.links.values());
    let plugged = links.filter(|link| link.master.as_ref() == Some(bridge));
    let mut ends: Vec<&End> = plugged.filter_map(Link::peer).collect();
    ends.sort();
    let last = ends.len().saturating_sub(1);
    let line = |(i, end): (usize, &&End)| Line {
        branch: if i == last { "└─ " } else { "├─ " },
        place: end.netns.to_string(),
        dev: end.dev.to_string(),
        what: find(state, end).map(addresses).unwrap_or_default(),
    };
    ends.iter().enumerate().map(line).collect()
}

/// The cables between two namespaces, each once.
fn between(state: &NetState) -> Vec<Line> {
    let mut lines = Vec::new();
    for (netns, namespace) in state.namespaces.iter().filter(|(n, _)| **n != Netns::Host) {
        for (dev, link) in &namespace.links {
            let here = End {
                netns: netns.clone(),
                dev: dev.clone(),
            };
            let Some(peer) = link.peer().filter(|p| **p > here && p.netns != Netns::Host) else {
                continue;
            };
            let far = find(state, peer).map(addresses).unwrap_or_default();
            lines.push(Line {
                branch: "",
                place: netns.to_string(),
                dev: dev.to_string(),
                what: format!("{}  ── {peer}{far}", addresses(link)),
            });
        }
    }
    lines
}

/// The lab's namespaces in which nothing is plugged.
fn lonely(state: &NetState) -> Vec<Line> {
    let own = state.namespaces.iter();
    let own = own.filter(|(_, ns)| ns.owner.as_ref() == Some(&state.lab));
    own.filter(|(_, ns)| ns.links.values().all(|link| link.peer().is_none()))
        .map(|(netns, _)| Line {
            branch: "",
            place: netns.to_string(),
            dev: "lo".to_owned(),
            what: "  plugged into nothing".to_owned(),
        })
        .collect()
}

fn columns(lines: Vec<Line>) -> String {
    let width = |of: fn(&Line) -> &str| lines.iter().map(|line| of(line).chars().count()).max();
    let place = width(|line| &line.place).unwrap_or_default();
    let dev = width(|line| &line.dev).unwrap_or_default();
    let draw = |line: &Line| {
        let text = format!(
            "{}{:place$}  {:dev$}{}",
            line.branch, line.place, line.dev, line.what
        );
        text.trim_end().to_owned() + "\n"
    };
    lines.iter().map(draw).collect()
}

fn addresses(link: &Link) -> String {
    let shown = link
        .addresses
        .iter()
        .filter(|address| !is_link_local(address));
    let list: Vec<String> = shown.map(ToString::to_string).collect();
    let down = if link.up { "" } else { "  (down)" };
    match list.is_empty() {
        true => down.to_owned(),
        false => format!("  {}{down}", list.join(" ")),
    }
}

fn goes_out(state: &NetState, bridge: &IfName) -> bool {
    use crate::state::{Element, SetName, TableName};
    let host = state.namespaces.get(&Netns::Host);
    let table = host.and_then(|host| host.tables.get(&TableName::Inet));
    table.is_some_and(|table| table.has(SetName::Inside, &Element::device(bridge.clone())))
}

fn find<'a>(state: &'a NetState, end: &End) -> Option<&'a Link> {
    state.namespaces.get(&end.netns)?.links.get(&end.dev)
}
