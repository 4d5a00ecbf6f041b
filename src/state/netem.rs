//! What a link does to packets on their way: late, lost, twice, out of order, broken, slow.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::qdisc::TICK_NS;
use super::{Qdisc, Rate, Share, Tbf, Time};

/// A network emulator (tc-netem(8)), which all that a device sends goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Netem {
    /// How long a packet takes.
    #[serde(default, skip_serializing_if = "Time::is_zero")]
    pub delay: Time,
    /// How much longer or shorter some take, each length alike.
    #[serde(default, skip_serializing_if = "Time::is_zero")]
    pub jitter: Time,
    /// How many get lost.
    #[serde(default, skip_serializing_if = "Share::is_none")]
    pub loss: Share,
    /// How many come twice.
    #[serde(default, skip_serializing_if = "Share::is_none")]
    pub duplicate: Share,
    /// How many do not wait, and so overtake those that do.
    #[serde(default, skip_serializing_if = "Share::is_none")]
    pub reorder: Share,
    /// How many have a wrong bit.
    #[serde(default, skip_serializing_if = "Share::is_none")]
    pub corrupt: Share,
    /// How fast they leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// How many may be on their way; what comes then is dropped.
    pub limit: u32,
}

impl Netem {
    /// Whether the kernel would tell them as the same. Of a time tc(8) may have told it whole ticks
    /// alone (iproute2 6.1 does).
    pub fn is(&self, other: &Netem) -> bool {
        let near =
            |one: Time, other: Time| one.nanoseconds().abs_diff(other.nanoseconds()) < TICK_NS;
        let (delay, jitter) = (self.delay, self.jitter);
        let times = near(delay, other.delay) && near(jitter, other.jitter);
        times
            && *self
                == Netem {
                    delay,
                    jitter,
                    ..*other
                }
    }
}

/// As `tc qdisc replace dev DEV root netem` takes it.
impl fmt::Display for Netem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limit {}", self.limit)?;
        if !self.delay.is_zero() {
            write!(f, " delay {}", self.delay)?;
        }
        if !self.jitter.is_zero() {
            write!(f, " {}", self.jitter)?;
        }
        for (word, share) in [
            ("loss", self.loss),
            ("duplicate", self.duplicate),
            ("reorder", self.reorder),
            ("corrupt", self.corrupt),
        ] {
            if !share.is_none() {
                write!(f, " {word} {share}")?;
            }
        }
        match self.rate {
            Some(rate) => write!(f, " rate {rate}"),
            None => Ok(()),
        }
    }
}

/// What is asked of one direction of a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// How long a packet takes.
    #[serde(default, skip_serializing_if = "Time::is_zero")]
    pub delay: Time,
    /// How much longer or shorter some take.
    #[serde(default, skip_serializing_if = "Time::is_zero")]
    pub jitter: Time,
    /// How many get lost.
    #[serde(default, skip_serializing_if = "Share::is_none")]
    pub loss: Share,
    /// How many come twice.
    #[serde(default, skip_serializing_if = "Share::is_none")]
    pub duplicate: Share,
    /// How many overtake others.
    #[serde(default, skip_serializing_if = "Share::is_none")]
    pub reorder: Share,
    /// How many have a wrong bit.
    #[serde(default, skip_serializing_if = "Share::is_none")]
    pub corrupt: Share,
    /// How fast they leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// How many may be on their way; `None`: what is enough for the delay ([`enough`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl Conditions {
    /// Whether nothing but a rate is asked for: `tbf` keeps that, which more kernels have.
    pub(crate) fn is_rate_alone(&self) -> bool {
        let rate = self.rate;
        *self
            == Conditions {
                rate,
                ..Conditions::default()
            }
    }

    /// What a device sends through so that its packets fare like this; `None`: the kernel's own
    /// queue is as good.
    pub fn qdisc(&self, mtu: u32) -> Option<Qdisc> {
        if self.is_rate_alone() {
            let rate = self.rate?;
            return Some(Qdisc::Tbf(Tbf::new(rate, None, mtu)));
        }
        let limit = self.limit;
        Some(Qdisc::Netem(Netem {
            delay: self.delay,
            jitter: self.jitter,
            loss: self.loss,
            duplicate: self.duplicate,
            reorder: self.reorder,
            corrupt: self.corrupt,
            rate: self.rate,
            limit: limit.unwrap_or_else(|| enough(self.delay, self.jitter, self.rate)),
        }))
    }

    /// What such a queue does to packets.
    pub fn of(qdisc: &Qdisc) -> Option<Self> {
        match qdisc {
            Qdisc::Tbf(tbf) => Some(Conditions {
                rate: Some(tbf.rate),
                ..Conditions::default()
            }),
            Qdisc::Netem(netem) => Some(Conditions {
                delay: netem.delay,
                jitter: netem.jitter,
                loss: netem.loss,
                duplicate: netem.duplicate,
                reorder: netem.reorder,
                corrupt: netem.corrupt,
                rate: netem.rate,
                limit: (enough(netem.delay, netem.jitter, netem.rate) != netem.limit)
                    .then_some(netem.limit),
            }),
            Qdisc::Other(_) => None,
        }
    }

    /// What cannot be, and by which word it is asked for.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        match self {
            _ if self.jitter > self.delay => {
                Some(("jitter", "a jitter longer than the delay that it varies"))
            }
            // The kernel keeps it in 31 bits (`netem_change`, net/sched/sch_netem.c).
            _ if self.jitter.nanoseconds() > 2_000_000_000 => Some((
                "jitter",
                "a jitter of more than 2s, which the kernel does not take",
            )),
            // `netem_enqueue`, net/sched/sch_netem.c: who overtakes does so by not waiting.
            _ if !self.reorder.is_none() && self.delay.is_zero() => Some((
                "reorder",
                "a reordering without a delay: no packet waits that another could overtake",
            )),
            Conditions { limit: Some(0), .. } => {
                Some(("limit", "a limit of 0 packets: none would pass"))
            }
            _ => None,
        }
    }
}

