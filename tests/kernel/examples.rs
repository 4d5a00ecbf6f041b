//! Each example: up, proved, up again without a change, down, as before.

use crate::sandbox::{all_examples, example, ok};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    all_examples()
        .into_iter()
        .map(|name| test(&format!("examples::{name}"), move || runs(&name)))
        .collect()
}

fn runs(name: &str) {
    let (before, file) = (snapshot::host(), example(name));
    let said = ok(&["up", &file]);
    assert!(said.contains("is up:"), "{said}");
    let table = ok(&["test", &file]);
    assert!(!table.contains("FAIL"), "{table}");
    let again = ok(&["up", &file]);
    assert!(again.contains("nothing to change"), "{again}");
    let lab = name.trim_end_matches(".yaml");
    assert!(ok(&["list"]).contains(lab));
    ok(&["down", &file]);
    assert!(ok(&["list"]).contains("no lab is up"));
    snapshot::assert_same(&before, &snapshot::host(), "after down");
}
