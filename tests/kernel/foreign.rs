//! What others hold, do meanwhile, or undo; several hosts and mount namespaces.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use netyard::error::Error;
use netyard::plan::Plan;
use netyard::reconcile::Progress;

use crate::sandbox::{example, file, ok, outcome, pings, sh, try_sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test(
            "foreign::a device made meanwhile is not removed",
            made_meanwhile,
        ),
        test(
            "foreign::an index that somebody took is not used",
            index_taken,
        ),
        test("foreign::labs of another host are not ours", two_hosts),
        test(
            "foreign::a lab whose host is gone can be removed",
            host_gone,
        ),
        test(
            "foreign::names are left alone where their mounts are not seen",
            other_mounts,
        ),
        test("foreign::a flushed table comes back whole", flushed),
        test("foreign::a rule in the place of ours", replaced),
        test("foreign::another name of a device", altname),
        test("foreign::flushed sets are told of their labs", sets),
        test("foreign::a lab that goes out stays out of others", private),
        test(
            "foreign::a table that only looks like ours is foreign",
            lookalike,
        ),
        test(
            "foreign::routes that lead the lab's packets away are told",
            diverted,
        ),
        test("foreign::a journal that cannot be written", full_disk),
        test("foreign::a covered directory of names", covered_names),
    ]
}

fn lab(name: &str, subnet: &str, keys: &str) -> String {
    let text = format!(
        "lab: {name}\nnetworks: {{ lan: {{ bridge: br-{name}, subnets: [{subnet}.0/24]{keys} }} }}\n\
         namespaces: {{ n{name}: {{ interfaces: {{ eth0: {{ network: lan, addresses: {subnet}.10/24 }} }} }} }}\n"
    );
    file(&format!("{name}.yaml"), &text)
}

fn going_out(name: &str, subnet: &str) -> String {
    lab(name, subnet, ", masquerade: true")
}

fn forwards() -> String {
    sh("cat /proc/sys/net/ipv4/ip_forward").trim().to_owned()
}

/// Does something at two moments of an `up`.
struct Meddler(fn(), fn());

impl Progress for Meddler {
    fn planned(&mut self, _: &Plan) -> Result<(), Error> {
        self.0();
        Ok(())
    }
    fn verifying(&mut self) {
        self.1();
    }
}

fn up_with(path: &str, meddler: &mut Meddler) -> Result<Plan, Error> {
    let text = fs::read_to_string(path).expect("the file");
    let topology = netyard::topology::parse(&text).expect("a topology");
    netyard::lab::up(&topology, &text, meddler)
}

/// It takes the index that netyard has chosen for its own device.
fn made_meanwhile() {
    let take = || drop(sh("ip link add docker0 index 100000000 type bridge"));
    let error =
        up_with(&example("internet.yaml"), &mut Meddler(take, || ())).expect_err("a failure");
    assert!(matches!(error, Error::Undone(_)), "{error}");
    sh("ip link show docker0");
    assert!(!sh("ip -br link").contains("virtual-bridge"));
    assert_eq!(sh("ip netns list"), "");
}

fn index_taken() {
    sh(
        "ip link add name 'x\"y' index 100000000 type bridge; ip link add last index 2147483647 type bridge",
    );
    ok(&["up", &example("three.yaml")]);
    ok(&["down", "three"]);
    assert_eq!(sh("ip -br link | grep -c -e 'x\"y' -e last"), "2\n");
    assert!(!sh("ip -d link").contains("alias"));
}

fn two_hosts() {
    let (a, b) = (going_out("a", "10.61.0"), going_out("b", "10.62.0"));
    sh("ip netns add h1; ip -n h1 link set lo up");
    let netyard = env!("CARGO_BIN_EXE_netyard");
    let in_h1 = |words: &str| sh(&format!("nsenter --net=/run/netns/h1 {netyard} {words}"));
    in_h1(&format!("up {a}"));
    ok(&["up", &b]);
    ok(&["down", "b"]);
    assert_eq!(forwards(), "0");
    assert!(in_h1("plan /run/a.yaml").contains("nothing to do"));
    assert!(
        outcome(&["down", "a"])
            .err
            .contains("another network namespace")
    );
    in_h1("down a");
    assert_eq!(sh("ip netns list | sed 's/ .*//'"), "h1\n");
}

