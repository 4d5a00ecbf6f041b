//! Facts to findings, without the machine; what is seen of a real one is in
//! tests/kernel/doctor.rs.

use std::collections::BTreeSet;

use super::{Finding, Group, Level, judge, kernel};
use crate::report::wrap;
use crate::state::Walls;
use crate::state::machine::{
    Barred, Directory, Facts, Limits, Others, Rights, Settings, Tried, Tries,
};

/// A machine where all is as it should be.
fn good() -> Facts {
    let all = kernel::FEATURES.iter();
    Facts {
        kernel: Ok(all
            .map(|feature| (feature.id.to_owned(), Tried::Works))
            .collect()),
        rights: Rights {
            administrator: true,
            private: Some(Ok(())),
            max_user_namespaces: Some(1000),
            cgroup: Some(2),
            names: Ok(Directory::Ready),
            run: None,
            journal: None,
        },
        limits: Limits {
            open_files: 65_536,
            neighbours: [Some((10, 1024)); 2],
            flows: Some((10, 1000)),
            namespaces: Some((3, 1000)),
            inotify: (None, Some(128)),
        },
        settings: Settings {
            forwards: [Some(false); 2],
            ipv6_off: Some(false),
            rmem_max: Some(212_992),
            inherit: Some(0),
            ..Settings::default()
        },
        others: others(),
    }
}

fn others() -> Others {
    Others {
        running: BTreeSet::new(),
        walls: Ok(Walls::default()),
        services: BTreeSet::new(),
        nftables: Vec::new(),
        ufw: [String::new(), String::new()],
        networkd: Vec::new(),
        networks: Vec::new(),
        network_manager: Vec::new(),
    }
}

/// What a change makes of it: all that is not ok.
pub(super) fn found(change: impl FnOnce(&mut Facts)) -> Vec<Finding> {
    let mut facts = good();
    change(&mut facts);
    let mut all = judge(&facts);
    all.retain(|finding| finding.level != Level::Ok);
    all
}

/// So wide is what stands on 80 columns beside level and word.
const FITS: usize = 66;

/// There is this one, and nothing else.
#[track_caller]
pub(super) fn one(change: impl FnOnce(&mut Facts), id: &str, level: Level) -> Finding {
    let mut all = found(change);
    assert_eq!(all.len(), 1, "{all:#?}");
    let finding = all.remove(0);
    assert_eq!((finding.id, finding.level), (id, level), "{finding:#?}");
    for advice in [&finding.consequence, &finding.remedy] {
        let advice = wrap(advice.as_ref().expect("an advice"), FITS);
        let long = advice.lines().find(|line| line.chars().count() > FITS);
        assert_eq!(long, None);
    }
    finding
}

#[test]
fn a_good_machine_has_nothing_to_tell() {
    assert_eq!(found(|_| ()), []);
    let all = judge(&good());
    let groups: BTreeSet<Group> = all.iter().map(|finding| finding.group).collect();
    assert!(groups.into_iter().eq(Group::ALL));
}

#[test]
fn ids_are_words_and_stay_apart() {
    let ids: BTreeSet<&str> = kernel::FEATURES.iter().map(|feature| feature.id).collect();
    assert_eq!(ids.len(), kernel::FEATURES.len());
    for finding in judge(&good()) {
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(finding.id.chars().all(is_word), "{}", finding.id);
    }
}

fn tries(facts: &mut Facts) -> &mut Tries {
    facts.kernel.as_mut().expect("tries")
}

fn lacks(id: &str) -> impl FnOnce(&mut Facts) {
    let id = id.to_owned();
    move |facts| drop(tries(facts).insert(id, Tried::Lacks))
}

#[test]
fn what_a_kernel_lacks_is_as_bad_as_it_is_needed() {
    let ipvlan = one(lacks("ipvlan"), "ipvlan", Level::Note);
    assert_eq!(ipvlan.what, "this kernel has no ipvlan devices");
    assert!(ipvlan.remedy.unwrap().contains("CONFIG_IPVLAN"));
    one(lacks("veth"), "veth", Level::Error);
    one(lacks("ctnetlink"), "ctnetlink", Level::Warning);
    let rename = one(lacks("rename-up"), "rename-up", Level::Note);
    assert_eq!(rename.remedy.unwrap(), "use Linux 6.2 or later");
    let refused = |facts: &mut Facts| {
        let words = Tried::Refused("operation not permitted".to_owned());
        tries(facts).insert("nft-ct".to_owned(), words);
    };
    let refused = one(refused, "nft-ct", Level::Error);
    assert!(refused.what.ends_with("operation not permitted"));
}

