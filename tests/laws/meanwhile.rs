//! Somebody else changes what is being changed.

use std::collections::BTreeSet;

use netyard::error::Error;
use netyard::fake::Fake;
use netyard::ipam::Leases;
use netyard::plan::{Claim, Op};
use netyard::reconcile::{self, Applied, Change, Host, Inside, Progress};
use netyard::state::{LabName, NetState, Netns};
use netyard::topology::{parse, resolve};

/// A host on which somebody removes each address of a namespace as soon as it is there.
struct Fought(Fake, Netns);

impl Fought {
    fn strike(&mut self) {
        let namespace = self.0.namespaces.get_mut(&self.1);
        let links = namespace.into_iter().flat_map(|ns| ns.links.values_mut());
        links.for_each(|link| link.addresses.clear());
    }
}

impl Host for Fought {
    fn observe(&mut self, lab: &LabName, inside: Inside) -> Result<NetState, Error> {
        self.0.observe(lab, inside)
    }
    fn apply(&mut self, ops: &[&Op], progress: &mut dyn Progress) -> Applied {
        let applied = self.0.apply(ops, progress);
        self.strike();
        applied
    }
    fn claimed(&mut self, lab: &LabName) -> Result<BTreeSet<Claim>, Error> {
        self.0.claimed(lab)
    }
    fn record(
        &mut self,
        lab: &LabName,
        claims: &BTreeSet<Claim>,
        change: Change,
    ) -> Result<(), Error> {
        self.0.record(lab, claims, change)
    }
}

/// It is undone, and nothing is said to be left of what is gone anyway.
#[test]
fn what_somebody_else_has_removed_is_undone() {
    let text =
        "{ lab: mine, namespaces: { one: { interfaces: { lo: { addresses: [10.9.0.1/32] } } } } }";
    let topology = parse(text).expect("a topology");
    let (desired, _) = resolve(&topology, &Leases::default()).expect("a state");
    let mut host = Fought(Fake::new(), "one".parse().expect("a name"));
    reconcile::up(&mut host.0, &desired, &mut ()).expect("nobody fights yet");
    host.strike();
    let before = host.0.clone();
    match reconcile::up(&mut host, &desired, &mut ()) {
        Err(Error::Undone(error)) => assert!(matches!(*error, Error::Different(_)), "{error}"),
        other => panic!("{other:?}"),
    }
    assert!(host.0 == before);
}
