//! Every operation as the commands that a person would type for it.

mod device;
mod firewall;
mod wireguard;

use std::fmt;

use ipnet::IpNet;

use super::{Op, Plan, Setting, Step};
use device::{add_bridge, add_child, add_veth, add_wireguard, del_links, rename_line};
use firewall::{del_table, element_line, flow_line};
use wireguard::Keys;

use crate::state::{
    Element, End, IfName, IpRule, Netns, Route, SysctlKey, TABLE, Vlans, nft_element, nft_script,
};

impl Op {
    /// The same commands with the keys that [`Op::commands`] hides: for who is to run them.
    pub fn script(&self) -> Vec<String> {
        match self {
            Op::SetLink {
                end,
                set: Setting::Wireguard(set),
                was: Setting::Wireguard(was),
            } => wireguard::lines(end, (set, was), Keys::Revealed),
            op => op.commands(),
        }
    }

    /// The commands that do the same, in order: `ip`, `nft`, `sysctl`. Keys that nobody else
    /// shall know are hidden.
    #[allow(clippy::too_many_lines, reason = "a flat match, one arm an operation")]
    pub fn commands(&self) -> Vec<String> {
        match self {
            Op::AddNetns { name } => vec![
                format!("ip netns add {name}"),
                // It copies the settings of the machine's first namespace.
                format!(
                    "ip netns exec {name} sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.default.forwarding=0 net.ipv4.conf.lo.forwarding=0  # a new one may forward"
                ),
            ],
            Op::DelNetns { name, .. } => vec![format!("ip netns del {name}")],
            Op::AddBridge { end, link } => add_bridge(end, link),
            Op::AddVeth {
                near,
                near_link,
                far,
                far_link,
            } => add_veth(near, near_link, far, far_link),
            Op::AddChild { end, link } => add_child(end, link),
            Op::AddWireguard { end, link } => add_wireguard(end, link),
            Op::SetLink { end, set, was } => set_lines(end, set, was),
            Op::RenameLink { netns, from, to } => vec![rename_line(netns, from, to)],
            Op::DelLinks { netns, devs, group } => del_links(netns, devs, *group),
            Op::AddAddress { end, address } => vec![address_line(end, "add", address)],
            Op::DelAddress { end, address } => vec![address_line(end, "del", address)],
            Op::SetLifetime {
                end,
                address,
                lifetime,
                ..
            } => {
                let line = address_line(end, "change", address);
                vec![format!("{line} {lifetime}")]
            }
            Op::AddRoute { netns, route } => vec![route_line(netns, "add", route)],
            Op::ReplaceRoute { netns, route, .. } => vec![route_line(netns, "replace", route)],
            Op::DelRoute { netns, route } => vec![route_line(netns, "del", route)],
            Op::AddRule { netns, rule } => vec![rule_line(netns, "add", rule)],
            Op::DelRule { netns, rule } => vec![rule_line(netns, "del", rule)],
            Op::SetSysctl {
                netns, key, value, ..
            } => {
                vec![format!(
                    "{}sysctl -qw {}",
                    inside(netns),
                    word(&format!("{key}={value}"))
                )]
            }
            Op::AddTable { netns, table } => {
                let nft = inside(netns) + "nft -f -";
                vec![format!("{nft} <<'END'\n{}END", nft_script(table))]
            }
            Op::DelTable { netns, table } => del_table(netns, table),
            Op::AddElement {
                netns,
                set,
                element,
                owner,
            } => {
                let owner = owner.as_ref().map_or(TABLE, |lab| lab.as_str());
                let what = nft_element(element, Some(owner));
                vec![element_line(netns, "add", *set, &what)]
            }
            Op::DelElement {
                netns,
                set,
                element,
                ..
            } => {
                let key = nft_element(&Element::of(element.key.clone()), None);
                vec![element_line(netns, "delete", *set, &key)]
            }
            Op::DelFlows { netns, flows } => {
                let line = |flows| flow_line(&inside(netns), flows);
                flows.iter().map(line).collect()
            }
        }
    }
}

/// A device name as a shell word: the kernel allows `$`, `&`, quotes in it.
fn quoted(dev: &IfName) -> String {
    word(dev.as_str())
}

