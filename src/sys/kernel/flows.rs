//! Flows are forgotten.

use std::io;
use std::thread;

use super::Kernel;
use crate::plan::Op;
use crate::reconcile::Applied;
use crate::state::{FlowMatch, Netns};
use crate::sys::Failure;
use crate::sys::netlink::KernelError;
use crate::sys::netlink::conntrack;

impl Kernel {
    /// The flows of all these operations, which are of one namespace, at once; and meanwhile
    /// `links`, which come behind them. The kernel takes some ms to go through all flows of the
    /// machine, and waits 13-20 ms for a device's end.
    pub(super) fn forget_flows(&mut self, netns: &Netns, ops: &[&Op], links: &[&Op]) -> Applied {
        let flows = ops.iter().flat_map(|op| match op {
            Op::DelFlows { flows, .. } => flows.as_slice(),
            _ => &[],
        });
        let flows: Vec<FlowMatch> = flows.cloned().collect();
        let (ended, mut applied) = self.end(netns, &flows, links);
        self.ended |= ended.is_ok() && *netns == Netns::Host;
        applied.done.iter_mut().for_each(|at| *at += ops.len());
        applied.failed = applied.failed.map(|(at, why)| (at + ops.len(), why));
        match ended {
            Ok(()) => applied.done.splice(..0, 0..ops.len()).for_each(drop),
            Err(failure) => applied.failed = Some((0, failure)),
        }
        applied
    }

    fn end(
        &mut self,
        netns: &Netns,
        flows: &[FlowMatch],
        links: &[&Op],
    ) -> (Result<(), Failure>, Applied) {
        let taken = self.netfilter(netns).map(drop);
        let (Ok(()), Some(mut socket)) = (taken, self.netfilter.remove(netns)) else {
            let none = io::Error::other("no netfilter socket");
            return (Err(none.into()), Applied::default());
        };
        let mut applied = Applied::default();
        let answer = thread::scope(|scope| {
            let forgetting = scope.spawn(|| conntrack::delete(&mut socket, flows));
            if let Some(first) = links.first() {
                applied = self.send(first.netns(), links);
            }
            let gave_up = |_| Err(io::Error::other("a thread gave up"));
            forgetting.join().unwrap_or_else(gave_up)
        });
        self.netfilter.insert(netns.clone(), socket);
        (told(answer), applied)
    }
}

fn told(answer: io::Result<Result<usize, KernelError>>) -> Result<(), Failure> {
    match answer? {
        Ok(gone) => log::debug!("{gone} flows ended"),
        // A kernel without ctnetlink refuses the subsystem wordlessly (nfnetlink_rcv_msg,
        // net/netfilter/nfnetlink.c). Nobody can end flows there, and no lab shall stay
        // up for that.
        Err(refused) if refused.errno == libc::EINVAL && refused.text.is_none() => {
            log::warn!("this kernel has no ctnetlink: flows that began before go on as they were");
        }
        Err(refused) => return Err(refused),
    }
    Ok(())
}
