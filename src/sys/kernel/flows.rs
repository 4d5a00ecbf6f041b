//! Flows are forgotten.

use std::io;

use super::Kernel;
use crate::plan::Op;
use crate::reconcile::Applied;
use crate::state::{FlowMatch, Netns};
use crate::sys::Failure;
use crate::sys::netlink::KernelError;
use crate::sys::netlink::conntrack;

impl Kernel {
    /// The flows of all these operations, which are of one namespace, at once. Beside the
    /// removal of devices it would be no faster: as long as the kernel goes through its flows,
    /// it does not come to the end of a grace period, for which that waits.
    pub(super) fn forget_flows(&mut self, netns: &Netns, ops: &[&Op]) -> Applied {
        let flows = ops.iter().flat_map(|op| match op {
            Op::DelFlows { flows, .. } => flows.as_slice(),
            _ => &[],
        });
        let flows: Vec<FlowMatch> = flows.cloned().collect();
        let socket = self.netfilter(netns);
        let ended = told(socket.and_then(|socket| conntrack::delete(socket, &flows)));
        self.ended |= ended.is_ok() && *netns == Netns::Host;
        match ended {
            Ok(()) => Applied {
                done: (0..ops.len()).collect(),
                ..Applied::default()
            },
            Err(failure) => Applied {
                failed: Some((0, failure)),
                ..Applied::default()
            },
        }
    }
}

fn told(answer: io::Result<Result<(), KernelError>>) -> Result<(), Failure> {
    match answer? {
        Ok(()) => {}
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
