//! How fast an interface is, and what becomes of packets.

use netyard::state::{Conditions, Link, OtherQdisc, Qdisc, Tbf};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

/// How much it receives and sends: numbers of rates, and beyond these, of what it sends, of
/// other conditions.
pub(crate) type Rate = [Option<u8>; 2];

pub(crate) fn rate() -> impl Strategy<Value = Option<Rate>> {
    let way = || option::weighted(0.7, 0..5u8);
    option::weighted(0.3, [way(), way()])
}

/// Both directions alike, or each its own.
pub(crate) fn set_rate(value: &mut Value, rate: Option<Rate>) {
    let word = |n: u8| json!(["100kbit", "10mbit", "1.5gbit"][usize::from(n % 3)]);
    // The other end of a cable may speak of what this one receives.
    let (rate, emulated) = match rate {
        Some([received, Some(n @ 3..)]) => (Some([received, None]), Some(n)),
        rate => (rate, None),
    };
    if let Some(n) = emulated {
        value["netem"] = match n {
            3 => json!({ "out": { "delay": "40ms", "jitter": "5ms", "loss": "0.3%" } }),
            _ => json!({ "out": "4g" }),
        };
    }
    match rate {
        None => {}
        Some([Some(both), Some(same)]) if both == same => value["rate"] = word(both),
        Some(ways) => {
            value["rate"] = json!({});
            for (way, n) in ["in", "out"].into_iter().zip(ways) {
                if let Some(n) = n {
                    value["rate"][way] = word(n);
                    value["rate"][format!("{way}_burst")] = json!(100_000 + u32::from(n));
                }
            }
        }
    }
}

/// A device sends slower, in another way, or without a limit.
pub(crate) fn drift(link: &mut Link, n: usize) {
    let kind = "pfifo".to_owned();
    let options = vec![9, 0, 0, 0];
    let lossy = || {
        let loss = "7%".parse().expect("a share");
        let conditions = Conditions {
            loss,
            ..Conditions::default()
        };
        conditions.qdisc(1500)
    };
    link.qdisc = match n % 4 {
        0 => None,
        3 => lossy(),
        1 => Some(Qdisc::Other(OtherQdisc { kind, options })),
        _ => Some(Qdisc::Tbf(Tbf::new(
            "64kbit".parse().expect("a rate"),
            None,
            1500,
        ))),
    };
}
