//! Shapes: of the sizes that are asked for, and every host reaches every host by what the file
//! says alone.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use netyard::ipam::Leases;
use netyard::state::{End, IfName, Netns};
use netyard::topology::{Interface, Shape, Topology, resolve};
use proptest::prelude::*;

use super::topology;

/// With namespaces (routers among them), networks, cables, and pairs of hosts that are expected.
const SIZES: [(&str, [usize; 5]); 23] = [
    ("star:2", [2, 0, 1, 0, 1]),
    ("star:10", [10, 0, 1, 0, 2]),
    ("star:254", [254, 0, 1, 0, 2]),
    ("star:255", [255, 0, 1, 0, 2]),
    ("star:1023", [1023, 0, 1, 0, 2]),
    ("line:2", [2, 0, 0, 1, 1]),
    ("line:5", [5, 3, 0, 4, 2]),
    ("line:65", [65, 63, 0, 64, 2]),
    ("mesh:2", [2, 0, 0, 1, 1]),
    ("mesh:4", [4, 0, 0, 6, 3]),
    ("mesh:64", [64, 0, 0, 2016, 3]),
    ("tree:4,1", [4, 0, 1, 0, 2]),
    ("tree:2,3", [11, 3, 4, 2, 3]),
    ("tree:3,2", [10, 1, 3, 0, 3]),
    ("tree:32,2", [1025, 1, 32, 0, 3]),
    ("tree:2,9", [767, 255, 256, 254, 3]),
    ("tree:2,11", [3071, 1023, 1024, 1022, 3]),
    ("tree:1022,1", [1022, 0, 1, 0, 2]),
    ("dumbbell:2", [6, 2, 2, 1, 3]),
    ("dumbbell:253", [508, 2, 2, 1, 3]),
    ("fat-tree:2", [5, 3, 2, 2, 1]),
    ("fat-tree:4", [28, 12, 8, 16, 4]),
    ("fat-tree:10", [325, 75, 50, 250, 4]),
];

fn shape(text: &str) -> Shape {
    text.parse().unwrap_or_else(|e| panic!("{e}"))
}

fn lab(text: &str) -> Topology {
    let shape = shape(text);
    topology(&shape.file(&shape.lab()))
}

#[test]
fn each_has_what_it_says() {
    for (text, [namespaces, routers, networks, cables, pairs]) in SIZES {
        assert_eq!(shape(text).to_string(), text);
        let lab = lab(text);
        assert_eq!(lab.lab.as_str(), text.replace([':', ','], "-"));
        assert_eq!(lab.namespaces.len(), namespaces, "{text}");
        let forward = lab.namespaces.values().filter(|one| one.forward).count();
        assert_eq!(forward, routers, "{text}");
        assert_eq!(lab.networks.len(), networks, "{text}");
        assert_eq!(lab.links.len(), cables, "{text}");
        assert_eq!(lab.expect.len(), 2 * pairs, "{text}");
        resolve(&lab, &Leases::default()).unwrap_or_else(|e| panic!("{text}: {e}"));
    }
}

#[test]
fn the_files_are_for_people() {
    for (text, _) in SIZES {
        let named = shape(text).file(&"office".parse().unwrap());
        assert_eq!(topology(&named).lab.as_str(), "office");
        let wide = named.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "{text}");
        assert!(named.starts_with("# A "), "{named}");
    }
}

#[test]
fn every_host_reaches_every_host() {
    for text in [
        "star:12",
        "line:9",
        "mesh:7",
        "tree:2,5",
        "tree:3,3",
        "tree:5,2",
        "tree:7,2",
        "dumbbell:5",
        "fat-tree:2",
        "fat-tree:4",
        "fat-tree:6",
    ] {
        let lab = lab(text);
        let ways = Ways::of(&lab);
        for from in ways.hosts() {
            for to in ways.hosts() {
                assert!(ways.reaches(from, to), "{text}: {from} to {to}");
            }
        }
    }
}

/// Also to the routers' own addresses, whichever of them is asked for.
#[test]
fn in_a_tree_and_a_line_every_address_is_reached() {
    for text in ["line:9", "tree:2,4", "tree:3,3", "tree:6,2"] {
        let lab = lab(text);
        let ways = Ways::of(&lab);
        for from in lab.namespaces.keys() {
            for to in ways.homes.keys() {
                assert!(ways.arrives(from, *to), "{text}: {from} to {to}");
            }
        }
    }
}

