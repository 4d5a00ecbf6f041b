//! All that can be seen of the host's networks.

mod find;
mod inside;
mod pair;
mod sockets;
mod told;
mod tunnel;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use super::netlink::link::Seen;
use super::netlink::socket::Socket;
use super::sight::who_sees_all;
use super::{netns, open_files};
use crate::state::Rate;
use crate::state::survey::{Device, Far, FarEnd, Space, Survey};
pub(crate) use find::{Found, find, plain};
pub(crate) use inside::{known, routes};
pub(crate) use sockets::{listening, named};
pub(crate) use told::{Told, told};

/// A namespace that was looked into.
struct Looked {
    space: Space,
    /// Its devices, where it was read.
    seen: Vec<Seen>,
    open: Option<Open>,
}

/// A namespace that is open, with a socket inside.
pub(crate) type Open = (OwnedFd, Socket);

/// What was seen, and the namespaces that could be entered, at the same places.
#[derive(Debug)]
pub(crate) struct Sight {
    pub(crate) survey: Survey,
    pub(crate) open: Vec<Option<Open>>,
}

/// Looks at everything.
pub(crate) fn look() -> io::Result<Sight> {
    open_files::raise();
    let (found, hidden) = find()?;
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get().min(4));
    let share = found.len().div_ceil(threads).max(1);
    let mut looked: Vec<Looked> = std::thread::scope(|scope| {
        let chunks: Vec<Vec<Found>> = chunked(found, share);
        let threads = chunks.into_iter().map(|chunk| {
            scope.spawn(move || chunk.into_iter().filter_map(into).collect::<Vec<_>>())
        });
        let threads: Vec<_> = threads.collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Vec<Looked>>| match thread.join() {
            Ok(looked) => looked,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        threads.into_iter().flat_map(join).collect()
    });
    looked.sort_by_key(|one| (!one.space.host, one.space.name.clone()));
    let far = pair::far(&mut looked)?;
    let names: Vec<String> = looked.iter().map(|one| one.space.name.clone()).collect();
    let states = states(&looked);
    for (at, one) in looked.iter_mut().enumerate() {
        for (n, seen) in std::mem::take(&mut one.seen).into_iter().enumerate() {
            let mut device = seen.device;
            device.far = far.get(&(at, n)).map(|far| match far {
                pair::Place::At { looked, dev, index } => {
                    let (state, rate) = states.get(&(*looked, *index)).cloned().unwrap_or_default();
                    Far::Found(FarEnd {
                        netns: names[*looked].clone(),
                        dev: dev.clone(),
                        index: *index,
                        state,
                        rate,
                    })
                }
                pair::Place::Unseen(id) => Far::Unseen(*id),
            });
            one.space.devices.push(device);
        }
    }
    let unseen = unseen(&looked, hidden);
    let (namespaces, open) = looked.into_iter().map(|one| (one.space, one.open)).unzip();
    let survey = Survey {
        namespaces,
        unseen,
        hidden,
    };
    Ok(Sight { survey, open })
}

fn chunked<T>(all: Vec<T>, size: usize) -> Vec<Vec<T>> {
    let mut all = all.into_iter();
    let chunks = std::iter::from_fn(|| {
        let chunk: Vec<T> = all.by_ref().take(size).collect();
        (!chunk.is_empty()).then_some(chunk)
    });
    chunks.collect()
}

/// How each device is and how fast, by its namespace's place in the list and its number.
fn states(looked: &[Looked]) -> BTreeMap<(usize, u32), (String, Option<Rate>)> {
    let of = |(at, one): (usize, &Looked)| {
        let devices = one.seen.iter().map(|seen| &seen.device);
        let state = |device: &Device| {
            let how = (device.condition().to_owned(), device.rate);
            ((at, device.index), how)
        };
        devices.map(state).collect::<Vec<_>>()
    };
    looked.iter().enumerate().flat_map(of).collect()
}

/// What is said of what cannot be seen.
fn unseen(looked: &[Looked], hidden: usize) -> Vec<String> {
    let unread = looked.iter().filter(|one| one.space.unread.is_some());
    let mut said = Vec::new();
    match unread.count() {
        0 => {}
        1 => said.push("what is in one namespace".to_owned()),
        some => said.push(format!("what is in {some} namespaces")),
    }
    match hidden {
        0 => {}
        some => said.push(format!(
            "namespaces that only processes of others ({some}) are in"
        )),
    }
    match said.is_empty() {
        true => said,
        false => vec![format!(
            "{}; {} sees all",
            said.join(", and "),
            who_sees_all()
        )],
    }
}

/// Looks into one; `None` when it went meanwhile.
fn into(found: Found) -> Option<Looked> {
    let Found { mut space, path } = found;
    let looked = look_into(&mut space, &path);
    match looked {
        Ok((seen, open)) => Some(Looked {
            space,
            seen,
            open: Some(open),
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        // Its process has ended.
        Err(e) if e.raw_os_error() == Some(libc::ESRCH) || !path.exists() => None,
        Err(e) => {
            space.unread = Some(match e.raw_os_error() {
                Some(libc::EPERM | libc::EACCES) => {
                    format!("not looked into: only {} may enter it", who_sees_all())
                }
                _ => format!("not looked into: it cannot be entered: {e}"),
            });
            Some(Looked {
                space,
                seen: Vec::new(),
                open: None,
            })
        }
    }
}

fn look_into(space: &mut Space, path: &std::path::Path) -> io::Result<(Vec<Seen>, Open)> {
    // The number may have been another's when it was found.
    let fd = netns::open_at(path, space.inode)?;
    let entered = (!space.host).then(|| fd.as_fd());
    let mut socket = netns::enter(entered, Socket::route)?;
    let mut seen = inside::read(&mut socket, space)?;
    tunnel::tell(entered, &mut seen)?;
    Ok((seen, (fd, socket)))
}
