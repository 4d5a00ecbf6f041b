//! Queueing disciplines: the root one of a device set, taken away, read.

mod netem;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::attr::{parse, put, put_nested, put_text, u32_at};
use super::socket::{NLM_F_CREATE, NLM_F_REPLACE, Request, Socket};
use crate::state::{Conditions, Feature, OtherQdisc, Qdisc, Rate, Share, Tbf};
use crate::sys::netns;
use crate::sys::uapi::{
    RTM_DELQDISC, RTM_GETQDISC, RTM_NEWQDISC, TC_H_ROOT, TC_HEADER, TC_LINKLAYER_ETHERNET, TC_RATE,
    TC_TBF_OPTIONS, TCA_KIND, TCA_OPTIONS, TCA_TBF_BURST, TCA_TBF_PARMS, TCA_TBF_RATE64,
};

/// Gives the device with this index a root discipline, or the kernel's own again. One of the
/// same kind is changed in place, and what waits in it stays.
pub(crate) fn set(index: u32, qdisc: Option<&Qdisc>) -> Request {
    let mut body = head(index, 0, TC_H_ROOT);
    let Some(qdisc) = qdisc else {
        return request(RTM_DELQDISC, 0, body);
    };
    match qdisc {
        Qdisc::Tbf(limit) => {
            put_text(&mut body, TCA_KIND, "tbf");
            put_nested(&mut body, TCA_OPTIONS, |out| tbf(out, limit));
        }
        Qdisc::Netem(options) => {
            put_text(&mut body, TCA_KIND, "netem");
            put(&mut body, TCA_OPTIONS, &netem::encoded(options));
        }
        Qdisc::Other(other) => {
            put_text(&mut body, TCA_KIND, &other.kind);
            if !other.options.is_empty() {
                put(&mut body, TCA_OPTIONS, &other.options);
            }
        }
    }
    request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, body)
}

/// `struct tcmsg`: family and pad, device, handle, parent, info.
pub(crate) fn head(index: u32, handle: u32, parent: u32) -> Vec<u8> {
    let mut head = vec![0; 4];
    for number in [index, handle, parent, 0] {
        head.extend(number.to_ne_bytes());
    }
    head
}

pub(crate) fn request(kind: u16, flags: u16, body: Vec<u8>) -> Request {
    Request { kind, flags, body }
}

/// `struct tc_tbf_qopt` begins with `struct tc_ratespec`, whose second byte is the link layer,
/// and whose last four are bytes a second; after the second of these, for a peak, comes how
/// much may wait. The burst goes beside, in bytes: here it would be in the kernel's ticks. So
/// does a rate of 4 GB/s or more, which here would be the largest number.
pub(crate) fn tbf(out: &mut Vec<u8>, limit: &Tbf) {
    let rate = limit.rate.bytes();
    let mut options = vec![0; TC_TBF_OPTIONS];
    options[1] = TC_LINKLAYER_ETHERNET;
    let short = u32::try_from(rate).unwrap_or(u32::MAX);
    options[8..12].copy_from_slice(&short.to_ne_bytes());
    options[24..28].copy_from_slice(&limit.limit.to_ne_bytes());
    put(out, TCA_TBF_PARMS, &options);
    put(out, TCA_TBF_BURST, &limit.burst.to_ne_bytes());
    if u64::from(short) != rate {
        put(out, TCA_TBF_RATE64, &rate.to_ne_bytes());
    }
}

/// The root disciplines of the devices with these indexes, where they have one. They are taken
/// from the list of all: what the kernel answers to a question for a single one it tells
/// everybody, too, who listens for changes (RTNLGRP_TC; `tc_get_qdisc`, net/sched/sch_api.c),
/// and who watches would see a change in each look.
pub(crate) fn roots(
    socket: &mut Socket,
    indexes: &BTreeSet<u32>,
) -> io::Result<BTreeMap<u32, Qdisc>> {
    if indexes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let root = |body: &[u8]| u32_at(body, 12) == Some(TC_H_ROOT);
    let of = |body: &[u8]| u32_at(body, 4).filter(|index| indexes.contains(index));
    let question = request(RTM_GETQDISC, 0, head(0, 0, 0));
    let replies = socket.dump_some(&question, |body| root(body) && of(body).is_some())??;
    let roots = replies
        .iter()
        .filter_map(|(_, body)| Some((of(body)?, told(body)?)));
    Ok(roots.collect())
}

/// What a device without a queue of its own has (`noqueue`), or one that was never up.
pub(crate) fn is_none(kind: &str) -> bool {
    ["noqueue", "noop"].contains(&kind)
}

