//! Sets and maps that rules look into.

use super::field::{Field, before, values};
use super::rule::verdict;
use super::{find, nested, number};
use crate::state::{Condition, Verdict, WallRule, What};
use crate::sys::uapi::*;

/// An element: its key, the end of its range where it has one, and what a map has for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interval {
    first: Vec<u8>,
    last: Option<Vec<u8>>,
    ends: bool,
    verdict: Option<Verdict>,
}

/// Keys from the first to the last, and the verdict for each.
#[derive(Debug)]
pub(super) struct SetKind(Vec<(Vec<u8>, Vec<u8>, Option<Verdict>)>);

impl Interval {
    pub(super) fn read(element: &[u8]) -> Self {
        let last = find(element, NFTA_SET_ELEM_KEY_END);
        let data = find(element, NFTA_SET_ELEM_DATA);
        Interval {
            first: nested(element, NFTA_SET_ELEM_KEY).to_vec(),
            last: last
                .and_then(|last| find(last, NFTA_DATA_VALUE))
                .map(<[u8]>::to_vec),
            ends: number(element, NFTA_SET_ELEM_FLAGS) & NFT_SET_ELEM_INTERVAL_END != 0,
            verdict: data.and_then(verdict),
        }
    }
}

impl SetKind {
    /// In an interval set a key is a start or, flagged, the first behind an end
    /// (net/netfilter/nft_set_rbtree.c); elsewhere each stands for itself.
    pub(super) fn of(mut elements: Vec<Interval>) -> Self {
        let interval = elements.iter().any(|element| element.ends);
        elements.sort_by(|a, b| (&a.first, !a.ends).cmp(&(&b.first, !b.ends)));
        let mut ranges = Vec::new();
        let mut rest = elements.into_iter().peekable();
        while let Some(element) = rest.next() {
            if element.ends {
                continue;
            }
            let last = match (element.last, rest.peek()) {
                (Some(last), _) => last,
                (None, Some(next)) if interval => before(&next.first),
                (None, None) if interval => vec![0xff; element.first.len()],
                _ => element.first.clone(),
            };
            ranges.push((element.first, last, element.verdict));
        }
        SetKind(ranges)
    }

    fn fits(&self, field: Field) -> bool {
        self.0
            .iter()
            .all(|(first, ..)| Some(first.len()) == field.length())
    }

    pub(super) fn what(&self, field: Field) -> What {
        let ranges: Vec<_> = self
            .0
            .iter()
            .map(|(a, b, _)| (a.as_slice(), b.as_slice()))
            .collect();
        match self.fits(field) {
            true => values(field, &ranges),
            false => What::Other,
        }
    }

    pub(super) fn rules(&self, field: Field, when: &[Condition]) -> Option<Vec<WallRule>> {
        let rule = |(first, last, verdict): &(Vec<u8>, Vec<u8>, Option<Verdict>)| {
            let what = values(field, &[(first, last)]);
            let (mut when, not) = (when.to_vec(), false);
            when.push(Condition { what, not });
            let then = verdict.clone();
            WallRule { when, then }
        };
        self.fits(field).then(|| self.0.iter().map(rule).collect())
    }
}
