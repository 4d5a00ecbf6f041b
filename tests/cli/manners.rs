//! Colours, help, suggestions, completions, manual pages.

use crate::{netyard, outcome, run, verbs};

fn bad_file() -> String {
    format!(
        "{}/tests/parse/invalid/many-flaws.yaml",
        env!("CARGO_MANIFEST_DIR")
    )
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let file = bad_file();
    let help = ["up", "--help"];
    let errors = ["errors", "not-root"];
    for arguments in [&help[..], &["chek"], &["check", &file], &errors] {
        let said = |name: &str, value: &str| {
            let mut command = netyard(arguments);
            command.env(name, value).env("TERM", "xterm-256color");
            let said = run(command);
            said.out + &said.err
        };
        assert!(
            said("CLICOLOR_FORCE", "1").contains('\u{1b}'),
            "{arguments:?}"
        );
        for (name, value) in [("NO_COLOR", "1"), ("CLICOLOR", "0")] {
            let said = said(name, value);
            assert!(!said.contains('\u{1b}'), "{name} {arguments:?}");
        }
        let piped = outcome(arguments);
        assert!(
            !(piped.out + &piped.err).contains('\u{1b}'),
            "{arguments:?}"
        );
    }
    let mut json = netyard(&["check", "--json", &file]);
    json.env("CLICOLOR_FORCE", "1");
    assert!(!run(json).out.contains('\u{1b}'), "JSON has no colours");
}

#[test]
fn every_verb_has_an_example() {
    for verb in verbs() {
        let help = outcome(&[&verb, "--help"]).out;
        assert!(help.contains(&format!("netyard {verb}")), "{help}");
        let examples = help.split("\nExample").nth(1);
        let examples = examples.unwrap_or_else(|| panic!("{verb}:\n{help}"));
        // They are lines to copy: broken, they would be none.
        let too_long = examples.lines().find(|line| line.chars().count() > 80);
        assert_eq!(too_long, None);
    }
}

#[test]
fn a_misspelt_verb_is_guessed() {
    for (typo, verb) in [("dwon", "down"), ("tset", "test"), ("shema", "schema")] {
        let said = outcome(&[typo]);
        assert_eq!(said.code, Some(2));
        assert!(said.err.contains(&format!("'{verb}'")), "{}", said.err);
    }
}

#[test]
fn what_other_tools_call_it_is_known() {
    for (words, meant) in [
        (&["destroy", "three"][..], "'down'"),
        (&["apply", "three.yaml"], "'up'"),
        (&["ls"], "'list', 'show'"),
        (&["up", "--dry-run", "three.yaml"], "`netyard plan`"),
        (&["errors", "foo"], "`netyard errors`"),
    ] {
        let said = outcome(words);
        assert_eq!(said.code, Some(2));
        assert!(said.err.contains(meant), "{words:?}: {}", said.err);
    }
}

#[test]
fn a_shell_does_not_read_what_the_file_comes_from() {
    let said = outcome(&["run", "-"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("netyard run - -- CMD"), "{}", said.err);
}

#[test]
fn completions_and_pages_know_every_verb() {
    for shell in ["bash", "zsh", "fish"] {
        let said = outcome(&["completions", shell]).out;
        for verb in verbs() {
            assert!(said.contains(&verb), "{shell}: {verb}");
        }
    }
    // And behind `man`.
    let said = outcome(&["completions", "zsh"]).out;
    assert!(
        said.contains(&format!(":({})'", verbs().join(" "))),
        "{said}"
    );
    for verb in verbs() {
        let page = outcome(&["man", &verb]).out;
        let examples = page.split(".SH EXAMPLES\n.nf\n").nth(1);
        let examples = examples.unwrap_or_else(|| panic!("{verb}:\n{page}"));
        assert!(!examples.starts_with("Example"), "{verb}:\n{page}");
    }
    assert!(outcome(&["man"]).out.contains("netyard"));
}

#[test]
fn the_schema_is_that_of_the_library() {
    let said: serde_json::Value = serde_json::from_str(&outcome(&["schema"]).out).unwrap();
    assert_eq!(said, netyard::topology::schema());
}

#[test]
fn an_output_that_takes_nothing_is_told() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let mut schema = netyard(&["schema"]);
    schema.stdout(full.unwrap());
    let said = schema.output().unwrap();
    assert_eq!(said.status.code(), Some(1));
    let err = String::from_utf8(said.stderr).unwrap();
    assert!(err.contains("error[cannot-write]"), "{err}");
}
