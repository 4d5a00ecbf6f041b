//! Single values: names, addresses, numbers.

use std::fmt::Display;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use super::{Item, Problem, Reader, Value};

impl Reader<'_> {
    /// A single value as it was written.
    pub(super) fn scalar(&mut self, item: &Item<'_>, what: &str) -> Option<String> {
        match &item.node.value {
            Value::Text(text) => Some(text.clone()),
            Value::Bool(_) | Value::Number => {
                self.text.get(item.node.span.clone()).map(str::to_owned)
            }
            _ => self.unexpected(item, what),
        }
    }

    /// A value whose type explains by itself why a text is none.
    pub(super) fn parsed<T: FromStr<Err: Display>>(
        &mut self,
        item: &Item<'_>,
        what: &str,
    ) -> Option<T> {
        let text = self.scalar(item, what)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(e) => self.problem(Problem::new(format!("{e}"), item.span.clone())),
        }
    }

    pub(super) fn flag(&mut self, item: &Item<'_>) -> Option<bool> {
        match &item.node.value {
            Value::Bool(flag) => Some(*flag),
            _ => self.unexpected(item, "`true` or `false`"),
        }
    }

    /// Bounds come with the kernel's checks; here it must only be a number.
    pub(super) fn number(&mut self, item: &Item<'_>, what: &str) -> Option<u32> {
        let text = self.scalar(item, what)?;
        match text.parse() {
            Ok(number) => Some(number),
            Err(_) => self.not(item, &text, what),
        }
    }

    pub(super) fn port(&mut self, item: &Item<'_>) -> Option<u16> {
        let what = "a port number, 1 to 65535";
        let text = self.scalar(item, what)?;
        match text.parse() {
            Ok(port) if port > 0 => Some(port),
            _ => self.not(item, &text, what),
        }
    }

    /// An address without a prefix length.
    pub(super) fn address(&mut self, item: &Item<'_>) -> Option<IpAddr> {
        let what = "an address like 10.0.0.1 or fd00::1";
        let text = self.scalar(item, what)?;
        match (text.parse(), text.parse::<IpNet>()) {
            (Ok(address), _) => Some(address),
            (_, Ok(net)) => {
                let message = format!("`{text}` has a prefix length, and must have none here");
                let hint = format!("write `{}`", net.addr());
                self.problem(Problem::new(message, item.span.clone()).hint(hint))
            }
            _ => self.not(item, &text, what),
        }
    }

    /// An interface's address and the length of its subnet's prefix.
    pub(super) fn address_in_subnet(&mut self, item: &Item<'_>) -> Option<IpNet> {
        self.prefix(item, "an address like 10.0.0.10/24 or fd00::10/64")
    }

    /// A subnet. Host bits are a flaw that is found later.
    pub(super) fn subnet(&mut self, item: &Item<'_>) -> Option<IpNet> {
        self.prefix(item, "a subnet like 10.0.0.0/24 or fd00::/64")
    }

    fn prefix(&mut self, item: &Item<'_>, what: &str) -> Option<IpNet> {
        let text = self.scalar(item, what)?;
        match (text.parse(), text.parse::<IpAddr>()) {
            (Ok(net), _) => Some(net),
            (_, Ok(address)) => {
                let length = if address.is_ipv4() { 24 } else { 64 };
                let message = format!("`{text}` has no prefix length");
                let hint = format!("write the subnet's, as in `{text}/{length}`");
                self.problem(Problem::new(message, item.span.clone()).hint(hint))
            }
            _ => self.not(item, &text, what),
        }
    }

    /// A text that cannot be read as what it should be.
    pub(super) fn not<T>(&mut self, item: &Item<'_>, text: &str, what: &str) -> Option<T> {
        let message = format!(
            "`{text}` is not {}",
            what.split(' ').take(2).collect::<Vec<_>>().join(" ")
        );
        let label = format!("expected {what}");
        self.problem(Problem::new(message, item.span.clone()).label(label))
    }

    /// A value of the wrong kind altogether.
    pub(super) fn unexpected<T>(&mut self, item: &Item<'_>, what: &str) -> Option<T> {
        let found = match &item.node.value {
            Value::Text(text) if text.len() < 40 => format!("`{text}`"),
            other => other.kind().to_owned(),
        };
        let message = format!("expected {what}, found {found}");
        self.problem(Problem::new(message, item.span.clone()))
    }
}
