//! netyard as a CNI plugin, call by call: `docs/cni-checklist.md` says which test holds which
//! line of the specification.

mod again;
pub(crate) mod call;
mod changes;
mod check;
mod crowd;
mod del;
mod delegates;
mod hands;
mod kill;
mod kinds;
mod options;
mod ports;
mod ranges;
mod refusals;
mod results;
mod troubles;

use serde_json::{Value, json};

use crate::sandbox::ok;
use crate::{Test, snapshot};
use call::{changed, of_network};

pub(crate) fn tests() -> Vec<Test> {
    let all = [
        refusals::tests(),
        results::tests(),
        troubles::tests(),
        ranges::tests(),
        again::tests(),
        ports::tests(),
        del::tests(),
        check::tests(),
        delegates::tests(),
        kinds::tests(),
        kill::tests(),
        hands::tests(),
        options::tests(),
        changes::tests(),
        crowd::tests(),
    ];
    all.into_iter().flatten().collect()
}

/// After every DEL and a GC the host is as it was before.
#[track_caller]
pub(crate) fn nothing_left(
    before: &std::collections::BTreeMap<String, String>,
    networks: &[&Value],
) {
    for conf in networks {
        collect(conf);
    }
    snapshot::assert_same(before, &snapshot::host(), "after GC");
    let listed: Value = serde_json::from_str(&ok(&["list", "--json"])).expect("JSON");
    assert_eq!(listed, json!([]));
}

/// GC of a network that the runtime knows no attachment of.
#[track_caller]
pub(crate) fn collect(conf: &Value) {
    let none = json!({"cniVersion": "1.1.0", "cni.dev/valid-attachments": []});
    of_network("GC", &changed(conf, none)).done();
}
