//! Rules as they are written here beside how nft lists them.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::io::Write;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use super::line;
use crate::explain::filter::walk::Place;
use crate::state::ruleset::Ruleset;
use crate::state::{Table, TableName, nft_script};
use crate::sys::netlink::ruleset;
use crate::sys::netlink::socket::Socket;
use crate::sys::netns;

/// These rules as read, and as nft lists them.
fn listed(commands: &str) -> (Ruleset, String) {
    let place = netns::create(1).unwrap().remove(0);
    let run = || {
        let mut child = Command::new("sh").arg("-e").stdin(Stdio::piped()).spawn()?;
        child.stdin.take().unwrap().write_all(commands.as_bytes())?;
        assert!(child.wait()?.success(), "{commands}");
        let list = Command::new("nft")
            .args(["-a", "list", "ruleset"])
            .output()?;
        let ruleset = ruleset::read(&mut Socket::netfilter()?)?;
        Ok((ruleset, String::from_utf8_lossy(&list.stdout).into_owned()))
    };
    netns::enter(Some(place.fd.as_fd()), run).unwrap()
}

/// Each rule of nft's list: family, table, chain, handle, text without counts and comment.
fn rules(list: &str) -> BTreeMap<(String, u64), String> {
    let (mut table, mut chain) = (String::new(), String::new());
    let mut all = BTreeMap::new();
    for text in list.lines() {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["table", family, name, ..] => table = format!("{family} {name}"),
            ["chain", name, ..] => chain = name.to_owned(),
            _ => {
                let Some((text, handle)) = text.trim().split_once(" # handle ") else {
                    continue;
                };
                if text.ends_with('{') {
                    chain = String::new();
                    continue;
                }
                let text = match text.split_once(" comment \"") {
                    Some((text, _)) => text,
                    None => text,
                };
                let text = text.replace("counter packets 0 bytes 0", "counter");
                all.insert((format!("{table} {chain}"), handle.parse().unwrap()), text);
            }
        }
    }
    all
}

/// How many rules were compared.
fn compare(commands: &str) -> usize {
    let (ruleset, list) = listed(commands);
    let theirs = rules(&list);
    let (mut ours, mut wrong) = (0, String::new());
    for (at, table) in ruleset.tables.iter().enumerate() {
        for (name, chain) in &table.chains {
            for i in 0..chain.rules.len() {
                let place = Place {
                    table: at,
                    chain: name.clone(),
                    rule: Some(i),
                };
                let line = line(&ruleset, &place);
                let chain = format!("{} {} {}", line.family, line.table, line.chain);
                let theirs = theirs.get(&(chain, line.handle.unwrap()));
                ours += 1;
                if theirs != Some(&line.text) {
                    wrong += &format!("ours:   {}\ntheirs: {}\n", line.text, theirs.unwrap());
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(ours, theirs.len());
    ours
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn rules_are_written_as_nft_lists_them() {
    let rules = include_str!("rules.nft");
    assert!(compare(&format!("nft -f - <<'E'\n{rules}\nE\n")) > 80);
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn our_own_too() {
    for name in [TableName::Inet, TableName::Bridge, TableName::Inside] {
        let script = nft_script(&Table::skeleton(name));
        assert!(compare(&format!("nft -f - <<'E'\n{script}\nE\n")) > 5);
    }
}
