//! `import`: printed, written, told; and what is no containerlab file.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use netyard::topology::parse;
use serde_json::Value;

use crate::{directory, netyard, outcome, run};

fn case(name: &str) -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    format!("{root}/tests/import/{name}.clab.yml")
}

#[test]
fn the_file_is_printed_and_the_notes_beside_it() {
    let said = outcome(&["import", &case("cases/routers")]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(parse(&said.out).unwrap().lab.as_str(), "three-routers");
    let image = "note: topology.kinds.linux.image: a namespace has no image";
    assert!(said.err.contains(image), "{}", said.err);
    let checked = directory("imported").join("lab.yaml");
    fs::write(&checked, &said.out).unwrap();
    let checked = outcome(&["check", checked.to_str().unwrap()]);
    assert_eq!(checked.code, Some(0), "{}", checked.err);
}

#[test]
fn nothing_is_overwritten() {
    let directory = directory("import-written");
    let words = ["import", &case("cases/switch"), "-o", "lab.yaml"];
    let written = || {
        let mut command = netyard(&words);
        command.current_dir(&directory);
        run(command)
    };
    let first = written();
    assert_eq!(first.code, Some(0), "{}", first.err);
    assert!(
        first.out.starts_with("lab.yaml is written"),
        "{}",
        first.out
    );
    let text = fs::read_to_string(directory.join("lab.yaml")).unwrap();
    assert_eq!(parse(&text).unwrap().lab.as_str(), "switch");
    let second = written();
    assert_eq!(second.code, Some(1));
    assert!(second.err.contains("error[file-exists]"), "{}", second.err);
}

#[test]
fn a_dash_reads_standard_input() {
    let mut command = netyard(&["import", "-"]);
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = streams.stderr(Stdio::piped()).spawn().unwrap();
    let text = fs::read_to_string(case("cases/two-pcs")).unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let said = child.wait_with_output().unwrap();
    let out = String::from_utf8(said.stdout).unwrap();
    assert_eq!(parse(&out).unwrap().lab.as_str(), "pcs");
}

#[test]
fn mistakes_are_drawn_where_they_stand() {
    let said = outcome(&["import", &case("invalid/names")]);
    assert_eq!(said.code, Some(2));
    assert!(
        said.err.contains("error[bad-import]: `ethernet-1/1`"),
        "{}",
        said.err
    );
    assert!(said.err.contains("names.clab.yml:8:19"), "{}", said.err);
    assert!(said.out.is_empty());
    let said = outcome(&["import", "no-such.clab.yml"]);
    assert!(said.err.contains("error[cannot-read]"), "{}", said.err);
    let explained: Value = serde_json::from_str(&outcome(&["errors", "--json"]).out).unwrap();
    assert!(explained.to_string().contains("bad-import"));
}
