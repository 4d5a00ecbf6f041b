//! What is set while a lab is up: whatever the words before were, the last ones count; each is
//! undone at every step; and `up` brings back what the file says.

use std::collections::BTreeSet;

use netyard::error::Error;
use netyard::fake::Fake;
use netyard::ipam::Leases;
use netyard::lab::{Condition, Keep, LinkChange, Turn, Way};
use netyard::plan::{Claim, Op, Plan};
use netyard::reconcile::{self, Applied, Change, Host, Inside, Progress};
use netyard::state::{Conditions, End, LabName, NetState, Netns, Overlays, Parted};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::hosts::{host, setup};
use crate::render::{file, is_nothing};
use crate::spec::spec;
use crate::{config, desired, down, look, must_up, nothing_to_do, same};

/// A host whose journal has what was set, too.
#[derive(Clone)]
struct Kept {
    fake: Fake,
    overlays: Overlays,
}

impl Host for Kept {
    fn observe(&mut self, lab: &LabName, inside: Inside) -> Result<NetState, Error> {
        self.fake.observe(lab, inside)
    }
    fn apply(&mut self, ops: &[&Op], progress: &mut dyn Progress) -> Applied {
        self.fake.apply(ops, progress)
    }
    fn claimed(&mut self, lab: &LabName) -> Result<BTreeSet<Claim>, Error> {
        self.fake.claimed(lab)
    }
    fn record(
        &mut self,
        lab: &LabName,
        claims: &BTreeSet<Claim>,
        change: Change,
    ) -> Result<(), Error> {
        self.fake.record(lab, claims, change)
    }
}

impl Keep for Kept {
    fn keep(
        &mut self,
        lab: &LabName,
        overlays: &Overlays,
        claims: Option<&BTreeSet<Claim>>,
    ) -> Result<(), Error> {
        self.overlays = overlays.clone();
        match claims {
            Some(claims) => self.fake.record(lab, claims, Change::Ended),
            None => Ok(()),
        }
    }
}

/// One word; numbers are places in lists.
#[derive(Debug, Clone)]
enum Word {
    Rate(usize, bool, Option<u8>),
    Delay(usize, bool, u8),
    Clear(usize, bool),
    Down(usize),
    Up(usize),
    Partition(Vec<usize>, Vec<usize>),
    Heal(Option<(usize, usize)>),
    File,
}

fn word() -> impl Strategy<Value = Word> {
    let n = || any::<prop::sample::Index>().prop_map(|index| index.index(1000));
    prop_oneof![
        (n(), any::<bool>(), prop::option::of(1..5u8)).prop_map(|(n, b, r)| Word::Rate(n, b, r)),
        (n(), any::<bool>(), 0..5u8).prop_map(|(n, b, d)| Word::Delay(n, b, d)),
        (n(), any::<bool>()).prop_map(|(n, b)| Word::Clear(n, b)),
        n().prop_map(Word::Down),
        n().prop_map(Word::Up),
        (vec(n(), 1..3), vec(n(), 1..3)).prop_map(|(a, b)| Word::Partition(a, b)),
        prop::option::weighted(0.7, (n(), n())).prop_map(Word::Heal),
        Just(Word::File),
    ]
}

/// The lab that words are about.
struct Lab {
    filed: NetState,
    /// What can be changed by itself.
    ends: Vec<End>,
    /// Those that have an address.
    speakers: Vec<Netns>,
}

impl Lab {
    fn new(filed: NetState) -> Self {
        let inside = filed.namespaces.iter();
        let inside = inside.filter(|(netns, _)| **netns != Netns::Host);
        let ends = inside.clone().flat_map(|(netns, namespace)| {
            let links = namespace.links.iter();
            let cables = links.filter(|(_, link)| link.peer().is_some());
            cables.map(|(dev, _)| End {
                netns: netns.clone(),
                dev: dev.clone(),
            })
        });
        let speakers = inside.clone().filter(|(_, namespace)| {
            let mut links = namespace.links.values();
            links.any(|link| link.addresses.iter().any(|net| !net.addr().is_loopback()))
        });
        Lab {
            ends: ends.collect(),
            speakers: speakers.map(|(netns, _)| netns.clone()).collect(),
            filed,
        }
    }

