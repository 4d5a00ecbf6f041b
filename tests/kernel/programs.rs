//! `run:` of namespaces: programs that a lab starts, waits for, and ends.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::sandbox::{Outcome, file, netyard, ok, outcome, own_processes, sh, until};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test(
            "programs::started, waited for, ended with the lab",
            whole_life,
        ),
        test("programs::the next up does what has changed", changed),
        test("programs::one that is not ready", not_ready),
        test(
            "programs::of a lab that was there, the network stays",
            stays,
        ),
        test(
            "programs::run waits for them, and ends as the main one does",
            run,
        ),
    ]
}

/// A lab `shop` of `web` and `cli`; of `web` these programs, each a line of YAML.
pub(crate) fn shop(name: &str, run: &str) -> String {
    let run: String = run
        .trim()
        .lines()
        .map(|line| format!("      {}\n", line.trim()))
        .collect();
    let text = format!(
        "lab: shop\nnetworks: {{ lan: {{ subnets: [10.7.0.0/24] }} }}\nnamespaces:\n\
         \x20 web:\n    interfaces: {{ eth0: {{ network: lan }} }}\n    run:\n{run}\
         \x20 cli: {{ interfaces: {{ eth0: {{ network: lan }} }} }}\n\
         expect: [{{ from: cli, to: web }}]\n"
    );
    file(name, &text)
}

/// The processes that are `sleep` with this argument, which no other test has.
pub(crate) fn sleepers(argument: &str) -> Vec<i32> {
    let wanted = format!("sleep\0{argument}\0");
    let mut pids = own_processes();
    pids.retain(|pid| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == wanted.as_bytes())
    });
    pids
}

/// None of them is left, also none that has left its session.
#[track_caller]
pub(crate) fn none(argument: &str) {
    assert_eq!(sleepers(argument), Vec::<i32>::new());
}

pub(crate) fn known() -> Vec<(String, Value)> {
    let all: Value = serde_json::from_str(&ok(&["logs", "shop", "--json"])).expect("JSON");
    let one = |one: &Value| {
        (
            one["program"].as_str().expect("a name").to_owned(),
            one["life"].clone(),
        )
    };
    all.as_array().expect("a list").iter().map(one).collect()
}

fn whole_life() {
    sh("mkdir /run/www");
    let before = snapshot::host();
    let yaml = shop(
        "shop.yaml",
        "
        httpd: { command: [busybox, httpd, -f, -p, '80', -h, /run/www], ready: { tcp: 80 } }
        words: { command: 'echo in $(pwd) with $NAME; setsid sleep 987601 & sleep 0.1; echo I am ready; sleep 987601', env: { NAME: yes }, directory: /proc/sys, ready: { text: am ready } }
        ",
    );
    let planned = ok(&["plan", &yaml]);
    assert!(
        planned.contains("start program web/httpd: busybox httpd -f -p 80 -h /run/www\n"),
        "{planned}"
    );
    let up = ok(&["up", &yaml]);
    assert!(up.contains("; web/httpd, web/words started "), "{up}");
    sh("echo welcome > /run/www/index.html");
    assert_eq!(
        sh("ip netns exec cli busybox wget -qO- http://10.7.0.3/"),
        "welcome\n"
    );
    let words = ok(&["logs", "shop", "web/words"]);
    assert_eq!(words, "in /proc/sys with yes\nI am ready\n");
    assert_eq!(
        sleepers("987601").len(),
        2,
        "the one in the background is its own session's"
    );
    let status = ok(&["status", "shop"]);
    assert!(status.contains("is as described"), "{status}");
    assert!(
        status.contains("program web/httpd runs (busybox httpd"),
        "{status}"
    );
    ok(&["test", "shop"]);
    let down = ok(&["down", "--wait", "shop"]);
    assert!(!down.contains("still in"), "{down}");
    none("987601");
    assert!(!fs::exists("/run/netyard/programs/shop").expect("/run"));
    snapshot::assert_same(&before, &snapshot::host(), "down");
}