/// `limit 1000`, the kernel's own.
const USUAL: u64 = 1000;

/// Bytes a second of a cable without a rate, as virtual ones are: 10 Gbit/s.
const FAST: u64 = 1_250_000_000;

/// A full packet (`ETH_DATA_LEN`).
const PACKET: u64 = 1500;

/// How many packets may be on their way. The kernel drops what is beyond that, and it would be
/// told from `loss` by nobody: 1000, its own, are 12 ms at 1 Gbit/s. Without a rate it is room
/// for what 10 Gbit/s bring meanwhile. With one it is twice what is on its way, as a queue that
/// keeps a TCP connection busy, and 25 ms of it, as with `tbf`; yet one small packet each
/// millisecond, as `netyard test` sends them, finds room, and 100 more.
pub fn enough(delay: Time, jitter: Time, rate: Option<Rate>) -> u32 {
    let ns = u128::from(delay.nanoseconds()) + u128::from(jitter.nanoseconds());
    let packets = |bytes: u64, ns: u128| {
        let full = u128::from(bytes) * ns / 1_000_000_000 / u128::from(PACKET);
        u64::try_from(full).unwrap_or(u64::MAX)
    };
    let packets = match rate {
        None => packets(FAST, ns).max(USUAL),
        Some(rate) => {
            let each_ms = u64::try_from(ns / 1_000_000).unwrap_or(u64::MAX);
            packets(rate.bytes(), 2 * ns + 25_000_000).max(each_ms + 100)
        }
    };
    u32::try_from(packets).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(json: &str) -> Conditions {
        serde_json::from_str(json).expect(json)
    }

    #[test]
    fn a_rate_alone_needs_no_netem() {
        let rate = conditions(r#"{ "rate": "10mbit" }"#);
        let tbf = Tbf::new(rate.rate.expect("a rate"), None, 1500);
        assert_eq!(rate.qdisc(1500), Some(Qdisc::Tbf(tbf)));
        assert_eq!(Conditions::default().qdisc(1500), None);
        for (json, written) in [
            (r#"{ "loss": "1%" }"#, "netem limit 1000 loss 1%"),
            (r#"{ "limit": 7 }"#, "netem limit 7"),
            (
                r#"{ "delay": "40ms", "jitter": "5ms", "loss": "0.1%", "duplicate": "2%", "reorder": "25%", "corrupt": "3%", "rate": "10mbit" }"#,
                "netem limit 145 delay 40ms 5ms loss 0.1% duplicate 2% reorder 25% corrupt 3% rate 10mbit",
            ),
        ] {
            let asked = conditions(json);
            let qdisc = asked.qdisc(1500).expect("a queue");
            assert_eq!(qdisc.to_string(), written);
            assert_eq!(Conditions::of(&qdisc), Some(asked));
        }
    }

    #[test]
    fn a_part_of_a_tick_is_no_difference() {
        let netem = |ns| match conditions(&format!(r#"{{ "delay": "{ns}ns" }}"#)).qdisc(1500) {
            Some(Qdisc::Netem(netem)) => Netem { limit: 7, ..netem },
            other => panic!("{other:?}"),
        };
        assert!(netem(1_500_000).is(&netem(1_499_968)));
        assert!(!netem(1_500_000).is(&netem(1_499_936)));
        let other = Netem {
            limit: 8,
            ..netem(1_500_000)
        };
        assert!(!netem(1_500_000).is(&other));
    }

    #[test]
    fn what_is_on_its_way_finds_room() {
        let limit = |delay: &str, rate: Option<&str>| {
            let rate = rate.map(|rate| rate.parse().expect("a rate"));
            enough(delay.parse().expect("a time"), Time::default(), rate)
        };
        assert_eq!(limit("0", None), 1000);
        assert_eq!(limit("40ms", None), 33_333);
        assert_eq!(limit("40ms", Some("10mbit")), 140);
        assert_eq!(limit("300ms", Some("1gbit")), 52_083);
        assert_eq!(limit("3600s", Some("1tbit")), u32::MAX);
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (json, word) in [
            (r#"{ "jitter": "1ms" }"#, "jitter"),
            (r#"{ "delay": "1ms", "jitter": "2ms" }"#, "jitter"),
            (r#"{ "reorder": "1%" }"#, "reorder"),
            (r#"{ "limit": 0 }"#, "limit"),
        ] {
            let fault = conditions(json).fault();
            assert_eq!(fault.map(|(word, _)| word), Some(word), "{json}");
        }
        let fine = r#"{ "delay": "5ms", "jitter": "5ms", "reorder": "100%", "limit": 1 }"#;
        assert_eq!(conditions(fine).fault(), None);
    }
}
