//! Leases: many processes at once, namespaces that go, and subnets that are chosen.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use ipnet::IpNet;
use netyard::error::Error;
use netyard::ipam::{Open, Refusal};
use netyard::lease::{self, Ask, Owner, Place};

use crate::sandbox::{file, ok, outcome, sh};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("leases::64 processes at once", crowd),
        test("leases::64 processes want one address", one_address),
        test("leases::labs come and go meanwhile", beside_labs),
        test("leases::an owner keeps what it has", kept),
        test("leases::what is held is told", refused),
        test("leases::what is gone comes back when the pool is dry", dry),
        test("leases::gc takes back what is gone", collected),
        test("leases::all that is asked or nothing", together),
        test("leases::a free subnet is nobody's", chosen),
        test("leases::a chosen subnet comes again", again),
        test("leases::nothing is free", full),
        test("leases::a lab's own are in its record", of_labs),
    ]
}

/// The word by which this program is a process that takes leases.
const WORKER: &str = "take-leases";

/// What such a process does: `take-leases NAME COUNT [ADDRESS]`, and it prints what it got.
/// It waits until its input ends, so that all begin at once.
pub(crate) fn worker() -> Option<ExitCode> {
    let mut words = std::env::args().skip(1);
    words.next().filter(|word| word == WORKER)?;
    let (name, count) = (words.next()?, words.next()?.parse::<usize>().ok()?);
    let address = words.next().and_then(|text| text.parse().ok());
    println!("ready");
    let _ = std::io::stdin().lines().count();
    let open = pods("10.9.0.0/16");
    for n in 0..count {
        let owner = owner(&format!("{name}-{n}"), "/proc/self/ns/net");
        let ask = Ask {
            address,
            ..ask(&open)
        };
        match lease::open().and_then(|mut store| store.allocate(&owner, &[ask])) {
            Ok(given) => println!("{}", given[0]),
            Err(Error::Lease(_)) => println!("address-held"),
            Err(error) => println!("{error}"),
        }
    }
    Some(ExitCode::SUCCESS)
}

fn pods(subnet: &str) -> Open {
    Open::new(subnet.parse().expect("a subnet"), &[], &[])
}

fn ask(open: &Open) -> Ask<'_> {
    let (network, address) = ("pods", None);
    Ask {
        network,
        open,
        address,
    }
}

fn owner(container: &str, netns: &str) -> Owner {
    Owner {
        container: container.to_owned(),
        netns: Place::at(netns.as_ref()).expect("a namespace"),
        dev: "eth0".parse().expect("a name"),
    }
}

/// Takes the next address for a container in this namespace.
fn take(container: &str, netns: &str, open: &Open) -> Result<IpNet, Error> {
    let owner = owner(container, &format!("/run/netns/{netns}"));
    let given = lease::open()?.allocate(&owner, &[ask(open)])?;
    Ok(given[0])
}

fn refusal(result: Result<impl std::fmt::Debug, Error>) -> Refusal {
    match result {
        Err(Error::Lease(refusal)) => *refusal,
        other => panic!("{other:?}"),
    }
}

/// Starts processes that begin together; what each printed.
fn run(processes: usize, count: usize, address: Option<&str>) -> Vec<Vec<String>> {
    let program = std::env::current_exe().expect("this program");
    let start = |n: usize| -> Child {
        let mut command = Command::new(&program);
        command.args([WORKER, &format!("c{n}"), &count.to_string()]);
        command.args(address);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().expect("it starts")
    };
    let mut all: Vec<Child> = (0..processes).map(start).collect();
    let mut outputs: Vec<_> = all
        .iter_mut()
        .map(|child| BufReader::new(child.stdout.take().expect("a pipe")).lines())
        .collect();
    for output in &mut outputs {
        assert_eq!(output.next().expect("a line").expect("text"), "ready");
    }
    let began = Instant::now();
    all.iter_mut().for_each(|child| drop(child.stdin.take()));
    let printed = outputs.into_iter().map(|lines| {
        let lines: Result<Vec<String>, _> = lines.collect();
        lines.expect("text")
    });
    let printed = printed.collect();
    let took = began.elapsed();
    for mut child in all {
        assert!(child.wait().expect("it ends").success());
    }
    eprintln!("{processes} processes, {count} leases each: {took:.2?}");
    printed
}

fn crowd() {
    let printed = run(64, 20, None);
    let given: Vec<IpNet> = printed
        .iter()
        .flatten()
        .map(|line| line.parse().unwrap_or_else(|_| panic!("{line}")))
        .collect();
    let unique: BTreeSet<&IpNet> = given.iter().collect();
    assert_eq!((given.len(), unique.len()), (1280, 1280));
    // Nothing was passed over: they are the first 1280.
    let last = unique.last().expect("one").addr().to_string();
    assert_eq!(last, "10.9.5.0");
    let listed = lease::open_to_read().and_then(|store| store.list());
    assert_eq!(listed.expect("a list").len(), 1280);
}

