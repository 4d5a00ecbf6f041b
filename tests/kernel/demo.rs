//! The tour, from its first step to its last.

use crate::sandbox::{netyard, ok, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![test("demo::every step does as the tour says", demo)]
}

fn demo() {
    let before = snapshot::host();
    let said = ok(&["demo", "--fast"]);
    let in_order = [
        "1/6",
        "namespace pc-one has no IPv4 address",
        "2/6",
        "✓ pc-one → 10.0.0.2",
        "✗ host → 10.0.0.1",
        "3/6",
        "namespace one has no route there",
        "4/6",
        "✓ host → 10.0.0.10",
        "the host, on the way, does not forward",
        "5/6",
        "the file gives it no `masquerade`",
        "6/6",
        "✓ one → 198.51.100.80",
        "switch, masquerades",
        "everything is gone again",
    ];
    let mut rest = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for text in in_order {
        let (_, after) = rest
            .split_once(text)
            .unwrap_or_else(|| panic!("{text} in {rest}"));
        rest = after.to_owned();
    }
    let width = said.lines().map(|line| line.chars().count()).max();
    assert!(width <= Some(80), "{width:?}");
    snapshot::assert_same(&before, &snapshot::host(), "after the demo");
    let colours = netyard(&["demo", "--fast"])
        .output()
        .expect("netyard starts");
    assert!(!String::from_utf8_lossy(&colours.stdout).contains('\u{1b}'));
    assert_eq!(sh("ip netns list"), "");
}
