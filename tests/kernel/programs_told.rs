//! What programs of a lab write, and whom they know by name.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::programs::{kill, known, shop, sleepers};
use crate::sandbox::{file, netyard, ok, outcome, sh, until};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("programs::what they wrote", logs),
        test("programs::names for those who read no hosts file", resolver),
    ]
}

fn logs() {
    let yaml = shop(
        "shop.yaml",
        "
        one: { command: 'for i in 1 2 3 4; do echo line $i; done; exec sleep 987606', ready: { text: line 4 } }
        two: { command: 'echo to a file; echo and an error >&2', output: /run/two.txt }
        ",
    );
    ok(&["up", &yaml]);
    until("it has ended", || known()[1].1["ended"] == 0);
    assert_eq!(sh("cat /run/two.txt"), "to a file\nand an error\n");
    assert_eq!(ok(&["logs", "shop", "one", "-n", "2"]), "line 3\nline 4\n");
    assert_eq!(ok(&["logs", "shop", "two", "-n", "0"]), "");
    let all = ok(&["logs", "shop"]);
    assert!(all.contains("web/two ended with exit code 0"), "{all}");
    assert!(all.contains("and an error\n"), "{all}");
    let none = outcome(&["logs", "shop", "three"]);
    assert_eq!(none.code, Some(1));
    assert!(
        none.err.contains("it runs web/one, web/two"),
        "{}",
        none.err
    );
    // It follows until the program has ended.
    let mut follow = netyard(&["logs", "shop", "web/one", "-f", "-n", "1"]);
    let mut follow = follow
        .stdout(Stdio::piped())
        .spawn()
        .expect("netyard starts");
    let mut told = BufReader::new(follow.stdout.take().expect("its output"));
    let mut line = String::new();
    told.read_line(&mut line).expect("a line");
    sh("echo line 5 >> /run/netyard/programs/shop/web/one.output");
    kill(sleepers("987606")[0]);
    told.read_to_string(&mut line).expect("the rest");
    assert_eq!(line, "line 4\nline 5\n");
    follow.wait().expect("its end");
    ok(&["down", "shop"]);
    assert_eq!(
        sh("cat /run/two.txt"),
        "to a file\nand an error\n",
        "a file of the user's stays"
    );
    assert_eq!(outcome(&["logs", "shop"]).code, Some(1));
}

fn resolver() {
    let text = "lab: named\nresolver: true\nnetworks: { lan: { subnets: [10.7.0.0/24, \"fd00:7::/64\"] } }\nnamespaces:\n\
                \x20 web: { interfaces: { eth0: { network: lan } } }\n\
                \x20 cli: { interfaces: { eth0: { network: lan } } }\n";
    let before = snapshot::host();
    let yaml = file("named.yaml", text);
    let up = ok(&["up", &yaml]);
    assert!(up.contains("; host/resolver started ("), "{up}");
    let ask = |name: &str| {
        let asked = outcome(&["exec", "cli", "--", "busybox", "nslookup", name]);
        format!("{}{}", asked.out, asked.err)
    };
    let told = ask("web");
    assert!(
        told.contains("127.0.0.53"),
        "it is the first that is asked: {told}"
    );
    assert!(
        told.contains("10.7.0.3") && told.contains("fd00:7::3"),
        "{told}"
    );
    assert!(ask("10.7.0.2").contains("cli"), "{}", ask("10.7.0.2"));
    assert!(
        ask("example.org").contains("REFUSED"),
        "{}",
        ask("example.org")
    );
    let conf = ok(&["exec", "cli", "--", "cat", "/etc/resolv.conf"]);
    assert!(
        conf.starts_with("nameserver 127.0.0.53\n") && conf.ends_with("options ndots:0\n"),
        "{conf}"
    );
    assert!(
        !sh("cat /etc/resolv.conf 2>/dev/null || true").contains("ndots:0"),
        "the host's is untouched"
    );
    assert_eq!(
        ok(&["up", &yaml]),
        "lab named is up already: nothing to change\n"
    );
    // Another address: other answers.
    let yaml = file(
        "named.yaml",
        &text.replace(
            "web: { interfaces: { eth0: { network: lan } }",
            "web: { interfaces: { eth0: { network: lan, addresses: [10.7.0.77/24] } }",
        ),
    );
    let up = ok(&["up", "--yes", &yaml]);
    assert!(up.contains("host/resolver started anew"), "{up}");
    let told = ask("web");
    assert!(
        told.contains("10.7.0.77") && !told.contains("10.7.0.3\n"),
        "{told}"
    );
    let began = Instant::now();
    ok(&["down", "--wait", "named"]);
    assert!(
        began.elapsed() < Duration::from_millis(1500),
        "it ends when it is asked to"
    );
    snapshot::assert_same(&before, &snapshot::host(), "down");
}
