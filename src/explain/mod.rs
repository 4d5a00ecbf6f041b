//! Why a packet arrives, or does not: it is followed through what is really there, hop by
//! hop, and back. What the kernel decides is asked of the kernel ([`Ground`]); here is what
//! it would do next.

mod absent;
mod cause;
pub mod filter;
mod fix;
mod ground;
mod judge;
mod kernel;
mod link;
mod map;
mod rules;
mod segment;
mod send;
mod sent;
#[cfg(test)]
mod tests;
mod walk;
mod words;

use std::net::IpAddr;

use serde::Serialize;

use crate::state::survey::{Space, Survey};

pub use cause::{Apart, Cause, Elsewhere, Obstacle, Place};
pub use ground::{
    After, Ground, Hook, Judgement, Known, Layer, Listening, Load, Packet, Rewrite, RouteMtu,
    Routed, Seek, Unrouted,
};
pub(crate) use kernel::Kernel;
pub use rules::Rules;
pub use sent::{Agreement, Met, Sent, Traced};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// From which namespace, by its place in the survey.
    pub from: usize,
    /// To which address.
    pub to: IpAddr,
    /// A ping, or something to a port.
    pub load: Load,
    /// How large the packet is with its header, in bytes.
    pub size: u32,
    /// Somebody answers on the port, whoever listens there now: who asks saw to that.
    pub answered: bool,
}

/// A step of the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// In which namespace.
    pub netns: String,
    /// What decides there: `route`, `link`, `rules`, `rewrite`, `forward`, `arrives`, `listens`.
    pub what: &'static str,
    /// How.
    pub text: String,
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It arrives, and so does the answer.
    Arrives,
    /// It leaves what is seen, by this device.
    Leaves(Place),
    /// It does not: one cause.
    Stops(Box<Cause>),
    /// Something cannot be followed.
    Unknown(String),
}

/// The way of a packet, and of its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The way there.
    pub there: Vec<Step>,
    /// The way back.
    pub back: Vec<Step>,
    /// What becomes of it.
    pub verdict: Verdict,
}

/// Follows a packet, and its answer.
pub fn explain(survey: &Survey, ground: &dyn Ground, question: &Question) -> Explanation {
    walk::follow(&map::Map::new(survey), ground, question)
}

/// The same of several; where everything is is looked up once.
pub(crate) fn explain_each(
    survey: &Survey,
    ground: &dyn Ground,
    questions: Vec<Question>,
) -> Vec<(Question, Explanation)> {
    let map = map::Map::new(survey);
    let answered = questions.into_iter().map(|question| {
        let explanation = walk::follow(&map, ground, &question);
        (question, explanation)
    });
    answered.collect()
}

/// The address that is meant when a namespace is named: one in a subnet of who asks, or else
/// its first, IPv4 before IPv6; of `lo` none.
pub fn address_of(from: &Space, to: &Space) -> Option<IpAddr> {
    let usable = |space: &Space| {
        let devices = space
            .devices
            .iter()
            .filter(|device| device.kind != "loopback");
        let all = devices.flat_map(|device| device.addresses.iter().map(|one| one.net));
        let global: Vec<_> = all
            .filter(|net| !crate::state::is_link_local(net))
            .collect();
        global
    };
    let (own, all) = (usable(from), usable(to));
    let near = all
        .iter()
        .find(|net| own.iter().any(|own| own.contains(&net.addr())));
    let v4 = || all.iter().find(|net| net.addr().is_ipv4());
    let found = near.or_else(v4).or_else(|| all.first());
    found.map(|net| net.addr())
}
