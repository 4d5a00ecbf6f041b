//! Firewalls and programs of others, and what each will do to the networks of labs.

use super::facts::Others;
use super::{Finding, Group, Level, config, managers};
use crate::state::{Wall, WallHook, Walls};

pub(super) const OTHERS: Group = Group::Others;

pub(super) fn judge(others: &Others) -> Vec<Finding> {
    let none = Walls::default();
    let walls = others.walls.as_ref().unwrap_or(&none);
    let mut all = Vec::new();
    if let Err(why) = &others.walls {
        all.push(OTHERS.finding(
            Level::Note,
            "firewalls",
            format!("other firewalls were not looked at: {why}"),
            (
                "whether one drops what labs send is not known",
                "as root: `netyard doctor`",
            ),
        ));
    }
    let seen = all.len();
    all.extend(walls.tables.iter().flat_map(dropping));
    if walls.legacy {
        all.push(legacy(walls));
    }
    if all.len() == seen && others.walls.is_ok() {
        all.push(OTHERS.ok("firewalls", "no other firewall drops what is forwarded"));
    }
    all.extend(ruleset(others));
    all.extend(managers::judge(others, walls));
    all
}

/// The programs whose chains can be told by their names, and how each lets something pass.
/// What its own chain accepts, the rest of its table no more drops.
const KNOWN: [(&str, &str, &str, &str); 4] = [
    (
        "DOCKER-USER",
        "Docker",
        "docker-drop",
        "iptables -I DOCKER-USER -i BRIDGE -j ACCEPT; iptables -I DOCKER-USER -o BRIDGE -j ACCEPT",
    ),
    (
        "ufw-user-forward",
        "ufw",
        "ufw-drop",
        "ufw route allow in on BRIDGE; ufw route allow out on BRIDGE",
    ),
    (
        "ufw6-user-forward",
        "ufw",
        "ufw-drop",
        "ufw route allow in on BRIDGE; ufw route allow out on BRIDGE",
    ),
    (
        "filter_FORWARD",
        "firewalld",
        "firewalld-drop",
        "firewall-cmd --permanent --zone=trusted --add-interface=BRIDGE && firewall-cmd --reload",
    ),
];

/// What one table drops no other can accept (nft(8), "verdicts").
fn dropping(wall: &Wall) -> Vec<Finding> {
    let mut all = Vec::new();
    for (name, chain) in wall.chains.iter().filter(|(_, chain)| chain.drops) {
        let known = KNOWN
            .iter()
            .find(|(chain, ..)| wall.chains.contains_key(*chain));
        let table = &wall.name;
        let what = format!("the chain `{name}` of the nft table `{table}` has the policy drop");
        match chain.hook {
            Some(WallHook::Forward) => {
                let whose = known.map_or("", |(_, whose, ..)| whose);
                let whose = match whose {
                    "" => what,
                    whose => format!("{what} ({whose})"),
                };
                let by_hand = format!(
                    "for each bridge of a lab: nft insert rule {table} {name} iifname BRIDGE accept; nft insert \
                     rule {table} {name} oifname BRIDGE accept"
                );
                let (id, remedy) = match known {
                    Some((_, _, id, remedy)) => {
                        (*id, format!("for each bridge of a lab: {remedy}"))
                    }
                    None => ("forward-drop", by_hand),
                };
                let lost = "what labs forward is dropped there unless a rule of that chain accepts it: namespaces \
                            reach neither other networks nor the outside";
                all.push(OTHERS.finding(Level::Warning, id, whose, (lost, &remedy)));
            }
            Some(WallHook::Input) => all.push(OTHERS.finding(
                Level::Note,
                "input-drop",
                what,
                (
                    "unless a rule of that chain accepts it, namespaces do not reach the host itself, such as their \
                     gateway by ping",
                    &format!("where they shall: nft insert rule {table} {name} iifname BRIDGE accept"),
                ),
            )),
            None => {}
        }
    }
    all
}

/// Both kinds see every packet.
fn legacy(walls: &Walls) -> Finding {
    let both = walls.tables.iter().any(|wall| {
        let name = wall.name.as_str();
        ["ip filter", "ip6 filter"].contains(&name)
            && ["INPUT", "FORWARD"]
                .iter()
                .any(|chain| wall.chains.contains_key(*chain))
    });
    let what = match both {
        true => "there are rules of the old iptables beside those of iptables-nft",
        false => "there are rules of the old iptables",
    };
    OTHERS.finding(
        Level::Warning,
        "iptables-legacy",
        what,
        (
            "every packet passes both they and nftables, and netyard cannot read them: they may drop what labs send",
            "`iptables-legacy -S` shows them; better use one kind: update-alternatives --set iptables \
             /usr/sbin/iptables-nft",
        ),
    )
}

/// The service `nftables` reads it at start and at `reload`, and empties all when it stops
/// (nftables.service of Debian).
fn ruleset(others: &Others) -> Vec<Finding> {
    let enabled = others.services.contains("nftables.service");
    let flushing = others
        .nftables
        .iter()
        .filter(|(_, text)| config::flushes(text));
    let finding = |(path, _): &(String, String)| {
        let (level, when) = match enabled {
            true => (
                Level::Warning,
                "the service nftables is started at boot: each reload, restart or stop",
            ),
            false => (
                Level::Note,
                "the service nftables is not started at boot; each `nft -f` of that file",
            ),
        };
        OTHERS.finding(
            level,
            "flush-ruleset",
            format!("{path} has `flush ruleset`"),
            (
                &format!("{when} takes the tables of all others away, netyard's too: labs lose NAT and ports"),
                "run `netyard watch` as a service, which brings them back; or write `table inet filter; delete table \
                 inet filter` there, for each table of its own, instead of `flush ruleset`",
            ),
        )
    };
    flushing.map(finding).collect()
}