fn host_gone() {
    let a = going_out("a", "10.61.0");
    sh("ip netns add keep");
    let before = snapshot::host();
    sh("ip netns add h1; ip -n h1 link set lo up");
    let netyard = env!("CARGO_BIN_EXE_netyard");
    sh(&format!(
        "nsenter --net=/run/netns/h1 {netyard} up {a}; ip netns del h1"
    ));
    assert!(ok(&["list"]).contains("na"));
    ok(&["down", "a"]);
    assert_eq!(ok(&["list"]), "no lab is up\n");
    snapshot::assert_same(&before, &snapshot::host(), "after down");
}

/// A mount namespace that is older than the lab does not see its names' mounts.
fn other_mounts() {
    let netyard = env!("CARGO_BIN_EXE_netyard");
    let script = format!("read _; {netyard} up /run/b.yaml && {netyard} down two-pcs");
    let mut elder = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", &script])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("unshare");
    let pid = elder.id();
    let own = sh("readlink /proc/self/ns/mnt");
    while sh(&format!("readlink /proc/{pid}/ns/mnt")) == own {
        std::thread::yield_now();
    }
    ok(&["up", &example("two-pcs.yaml")]);
    lab("b", "10.62.0", "");
    let mut stdin = elder.stdin.take().expect("its input");
    stdin.write_all(b"go\n").expect("it reads");
    let said = elder.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("cannot be seen from here"), "{said}");
    assert!(pings("pc-one", "10.0.0.2"));
}

fn flushed() {
    let (a, b) = (going_out("a", "10.61.0"), going_out("b", "10.62.0"));
    ok(&["up", &a]);
    ok(&["up", &b]);
    let whole = sh("nft list ruleset | sort");
    sh("nft flush ruleset");
    ok(&["up", &a]);
    assert_eq!(sh("nft list ruleset | sort"), whole);
    sh("nft flush ruleset");
    ok(&["down", "a"]);
    let table = sh("nft list ruleset");
    assert!(
        table.contains("10.62.0.0/24") && table.contains("elements = { ipv4"),
        "{table}"
    );
    ok(&["down", "b"]);
    assert_eq!(
        (sh("nft list ruleset"), forwards()),
        (String::new(), "0".to_owned())
    );
}

/// It is one rule for another: only the rule set's version tells.
fn replaced() {
    ok(&["up", &going_out("a", "10.61.0")]);
    let whole = || sh("nft list ruleset | sort");
    let before = whole();
    let handle = sh(
        "nft -a list chain inet netyard forward | sed -n 's/.*iifname @networks drop.*# handle //p'",
    );
    let handle = handle.trim();
    sh(&format!(
        "nft replace rule inet netyard forward handle {handle} iifname @networks accept"
    ));
    assert_ne!(whole(), before);
    ok(&["up", &going_out("b", "10.62.0")]);
    ok(&["down", "b"]);
    assert_eq!(whole(), before);
}

/// The kernel finds a device by these as by its own.
fn altname() {
    let file = lab("p", "10.63.0", "");
    ok(&["up", &file]);
    let port = sh("ip -br link show master $(ip -br link show type bridge | cut -d' ' -f1)");
    let port = port.split('@').next().expect("a port").to_owned();
    ok(&["down", "p"]);
    sh(&format!(
        "ip link add d0 type veth peer name d1; ip link property add dev d0 altname {port}"
    ));
    let before = snapshot::host();
    for verb in ["up", "plan"] {
        let said = outcome(&[verb, &file]).err;
        assert!(said.contains("error[device-taken]: device d0"), "{said}");
        assert!(said.contains(&port), "{said}");
    }
    snapshot::assert_same(&before, &snapshot::host(), "a refused up");
    sh(&format!("ip link property del dev d0 altname {port}"));
    ok(&["up", &file]);
}