fn changed() {
    let text = "
        one: { command: [sleep, '987602'], env: { A: 1 } }
        two: { command: [sleep, '987603'] }
        three: { command: 'true' }
        four: { command: 'false' }
    ";
    ok(&["up", &shop("shop.yaml", text)]);
    until("they have ended", || {
        let all = known();
        all[0].1["ended"] == 1 && all[2].1["ended"] == 0
    });
    let (one, two) = (sleepers("987602"), sleepers("987603"));
    assert_eq!((one.len(), two.len()), (1, 1));
    // The one that failed is tried again, what has ended well is done.
    let again = ok(&["up", "shop"]);
    assert!(
        again.starts_with("lab shop is up: web/four started ("),
        "{again}"
    );
    assert_eq!(
        (sleepers("987602"), sleepers("987603")),
        (one.clone(), two.clone())
    );
    kill(two[0]);
    until("it was seen", || known()[3].1["killed"] == 9);
    let yaml = shop(
        "shop.yaml",
        &text
            .replace("A: 1", "A: 2")
            .replace("four: { command: 'false' }", ""),
    );
    let planned = ok(&["plan", &yaml]);
    for line in [
        "end program web/four",
        "start anew program web/one",
        "start program web/two",
    ] {
        assert!(planned.contains(line), "{planned}");
    }
    let up = ok(&["up", &yaml]);
    assert!(
        up.contains("web/two started; web/one started anew; web/four ended"),
        "{up}"
    );
    until("it is another", || {
        sleepers("987602").len() == 1 && sleepers("987602") != one
    });
    let now = sleepers("987602");
    // Nor does it matter from where it is said.
    let again = netyard(&["up", &yaml]).current_dir("/").output();
    assert_eq!(
        Outcome::of(again.expect("netyard starts")).out,
        "lab shop is up already: nothing to change\n"
    );
    remade(&yaml, &now);
}

/// What is in a namespace that is made anew is started anew.
fn remade(yaml: &str, now: &[i32]) {
    sh("ip netns delete web");
    ok(&["up", "--yes", yaml]);
    until("both are others", || {
        let (one, two) = (sleepers("987602"), sleepers("987603"));
        one.len() == 1 && two.len() == 1 && one != now
    });
    ok(&["up", &shop("shop.yaml", "one: {command: 'true'}")]);
    ok(&["down", "shop"]);
    assert!(!fs::exists("/run/netyard/programs/shop").expect("/run"));
    none("987602");
}

pub(crate) fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).expect("a number"), Signal::KILL).expect("it was there");
}

/// Each with what is said of it.
const NOT_READY: [(&str, &str); 6] = [
    (
        "{ command: 'echo no luck; exit 3', ready: { tcp: 80 } }",
        "ended with exit code 3 before it was ready",
    ),
    (
        "{ command: 'kill -KILL $$', ready: { text: never } }",
        "was killed by signal 9 before it was ready",
    ),
    (
        "{ command: sleep 987604, ready: { tcp: 81, within: 300ms } }",
        "was not ready within 300 ms: nothing listened on TCP port 81",
    ),
    (
        "{ command: echo an; sleep 987604, ready: { text: another, within: 300ms } }",
        "it did not write `another`",
    ),
    (
        "{ command: [no-such-program] }",
        "cannot run `no-such-program`: ",
    ),
    (
        "{ command: [sleep, '987604'], directory: /no/such }",
        "use /no/such as the directory of program web/one",
    ),
];

fn not_ready() {
    let before = snapshot::host();
    for (one, said) in NOT_READY {
        let yaml = shop(
            "shop.yaml",
            &format!("one: {one}\nother: {{ command: sleep 987604 }}"),
        );
        let up = outcome(&["up", &yaml]);
        assert_eq!(up.code, Some(1), "{one}");
        assert!(up.err.contains(said), "{one}: {}", up.err);
        assert!(
            up.err.contains("what had been done was undone"),
            "{}",
            up.err
        );
        none("987604");
        snapshot::assert_same(&before, &snapshot::host(), one);
    }
    let yaml = shop("shop.yaml", &format!("one: {}", NOT_READY[0].0));
    let up = outcome(&["up", &yaml]);
    assert!(
        up.err.contains("it wrote, at last:") && up.err.contains("no luck"),
        "{}",
        up.err
    );
    assert_eq!(ok(&["list"]), "no lab is up\n");
}

