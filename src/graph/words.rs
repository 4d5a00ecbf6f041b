//! What is said of devices and namespaces: in a few words where they are drawn, and at
//! length in what is shown when one points at them.

use std::fmt::Write;

use ipnet::IpNet;

use crate::state::Published;
use crate::state::Visible;
use crate::state::survey::{Address, Container, Counters, Device, Far, Space, Vlan};

/// How a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tone {
    /// What it is called.
    Name,
    /// An address, or what else is a fact.
    Plain,
    /// What is less important.
    Dim,
    /// Something asked for that slows or hinders packets.
    Warn,
    /// Nothing gets through.
    Bad,
}

/// A line of text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    pub(super) tone: Tone,
    pub(super) text: String,
}

impl Line {
    pub(super) fn new(tone: Tone, text: impl Into<String>) -> Self {
        let text = clean(&text.into());
        Line { tone, text }
    }
}

/// Text without what no format takes: control characters and those that are none
/// (XML 1.0, 2.2).
pub(super) fn clean(text: &str) -> String {
    let odd = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    let clean = |c: char| if odd(c) { '\u{fffd}' } else { c };
    text.chars().map(clean).collect()
}

/// How many cells of a line it takes: letters of East Asia and pictures take two.
pub(super) fn cells(text: &str) -> usize {
    let wide = |c: char| usize::from(c >= '\u{1100}') + 1;
    let narrow = |c: char| matches!(c, '\u{2010}'..='\u{2bff}' | '\u{fffd}');
    text.chars()
        .map(|c| if narrow(c) { 1 } else { wide(c) })
        .sum()
}

/// A text in lines of at most so many cells, where its words are no longer.
pub(super) fn folded(text: &str, most: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    for word in text.split(' ') {
        match all.last_mut() {
            Some(last) if last.is_empty() => last.push_str(word),
            Some(last) if cells(last) + 1 + cells(word) <= most => {
                last.push(' ');
                last.push_str(word);
            }
            _ => all.push(word.to_owned()),
        }
    }
    all
}

/// What names are sorted by: `web-2` before `web-10`.
pub(super) fn natural(name: &str) -> (String, usize, String) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem.to_owned(), cells(name), name.to_owned())
}

/// So many addresses are drawn.
const ADDRESSES: usize = 4;

/// Its addresses, but for those that are for the link, or this namespace, alone.
pub(super) fn addresses(device: &Device) -> Vec<Line> {
    let far = |one: &&Address| match one.net {
        IpNet::V4(net) => !net.addr().is_loopback(),
        IpNet::V6(net) => !net.addr().is_unicast_link_local() && !net.addr().is_loopback(),
    };
    let line = |one: &Address| match one.duplicate {
        true => Line::new(Tone::Bad, format!("{} (another has it)", one.net)),
        false => Line::new(Tone::Plain, one.net.to_string()),
    };
    let mut all: Vec<Line> = device.addresses.iter().filter(far).map(line).collect();
    if all.len() > ADDRESSES + 1 {
        let more = format!("and {} more", all.len() - ADDRESSES);
        all.truncate(ADDRESSES);
        all.push(Line::new(Tone::Dim, more));
    }
    all
}

/// What hinders packets.
pub(super) fn marks(device: &Device) -> Vec<Line> {
    let mut said = Vec::new();
    if !device.carries() {
        let word = match device.condition() {
            word @ ("disabled" | "listening" | "learning" | "blocking") => {
                format!("blocked ({word})")
            }
            word => word.to_owned(),
        };
        said.push(Line::new(Tone::Bad, word));
    }
    // Of a port the other end of its cable tells it.
    let told = device.port.is_some() && matches!(device.far, Some(Far::Found(_)));
    let speeds = device.speeds().filter(|_| !told);
    said.extend(speeds.map(|speeds| Line::new(Tone::Warn, speeds)));
    if let Some(qdisc) = device.impairing() {
        let word = if qdisc == "netem" {
            "impaired"
        } else {
            "shaped"
        };
        said.push(Line::new(Tone::Warn, format!("{word} ({qdisc})")));
    }
    if let Some(port) = &device.port {
        if port.isolated {
            said.push(Line::new(Tone::Warn, "isolated"));
        }
        // The VLAN that every port has as it is made says nothing alone.
        let usual = |vlans: &[Vlan]| matches!(vlans, [one] if one.id == 1 && one.untagged);
        if !port.vlans.is_empty() && !usual(&port.vlans) {
            let words = format!("vlan {}", port.vlan_words());
            said.push(Line::new(Tone::Dim, words));
        }
    }
    said
}

/// How packets get through it.
pub(super) fn health(device: &Device) -> Tone {
    match (device.carries(), &device.qdisc) {
        (false, _) => Tone::Bad,
        (true, Some(_)) => Tone::Warn,
        (true, None) => Tone::Plain,
    }
}

/// What kind it is, where its name does not have to say it; and what it has beside.
pub(super) fn kind(device: &Device) -> Line {
    const TOLD: [&str; 9] = [
        "id",
        "mode",
        "remote",
        "local",
        "table",
        "vlan_filtering",
        "listen-port",
        "peers",
        "why",
    ];
    let mut text = match device.kind.as_str() {
        "bridge" => "switch".to_owned(),
        "device" => "network card".to_owned(),
        kind => kind.to_owned(),
    };
    for word in TOLD {
        match (word, device.details.get(word)) {
            (_, None) => {}
            ("vlan_filtering", _) => text += ", tells VLANs apart",
            ("mode" | "id", Some(value)) => _ = write!(text, " {value}"),
            (word, Some(value)) => _ = write!(text, ", {word} {value}"),
        }
    }
    Line::new(Tone::Dim, text)
}

