//! `ui`: who is let in, what the stream tells, what is asked for of a namespace.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::matrix::within;
use crate::sandbox::{example, netyard, ok, outcome, pings, sh, until};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test(
            "ui::only who knows the token, at this address, gets anything",
            door,
        ),
        test("ui::it listens on the loopback alone", loopback),
        test(
            "ui::the map, a link that goes down, what comes and goes",
            stream,
        ),
        test("ui::what links carry", carried),
        test("ui::a lab alone, until it is down", lab),
        test("ui::a namespace at length", namespace),
        test("ui::what cannot be shown or served is told", refused),
    ]
}

/// `netyard ui` that serves.
pub(crate) struct Ui {
    child: Child,
    /// Held open: who prints to nobody ends.
    _out: BufReader<ChildStdout>,
    pub(crate) url: String,
    port: u16,
    pub(crate) token: String,
}

impl Ui {
    #[track_caller]
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = netyard(&[&["ui"], arguments].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("netyard starts");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        let url = line.trim_end().to_owned();
        let rest = url.strip_prefix("http://127.0.0.1:").expect("an address");
        let (port, token) = rest.split_once("/?token=").expect("a token");
        assert!(token.len() == 32 && token.bytes().all(|b| b.is_ascii_hexdigit()));
        Ui {
            port: port.parse().expect("a port"),
            token: token.to_owned(),
            child,
            _out: out,
            url,
        }
    }

    /// Sends a request as it is.
    pub(crate) fn send(&self, request: &str) -> TcpStream {
        let at = SocketAddr::from(([127, 0, 0, 1], self.port));
        let mut stream = TcpStream::connect(at).expect("it listens");
        let limit = Some(Duration::from_secs(10));
        stream.set_read_timeout(limit).expect("a limit");
        stream.write_all(request.as_bytes()).expect("sent");
        stream
    }

    /// The status, head and body that a request is answered with.
    fn ask(&self, method: &str, path: &str, hosts: &[&str]) -> (u16, String, String) {
        let hosts: String = hosts
            .iter()
            .map(|host| format!("Host: {host}\r\n"))
            .collect();
        let request = format!("{method} {path} HTTP/1.0\r\n{hosts}\r\n");
        let mut text = String::new();
        self.send(&request).read_to_string(&mut text).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        (status.expect("a status"), head.to_owned(), body.to_owned())
    }

    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String, String) {
        let with = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{with}token={}", self.token);
        self.ask("GET", &path, &[&self.host()])
    }

    pub(crate) fn events(&self) -> Events {
        let (token, host) = (&self.token, self.host());
        let request = format!("GET /events?token={token} HTTP/1.0\r\nHost: {host}\r\n\r\n");
        let mut lines = BufReader::new(self.send(&request));
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            lines.read_line(&mut line).expect("a head");
        }
        Events(lines)
    }

    /// Ctrl-C, after which it must end well.
    pub(crate) fn interrupt(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("it runs");
        assert_eq!(self.child.wait().expect("its end").code(), Some(0));
    }
}

impl Drop for Ui {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The stream of a page.
pub(crate) struct Events(BufReader<TcpStream>);

impl Events {
    fn next(&mut self) -> (String, Value) {
        let (mut kind, mut data) = (String::new(), Value::Null);
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("a line in ten seconds");
            match line.trim_end().split_once(": ") {
                Some(("event", word)) => kind = word.to_owned(),
                Some((_, json)) => data = serde_json::from_str(json).expect("JSON"),
                None => return (kind, data),
            }
        }
    }

    /// The next message of this kind for which something is so, and how long it took.
    #[track_caller]
    pub(crate) fn until(
        &mut self,
        kind: &str,
        mut is_so: impl FnMut(&Value) -> bool,
    ) -> (Value, Duration) {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(10) {
            let (of, data) = self.next();
            if of == kind && is_so(&data) {
                return (data, began.elapsed());
            }
        }
        panic!("no such {kind} in ten seconds");
    }
}

pub(crate) fn names(map: &Value) -> Vec<&str> {
    let all = map["namespaces"].as_array().expect("a list");
    all.iter()
        .filter_map(|space| space["name"].as_str())
        .collect()
}

