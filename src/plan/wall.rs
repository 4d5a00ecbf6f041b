//! What other firewalls do with a packet, as far as it can be known: a new connection
//! from somewhere else, of which protocol, ports and the way out are known.

use std::collections::BTreeMap;

use crate::state::{
    Condition, Family, IfName, PortRange, Transport, Verdict, Wall, WallChain, WallHook, What,
};

/// The first packet of a connection from another host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet<'a> {
    pub(super) family: Family,
    pub(super) protocol: Transport,
    /// Of a range each of its ports.
    pub(super) ports: PortRange,
    /// The device by which it leaves; `None`: it is for the host itself.
    pub(super) out: Option<&'a IfName>,
}

/// What may become of a packet in a chain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) accepted: bool,
    pub(super) dropped: bool,
    /// No rule decided.
    falls: bool,
}

impl Ends {
    const UNKNOWN: Ends = Ends {
        accepted: true,
        dropped: true,
        falls: true,
    };

    fn join(&mut self, other: Ends) {
        self.accepted |= other.accepted;
        self.dropped |= other.dropped;
        self.falls |= other.falls;
    }
}

/// The chains of a table at a hook that see the packet, and what each may do with it. What
/// one accepts the next may still drop; what one drops is gone (nft(8), "verdicts").
pub(super) fn chains<'w>(
    wall: &'w Wall,
    hook: WallHook,
    packet: Packet<'_>,
) -> Vec<(&'w str, Ends)> {
    if wall.family.is_some_and(|family| family != packet.family) {
        return Vec::new();
    }
    let mut walk = Walk {
        wall,
        packet,
        known: BTreeMap::new(),
    };
    let at_hook = wall.chains.iter().filter(|(_, c)| c.hook == Some(hook));
    at_hook
        .map(|(name, chain)| {
            let mut ends = walk.chain(name);
            ends.dropped |= ends.falls && chain.drops;
            ends.accepted |= ends.falls && !chain.drops;
            (name.as_str(), ends)
        })
        .collect()
}

/// A packet's way through a table. A chain does the same with it wherever it comes from.
struct Walk<'w, 'p> {
    wall: &'w Wall,
    packet: Packet<'p>,
    known: BTreeMap<&'w str, Ends>,
}

impl<'w> Walk<'w, '_> {
    fn chain(&mut self, name: &str) -> Ends {
        let Some((name, chain)) = self.wall.chains.get_key_value(name) else {
            return Ends::UNKNOWN;
        };
        if let Some(ends) = self.known.get(name.as_str()) {
            return *ends;
        }
        // The kernel takes no loops (`nft_chain_validate`); a table read half way may have one.
        self.known.insert(name, Ends::UNKNOWN);
        let ends = self.rules(chain);
        self.known.insert(name, ends);
        ends
    }

    fn rules(&mut self, chain: &'w WallChain) -> Ends {
        let mut ends = Ends::default();
        for rule in &chain.rules {
            let Some(verdict) = &rule.then else { continue };
            let met: Vec<Option<bool>> = rule.when.iter().map(|c| met(c, self.packet)).collect();
            if met.contains(&Some(false)) {
                continue;
            }
            let certain = met.iter().all(|met| *met == Some(true));
            if self.follow(verdict, &mut ends) && certain {
                return ends;
            }
        }
        ends.falls = true;
        ends
    }

    /// Says whether no further rule of the chain is met.
    fn follow(&mut self, verdict: &Verdict, ends: &mut Ends) -> bool {
        match verdict {
            Verdict::Accept => ends.accepted = true,
            Verdict::Drop => ends.dropped = true,
            Verdict::Return => ends.falls = true,
            Verdict::Goto(chain) => ends.join(self.chain(chain)),
            Verdict::Jump(chain) => {
                let there = self.chain(chain);
                ends.accepted |= there.accepted;
                ends.dropped |= there.dropped;
                return !there.falls;
            }
            Verdict::Unknown => {
                ends.accepted = true;
                ends.dropped = true;
                return false;
            }
        }
        true
    }
}

/// Whether a condition holds; `None`: that depends on what is not known.
fn met(condition: &Condition, packet: Packet<'_>) -> Option<bool> {
    let holds = match &condition.what {
        What::New(among) => Some(*among),
        What::Published => Some(packet.out.is_some()),
        What::Family(family) => Some(*family == packet.family),
        What::Protocol(numbers) => {
            let number = packet.protocol.number();
            Some(numbers.iter().any(|(a, b)| (a..=b).contains(&&number)))
        }
        What::Port(ranges) => ports(ranges, packet.ports),
        // From `lo` comes only what the host itself sends.
        What::From(names) if names.iter().all(|name| name == "lo") => Some(false),
        What::From(_) | What::Other => None,
        What::Out(names) => Some(packet.out.is_some_and(|out| {
            let out = out.as_str();
            names.iter().any(|name| match name.strip_suffix('*') {
                Some(start) => out.starts_with(start),
                None => out == name,
            })
        })),
    };
    holds.map(|holds| holds != condition.not)
}

/// Whether all of the ports are in the ranges, or none.
fn ports(ranges: &[(u16, u16)], ports: PortRange) -> Option<bool> {
    let (first, last) = (ports.first(), ports.last());
    let shared = |(a, b): &&(u16, u16)| *a <= last && first <= *b;
    let mut shared = ranges.iter().filter(shared).peekable();
    if shared.peek().is_none() {
        return Some(false);
    }
    shared
        .any(|(a, b)| *a <= first && last <= *b)
        .then_some(true)
}
