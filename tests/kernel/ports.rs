//! Published ports: who has them already, who will reach them, what the bridge needs.

use std::net::{TcpListener, UdpSocket};

use serde_json::Value;

use crate::rivals::near;
use crate::sandbox::{file, ok, outcome, sh, try_sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("ports::one that a process has is named with it", taken),
        test("ports::another address is in nobody's way", another_address),
        test("ports::a port of a bridge gets hairpin with it", hairpin),
        test("ports::the last takes the tables along", leaves),
        test("ports::plan, status and list tell of them", told),
        test("ports::a firewall that drops them is named", walled),
        test("ports::who listens later is in nobody's way", later),
        test("ports::who may not come in by `ingress` is told", listed),
        test("ports::addresses that expire are the host's, too", expiring),
        test(
            "ports::sockets that are no such holders, and such that are",
            odd_sockets,
        ),
        test(
            "ports::a port that moves is open to nobody on its way",
            moving,
        ),
    ]
}

/// A lab `web` whose namespace `one` publishes these ports.
pub(crate) fn lab(publish: &str) -> String {
    let text = format!(
        "lab: web\nnetworks: {{ lan: {{ subnets: [10.7.0.0/24, \"fd00:7::/64\"] }} }}\n\
         namespaces:\n  one: {{ interfaces: {{ eth0: {{ network: lan }} }}, publish: [{publish}] }}\n"
    );
    file("web.yaml", &text)
}

/// This process, as it is told of.
fn me() -> String {
    let name = std::fs::read_to_string("/proc/self/comm").expect("a name");
    format!("{} (pid {})", name.trim_end(), std::process::id())
}

fn taken() {
    let tcp = TcpListener::bind("0.0.0.0:8080").expect("a free port");
    let udp = UdpSocket::bind("[::]:8053").expect("a free port");
    let client = UdpSocket::bind("127.0.0.1:8054").expect("a free port");
    client.connect("127.0.0.1:9").expect("a peer");
    let before = snapshot::host();
    let web = lab("8080:80, 8050-8060:8050-8060/udp, 8081:81");
    for command in ["up", "plan"] {
        let said = outcome(&[command, &web]);
        assert_eq!(said.code, Some(1), "{}", said.out);
        let err = said.err.split_whitespace().collect::<Vec<_>>().join(" ");
        for line in [
            format!(
                "tcp 8080 of the host is taken: {} listens on 0.0.0.0:8080",
                me()
            ),
            format!(
                "udp 8050-8060 of the host is taken: {} listens on [::]:8053",
                me()
            ),
        ] {
            assert!(err.contains(&line), "{line}\n{err}");
        }
        assert!(!err.contains("8054"), "a client is in nobody's way: {err}");
    }
    let json: Value = serde_json::from_str(&outcome(&["up", "--json", &web]).out).expect("JSON");
    let problems = json["error"]["problems"].as_array().expect("problems");
    assert_eq!(problems.len(), 2, "{json}");
    assert!(
        problems
            .iter()
            .all(|problem| problem["code"] == "port-taken"),
        "{json}"
    );
    // In another PID namespace the process is not to be seen.
    let binary = env!("CARGO_BIN_EXE_netyard");
    let hidden = try_sh(&format!("unshare -pf --mount-proc {binary} up {web}"));
    let err = hidden.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        err.contains("a process that cannot be seen from here listens on 0.0.0.0:8080"),
        "{err}"
    );
    assert_eq!(snapshot::host(), before);
    drop((tcp, udp));
    ok(&["up", &web]);
    ok(&["down", "web"]);
}

fn another_address() {
    sh("ip link add up0 type veth peer name up1; ip address add 192.0.2.1/24 dev up0");
    sh("ip address add 192.0.2.2/24 dev up0; ip link set up0 up; ip link set up1 up");
    let _other = TcpListener::bind("192.0.2.2:8080").expect("a free port");
    let web = lab("\"192.0.2.1:8080:80\", \"127.0.0.1:8080:81\"");
    ok(&["plan", &web]);
    let every = lab("8080:80");
    assert_eq!(outcome(&["plan", &every]).code, Some(1));
    // One socket takes IPv4 and IPv6 alike, but for one that says otherwise.
    let six = lab("\"0.0.0.0:8081:80\"");
    let both = TcpListener::bind("[::]:8081").expect("a free port");
    assert_eq!(outcome(&["plan", &six]).code, Some(1));
    drop(both);
    ok(&["plan", &six]);
}

