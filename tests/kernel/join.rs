//! Namespaces that others made: joined by a path, and left as they were.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::sandbox::{file, ok, outcome, pings, sh, try_sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("join::a process's, by its number", of_a_process),
        test("join::a named one, by its path", named),
        test("join::a second network leaves the first alone", second),
        test("join::a default route when the file asks", default_route),
        test("join::what is in the way is told", in_the_way),
        test("join::what is no namespace is told", no_namespace),
        test("join::two labs in one", two_labs),
        test("join::forwarding and walls are put back", put_back),
        test("join::others' things are no drift", no_drift),
        test("join::cables of a lab's own", cables),
    ]
}

/// A process in a namespace of its own, which ends with this.
pub(crate) struct Guest(Child);

impl Guest {
    pub(crate) fn new() -> Self {
        let mut child = Command::new("unshare")
            .args(["-n", "sh", "-c", "echo there; exec sleep 1000"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        assert_eq!(line, "there\n");
        Guest(child)
    }

    pub(crate) fn path(&self) -> String {
        format!("/proc/{}/ns/net", self.0.id())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A server in there.
fn listen(path: &str, at: &str) -> TcpListener {
    let netns = File::open(path).expect("the namespace");
    let bound = std::thread::scope(|scope| {
        let bind = || {
            move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network))?;
            TcpListener::bind(at)
        };
        scope.spawn(bind).join().expect("no panic")
    });
    bound.expect("a server")
}

/// All of a namespace that a lab could change.
pub(crate) fn inside(path: &str) -> String {
    let seen = sh(&format!(
        "nsenter --net={path} sh -c 'ip -d link; ip address; ip route show table all; \
         ip -6 route show table all; ip rule; nft list ruleset; \
         grep -r . /proc/sys/net/ipv[46]/conf/*/forwarding /proc/sys/net/ipv4/ip_forward'"
    ));
    // On a busy machine the kernel is late with looking for duplicates (RFC 4862, 5.4).
    seen.replace(" tentative", "")
}

pub(crate) fn lab(name: &str, path: &str, keys: &str) -> String {
    lab_on(name, path, ("10.8.0.0/24", "eth0"), keys)
}

pub(crate) fn lab_on(name: &str, path: &str, (subnet, dev): (&str, &str), keys: &str) -> String {
    let text = format!(
        "lab: {name}\nnetworks: {{ lan: {{ bridge: br-{name}, subnets: [{subnet}] }} }}\n\
         namespaces:\n  {path}: {{ interfaces: {{ {dev}: {{ network: lan }} }}{keys} }}\n"
    );
    file(&format!("{name}.yaml"), &text)
}

/// What the lab says of its joined namespace while all is well.
#[track_caller]
pub(crate) fn up_and_well(yaml: &str) {
    ok(&["up", yaml]);
    assert!(ok(&["plan", yaml]).contains("nothing to do"));
    ok(&["status"]);
}

#[track_caller]
pub(crate) fn said(arguments: &[&str]) -> String {
    let outcome = outcome(arguments);
    assert_eq!(outcome.code, Some(1), "{}{}", outcome.out, outcome.err);
    let all = outcome.out + &outcome.err;
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn of_a_process() {
    let guest = Guest::new();
    let path = guest.path();
    let (before, within) = (snapshot::host(), inside(&path));
    let yaml = lab("one", &path, ", publish: [8080:80]");
    up_and_well(&yaml);
    let address = sh(&format!(
        "nsenter --net={path} ip -br address show dev eth0"
    ));
    assert!(address.contains("10.8.0.2/24"), "{address}");
    let route = sh(&format!("nsenter --net={path} ip route show default"));
    assert!(
        route.starts_with("default via 10.8.0.1 dev eth0"),
        "{route}"
    );
    assert!(pings("host", "10.8.0.2"));
    let server = listen(&path, "0.0.0.0:80");
    TcpStream::connect("127.0.0.1:8080").expect("the published port");
    let (_, client) = server.accept().expect("a client");
    assert_eq!(client.ip().to_string(), "10.8.0.1");
    drop(server);
    ok(&["down", "one"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
    // The loopback device stays up: whoever lives there may use it by now.
    sh(&format!("nsenter --net={path} ping -c1 -W1 127.0.0.1"));
    let only_lo = format!("nsenter --net={path} ip -br link | grep -c .");
    assert_eq!(sh(&only_lo), "1\n");
    let settings = |text: &str| text[text.find("/proc/sys").expect("settings")..].to_owned();
    assert_eq!(settings(&within), settings(&inside(&path)));
}

fn named() {
    sh("ip netns add cni-1; ip -n cni-1 link set lo up");
    let path = "/var/run/netns/cni-1";
    let (before, within) = (snapshot::host(), inside(path));
    let yaml = lab("one", path, "");
    up_and_well(&yaml);
    assert!(pings("cni-1", "10.8.0.1"));
    sh("ip -n cni-1 route del default");
    ok(&["repair", "one"]);
    assert!(sh("ip -n cni-1 route").contains("default via 10.8.0.1 dev eth0"));
    assert!(ok(&["list"]).contains(path));
    assert_eq!(
        ok(&["exec", path, "--", "cat", "/sys/class/net/eth0/operstate"]),
        "up\n"
    );
    ok(&["down", "one"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
    assert_eq!(within, inside(path));
}

/// A container with an interface and a way out of somebody else.
fn foreign(name: &str) -> String {
    sh(&format!(
        "ip netns add {name}; ip -n {name} link set lo up; \
         ip -n {name} link add eth0 type veth peer name up0; ip -n {name} link set up0 up; \
         ip -n {name} link set eth0 up; ip -n {name} address add 172.17.0.2/16 dev eth0; \
         ip -n {name} route add default via 172.17.0.1; \
         ip -n {name} route add 192.0.2.0/24 via 172.17.0.9"
    ));
    format!("/run/netns/{name}")
}

fn second() {
    let path = foreign("box");
    let within = inside(&path);
    let yaml = lab_on("one", &path, ("10.8.0.0/24", "eth1"), "");
    up_and_well(&yaml);
    let routes = sh("ip -n box route show default");
    assert_eq!(routes.trim(), "default via 172.17.0.1 dev eth0");
    assert!(pings("box", "10.8.0.1"));
    ok(&["down", "one"]);
    assert_eq!(within, inside(&path));
}

/// Also of an interface that has been there before.
fn default_route() {
    let path = foreign("box");
    sh("ip -n box route del default");
    let within = inside(&path);
    let wanted = lab_on("one", &path, ("10.8.0.0/24", "eth1"), "");
    let text = std::fs::read_to_string(&wanted).expect("the file");
    let not = text.replace("network: lan }", "network: lan, default_route: false }");
    let not = file("not.yaml", &not);
    let routes = || sh("ip -n box route show default").trim().to_owned();
    for _ in 0..2 {
        ok(&["up", "--yes", &not]);
        assert!(ok(&["plan", &not]).contains("nothing to do"));
        assert_eq!(routes(), "");
        up_and_well(&wanted);
        assert_eq!(routes(), "default via 10.8.0.1 dev eth1 proto static");
    }
    // Somebody else's stands when the file begins to ask.
    ok(&["up", "--yes", &not]);
    sh("ip -n box route add default via 172.17.0.1");
    up_and_well(&wanted);
    assert_eq!(routes(), "default via 172.17.0.1 dev eth0");
    sh("ip -n box route del default");
    assert!(ok(&["plan", &wanted]).contains("nothing to do"));
    ok(&["down", "one"]);
    assert_eq!(within, inside(&path));
}

fn in_the_way() {
    let path = foreign("box");
    let (before, within) = (snapshot::host(), inside(&path));
    let device = said(&["up", &lab("one", &path, "")]);
    assert!(
        device.contains("device eth0 exists already in namespace /run/netns/box"),
        "{device}"
    );
    let other = |keys: &str| lab_on("one", &path, ("10.8.0.0/24", "eth1"), keys);
    let default = said(&["up", &other(", routes: [{ to: default, via: 10.8.0.1 }]")]);
    assert!(
        default.contains("namespace /run/netns/box has a route to 0.0.0.0/0 already"),
        "{default}"
    );
    let route = said(&[
        "up",
        &other(", routes: [{ to: 192.0.2.0/24, via: 10.8.0.1 }]"),
    ]);
    assert!(route.contains("192.0.2.0/24 via 172.17.0.9"), "{route}");
    let subnet = said(&["up", &lab_on("one", &path, ("172.17.0.0/16", "eth1"), "")]);
    assert!(
        subnet.contains("overlaps 172.17.0.2/16 of device eth0"),
        "{subnet}"
    );
    snapshot::assert_same(&before, &snapshot::host(), "after refusals");
    assert_eq!(within, inside(&path));
}

fn no_namespace() {
    sh("mkfifo /run/fifo; touch /run/file");
    let before = snapshot::host();
    for (path, why) in [
        ("/proc/1073741824/ns/net", "nothing is there"),
        ("/run/nothing/at/all", "nothing is there"),
        ("/run/fifo", "is no network namespace"),
        ("/run/file", "is no network namespace"),
        ("/proc/self/ns/mnt", "is no network namespace"),
        ("/proc/self/ns/net", "is the host's own"),
    ] {
        for command in ["plan", "up"] {
            let said = said(&[command, &lab("one", path, "")]);
            assert!(said.contains(why) && said.contains(path), "{said}");
        }
    }
    snapshot::assert_same(&before, &snapshot::host(), "after refusals");
    let bad = outcome(&["check", &lab("one", "/run/../x", "")]);
    assert!(
        bad.err.contains("is not the path of a namespace"),
        "{}",
        bad.err
    );
}

fn two_labs() {
    sh("ip netns add box; ip -n box link set lo up");
    let (path, other) = ("/run/netns/box", "/var/run/netns/box");
    let (before, within) = (snapshot::host(), inside(path));
    let one = lab_on("one", path, ("10.8.0.0/24", "eth0"), ", forward: true");
    let two = lab_on("two", other, ("10.9.0.0/24", "eth1"), ", forward: true");
    up_and_well(&one);
    up_and_well(&two);
    assert!(ok(&["plan", &one]).contains("nothing to do"));
    ok(&["status", "one"]);
    assert!(pings("box", "10.8.0.1") && pings("box", "10.9.0.1"));
    let taken = said(&["up", &lab_on("three", path, ("10.7.0.0/24", "eth0"), "")]);
    let holder = "device eth0 exists already in namespace /run/netns/box: it belongs to lab one";
    assert!(taken.contains(holder), "{taken}");
    ok(&["down", "one"]);
    assert_eq!(
        sh("ip netns exec box cat /proc/sys/net/ipv4/ip_forward"),
        "1\n"
    );
    // That nobody has a way out any more changes nothing of the other lab.
    assert!(ok(&["plan", &two]).contains("nothing to do"));
    ok(&["down", "two"]);
    snapshot::assert_same(&before, &snapshot::host(), "after both");
    assert_eq!(within, inside(path));
    let twice = format!("lab: l\nnamespaces: {{ {path}: {{}}, {other}: {{}} }}\n");
    let twice = said(&["up", &file("l.yaml", &twice)]);
    assert!(twice.contains("are one"), "{twice}");
}

fn put_back() {
    let path = foreign("box");
    sh("ip netns exec box sysctl -qw net.ipv4.conf.up0.forwarding=1");
    let within = inside(&path);
    let keys = ", forward: true, egress: [{ to: 10.8.0.0/24 }]";
    let yaml = lab_on("one", &path, ("10.8.0.0/24", "eth1"), keys);
    up_and_well(&yaml);
    assert_eq!(
        sh("ip netns exec box cat /proc/sys/net/ipv4/ip_forward"),
        "1\n"
    );
    assert!(sh("ip netns exec box nft list tables").contains("netyard"));
    // Of the file that asks for neither, neither is left.
    let text = std::fs::read_to_string(&yaml).expect("the file");
    let plain = file("plain.yaml", &text.replace(keys, ""));
    ok(&["up", "--yes", &plain]);
    assert_eq!(
        sh("ip netns exec box cat /proc/sys/net/ipv4/ip_forward"),
        "0\n"
    );
    assert_eq!(sh("ip netns exec box nft list tables"), "");
    up_and_well(&yaml);
    ok(&["down", "one"]);
    assert_eq!(within, inside(&path));
    // A table of that name is another's.
    sh("ip netns exec box nft add table inet netyard");
    let taken = said(&["up", &yaml]);
    assert!(
        taken.contains("nft table `inet netyard` exists already"),
        "{taken}"
    );
}

fn no_drift() {
    let path = foreign("box");
    let yaml = lab_on("one", &path, ("10.8.0.0/24", "eth1"), "");
    ok(&["up", &yaml]);
    sh(
        "ip -n box link add dummy0 type bridge; ip -n box address add 10.99.0.1/24 dev lo; \
         ip -n box route add 198.51.100.0/24 via 172.17.0.7; ip -n box rule add from 10.1.0.0/16 table 7; \
         ip netns exec box sysctl -qw net.ipv4.ip_forward=1; ip netns exec box nft add table inet theirs",
    );
    ok(&["status", "one"]);
    let within = inside(&path);
    ok(&["repair", "one"]);
    ok(&["up", &yaml]);
    assert_eq!(within, inside(&path));
    // What is the lab's is drift.
    sh("ip -n box address del 10.8.0.2/24 dev eth1");
    assert!(try_sh(&format!("{} status one", env!("CARGO_BIN_EXE_netyard"))).code != Some(0));
    ok(&["repair", "one"]);
    assert_eq!(within.lines().count(), inside(&path).lines().count());
    sh("ip -n box link del eth1");
    ok(&["repair", "one"]);
    assert!(pings("box", "10.8.0.1"));
}

/// To a namespace of the lab's, and between two that are joined.
fn cables() {
    sh("ip netns add a; ip netns add b; ip -n a link set lo up; ip -n b link set lo up");
    let (before, a, b) = (
        snapshot::host(),
        inside("/run/netns/a"),
        inside("/run/netns/b"),
    );
    let yaml = file(
        "cables.yaml",
        "lab: cables\nnamespaces:\n  own: { interfaces: { eth0: { addresses: 10.1.0.1/24 } } }\n  \
         /run/netns/a: { interfaces: { x0: { addresses: 10.1.0.2/24 }, x1: { addresses: 10.2.0.1/24 } } }\n  \
         /run/netns/b: { interfaces: { y0: { addresses: 10.2.0.2/24 } } }\n\
         links:\n  - endpoints: [\"own:eth0\", \"/run/netns/a:x0\"]\n  \
         - endpoints: [\"/run/netns/a:x1\", \"/run/netns/b:y0\"]\n\
         expect:\n  - { from: /run/netns/a, to: /run/netns/b }\n  - { from: own, to: /run/netns/a }\n",
    );
    up_and_well(&yaml);
    ok(&["test", &yaml]);
    ok(&["down", "cables"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
    assert_eq!((a, b), (inside("/run/netns/a"), inside("/run/netns/b")));
}