/// A text as it stands, in quotes if the shell would read anything into it.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.@+,=/:".contains(c);
    match text.chars().all(plain) {
        true => text.to_owned(),
        false => in_quotes(text),
    }
}

/// A text as one shell word that the shell takes as it stands.
fn in_quotes(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

pub(super) fn ip(netns: &Netns) -> String {
    command("ip", netns)
}

fn bridge(netns: &Netns) -> String {
    command("bridge", netns)
}

fn inside(netns: &Netns) -> String {
    match netns {
        Netns::Host => String::new(),
        Netns::At(path) => format!("nsenter --net={} ", word(path.as_str())),
        Netns::Named(name) => format!("ip netns exec {name} "),
    }
}

/// `-n` takes names only.
fn command(program: &str, netns: &Netns) -> String {
    match netns {
        Netns::Host => program.to_owned(),
        Netns::At(_) => inside(netns) + program,
        Netns::Named(name) => format!("{program} -n {name}"),
    }
}

fn set_lines(end: &End, set: &Setting, was: &Setting) -> Vec<String> {
    match (set, was) {
        (Setting::Vlans(set), Setting::Vlans(was)) => vlan_lines(end, (set, was), ""),
        (Setting::OwnVlans(set), Setting::OwnVlans(was)) => vlan_lines(end, (set, was), " self"),
        (Setting::Wireguard(set), Setting::Wireguard(was)) => {
            wireguard::lines(end, (set, was), Keys::Hidden)
        }
        _ => vec![set_line(end, set)],
    }
}

/// Those that go and those that come.
fn vlan_lines(end: &End, (set, was): (&Vlans, &Vlans), side: &str) -> Vec<String> {
    let (bridge, dev) = (bridge(&end.netns), quoted(&end.dev));
    let line =
        |verb: &str, what: String| format!("{bridge} vlan {verb} dev {dev} vid {what}{side}");
    let (gone, come) = (was.without(set), set.beyond(was));
    let gone = gone
        .iter()
        .map(|entry| line("del", entry.range.to_string()));
    let come = come.iter().map(|entry| line("add", entry.to_string()));
    gone.chain(come).collect()
}

/// A setting of `ip link`; what a port has is told to `bridge`, and one is told to no
/// command but `sysctl`.
fn set_line(end: &End, set: &Setting) -> String {
    let program = match set {
        Setting::Localnet(on) => {
            let (key, value) = (SysctlKey::route_localnet(&end.dev), u8::from(*on));
            let what = word(&format!("{key}={value}"));
            return format!("{}sysctl -qw {what}", inside(&end.netns));
        }
        Setting::Hairpin(_) | Setting::Isolated(_) | Setting::Forwarding(_) => bridge(&end.netns),
        Setting::Qdisc(_) => return queue_line(end, set),
        _ => ip(&end.netns),
    };
    format!("{program} link set dev {} {set}", quoted(&end.dev))
}

/// `replace` changes one of the same kind in place.
fn queue_line(end: &End, set: &Setting) -> String {
    let (tc, dev) = (command("tc", &end.netns), quoted(&end.dev));
    match set {
        Setting::Qdisc(None) => format!("{tc} qdisc del dev {dev} root"),
        set => format!("{tc} qdisc replace dev {dev} root {set}"),
    }
}

fn address_line(end: &End, verb: &str, address: &IpNet) -> String {
    let nodad = match address {
        IpNet::V6(_) if verb != "del" => " nodad",
        _ => "",
    };
    let dev = quoted(&end.dev);
    format!(
        "{} address {verb} {address} dev {dev}{nodad}",
        ip(&end.netns)
    )
}

fn route_line(netns: &Netns, verb: &str, route: &Route) -> String {
    let words: Vec<String> = route.to_string().split(' ').map(word).collect();
    format!("{} route {verb} {}", ip(netns), words.join(" "))
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn rule_line(netns: &Netns, verb: &str, rule: &IpRule) -> String {
    let family = if rule.v6 { " -6" } else { "" };
    let words: Vec<String> = rule.to_string().split(' ').map(word).collect();
    format!("{}{family} rule {verb} {}", ip(netns), words.join(" "))
}

/// As `ip link set dev DEV` takes it; what a port has, as `bridge link set dev DEV`; a queue as
/// `tc qdisc replace dev DEV root`.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Setting::Up(true) => f.write_str("up"),
            Setting::Up(false) => f.write_str("down"),
            Setting::Mtu(mtu) => write!(f, "mtu {mtu}"),
            Setting::Mac(mac) => write!(f, "address {mac}"),
            Setting::Master(Some(bridge)) => write!(f, "master {}", quoted(bridge)),
            Setting::Master(None) => f.write_str("nomaster"),
            Setting::AddrGen(mode) => write!(f, "addrgenmode {mode}"),
            Setting::Hairpin(on) => write!(f, "hairpin {}", on_off(*on)),
            Setting::Localnet(on) => write!(f, "route_localnet {}", on_off(*on)),
            Setting::Isolated(on) => write!(f, "isolated {}", on_off(*on)),
            Setting::Filtering(filtering) => write!(f, "type bridge {filtering}"),
            Setting::Vlans(vlans) | Setting::OwnVlans(vlans) => write!(f, "VLANs {vlans}"),
            Setting::Qdisc(Some(qdisc)) => write!(f, "{qdisc}"),
            Setting::Qdisc(None) => f.write_str("the kernel's own queue"),
            Setting::Wireguard(_) => f.write_str("WireGuard keys and peers"),
            // The numbers of BR_STATE_DISABLED and BR_STATE_FORWARDING (linux/if_bridge.h).
            Setting::Forwarding(on) => {
                let state = if *on { 3 } else { 0 };
                write!(f, "state {state}")
            }
        }
    }
}

