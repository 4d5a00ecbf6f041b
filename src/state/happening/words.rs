//! Events in words: the noun, a sign for what comes and goes, what changed.

use std::fmt::{self, Display, Formatter};

use super::{Change, Event, LinkChange, NamespaceChange, Noun, Power, Ruleset};
use crate::state::survey::{Address, Neighbour, Path};

impl Display for Noun {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Noun::Link => "link",
            Noun::Address => "address",
            Noun::Route => "route",
            Noun::Neighbour => "neighbour",
            Noun::Rule => "rule",
            Noun::Namespace => "namespace",
            Noun::Lost => "lost",
        })
    }
}

/// Without the noun, which stands before it, nor the namespace.
impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Event::Link { dev, change, .. } => link(f, dev, change),
            Event::Address { dev, net, change } => address(f, dev, net, change),
            Event::Route(change) => route(f, change),
            Event::Neighbour {
                dev,
                address,
                change,
            } => neighbour(f, &format_args!("{address} on {dev}"), change),
            Event::Rule(change) => {
                let (sign, rule) = (sign(change), change.latest());
                let family = if rule.v6 { "IPv6 " } else { "" };
                write!(f, "{sign} {family}{rule}")
            }
            Event::Ruleset(ruleset) => self::ruleset(f, ruleset),
            Event::Namespace(_) => Ok(()),
            Event::Lost => f.write_str("events were lost; looking again"),
        }
    }
}

impl NamespaceChange {
    /// What happened to the namespace that is called so.
    pub fn of(&self, name: &str) -> String {
        match self {
            NamespaceChange::New => format!("+ {name}"),
            NamespaceChange::Gone => format!("- {name}"),
            NamespaceChange::Renamed { old } => format!("{old} is now {name}"),
        }
    }
}

impl Display for Power {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Power::Off => "down",
            Power::NoCarrier => "no carrier",
            Power::On => "up",
        })
    }
}

fn sign<T>(change: &Change<T>) -> char {
    match change {
        Change::New(_) => '+',
        Change::Gone(_) => '-',
        Change::Changed { .. } => '~',
    }
}

fn link(f: &mut Formatter<'_>, dev: &str, change: &LinkChange) -> fmt::Result {
    match change {
        LinkChange::New {
            kind,
            state,
            master,
            from,
        } => {
            write!(f, "+ {dev} ({kind}, {state}")?;
            if let Some(master) = master {
                write!(f, ", in {master}")?;
            }
            f.write_str(")")?;
            match from {
                Some(from) => write!(f, " moved here from {from}"),
                None => Ok(()),
            }
        }
        LinkChange::Gone { to: None } => write!(f, "- {dev}"),
        LinkChange::Gone { to: Some(to) } => write!(f, "- {dev} moved to {to}"),
        LinkChange::Power { old, new } => match (old, new) {
            (_, Power::Off) => write!(f, "{dev} down"),
            (_, Power::On) => write!(f, "{dev} up"),
            (Power::Off, _) => write!(f, "{dev} switched on (no carrier)"),
            _ => write!(f, "{dev} down (carrier lost)"),
        },
        LinkChange::Renamed { old } => write!(f, "{old} renamed to {dev}"),
        LinkChange::Mtu { old, new } => write!(f, "{dev} mtu {old} → {new}"),
        LinkChange::Master { old, new } => match (old, new) {
            (Some(old), None) => write!(f, "{dev} left {old}"),
            (Some(old), Some(new)) => write!(f, "{dev} left {old} for {new}"),
            (None, new) => write!(f, "{dev} joined {}", shown(new)),
        },
        LinkChange::Mac { old, new } => {
            write!(f, "{dev} mac {} → {}", shown(old), shown(new))
        }
        LinkChange::Alias { old, new } => {
            write!(f, "{dev} alias {} → {}", shown(old), shown(new))
        }
    }
}

fn shown(value: &Option<String>) -> &str {
    value.as_deref().unwrap_or("none")
}

fn address(
    f: &mut Formatter<'_>,
    dev: &str,
    net: &ipnet::IpNet,
    change: &Change<Address>,
) -> fmt::Result {
    write!(f, "{} {net} on {dev}", sign(change))?;
    let is = |one: &Address| match (one.duplicate, one.tentative, one.dynamic) {
        (true, ..) => "duplicate: another has it",
        (_, true, _) => "tentative",
        (.., true) => "dynamic",
        _ => "now in use",
    };
    match change {
        Change::New(one) if is(one) != "now in use" => write!(f, " ({})", is(one)),
        Change::Changed { new, .. } => write!(f, " ({})", is(new)),
        _ => Ok(()),
    }
}

fn route(f: &mut Formatter<'_>, change: &Change<Path>) -> fmt::Result {
    match change {
        Change::Changed { old, new } => write!(f, "~ {old} → {new}"),
        Change::New(path) | Change::Gone(path) => write!(f, "{} {path}", sign(change)),
    }
}

fn neighbour(f: &mut Formatter<'_>, who: &dyn Display, change: &Change<Neighbour>) -> fmt::Result {
    let at = |mac: &Option<String>| match mac {
        Some(mac) => format!(" at {mac}"),
        None => String::new(),
    };
    match change {
        Change::New(one) => write!(f, "+ {who} {}{}", one.state, at(&one.mac)),
        Change::Gone(_) => write!(f, "- {who}"),
        Change::Changed { old, new } => {
            write!(f, "{who} {}{}", new.state, at(&new.mac))?;
            match &old.mac {
                Some(mac) if new.mac.is_some() && old.mac != new.mac => write!(f, " (was {mac})"),
                _ => Ok(()),
            }
        }
    }
}

fn ruleset(f: &mut Formatter<'_>, Ruleset { by, came, went }: &Ruleset) -> fmt::Result {
    f.write_str("nft rule set changed")?;
    if let Some((number, name)) = by {
        write!(f, " by {name} (process {number})")?;
    }
    let counted = |(noun, count): &(&str, usize), sign| match count {
        1 => format!("{sign} {noun}"),
        _ => format!("{sign} {count} {noun}s"),
    };
    let came = came.iter().map(|one| counted(one, '+'));
    let went = went.iter().map(|one| counted(one, '-'));
    let all: Vec<String> = came.chain(went).collect();
    match all.is_empty() {
        true => Ok(()),
        false => write!(f, ": {}", all.join(", ")),
    }
}
