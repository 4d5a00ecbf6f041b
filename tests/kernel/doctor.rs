//! What `doctor` says of machines that are made for it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command};

use serde_json::Value;

use crate::doctor_kinds::kinds;
use crate::sandbox::{Outcome, netyard, ok, outcome, sh, try_sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("doctor::nothing is left behind", leaves_nothing),
        test("doctor::an answer for programs", answer),
        test("doctor::a firewall that drops what is forwarded", drops),
        test("doctor::files of others", files),
        test("doctor::programs beside it, not elsewhere", programs),
        test("doctor::without rights", no_rights),
        test("doctor::settings that cannot be written", read_only),
        test("doctor::settings with consequences", settings),
        test("doctor::modules that are not loaded stay so", modules),
        test("doctor::a person's answer fits 80 columns", columns),
    ]
}

/// Root keeps only what it needs to be root in a user namespace, as in `blocked`.
const WEAK: &str = "setpriv --inh-caps=-all --bounding-set=-all,+setfcap";

pub(crate) fn findings(said: &Outcome) -> Vec<Value> {
    let json: Value = serde_json::from_str(&said.out).expect("JSON");
    let works = json["works"].as_bool().expect("a verdict");
    assert_eq!(said.code, Some(i32::from(!works)), "{}", said.err);
    json["findings"].as_array().expect("findings").clone()
}

/// The levels that each id has.
pub(crate) fn levels(findings: &[Value]) -> BTreeMap<String, Vec<String>> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let mut levels: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for finding in findings {
        let level = text(&finding["level"]);
        levels.entry(text(&finding["id"])).or_default().push(level);
    }
    levels
}

pub(crate) fn seen() -> BTreeMap<String, Vec<String>> {
    levels(&findings(&outcome(&["doctor", "--json"])))
}

/// There is one of this id and level, and what it says has these words.
#[track_caller]
fn says(said: &Outcome, id: &str, level: &str, words: &[&str]) {
    let all = findings(said);
    let is_it = |finding: &&Value| finding["id"] == id && finding["level"] == level;
    let found = all.iter().find(is_it);
    let found = found.unwrap_or_else(|| panic!("no {level} {id} in {all:#?}"));
    for word in words {
        assert!(found.to_string().contains(word), "{word}: {found:#}");
    }
    assert!(found["consequence"].is_string() && found["remedy"].is_string());
}

#[track_caller]
fn json_says(id: &str, level: &str, words: &[&str]) {
    says(&outcome(&["doctor", "--json"]), id, level, words);
}

fn leaves_nothing() {
    let (before, run) = (snapshot::host(), sh("find /run"));
    for arguments in [&["doctor"][..], &["doctor", "--all"], &["doctor", "--json"]] {
        outcome(arguments);
    }
    snapshot::assert_same(&before, &snapshot::host(), "after doctor");
    assert_eq!(sh("find /run"), run);
    // With a lab there is a journal to be read, and no more.
    ok(&["up", &crate::sandbox::example("three.yaml")]);
    let (up, run) = (snapshot::host(), sh("find /run"));
    assert_eq!(seen()["journal"], ["ok"]);
    snapshot::assert_same(&up, &snapshot::host(), "beside a lab");
    assert_eq!(sh("find /run"), run);
    ok(&["down", "three"]);
}

fn answer() {
    let said = outcome(&["doctor", "--json"]);
    let all = findings(&said);
    for finding in &all {
        let object = finding.as_object().expect("an object");
        let keys: Vec<&str> = object.keys().map(String::as_str).collect();
        match finding["level"].as_str() {
            Some("ok") => assert_eq!(keys, ["group", "id", "level", "what"]),
            Some("untried" | "note" | "warning" | "error") => {
                assert_eq!(
                    keys,
                    ["consequence", "group", "id", "level", "remedy", "what"]
                );
            }
            other => panic!("{other:?}"),
        }
    }
    // In the same order, whatever is counted meanwhile.
    let names = |all: &[Value]| all.iter().map(|f| f["id"].clone()).collect::<Vec<_>>();
    let again = findings(&outcome(&["doctor", "--json"]));
    assert_eq!(names(&all), names(&again));
    let groups = ["kernel", "rights", "limits", "settings", "others"];
    let places = all
        .iter()
        .map(|f| groups.iter().position(|g| f["group"] == *g));
    assert!(places.is_sorted(), "{:?}", names(&all));
}

