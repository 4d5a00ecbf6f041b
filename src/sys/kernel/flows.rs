//! Flows are forgotten.

use super::Kernel;
use crate::plan::Op;
use crate::reconcile::Applied;
use crate::state::{FlowMatch, Netns};
use crate::sys::Failure;
use crate::sys::netlink::conntrack;

impl Kernel {
    /// The flows of all these operations, which are of one namespace, at once.
    pub(super) fn forget_flows(&mut self, netns: &Netns, ops: &[&Op]) -> Applied {
        let flows = ops.iter().flat_map(|op| match op {
            Op::DelFlows { flows, .. } => flows.as_slice(),
            _ => &[],
        });
        let flows: Vec<FlowMatch> = flows.cloned().collect();
        let ended = self.end(netns, &flows);
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

    fn end(&mut self, netns: &Netns, flows: &[FlowMatch]) -> Result<(), Failure> {
        match conntrack::delete(self.netfilter(netns)?, flows)? {
            Ok(gone) => log::debug!("{gone} flows ended"),
            // A kernel without ctnetlink refuses the subsystem wordlessly (nfnetlink_rcv_msg,
            // net/netfilter/nfnetlink.c). Nobody can end flows there, and no lab shall stay
            // up for that.
            Err(refused) if refused.errno == libc::EINVAL && refused.text.is_none() => {
                log::warn!(
                    "this kernel has no ctnetlink: flows that began before go on as they were"
                );
            }
            Err(refused) => return Err(refused),
        }
        Ok(())
    }
}