/// The largest ones, from end to end: a packet does not live longer than 64 hops.
#[test]
fn the_largest_are_crossed() {
    for text in [
        "line:65",
        "tree:2,11",
        "tree:63,2",
        "mesh:64",
        "fat-tree:10",
    ] {
        let lab = lab(text);
        let ways = Ways::of(&lab);
        for line in &lab.expect {
            let netyard::topology::Target::Netns(to) = &line.to else {
                panic!("{line:?}")
            };
            assert!(ways.reaches(&line.from, to), "{text}: {line:?}");
        }
    }
}

/// A kernel with strict `rp_filter` takes a packet only by the interface by which it would
/// answer.
#[test]
fn answers_go_back_the_same_way() {
    for text in [
        "tree:3,3",
        "line:6",
        "fat-tree:4",
        "fat-tree:6",
        "dumbbell:3",
    ] {
        let lab = lab(text);
        let ways = Ways::of(&lab);
        for from in ways.hosts() {
            for to in ways.hosts().filter(|to| *to != from) {
                ways.strict(from, to);
            }
        }
    }
}

/// What the file says of where packets go, and nothing else.
struct Ways<'t> {
    lab: &'t Topology,
    homes: BTreeMap<IpAddr, (&'t Netns, &'t IfName)>,
    cables: BTreeMap<&'t End, &'t End>,
}

impl<'t> Ways<'t> {
    fn of(lab: &'t Topology) -> Self {
        let mut homes = BTreeMap::new();
        for (netns, spec) in &lab.namespaces {
            for (dev, interface) in &spec.interfaces {
                for address in &interface.addresses {
                    let twice = homes.insert(address.addr(), (netns, dev));
                    assert_eq!(twice, None, "{address}");
                }
            }
        }
        let ends = lab.links.iter().map(|cable| &cable.endpoints);
        let cables = ends.flat_map(|[a, b]| [(a, b), (b, a)]).collect();
        Ways { lab, homes, cables }
    }

    fn hosts(&self) -> impl Iterator<Item = &'t Netns> {
        let all = self.lab.namespaces.keys();
        all.filter(|netns| {
            netns.to_string().starts_with(['h', 'l']) || netns.to_string().starts_with("right")
        })
    }

    /// By the address that a name means: the one in a common subnet, else the first.
    fn reaches(&self, from: &Netns, to: &Netns) -> bool {
        let own = self.nets(from);
        let all = self.nets(to);
        let near = all
            .iter()
            .find(|(net, _)| own.iter().any(|(one, _)| one.contains(&net.addr())));
        self.arrives(from, near.unwrap_or(&all[0]).0.addr())
    }

    fn arrives(&self, from: &Netns, to: IpAddr) -> bool {
        let mut at = from;
        for _ in 0..=64 {
            if self.homes.get(&to).is_some_and(|(home, _)| *home == at) {
                return true;
            }
            assert!(
                at == from || self.lab.namespaces[at].forward,
                "{at} passes nothing on"
            );
            let Some((dev, hop)) = self.next(at, to) else {
                return false;
            };
            let (next, by) = self.homes[&hop];
            assert!(self.neighbours((at, dev), (next, by)), "{at} and {next}");
            at = next;
        }
        false
    }

    /// Each router on the way would send to the source by the interface that it heard it by.
    fn strict(&self, from: &Netns, to: &Netns) {
        let (source, target) = (self.nets(from)[0].0.addr(), self.nets(to)[0].0.addr());
        let mut at = from;
        while self.homes[&target].0 != at {
            let (_, hop) = self.next(at, target).unwrap();
            let (next, heard) = self.homes[&hop];
            let (back, _) = self.next(next, source).unwrap();
            assert_eq!(back, heard, "{from} to {to}, in {next}");
            at = next;
        }
    }

    fn nets(&self, netns: &Netns) -> Vec<(IpNet, &'t IfName)> {
        let all = self.lab.namespaces[netns].interfaces.iter();
        let nets = |(dev, one): (&'t IfName, &'t Interface)| {
            let all = one.addresses.iter().map(move |net| (*net, dev));
            all.collect::<Vec<_>>()
        };
        all.flat_map(nets).collect()
    }

    /// The interface and the neighbour, by the longest prefix.
    fn next(&self, at: &Netns, to: IpAddr) -> Option<(&'t IfName, IpAddr)> {
        let nets = self.nets(at);
        let on_link = nets.iter().filter(|(net, _)| net.contains(&to));
        let on_link = on_link.map(|(net, dev)| (net.prefix_len(), *dev, to));
        let routes = self.lab.namespaces[at].routes.iter();
        let routes = routes.filter(|route| route.to.contains(&to));
        let routes = routes.map(|route| {
            let via = route.via.unwrap();
            let (_, dev) = nets.iter().find(|(net, _)| net.contains(&via)).unwrap();
            (route.to.prefix_len(), *dev, via)
        });
        let best = on_link.chain(routes).max_by_key(|(len, ..)| *len)?;
        Some((best.1, best.2))
    }

    /// On one switch, or at the two ends of one cable.
    fn neighbours(&self, a: (&Netns, &IfName), b: (&Netns, &IfName)) -> bool {
        let network = |(netns, dev): (&Netns, &IfName)| {
            self.lab.namespaces[netns].interfaces[dev].network.as_ref()
        };
        if let Some(one) = network(a) {
            return Some(one) == network(b);
        }
        let end = |(netns, dev): (&Netns, &IfName)| End {
            netns: netns.clone(),
            dev: dev.clone(),
        };
        self.cables.get(&end(a)) == Some(&&end(b))
    }
}

