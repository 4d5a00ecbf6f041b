//! Single values: names, addresses, numbers.

use std::fmt::Display;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use super::{Item, Problem, Reader, Value};
use crate::report::{Code, codes};

impl Reader<'_> {
    /// A single value as it was written.
    pub(super) fn scalar(&mut self, item: &Item<'_>, what: &str) -> Option<String> {
        let hint = match &item.node.value {
            Value::Text(text) => return Some(text.clone()),
            Value::Bool(_) | Value::Number => {
                return self.text.get(item.node.span.clone()).map(str::to_owned);
            }
            Value::Null => "write it behind the colon",
            Value::List(_) => "write one value, without brackets and dashes",
            Value::Mapping(_) => {
                "put a text with a colon in quotes: a colon before a blank is YAML's own"
            }
        };
        self.unexpected(item, what, hint)
    }

    /// A value whose type explains by itself why a text is none.
    pub(super) fn parsed<T: FromStr<Err: Display>>(
        &mut self,
        item: &Item<'_>,
        what: &str,
        code: &'static Code,
    ) -> Option<T> {
        let text = self.scalar(item, what)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(e) => self.problem(Problem::new(code, format!("{e}"), item.span.clone())),
        }
    }

    pub(super) fn flag(&mut self, item: &Item<'_>) -> Option<bool> {
        let hint = match &item.node.value {
            Value::Bool(flag) => return Some(*flag),
            Value::Text(text) if ["yes", "on", "True"].contains(&text.as_str()) => "write `true`",
            Value::Text(text) if ["no", "off", "False"].contains(&text.as_str()) => "write `false`",
            _ => "write `true` or `false`, or leave the key out",
        };
        self.unexpected(item, "`true` or `false`", hint)
    }

    /// Bounds come with the kernel's checks; here it must only be a number.
    pub(super) fn number(&mut self, item: &Item<'_>, what: &str) -> Option<u32> {
        let text = self.scalar(item, what)?;
        match text.parse() {
            Ok(number) => Some(number),
            Err(_) => self.not(item, &text, what, codes::BAD_NUMBER),
        }
    }

    pub(super) fn port(&mut self, item: &Item<'_>) -> Option<u16> {
        let what = "a port number, 1 to 65535";
        let text = self.scalar(item, what)?;
        match text.parse() {
            Ok(port) if port > 0 => Some(port),
            _ => self.not(item, &text, what, codes::BAD_NUMBER),
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
                let problem = Problem::new(codes::BAD_ADDRESS, message, item.span.clone());
                self.problem(problem.hint(format!("write `{}`", net.addr())))
            }
            _ => self.not(item, &text, what, codes::BAD_ADDRESS),
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

    pub(super) fn prefix(&mut self, item: &Item<'_>, what: &str) -> Option<IpNet> {
        let text = self.scalar(item, what)?;
        if let Ok(net) = text.parse() {
            return Some(net);
        }
        let (address, length) = text.split_once('/').unwrap_or((&text, ""));
        let Ok(address) = address.parse::<IpAddr>() else {
            return self.not(item, &text, what, codes::BAD_ADDRESS);
        };
        let (usual, most) = if address.is_ipv4() {
            (24, 32)
        } else {
            (64, 128)
        };
        let (message, hint) = match length {
            "" => (
                format!("`{text}` has no prefix length"),
                format!("write the subnet's behind it, as in `/{usual}`"),
            ),
            _ => (
                format!("`{length}` is not a prefix length"),
                format!("write 0 to {most}, as in `{address}/{usual}`"),
            ),
        };
        let problem = Problem::new(codes::BAD_ADDRESS, message, item.span.clone());
        self.problem(problem.hint(hint))
    }

    /// A text that cannot be read as what it should be.
    pub(super) fn not<T>(
        &mut self,
        item: &Item<'_>,
        text: &str,
        what: &str,
        code: &'static Code,
    ) -> Option<T> {
        let message = format!(
            "`{text}` is not {}",
            what.split(' ').take(2).collect::<Vec<_>>().join(" ")
        );
        let problem = Problem::new(code, message, item.span.clone());
        self.problem(problem.hint(format!("write {what}")))
    }

    /// A value of the wrong kind altogether.
    pub(super) fn unexpected<T>(&mut self, item: &Item<'_>, what: &str, hint: &str) -> Option<T> {
        let found = match &item.node.value {
            Value::Text(text) if text.len() < 40 => format!("`{text}`"),
            other => other.kind().to_owned(),
        };
        let message = format!("expected {what}, found {found}");
        let problem = Problem::new(codes::WRONG_TYPE, message, item.span.clone());
        self.problem(problem.hint(hint))
    }
}
