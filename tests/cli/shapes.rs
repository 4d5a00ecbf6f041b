//! Shapes on the command line: written, printed, in a file's place, refused.

use std::fs;

use netyard::topology::{Shape, parse};
use serde_json::Value;

use crate::{directory, netyard, outcome, run};

const SHAPES: [&str; 6] = [
    "tree:2,3",
    "line:5",
    "star:10",
    "mesh:4",
    "fat-tree:4",
    "dumbbell:4",
];

fn init(directory: &std::path::Path, arguments: &[&str]) -> crate::Outcome {
    let mut command = netyard(&[&["init"], arguments].concat());
    command.current_dir(directory);
    run(command)
}

#[test]
fn each_is_written_under_its_name_and_another() {
    let directory = directory("shapes");
    for shape in SHAPES {
        let lab = shape.replace([':', ','], "-");
        for (arguments, lab) in [
            (vec![shape], lab.clone()),
            (vec![shape, "office"], "office".to_owned()),
        ] {
            let said = init(&directory, &arguments);
            assert_eq!(said.code, Some(0), "{}", said.err);
            let file = directory.join(format!("{lab}.yaml"));
            let text = fs::read_to_string(&file).unwrap();
            assert_eq!(parse(&text).unwrap().lab.as_str(), lab);
            assert_eq!(
                text,
                shape.parse::<Shape>().unwrap().file(&lab.parse().unwrap())
            );
            fs::remove_file(file).unwrap();
        }
        let printed = init(&directory, &[shape, "-"]).out;
        assert_eq!(parse(&printed).unwrap().lab.as_str(), lab);
    }
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
}

#[test]
fn one_stands_where_a_file_does() {
    for shape in SHAPES {
        let said = outcome(&["check", shape]);
        assert_eq!(said.code, Some(0), "{}", said.err);
        let lab = shape.replace([':', ','], "-");
        assert!(
            said.out
                .starts_with(&format!("{shape}: lab {lab} is right: "))
        );
        let drawn = outcome(&["graph", shape, "--as", "mermaid"]);
        assert_eq!(drawn.code, Some(0), "{}", drawn.err);
    }
}

#[test]
fn a_bad_one_is_told_by_every_verb() {
    for verb in [
        "check", "plan", "up", "down", "test", "run", "init", "graph", "shell",
    ] {
        let said = outcome(&[verb, "tree:1,3"]);
        assert_eq!(said.code, Some(2), "{verb}");
        assert!(
            said.err
                .starts_with("error[bad-shape]: `tree:1,3` is no shape: the fanout")
        );
        assert!(said.err.contains("write `tree:2,3`"), "{}", said.err);
    }
    for arguments in [
        &["check", "--json", "stra:4"][..],
        &["up", "--json", "--topo", "stra"],
    ] {
        let said = outcome(arguments);
        assert_eq!(said.code, Some(2));
        let error: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(error["error"]["code"], "bad-shape");
        assert_eq!(error["error"]["next"], "write `star:4`");
    }
}

#[test]
fn what_says_two_things_is_refused() {
    for arguments in [
        &["init", "star:4", "--example", "three"][..],
        &["init", "star:4", "four", "--example", "three"],
        &["up", "three.yaml", "--topo", "star:4"],
        &["up"],
    ] {
        let said = outcome(arguments);
        assert_eq!(said.code, Some(2), "{arguments:?}");
    }
    let said = outcome(&["init", "web", "office"]);
    assert!(said.err.contains("error[bad-shape]: `web`"), "{}", said.err);
}

#[test]
fn help_has_the_forms() {
    let help = outcome(&["init", "--help"]).out;
    for form in [
        "tree:FANOUT,DEPTH",
        "line:N",
        "star:N",
        "mesh:N",
        "fat-tree:K",
        "dumbbell:N",
    ] {
        assert!(help.contains(form), "{form} in\n{help}");
    }
}
