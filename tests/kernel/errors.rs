//! Errors of the host and of the kernel, as text and as JSON; and a starter, used as
//! its own words say.

use serde_json::Value;

use crate::sandbox::{Outcome, example, netyard, ok, outcome, sh, try_sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("errors::a starter does what it says", starter),
        test("errors::what is in the way, each with its code", conflict),
        test("errors::what the kernel refused, and what it was", refused),
        test("errors::without rights it says what to do", not_root),
        test("errors::names that nobody has", unknown),
        test("errors::journals that cannot be read", journal),
    ]
}

/// The error of a run with `--json`, which prints nothing else.
#[track_caller]
fn error(said: &Outcome, code: &str) -> Value {
    let value: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(value["error"]["code"], code, "{}", said.out);
    assert_eq!((said.code, said.err.as_str()), (Some(1), ""));
    value["error"].clone()
}

fn starter() {
    let before = snapshot::host();
    let made = netyard(&["init", "web", "--example", "internet"])
        .current_dir("/run")
        .output()
        .expect("netyard starts");
    let said = Outcome::of(made).out;
    let told = said
        .lines()
        .filter_map(|line| line.trim().strip_prefix("netyard "));
    let verbs: Vec<&str> = told.filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(verbs, ["run", "up", "test", "down"], "{said}");
    for verb in verbs {
        ok(&[verb, "/run/web.yaml"]);
    }
    sh("rm /run/web.yaml");
    snapshot::assert_same(&before, &snapshot::host(), "after the starter");
}

fn conflict() {
    sh("ip netns add one; ip link add virtual-bridge type bridge");
    let file = example("three.yaml");
    let error = error(&outcome(&["up", "--json", &file]), "conflict");
    assert_eq!(error["notes"][0], "nothing was changed");
    let problems = error["problems"].as_array().expect("problems");
    let told: Vec<[&str; 2]> = problems
        .iter()
        .map(|problem| ["code", "object"].map(|key| problem[key].as_str().expect("a text")))
        .collect();
    let namespace = ["namespace-taken", "namespace one"];
    assert_eq!(told, [["device-taken", "device virtual-bridge"], namespace]);
    let text = outcome(&["up", &file]).err;
    for said in [
        "error[namespace-taken]: namespace one exists already",
        "`ip -d link show dev virtual-bridge`",
        "more about it: netyard errors device-taken",
    ] {
        assert!(text.contains(said), "`{said}` in\n{text}");
    }
    // The commands that it names to look at what is there work.
    sh("ip -d link show dev virtual-bridge; ip netns exec one ip address");
}

fn refused() {
    // The namespaces' devices then refuse IPv6 addresses.
    sh("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
    let before = snapshot::host();
    let error = error(
        &outcome(&["up", "--json", &example("dual-stack.yaml")]),
        "ipv6-off",
    );
    assert_eq!(error["kernel"]["errno"], 13);
    assert!(error["kernel"]["text"].is_string() && error["cause"].is_string());
    assert!(
        error["next"]
            .as_str()
            .expect("a text")
            .contains("disable_ipv6=0")
    );
    let object = error["object"].as_str().expect("a text");
    let command = error["command"].as_str().expect("a text");
    let address = object.strip_prefix("address ").expect("an address");
    assert!(
        command.contains(&format!("address add {address} dev ")),
        "{command}"
    );
    assert!(error["namespace"].is_string());
    assert_eq!(error["notes"][0], "what had been done was undone");
    snapshot::assert_same(&before, &snapshot::host(), "after the failed up");
}

fn not_root() {
    let three = example("three.yaml");
    let program = env!("CARGO_BIN_EXE_netyard");
    let said = try_sh(&format!(
        "setpriv --bounding-set=-all {program} up --json {three}"
    ));
    let error = error(&said, "not-root");
    let next = error["next"].as_str().expect("a text");
    assert!(next.contains("sudo") && next.contains("netyard run --private FILE -- CMD"));
}

fn unknown() {
    for verb in ["down", "test", "list"] {
        let said = outcome(&[verb, "--json", "nobody"]);
        error(&said, "no-such-lab");
    }
    let said = outcome(&["exec", "nobody", "true"]);
    assert!(
        said.err.contains("error[no-such-namespace]"),
        "{}",
        said.err
    );
    let pcs = example("two-pcs.yaml");
    ok(&["up", &pcs]);
    sh("ip netns del pc-two");
    error(&outcome(&["test", "--json", &pcs]), "namespace-gone");
}

/// What cannot be read is told, and what is then to be done leads to the end.
fn journal() {
    // The directory of names is then not netyard's own.
    sh("ip netns add keep");
    let before = snapshot::host();
    ok(&["up", &example("internet.yaml")]);
    // The number of the version (PRAGMA user_version, sqlite.org/fileformat.html).
    let version = |bytes: &[u8]| {
        let path = "/run/netyard/netyard.db";
        let journal = std::fs::OpenOptions::new().write(true).open(path);
        std::os::unix::fs::FileExt::write_all_at(&journal.expect("it is there"), bytes, 60)
            .expect("written");
    };
    let same = std::fs::read("/run/netyard/netyard.db").expect("the journal");
    for other in [99, 1] {
        version(&[0, 0, 0, other]);
        for verb in [&["list"][..], &["down", "--all"], &["gc", "--yes"]] {
            let said = outcome(&[verb, &["--json"]].concat());
            let next = error(&said, "journal-version")["next"].to_string();
            assert!(next.contains("`netyard down --all`"), "{next}");
        }
    }
    version(&same[60..64]);
    assert_eq!(ok(&["status"]), "lab internet is as described\n");
    let bad = "this is no database, and longer than its header is";
    std::fs::write("/run/netyard/netyard.db", bad).expect("written");
    let next = error(&outcome(&["list", "--json"]), "journal")["next"].to_string();
    assert!(next.contains("`netyard gc --yes`"), "{next}");
    sh("rm /run/netyard/netyard.db");
    ok(&["gc", "--yes"]);
    snapshot::assert_same(&before, &snapshot::host(), "after gc");
    // An older one in which there is nothing is no hindrance, a newer one is.
    version(&[0, 0, 0, 1]);
    ok(&["up", &example("internet.yaml")]);
    ok(&["down", "internet"]);
    version(&[0, 0, 0, 99]);
    error(&outcome(&["list", "--json"]), "journal-version");
    snapshot::assert_same(&before, &snapshot::host(), "after an update");
}
