//! Rules of the house that a machine can keep: which layer knows which, how long a
//! file may be, where `unwrap` and `unsafe` may stand.

#![allow(clippy::disallowed_methods)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each layer may import of ours (ARCHITECTURE.md, code map).
const MAY_USE: [(&str, &[&str]); 27] = [
    ("src/state", &[]),
    ("src/report", &["state"]),
    ("src/ipam", &["state"]),
    ("src/topology", &["state", "ipam", "report"]),
    ("src/plan", &["state", "report"]),
    ("src/probe", &["state", "topology", "sys::probe::run"]),
    ("src/names", &["state"]),
    ("src/explain/filter", &["state", "explain::filter"]),
    ("src/explain", &["probe", "state", "sys"]),
    ("src/doctor", &["state", "sys"]),
    ("src/graph", &["state"]),
    (
        "src/error",
        &[
            "ipam",
            "plan",
            "report",
            "state",
            "topology",
            "sys::{Blocked, Failure}",
        ],
    ),
    ("src/reconcile.rs", &["error", "plan", "state"]),
    ("src/fake", &["error", "plan", "reconcile", "state"]),
    (
        "src/sys",
        &[
            "error",
            "ipam",
            "names",
            "plan",
            "probe",
            "reconcile",
            "report",
            "state",
            "topology",
        ],
    ),
    (
        "src/external.rs",
        &["error", "ipam", "state", "sys", "topology"],
    ),
    (
        "src/lab.rs",
        &[
            "error",
            "external",
            "lease",
            "plan",
            "reconcile",
            "state",
            "sys",
            "topology",
        ],
    ),
    (
        "src/lab",
        &[
            "error",
            "external",
            "lease",
            "names",
            "plan",
            "probe",
            "reconcile",
            "state",
            "sys",
            "topology",
        ],
    ),
    (
        "src/lease.rs",
        &["error", "external", "ipam", "state", "sys", "topology"],
    ),
    ("src/monitor.rs", &["error", "state", "sys"]),
    (
        "src/gc.rs",
        &["error", "lab", "plan", "reconcile", "state", "sys"],
    ),
    (
        "src/repair.rs",
        &[
            "error",
            "lab",
            "plan",
            "reconcile",
            "state",
            "sys",
            "topology",
        ],
    ),
    (
        "src/vigil",
        &["error", "lab", "plan", "repair", "state", "sys"],
    ),
    (
        "src/run.rs",
        &[
            "error",
            "lab",
            "plan",
            "reconcile",
            "state",
            "sys",
            "topology",
        ],
    ),
    ("src/capture.rs", &["error", "lab", "state", "sys"]),
    (
        "src/survey.rs",
        &["error", "explain", "lab", "state", "sys", "topology"],
    ),
    (
        "src/inside.rs",
        &["error", "external", "names", "state", "sys", "topology"],
    ),
];

const LONGEST_FILE: usize = 400;

/// Every Rust file below a path, with its lines.
fn sources(path: &str) -> Vec<(PathBuf, Vec<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    collect(&root.join(path), &mut found);
    found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source file");
            let short = path
                .strip_prefix(root)
                .expect("inside the package")
                .to_owned();
            (short, text.lines().map(str::to_owned).collect())
        })
        .collect()
}

fn collect(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_file() {
        found.extend(
            path.extension()
                .is_some_and(|e| e == "rs")
                .then(|| path.to_owned()),
        );
    } else if let Ok(entries) = fs::read_dir(path) {
        let mut entries: Vec<PathBuf> = entries.map(|e| e.expect("an entry").path()).collect();
        entries.sort();
        entries.iter().for_each(|entry| collect(entry, found));
    }
}

#[test]
fn layers_import_only_what_they_may() {
    let mut wrong = Vec::new();
    for (layer, may) in MAY_USE {
        let own = layer.trim_start_matches("src/").trim_end_matches(".rs");
        let is_allowed = |path: &str| [own].iter().chain(may).any(|name| leads_to(path, name));
        for (path, lines) in sources(layer) {
            if path.ends_with("tests.rs") {
                continue;
            }
            for (n, line) in code(&lines).filter(|(_, line)| !is_comment(line)) {
                let mut imports = line.split("crate::").skip(1);
                if !imports.all(is_allowed) {
                    wrong.push(format!("{}:{}: {}", path.display(), n + 1, line.trim()));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these reach over a wall:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_layer_has_its_walls() {
    let walls = MAY_USE.map(|(layer, _)| Path::new(layer).to_owned());
    let without = ["src/bin", "src/lib.rs"].map(PathBuf::from);
    let is_known = |path: &Path| {
        walls
            .iter()
            .chain(&without)
            .any(|one| path.starts_with(one))
    };
    for (path, _) in sources("src") {
        assert!(is_known(&path), "{} stands in no layer", path.display());
    }
    for wall in walls {
        assert!(!sources(&wall.display().to_string()).is_empty(), "{wall:?}");
    }
}

/// Whether a path begins with this one, and not only with its letters.
fn leads_to(path: &str, name: &str) -> bool {
    let rest = path.strip_prefix(name);
    let goes_on = |c: char| c.is_alphanumeric() || c == '_';
    rest.is_some_and(|rest| !rest.starts_with(goes_on))
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// The numbered lines of a file before its tests, which stand at its end.
fn code(lines: &[String]) -> impl Iterator<Item = (usize, &String)> {
    let all = lines.iter().enumerate();
    all.take_while(|(_, line)| *line != "mod tests {")
}

#[test]
fn files_are_short() {
    let all = ["src", "tests", "benches"].into_iter().flat_map(sources);
    let long = all.filter(|(_, lines)| lines.len() > LONGEST_FILE);
    let long: Vec<String> = long
        .map(|(path, lines)| format!("{}: {} lines", path.display(), lines.len()))
        .collect();
    assert!(
        long.is_empty(),
        "longer than {LONGEST_FILE} lines:\n{}",
        long.join("\n")
    );
}

#[test]
fn no_unwrap_and_no_leftovers() {
    let mut wrong = Vec::new();
    for (path, lines) in sources("src") {
        if path.ends_with("tests.rs") {
            continue;
        }
        for (n, line) in code(&lines) {
            if [".unwrap()", "todo!", "unimplemented!", "FIXME", "TODO"]
                .iter()
                .any(|w| line.contains(w))
            {
                wrong.push(format!("{}:{}: {}", path.display(), n + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_is_only_in_sys_and_says_why() {
    let mut wrong = Vec::new();
    for (path, lines) in sources("src") {
        for (n, line) in lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.contains("unsafe {"))
        {
            let reason = lines[..n]
                .iter()
                .rev()
                .take(6)
                .any(|line| line.contains("// SAFETY: "));
            if !path.starts_with("src/sys") || !reason {
                wrong.push(format!("{}:{}: {}", path.display(), n + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Both ways: no line is held by a test that is gone, and no test is forgotten.
#[test]
fn the_checklist_of_cni_names_its_tests() {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cni-checklist.md");
    let list = fs::read_to_string(list).expect("the checklist");
    let named: BTreeSet<&str> = list
        .split('`')
        .filter(|word| word.starts_with("cni::"))
        .collect();
    let sources = sources("tests/kernel/cni");
    let lines = sources.iter().flat_map(|(_, lines)| lines);
    let names = lines.flat_map(|line| line.split('"').filter(|word| word.starts_with("cni::")));
    assert_eq!(named, names.collect());
}
