//! What rules do to a packet, and what connection tracking does to its answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{End, Rewritten, Walk};
use crate::explain::cause::Cause;
use crate::explain::ground::{After, Hook, Judgement, Known, Layer, Load, Packet, Rewrite};
use crate::explain::segment::Spot;

impl Walk<'_> {
    /// The rules of a hook; says whether the destination was rewritten.
    pub(super) fn rules(
        &mut self,
        at: usize,
        layer: Layer,
        hook: Hook,
        packet: &mut Packet,
    ) -> Result<bool, End> {
        let netns = self.space(at).name.clone();
        // What has not passed here before is no part of a connection.
        match packet.answer {
            false => drop(self.passed.insert(at)),
            true if self.passed.contains(&at) => {}
            true => packet.known = Known::Unseen,
        }
        match self.ground.judge(at, layer, hook, packet) {
            Judgement::Passes(rewrite, After { marks, known, ttl }) => {
                (packet.marks, packet.known, packet.ttl) = (marks, known, ttl);
                if !packet.answer {
                    self.marks.insert(at, marks.1);
                }
                Ok(rewrite.is_some_and(|rewrite| self.rewrite(at, rewrite, packet)))
            }
            Judgement::Drops { table, line, ours } => {
                let hook = hook.word().to_owned();
                self.note(
                    at,
                    "rules",
                    format!("table {table} drops it in {hook}: {line}"),
                );
                let cause = Cause::Filtered {
                    netns,
                    hook,
                    table,
                    line,
                    ours,
                };
                Err(End::Stops(Box::new(cause)))
            }
            Judgement::Unknown { table, line } if table.is_empty() => {
                Err(End::Unknown(format!("what rules {netns} has: {line}")))
            }
            Judgement::Unknown { table, line } => Err(End::Unknown(format!(
                "whether table {table} of {netns} lets it pass ({}): {line}",
                hook.word()
            ))),
        }
    }

    fn rewrite(&mut self, at: usize, rewrite: Rewrite, packet: &mut Packet) -> bool {
        match rewrite {
            Rewrite::Here(port) => {
                let iif = packet
                    .iif
                    .as_ref()
                    .and_then(|(_, index)| self.out(at, *index));
                let own = iif.and_then(|iif| self.first_address(iif, packet.v6()));
                let here = match packet.v6() {
                    true => Ipv6Addr::LOCALHOST.into(),
                    false => Ipv4Addr::LOCALHOST.into(),
                };
                let to = Rewrite::Destination(own.or(Some(here)), port);
                self.rewrite(at, to, packet)
            }
            Rewrite::Destination(to, port) => {
                let to = to.unwrap_or(packet.destination);
                packet.destination = to;
                if let (Load::To(transport, own), Some(port)) = (packet.load, port) {
                    packet.load = Load::To(transport, if port == 0 { own } else { port });
                }
                packet.redirected = true;
                let port = port
                    .map(|port| format!(", port {port}"))
                    .unwrap_or_default();
                self.note(at, "rewrite", format!("now to {to}{port}"));
                true
            }
            Rewrite::Source(from, _) => {
                packet.source = Some(from);
                packet.disguised = true;
                self.note(at, "rewrite", format!("now from {from}"));
                false
            }
            Rewrite::Masquerade => {
                let out = packet
                    .oif
                    .as_ref()
                    .and_then(|(_, index)| self.out(at, *index));
                let own = out.and_then(|out| self.first_address(out, packet.v6()));
                if let Some(own) = own {
                    packet.source = Some(own);
                    packet.disguised = true;
                    self.note(at, "rewrite", format!("masqueraded, now from {own}"));
                }
                false
            }
        }
    }

    fn first_address(&self, spot: Spot, v6: bool) -> Option<IpAddr> {
        let own = self.device(spot).addresses.iter().map(|one| one.net);
        let mut own =
            own.filter(|net| net.addr().is_ipv6() == v6 && !crate::state::is_link_local(net));
        own.next().map(|net| net.addr())
    }

    /// Keeps what a namespace has rewritten, so that the answer is rewritten back.
    pub(super) fn remember(
        &mut self,
        at: usize,
        before: (Option<IpAddr>, IpAddr),
        packet: &Packet,
    ) {
        let Some(source) = packet.source.filter(|_| !packet.answer) else {
            return;
        };
        let before = (before.0.unwrap_or(source), before.1);
        let after = (source, packet.destination);
        if before != after {
            self.rewritten.push(Rewritten {
                space: at,
                before,
                after,
            });
        }
    }

    /// What connection tracking is about to do to an answer, as it comes in or goes out.
    pub(super) fn undoing(&self, at: usize, packet: &Packet, incoming: bool) -> Option<Rewrite> {
        let known = self.rewritten.iter().find(|one| one.space == at);
        let known = known.filter(|_| packet.answer)?;
        let (before, after) = (known.before, known.after);
        let to = incoming && packet.destination == after.0 && after.0 != before.0;
        let from = !incoming && packet.source == Some(after.1) && after.1 != before.1;
        match (to, from) {
            (true, _) => Some(Rewrite::Destination(Some(before.0), None)),
            (_, true) => Some(Rewrite::Source(before.1, None)),
            _ => None,
        }
    }

    /// What connection tracking does to an answer, as it comes in and as it goes out.
    pub(super) fn undo(&mut self, at: usize, packet: &mut Packet, incoming: bool) {
        if !packet.answer {
            return;
        }
        let known = self.rewritten.iter().find(|one| one.space == at).cloned();
        let Some(known) = known else { return };
        if incoming && packet.destination == known.after.0 {
            packet.destination = known.before.0;
            if known.after.0 != known.before.0 {
                let to = known.before.0;
                self.note(at, "rewrite", format!("known as an answer: back to {to}"));
            }
        }
        if !incoming && packet.source == Some(known.after.1) && known.after.1 != known.before.1 {
            packet.source = Some(known.before.1);
            let from = known.before.1;
            self.note(at, "rewrite", format!("from {from} again"));
        }
    }
}
