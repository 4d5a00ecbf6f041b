//! Addresses on networks of other labs.

use crate::external::{address, guest, shop};
use crate::sandbox::{file, ok, outcome, pings, sh};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("external::nobody gets what another has", addresses),
        test("external::an address that the file chooses", chosen),
    ]
}

/// The same with an address of its own choice.
fn chooser(name: &str, address: &str) -> String {
    let text = std::fs::read_to_string(guest(name)).expect("a file");
    let chosen = format!("{{ network: lan, addresses: {address} }}");
    file(
        &format!("{name}.yaml"),
        &text.replace("{ network: lan }", &chosen),
    )
}

fn chosen() {
    ok(&["up", &shop()]);
    // The one that would be the next.
    ok(&["up", &guest("one")]);
    let next = address("one").replace("10.7.0.", "");
    let next: u8 = next.parse::<u8>().expect("a number") + 1;
    let (own, net) = (format!("10.7.0.{next}"), format!("10.7.0.{next}/24"));
    ok(&["up", &chooser("two", &net)]);
    assert_eq!(address("two"), own);
    assert!(pings("one", &own));
    assert!(ok(&["up", &chooser("two", &net)]).contains("nothing to change"));
    ok(&["up", &guest("three")]);
    assert_ne!(address("three"), own);
    for (address, code, said) in [
        (net.as_str(), 1, "lab two holds"),
        ("10.7.0.1/24", 2, "address-closed"),
        ("10.8.0.9/24", 2, "address-outside"),
        ("10.7.0.9/16", 2, "address-outside"),
    ] {
        let refused = outcome(&["up", &chooser("four", address)]);
        assert_eq!(refused.code, Some(code), "{address}: {}", refused.err);
        assert!(refused.err.contains(said), "{address}: {}", refused.err);
        assert!(!sh("ip netns list").contains("four"));
    }
    // Its ports are published as if the address were of the lab that has the network.
    let text = std::fs::read_to_string(chooser("two", &net)).expect("a file");
    let text = text.replace("{ interfaces", "{ publish: [8088], interfaces");
    ok(&["up", &file("two.yaml", &text)]);
    assert!(sh("nft list ruleset").contains("8088"));
    // Given back, it may be another's.
    ok(&["down", "two"]);
    ok(&["up", &chooser("four", &net)]);
    assert!(pings("four", &address("one")));
}

fn addresses() {
    ok(&["up", &shop()]);
    let guests = ["a", "b", "c"];
    for name in guests {
        ok(&["up", &guest(name)]);
    }
    let mut all: Vec<String> = guests.map(address).to_vec();
    let more = "
  desk: { interfaces: { eth0: { network: lan } } }
";
    let text = std::fs::read_to_string(shop()).expect("the example") + more;
    ok(&["up", &file("more.yaml", &text)]);
    all.extend([
        address("desk"),
        "10.7.0.10".to_owned(),
        "10.7.0.1".to_owned(),
    ]);
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count, "{all:?}");

    // The file cannot name what another lab was given.
    let held = address("b");
    let named = text.replace("10.7.0.10/24", &format!("{held}/24"));
    let refused = outcome(&["up", &file("named.yaml", &named)]);
    assert!(refused.err.contains("error[address-held]"), "{refused:?}");
    let holder = format!("lab b holds {held}");
    assert!(refused.err.contains(&holder), "{refused:?}");
    // It is free again when that lab is down.
    ok(&["down", "b"]);
    ok(&["up", "--yes", &file("named.yaml", &named)]);
    assert_eq!(address("till"), held);
    for name in ["a", "c", "shop"] {
        ok(&["down", name]);
    }
}
