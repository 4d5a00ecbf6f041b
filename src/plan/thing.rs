//! What operations make and remove, so that a thing that is removed only to be
//! made again can be told from one that is gone.

use ipnet::IpNet;

use super::route::metric;
use super::{Op, Setting};
use crate::state::{Element, End, IfName, IpRule, Netns, NetnsName, Route, SetName, TableName};

/// An object that an operation makes or removes, as the kernel tells it from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Thing<'a> {
    Netns(&'a NetnsName),
    Device(&'a Netns, &'a IfName),
    Address(&'a End, &'a IpNet),
    /// Routes of one table differ by destination and metric.
    Route(&'a Netns, IpNet, Option<u32>),
    Table(&'a Netns, TableName),
    Rule(&'a Netns, &'a IpRule),
    Element(&'a Netns, SetName, &'a Element),
}

impl<'a> Thing<'a> {
    pub(super) fn device(end: &'a End) -> Self {
        Thing::Device(&end.netns, &end.dev)
    }

    pub(super) fn route(netns: &'a Netns, route: &Route) -> Self {
        Thing::Route(netns, route.to, metric(route))
    }
}

impl Op {
    /// What is there after it and was not before.
    pub(super) fn makes(&self) -> Vec<Thing<'_>> {
        match self {
            Op::AddNetns { name } => vec![Thing::Netns(name)],
            Op::AddBridge { end, .. } | Op::AddChild { end, .. } | Op::AddWireguard { end, .. } => {
                vec![Thing::device(end)]
            }
            Op::AddVeth { near, far, .. } => vec![Thing::device(near), Thing::device(far)],
            Op::AddAddress { end, address } => vec![Thing::Address(end, address)],
            Op::AddRule { netns, rule } => vec![Thing::Rule(netns, rule)],
            Op::AddRoute { netns, route } => vec![Thing::route(netns, route)],
            Op::AddTable { netns, table } => vec![Thing::Table(netns, table.name)],
            Op::AddElement {
                netns,
                set,
                element,
                ..
            } => vec![Thing::Element(netns, *set, element)],
            _ => Vec::new(),
        }
    }

    /// Whether all it does is to remove one thing.
    pub(crate) fn removes_one(&self) -> bool {
        let queue = matches!(
            self,
            Op::SetLink {
                set: Setting::Qdisc(None),
                ..
            }
        );
        queue || self.removes().len() == 1
    }

    /// What was there before it and is not after.
    pub(super) fn removes(&self) -> Vec<Thing<'_>> {
        match self {
            Op::DelNetns { name, .. } => vec![Thing::Netns(name)],
            Op::DelLinks { netns, devs, .. } => {
                devs.iter().map(|dev| Thing::Device(netns, dev)).collect()
            }
            Op::DelAddress { end, address } => vec![Thing::Address(end, address)],
            Op::DelRule { netns, rule } => vec![Thing::Rule(netns, rule)],
            Op::DelRoute { netns, route } => vec![Thing::route(netns, route)],
            Op::DelTable { netns, table } => vec![Thing::Table(netns, table.name)],
            Op::DelElement {
                netns,
                set,
                element,
                ..
            } => vec![Thing::Element(netns, *set, element)],
            _ => Vec::new(),
        }
    }
}