/// That bridges pass no rules is said in the table as well.
fn leaves() {
    try_sh("sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0");
    let before = snapshot::host();
    ok(&["up", &lab("8080:80")]);
    ok(&["down", "web"]);
    assert_eq!(snapshot::host(), before);
}

fn hairpin() {
    let port = || sh("ip -d link show dev one-eth0");
    ok(&["up", &lab("8080:80")]);
    assert!(port().contains("hairpin on"), "{}", port());
    sh("ip link set dev one-eth0 type bridge_slave hairpin off");
    let said = outcome(&["status", "web"]);
    assert!(
        said.out.contains("~ one-eth0 hairpin on (now off)"),
        "{}",
        said.out
    );
    sh("ip link set dev one-eth0 nomaster");
    ok(&["up", "--yes", "web"]);
    assert!(port().contains("hairpin on"), "{}", port());
    ok(&["up", "--yes", &lab("")]);
    assert!(port().contains("hairpin off"), "{}", port());
    ok(&["down", "web"]);
}

fn told() {
    let web = lab("8080:80, { host: 443, visible: public }, \"192.0.2.9:53:53/udp\"");
    let lines = "\
tcp 443 -> one:443: reachable from everywhere
tcp 8080 -> one:80: reachable from this host only
udp 192.0.2.9:53 -> one:53: reachable from this host only
warning: the host has not got the address 192.0.2.9 of udp 192.0.2.9:53 at present
";
    let plan = ok(&["plan", &web]);
    assert!(plan.ends_with(lines), "{plan}");
    assert!(!ok(&["plan", "--as", "sh", &web]).contains("reachable"));
    let json: Value = serde_json::from_str(&ok(&["plan", "--json", &web])).expect("JSON");
    assert_eq!(json["published"][0]["host"], "443");
    assert_eq!(json["published"][0]["reachable_from"], "everywhere");
    assert_eq!(json["published"][1]["to"][0], "10.7.0.2");
    assert_eq!(json["warnings"][0]["warning"], "no-such-address");
    ok(&["up", &web]);
    let status = ok(&["status", "web"]);
    let indented: String = lines.lines().map(|line| format!("  {line}\n")).collect();
    assert_eq!(status, format!("lab web is as described\n{indented}"));
    let list = ok(&["list"]);
    let cells = "443->443/tcp, 8080->80/tcp, 192.0.2.9:53->53/udp";
    assert!(list.contains("PORTS") && list.contains(cells), "{list}");
    let json: Value = serde_json::from_str(&ok(&["list", "--json"])).expect("JSON");
    assert_eq!(json[0]["published"][1]["netns"], "one");
    ok(&["up", "--yes", &lab("")]);
    assert!(!ok(&["list"]).contains("PORTS"));
    ok(&["down", "web"]);
}

fn walled() {
    let web = lab("{ host: 443, visible: public }, { host: 22, visible: public }, 8080:80");
    let warned = || {
        let json: Value = serde_json::from_str(&ok(&["plan", "--json", &web])).expect("JSON");
        let warnings = json["warnings"].as_array().expect("warnings").clone();
        let said = warnings.iter().map(|warning| {
            let ports = warning["ports"].as_array().expect("ports");
            let ports: Vec<_> = ports.iter().filter_map(Value::as_str).collect();
            let word = warning["warning"].as_str().expect("a word");
            format!(
                "{word} {} {}: {}",
                warning["table"],
                warning["chain"],
                ports.join(", ")
            )
        });
        said.collect::<Vec<_>>()
    };
    assert_eq!(warned(), [""; 0]);
    sh("nft -f - <<'END'
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state vmap { established : accept, related : accept, invalid : drop }
    iif lo accept
    tcp dport { 22, 80 } accept
  }
  chain forward { type filter hook forward priority filter; policy drop; }
}
END");
    let forward = "dropped \"inet filter\" \"forward\": tcp 22, tcp 443";
    assert_eq!(warned(), [forward]);
    let plan = ok(&["plan", &web]);
    let line = "tcp 443 -> one:443: meant for everywhere, reachable from this host only\n";
    assert!(plan.contains(line), "{plan}");
    // As the warning says.
    sh("nft insert rule inet filter forward ct status dnat accept");
    assert_eq!(
        warned(),
        ["past-the-firewall \"inet filter\" \"input\": tcp 443"]
    );
    sh("nft insert rule inet filter forward tcp dport 22 limit rate 5/second drop");
    let may = "may-be-dropped \"inet filter\" \"forward\": tcp 22";
    assert_eq!(
        warned(),
        [may, "past-the-firewall \"inet filter\" \"input\": tcp 443"]
    );
    sh("nft flush ruleset");
    assert_eq!(warned(), [""; 0]);
}