#[test]
fn what_is_none_says_what_would_be() {
    for (text, right) in [
        ("star:1", "`star:2`"),
        ("star:1024", "`star:1023`"),
        ("star:", "`star:4`"),
        ("star:4,4", "`star:4`"),
        ("line:66", "`line:65`"),
        ("mesh:65", "`mesh:64`"),
        ("fat-tree:3", "`fat-tree:4`"),
        ("fat-tree:26", "`fat-tree:24`"),
        ("fat-tree:99", "`fat-tree:24`"),
        ("fat-tree:0", "`fat-tree:2`"),
        ("dumbbell:254", "`dumbbell:253`"),
        ("tree:1,3", "`tree:2,3`"),
        ("tree:2,0", "`tree:2,1`"),
        ("tree:2,12", "`tree:2,11`"),
        ("tree:64,2", "`tree:64,1`"),
        ("tree:2,99999999999999999999", "`tree:3,2`"),
        ("tree:3", "`tree:3,2`"),
        ("stra:4", "`star:4`"),
        ("tree,2,3", "`tree:3,2`"),
        ("tree,depth=2,fanout=3", "`tree:3,2`"),
        ("tree,fanout=3", "`tree:3,1`"),
        ("linear,4", "`line:4`"),
        ("single,3", "`star:3`"),
        ("minimal", "`star:2`"),
    ] {
        let bad = text.parse::<Shape>().unwrap_err();
        assert!(bad.hint.contains(right), "{text}: {}", bad.hint);
        assert!(
            bad.to_string()
                .starts_with(&format!("`{text}` is no shape: "))
        );
        shape(right.trim_matches('`'));
    }
}

#[test]
fn what_is_meant_to_be_one() {
    for text in ["star:4", "tree:2,3", "stra:4", "star:x", "star:"] {
        assert!(Shape::is_meant(text), "{text}");
    }
    for text in [
        "star",
        "star-4",
        "star.yaml",
        "-",
        "a/b:1",
        "ns:one",
        ":4",
        "c0ffee",
    ] {
        assert!(!Shape::is_meant(text), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is taken can be read, and every hint is one that is taken.
    #[test]
    fn no_text_is_a_shape_that_is_none(text in "(tree|line|star|mesh|fat-tree|dumbbell|[a-z]{1,5}):[0-9,]{0,4}") {
        match text.parse::<Shape>() {
            Ok(shape) => {
                let lab = topology(&shape.file(&shape.lab()));
                prop_assert!(resolve(&lab, &Leases::default()).is_ok());
            }
            Err(bad) => {
                let first = bad.hint.split('`').nth(1).unwrap();
                prop_assert!(first.parse::<Shape>().is_ok(), "{}", bad.hint);
            }
        }
    }
}
