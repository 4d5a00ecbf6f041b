//! What holds for every form: names as they are, in whatever letters; and no long wait.

use std::io::Write;
use std::process::{Command, Stdio};

use netyard::graph;
use netyard::state::survey::{Far, Survey};

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

/// A host as an ordinary user sees it.
fn of_a_user() -> Survey {
    let mut made = Made::new();
    let switch = made.add(0, "br0", "bridge", &["10.0.0.1/24"]);
    for (name, number) in [("p1", Some(1)), ("p2", Some(2)), ("q2", Some(2))] {
        let port = made.add(0, name, "veth", &[]);
        made.port(port, switch);
        made.get(port).far = Some(Far::Unseen(number));
    }
    let uplink = made.add(0, "uplink", "veth", &["192.0.2.1/24"]);
    made.get(uplink).far = Some(Far::Unseen(Some(3)));
    let room = made.room("one");
    made.0.namespaces[room].unread = Some("not looked into: only root may enter it".to_owned());
    made.0.namespaces[room].devices.clear();
    made.0.unseen = vec!["what is in one namespace; root sees all".to_owned()];
    made.0
}

/// Nothing is said to lead outside, or to be plugged into nothing, that was not looked at.
#[test]
fn what_was_not_seen_is_called_so() {
    let survey = of_a_user();
    let text = graph::text(&survey, 80);
    assert_eq!(
        text,
        "\
host
 ├─ br0  10.0.0.1/24  switch
 │   ├─ not seen  port p1
 │   ├─ not seen  port p2
 │   └─ not seen  port q2
 └─ uplink  192.0.2.1/24  ── not seen
one  not looked into
not shown: what is in one namespace; root sees all
"
    );
    for drawn in [
        graph::svg(&survey, "host"),
        graph::html(&survey, "host"),
        graph::dot(&survey, "host"),
        graph::mermaid(&survey, "host"),
    ] {
        assert!(
            !drawn.contains(">outside<") && !drawn.contains("outside"),
            "{drawn}"
        );
        for said in ["not seen", "not looked into"] {
            assert!(drawn.contains(said), "{said} in {drawn}");
        }
        let note = drawn.matches("what is in one namespace").count();
        assert_eq!(note, 1, "{drawn}");
    }
    let svg = graph::svg(&survey, "host");
    // Two ends of one namespace, two of others, and the room.
    assert_eq!(svg.matches("class=\"room ghost\"").count(), 4, "{svg}");
    assert!(!svg.contains("class=\"room\""), "{svg}");
}

/// Columns stay below each other where a line is long, and nothing is told twice.
#[test]
fn rows_stay_aligned() {
    let mut made = Made::new();
    let switch = made.add(0, "br0", "bridge", &[]);
    for (name, addresses) in [
        ("one", &["10.0.0.10/24"][..]),
        ("two", &["10.0.0.20/24"]),
        ("many", &["2001:db8:1:2:3:4:5:6/64", "10.0.0.30/24"]),
    ] {
        let (room, dev) = (made.room(name), format!("veth-{name}-in"));
        let port = made.plug((room, &dev), addresses, &format!("{name}-{dev}"), switch);
        if name == "two" {
            made.down((room, 1), false);
            made.down(port, true);
        }
    }
    let va = made.cable((0, "va", &[]), (0, "vb", &[]));
    made.port(va[1], switch);
    made.down(va[0], false);
    made.down(va[1], true);
    assert_eq!(
        graph::text(&made.0, 72),
        "\
host
 ├─ br0  switch
 │   ├─ many  veth-many-in  2001:db8:1:2:3:4:5:6/64 10.0.0.30/24
 │   │    port many-veth-many-in
 │   ├─ one   veth-one-in   10.0.0.10/24        port one-veth-one-in
 │   └─ two   veth-two-in   10.0.0.20/24  down
 │        port two-veth-two-in, no carrier
 └─ va  down  ── br0 (vb, no carrier)
"
    );
    let many = graph::text(&sample::alike(150), 80);
    assert_eq!(many.matches("150 namespaces").count(), 1, "{many}");
    assert_eq!(many.lines().count(), 3, "{many}");
}
