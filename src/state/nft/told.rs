//! A router in a few words.

use super::element::Element;
use super::set::SetName;
use super::{Table, TableName};

impl Table {
    /// What kind of router it makes, as "home NAT by wan0, hairpin"; `None`: it is another table.
    pub fn router(&self) -> Option<String> {
        let first = |set| self.sets.get(&set)?.keys().next();
        let has = |set| first(set).is_some();
        let out = first(SetName::Outside).filter(|_| self.name == TableName::Router)?;
        let kind = match () {
            () if has(SetName::Symmetric) => "symmetric NAT",
            () if has(SetName::Anybody) => "full cone NAT",
            () if has(SetName::Restricted) => "address-restricted NAT",
            () if has(SetName::Stable) => "home NAT",
            () => "router",
        };
        let more = [
            (SetName::Loop, "hairpin"),
            (SetName::Nat66, "NAT66"),
            (SetName::Prefixes6, "NPTv6"),
            (SetName::Blocked, "no IPv6"),
            (SetName::Strict, "corporate filter"),
            (SetName::Stopped, "no UDP"),
        ];
        let more = more.iter().filter(|(set, _)| has(*set));
        let more: String = more.map(|(_, word)| format!(", {word}")).collect();
        Some(format!("{kind} by {}{more}", device(out)))
    }
}

fn device(element: &Element) -> &str {
    element.devices().next().map_or("", |dev| dev.as_str())
}