fn told(body: &[u8]) -> Option<Qdisc> {
    let (mut kind, mut options) = (String::new(), &[][..]);
    for (attribute, value) in parse(body.get(TC_HEADER..)?) {
        match attribute {
            TCA_KIND => kind = String::from_utf8_lossy(value.strip_suffix(&[0])?).into_owned(),
            TCA_OPTIONS => options = value,
            _ => {}
        }
    }
    let ours = match kind.as_str() {
        "tbf" => plain_tbf(options).map(Qdisc::Tbf),
        "netem" => netem::plain(options).map(Qdisc::Netem),
        _ => None,
    };
    let other = || {
        let options = options.to_vec();
        Qdisc::Other(OtherQdisc {
            kind: kind.clone(),
            options,
        })
    };
    (!is_none(&kind)).then(|| ours.unwrap_or_else(other))
}

/// One as netyard makes them: without a peak rate, and without bytes that are counted on top
/// (`overhead`, `mpu`).
fn plain_tbf(options: &[u8]) -> Option<Tbf> {
    let (mut parameters, mut long) = (None, None);
    for (attribute, value) in parse(options) {
        match attribute {
            TCA_TBF_PARMS => parameters = Some(value),
            TCA_TBF_RATE64 => long = value.try_into().ok().map(u64::from_ne_bytes),
            _ => {}
        }
    }
    let parameters = parameters?;
    let (rate, rest) = parameters.split_at_checked(TC_RATE)?;
    let peak = u32_at(rest, 8)?;
    if peak != 0 || rate[2..4] != [0, 0] || rate[6..8] != [0, 0] {
        return None;
    }
    let rate = Rate::of_bytes(long.unwrap_or(u64::from(u32_at(rate, 8)?)));
    Some(Tbf {
        rate,
        burst: Tbf::burst_of(rate, u32_at(rest, 16)?),
        limit: u32_at(rest, 12)?,
    })
}

/// `lo` of any namespace (`LOOPBACK_IFINDEX`, include/net/flow.h).
const LO: u32 = 1;

/// Whether the kernel has no such discipline.
pub(crate) fn lacks(feature: Feature) -> io::Result<bool> {
    let asked = match feature {
        Feature::Tbf => Conditions {
            rate: Some(Rate::of_bytes(125_000)),
            ..Conditions::default()
        },
        Feature::Netem => Conditions {
            loss: Share::ALL,
            ..Conditions::default()
        },
        Feature::Vlans | Feature::Router => return Ok(false),
    };
    asked
        .qdisc(1500)
        .map_or(Ok(false), |qdisc| is_unknown(&qdisc))
}

/// Tried in a namespace that is thrown away. Where it is a module, it is loaded by this.
fn is_unknown(qdisc: &Qdisc) -> io::Result<bool> {
    let mut lacks = false;
    for mut place in netns::create(1)? {
        let refused = place.socket.transact(&[set(LO, Some(qdisc))])?.pop();
        // `qdisc_create`, net/sched/sch_api.c.
        lacks |= (refused.flatten()).is_some_and(|refused| refused.errno == libc::ENOENT);
    }
    Ok(lacks)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn other(kind: &str, options: &[u8]) -> Qdisc {
        Qdisc::Other(OtherQdisc {
            kind: kind.to_owned(),
            options: options.to_vec(),
        })
    }

    #[test]
    #[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
    fn what_is_set_is_what_is_told() {
        let mut place = netns::create(1).unwrap().remove(0);
        let (socket, all) = (&mut place.socket, BTreeSet::from([LO]));
        assert_eq!(roots(socket, &all).unwrap(), BTreeMap::new());
        let mut set_to = |qdisc: Option<&Qdisc>| {
            let refused = socket.transact(&[set(LO, qdisc)]).unwrap();
            assert!(refused[0].is_none(), "{qdisc:?} {refused:?}");
            roots(socket, &all).unwrap().remove(&LO)
        };
        let rates = ["8kbit", "999992bit", "10mbit", "10gbit", "40gbit", "1tbit"];
        for (text, burst) in rates.iter().flat_map(|r| [(r, None), (r, Some(123_457))]) {
            let tbf = Tbf::new(text.parse().unwrap(), burst, 1500);
            let want = Qdisc::Tbf(tbf);
            let have = set_to(Some(&want)).unwrap();
            assert!(have.is(&want), "{have:?} {want:?}");
            // As it is told it is put back, and told again.
            assert!(set_to(Some(&have)).unwrap().is(&want));
        }
        let fifo = other("pfifo", &7u32.to_ne_bytes());
        assert_eq!(set_to(Some(&fifo)), Some(fifo));
        assert_eq!(set_to(None), None);
    }

    #[test]
    #[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
    fn a_kernel_without_a_discipline_says_so() {
        assert!(!lacks(Feature::Tbf).unwrap());
        assert!(is_unknown(&other("netyard", &[])).unwrap());
    }
}