/// One step a line, its reason behind it; a step of several commands has the
/// reason behind the first.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            for (i, command) in step.op.commands().iter().enumerate() {
                match (i, command.split_once('\n')) {
                    (0, Some((first, rest))) => writeln!(f, "{first}  # {}\n{rest}", step.because)?,
                    (0, None) => writeln!(f, "{command}  # {}", step.because)?,
                    (_, _) => writeln!(f, "{command}")?,
                }
            }
        }
        Ok(())
    }
}

impl Plan {
    /// A shell script that does the same with iproute2, nft and sysctl.
    pub fn script(&self) -> String {
        let flows = |step: &Step| matches!(step.op, Op::DelFlows { .. });
        let tunnels = |step: &Step| matches!(&step.op, Op::SetLink { set, .. } if matches!(set, Setting::Wireguard(_)));
        let mut more = String::new();
        if self.steps.iter().any(flows) {
            more += ", conntrack";
        }
        if self.steps.iter().any(tunnels) {
            more += ", wireguard-tools";
        }
        let mut script = format!(
            "#!/bin/sh\n# lab {}: the same by hand (needs root, iproute2, nftables, procps{more})\nset -e\n",
            self.lab
        );
        if self.is_empty() {
            script += "\n# it is there: nothing to do\n";
        }
        for step in &self.steps {
            script += &format!("\n# {}\n", step.because);
            for command in step.op.script() {
                script += &command;
                script.push('\n');
            }
        }
        script
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::SetName;

    /// What a shell would hand to nft, read back from the command's quoting.
    fn word(command: &str) -> String {
        let (_, quoted) = command.split_once('\'').expect("a quoted word");
        let inner = quoted.strip_suffix('\'').expect("the word comes last");
        let (word, rest) = (inner.replace(r"'\''", "\0"), inner.replace(r"'\''", ""));
        assert!(
            !rest.contains('\''),
            "the shell would see more than one word"
        );
        word.replace('\0', "'")
    }

    #[test]
    fn an_element_is_one_shell_word_whatever_the_device_is_called() {
        for (name, nft) in [
            ("br0", "\"br0\""),
            ("x'$(id>&2)'y", "\"x'$(id>&2)'y\""),
            ("a`id`", "\"a`id`\""),
            ("br*", "\"br\\*\""),
        ] {
            let element = Element::device(name.parse().expect("a device name"));
            let set = SetName::Inside;
            let add = Op::AddElement {
                netns: Netns::Host,
                set,
                element: element.clone(),
                owner: Some("lab".parse().expect("a lab name")),
            };
            assert_eq!(
                word(&add.commands()[0]),
                format!("{{ {nft} comment \"lab\" }}")
            );
            let del = Op::DelElement {
                netns: Netns::Host,
                set,
                element,
                owner: None,
            };
            assert_eq!(word(&del.commands()[0]), format!("{{ {nft} }}"));
        }
    }
}
