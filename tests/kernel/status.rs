//! `status`: what it tells, and its exit codes; `up` by name; questions on a terminal.

use std::io::{BufReader, Read, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use crate::kill::{End, signalled_after};
use crate::sandbox::{example, file, ok, outcome, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("status::each difference is a line", drift),
        test("status::what is in the way is told", in_the_way),
        test("status::an up that was killed says so", half_done),
        test(
            "status::a lab of another namespace is told as such",
            elsewhere,
        ),
        test(
            "status::a lab whose file cannot be read leaves the others",
            unread,
        ),
        test("status::up asks before something is lost", asks),
        test("status::what was shown is what is done", shown_is_done),
    ]
}

const LAB: &str = "
lab: mine
networks:
  lan: { bridge: br-mine, subnets: [10.5.0.0/24] }
namespaces:
  pc: { interfaces: { eth0: { network: lan, addresses: 10.5.0.10/24 } } }
";

fn drift() {
    assert_eq!(ok(&["status"]), "no lab is up\n");
    assert_eq!(outcome(&["status", "mine"]).code, Some(1));
    ok(&["up", &file("mine.yaml", LAB)]);
    assert_eq!(ok(&["status", "mine"]), "lab mine is as described\n");
    sh("ip -n pc route del default; ip -n pc address add 10.9.9.9/24 dev eth0");
    sh("ip link set pc-eth0 mtu 1400; ip link set br-mine mtu 1500");
    sh("ip link add other type veth peer name end; ip link set other master br-mine");
    let said = outcome(&["status"]);
    assert_eq!(said.code, Some(1));
    let expected = "\
lab mine is not as described: 1 missing, 1 different, 1 not described
  host
    ~ pc-eth0 mtu 1500 (now 1400)          the file gives it this MTU
  namespace pc
    + route default via 10.5.0.1 dev eth0
        what is not on a link goes to the gateway
    - address 10.9.9.9/24 on eth0          the file has no such address
  note: other is plugged into one of its bridges and was not made by netyard
  `netyard up mine` puts it right
";
    assert_eq!(said.out, expected);
    let json: serde_json::Value =
        serde_json::from_str(&outcome(&["status", "--json"]).out).expect("JSON");
    assert_eq!(json[0]["as_described"], false);
    assert_eq!(json[0]["drift"][1]["sign"], "+");
    assert_eq!(json[0]["foreign"][0], "host:other");
    ok(&["up", "--yes", "mine"]);
    assert!(ok(&["status"]).starts_with("lab mine is as described\n"));
}

fn in_the_way() {
    ok(&["up", &file("mine.yaml", LAB)]);
    sh("ip netns del pc; ip netns add pc");
    let said = outcome(&["status"]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.out.contains("namespace pc exists already"),
        "{}",
        said.out
    );
}

fn half_done() {
    let internet = example("internet.yaml");
    let said = (100..).step_by(10).find_map(|n| {
        let end = signalled_after(&["up", &internet], n, libc::SIGKILL);
        assert_eq!(end, End::Killed);
        Some(outcome(&["status"])).filter(|said| said.out != "no lab is up\n")
    });
    let said = said.expect("a kill after it was recorded");
    assert_eq!(said.code, Some(1));
    for text in [
        "did not come to its end",
        "`netyard up internet` completes it",
    ] {
        assert!(said.out.contains(text), "{}", said.out);
    }
    ok(&["up", "internet"]);
    assert_eq!(ok(&["status"]), "lab internet is as described\n");
}

fn elsewhere() {
    ok(&["up", &file("mine.yaml", LAB)]);
    let there = ["unshare", "--net", env!("CARGO_BIN_EXE_netyard"), "status"].join(" ");
    let said = crate::sandbox::try_sh(&there);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(
        said.out.contains("made from another network namespace"),
        "{}",
        said.out
    );
    let said = crate::sandbox::try_sh(&format!("{there} mine"));
    assert_eq!(said.code, Some(1));
    // Nor is this host judged in the place of the lab's.
    let there = there.replace("status", "test");
    for target in ["mine", "/run/mine.yaml", "--all mine"] {
        let said = crate::sandbox::try_sh(&format!("{there} {target}"));
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
        assert!(said.err.contains("error[other-host]"), "{}", said.err);
    }
}