/// The device of a map, as it is told.
fn device<'m>(map: &'m Value, netns: &str, dev: &str) -> Option<&'m Value> {
    let all = map["namespaces"].as_array().expect("a list");
    let space = all.iter().find(|space| space["name"] == netns)?;
    let devices = space["devices"].as_array().expect("a list");
    devices.iter().find(|device| device["name"] == dev)
}

fn number(map: &Value, netns: &str) -> u64 {
    let all = map["namespaces"].as_array().expect("a list");
    let space = all.iter().find(|space| space["name"] == netns);
    space
        .and_then(|space| space["netns"].as_u64())
        .expect("a number")
}

pub(crate) fn three() {
    sh("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
    ok(&["up", &example("three.yaml")]);
}

fn door() {
    let ui = Ui::start(&[]);
    let (status, head, body) = ui.get("/");
    assert_eq!(status, 200, "{head}");
    assert!(body.starts_with("<!DOCTYPE html>") && !body.contains("{nonce}"));
    let head = head.to_lowercase();
    for wanted in [
        "content-security-policy: default-src 'none'; script-src 'nonce-",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cache-control: no-store",
    ] {
        assert!(head.contains(wanted), "{wanted}: {head}");
    }
    assert!(!head.contains("access-control"), "{head}");
    // Nothing is loaded from anywhere.
    assert!(
        !body.contains("https://") && !body.contains("src="),
        "{body}"
    );
    let own = ui.host();
    let with = |token: &str| format!("/?token={token}");
    let (right, cut) = (with(&ui.token), with(&ui.token[1..]));
    let wrong = with(&format!("{:x}", u128::MAX));
    let localhost = format!("localhost:{}", ui.port);
    assert_eq!(ui.ask("GET", &right, &[&localhost]).0, 200);
    let elsewhere = format!("evil.example:{}", ui.port);
    let refused: [(&str, &str, &[&str]); 11] = [
        ("GET", &wrong, &[&own]),
        ("GET", &cut, &[&own]),
        ("GET", "/?token=", &[&own]),
        ("GET", "/", &[&own]),
        ("GET", "/events", &[&own]),
        ("GET", "/nothing", &[&own]),
        ("GET", &right, &[&elsewhere]),
        ("GET", &right, &["127.0.0.1"]),
        ("GET", &right, &[]),
        ("GET", &right, &[&own, &elsewhere]),
        ("POST", "/", &[&own]),
    ];
    for (method, path, hosts) in refused {
        let (status, head, body) = ui.ask(method, path, hosts);
        assert_eq!(
            (status, body.as_str()),
            (403, ""),
            "{method} {path} {hosts:?} {head}"
        );
    }
    for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"] {
        let (status, _, body) = ui.ask(method, &right, &[&own]);
        assert_eq!((status, body.as_str()), (405, ""), "{method}");
    }
    assert_eq!(ui.get("/nothing").0, 404);
    assert_eq!(ui.get("/namespace?netns=1").0, 404);
    ui.interrupt();
}

fn loopback() {
    let ui = Ui::start(&[]);
    let listening = sh("ss -Hltn");
    let own = format!("127.0.0.1:{}", ui.port);
    assert!(
        listening.lines().all(|line| line.contains(&own)),
        "{listening}"
    );
    assert_eq!(listening.lines().count(), 1, "{listening}");
}

