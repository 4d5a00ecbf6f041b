//! Which device is the other end of which: each names the other by its number, and the
//! namespace that the other is in by the number that it has in its own (`IFLA_LINK`,
//! `IFLA_LINK_NETNSID`).

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsRawFd;

use super::Looked;
use crate::sys::netlink::nsid;

/// Where the other end is.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In a namespace that was looked into, by its place in the list.
    At {
        looked: usize,
        dev: String,
        index: u32,
    },
    /// In none of them.
    Unseen(Option<i32>),
}

/// The other ends, by the places of namespace and device in their lists.
pub(super) fn far(looked: &mut [Looked]) -> io::Result<BTreeMap<(usize, usize), Place>> {
    let (mut ends, mut by_index) = (BTreeMap::new(), BTreeMap::new());
    for (at, one) in looked.iter().enumerate() {
        for seen in &one.seen {
            let (index, name) = (seen.device.index, seen.device.name.clone());
            if let Some(link) = seen.link {
                let end: &mut Vec<usize> = ends.entry((index, link)).or_default();
                end.push(at);
            }
            by_index.insert((at, index), name);
        }
    }
    let mut numbers = Numbers::default();
    let mut far = BTreeMap::new();
    for at in 0..looked.len() {
        for n in 0..looked[at].seen.len() {
            let seen = &looked[at].seen[n];
            let Some(link) = seen.link else { continue };
            let (index, nsid) = (seen.device.index, seen.nsid);
            let mut place = match nsid {
                None => Some(at),
                Some(_) => None,
            };
            if let Some(nsid) = nsid {
                // A cable's other end names this one; what a VLAN is on does not.
                let likely = ends.get(&(link, index)).into_iter().flatten().copied();
                let others =
                    (0..looked.len()).filter(|other| by_index.contains_key(&(*other, link)));
                // Numbers may fit by chance: then it is in one of the others after all.
                for candidate in likely.chain(others) {
                    if numbers.of(looked, at, candidate)? == Some(nsid) {
                        place = Some(candidate);
                        break;
                    }
                }
            }
            let dev = place.and_then(|place| by_index.get(&(place, link)));
            let found = match place.zip(dev) {
                Some((place, dev)) => Place::At {
                    looked: place,
                    dev: dev.clone(),
                    index: link,
                },
                None => Place::Unseen(nsid),
            };
            far.insert((at, n), found);
        }
    }
    Ok(far)
}

/// The numbers by which namespaces know others, once asked.
#[derive(Debug, Default)]
struct Numbers(BTreeMap<(usize, usize), Option<i32>>);

impl Numbers {
    fn of(&mut self, looked: &mut [Looked], one: usize, other: usize) -> io::Result<Option<i32>> {
        if let Some(known) = self.0.get(&(one, other)) {
            return Ok(*known);
        }
        let fd = looked[other].open.as_ref().map(|(fd, _)| fd.as_raw_fd());
        let number = match (fd, &mut looked[one].open) {
            (Some(fd), Some((_, socket))) => nsid::of(socket, fd)?,
            _ => None,
        };
        self.0.insert((one, other), number);
        Ok(number)
    }
}