/// A container, as one calls it.
pub(super) fn container(container: &Container) -> String {
    format!("{} container {}", container.engine, container.short())
}

/// The families that a namespace hands on.
pub(super) fn forwards(space: &Space) -> Option<&'static str> {
    match (space.forwards.ipv4, space.forwards.ipv6) {
        (true, true) => Some("forwards IPv4, IPv6"),
        (true, false) => Some("forwards IPv4"),
        (false, true) => Some("forwards IPv6"),
        (false, false) => None,
    }
}

/// A port of the host, and where it leads: `8080 -> web:80/tcp (public)`.
pub(super) fn published(port: &Published) -> String {
    let at = match port.address {
        None => String::new(),
        Some(address) if address.is_ipv6() => format!("[{address}]:"),
        Some(address) => format!("{address}:"),
    };
    let seen = match &port.visible {
        Visible::Loopback => "host only".to_owned(),
        Visible::Lan => "lan".to_owned(),
        Visible::Public => "public".to_owned(),
        Visible::From(nets) => match nets.first() {
            Some(only) if nets.len() == 1 => format!("from {only}"),
            _ => format!("from {} subnets", nets.len()),
        },
    };
    let (host, netns, inner, protocol) = (port.host, &port.netns, port.port, port.protocol);
    format!("{at}{host} -> {netns}:{inner}/{protocol} ({seen})")
}

/// All of a device.
pub(super) fn device_at_length(space: &Space, device: &Device) -> String {
    let mut text = format!("{} in {}: {}", device.name, space.name, device.kind);
    for (word, value) in &device.details {
        _ = write!(text, ", {word} {value}");
    }
    _ = write!(text, "\nstate {}", device.condition());
    if let Some(mac) = &device.mac {
        _ = write!(text, "\nMAC {mac}");
    }
    if device.mtu > 0 {
        _ = write!(text, "\nMTU {}", device.mtu);
    }
    for address in &device.addresses {
        _ = write!(text, "\naddress {}", address.net);
    }
    match &device.far {
        Some(Far::Found(end)) if device.is_cable() => {
            _ = write!(text, "\ncable to {} in {}", end.dev, end.netns);
        }
        Some(Far::Found(end)) => _ = write!(text, "\non {} in {}", end.dev, end.netns),
        Some(Far::Unseen(_)) => text += "\nits other end is in a namespace not seen from here",
        None => {}
    }
    if let Some(master) = &device.master {
        _ = write!(text, "\nin {master}");
    }
    for mark in marks(device).iter().filter(|mark| mark.tone != Tone::Bad) {
        _ = write!(text, "\n{}", mark.text);
    }
    for path in &space.routes {
        let by = |hop: &crate::state::survey::Hop| hop.dev.as_ref() == Some(&device.name);
        if path.protocol != "kernel" && path.hops.iter().any(by) {
            _ = write!(text, "\nroute {path}");
        }
    }
    text += &carried(&device.counters);
    clean_lines(&text)
}

fn carried(counters: &Counters) -> String {
    let c = counters;
    if *c == Counters::default() {
        return String::new();
    }
    let mut text = format!("\nreceived {} packets, {} bytes", c.rx_packets, c.rx_bytes);
    _ = write!(
        text,
        "\nsent {} packets, {} bytes",
        c.tx_packets, c.tx_bytes
    );
    let (errors, dropped) = (c.rx_errors + c.tx_errors, c.rx_dropped + c.tx_dropped);
    if errors + dropped > 0 {
        _ = write!(text, "\n{errors} errors, {dropped} dropped");
    }
    text
}

/// All of a namespace.
pub(super) fn space_at_length(space: &Space) -> String {
    let mut text = format!("namespace {}", space.name);
    for name in space.names.iter().filter(|name| **name != space.name) {
        _ = write!(text, "\nalso {name}");
    }
    for lab in space.labs() {
        _ = write!(text, "\n{lab}");
    }
    if let Some(one) = &space.container {
        _ = write!(text, "\n{}", container(one));
    }
    if let Some(why) = &space.unread {
        _ = write!(text, "\n{why}");
    }
    for process in space.processes.iter().take(8) {
        _ = write!(text, "\nprocess {} ({})", process.pid, process.name);
    }
    if space.processes.len() > 8 {
        _ = write!(text, "\nand {} more", space.processes.len() - 8);
    }
    if let Some(forwards) = forwards(space) {
        _ = write!(text, "\n{forwards}");
    }
    if let Some(router) = &space.router {
        _ = write!(text, "\n{router}");
    }
    for other in &space.parted {
        _ = write!(text, "\nparted from {other}");
    }
    for path in space.routes.iter().filter(|path| path.protocol != "kernel") {
        _ = write!(text, "\nroute {path}");
    }
    for rule in &space.rules {
        _ = write!(text, "\nrule {rule}");
    }
    clean_lines(&text)
}

fn clean_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(clean).collect();
    lines.join("\n")
}