fn drops() {
    assert_eq!(seen().get("firewalls"), Some(&vec!["ok".to_owned()]));
    sh(
        "echo 'table inet mine { chain through { type filter hook forward priority 0; policy drop; }; }' | nft -f -",
    );
    json_says(
        "forward-drop",
        "warning",
        &[
            "`through` of the nft table `inet mine`",
            "nft insert rule inet mine through",
        ],
    );
    // What it advises lets a lab through.
    let lab = "lab: out\nnetworks:\n  a: { bridge: br-a, subnets: [10.8.1.0/24] }\n  \
               b: { bridge: br-b, subnets: [10.8.2.0/24] }\nnamespaces:\n  \
               x: { interfaces: { eth0: { network: a } } }\n  \
               y: { interfaces: { eth0: { network: b } } }\n\
               allow: [{ from: x, to: y }]\nexpect: [{ from: x, to: y }]\n";
    let lab = crate::sandbox::file("out.yaml", lab);
    ok(&["up", &lab]);
    assert_eq!(outcome(&["test", &lab]).code, Some(1));
    for bridge in ["br-a", "br-b"] {
        for way in ["iifname", "oifname"] {
            sh(&format!(
                "nft insert rule inet mine through {way} {bridge} accept"
            ));
        }
    }
    ok(&["test", &lab]);
    ok(&["down", "out"]);
    // A rule for all that is left does the same as the policy.
    sh(
        "echo 'flush ruleset; table inet mine { chain c { type filter hook forward priority 0; \
        iifname lo accept; counter reject; }; }' | nft -f -",
    );
    json_says(
        "forward-drop",
        "warning",
        &["`c` of the nft table `inet mine`"],
    );
    sh(
        "echo 'flush ruleset; table ip filter { chain DOCKER-USER { }; chain FORWARD { \
        type filter hook forward priority 0; policy drop; jump DOCKER-USER; }; }' | nft -f -",
    );
    json_says("docker", "warning", &["iptables -I DOCKER-USER -i BRIDGE"]);
}

/// /etc is this test's own.
fn files() {
    sh("mount -t tmpfs none /etc");
    let write = |path: &str, text: &str| {
        let above = path.rsplit_once('/').expect("a path").0;
        fs::create_dir_all(above).expect("a directory");
        fs::write(path, text).expect("a file");
    };
    for id in ["flush-ruleset", "ufw"] {
        assert_eq!(seen().get(id), None, "{id}");
    }
    write("/etc/nftables.conf", "#!/usr/sbin/nft -f\nflush ruleset\n");
    json_says(
        "flush-ruleset",
        "note",
        &["/etc/nftables.conf", "netyard watch"],
    );
    write(
        "/etc/systemd/system/sysinit.target.wants/nftables.service",
        "",
    );
    json_says(
        "flush-ruleset",
        "warning",
        &["each reload, restart or stop"],
    );
    write("/etc/nftables.conf", "# flush ruleset\n");
    assert_eq!(seen().get("flush-ruleset"), None);
    write("/etc/ufw/ufw.conf", "ENABLED=yes\n");
    write("/etc/default/ufw", "DEFAULT_FORWARD_POLICY=\"DROP\"\n");
    json_says("ufw", "warning", &["ufw route allow in on BRIDGE"]);
}

/// A program of this name, until this is dropped.
struct Program(Child);

impl Program {
    fn start(name: &str, before: &[&str]) -> Self {
        let path = format!("/run/{name}");
        fs::copy("/bin/sleep", &path).expect("a copy");
        let mut words = before.to_vec();
        words.extend([path.as_str(), "60"]);
        let mut command = Command::new(words[0]);
        let child = command.args(&words[1..]).spawn().expect("it starts");
        let named = || {
            let comm = fs::read_to_string(format!("/proc/{}/comm", child.id()));
            comm.is_ok_and(|comm| comm.trim_end() == name)
        };
        crate::sandbox::until("the program has its name", named);
        Program(child)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().expect("it ends");
        self.0.wait().expect("it has ended");
    }
}

fn programs() {
    let elsewhere = Program::start("firewalld", &["unshare", "--net"]);
    assert_eq!(seen().get("firewalld"), None);
    drop(elsewhere);
    let here = Program::start("firewalld", &[]);
    json_says("firewalld", "warning", &["--add-interface=BRIDGE"]);
    drop(here);
    assert_eq!(seen().get("firewalld"), None);
    // networkd, with files that it would read.
    sh("mount -t tmpfs none /etc && mkdir -p /etc/systemd/network /etc/systemd/networkd.conf.d");
    let networkd = Program::start("systemd-network", &[]);
    json_says("networkd-routes", "note", &["ManageForeignRoutes=no"]);
    fs::write("/etc/systemd/network/10-all.network", "[Match]\nName=*\n").expect("a file");
    let conf = "/etc/systemd/networkd.conf.d/x.conf";
    fs::write(conf, "[Network]\nManageForeignRoutes=no\n").expect("a file");
    json_says("networkd-takes-devices", "warning", &["10-all.network"]);
    assert_eq!(seen()["networkd-routes"], ["ok"]);
    drop(networkd);
}

