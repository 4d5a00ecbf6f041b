//! A device in words: the cells of a table.

use netyard::state::survey::{Address, Counters, Device, Far, Space};

/// So many ports of a bridge are named, others are counted.
const NAMED: usize = 4;

/// Its addresses; those that a kernel makes for the link alone only where all is asked for.
pub(crate) fn addresses(device: &Device, all: bool) -> String {
    let link_local = |address: &&Address| match address.net {
        ipnet::IpNet::V6(net) => net.addr().is_unicast_link_local(),
        ipnet::IpNet::V4(_) => false,
    };
    let shown = device
        .addresses
        .iter()
        .filter(|one| all || !link_local(one));
    let words: Vec<String> = shown.map(address).collect();
    words.join(" ")
}

fn address(address: &Address) -> String {
    let mark = match address {
        Address {
            duplicate: true, ..
        } => " (another has it)",
        Address {
            tentative: true, ..
        } => " (not yet)",
        _ => "",
    };
    format!("{}{mark}", address.net)
}

/// What it is plugged into, and what is plugged into it.
pub(crate) fn wiring(space: &Space, device: &Device) -> String {
    let mut parts = Vec::new();
    let cable = device.is_cable();
    match &device.far {
        Some(Far::Found(end)) if cable => parts.push(format!("to {} in {}", end.dev, end.netns)),
        Some(Far::Found(end)) if end.netns == space.name => parts.push(format!("on {}", end.dev)),
        Some(Far::Found(end)) => parts.push(format!("on {} in {}", end.dev, end.netns)),
        Some(Far::Unseen(_)) => {
            parts.push(format!(
                "{} a namespace not seen from here",
                if cable { "to" } else { "in" }
            ));
        }
        None => {}
    }
    parts.extend(details(device));
    if let Some(master) = &device.master {
        parts.push(format!("in {master}"));
    }
    if let Some(port) = &device.port {
        parts.extend(port.isolated.then(|| "isolated".to_owned()));
        parts.extend(port.hairpin.then(|| "hairpin".to_owned()));
        if !port.vlans.is_empty() {
            parts.push(format!("vlan {}", port.vlan_words()));
        }
    }
    let ports: Vec<&str> = space.ports(device).map(|port| port.name.as_str()).collect();
    match ports.len() {
        0 if device.kind == "bridge" => parts.push("no ports".to_owned()),
        0 => {}
        some if some > NAMED => parts.push(format!("{some} ports")),
        _ => parts.push(format!("ports {}", ports.join(" "))),
    }
    // A limit that is known is told as such, at both ends.
    parts.extend(device.impairing().map(|qdisc| format!("qdisc {qdisc}")));
    parts.extend(device.speeds());
    parts.join(", ")
}

/// What its kind has beside; a bridge's spanning tree only where it is on.
fn details(device: &Device) -> Option<String> {
    let said = device.details.iter();
    let said = said.filter(|(word, value)| !(*word == "stp" && *value == "no"));
    let words: Vec<String> = said
        .map(|(word, value)| format!("{word} {value}"))
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// What it has carried; errors and drops only where there are some.
pub(crate) fn carried(counters: &Counters) -> String {
    let way = |word, bytes, packets, errors, dropped| {
        let mut text = format!("{word} {packets} packets, {}", size(bytes));
        if errors > 0 {
            text += &format!(", {errors} errors");
        }
        if dropped > 0 {
            text += &format!(", {dropped} dropped");
        }
        text
    };
    let c = counters;
    let received = way(
        "received",
        c.rx_bytes,
        c.rx_packets,
        c.rx_errors,
        c.rx_dropped,
    );
    let sent = way("sent", c.tx_bytes, c.tx_packets, c.tx_errors, c.tx_dropped);
    format!("{received}; {sent}")
}

/// Bytes, as people read them: `999 B`, `1.5 kB`.
pub(crate) fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for next in units {
        if value < 1000.0 {
            break;
        }
        (value, unit) = (value / 1000.0, next);
    }
    match unit {
        "B" => format!("{bytes} B"),
        _ => format!("{value:.1} {unit}"),
    }
}
