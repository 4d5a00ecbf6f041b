//! Laws of runs, ranges and pools, against sets of single numbers; and of the choice
//! of subnets.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use netyard::ipam::{Open, Pool, Range, RangeSet, Run, Runs, free_subnet, is_in_the_way, private};
use netyard::state::Family;
use proptest::prelude::*;

const MOST: u128 = 60;

fn set(ranges: &[(u128, u128)]) -> BTreeSet<u128> {
    ranges.iter().flat_map(|(a, b)| *a..=*b).collect()
}

fn ranges() -> impl Strategy<Value = Vec<(u128, u128)>> {
    let range = (0..MOST, 0..8u128).prop_map(|(first, more)| (first, first + more));
    prop::collection::vec(range, 0..8)
}

fn host(n: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, n])
}

proptest! {
    #[test]
    fn runs_hold_what_was_taken_and_nothing_else(
        steps in prop::collection::vec((any::<bool>(), 0..MOST), 0..120)
    ) {
        let (mut runs, mut single) = (BTreeMap::new(), BTreeSet::new());
        for (take, number) in steps {
            match take {
                true => prop_assert_eq!(runs.take(number), Ok(single.insert(number))),
                false => prop_assert_eq!(runs.give_back(number), Ok(single.remove(&number))),
            }
            let held: Vec<(u128, u128)> = runs.iter().map(|(a, b)| (*a, *b)).collect();
            prop_assert_eq!(set(&held), single.clone());
            prop_assert!(held.windows(2).all(|two| two[0].1 + 1 < two[1].0), "{:?}", held);
        }
        for number in 0..MOST {
            let free = (number..).find(|n| !single.contains(n));
            prop_assert_eq!(runs.free_from(number).ok(), free);
            let inside = |run: Run| run.first <= number && number <= run.last;
            let Ok(around) = runs.around(number);
            prop_assert_eq!(around.is_some_and(inside), single.contains(&number));
        }
    }

    #[test]
    fn range_sets_are_sets(one in ranges(), other in ranges(), start in 0..MOST + 10) {
        let (a, b) = (set(&one), set(&other));
        let sets: [RangeSet; 2] = [one.into_iter().collect(), other.into_iter().collect()];
        let listed = |of: &RangeSet| of.from(0).collect::<Vec<_>>();
        prop_assert_eq!(set(&listed(&sets[0])), a.clone());
        prop_assert!(listed(&sets[0]).windows(2).all(|two| two[0].1 + 1 < two[1].0));
        prop_assert_eq!(sets[0].count(), a.len() as u128);
        let rest: BTreeSet<u128> = a.difference(&b).copied().collect();
        prop_assert_eq!(set(&listed(&sets[0].without(&sets[1]))), rest);
        prop_assert_eq!(sets[0].contains(start), a.contains(&start));
        let nth = a.iter().nth(start as usize).copied();
        prop_assert_eq!(sets[0].nth(start), nth);
        let round: Vec<u128> = sets[0].from(start).flat_map(|(a, b)| a..=b).collect();
        let expected: Vec<u128> = a.range(start..).chain(a.range(..start)).copied().collect();
        prop_assert_eq!(round, expected);
    }

    /// Whatever comes and goes: no address twice, none that is not given, none of those
    /// given back before all others were.
    #[test]
    fn the_next_address_is_the_one_not_given_for_longest(
        first in 1u8..20, more in 0u8..20, gaps in prop::collection::vec(1u8..40, 0..6),
        steps in prop::collection::vec(prop::option::of(any::<prop::sample::Index>()), 0..80)
    ) {
        let subnet: IpNet = "10.0.0.0/26".parse().unwrap();
        let range: Range = format!("10.0.0.{first}-10.0.0.{}", first + more).parse().unwrap();
        let exclude: Vec<Range> = gaps.iter().map(|n| IpNet::from(host(*n)).into()).collect();
        let open = Open::new(subnet, &[range], &exclude);
        let inside: Vec<u8> = (first..=first + more).filter(|n| !gaps.contains(n)).collect();
        prop_assert_eq!(open.count(), inside.len() as u128);
        let (mut runs, mut held, mut last) = (BTreeMap::new(), Vec::new(), None);
        for step in steps {
            if let Some(at) = step.filter(|_| !held.is_empty()) {
                let number = held.swap_remove(at.index(held.len()));
                prop_assert_eq!(runs.give_back(u128::from_be_bytes(number)), Ok(true));
                continue;
            }
            let Ok(next) = open.next_free(&runs, last);
            let is_free = |n: &&u8| !held.contains(&bytes(host(**n)));
            let after = |n: &&u8| last.is_none_or(|last| host(**n) > last);
            let expected = inside.iter().filter(is_free).find(after)
                .or_else(|| inside.iter().find(is_free));
            prop_assert_eq!(next, expected.map(|n| host(*n)));
            if let Some(address) = next {
                prop_assert!(open.contains(address));
                let number = bytes(address);
                prop_assert_eq!(runs.take(u128::from_be_bytes(number)), Ok(true));
                held.push(number);
                last = Some(address);
            }
        }
    }

    #[test]
    fn a_chosen_subnet_is_nobodys(
        seed in any::<u64>(),
        used in prop::collection::vec((any::<prop::sample::Index>(), any::<u32>(), 9..=32u8), 0..12)
    ) {
        for family in [Family::Ipv4, Family::Ipv6] {
            let near = |(at, bits, prefix): &(prop::sample::Index, u32, u8)| {
                let around = at.get(private(family));
                match around {
                    IpNet::V4(net) => {
                        let bits = net.addr().to_bits() | (bits & net.hostmask().to_bits());
                        IpNet::new(IpAddr::from(bits.to_be_bytes()), (*prefix).max(net.prefix_len()))
                    }
                    IpNet::V6(net) => {
                        let bits = net.addr().to_bits() | (u128::from(*bits) << 88);
                        IpNet::new(IpAddr::from(bits.to_be_bytes()), *prefix)
                    }
                }.unwrap().trunc()
            };
            let mut used: Vec<IpNet> = used.iter().map(near).collect();
            let first = free_subnet(family, &used, seed);
            prop_assert_eq!(first, free_subnet(family, &used, seed));
            let Some(first) = first else {
                // What is used, each at least as large as a subnet, is then enough for all.
                let (bits, least) = if family == Family::Ipv4 { (32, 8) } else { (128, 64) };
                let size = |net: &IpNet| 1u128 << (bits - net.prefix_len()).max(least);
                let all: u128 = private(family).iter().map(size).sum();
                prop_assert!(used.iter().map(size).sum::<u128>() >= all);
                continue;
            };
            prop_assert!(private(family).iter().any(|all| all.contains(&first)));
            prop_assert!(used.iter().all(|net| !net.contains(&first) && !first.contains(net)));
            used.push(first);
            let next = free_subnet(family, &used, seed);
            prop_assert!(next.is_none_or(|next| next != first));
        }
    }
}