    fn end(&self, n: usize) -> Option<&End> {
        self.ends.get(n.checked_rem(self.ends.len())?)
    }

    fn side(&self, places: &[usize]) -> BTreeSet<Netns> {
        let all = places.iter().filter_map(|n| {
            let place = n.checked_rem(self.speakers.len())?;
            self.speakers.get(place)
        });
        all.cloned().collect()
    }

    /// What a word asks for; `None`: nothing, as this lab has no such thing.
    fn turn(&self, kept: &Kept, word: &Word) -> Option<Result<Turn, Error>> {
        let before = &kept.overlays;
        let claims = kept
            .fake
            .journal
            .get(&self.filed.lab)
            .cloned()
            .unwrap_or_default();
        let now = (before, &claims);
        let link = |n: &usize, change: LinkChange| {
            let end = self.end(*n)?;
            Some(Turn::of_link(&self.filed, before, end, &change))
        };
        let set = |received: bool, condition: Condition| LinkChange::Set {
            ways: ways(received),
            preset: None,
            conditions: vec![condition],
        };
        match word {
            Word::Rate(n, way, rate) => link(n, set(*way, Condition::Rate(rate.map(rate_of)))),
            Word::Delay(n, way, delay) => link(n, set(*way, Condition::Delay(time_of(*delay)))),
            Word::Clear(n, way) => link(n, LinkChange::Clear(ways(*way))),
            Word::Down(n) => link(n, LinkChange::Down),
            Word::Up(n) => link(n, LinkChange::Up),
            Word::Partition(one, other) => {
                let sides = [self.side(one), self.side(other)];
                let some = sides.iter().all(|side| !side.is_empty());
                some.then(|| Turn::parting(&self.filed, before, &sides))
            }
            Word::Heal(None) => Some(Turn::healing(&self.filed, now, None)),
            Word::Heal(Some((one, other))) => {
                let sides = [self.side(&[*one]), self.side(&[*other])];
                Some(Turn::healing(&self.filed, now, Some(&sides)))
            }
            Word::File => None,
        }
    }

    /// The same in other words: what is then set.
    fn said(&self, set: &mut Overlays, word: &Word) {
        let sender = |n: &usize, received: bool| {
            let end = self.end(*n)?;
            let peer = self.filed.link(end)?.peer().cloned();
            if received { peer } else { Some(end.clone()) }
        };
        let mut condition = |n: &usize, received: bool, change: &dyn Fn(&mut Conditions)| {
            let Some(end) = sender(n, received) else {
                return;
            };
            let filed = self.filed.link(&end).and_then(|link| link.qdisc.as_ref());
            let filed = filed.and_then(Conditions::of).unwrap_or_default();
            let overlay = set.devices.entry(end).or_default();
            let mut now = overlay.conditions.unwrap_or(filed);
            change(&mut now);
            overlay.conditions = Some(now);
        };
        match word {
            Word::Rate(n, way, rate) => condition(n, *way, &|all| all.rate = rate.map(rate_of)),
            Word::Delay(n, way, delay) => condition(n, *way, &|all| all.delay = time_of(*delay)),
            Word::Clear(n, way) => {
                if let Some(end) = sender(n, *way) {
                    set.devices.entry(end).or_default().conditions = None;
                }
            }
            Word::Down(n) | Word::Up(n) => {
                if let Some(end) = self.end(*n) {
                    let overlay = set.devices.entry(end.clone()).or_default();
                    overlay.down = matches!(word, Word::Down(_));
                }
            }
            Word::Partition(one, other) => {
                for one in self.side(one) {
                    let other = self.side(other);
                    let pairs = other.iter().filter_map(|other| Parted::new(&one, other));
                    set.parted.extend(pairs);
                }
            }
            Word::Heal(None) => set.parted.clear(),
            Word::Heal(Some((one, other))) => {
                let [one, other] = [one, other].map(|n| self.side(&[*n]));
                set.parted.retain(|two| {
                    let [a, b] = two.both();
                    !(one.contains(a) && other.contains(b) || one.contains(b) && other.contains(a))
                });
            }
            Word::File => *set = Overlays::default(),
        }
    }
}

