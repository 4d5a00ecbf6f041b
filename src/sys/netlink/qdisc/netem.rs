//! The network emulator's options, to the kernel and from it.

use crate::state::{Netem, Rate, Share, Time};
use crate::sys::netlink::attr::{parse, put, u32_at};
use crate::sys::uapi::{
    TC_NETEM_CORR, TC_NETEM_OPTIONS, TC_NETEM_PAIR, TC_NETEM_RATE, TC_NETEM_SLOT, TCA_NETEM_CORR,
    TCA_NETEM_CORRUPT, TCA_NETEM_ECN, TCA_NETEM_JITTER64, TCA_NETEM_LATENCY64, TCA_NETEM_LOSS,
    TCA_NETEM_RATE, TCA_NETEM_RATE64, TCA_NETEM_REORDER, TCA_NETEM_SLOT,
};

/// `TCA_OPTIONS` is `struct tc_netem_qopt` with attributes behind it, and not nested
/// (`netem_change` and `parse_attr`, net/sched/sch_netem.c). One that is there keeps what it is
/// not told, so all of it is told: that packets have nothing to do with those before them, too.
pub(super) fn encoded(netem: &Netem) -> Vec<u8> {
    let mut out = Vec::with_capacity(TC_NETEM_OPTIONS + 200);
    let (delay, jitter) = (netem.delay.nanoseconds(), netem.jitter.nanoseconds());
    // Of packets that may overtake each does by its own chance (tc-netem(8), `gap 1`).
    let gap = u32::from(!netem.reorder.is_none());
    for number in [
        ticks(delay),
        netem.limit,
        netem.loss.to_kernel(),
        gap,
        netem.duplicate.to_kernel(),
        ticks(jitter),
    ] {
        out.extend(number.to_ne_bytes());
    }
    put(&mut out, TCA_NETEM_LATENCY64, &delay.to_ne_bytes());
    put(&mut out, TCA_NETEM_JITTER64, &jitter.to_ne_bytes());
    put(&mut out, TCA_NETEM_CORR, &[0; TC_NETEM_CORR]);
    for (kind, share) in [
        (TCA_NETEM_REORDER, netem.reorder),
        (TCA_NETEM_CORRUPT, netem.corrupt),
    ] {
        let mut pair = [0; TC_NETEM_PAIR];
        pair[..4].copy_from_slice(&share.to_kernel().to_ne_bytes());
        put(&mut out, kind, &pair);
    }
    // The larger of both counts. Without either there is none.
    let rate = netem.rate.map_or(0, Rate::bytes);
    let short = u32::try_from(rate).unwrap_or(u32::MAX);
    let mut options = [0; TC_NETEM_RATE];
    options[..4].copy_from_slice(&short.to_ne_bytes());
    put(&mut out, TCA_NETEM_RATE, &options);
    if u64::from(short) != rate {
        put(&mut out, TCA_NETEM_RATE64, &rate.to_ne_bytes());
    }
    put(&mut out, TCA_NETEM_ECN, &0u32.to_ne_bytes());
    put(&mut out, TCA_NETEM_SLOT, &[0; TC_NETEM_SLOT]);
    out
}

/// The same in units of 64 ns, as kernels read it that know no nanoseconds here (before 4.15).
fn ticks(ns: u64) -> u32 {
    u32::try_from(ns / 64).unwrap_or(u32::MAX)
}

