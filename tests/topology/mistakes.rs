//! Files with more mistakes, or longer ones, than anyone can read.

use netyard::report::Look;
use netyard::topology::{ParseError, parse};
use rustix::time::{ClockId, clock_gettime};

const STYLED: Look = Look {
    styled: true,
    width: None,
};

fn wrong(text: &str) -> ParseError {
    parse(text).expect_err("the file is wrong")
}

/// What this thread spent, whatever else the machine does: the least of a few times, for
/// caches are shared.
fn spent<T>(work: impl Fn() -> T) -> (T, f64) {
    let now = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
    };
    let once = || {
        let before = now();
        let done = work();
        (done, now() - before)
    };
    let rest = (0..2).map(|_| once());
    rest.fold(
        once(),
        |best, next| if next.1 < best.1 { next } else { best },
    )
}

/// Of this many mistakes all are told apart, a few are drawn, and it costs no more than
/// a few times what it costs to read as large a file without any.
#[test]
fn thousands_of_mistakes_cost_what_a_large_file_costs() {
    const COUNT: usize = 3000;
    let each = |entry: fn(usize) -> String| (0..COUNT).map(entry).collect::<String>();
    let right = each(|i| format!("  n{i}: {{ forward: true, routes: [], interfaces: {{}} }}\n"));
    let right = format!("lab: a\nnamespaces:\n{right}");
    let (parsed, fair) = spent(|| parse(&right));
    assert!(parsed.is_ok());
    let keys = each(|i| format!("  n{i}: {{ interface: 1 }}\n"));
    let one_line = each(|i| format!("\"n{i}\": {{ \"foo\": 1 }}, "));
    let listed = each(|_| "{ from: 1 }, ".to_owned());
    let twice = "  n: {}\n".repeat(COUNT + 1);
    let named = each(|i| format!("  n{i}: {{}}\n"));
    let unknown = each(|i| format!("  - {{ from: m{i}, to: 10.0.0.1 }}\n"));
    let ends = each(|i| format!("  - endpoints: ['host:h{i}', 'x{i}:e']\n"));
    let routes = each(|i| format!("    - {{ to: default, via: 10.9.0.1, metric: {i} }}\n"));
    let files = [
        format!("lab: a\nnamespaces:\n{keys}"),
        format!("{{ lab: a, namespaces: {{ {one_line} }} }}"),
        format!("{{ lab: a, expect: [ {listed} ] }}"),
        format!("lab: a\nnamespaces:\n{twice}"),
        format!("lab: a\nnamespaces:\n{named}\nexpect:\n{unknown}"),
        format!("lab: a\nlinks:\n{ends}"),
        format!("lab: a\nnamespaces:\n  n:\n    routes:\n{routes}"),
    ];
    for file in files {
        let ((error, drawn), took) = spent(|| {
            let error = wrong(&file);
            let drawn = error.render("lab.yaml", Look::default());
            (error, drawn)
        });
        let start = file.chars().take(60).collect::<String>();
        assert_eq!(error.problems().len(), COUNT, "{start}");
        let more = COUNT - 20;
        assert!(drawn.ends_with(&format!("\n\nand {more} more")), "{start}");
        assert!(drawn.len() < 12_000, "{start}: {} bytes", drawn.len());
        println!("{:.1} times {fair:.3} s: {start:?}", took / fair);
        assert!(took < 6.0 * fair, "{start}: {took} s, against {fair} s");
    }
}

#[test]
fn a_picture_shows_what_is_near_the_mistake() {
    let (many, spaces) = ("ß".repeat(100_000), " ".repeat(100_000));
    let lines = "x\n    ".repeat(10_000);
    for (file, wrong_from) in [
        (format!("lab: {many}\n"), "ß"),
        (format!("lab: {many}\r\n"), "ß"),
        (format!("lab: '{many}'\r\n"), "'"),
        (
            format!("lab: a # {many}\nnetworks: {{ n: {{ foo: 1, subnets: [] }} }} # {many}"),
            "foo",
        ),
        (
            format!("lab: a\nnetworks: {{ n: {{ subnets: [{spaces}10.0.0.1/24{spaces}] }} }}"),
            "10",
        ),
        (
            format!("lab: a\nnetworks: {{ n: {{ subnets: ['{lines}'] }} }}"),
            "'",
        ),
    ] {
        let error = wrong(&file);
        let [problem] = error.problems() else {
            panic!("{error}");
        };
        let line = file.lines().nth(problem.line - 1).expect("a line");
        let (before, _) = line.split_once(wrong_from).expect("the mistake");
        assert_eq!(problem.column, before.chars().count() + 1);
        assert!(problem.message.len() < 600);
        let drawn = error.render("lab.yaml", Look::default());
        assert!(drawn.len() < 2000, "{drawn}");
        let place = format!("lab.yaml:{}:{}\n", problem.line, problem.column);
        assert!(drawn.contains(&place), "{drawn}");
        assert!(error.render("lab.yaml", STYLED).contains(place.trim_end()));
        let mark = drawn.lines().find(|line| line.contains('^'));
        assert!(mark.is_some_and(|mark| mark.len() < 200), "{drawn}");
    }
}
