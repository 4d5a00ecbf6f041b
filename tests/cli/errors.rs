//! Errors for programs: one object on standard output, the same exit code.

use serde_json::Value;

use crate::{Outcome, directory, outcome};

fn bad_file() -> String {
    format!(
        "{}/tests/parse/invalid/many-flaws.yaml",
        env!("CARGO_MANIFEST_DIR")
    )
}

/// The object, after a look at what stands around it.
fn error(said: &Outcome) -> Value {
    assert!(said.err.is_empty(), "{}", said.err);
    let value: Value = serde_json::from_str(&said.out).unwrap();
    let error = &value["error"];
    for field in ["code", "message"] {
        assert!(error[field].is_string(), "{}", said.out);
    }
    assert!(netyard::report::find(error["code"].as_str().unwrap()).is_some());
    error.clone()
}

#[test]
fn a_bad_file_is_told_the_same_way_by_every_verb() {
    for verb in ["check", "plan", "up", "down", "test"] {
        let text = outcome(&[verb, &bad_file()]);
        let json = outcome(&[verb, "--json", &bad_file()]);
        assert_eq!((text.code, json.code), (Some(2), Some(2)), "{verb}");
        assert!(text.out.is_empty() && text.err.contains("error[gateway-outside]"));
        let error = error(&json);
        assert_eq!(error["code"], "bad-file");
        let problems = error["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 7);
        for problem in problems {
            assert!(problem["line"].is_u64() && problem["column"].is_u64());
            assert!(problem["hint"].is_string(), "{problem}");
            let head = format!("error[{}]", problem["code"].as_str().unwrap());
            assert!(text.err.contains(&head), "{head}");
        }
    }
}

#[test]
fn plan_as_json_tells_its_errors_so_too() {
    let said = outcome(&["plan", "--as", "json", &bad_file()]);
    assert_eq!(error(&said)["code"], "bad-file");
}

#[test]
fn a_file_that_cannot_be_read() {
    let directory = directory("unreadable");
    let binary = directory.join("binary.yaml");
    std::fs::write(&binary, b"lab: \xff\xfe").unwrap();
    for (file, said) in [
        ("no-such-file.yaml", "No such file"),
        (directory.to_str().unwrap(), "directory"),
        (binary.to_str().unwrap(), "byte 5 is not UTF-8"),
    ] {
        let json = outcome(&["check", "--json", file]);
        assert_eq!(json.code, Some(2));
        let error = error(&json);
        assert_eq!(error["code"], "cannot-read");
        assert!(error["message"].as_str().unwrap().contains(said), "{error}");
        assert!(error["next"].is_string());
    }
}

#[test]
fn a_wrong_command_line() {
    for (arguments, message, next) in [
        (
            vec!["chek", "--json"],
            "unrecognized subcommand 'chek'",
            "'check'",
        ),
        (
            vec!["up", "--json"],
            "were not provided: <FILE|LAB>",
            "Usage: netyard up",
        ),
        (
            vec!["errors", "--json", "device-takn"],
            "'device-takn'",
            "'device-taken'",
        ),
    ] {
        let said = outcome(&arguments);
        assert_eq!(said.code, Some(2));
        let error = error(&said);
        assert_eq!(error["code"], "usage");
        assert!(
            error["message"].as_str().unwrap().contains(message),
            "{error}"
        );
        assert!(error["next"].as_str().unwrap().contains(next), "{error}");
    }
    // Behind `--` stand the words of another program.
    let said = outcome(&["exec", "--", "--json"]);
    assert!(!said.err.is_empty());
}

#[test]
fn every_code_is_explained() {
    for code in netyard::report::all() {
        let said = outcome(&["errors", code.word]);
        assert_eq!(said.code, Some(0), "{}", said.err);
        assert!(
            said.out
                .starts_with(&format!("{}: {}", code.word, code.title))
        );
        let too_long = said.out.lines().find(|line| line.chars().count() > 80);
        assert_eq!(too_long, None);
    }
    let list = outcome(&["errors"]).out;
    assert_eq!(list.lines().find(|line| line.chars().count() > 80), None);
    let all: Value = serde_json::from_str(&outcome(&["errors", "--json"]).out).unwrap();
    assert_eq!(
        all.as_array().unwrap().len(),
        netyard::report::all().count()
    );
}
