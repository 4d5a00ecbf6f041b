//! `init`: each starter is right, and nothing is overwritten.

use std::fs;

use netyard::topology::parse;

use crate::{directory, netyard, outcome, run};

const EXAMPLES: [&str; 5] = ["two-pcs", "three", "internet", "dual-stack", "routers"];

fn init(directory: &std::path::Path, arguments: &[&str]) -> crate::Outcome {
    let mut command = netyard(&[&["init"], arguments].concat());
    command.current_dir(directory);
    run(command)
}

#[test]
fn each_starter_is_the_example_with_another_name() {
    let directory = directory("starters");
    for example in EXAMPLES {
        let name = format!("my-{example}");
        let said = init(&directory, &[&name, "--example", example]);
        assert_eq!(said.code, Some(0), "{}", said.err);
        let file = directory.join(format!("{name}.yaml"));
        let text = fs::read_to_string(&file).unwrap();
        let mut topology = parse(&text).unwrap();
        assert_eq!(topology.lab.as_str(), name);
        topology.lab = example.parse().unwrap();
        let path = format!("{}/examples/{example}.yaml", env!("CARGO_MANIFEST_DIR"));
        let original = fs::read_to_string(path).unwrap();
        assert_eq!(topology, parse(&original).unwrap());
        // Every line that brings something new is explained.
        assert!(text.matches('#').count() >= 5, "{text}");
        let wide = text.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "{example}");
        let checked = outcome(&["check", file.to_str().unwrap()]);
        assert_eq!(checked.code, Some(0), "{}", checked.err);
    }
}

#[test]
fn nothing_is_overwritten() {
    let directory = directory("overwritten");
    assert_eq!(init(&directory, &["web"]).code, Some(0));
    fs::write(directory.join("web.yaml"), "mine").unwrap();
    // The file's own name means the same lab.
    for name in ["web", "web.yaml"] {
        let said = init(&directory, &[name]);
        assert_eq!(said.code, Some(1));
        assert!(
            said.err.contains("error[file-exists]: web.yaml"),
            "{}",
            said.err
        );
    }
    assert_eq!(
        fs::read_to_string(directory.join("web.yaml")).unwrap(),
        "mine"
    );
}

#[test]
fn a_dash_prints_and_writes_nothing() {
    let directory = directory("printed");
    let said = init(&directory, &["-", "--example", "two-pcs"]);
    assert_eq!(parse(&said.out).unwrap().lab.as_str(), "two-pcs");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
}

#[test]
fn a_name_is_no_path() {
    let directory = directory("no-path");
    let said = init(&directory, &["../web"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("error[bad-name]"), "{}", said.err);
}
