//! What a link does to packets.

use std::fmt::Display;
use std::str::FromStr;

use super::fields::Fields;
use super::{Item, Problem, Reader, Value};
use crate::report::codes;
use crate::state::Conditions;
use crate::topology::keys::table;
use crate::topology::{Preset, Ways};

impl Reader<'_> {
    /// A preset's name, conditions for both directions, or a mapping that tells them apart.
    pub(super) fn ways(&mut self, item: &Item<'_>) -> Option<Ways> {
        if !matches!(item.node.value, Value::Mapping(_)) {
            return Some(self.preset(item)?.ways());
        }
        let mut fields = self.fields(item, &table::NETEM)?;
        let ways = [fields.take("in"), fields.take("out")];
        if ways.iter().all(Option::is_none) {
            let both = Some(self.conditions(&mut fields));
            return Some(Ways {
                received: both,
                sent: both,
            });
        }
        if let Some((key, other)) = fields.rest().next() {
            let message = format!("`{key}` beside `in` or `out`");
            let problem = Problem::new(codes::BAD_NETEM, message, other.span.clone());
            return self.problem(problem.hint("write it within each direction that it is for"));
        }
        let [received, sent] = ways;
        Some(Ways {
            received: received.and_then(|item| self.way(&item, |preset| preset.received)),
            sent: sent.and_then(|item| self.way(&item, |preset| preset.sent)),
        })
    }

    /// Of a link, whose directions are alike. Which of its ends is the subscriber it does not say.
    pub(super) fn both_ways(&mut self, item: &Item<'_>) -> Option<Conditions> {
        if matches!(item.node.value, Value::Mapping(_)) {
            return self.way(item, |_| None);
        }
        let preset = self.preset(item)?;
        let Ways { received, sent } = preset.ways();
        if received != sent {
            let message =
                format!("of `{preset}` the directions differ, and those of a link do not");
            let problem = Problem::new(codes::BAD_NETEM, message, item.span.clone());
            let hint = "write it at the interface of the end that is the subscriber";
            return self.problem(problem.hint(hint));
        }
        sent
    }

    fn way(&mut self, item: &Item<'_>, of: fn(Ways) -> Option<Conditions>) -> Option<Conditions> {
        match item.node.value {
            Value::Mapping(_) => {
                let mut fields = self.fields(item, &table::CONDITIONS)?;
                Some(self.conditions(&mut fields))
            }
            _ => of(self.preset(item)?.ways()),
        }
    }

    fn preset(&mut self, item: &Item<'_>) -> Option<Preset> {
        self.parsed(item, "the name of a preset like `4g`", codes::BAD_NETEM)
    }

    fn conditions(&mut self, fields: &mut Fields<'_>) -> Conditions {
        Conditions {
            delay: self.value(fields, "delay").unwrap_or_default(),
            jitter: self.value(fields, "jitter").unwrap_or_default(),
            loss: self.value(fields, "loss").unwrap_or_default(),
            duplicate: self.value(fields, "duplicate").unwrap_or_default(),
            reorder: self.value(fields, "reorder").unwrap_or_default(),
            corrupt: self.value(fields, "corrupt").unwrap_or_default(),
            rate: (fields.take("rate"))
                .and_then(|item| self.parsed(&item, "a rate like `10mbit`", codes::BAD_RATE)),
            limit: (fields.take("limit"))
                .and_then(|item| self.number(&item, "a number of packets like 1000")),
        }
    }

    fn value<T: FromStr<Err: Display>>(&mut self, fields: &mut Fields<'_>, key: &str) -> Option<T> {
        let item = fields.take(key)?;
        self.parsed(&item, "a value like `40ms` or `1%`", codes::BAD_NETEM)
    }
}