fn weak(before: &str, arguments: &str) -> Outcome {
    let netyard = env!("CARGO_BIN_EXE_netyard");
    try_sh(&format!("{before}{WEAK} {netyard} {arguments}"))
}

fn no_rights() {
    let before = snapshot::host();
    let said = weak("", "doctor --json");
    says(&said, "administrator", "note", &["netyard run --private"]);
    says(&said, "firewalls", "note", &["needs root"]);
    let told = levels(&findings(&said));
    assert_eq!(told["user-namespaces"], ["ok"]);
    // The kernel is the same for both.
    let whole = seen();
    for id in kinds() {
        assert_eq!(told.get(id), whole.get(id), "{id}");
    }
    snapshot::assert_same(&before, &snapshot::host(), "after all");
    // In a user namespace of its own: the limit holds for all below it.
    let netyard = env!("CARGO_BIN_EXE_netyard");
    let said = try_sh(&format!(
        "unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; {WEAK} {netyard} doctor --json'"
    ));
    let words = [
        "user.max_user_namespaces is 0",
        "sysctl -w user.max_user_namespaces=",
    ];
    says(&said, "user-namespaces", "error", &words);
    says(&said, "probe", "note", &["see `user-namespaces`"]);
    assert_eq!(said.code, Some(1));
}

/// As in a container without rights over settings.
fn read_only() {
    sh("mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys");
    json_says("ipv4-forwarding", "error", &["read-only", "--privileged"]);
    let text = outcome(&["doctor"]);
    assert_eq!(text.code, Some(1));
    assert!(
        text.out
            .contains("not all that netyard needs works: 1 error"),
        "{}",
        text.out
    );
}

fn settings() {
    sh("ip link add v0 type veth peer name v1");
    sh("echo 1 >/proc/sys/net/ipv4/conf/v0/rp_filter");
    sh("echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet");
    sh("echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6");
    json_says("rp-filter", "note", &["strict (1) for v0\""]);
    json_says("route-localnet", "warning", &["{all}"]);
    json_says("ipv6-off", "warning", &["disable_ipv6=0"]);
    sh("echo 2 >/proc/sys/net/ipv4/conf/all/rp_filter");
    assert_eq!(seen()["rp-filter"], ["ok"]);
}

/// The kernel is this machine's; the list of its modules is this test's own.
fn modules() {
    let release = sh("uname -r").trim().to_owned();
    sh("mkdir /run/upper /run/work && mount -t overlay none \
        -o lowerdir=/usr/lib,upperdir=/run/upper,workdir=/run/work /usr/lib");
    let list = format!("/usr/lib/modules/{release}/modules.dep");
    sh(&format!("mkdir -p /usr/lib/modules/{release}"));
    let ours = ["dummy", "ifb", "bonding", "netem"].map(|name| format!("kernel/{name}.ko.xz:\n"));
    fs::write(&list, ours.concat().replace("netem", "sch_netem")).expect("a file");
    let built_in = |module: &str| Path::new("/sys/module").join(module).exists();
    for (id, module) in [
        ("dummy", "dummy"),
        ("ifb", "ifb"),
        ("bonding", "bonding"),
        ("qdisc-netem", "sch_netem"),
    ] {
        if !built_in(module) {
            let loaded = format!("`modprobe {module}");
            json_says(id, "untried", &["is not loaded", &loaded]);
        }
    }
    // What a lab needs is tried, wherever it is.
    fs::write(&list, "kernel/veth.ko:\nkernel/bridge.ko:\n").expect("a file");
    assert_eq!(seen()["veth"], ["ok"]);
    assert_eq!(seen()["bridge"], ["ok"]);
}

fn columns() {
    let run = |arguments: &[&str]| {
        let mut command = netyard(arguments);
        Outcome::of(command.env("COLUMNS", "80").output().expect("it starts")).out
    };
    for arguments in [&["doctor"][..], &["doctor", "--all"]] {
        let out = run(arguments);
        let long = out.lines().find(|line| line.chars().count() > 80);
        assert_eq!(long, None);
    }
    let (short, all) = (run(&["doctor"]), run(&["doctor", "--all"]));
    assert!(short.contains("veth, bridge, "), "{short}");
    assert!(all.contains("veth: this kernel has cables (veth)"), "{all}");
}