/// It never heard anything: nothing is taken from it.
fn later() {
    let web = lab("8080:80, 9000-9009");
    ok(&["up", &web]);
    let _late = TcpListener::bind("0.0.0.0:8080").expect("a free port");
    let _other = TcpListener::bind("0.0.0.0:9003").expect("a free port");
    ok(&["up", &web]);
    ok(&["status", "web"]);
    assert_eq!(outcome(&["up", &lab("8080:80, 9000-9010")]).code, Some(1));
    // Nor can it keep away what somebody has flushed.
    sh("nft flush ruleset");
    ok(&["repair", "--yes", "web"]);
    ok(&["status", "web"]);
}

fn listed() {
    let text = "lab: web\nnetworks: { lan: { subnets: [10.7.0.0/24] } }\nnamespaces:\n  one:\n    \
        interfaces: { eth0: { network: lan } }\n    publish: [8080:80, 8081:81]\n    \
        ingress: [{ from: any, protocol: tcp, port: 81 }]\n";
    let plan = ok(&["plan", &file("web.yaml", text)]);
    let warning =
        "warning: the `ingress` of one does not list what tcp 8080 leads to: nobody reaches it\n";
    assert!(plan.ends_with(warning), "{plan}");
}

/// As DHCP gives them.
fn expiring() {
    sh("ip link add up0 type veth peer name up1; ip link set up0 up; ip link set up1 up");
    sh("ip address add 192.0.2.1/24 dev up0 valid_lft 3600 preferred_lft 3600");
    let web = lab("{ host: 443, visible: lan }, \"192.0.2.1:80:80\"");
    let plan = ok(&["plan", &web]);
    assert!(
        plan.contains("reachable from this host, 192.0.2.0/24 and"),
        "{plan}"
    );
    assert!(!plan.contains("has not got"), "{plan}");
    ok(&["up", &web]);
    assert_eq!(near(), ["10.7.0.0/24", "192.0.2.0/24"]);
    sh("ip address del 192.0.2.1/24 dev up0");
    assert_eq!(outcome(&["status", "web"]).code, Some(1));
    ok(&["repair", "--yes", "web"]);
    assert_eq!(near(), ["10.7.0.0/24"]);
}

fn odd_sockets() {
    // `::1` is left to the sockets of the host.
    let own = TcpListener::bind("[::1]:8080").expect("a free port");
    ok(&["plan", &lab("8080:80")]);
    drop(own);
    let _mapped = TcpListener::bind("[::ffff:127.0.0.1]:8081").expect("a free port");
    let said = outcome(&["plan", &lab("\"0.0.0.0:8081:80\"")]);
    assert!(
        said.err.contains("listens on 127.0.0.1:8081"),
        "{}",
        said.err
    );
}

/// All that changes of the host's rules is one transaction, and a namespace's own come first.
fn moving() {
    let two = |one: &str, two: &str| {
        let text = format!(
            "lab: web\nnetworks: {{ lan: {{ subnets: [10.7.0.0/24] }} }}\nnamespaces:\n  \
             one: {{ interfaces: {{ eth0: {{ network: lan }} }} {one} }}\n  \
             two: {{ interfaces: {{ eth0: {{ network: lan }} }} {two} }}\n"
        );
        file("web.yaml", &text)
    };
    let at = |script: &str, what: &str| {
        let line = script.lines().position(|line| line.contains(what));
        line.unwrap_or_else(|| panic!("{what} in\n{script}"))
    };
    ok(&[
        "up",
        &two(", publish: [{ host: 443, visible: public }]", ""),
    ]);
    let moved = two("", ", publish: [443:443]");
    let script = ok(&["plan", "--as", "sh", &moved]);
    let closed = at(&script, "delete element inet netyard public");
    assert!(
        closed < at(&script, "add element inet netyard ports4"),
        "{script}"
    );
    ok(&["up", "--yes", &moved]);
    let listed = ", publish: [{ host: 443, visible: public }], ingress: []";
    let script = ok(&["plan", "--as", "sh", &two("", listed)]);
    let inside = at(&script, "ip netns exec two nft");
    assert!(
        inside < at(&script, "add element inet netyard public"),
        "{script}"
    );
}
