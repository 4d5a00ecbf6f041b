//! Configuration of others, as far as it bears on labs.

/// Whether a rule set for nft begins with taking all tables away.
pub(super) fn flushes(ruleset: &str) -> bool {
    let mut commands = ruleset.lines().flat_map(|line| {
        let code = line.split('#').next().unwrap_or_default();
        code.split(';')
    });
    commands.any(|command| command.split_whitespace().eq(["flush", "ruleset"]))
}

/// A section and a key of an ini file with its value, for each line that has one
/// (systemd.syntax(7)); shells' assignments too, whose section is empty.
pub(super) fn entries(text: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let mut section = "";
    text.lines().map(str::trim).filter_map(move |line| {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = name;
        }
        if line.starts_with(['#', ';']) {
            return None;
        }
        let (key, value) = line.split_once('=')?;
        Some((section, key.trim(), value.trim().trim_matches(['"', '\''])))
    })
}

/// The last value of a key, of which each later one replaces those before.
pub(super) fn last<'a>(text: &'a str, section: &str, key: &str) -> Option<&'a str> {
    let all = entries(text).filter(|(s, k, _)| *s == section && *k == key);
    all.map(|(_, _, value)| value).last()
}

pub(super) fn is_no(value: &str) -> bool {
    ["no", "false", "0", "off", "n", "f"].contains(&value.to_lowercase().as_str())
}

/// What `[Match]` may ask for: a device's type, kind and driver.
const CABLE: [&str; 3] = ["ether", "veth", "veth"];
const BRIDGE: [&str; 3] = ["bridge", "bridge", "bridge"];

/// Whether a `.network` file of systemd-networkd takes cables or bridges of any name
/// (systemd.network(5), `[Match]`). One whose `Name=` is narrower is meant for devices that
/// the machine has.
pub(super) fn takes_any(network: &str) -> bool {
    let unmanaged = last(network, "Link", "Unmanaged");
    let matches = || entries(network).filter(|(section, ..)| *section == "Match");
    let takes = |device: [&str; 3]| matches().all(|(_, key, value)| fits(key, value, device));
    matches().next().is_some() && unmanaged.is_none_or(is_no) && (takes(CABLE) || takes(BRIDGE))
}

fn fits(key: &str, value: &str, [of_type, kind, driver]: [&str; 3]) -> bool {
    let (not, words) = match value.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, value),
    };
    let is = |ours: &[&str]| words.split_whitespace().any(|word| ours.contains(&word)) != not;
    match key {
        "Name" => is(&["*", "veth*"]),
        "Type" => is(&["*", of_type]),
        "Kind" => is(&["*", kind]),
        "Driver" => is(&["*", driver]),
        // A hardware address, a path, a property: of a certain device.
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_set_that_flushes_is_found() {
        for (text, all_go) in [
            ("#!/usr/sbin/nft -f\n\nflush ruleset\n", true),
            ("  flush   ruleset # all\n", true),
            ("add table inet x; flush ruleset", true),
            ("# flush ruleset\n", false),
            ("flush ruleset inet\n", false),
            ("table inet filter {}\n", false),
        ] {
            assert_eq!(flushes(text), all_go, "{text}");
        }
    }

    #[test]
    fn a_network_file_takes_cables_or_bridges_of_any_name() {
        for (text, takes) in [
            ("[Match]\nName=*\n[Network]\nDHCP=yes", true),
            ("[Match]\nType=ether", true),
            ("[Match]\nType=ether\nKind=!*", false),
            ("[Match]\nDriver=veth\nName=ve-*", false),
            ("[Match]\nName=*\n[Link]\nUnmanaged=yes", false),
            ("[Match]\nName=en*", false),
            ("[Match]\nMACAddress=00:00:5e:00:53:01", false),
            ("[Match]\nKind=bridge", true),
            ("[Match]\nKind=bridge\nType=ether", false),
            ("[Network]\nDHCP=yes", false),
            ("[Match]\n#Name=*", false),
        ] {
            assert_eq!(takes_any(text), takes, "{text}");
        }
    }
}