fn one_address() {
    let printed = run(64, 1, Some("10.9.7.7"));
    let lines: Vec<String> = printed.into_iter().flatten().collect();
    let count = |what: &str| lines.iter().filter(|line| *line == what).count();
    let counts = (count("10.9.7.7/16"), count("address-held"));
    assert_eq!(counts, (1, 63), "{lines:?}");
}

/// Labs are changed under a lock that leases do not wait for.
fn beside_labs() {
    let path = file("open.yaml", OPEN);
    let (given, labs) = std::thread::scope(|scope| {
        let crowd = scope.spawn(|| run(8, 150, None));
        let mut labs = 0;
        while !crowd.is_finished() {
            ok(&["up", &path]);
            ok(&["down", "open"]);
            labs += 1;
        }
        (crowd.join().expect("leases"), labs)
    });
    let unique: BTreeSet<IpNet> = given
        .iter()
        .flatten()
        .map(|line| line.parse().unwrap_or_else(|_| panic!("{line}")))
        .collect();
    assert_eq!(unique.len(), 1200);
    assert!(labs > 1, "{labs} labs meanwhile");
}

fn kept() {
    sh("ip netns add a; ip netns add b");
    let open = pods("10.9.0.0/29");
    let first = take("a", "a", &open).expect("a lease");
    assert_eq!(first.to_string(), "10.9.0.1/29");
    assert_eq!(take("a", "a", &open).expect("a lease"), first);
    assert_eq!(
        take("b", "b", &open).expect("a lease").to_string(),
        "10.9.0.2/29"
    );
    let mut store = lease::open().expect("a store");
    let ended = store.release("pods", "a", &"eth0".parse().expect("a name"));
    assert_eq!(ended.expect("ended")[0].address, first);
    // Given back, it is not the next.
    for expected in 3..=6 {
        let next = take(&format!("c{expected}"), "a", &open).expect("a lease");
        assert_eq!(next.to_string(), format!("10.9.0.{expected}/29"));
    }
    assert_eq!(take("d", "a", &open).expect("a lease"), first);
}

fn refused() {
    sh("ip netns add a; ip netns add b");
    let open = Open::new(
        "10.9.0.0/24".parse().expect("a subnet"),
        &["10.9.0.4-10.9.0.5".parse().expect("a range")],
        &[],
    );
    let wanted = |container: &str, address: &str| {
        let owner = owner(container, "/run/netns/a");
        let address = address.parse().ok();
        let ask = Ask {
            address,
            ..ask(&open)
        };
        lease::open()?.allocate(&owner, &[ask])
    };
    assert!(wanted("a", "10.9.0.5").is_ok());
    let held = refusal(wanted("b", "10.9.0.5")).to_string();
    assert!(
        held.starts_with("container a holds 10.9.0.5, for "),
        "{held}"
    );
    let closed = refusal(wanted("b", "10.9.0.6")).to_string();
    assert_eq!(
        closed,
        "10.9.0.6 is none of the addresses that 10.9.0.0/24 gives"
    );
    take("b", "b", &open).expect("the other one");
    let Refusal::Full(full) = refusal(take("c", "b", &open)) else {
        panic!("not full");
    };
    let said = "2 addresses are given here: container a holds 1, container b holds 1";
    assert_eq!(full.holders(), said);
}

fn dry() {
    let open = pods("10.9.0.0/30");
    sh("ip netns add a; ip netns add b");
    let a = take("a", "a", &open).expect("a lease");
    take("b", "b", &open).expect("a lease");
    assert!(matches!(refusal(take("c", "b", &open)), Refusal::Full(_)));
    sh("ip netns del a");
    assert_eq!(take("c", "b", &open).expect("that of a"), a);
    assert!(matches!(refusal(take("d", "b", &open)), Refusal::Full(_)));
}

fn collected() {
    let open = pods("10.9.0.0/24");
    sh("ip netns add a; ip netns add b");
    take("a", "a", &open).expect("a lease");
    take("b", "b", &open).expect("a lease");
    assert_eq!(outcome(&["gc", "--dry-run"]).code, Some(0));
    sh("ip netns del a");
    let shown = outcome(&["gc", "--dry-run"]);
    assert_eq!(shown.code, Some(1), "{shown:?}");
    let line = "10.9.0.1 is held for eth0 of container a, whose namespace /run/netns/a is gone";
    assert!(shown.out.contains(line), "{}", shown.out);
    let json = ok(&["gc", "--yes", "--json"]);
    assert!(json.contains("\"address\": \"10.9.0.1/24\""), "{json}");
    let left = lease::open()
        .and_then(|store| store.list())
        .expect("a list");
    let left: Vec<String> = left.iter().map(|lease| lease.holder.to_string()).collect();
    assert_eq!(left, ["container b"]);
    assert!(ok(&["gc", "--yes"]).contains("nothing is left"));
}

