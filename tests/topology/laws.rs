//! Laws that hold for any file: drawn, not picked.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use netyard::ipam::{Leases, Pool, first_host, is_host};
use netyard::report::Look;
use netyard::topology::{parse, port_name, resolve};
use proptest::prelude::*;

use super::*;

/// A subnet that is small enough to be used up, of either family.
fn subnet() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        (any::<u32>(), 24..=32u8).prop_map(|(a, p)| IpNet::new(IpAddr::from(a.to_be_bytes()), p)),
        (any::<u128>(), 120..=128u8)
            .prop_map(|(a, p)| IpNet::new(IpAddr::from(a.to_be_bytes()), p)),
    ]
    .prop_map(|net| net.unwrap().trunc())
}

/// An address of the subnet, host address or not.
fn nth(subnet: &IpNet, n: u8) -> IpAddr {
    let nth = match subnet {
        IpNet::V4(net) => net.network().to_bits() | (u32::from(n) & net.hostmask().to_bits()),
        IpNet::V6(net) => {
            let bits = net.network().to_bits() | (u128::from(n) & net.hostmask().to_bits());
            return IpAddr::from(bits.to_be_bytes());
        }
    };
    IpAddr::from(nth.to_be_bytes())
}

proptest! {
    #[test]
    fn a_pool_gives_each_free_host_address_once_and_in_order(
        subnet in subnet(), taken in prop::collection::vec(any::<u8>(), 0..40)
    ) {
        let mut pool = Pool::new(subnet);
        let taken: BTreeSet<IpAddr> = taken.iter().map(|n| nth(&subnet, *n)).collect();
        for address in &taken {
            prop_assert_eq!(pool.take(*address), is_host(&subnet, *address));
            prop_assert!(!pool.take(*address));
        }
        let given: Vec<IpAddr> = std::iter::from_fn(|| pool.take_next()).collect();
        prop_assert!(given.is_sorted());
        let free: BTreeSet<IpAddr> = (0..=255).map(|n| nth(&subnet, n))
            .filter(|a| is_host(&subnet, *a) && !taken.contains(a)).collect();
        prop_assert_eq!(given.into_iter().collect::<BTreeSet<_>>(), free);
        prop_assert!(is_host(&subnet, first_host(&subnet)));
    }

    #[test]
    fn addresses_kept_back_come_last(subnet in subnet(), kept in any::<u8>()) {
        let kept = nth(&subnet, kept);
        let mut pool = Pool::new(subnet);
        pool.keep_back(kept);
        let given: Vec<IpAddr> = std::iter::from_fn(|| pool.take_next()).collect();
        let unique: BTreeSet<_> = given.iter().collect();
        prop_assert_eq!(unique.len(), given.len());
        if is_host(&subnet, kept) {
            prop_assert_eq!(given.last(), Some(&kept));
        }
    }

    #[test]
    fn no_address_is_given_twice(
        fixed in prop::collection::btree_set(2u8..60, 0..10),
        old in prop::collection::vec((0usize..20, any::<u8>()), 0..20),
        count in 1usize..20,
    ) {
        let names: Vec<String> = (0..count).map(|i| format!("n{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut topology = open("10.0.0.0/26", &names);
        for n in &fixed {
            let mut spec = topology.namespaces[&"n0".parse().unwrap()].clone();
            let interface = spec.interfaces.get_mut(&"eth0".parse().unwrap()).unwrap();
            interface.addresses = nets(&[&format!("10.0.0.{n}/26")]);
            topology.namespaces.insert(format!("fixed{n}").parse().unwrap(), spec);
        }
        let subnet: IpNet = "10.0.0.0/26".parse().unwrap();
        let old: Leases = old.into_iter().map(|(i, n)| {
            (format!("n{i}:eth0").parse().unwrap(), subnet, nth(&subnet, n))
        }).collect();
        let (state, leases) = resolve(&topology, &old).unwrap();
        prop_assert_eq!(leases.iter().count(), count);
        let mut seen = BTreeSet::new();
        for net in state.namespaces.values().flat_map(|n| n.links.values()).flat_map(|l| &l.addresses) {
            prop_assert!(seen.insert(*net), "{} twice", net);
            prop_assert!(is_host(&subnet, net.addr()));
        }
        prop_assert_eq!(resolve(&topology, &leases).unwrap(), (state, leases));
    }

    #[test]
    fn names_of_ports_are_names(netns in "[a-z0-9][a-z0-9_.-]{0,47}", dev in "[a-zé€]{1,5}") {
        if let (Ok(netns), Ok(dev)) = (netns.parse(), dev.parse()) {
            prop_assert!(port_name(&netns, &dev).as_str().len() <= 15);
        }
    }

    #[test]
    fn arbitrary_text_is_refused_without_a_panic(text in "(?s).{0,200}") {
        if let Err(error) = parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn mutated_files_are_refused_without_a_panic(
        which in 0usize..5, edits in prop::collection::vec((any::<prop::sample::Index>(), edit()), 1..6)
    ) {
        let names = ["two-pcs", "three", "internet", "dual-stack", "routers"];
        let mut text: Vec<char> = example(names[which]).chars().collect();
        for (at, edit) in edits {
            let at = at.index(text.len());
            match edit {
                Edit::Remove(count) => { text.drain(at..text.len().min(at + count)); }
                Edit::Insert(c) => text.insert(at, c),
                Edit::Copy(count) => {
                    let copy: Vec<char> = text[at..].iter().take(count).copied().collect();
                    text.extend(copy);
                }
            }
            if text.is_empty() { break; }
        }
        match parse(&text.into_iter().collect::<String>()) {
            Ok(topology) => { let _ = resolve(&topology, &Leases::default()); }
            Err(error) => {
                let (styled, width) = (false, Some(40));
                let drawn = error.render("lab.yaml", Look { styled, width });
                for problem in error.problems().iter().take(20) {
                    let place = format!(" lab.yaml:{}:{}\n", problem.line, problem.column);
                    prop_assert!(drawn.contains(&place), "{problem:?}\n{drawn}");
                }
            }
        }
    }

    #[test]
    fn the_order_of_keys_means_nothing(which in 0usize..5, seed in any::<u64>()) {
        let names = ["two-pcs", "three", "internet", "dual-stack", "routers"];
        let text = example(names[which]);
        let value: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        // JSON is YAML, and with it the order can be written as wanted.
        let mut shuffled = String::new();
        write(&value, &mut seed.clone(), &mut shuffled);
        prop_assert_eq!(topology(&shuffled), topology(&text));
    }
}

#[derive(Debug, Clone)]
enum Edit {
    Remove(usize),
    Insert(char),
    Copy(usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (1usize..20).prop_map(Edit::Remove),
        prop::sample::select("\t\n -:{}[]\"'#&*!|>%@`,0é.abz".chars().collect::<Vec<_>>())
            .prop_map(Edit::Insert),
        (1usize..200).prop_map(Edit::Copy),
    ]
}

fn write(value: &serde_json::Value, seed: &mut u64, out: &mut String) {
    match value {
        serde_json::Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            // A linear congruential generator: any order will do.
            entries.sort_by_cached_key(|_| {
                *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *seed >> 33
            });
            out.push('{');
            for (key, value) in entries {
                *out += &format!("{key:?}: ");
                write(value, seed, out);
                out.push_str(", ");
            }
            out.push('}');
        }
        serde_json::Value::Array(items) => {
            out.push('[');
            for item in items {
                write(item, seed, out);
                out.push_str(", ");
            }
            out.push(']');
        }
        scalar => *out += &scalar.to_string(),
    }
}
