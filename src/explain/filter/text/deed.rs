//! What a rule does with a packet, as nft writes it.

use super::field::{ct_kind, meta_kind};
use super::rule::{Needed, Writer};
use super::value::{self, Kind};
use super::xt;
use crate::state::ruleset::*;

impl Writer<'_> {
    pub(super) fn deed(&mut self, expression: &Expression) -> String {
        match expression {
            Expression::Limit { text, .. } | Expression::Nothing(text) => text.clone(),
            Expression::Update {
                word,
                set,
                from,
                each,
            } => {
                let key = self.key(*from, self.key_length(set)).0;
                let each: Vec<String> = each.iter().map(|each| self.deed(each)).collect();
                let rest = each.iter().map(|each| format!(" {each}"));
                format!("{word} @{set} {{ {key}{} }}", rest.collect::<String>())
            }
            Expression::SetMeta(key, from) => {
                let (text, kind) = meta_kind(*key);
                format!("{text} set {}", self.constant(*from, kind))
            }
            Expression::SetCt(key, from) => {
                let (text, kind) = ct_kind(*key);
                format!("ct {text} set {}", self.constant(*from, kind))
            }
            Expression::SetPayload(payload, from) => {
                let place = self.place(*payload);
                format!("{} set {}", place.text, self.constant(*from, place.kind))
            }
            Expression::Verdict(verdict) => value::verdict(verdict),
            Expression::Nat(nat) => self.nat(nat),
            Expression::Reject(with) => self.reject(*with),
            Expression::NoTrack => "notrack".to_owned(),
            Expression::Match(name, revision, info) => {
                xt::condition(name, *revision, info).unwrap_or_else(|| format!("<match {name}>"))
            }
            Expression::Target(name, revision, info) => {
                xt::target(name, *revision, info, self.six == Some(true))
                    .unwrap_or_else(|| format!("<target {name}>"))
            }
            Expression::Unknown(name) | Expression::Elsewhere(name) => format!("<{name}>"),
            _ => String::new(),
        }
    }

    pub(super) fn nat(&mut self, nat: &Nat) -> String {
        let word = match nat.kind {
            NatKind::Source => "snat",
            NatKind::Destination => "dnat",
            NatKind::Masquerade => "masquerade",
            NatKind::Redirect => "redirect",
        };
        let family = match (self.table.family, nat.six, nat.address) {
            (TableFamily::Inet, Some(false), Some(_)) => "ip ",
            (TableFamily::Inet, Some(true), Some(_)) => "ip6 ",
            _ => "",
        };
        let range = |(first, last): (usize, usize), kind| {
            let (first, last) = (self.constant(first, kind), self.constant(last, kind));
            if first == last {
                first
            } else {
                format!("{first}-{last}")
            }
        };
        let mapped = nat.address.is_some_and(|(at, _)| {
            self.registers
                .get(&at)
                .is_some_and(|term| term.constant.is_none())
        });
        let address = nat.address.map(|range_at| range(range_at, Kind::Address));
        let port = nat
            .port
            .filter(|_| !mapped)
            .map(|at| range(at, Kind::Number));
        let to = match (address, port) {
            (None, None) => String::new(),
            (Some(address), Some(port)) if nat.six == Some(true) => {
                format!(" {family}to [{address}]:{port}")
            }
            (Some(address), Some(port)) => format!(" {family}to {address}:{port}"),
            (Some(address), None) => format!(" {family}to {address}"),
            (None, Some(port)) => format!(" to :{port}"),
        };
        let flags = match nat.flags.as_str() {
            "" => String::new(),
            flags => format!(" {flags}"),
        };
        format!("{word}{to}{flags}")
    }

    /// That a port cannot be reached is what nft leaves out.
    pub(super) fn reject(&mut self, with: Refusal) -> String {
        let six = self.six == Some(true);
        if matches!(
            (&self.held, with),
            (Some((Needed::Family(_), _)), Refusal::Icmp(_))
        ) {
            self.held = None;
        }
        let plain = match (with, self.table.family) {
            (Refusal::Either(code), _) => code == 1,
            (Refusal::Icmp(code), TableFamily::Ip) => code == 3,
            (Refusal::Icmp(code), TableFamily::Ip6) => code == 4,
            _ => false,
        };
        match plain {
            true => "reject".to_owned(),
            false => format!("reject with {}", value::refusal(with, six)),
        }
    }
}