/// One as netyard makes them: without correlations, marks, slots, a model of loss, bytes that
/// are counted on top. A distribution of delays the kernel does not tell.
pub(super) fn plain(options: &[u8]) -> Option<Netem> {
    let (fixed, attributes) = options.split_at_checked(TC_NETEM_OPTIONS)?;
    let number = |at: usize| u32_at(fixed, at);
    let (mut delay, mut jitter) = (u64::from(number(0)?) * 64, u64::from(number(20)?) * 64);
    let (mut reorder, mut corrupt, mut rate, mut long) = (0, 0, 0, None);
    for (kind, value) in parse(attributes) {
        match kind {
            TCA_NETEM_LATENCY64 => delay = u64_in(value)?,
            TCA_NETEM_JITTER64 => jitter = u64_in(value)?,
            TCA_NETEM_REORDER => reorder = alone(value)?,
            TCA_NETEM_CORRUPT => corrupt = alone(value)?,
            TCA_NETEM_RATE => rate = alone(value)?,
            TCA_NETEM_RATE64 => long = Some(u64_in(value)?),
            TCA_NETEM_CORR if value.iter().any(|byte| *byte != 0) => return None,
            TCA_NETEM_SLOT if value.iter().any(|byte| *byte != 0) => return None,
            TCA_NETEM_ECN if value != [0; 4] => return None,
            TCA_NETEM_LOSS => return None,
            _ => {}
        }
    }
    let reorder = match number(12)? {
        0 => 0,
        1 => reorder,
        _ => return None,
    };
    let rate = long.unwrap_or(u64::from(rate));
    Some(Netem {
        delay: Time::of_nanoseconds(delay),
        jitter: Time::of_nanoseconds(jitter),
        loss: Share::of_kernel(number(8)?)?,
        duplicate: Share::of_kernel(number(16)?)?,
        reorder: Share::of_kernel(reorder)?,
        corrupt: Share::of_kernel(corrupt)?,
        rate: (rate > 0).then(|| Rate::of_bytes(rate)),
        limit: number(4)?,
    })
}

/// The first number of a structure that says nothing else.
fn alone(value: &[u8]) -> Option<u32> {
    let rest = value.get(4..)?;
    rest.iter()
        .all(|byte| *byte == 0)
        .then(|| u32_at(value, 0))?
}

fn u64_in(value: &[u8]) -> Option<u64> {
    value.try_into().ok().map(u64::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn netem(json: &str) -> Netem {
        serde_json::from_str(json).expect(json)
    }

    #[test]
    fn what_is_told_comes_back() {
        for json in [
            r#"{ "limit": 1 }"#,
            r#"{ "limit": 1000, "delay": "40ms", "jitter": "5ms" }"#,
            r#"{ "limit": 7, "delay": "3600s", "jitter": "2s", "reorder": "25%" }"#,
            r#"{ "limit": 7, "loss": "0.3%", "duplicate": "100%", "corrupt": "0.0001%" }"#,
            r#"{ "limit": 4294967295, "rate": "10mbit", "delay": "7ns" }"#,
            r#"{ "limit": 9, "rate": "1tbit", "loss": "30%" }"#,
        ] {
            assert_eq!(plain(&encoded(&netem(json))), Some(netem(json)), "{json}");
        }
    }

    /// What others ask of it beyond that is told as it is.
    #[test]
    fn what_netyard_does_not_make_is_not_taken_for_its_own() {
        let own = encoded(&netem(r#"{ "limit": 9 }"#));
        let mut one = [0; TC_NETEM_CORR];
        one[4] = 1;
        for (kind, value) in [
            (TCA_NETEM_CORR, &one[..]),
            (TCA_NETEM_LOSS, &[]),
            (TCA_NETEM_ECN, &[1, 0, 0, 0]),
            (TCA_NETEM_SLOT, &[1; TC_NETEM_SLOT]),
            (TCA_NETEM_REORDER, &one[..TC_NETEM_PAIR]),
            (
                TCA_NETEM_RATE,
                &[0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            ),
        ] {
            let mut with = own.clone();
            assert!(plain(&with).is_some());
            put(&mut with, kind, value);
            assert_eq!(plain(&with), None, "{kind}");
        }
        let mut gap = own.clone();
        gap[12] = 5;
        assert_eq!(plain(&gap), None);
        assert_eq!(plain(&own[..20]), None);
    }
}