#[test]
fn what_a_module_has_that_is_not_loaded_is_not_tried() {
    let unloaded = |id: &'static str, module: &'static str| {
        move |facts: &mut Facts| {
            let module = Tried::Unloaded(module.to_owned());
            tries(facts).insert(id.to_owned(), module);
        }
    };
    let ipvlan = one(unloaded("ipvlan", "ipvlan"), "ipvlan", Level::Untried);
    assert!(!ipvlan.consequence.unwrap().contains("on the host"));
    for (id, module, dev, loaded) in [
        (
            "dummy",
            "dummy",
            "`dummy0`",
            "`modprobe dummy numdummies=0`",
        ),
        ("ifb", "ifb", "`ifb0`", "`modprobe ifb numifbs=0`"),
        (
            "bonding",
            "bonding",
            "`bond0`",
            "`modprobe bonding max_bonds=0`",
        ),
    ] {
        let untried = one(unloaded(id, module), id, Level::Untried);
        assert!(untried.consequence.unwrap().contains(dev));
        assert!(untried.remedy.unwrap().contains(loaded));
    }
}

/// Without bridges there are no ports of them either: that is one trouble.
#[test]
fn what_stands_on_something_missing_is_not_told() {
    let without =
        |ids: &'static [&str]| move |facts: &mut Facts| ids.iter().for_each(|id| lacks(id)(facts));
    let bridges = without(&["bridge", "bridge-isolation", "bridge-hairpin"]);
    one(bridges, "bridge", Level::Error);
    one(
        without(&["nft-inet", "nft-ct", "nft-netyard"]),
        "nft-inet",
        Level::Error,
    );
}

fn barred() -> Barred {
    Barred {
        why: "a reason".to_owned(),
        remedy: "a remedy".to_owned(),
    }
}

#[test]
fn an_ordinary_user_needs_user_namespaces_and_root_does_not() {
    let bar = |facts: &mut Facts| facts.rights.private = Some(Err(barred()));
    one(bar, "user-namespaces", Level::Warning);
    let mut all = found(|facts| {
        facts.rights.administrator = false;
        facts.kernel = Err(barred());
        bar(facts);
    });
    all.sort_by_key(|finding| finding.level);
    let told: Vec<_> = all.iter().map(|f| (f.id, f.level)).collect();
    assert_eq!(
        told,
        [
            ("probe", Level::Note),
            ("administrator", Level::Note),
            ("user-namespaces", Level::Error),
        ]
    );
    assert!(all[2].what.ends_with("a reason"));
    assert_eq!(all[2].remedy.as_deref(), Some("a remedy"));
    one(
        |facts| facts.rights.private = None,
        "user-namespaces",
        Level::Note,
    );
    // Root needs no private world to try the kernel in.
    one(|facts| facts.kernel = Err(barred()), "probe", Level::Error);
}

#[test]
fn names_and_journal() {
    for fine in [Directory::Missing, Directory::Plain, Directory::Private] {
        assert_eq!(found(|facts| facts.rights.names = Ok(fine)), []);
    }
    one(
        |f| f.rights.names = Ok(Directory::Following),
        "names",
        Level::Warning,
    );
    one(
        |f| f.rights.names = Err("x".to_owned()),
        "names",
        Level::Warning,
    );
    one(|f| f.rights.run = Some("x".to_owned()), "run", Level::Error);
    one(
        |f| f.rights.journal = Some("x".to_owned()),
        "journal",
        Level::Error,
    );
    one(|f| f.rights.cgroup = Some(1), "cgroup", Level::Note);
}

#[test]
fn limits_are_told_from_three_quarters_on() {
    assert_eq!(found(|f| f.limits.flows = Some((749, 1000))), []);
    one(
        |f| f.limits.flows = Some((750, 1000)),
        "conntrack",
        Level::Warning,
    );
    one(
        |f| f.limits.namespaces = Some((0, 0)),
        "namespaces",
        Level::Warning,
    );
    let full = |f: &mut Facts| f.limits.neighbours[1] = Some((1024, 1024));
    let full = one(full, "neighbours-ipv6", Level::Warning);
    assert_eq!(
        full.what,
        "1024 of at most 1024 IPv6 neighbours of all namespaces"
    );
    let few = one(|f| f.limits.open_files = 1024, "open-files", Level::Warning);
    assert!(few.consequence.unwrap().contains("some 487 namespaces"));
    let inotify = (Some("too many open files".to_owned()), Some(0));
    one(|f| f.limits.inotify = inotify, "inotify", Level::Warning);
}

#[test]
fn settings_have_consequences() {
    use Level::{Note, Warning};
    let device = || vec!["eth0".to_owned()];
    one(|f| f.settings.strict = device(), "rp-filter", Note);
    one(
        |f| f.settings.localnet = vec!["all".to_owned()],
        "route-localnet",
        Warning,
    );
    one(|f| f.settings.ipv6_off = Some(true), "ipv6-off", Warning);
    one(|f| f.settings.rmem_max = Some(4096), "rmem-max", Note);
    one(|f| f.settings.inherit = Some(1), "inherit", Note);
    one(
        |f| f.settings.bridge_rules = [Some(true), Some(false)],
        "bridge-rules",
        Note,
    );
    assert_eq!(found(|f| f.settings.bridge_rules = [Some(false); 2]), []);
    // It takes both: a host that does not forward takes router advertisements.
    assert_eq!(found(|f| f.settings.accept_ra = device()), []);
    let forwards = |f: &mut Facts| {
        f.settings.forwards[1] = Some(true);
        f.settings.accept_ra = device();
    };
    one(forwards, "accept-ra", Note);
}
