//! Everything of a host that a lab could change, as text to compare.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::sandbox::sh;

/// The host: devices, addresses, routes, rules, sysctls, mounts, names.
pub(crate) fn host() -> BTreeMap<String, String> {
    let mut parts = BTreeMap::new();
    for command in [
        "ip -d link",
        "ip address",
        "ip route show table all",
        "ip -6 route show table all",
        "ip rule; ip -6 rule",
        "nft list ruleset",
        "cat /proc/self/mountinfo",
        "ls -A /run | grep -vx -e netyard -e '.*[.]yaml'; ls -A /run/netns 2>/dev/null || true",
    ] {
        parts.insert(command.to_owned(), steady(&sh(command)));
    }
    for tree in ["/proc/sys/net/ipv4", "/proc/sys/net/ipv6"] {
        settings(Path::new(tree), &mut parts);
    }
    parts
}

/// Timers run by themselves, and the carrier and what follows from it come a
/// moment later, on a busy machine looking for duplicates of an address, too.
fn steady(text: &str) -> String {
    let mut steady = String::new();
    // The local route of an IPv6 address is made by a worker (addrconf_dad_work).
    let later = |line: &str| line.starts_with("local ") && line.contains("::");
    let carried = |line: &&str| !line.starts_with("multicast ff00::/8") && !later(line);
    for line in text.lines().filter(carried) {
        let mut running = false;
        for word in line.split(' ').filter(|word| !word.is_empty()) {
            if !running && word != "linkdown" && word != "tentative" {
                steady += &word.replace("NO-CARRIER,", "").replace(",LOWER_UP", "");
                steady.push(' ');
            }
            running = word.ends_with("_timer") || word == "state" || word == "expires";
        }
        steady.push('\n');
    }
    steady
}

fn settings(directory: &Path, parts: &mut BTreeMap<String, String>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            settings(&path, parts);
        } else if let Ok(text) = fs::read_to_string(&path) {
            parts.insert(path.display().to_string(), text);
        }
    }
}

/// Fails with the parts that differ.
#[track_caller]
pub(crate) fn assert_same(
    before: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
    when: &str,
) {
    if before == now {
        return;
    }
    let mut text = format!("{when}: the host is not as it was\n");
    let keys = before
        .keys()
        .chain(now.keys())
        .collect::<std::collections::BTreeSet<_>>();
    for key in keys
        .into_iter()
        .filter(|key| before.get(*key) != now.get(*key))
    {
        text += &format!(
            "--- {key}\nbefore:\n{}now:\n{}",
            part(before, key),
            part(now, key)
        );
    }
    panic!("{text}");
}

fn part<'a>(parts: &'a BTreeMap<String, String>, key: &str) -> &'a str {
    parts.get(key).map_or("(not there)\n", String::as_str)
}
