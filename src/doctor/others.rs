//! Firewalls and programs of others, and what each will do to the networks of labs.

#[cfg(test)]
mod tests;

use super::{Finding, Group, Level, config, managers};
use crate::state::machine::Others;
use crate::state::{Verdict, Wall, WallChain, WallHook, WallRule, Walls};

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
        all.push(OTHERS.ok(
            "firewalls",
            "no other firewall drops all that it does not know",
        ));
    }
    all.extend(ruleset(others));
    // Of whose chain is told already no more is told.
    let managers = managers::judge(others, walls);
    let is_new = |one: &Finding| all.iter().all(|told| told.id != one.id);
    let managers: Vec<Finding> = managers.into_iter().filter(is_new).collect();
    all.extend(managers);
    all
}

/// What one table drops no other can accept (nft(8), "verdicts").
fn dropping(wall: &Wall) -> Vec<Finding> {
    let drops = wall.chains.iter().filter(|(_, chain)| drops_rest(chain));
    drops
        .filter_map(|(name, chain)| Some(dropped(wall, name, chain.hook?)))
        .collect()
}

/// By its policy, or by a rule for all that comes to it.
fn drops_rest(chain: &WallChain) -> bool {
    let for_all = |rule: &WallRule| rule.when.is_empty() && rule.then == Some(Verdict::Drop);
    chain.drops || chain.rules.iter().any(for_all)
}

fn dropped(wall: &Wall, chain: &str, hook: WallHook) -> Finding {
    let table = &wall.name;
    let what = format!(
        "the chain `{chain}` of the nft table `{table}` drops what none of its rules accepts"
    );
    let (whose, ways) = ways(wall, chain, hook);
    let what = match whose {
        Some(whose) => format!("{what} ({whose}'s)"),
        None => what,
    };
    let ways: Vec<String> = ways.iter().map(|way| format!("`{way}`")).collect();
    let remedy = format!("for each bridge of a lab: {}", ways.join(" and "));
    match hook {
        WallHook::Forward => OTHERS.finding(
            Level::Warning,
            whose.map_or("forward-drop", program_id),
            what,
            (
                "namespaces of labs reach neither other networks nor the outside, unless one of these rules \
                 accepts it",
                &remedy,
            ),
        ),
        WallHook::Input => OTHERS.finding(
            Level::Note,
            "input-drop",
            what,
            (
                "namespaces do not reach the host itself, such as their gateway by ping, unless one of these rules \
                 accepts it",
                &remedy,
            ),
        ),
    }
}

const FIREWALLD: &str = "firewalld";
const DOCKER: &str = "Docker";
const UFW: &str = "ufw";

fn program_id(program: &str) -> &'static str {
    match program {
        FIREWALLD => "firewalld",
        DOCKER => "docker",
        _ => "ufw",
    }
}

/// Whose chain it is, as the names in its table tell, and the commands by which that program
/// lets a bridge pass. What a chain of its own accepts, the rest of the table drops no more.
fn ways(wall: &Wall, chain: &str, hook: WallHook) -> (Option<&'static str>, Vec<String>) {
    let has = |name: &str| wall.chains.contains_key(name);
    let forward = hook == WallHook::Forward;
    let iptables = match wall.name.as_str() {
        "ip6 filter" => "ip6tables",
        _ => "iptables",
    };
    let rule = |chain: &str, way: &str| format!("{iptables} -I {chain} {way} BRIDGE -j ACCEPT");
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    if has("filter_FORWARD") {
        let zone = "firewall-cmd --permanent --zone=trusted --add-interface=BRIDGE";
        (Some(FIREWALLD), words(&[zone, "firewall-cmd --reload"]))
    } else if has("ufw-user-forward") || has("ufw6-user-forward") {
        let ways: &[&str] = match forward {
            true => &[
                "ufw route allow in on BRIDGE",
                "ufw route allow out on BRIDGE",
            ],
            false => &["ufw allow in on BRIDGE"],
        };
        (Some(UFW), words(ways))
    } else if has("DOCKER-USER") && forward {
        let rules = ["-i", "-o"].map(|way| rule("DOCKER-USER", way));
        (Some(DOCKER), rules.to_vec())
    } else if ["ip filter", "ip6 filter"].contains(&wall.name.as_str())
        && ["FORWARD", "INPUT"].contains(&chain)
    {
        let ways: &[&str] = if forward { &["-i", "-o"] } else { &["-i"] };
        (None, ways.iter().map(|way| rule(chain, way)).collect())
    } else {
        let ways: &[&str] = if forward {
            &["iifname", "oifname"]
        } else {
            &["iifname"]
        };
        let rule =
            |way: &&str| format!("nft insert rule {} {chain} {way} BRIDGE accept", wall.name);
        (None, ways.iter().map(rule).collect())
    }
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
            "`iptables-legacy -S` shows them; better use one kind: \
             `update-alternatives --set iptables /usr/sbin/iptables-nft`",
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
    let (level, started, when) = match enabled {
        true => (
            Level::Warning,
            "which the service nftables loads at boot",
            "each reload, restart or stop of it",
        ),
        false => (
            Level::Note,
            "which the service nftables, when it is started, loads",
            "each load of it",
        ),
    };
    let finding = |(path, _): &(String, String)| {
        OTHERS.finding(
            level,
            "flush-ruleset",
            format!("{path}, {started}, has `flush ruleset`"),
            (
                &format!("{when} takes the tables of all others away, netyard's too: labs lose NAT and ports"),
                "run `netyard watch` as a service, which brings them back; or write `table inet filter; delete table \
                 inet filter` there, for each table of its own, instead of `flush ruleset`",
            ),
        )
    };
    flushing.map(finding).collect()
}
