//! Devices that share a card: those on it hear each other by their modes, and the card itself
//! hears none of them (macvlan_queue_xmit, macvlan_handle_frame in drivers/net/macvlan.c;
//! ipvlan_queue_xmit in drivers/net/ipvlan/ipvlan_core.c).

use super::{Frame, Search, Spot, Way};
use crate::explain::cause::{Apart, Obstacle};
use crate::state::survey::Device;

/// The mode that says who hears whom: an `ipvlan` calls something else so.
fn mode(device: &Device) -> &str {
    let word = if device.kind.starts_with("mac") {
        "mode"
    } else {
        "flags"
    };
    let mode = device.details.get(word);
    mode.map_or("bridge", String::as_str)
}

/// Whether it shares nothing with the others on its card.
fn keeps_apart(device: &Device) -> bool {
    mode(device) != "bridge"
}

impl Search<'_> {
    /// To the others on the same card, and to the card itself.
    pub(super) fn beside(&mut self, frame: &Frame, lower: Spot) -> Vec<Frame> {
        let own = self.device(frame.at);
        let others = self.survey.on_top(lower).iter().copied();
        let others = others.filter(|other| {
            let kind = &self.device(*other).kind;
            *other != frame.at && kind[..3] == own.kind[..3]
        });
        let to = |at: Spot| {
            let mut forth = Frame {
                at,
                leaving: false,
                ..frame.clone()
            };
            let apart = [frame.at, at].into_iter();
            let mut apart = apart.filter(|one| keeps_apart(self.device(*one)));
            if let Some(upper) = apart.next() {
                let mode = Some(mode(self.device(upper)).to_owned());
                let other = if upper == at { frame.at } else { at };
                forth.way.obstacles.push(self.apart(upper, mode, other));
            }
            forth
        };
        let next = others.map(to).collect();
        let mut below = frame.way.clone();
        below.by.push(lower);
        let obstacle = self.apart(frame.at, None, lower);
        below.obstacles.push(obstacle);
        self.hand_over(lower, below);
        next
    }

    /// What the card sends itself is not heard by those on it.
    pub(super) fn above(&self, frame: &Frame) -> Vec<Frame> {
        let all = self.survey.on_top(frame.at).iter().copied();
        let shares = all.filter(|top| self.device(*top).kind != "vlan");
        let to = |at: Spot| {
            let mut forth = Frame {
                at,
                leaving: false,
                ..frame.clone()
            };
            let obstacle = self.apart(at, None, frame.at);
            forth.way.obstacles.push(obstacle);
            forth
        };
        shares.map(to).collect()
    }

    /// A switch may send back what one sent to others of its card; of a private one they do
    /// not take that either.
    pub(super) fn of_private(&self, from: Spot, top: Spot, way: &mut Way) {
        let own = self.device(from);
        let on_one =
            self.survey.below(from).is_some() && self.survey.below(from) == self.survey.below(top);
        if on_one && from != top && mode(own) == "private" {
            let mode = Some("private".to_owned());
            way.obstacles.push(self.apart(from, mode, top));
        }
    }

    fn apart(&self, upper: Spot, mode: Option<String>, other: Spot) -> Obstacle {
        Obstacle::Apart(Box::new(Apart {
            upper: self.name(upper),
            kind: self.device(upper).kind.clone(),
            mode,
            other: self.name(other),
        }))
    }
}
