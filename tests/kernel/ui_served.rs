//! `ui`: the namespace of a process, why there is nothing to be shown, and how many are served.

use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::sandbox::{sh, until};
use crate::ui::{Ui, names, three};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("ui::a process's namespace, and what happens in it", process),
        test("ui::why there is nothing to be shown", unshown),
        test("ui::so many at once, and none that says nothing", crowd),
    ]
}

fn process() {
    let mut child = std::process::Command::new("unshare")
        .args(["--net", "sleep", "60"])
        .spawn()
        .expect("unshare");
    let named = format!("/proc/{}/comm", child.id());
    until("it has a namespace of its own", || {
        std::fs::read_to_string(&named).is_ok_and(|comm| comm == "sleep\n")
    });
    sh("ip netns add other");
    let pid = child.id();
    let ui = Ui::start(&[&format!("pid:{pid}")]);
    let mut page = ui.events();
    let (map, _) = page.until("map", |_| true);
    assert_eq!(names(&map), [format!("sleep:{pid}")]);
    sh("ip -n other link set lo up");
    sh(&format!("nsenter -t {pid} -n ip link set lo up"));
    let (said, _) = page.until("event", |event| event["what"] != "lost");
    assert_eq!(
        (&said["netns"], &said["what"]),
        (&format!("sleep:{pid}").into(), &"link".into())
    );
    child.kill().expect("it ends");
    child.wait().expect("it has ended");
    let (map, _) = page.until("map", |map| map["gone"] == true);
    assert_eq!(map["why"], "is not there any more");
}

fn unshown() {
    three();
    let ui = Ui::start(&["lab:three"]);
    let mut page = ui.events();
    page.until("map", |map| map["gone"] == false);
    // It is there all the same.
    std::fs::write("/run/netyard/netyard.db", "no journal").expect("a file");
    let (map, _) = page.until("map", |map| map["gone"] == true);
    let why = map["why"].as_str().expect("a reason");
    assert!(why.starts_with("cannot be shown now: "), "{why}");
    assert!(why.contains("labs are not known: "), "{why}");
}

/// As many as are served at once.
const MOST: usize = 128;

fn crowd() {
    let ui = Ui::start(&[]);
    let begun = format!("GET /?token={} HTTP/1.1\r\n", ui.token);
    let mut all: Vec<TcpStream> = (0..MOST).map(|_| ui.send(&begun)).collect();
    assert_eq!(ui.get("/").0, 503);
    all.truncate(MOST - 1);
    until("there is room for one", || ui.get("/").0 == 200);
    let mut page = ui.events();
    let at = |counted: &Value| counted["at"].as_f64().expect("a time");
    let first = at(&page.until("counters", |_| true).0);
    // Who does not end its request is let go.
    let limit = Some(Duration::from_secs(20));
    for stream in &mut all {
        stream.set_read_timeout(limit).expect("a limit");
        let end = stream.read_to_end(&mut Vec::new());
        let reset = |e: &std::io::Error| e.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(
            end.as_ref().is_ok_and(|read| *read == 0) || end.as_ref().is_err_and(reset),
            "{end:?}"
        );
    }
    // A page is not: it has sent its request.
    page.until("counters", |counted| at(counted) > first + 10.5);
    assert_eq!(ui.get("/").0, 200);
}