fn together() {
    sh("ip netns add a");
    let (wide, none) = (pods("10.9.0.0/24"), pods("10.8.0.0/32"));
    take("other", "a", &none).expect("the only one");
    let owner = owner("a", "/run/netns/a");
    let both = [ask(&wide), ask(&none)];
    let mut store = lease::open().expect("a store");
    assert!(matches!(
        refusal(store.allocate(&owner, &both)),
        Refusal::Full(_)
    ));
    assert_eq!(store.list().expect("a list").len(), 1);
    assert_eq!(
        take("b", "a", &wide).expect("a lease").to_string(),
        "10.9.0.1/24"
    );
}

const OPEN: &str = "lab: open\nnetworks: { lan: { ipv6: true } }
namespaces: { one: { interfaces: { eth0: { network: lan } } } }
expect: [{ from: one, to: host }]\n";

/// The subnets of the host's bridge `open-lan` as the plan of this file has them.
fn planned(path: &str) -> Vec<IpNet> {
    let plan = ok(&["plan", "--as", "commands", path]);
    let on_bridge = |line: &&str| line.contains("dev open-lan") && !line.contains("fe80");
    let lines = plan.lines().filter(on_bridge);
    let words = lines.flat_map(str::split_whitespace);
    let nets: Vec<IpNet> = words.filter_map(|word| word.parse().ok()).collect();
    nets.iter().map(IpNet::trunc).collect()
}

fn chosen() {
    let path = file("open.yaml", OPEN);
    let ways: [fn(IpNet) -> String; 5] = [
        |net| format!("ip route add blackhole {net}"),
        |net| format!("ip route add blackhole {net} table 77"),
        |net| format!("ip rule add from {net} lookup 77"),
        |net| format!("ip rule add to {net} lookup 77"),
        |net| format!("ip link add d0 type bridge; ip address add {net} dev d0"),
    ];
    let mut seen = BTreeSet::new();
    for way in ways {
        let [v4, v6] = planned(&path)[..] else {
            panic!("{:?}", planned(&path));
        };
        assert!(seen.insert(v4) && seen.insert(v6), "{v4} {v6} {seen:?}");
        sh(&way(v4).replace("ip rule", "ip -4 rule"));
        let six = way(v6).replace("d0", "d6").replace("ip rule", "ip -6 rule");
        sh(&six
            .replace("add fd", "add nodad fd")
            .replace("add nodad", "add"));
    }
    // Another lab's, also where the host has no address.
    let [v4, _] = planned(&path)[..] else {
        panic!();
    };
    let other = format!("lab: other\nnetworks: {{ o: {{ subnets: '{v4}', gateway: none }} }}\n");
    ok(&["up", &file("other.yaml", &other)]);
    assert_ne!(planned(&path)[0], v4);
    // What leads everywhere is in nobody's way.
    let before = planned(&path);
    sh("ip link set lo up; ip route add 0.0.0.0/1 dev lo; ip route add 128.0.0.0/1 dev lo");
    assert_eq!(planned(&path), before);
    ok(&["up", &path]);
    ok(&["test", &path]);
}

fn again() {
    let path = file("open.yaml", OPEN);
    let first = planned(&path);
    ok(&["up", &path]);
    assert!(ok(&["up", &path]).contains("nothing to change"));
    // What comes meanwhile moves nothing.
    sh(&format!("ip rule add from {} lookup 77", first[0]));
    assert!(ok(&["up", &path]).contains("nothing to change"));
    assert!(ok(&["status", "open"]).contains("open"));
    sh(&format!("ip rule del from {} lookup 77", first[0]));
    ok(&["down", "open"]);
    assert_eq!(planned(&path), first);
    ok(&["up", &path]);
    let shown = sh("ip -br -4 address show dev open-lan");
    assert!(
        shown.contains(&first[0].to_string().replace(".0/24", ".1/24")),
        "{shown}"
    );
}

fn full() {
    sh("for net in 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16; do ip route add blackhole $net; done");
    let said = outcome(&["up", &file("open.yaml", OPEN)]);
    assert_eq!(said.code, Some(1), "{said:?}");
    for words in [
        "error[no-free-subnet]",
        "10.0.0.0/8, a route of the host",
        "172.16.0.0/12, a route of the host",
        "192.168.0.0/16, a route of the host",
    ] {
        assert!(said.err.contains(words), "{}", said.err);
    }
}

fn of_labs() {
    ok(&["up", &file("open.yaml", OPEN)]);
    let all = || lease::open_to_read().and_then(|store| store.list());
    let held = all().expect("a list");
    let told: Vec<String> = held
        .iter()
        .map(|lease| format!("{} {} {}", lease.holder, lease.netns, lease.dev))
        .collect();
    assert_eq!(told, ["lab open one eth0"; 2]);
    let addresses = sh("ip -n one -br address show dev eth0");
    assert!(
        held.iter()
            .all(|l| addresses.contains(&l.address.to_string())),
        "{addresses}"
    );
    ok(&["down", "open"]);
    assert_eq!(all().expect("a list"), []);
}