fn sets() {
    let labs = [("a", "10.61.0"), ("b", "10.62.0")];
    let files = labs.map(|(name, net)| going_out(name, net));
    for file in &files {
        ok(&["up", file]);
    }
    let whole = || sh("nft list ruleset | sort");
    let before = whole();
    sh("nft flush set inet netyard networks; nft flush set inet netyard masquerade4");
    for (i, file) in files.iter().enumerate() {
        for (name, net) in &labs[i..] {
            let said = outcome(&["status", name]);
            assert_eq!(said.code, Some(1), "{}", said.out);
            let others = labs.iter().filter(|(other, _)| other != name);
            let others: Vec<_> = others.filter(|(_, net)| said.out.contains(net)).collect();
            assert!(said.out.contains(net) && others.is_empty(), "{}", said.out);
        }
        ok(&["up", file]);
        ok(&["status", labs[i].0]);
    }
    assert_eq!(whole(), before);
}

fn private() {
    ok(&["up", &lab("p", "10.63.0", "")]);
    ok(&["up", &going_out("a", "10.61.0")]);
    ok(&["up", &lab("q", "10.64.0", "")]);
    assert!(!pings("na", "10.63.0.10") && !pings("na", "10.64.0.10"));
    assert!(!pings("np", "10.61.0.10") && !pings("np", "10.64.0.10"));
    assert!(pings("host", "10.63.0.10") && pings("na", "10.61.0.1"));
}

/// Such a table is what `plan --as sh` makes; the journal knows nothing of it.
fn lookalike() {
    sh("nft add table inet netyard '{ comment \"netyard\"; }'; nft add chain inet netyard mine");
    let before = sh("nft list ruleset");
    let said = outcome(&["up", &going_out("a", "10.61.0")]);
    assert!(said.err.contains("netyard did not make it"), "{}", said.err);
    assert_eq!(sh("nft list ruleset"), before);
}

fn diverted() {
    sh(
        // Without a link-local address, of which the kernel would first find out that it is unique.
        "ip link add there type bridge; ip link set there addrgenmode none up; ip address add 172.31.0.1/24 dev there",
    );
    let cases = [
        (
            "three.yaml",
            "10.0.0.0/24 via 172.31.0.2",
            "would take packets to 10.0.0.0/24",
        ),
        (
            "three.yaml",
            "blackhole 10.0.0.128/25",
            "would take packets to 10.0.0.0/24",
        ),
        (
            "internet.yaml",
            "unreachable 198.51.100.0/24",
            "a route to 198.51.100.0/24 already",
        ),
    ];
    for (example_file, route, said) in cases {
        sh(&format!("ip route add {route}"));
        let before = snapshot::host();
        let outcome = outcome(&["plan", &example(example_file)]);
        assert!(
            outcome.code == Some(1) && outcome.err.contains(said),
            "{}",
            outcome.err
        );
        snapshot::assert_same(&before, &snapshot::host(), "after a plan");
        sh(&format!("ip route del {route}"));
    }
}

/// The last record cannot be written: it is as if it had not been begun.
fn full_disk() {
    sh("mount -o remount,size=4m /run");
    let before = sh("ip -br link");
    let fill = || drop(try_sh("cat /dev/zero > /run/filler 2>/dev/null"));
    let error =
        up_with(&example("internet.yaml"), &mut Meddler(|| (), fill)).expect_err("a failure");
    assert!(error.to_string().contains("write the journal"), "{error}");
    assert_eq!(sh("ip -br link"), before);
    assert_eq!(
        (sh("nft list ruleset"), sh("ip netns list")),
        Default::default()
    );
    sh("rm /run/filler");
    ok(&["up", &example("internet.yaml")]);
    ok(&["down", "internet"]);
}

/// The mount that `ip netns add` made is still listed when /run is covered.
fn covered_names() {
    sh("ip netns add tutorial; mount -t tmpfs run /run");
    ok(&["up", &example("three.yaml")]);
    ok(&["down", "three"]);
    sh("mkdir -p /run/netns; mount -t tmpfs names /run/netns; mount --make-private /run/netns");
    let before = snapshot::host();
    ok(&["up", &example("three.yaml")]);
    ok(&["down", "three"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
}