fn ways(received: bool) -> BTreeSet<Way> {
    BTreeSet::from([if received { Way::In } else { Way::Out }])
}

fn rate_of(n: u8) -> netyard::state::Rate {
    format!("{n}mbit").parse().unwrap()
}

fn time_of(n: u8) -> netyard::state::Time {
    format!("{}ms", u32::from(n) * 10).parse().unwrap()
}

/// Each step of it fails once; what was set is then what was set before.
fn every_failure(start: &Kept, turn: &Turn, steps: usize) -> Result<(), TestCaseError> {
    for k in 0..steps {
        let mut kept = start.clone();
        kept.fake.fail_after = [k].into();
        match turn.run(&mut kept, &mut ()) {
            Err(Error::Undone(_)) => {}
            other => return Err(TestCaseError::fail(format!("{k}: {other:?}"))),
        }
        same(&kept.fake, &start.fake).map_err(|e| TestCaseError::fail(format!("{k}: {e}")))?;
        prop_assert_eq!(&kept.overlays, &start.overlays, "{}", k);
    }
    Ok(())
}

/// What there is says the same as the last words; in the journal, too.
fn as_said(kept: &Kept, clean: &Fake, filed: &NetState) -> Result<(), TestCaseError> {
    let mut wanted = filed.clone();
    wanted.lay_over(&kept.overlays);
    nothing_to_do(&mut kept.fake.clone(), &wanted)?;
    // Nobody sees by which way it came about.
    let mut straight = clean.clone();
    must_up(&mut straight, filed);
    look(&mut straight, &wanted);
    let plan: Result<Plan, Error> = reconcile::up(&mut straight, &wanted, &mut ());
    plan.map_err(|e| TestCaseError::fail(e.to_string()))?;
    let (mut now, mut then) = (kept.fake.clone(), straight);
    for fake in [&mut now, &mut then] {
        for namespace in fake.namespaces.values_mut() {
            for link in namespace.links.values_mut() {
                // Which the kernel chooses.
                link.mac = link.mac.filter(|mac| mac.0[0] != 0x0a);
            }
        }
    }
    same(&now, &then)
}

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn the_last_words_count(setup in setup(), spec in spec(), words in vec(word(), 1..10)) {
        let value = file(&spec, 1);
        prop_assume!(!is_nothing(&value));
        let clean = host(setup);
        let (filed, _) = desired(&value, &Leases::default());
        let mut kept = Kept { fake: clean.clone(), overlays: Overlays::default() };
        must_up(&mut kept.fake, &filed);
        let whole = kept.fake.clone();
        let lab = Lab::new(filed.clone());
        let mut said = Overlays::default();
        for word in &words {
            if matches!(word, Word::File) {
                must_up(&mut kept.fake, &filed);
                kept.overlays = Overlays::default();
                said = Overlays::default();
                same(&kept.fake, &whole)?;
                continue;
            }
            let Some(turn) = lab.turn(&kept, word) else { continue };
            // One on both sides, or a delay less than the jitter.
            let Ok(turn) = turn else { continue };
            let start = kept.clone();
            let steps = turn.run(&mut kept, &mut ());
            let steps = steps.map_err(|e| TestCaseError::fail(format!("{word:?}: {e}")))?.steps;
            every_failure(&start, &turn, steps.len())?;
            lab.said(&mut said, word);
            let mut wanted = filed.clone();
            wanted.lay_over(&said);
            nothing_to_do(&mut kept.fake.clone(), &wanted)?;
            prop_assert!(turn.run(&mut kept.clone(), &mut ()).unwrap().is_empty());
            as_said(&kept, &clean, &filed)?;
        }
        must_up(&mut kept.fake, &filed);
        same(&kept.fake, &whole)?;
        down(&mut kept.fake, &filed.lab);
        same(&kept.fake, &clean)?;
    }
}
