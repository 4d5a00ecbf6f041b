//! What plugins could leave behind.

use std::collections::BTreeMap;

use regex_lite::Regex;

use crate::sandbox::{ok, sh, until};
use crate::snapshot;
use crate::world::Whose;

/// The host as it is, but for what only counts.
pub(crate) fn state(whose: Whose) -> BTreeMap<String, String> {
    let mut parts = snapshot::host();
    let counters = Regex::new("counter packets [0-9]+ bytes [0-9]+").expect("a pattern");
    let rules = parts.get_mut("nft list ruleset").expect("rules");
    *rules = counters.replace_all(rules, "counter").into_owned();
    if whose == Whose::Reference {
        // Debian's bridge plugin leaves them when the namespace is gone.
        let masquerade =
            "(?m)^.* jump CNI-[0-9a-f]{24} *\n|^\tchain CNI-[0-9a-f]{24} [{][^}]*[}] *\n+";
        let masquerade = Regex::new(masquerade).expect("a pattern");
        let rest = masquerade.replace_all(rules, "");
        *rules = rest.replace("\n\n", "\n");
    }
    // Duplicate address detection takes a second, of devices that stay.
    for text in parts.values_mut() {
        *text = text.replace(" tentative", "");
    }
    // The number of the last address that was given stays there.
    let leases = "find /var/lib/cni -type f | grep -v -e /last_reserved_ip -e /lock$ || true";
    parts.insert("leases and results".to_owned(), sh(leases));
    if whose == Whose::Netyard {
        parts.insert("netyard list".to_owned(), ok(&["list", "--json"]));
    }
    parts
}

/// The host before a test, when nobody is attached any more: the kernel takes devices apart
/// by itself when a namespace goes.
pub(crate) fn before(whose: Whose) -> BTreeMap<String, String> {
    until("nobody is attached", || {
        sh("ip -o link show type bridge_slave").is_empty()
    });
    state(whose)
}

/// Waits until the host is as before.
#[track_caller]
pub(crate) fn is_again(before: &BTreeMap<String, String>, whose: Whose, when: &str) {
    let began = std::time::Instant::now();
    while state(whose) != *before && began.elapsed().as_secs() < 10 {
        std::thread::yield_now();
    }
    snapshot::assert_same(before, &state(whose), when);
}

/// Waits until what stands there is so.
#[track_caller]
pub(crate) fn until_said(what: &str, is_so: &str, mut say: impl FnMut() -> String) {
    let mut last = String::new();
    until(&format!("{what}: expected {is_so}"), || {
        last = say();
        last == is_so
    });
}
