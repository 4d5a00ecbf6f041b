//! Firewalls and programs of others, without any.

use std::collections::BTreeMap;

use super::super::tests::{found, one};
use super::*;
use crate::state::machine::Facts;
fn wall(table: &str, chains: &[(&str, Option<WallHook>, bool)]) -> Wall {
    let chain = |(name, hook, drops): &(&str, Option<WallHook>, bool)| {
        let chain = WallChain {
            hook: *hook,
            drops: *drops,
            rules: Vec::new(),
        };
        ((*name).to_owned(), chain)
    };
    Wall {
        name: table.to_owned(),
        family: None,
        chains: chains.iter().map(chain).collect::<BTreeMap<_, _>>(),
    }
}

fn walls(tables: Vec<Wall>, legacy: bool) -> impl FnOnce(&mut Facts) {
    move |facts| facts.others.walls = Ok(Walls { tables, legacy })
}

const FORWARD: Option<WallHook> = Some(WallHook::Forward);

#[test]
fn a_firewall_that_drops_is_named_with_the_way_through() {
    let plain = wall("inet filter", &[("forward", FORWARD, true)]);
    let plain = one(walls(vec![plain], false), "forward-drop", Level::Warning);
    assert!(
        plain
            .what
            .contains("`forward` of the nft table `inet filter`")
    );
    let remedy = plain.remedy.unwrap();
    assert!(remedy.contains("nft insert rule inet filter forward iifname BRIDGE accept"));
    let input = wall("inet filter", &[("in", Some(WallHook::Input), true)]);
    one(walls(vec![input], false), "input-drop", Level::Note);
    let open = wall("inet filter", &[("forward", FORWARD, false)]);
    assert_eq!(found(walls(vec![open], false)), []);
    let mut last = wall("inet filter", &[("forward", FORWARD, false)]);
    let rule = WallRule {
        then: Some(Verdict::Drop),
        ..WallRule::default()
    };
    let rules = &mut last.chains.get_mut("forward").unwrap().rules;
    rules.push(rule);
    one(walls(vec![last], false), "forward-drop", Level::Warning);
    one(walls(vec![], true), "iptables-legacy", Level::Warning);
    let unseen = |f: &mut Facts| f.others.walls = Err("that needs root".to_owned());
    one(unseen, "firewalls", Level::Note);
}

#[test]
fn whose_chain_it_is_tells_the_way_through() {
    let with = |table: &str, chain: &str, other: &str| {
        let chains = [(chain, FORWARD, true), (other, None, false)];
        walls(vec![wall(table, &chains)], false)
    };
    for (table, chain, other, id, way) in [
        (
            "ip filter",
            "FORWARD",
            "DOCKER-USER",
            "docker",
            "`iptables -I DOCKER-USER -o BRIDGE",
        ),
        (
            "ip filter",
            "FORWARD",
            "ufw-user-forward",
            "ufw",
            "`ufw route allow in on BRIDGE`",
        ),
        (
            "ip6 filter",
            "FORWARD",
            "ufw6-user-forward",
            "ufw",
            "`ufw route allow",
        ),
        (
            "inet firewalld",
            "filter_FORWARD",
            "x",
            "firewalld",
            "--zone=trusted",
        ),
        (
            "ip6 filter",
            "FORWARD",
            "x",
            "forward-drop",
            "`ip6tables -I FORWARD -i BRIDGE",
        ),
        (
            "inet mine",
            "x",
            "y",
            "forward-drop",
            "`nft insert rule inet mine x oifname",
        ),
    ] {
        let told = one(with(table, chain, other), id, Level::Warning);
        assert!(told.remedy.as_ref().unwrap().contains(way), "{told:#?}");
    }
    // What the program is found by otherwise adds nothing.
    let firewalld = with("inet firewalld", "filter_FORWARD", "x");
    let both = |facts: &mut Facts| {
        firewalld(facts);
        runs(facts, "firewalld");
    };
    one(both, "firewalld", Level::Warning);
}

