//! The schema, the reader and `docs/topology.md` know the same keys, types and
//! defaults; every valid file of the repository fits the schema, and those with a
//! wrong key or type do not.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod validator;

use std::fs;
use std::path::{Path, PathBuf};

use netyard::report::codes;
use netyard::topology::{ParseError, parse, schema};
use serde_json::Value;
use validator::faults;

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// All files below a folder with this ending.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        match path.is_dir() {
            true => open.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            ),
            false if path.to_string_lossy().ends_with(ending) => found.push(path),
            false => {}
        }
    }
    found
}

/// The text as an editor's YAML reader hands it to a schema.
fn as_json(text: &str) -> Option<Value> {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).ok()
}

/// Each mapping of the schema: its name, and its keys with their schemas.
fn mappings() -> Vec<(String, Vec<(String, Value)>)> {
    let schema = schema();
    let keys = |part: &Value| {
        let properties = part["properties"].as_object().unwrap().iter();
        properties
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    let mut all = vec![("topology".to_owned(), keys(&schema))];
    for (name, part) in schema["$defs"].as_object().unwrap() {
        all.push((name.clone(), keys(part)));
    }
    all
}

/// A file in which this mapping is `BODY`.
fn file_with(mapping: &str, body: &str) -> String {
    match mapping {
        "topology" => body.to_owned(),
        "network" => format!("lab: x\nnetworks: {{ n: {body} }}\n"),
        "namespace" => format!("lab: x\nnamespaces: {{ n: {body} }}\n"),
        "interface" => format!("lab: x\nnamespaces: {{ n: {{ interfaces: {{ e: {body} }} }} }}\n"),
        "rate" | "netem" => format!(
            "lab: x\nnamespaces: {{ n: {{ interfaces: {{ e: {{ {mapping}: {body} }} }} }} }}\n"
        ),
        "conditions" => {
            format!("lab: x\nlinks: [ {{ endpoints: ['a:e', 'b:e'], netem: {body} }} ]\n")
        }
        "wireguard_peer" => format!(
            "lab: x\nnamespaces: {{ n: {{ interfaces: {{ e: {{ wireguard: {{ private-key: k, peers: [ {body} ] }} }} }} }} }}\n"
        ),
        "macvlan" | "ipvlan" | "vlan" | "wireguard" => format!(
            "lab: x\nnamespaces: {{ n: {{ interfaces: {{ e: {{ {mapping}: {body} }} }} }} }}\n"
        ),
        "publish" => format!("lab: x\nnamespaces: {{ n: {{ publish: [ {body} ] }} }}\n"),
        "program" => format!("lab: x\nnamespaces: {{ n: {{ run: {{ p: {body} }} }} }}\n"),
        "ready" => format!(
            "lab: x\nnamespaces: {{ n: {{ run: {{ p: {{ command: x, ready: {body} }} }} }} }}\n"
        ),
        "nat" => format!("lab: x\nnamespaces: {{ n: {{ nat: {body} }} }}\n"),
        "route" => format!("lab: x\nnamespaces: {{ n: {{ routes: [ {body} ] }} }}\n"),
        "link" => format!("lab: x\nlinks: [ {body} ]\n"),
        "permission" => format!("lab: x\nallow: [ {body} ]\n"),
        "egress" | "ingress" => {
            format!("lab: x\nnamespaces: {{ n: {{ {mapping}: [ {body} ] }} }}\n")
        }
        "expectation" => format!("lab: x\nexpect: [ {body} ]\n"),
        other => panic!("where does a `{other}` stand?"),
    }
}

fn problems(mapping: &str, body: &str) -> ParseError {
    let text = file_with(mapping, body);
    parse(&text).expect_err(&text)
}

#[test]
fn every_valid_file_fits() {
    let schema = schema();
    let mut valid = files("examples", ".yaml");
    valid.extend(files("tests/plan", "topology.yaml"));
    assert!(valid.len() > 40, "{}", valid.len());
    for path in valid {
        let text = read(&path);
        assert!(parse(&text).is_ok(), "{}", path.display());
        let faults = faults(&schema, &as_json(&text).unwrap());
        assert!(
            faults.is_empty(),
            "{}:\n{}",
            path.display(),
            faults.join("\n")
        );
    }
}

#[test]
fn a_name_may_look_like_a_number() {
    let text = "lab: 7\nnamespaces: { 1: {} }\nexpect: [{ from: 1, to: 10.0.0.1 }]\n";
    assert_eq!(parse(text).unwrap().lab.as_str(), "7");
    assert_eq!(faults(&schema(), &as_json(text).unwrap()), [""; 0]);
}

#[test]
fn a_wrong_key_or_type_does_not_fit() {
    let structural = [
        codes::UNKNOWN_KEY,
        codes::MISSING_KEY,
        codes::WRONG_TYPE,
        codes::BAD_NAME,
        codes::BAD_ENDPOINT,
        codes::BAD_NUMBER,
        codes::NOT_TWO_ENDS,
    ];
    let schema = schema();
    let mut judged = 0;
    for path in files("tests/parse/invalid", ".yaml") {
        let text = read(&path);
        let error = parse(&text).unwrap_err();
        let wrong = error
            .problems()
            .iter()
            .any(|p| structural.contains(&p.code));
        // What the reader refuses for its keys, JSON may not even be able to say.
        if let Some(value) = wrong.then(|| as_json(&text)).flatten() {
            assert!(!faults(&schema, &value).is_empty(), "{}", path.display());
            judged += 1;
        }
    }
    assert!(judged > 20, "{judged}");
}

#[test]
fn the_reader_has_the_keys_of_the_schema() {
    for (mapping, keys) in mappings() {
        let error = problems(&mapping, "{ zzzzzzzzzzzz: 1 }");
        let unknown = error
            .problems()
            .iter()
            .find(|p| p.code == codes::UNKNOWN_KEY);
        let hint = unknown.unwrap().hint.clone().unwrap();
        let mut told: Vec<&str> = hint.split('`').skip(1).step_by(2).collect();
        told.sort_unstable();
        let named: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(told, named, "{mapping}");
    }
}

#[test]
fn the_reader_reads_every_key() {
    for (mapping, keys) in mappings() {
        for (key, schema) in keys {
            // Of no type that any key has, and each key told apart by it.
            let body = format!("{{ {key}: [[{key}]] }}");
            let error = problems(&mapping, &body);
            let wrong = error
                .problems()
                .iter()
                .find(|p| p.code == codes::WRONG_TYPE);
            assert!(wrong.is_some(), "{mapping} ignores `{key}`");
            let value = as_json(&file_with(&mapping, &body)).unwrap();
            let faults = faults(&netyard::topology::schema(), &value);
            assert!(
                faults.iter().any(|fault| fault.contains(&key)),
                "{mapping}: {key}"
            );
            assert!(schema["description"].is_string() && schema["title"].is_string());
        }
    }
}

#[test]
fn what_is_required_is_required_by_both() {
    let schema = schema();
    for (mapping, keys) in mappings() {
        let part = match mapping.as_str() {
            "topology" => &schema,
            name => &schema["$defs"][name],
        };
        let required = part.get("required").and_then(Value::as_array);
        let mut required: Vec<String> = required
            .into_iter()
            .flatten()
            .map(|key| format!("`{}`", key.as_str().unwrap()))
            .collect();
        required.sort();
        // One wrong key, so that there is an error in any case.
        let error = problems(&mapping, "{ zzzzzzzzzzzz: 1 }");
        let missing = error
            .problems()
            .iter()
            .filter(|p| p.code == codes::MISSING_KEY);
        let mut missing: Vec<String> = missing
            .map(|p| p.message.split("the key ").nth(1).unwrap().to_owned())
            .collect();
        missing.sort();
        assert_eq!(missing, required, "{mapping} of {keys:?}");
    }
}

#[test]
fn defaults_are_what_the_reader_takes() {
    let file = |network: &str, namespace: &str, interface: &str, expectation: &str| {
        parse(&format!(
            "lab: x\nnetworks: {{ n: {{ subnets: 10.0.0.0/24{network} }} }}\n\
             namespaces: {{ a: {{ interfaces: {{ e: {{ network: n{interface} }} }}{namespace} }} }}\n\
             expect: [{{ from: a, to: a{expectation} }}]\n"
        ))
        .unwrap()
    };
    let without = file("", "", "", "");
    let program = |said: &str| format!(", run: {{ p: {{ command: x{said} }} }}");
    let text = |said: &str| format!("lab: x\nnamespaces: {{ a: {{}} }}\n{said}\n");
    let mut flags = 0;
    for (mapping, keys) in mappings() {
        for (key, schema) in keys {
            let Some(default) = schema["default"].as_bool() else {
                continue;
            };
            flags += 1;
            for flag in [default, !default] {
                let said = format!(", {key}: {flag}");
                let with = match mapping.as_str() {
                    "network" => file(&said, "", "", ""),
                    "namespace" => file("", &said, "", ""),
                    "interface" => file("", "", &said, ""),
                    "expectation" => file("", "", "", &said),
                    "program" => file("", &program(&said), "", ""),
                    "topology" => parse(&text(&said[2..])).unwrap(),
                    other => panic!("a flag of {other}"),
                };
                let without = match mapping.as_str() {
                    "program" => file("", &program(""), "", ""),
                    "topology" => parse(&text("")).unwrap(),
                    _ => without.clone(),
                };
                assert_eq!(with == without, flag == default, "{mapping}: {key}");
            }
        }
    }
    assert_eq!(flags, 13);
}

/// Each key has a line in a table: its type and its default.
#[test]
fn the_documentation_has_the_same_tables() {
    let text = read("docs/topology.md");
    let schema = schema();
    let mut missing = Vec::new();
    for (mapping, keys) in mappings() {
        let required = match mapping.as_str() {
            "topology" => &schema["required"],
            name => &schema["$defs"][name]["required"],
        };
        for (key, of_key) in keys {
            let is_required = required
                .as_array()
                .is_some_and(|r| r.contains(&Value::from(key.as_str())));
            let row = format!(
                "| {} | {} |",
                of_key["title"].as_str().unwrap(),
                default(&of_key, is_required)
            );
            let plain = format!("| `{key}` {row}");
            let linked = format!("| [`{key}`](#{key}) {row}");
            if !text.contains(&plain) && !text.contains(&linked) {
                missing.push(format!("{mapping}: {plain}"));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "docs/topology.md lacks\n{}",
        missing.join("\n")
    );
}

fn default(of_key: &Value, required: bool) -> String {
    let description = of_key["description"].as_str().unwrap();
    match (
        required,
        &of_key["default"],
        description.split_once(" Default: "),
    ) {
        (true, ..) => "required".to_owned(),
        (_, Value::Bool(flag), _) => format!("`{flag}`"),
        (_, _, Some((_, words))) => words.trim_end_matches('.').to_owned(),
        _ => panic!("no default: {description}"),
    }
}

/// Messages that the page quotes are those that the golden files show.
#[test]
fn quoted_messages_are_said() {
    let golden = files("tests/parse/invalid", ".txt").into_iter().map(read);
    let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = words(golden.collect());
    let text = read("docs/topology.md");
    let quoted = text.lines().filter_map(|line| line.strip_prefix("> "));
    let mut quotes = 0;
    for quote in quoted.flat_map(|line| line.split(" — ")) {
        let quote = quote.strip_prefix("help: ").unwrap_or(quote);
        let bare = quote.trim_end_matches('\\');
        let bare = bare
            .strip_prefix("`` ")
            .and_then(|rest| rest.strip_suffix(" ``"));
        let bare = bare.unwrap_or_else(|| quote.trim_matches('`'));
        assert!(said.contains(bare), "no golden text says {bare}");
        quotes += 1;
    }
    assert!(quotes > 20, "{quotes}");
}
