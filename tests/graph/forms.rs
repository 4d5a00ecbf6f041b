//! What holds for every form: names as they are, in whatever letters; and no long wait.

use std::io::Write;
use std::process::{Command, Stdio};

use netyard::graph;
use netyard::state::survey::Survey;

use crate::made::Made;
use crate::sample;

/// Whether Graphviz takes it; `None`: there is none here.
fn graphviz(text: &str) -> Option<bool> {
    let mut dot = Command::new("dot")
        .arg("-Tsvg")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .ok()?;
    dot.stdin.take()?.write_all(text.as_bytes()).unwrap();
    Some(dot.wait().unwrap().success())
}

/// Names that mean something in the languages that they are written in.
fn hostile() -> Survey {
    let mut made = Made::new();
    let switch = made.add(0, "br\"<&'>", "bridge", &["10.0.0.1/24"]);
    for (n, name) in [
        "\"];end",
        "<script>",
        "a&b;#x",
        "\\N\\",
        "`*_|{}",
        "%%{init}%%",
        "漢字ß",
        "]]>--!>",
        "\u{7}\n\t",
    ]
    .into_iter()
    .enumerate()
    {
        let room = made.room(&format!("{name}{name}"));
        made.plug(
            (room, &format!("{name}{n}")),
            &["10.0.0.2/24"],
            &format!("{n}{name}"),
            switch,
        );
    }
    made.0
}

#[test]
fn graphviz_takes_them() {
    for survey in [
        hostile(),
        sample::everything(),
        sample::tree(),
        sample::example("policy"),
    ] {
        let Some(taken) = graphviz(&graph::dot(&survey, "a \"title\" \\")) else {
            return;
        };
        assert!(taken);
    }
}

/// Of each line what is between the language's quotes has none of its letters.
#[test]
fn mermaid_has_only_harmless_letters_in_its_texts() {
    let drawn = graph::mermaid(&hostile(), "a \"title\" %%");
    for line in drawn.lines() {
        let inner = line
            .split_once('"')
            .and_then(|(_, rest)| rest.rsplit_once('"'));
        let inner = inner.map_or("", |(inner, _)| inner).replace("<br/>", "");
        let odd = |c: char| !(c.is_alphanumeric() || " -.,:/()#;".contains(c));
        assert!(!inner.contains(odd), "{line}");
    }
}

#[test]
fn text_fits_the_terminal() {
    for survey in [
        sample::everything(),
        sample::tree(),
        sample::example("dual-stack"),
        sample::alike(300),
    ] {
        for width in [60, 80, 120] {
            let drawn = graph::text(&survey, width);
            let long = drawn.lines().find(|line| line.chars().count() > width);
            assert_eq!(long, None);
        }
    }
}

/// The pages ask for nothing from anywhere.
#[test]
fn nothing_is_loaded() {
    let drawn = graph::html(&sample::everything(), "host");
    assert_eq!(drawn.matches("http").count(), 1, "the name space of SVG");
    for asks in ["src=", "href=", "@import", "url("] {
        assert!(!drawn.contains(asks), "{asks}");
    }
}

#[test]
fn a_thousand_namespaces_that_are_alike_are_one() {
    let drawn = graph::svg(&sample::alike(1000), "host");
    assert!(drawn.contains("1000 namespaces"));
    let few = graph::svg(&sample::alike(300), "host");
    let boxes = |drawn: &str| drawn.matches("<rect").count();
    assert_eq!(boxes(&drawn), boxes(&few));
}
