//! How fast an interface is.

use super::{Item, Problem, Reader, Value};
use crate::report::codes;
use crate::topology::keys::table;
use crate::topology::{Limit, Limits};

impl Reader<'_> {
    /// A rate for both directions, or a mapping that tells them apart.
    pub(super) fn limits(&mut self, item: &Item<'_>) -> Option<Limits> {
        if !matches!(item.node.value, Value::Mapping(_)) {
            let rate = self.parsed(item, "a rate like `10mbit`", codes::BAD_RATE)?;
            let both = Some(Limit { rate, burst: None });
            return Some(Limits {
                received: both,
                sent: both,
            });
        }
        let mut fields = self.fields(item, &table::RATE)?;
        let mut limit = |rate: &str, burst: &str| {
            let given = fields.take(rate);
            let burst = fields
                .take(burst)
                .map(|item| (item.clone(), self.burst(&item)));
            match (given, burst) {
                (None, None) => None,
                (None, Some((item, _))) => {
                    let message = format!("a burst without a rate: `{rate}` is not there");
                    let problem = Problem::new(codes::BAD_BURST, message, item.span);
                    self.problem(problem.hint(format!("add `{rate}: RATE`, or take it out")))
                }
                (Some(given), burst) => {
                    let rate = self.parsed(&given, "a rate like `10mbit`", codes::BAD_RATE)?;
                    let burst = burst.and_then(|(_, burst)| burst);
                    Some(Limit { rate, burst })
                }
            }
        };
        Some(Limits {
            received: limit("in", "in_burst"),
            sent: limit("out", "out_burst"),
        })
    }

    fn burst(&mut self, item: &Item<'_>) -> Option<u32> {
        self.number(item, "a number of bytes like 65536")
    }
}