fn stream() {
    three();
    let before = snapshot::host();
    let ui = Ui::start(&[]);
    let mut page = ui.events();
    let (map, took) = page.until("map", |_| true);
    assert!(took < Duration::from_secs(1), "{took:?}");
    // What other tests have is seen too.
    assert!(names(&map).contains(&"host"));
    let svg = map["svg"].as_str().expect("a picture");
    for name in ["one", "two", "three"] {
        let room = format!("data-netns=\"{}\"", number(&map, name));
        assert!(svg.contains(&room), "{room} in {svg}");
    }
    sh("ip -n three link set veth-three-in down");
    let is_down = |map: &Value| {
        device(map, "three", "veth-three-in").is_some_and(|one| one["state"] == "down")
    };
    let (map, took) = page.until("map", is_down);
    assert!(took < Duration::from_secs(1), "{took:?}");
    let svg = map["svg"].as_str().expect("a picture");
    let link = device(&map, "three", "veth-three-in").expect("it is there")["dev"].clone();
    let red = format!(
        "<path class=\"down\" data-link=\"{}:{link}\"",
        number(&map, "three")
    );
    assert!(svg.contains(&red), "{red} in {svg}");
    sh("ip netns add four");
    let (said, _) = page.until("event", |event| event["netns"] == "four");
    assert_eq!(said["what"], "namespace");
    assert_eq!(said["good"], true);
    page.until("map", |map| names(map).contains(&"four"));
    sh("ip netns del four");
    page.until("map", |map| !names(map).contains(&"four"));
    sh("ip -n three link set veth-three-in up; ip -n three route add default via 10.0.0.1");
    page.until("map", |map| !is_down(map));
    // A second page has the map at once.
    ui.events().until("map", |_| true);
    ui.interrupt();
    snapshot::assert_same(&before, &snapshot::host(), "after the page");
}

fn carried() {
    three();
    let ui = Ui::start(&[]);
    let mut page = ui.events();
    let (map, _) = page.until("map", |_| true);
    let dev = device(&map, "one", "veth-one-in").expect("it is there")["dev"].clone();
    let key = format!("{}:{dev}", number(&map, "one"));
    let sent = |counted: &Value| -> u64 {
        let all = counted["devices"].as_array().expect("a list");
        let own = all
            .iter()
            .find(|device| device[0] == *key)
            .expect("it is there");
        own[1][1].as_u64().expect("a number")
    };
    let (first, _) = page.until("counters", |_| true);
    assert!(pings("one", "10.0.0.20"));
    let (later, took) = page.until("counters", |now| sent(now) >= sent(&first) + 98);
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(later["at"].as_f64() > first["at"].as_f64());
}

fn lab() {
    three();
    sh("ip netns add other");
    let ui = Ui::start(&["lab:three"]);
    let mut page = ui.events();
    let (map, _) = page.until("map", |_| true);
    assert_eq!(names(&map), ["host", "one", "three", "two"]);
    assert_eq!(map["title"], "lab:three");
    assert!(!map["svg"].to_string().contains("class=\\\"down"), "{map}");
    sh("ip -n other link set lo up; ip -n one link set lo down");
    // Other tests may make it lose something.
    let (said, _) = page.until("event", |event| event["what"] != "lost");
    assert_eq!(
        (&said["netns"], &said["what"]),
        (&"one".into(), &"link".into())
    );
    ok(&["down", "three"]);
    let (map, _) = page.until("map", |map| map["gone"] == true);
    assert_eq!(names(&map), [""; 0]);
    ui.interrupt();
}

fn namespace() {
    three();
    assert!(pings("one", "10.0.0.20"));
    let server = within("one", || TcpListener::bind("10.0.0.10:8080")).expect("a free port");
    let ui = Ui::start(&[]);
    let (map, _) = ui.events().until("map", |_| true);
    let path = format!("/namespace?netns={}", number(&map, "one"));
    let (status, head, body) = ui.get(&path);
    assert_eq!(status, 200, "{head}");
    let one: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(
        (&one["name"], &one["lab"]),
        (&"one".into(), &"three".into())
    );
    assert_eq!(one["devices"][1]["addresses"][0], "10.0.0.10/24");
    assert_eq!(one["routes"][0], "default via 10.0.0.1 dev veth-one-in");
    assert_eq!(one["neighbours"][0]["address"], "10.0.0.20");
    assert_eq!(one["listening"][0]["at"], "10.0.0.10:8080");
    assert_eq!(one["listening"][0]["process"]["pid"], std::process::id());
    drop(server);
    // Another test's program may have it for the moment before it is run.
    until("the socket goes", || {
        let again: Value = serde_json::from_str(&ui.get(&path).2).expect("JSON");
        again["listening"] == Value::Array(Vec::new())
    });
}

fn refused() {
    let said = outcome(&["ui", "nobody"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(
        said.err.contains("error[no-such-namespace]"),
        "{}",
        said.err
    );
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let said = outcome(&["ui", "--json", "--port", &port]);
    let error: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(
        (said.code, &error["error"]["code"]),
        (Some(1), &"cannot-listen".into())
    );
}
