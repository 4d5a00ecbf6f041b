//! Through a bridge: ports that carry or do not, that are isolated, and VLANs.

use super::{Frame, Search, Spot, Way};
use crate::explain::cause::Obstacle;
use crate::state::survey::Port;

impl Search<'_> {
    /// Through a bridge, from one of its ports or from itself.
    pub(super) fn through(
        &mut self,
        bridge: Spot,
        port: Option<Spot>,
        mut frame: Frame,
    ) -> Vec<Frame> {
        let aware = self.device(bridge).details.contains_key("vlan_filtering");
        if let Some(port) = port {
            frame.way.by.push(bridge);
            // The ports of one that is down are disabled.
            match self.device(bridge).up {
                true => self.of_port(port, &mut frame.way),
                false => frame.way.obstacles.push(Obstacle::Down(self.name(bridge))),
            }
        }
        if aware {
            self.tag_in(port.unwrap_or(bridge), &mut frame);
        }
        let mut next = Vec::new();
        if port.is_some() {
            let mut own = Frame {
                at: bridge,
                ..frame.clone()
            };
            if aware {
                self.tag_out(bridge, &mut own);
            }
            next.extend(self.received(own));
        }
        for &out in self.survey.members(bridge) {
            let device = self.device(out);
            let hairpin = device.port.as_ref().is_some_and(|port| port.hairpin);
            if Some(out) == port && !hairpin {
                continue;
            }
            let mut forth = Frame {
                at: out,
                leaving: true,
                ..frame.clone()
            };
            if self.device(bridge).up {
                self.of_port(out, &mut forth.way);
            }
            if let Some(port) = port
                && self.is_isolated(port)
                && self.is_isolated(out)
            {
                let (one, other) = (self.name(port), self.name(out));
                forth.way.obstacles.push(Obstacle::Isolated(one, other));
            }
            if aware {
                self.tag_out(out, &mut forth);
            }
            next.push(forth);
        }
        next
    }

    /// Whether the port carries at all. One that is down says so by itself.
    fn of_port(&self, port: Spot, way: &mut Way) {
        let device = self.device(port);
        let state = device.port.as_ref().map(|port| port.state.as_str());
        if let Some(state) = state
            && !matches!(state, "forwarding" | "")
            && device.up
            && device.carrier
        {
            let at = self.name(port);
            let state = state.to_owned();
            way.obstacles.push(Obstacle::Blocked { at, state });
        }
    }

    fn is_isolated(&self, port: Spot) -> bool {
        let port = self.device(port).port.as_ref();
        port.is_some_and(|port| port.isolated)
    }

    /// What comes in by a port of a bridge that tells VLANs apart.
    fn tag_in(&self, port: Spot, frame: &mut Frame) {
        let vlans = self
            .device(port)
            .port
            .as_ref()
            .map(|port| port.vlans.as_slice());
        let vlans = vlans.unwrap_or_default();
        let pvid = vlans.iter().find(|vlan| vlan.pvid).map(|vlan| vlan.id);
        let known = match frame.tag {
            None => pvid,
            Some(tag) => vlans.iter().any(|vlan| vlan.id == tag).then_some(tag),
        };
        if known.is_none() {
            let at = self.name(port);
            frame.way.obstacles.push(match (pvid, frame.tag) {
                (None, None) => {
                    let words = self.device(port).port.as_ref().map(Port::vlan_words);
                    let vlans = words.unwrap_or_default();
                    Obstacle::Untagged { at, vlans }
                }
                (has, frame) => Obstacle::Vlan { at, has, frame },
            });
        }
        frame.tag = known.or(frame.tag);
    }

    fn tag_out(&self, port: Spot, frame: &mut Frame) {
        let vlans = self
            .device(port)
            .port
            .as_ref()
            .map(|port| port.vlans.as_slice());
        let own = vlans
            .unwrap_or_default()
            .iter()
            .find(|vlan| Some(vlan.id) == frame.tag);
        match own {
            Some(vlan) if vlan.untagged => frame.tag = None,
            Some(_) => {}
            None => {
                let vlans = vlans.unwrap_or_default();
                let has = vlans.first().map(|vlan| vlan.id);
                let (at, tag) = (self.name(port), frame.tag);
                frame.way.obstacles.push(Obstacle::Vlan {
                    at,
                    has,
                    frame: tag,
                });
                // Without that, it would go on as the port sends.
                frame.tag = None;
            }
        }
    }
}
