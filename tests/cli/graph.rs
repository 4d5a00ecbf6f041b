//! `graph` of a file: no kernel is looked at.

use std::fs;

use crate::{directory, outcome};

fn example() -> String {
    format!("{}/examples/three.yaml", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn each_form_begins_as_its_readers_expect() {
    let head = [
        ("text", "host\n"),
        ("svg", "<svg xmlns"),
        ("html", "<!DOCTYPE html>"),
        ("dot", "graph netyard {"),
        ("mermaid", "flowchart TB"),
    ];
    for (form, head) in head {
        let said = outcome(&["graph", &example(), "--as", form]);
        assert_eq!(said.code, Some(0), "{}", said.err);
        assert!(said.out.starts_with(head), "{form}: {}", said.out);
        assert!(said.out.contains("virtual-bridge"));
    }
    let usual = outcome(&["graph", &example()]).out;
    assert_eq!(usual, outcome(&["graph", &example(), "--as", "text"]).out);
}

#[test]
fn a_picture_is_written_to_a_file() {
    let directory = directory("graph");
    let file = directory.join("three.svg");
    let said = outcome(&[
        "graph",
        &example(),
        "--as",
        "svg",
        "-o",
        file.to_str().unwrap(),
    ]);
    assert_eq!(
        (said.code, said.out.as_str()),
        (Some(0), ""),
        "{}",
        said.err
    );
    assert!(fs::read_to_string(file).unwrap().ends_with("</svg>\n"));
    let said = outcome(&["graph", &example(), "-o", directory.to_str().unwrap()]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("error[cannot-write]"), "{}", said.err);
}

#[test]
fn what_is_not_there_is_not_drawn() {
    let said = outcome(&["graph", "no-such-file.yaml"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("error[cannot-read]"), "{}", said.err);
}