fn unread() {
    ok(&["up", &file("mine.yaml", LAB)]);
    ok(&["up", &example("two-pcs.yaml")]);
    let db = rusqlite::Connection::open("/run/netyard/netyard.db").expect("the journal");
    let sql = "UPDATE lab SET source = 'lab: mine\nold: key' WHERE name = 'mine'";
    db.execute(sql, []).expect("another version's file");
    let said = outcome(&["status"]);
    assert_eq!(said.code, Some(1));
    for text in [
        "lab mine cannot be judged",
        "`netyard down mine` removes it",
        "lab two-pcs is as described",
    ] {
        assert!(said.out.contains(text), "{}{}", said.out, said.err);
    }
    let json = outcome(&["status", "--json", "mine"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!(json[0]["as_described"], false);
    assert_eq!(
        json[0]["error"]["problems"][0]["code"], "unknown-key",
        "{json}"
    );
    ok(&["down", "mine"]);
    assert_eq!(outcome(&["status"]).code, Some(0));
}

/// netyard on a terminal, and what it wrote there so far.
pub(crate) struct Terminal {
    child: std::process::Child,
    answers: ChildStdin,
    screen: BufReader<ChildStdout>,
}

impl Terminal {
    pub(crate) fn of(arguments: &str) -> Self {
        let command = format!("{} {arguments}", env!("CARGO_BIN_EXE_netyard"));
        let mut child = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script, of util-linux");
        let answers = child.stdin.take().expect("a pipe");
        let screen = BufReader::new(child.stdout.take().expect("a pipe"));
        Terminal {
            child,
            answers,
            screen,
        }
    }

    /// What it writes up to the next question.
    pub(crate) fn question(&mut self) -> String {
        let mut text = Vec::new();
        let mut byte = [0];
        while !text.ends_with(b"[y/N] ") {
            self.screen.read_exact(&mut byte).expect("a question");
            text.extend(byte);
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    pub(crate) fn answer(&mut self, line: &str) {
        writeln!(self.answers, "{line}").expect("somebody reads it");
    }

    /// The rest, and the exit code.
    pub(crate) fn end(mut self) -> (String, Option<i32>) {
        let mut text = String::new();
        self.screen.read_to_string(&mut text).expect("text");
        (text, self.child.wait().expect("its end").code())
    }
}

fn without_pc() -> String {
    file(
        "mine.yaml",
        LAB.split("namespaces:").next().expect("the head"),
    )
}

fn asks() {
    ok(&["up", &file("mine.yaml", LAB)]);
    let before = snapshot::host();
    let file = without_pc();
    let said = outcome(&["up", &file]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.err.contains("- namespace pc") && said.err.contains("--yes"),
        "{}",
        said.err
    );
    for answer in ["", "n", "nothing"] {
        let mut terminal = Terminal::of(&format!("up {file}"));
        let asked = terminal.question();
        assert!(asked.contains("removed: with all that is in it"), "{asked}");
        terminal.answer(answer);
        let (said, code) = terminal.end();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("nothing was changed"), "{said}");
    }
    snapshot::assert_same(&before, &snapshot::host(), "nobody agreed");
    let mut terminal = Terminal::of(&format!("up {file}"));
    terminal.question();
    terminal.answer("y");
    assert_eq!(terminal.end().1, Some(0));
    assert!(!sh("ip netns list").contains("pc"));
}

fn shown_is_done() {
    ok(&["up", &file("mine.yaml", LAB)]);
    let mut terminal = Terminal::of(&format!("up {}", without_pc()));
    assert!(!terminal.question().contains("10.9.9.9"));
    sh("ip address add 10.9.9.9/24 dev br-mine");
    terminal.answer("y");
    let again = terminal.question();
    assert!(again.contains("- address 10.9.9.9/24"), "{again}");
    terminal.answer("n");
    assert_eq!(terminal.end().1, Some(1));
    assert!(sh("ip netns list").contains("pc"));
}
