//! Changes of the firewall and of flows as commands.

use super::{in_quotes, inside};
use crate::state::{FlowMatch, Nat, Netns, SetName, Table, short};

pub(super) fn element_line(netns: &Netns, verb: &str, set: SetName, what: &str) -> String {
    let (inside, table, set) = (inside(netns), set.table(), set.as_str());
    let what = in_quotes(&format!("{{ {what} }}"));
    format!("{inside}nft {verb} element {table} {set} {what}")
}

pub(super) fn del_table(netns: &Netns, table: &Table) -> Vec<String> {
    let (inside, name) = (inside(netns), table.name);
    if table.user_rules == 0 {
        return vec![format!("{inside}nft delete table {name}")];
    }
    let ours = || table.chains.keys().filter(|chain| !chain.is_users());
    let mut lines = vec![format!("{inside}nft -f - <<'END'")];
    for verb in ["flush", "delete"] {
        lines.extend(ours().map(|chain| format!("{verb} chain {name} {}", chain.as_str())));
    }
    let sets = table.sets.keys();
    lines.extend(sets.map(|set| format!("delete set {name} {}", set.as_str())));
    lines.push("END".to_owned());
    vec![lines.join("\n")]
}

/// As conntrack(8) takes it; it counts as a failure of 1 that there is none.
pub(super) fn flow_line(inside: &str, flows: &FlowMatch) -> String {
    let mut line = format!("{inside}conntrack -D");
    let mut say = |option: &str, value: String| line += &format!(" {option} {value}");
    if flows.is_ipv6() == Some(true) {
        say("-f", "ipv6".to_owned());
    }
    if let Some(name) = flows.protocol_name() {
        say("-p", name);
    }
    if let Some(from) = &flows.from {
        say("-s", short(from));
    }
    if let Some(dst) = &flows.dst {
        say("-d", short(dst));
    }
    match (flows.nat, &flows.dst) {
        (Nat::To(target, port), _) => {
            say("--dst-nat", target.to_string());
            port.into_iter()
                .for_each(|port| say("--reply-port-src", port.to_string()));
        }
        (Nat::Straight, Some(dst)) => say("--reply-src", dst.addr().to_string()),
        (Nat::Masqueraded, _) => line += " --src-nat",
        (Nat::Any | Nat::Straight, _) => {}
    }
    match flows.ports {
        None => format!("{line} || [ $? = 1 ]"),
        Some((first, last)) if first == last => format!("{line} --dport {first} || [ $? = 1 ]"),
        Some((first, last)) => format!(
            "for port in $(seq {first} {last}); do {line} --dport $port || [ $? = 1 ]; done"
        ),
    }
}