fn bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()).to_be_bytes(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

#[test]
fn an_address_given_back_waits_for_its_turn() {
    let open = Open::new("10.0.0.0/29".parse().unwrap(), &[], &[]);
    let mut pool = Pool::of(open.clone(), Some(host(3)));
    assert_eq!(pool.take_next(), Some(host(4)));
    pool.take(host(6));
    assert_eq!(pool.take_next(), Some(host(5)));
    assert_eq!(pool.take_next(), Some(host(1)), "from the beginning");
    assert_eq!(pool.last(), Some(host(1)));
}

#[test]
fn the_whole_of_ipv6_can_be_counted() {
    let all = Open::new("::/0".parse().unwrap(), &[], &[]);
    assert_eq!(all.count(), u128::MAX - 1);
    let taken = BTreeMap::from([(0, u128::MAX - 2)]);
    let Ok(last) = all.next_free(&taken, None);
    assert_eq!(last, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe".parse().ok());
}

#[test]
fn ranges_are_read_and_told() {
    for (text, told) in [
        ("10.0.0.10-10.0.0.99", "10.0.0.10-10.0.0.99"),
        ("10.0.0.16/28", "10.0.0.16-10.0.0.31"),
        ("10.0.0.17/28", "10.0.0.16-10.0.0.31"),
        ("fd00::1", "fd00::1"),
        ("fd00::1 - fd00::ff", "fd00::1-fd00::ff"),
    ] {
        assert_eq!(text.parse::<Range>().unwrap().to_string(), told);
    }
    for (text, why) in [
        ("10.0.0.9-10.0.0.3", "ends before it begins"),
        ("10.0.0.9-fd00::1", "begins and ends in different families"),
        ("10.0.0.9-", "is not a range of addresses"),
        ("a-b", "is not a range of addresses"),
    ] {
        assert_eq!(text.parse::<Range>().unwrap_err().to_string(), why);
    }
}

#[test]
fn what_leads_everywhere_is_in_nobodys_way() {
    let is = |net: &str| is_in_the_way(&net.parse().unwrap());
    for net in [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "10.1.2.3/32",
        "fd00::/8",
        "fd12::/64",
    ] {
        assert!(is(net), "{net}");
    }
    for net in [
        "0.0.0.0/0",
        "0.0.0.0/1",
        "128.0.0.0/1",
        "::/0",
        "8000::/1",
        "fc00::/7",
    ] {
        assert!(!is(net), "{net}");
    }
}

#[test]
fn every_subnet_is_found_before_there_is_none() {
    let mut used: Vec<IpNet> = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/17"]
        .map(|net| net.parse().unwrap())
        .into();
    for left in (0..128).rev() {
        let found = free_subnet(Family::Ipv4, &used, 77).unwrap();
        used.push(found);
        assert_eq!(left, 131 - used.len());
    }
    assert_eq!(free_subnet(Family::Ipv4, &used, 77), None);
}