fn stays() {
    ok(&["up", &shop("shop.yaml", "one: { command: sleep 987605 }")]);
    let yaml = shop(
        "shop.yaml",
        "one: { command: sleep 987605 }\ntwo: { command: exit 4, ready: { tcp: 80 } }",
    );
    let up = outcome(&["up", &yaml]);
    assert_eq!(up.code, Some(1));
    assert!(
        up.err.contains("web/two ended with exit code 4"),
        "{}",
        up.err
    );
    assert!(!up.err.contains("undone"), "{}", up.err);
    ok(&["test", "shop"]);
    until("the shell has become it", || sleepers("987605").len() == 1);
    // It is not taken for ready the next time.
    let again = outcome(&["up", &yaml]);
    assert_eq!(again.code, Some(1));
    assert!(
        again.err.contains("web/two ended with exit code 4"),
        "{}",
        again.err
    );
    let late = "two: { command: sleep 987612, ready: { tcp: 80, within: 300ms } }";
    let late = shop(
        "shop.yaml",
        &format!("one: {{ command: sleep 987605 }}\n{late}"),
    );
    for _ in 0..2 {
        let up = outcome(&["up", &late]);
        assert!(up.err.contains("was not ready within 300 ms"), "{}", up.err);
        none("987612");
    }
    ok(&["down", "shop"]);
}

/// What a server of the tests shows.
const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");

fn run() {
    let text = fs::read_to_string(format!("{HERE}/run.yaml")).expect("an example");

    let before = snapshot::host();
    let yaml = shop(
        "shop.yaml",
        &format!(
            "httpd: {{ command: 'sleep 0.2; exec busybox httpd -f -p 80 -h \"$HERE\"', env: {{ HERE: '{HERE}' }}, ready: {{ tcp: 80 }} }}
            asks: {{ command: 'busybox wget -qO- http://web/run.yaml; exit 5', main: true }}"
        ),
    );
    for how in [&["run"][..], &["run", "--private"]] {
        let main = outcome(&[how, &[&yaml]].concat());
        assert_eq!(
            (main.code, main.out.as_str()),
            (Some(5), text.as_str()),
            "{how:?} {}",
            main.err
        );
        let other = [
            "--in",
            "cli",
            "--",
            "busybox",
            "wget",
            "-qO-",
            "http://web/run.yaml",
        ];
        let other = outcome(&[how, &[&yaml], &other].concat());
        assert_eq!(
            (other.code, other.out.as_str()),
            (Some(0), text.as_str()),
            "{}",
            other.err
        );
        let shell = ["--", "sh", "-c", "exit 6"];
        assert_eq!(outcome(&[how, &[&yaml], &shell].concat()).code, Some(6));
        snapshot::assert_same(&before, &snapshot::host(), "run");
    }
    // With `up` it comes last, and finds the others ready, too.
    ok(&["up", &yaml]);
    until("it has ended", || {
        known()
            .iter()
            .any(|(name, life)| name == "web/asks" && life["ended"] == 5)
    });
    assert_eq!(ok(&["logs", "shop", "asks"]), text);
    ok(&["down", "shop"]);
    let bad = shop("bad.yaml", "one: { command: exit 3, ready: { tcp: 1 } }");
    for how in [&["run"][..], &["run", "--private"]] {
        let run = outcome(&[how, &[&bad, "true"]].concat());
        assert_eq!(run.code, Some(1));
        assert!(
            run.err.contains("web/one ended with exit code 3"),
            "{}",
            run.err
        );
        snapshot::assert_same(&before, &snapshot::host(), "run");
    }
}