#[test]
fn a_rule_set_that_flushes_is_found() {
    let file = |facts: &mut Facts| {
        let file = ("/etc/nftables.conf".to_owned(), "flush ruleset".to_owned());
        facts.others.nftables.push(file);
    };
    one(file, "flush-ruleset", Level::Note);
    let enabled = |facts: &mut Facts| {
        file(facts);
        facts.others.services.insert("nftables.service".to_owned());
    };
    one(enabled, "flush-ruleset", Level::Warning);
}

#[test]
fn ufw_is_read_from_its_files() {
    let ufw = |conf: &str, default: &str| {
        let files = [conf.to_owned(), default.to_owned()];
        move |facts: &mut Facts| facts.others.ufw = files
    };
    let drop = "DEFAULT_FORWARD_POLICY=\"DROP\"";
    assert_eq!(found(ufw("ENABLED=no", drop)), []);
    assert_eq!(found(ufw("#ENABLED=yes", drop)), []);
    one(ufw("ENABLED=yes", drop), "ufw", Level::Warning);
    let open = "DEFAULT_FORWARD_POLICY=\"ACCEPT\"";
    assert_eq!(found(ufw("ENABLED=yes", open)), []);
}

fn runs(facts: &mut Facts, name: &str) {
    facts.others.running.insert(name.to_owned());
}

#[test]
fn network_manager_leaves_cables_alone_if_told() {
    let with = |path: &str, text: &str| {
        let file = (path.to_owned(), text.to_owned());
        move |facts: &mut Facts| {
            runs(facts, "NetworkManager");
            facts.others.network_manager.push(file);
        }
    };
    let rules = "ENV{ID_NET_DRIVER}==\"veth\", ENV{NM_UNMANAGED}=\"1\"";
    let path = "/usr/lib/udev/rules.d/85-nm-unmanaged.rules";
    assert_eq!(found(with(path, rules)), []);
    one(
        with(path, &format!("# {rules}")),
        "network-manager",
        Level::Warning,
    );
    let conf = "/etc/NetworkManager/conf.d/x.conf";
    let told = "[keyfile]\nunmanaged-devices=interface-name:eth9;driver:veth\n";
    assert_eq!(found(with(conf, told)), []);
    let other = "[keyfile]\nunmanaged-devices=interface-name:eth9\n";
    one(with(conf, other), "network-manager", Level::Warning);
}

#[test]
fn networkd_keeps_routes_by_its_settings() {
    let networkd = |settings: &[&str]| {
        let files = settings
            .iter()
            .map(|text| (String::new(), (*text).to_owned()));
        let files = files.collect();
        move |facts: &mut Facts| {
            runs(facts, "systemd-network");
            facts.others.networkd = files;
        }
    };
    let (no, yes) = (
        "[Network]\nManageForeignRoutes=no\n",
        "[Network]\nManageForeignRoutes=yes\n",
    );
    one(networkd(&[]), "networkd-routes", Level::Note);
    one(networkd(&[no, yes]), "networkd-routes", Level::Note);
    assert_eq!(found(networkd(&["#", no])), []);
    let all = ("x.network".to_owned(), "[Match]\nName=*".to_owned());
    let taken = |facts: &mut Facts| {
        networkd(&[no])(facts);
        facts.others.networks.push(all);
    };
    one(taken, "networkd-takes-devices", Level::Warning);
}

#[test]
fn programs_are_told_by_their_names() {
    one(|f| runs(f, "firewalld"), "firewalld", Level::Warning);
    one(|f| runs(f, "kubelet"), "kubernetes", Level::Note);
    assert_eq!(found(|f| runs(f, "libvirtd")), []);
    let netavark = wall("inet netavark", &[("FORWARD", FORWARD, false)]);
    assert_eq!(found(walls(vec![netavark], false)), []);
}
