//! What cannot be parted, and what is in the way; and namespaces that others made.

use super::{is_well, lost, tables, up};
use crate::sandbox::{file, ok, outcome, pings, sh, try_sh, until};
use crate::{Test, test};

pub(super) fn tests() -> Vec<Test> {
    vec![
        test("partition::what is in the way is named", in_the_way),
        test("partition::what cannot be", refused),
        test("partition::a namespace of others", joined),
    ]
}

/// Somebody else's table of that name: nothing is changed, in no namespace.
fn in_the_way() {
    up();
    sh("ip netns exec two nft add table inet netyard-partition");
    let said = outcome(&["link", "partition", "split", "one", "two"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("inet netyard-partition"), "{}", said.err);
    assert_eq!(tables("one"), "");
    assert!(pings("one", "10.5.0.20"));
    assert!(!ok(&["link", "show", "split"]).contains("parted"));
    sh("ip netns exec two nft delete table inet netyard-partition");
    is_well();
    // What one refuses is undone in the others: a namespace that is gone.
    sh("ip netns del three");
    // The kernel removes the other end of its cable a moment later.
    until("its cable is gone", || {
        try_sh("ip link show three-eth0").code != Some(0)
    });
    let said = outcome(&["link", "partition", "split", "one", "three"]);
    assert!(said.err.contains("no namespace `three`"), "{}", said.err);
    assert_eq!(tables("one"), "");
    ok(&["repair", "--yes", "split"]);
    is_well();
}

fn refused() {
    let none = outcome(&["link", "partition", "split", "one", "two"]);
    assert!(none.err.contains("no lab `split`"), "{}", none.err);
    up();
    for (arguments, code, words) in [
        (
            &["partition", "split", "one", "six"][..],
            1,
            "no namespace `six`",
        ),
        (
            &["partition", "split", "one,two", "two"],
            1,
            "on both sides",
        ),
        (
            &["partition", "split", "one", "host"],
            1,
            "the host has addresses",
        ),
        (&["partition", "split", "one"], 2, "required"),
        (&["partition", "split", "one", "two,,"], 2, "two,,"),
        (&["heal", "split", "one"], 2, "required"),
        (&["heal", "split", "one", "six"], 1, "no namespace `six`"),
    ] {
        let said = outcome(&[&["link"], arguments].concat());
        assert_eq!(said.code, Some(code), "{arguments:?}: {}", said.err);
        assert!(said.err.contains(words), "{arguments:?}: {}", said.err);
    }
    is_well();
    ok(&["down", "split"]);
    // An address that two have means neither, unless one of them is on the link.
    let twins = "
lab: split
namespaces:
  one: { interfaces: { a0: { addresses: 10.1.0.1/24 }, b0: { addresses: 10.2.0.1/24 } } }
  two: { interfaces: { a0: { addresses: [10.1.0.2/24, 10.9.0.9/32] } } }
  three: { interfaces: { b0: { addresses: [10.2.0.2/24, 10.9.0.9/32] } } }
  mute: { interfaces: { m0: {} } }
  four: { interfaces: { m0: {}, c0: { addresses: 10.3.0.4/24 } } }
  five: { interfaces: { c0: { addresses: 10.3.0.5/24 } } }
links:
  - { endpoints: ['one:a0', 'two:a0'] }
  - { endpoints: ['one:b0', 'three:b0'] }
  - { endpoints: ['mute:m0', 'four:m0'] }
  - { endpoints: ['four:c0', 'five:c0'] }
";
    ok(&["up", &file("twins.yaml", twins)]);
    let said = outcome(&["link", "partition", "split", "five", "two"]);
    assert!(
        said.err.contains("10.9.0.9 of two is an address of three"),
        "{}",
        said.err
    );
    let said = outcome(&["link", "partition", "split", "four", "mute"]);
    assert!(said.err.contains("mute has no address"), "{}", said.err);
    ok(&["link", "partition", "split", "five", "two,three"]);
    is_well();
}

/// One that the lab has joined keeps nothing of it.
fn joined() {
    sh("ip netns add theirs; ip netns exec theirs nft add table inet mine");
    let text = "
lab: split
networks: { lan: { subnets: [10.5.0.0/24] } }
namespaces:
  one: { interfaces: { eth0: { network: lan, addresses: [10.5.0.10/24] } } }
  /run/netns/theirs: { interfaces: { eth0: { network: lan, addresses: [10.5.0.20/24] } } }
";
    ok(&["up", &file("split.yaml", text)]);
    assert!(pings("one", "10.5.0.20"));
    ok(&["link", "partition", "split", "one", "/run/netns/theirs"]);
    assert!(lost("one", "10.5.0.20") && lost("theirs", "10.5.0.10"));
    is_well();
    ok(&["link", "heal", "split"]);
    assert!(pings("one", "10.5.0.20"));
    ok(&["link", "partition", "split", "one", "/run/netns/theirs"]);
    ok(&["down", "split"]);
    assert_eq!(tables("theirs"), "table inet mine\n");
}
