//! What is shown while netyard works: a bar, commands, netlink messages.

use regex_lite::Regex;
use serde_json::Value;

use crate::crowd::network;
use crate::sandbox::{example, file, ok, outcome, sh};
use crate::typed::{CLEAR, Typed};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("progress::a bar while up takes long", bar_of_up),
        test("progress::a bar while test takes long", bar_of_test),
        test("progress::no bar for what is done at once", no_bar),
        test("progress::-v shows each command", commands),
        test("progress::-vv shows the netlink messages", messages),
        test("progress::-vv shows what the kernel refused", refusal),
    ]
}

const NETYARD: &str = env!("CARGO_BIN_EXE_netyard");

/// What a run shows on a terminal before a text of its answer, where a bar of so many
/// steps is, if there was one, gone.
fn shown(arguments: &[&str], steps: usize, answer: &str) -> (Option<usize>, String) {
    let mut typed = Typed::start(&[&[NETYARD], arguments].concat());
    let shown = typed.sees(answer);
    let (rest, status) = typed.end();
    assert!(status.success(), "{shown}{rest}");
    let bar = format!("/{steps}  ");
    assert!(!rest.contains(&bar), "after the answer: {rest:?}");
    let last = shown.rfind(&bar);
    let cleared = shown.rfind(CLEAR);
    assert!(last <= cleared, "it is not gone: {shown:?}");
    (last, shown)
}

/// To a pipe nothing is said but the answer.
fn quiet(arguments: &[&str]) {
    let said = outcome(arguments);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    assert!(!said.out.contains('\r'), "{}", said.out);
}

/// The kernel alone takes half a millisecond for each namespace.
fn bar_of_up() {
    let mut text = "lab: many\nnamespaces:\n".to_owned();
    (0..1000).for_each(|n| text += &format!("  n{n}: {{}}\n"));
    let path = file("many.yaml", &text);
    let plan: Value = serde_json::from_str(&ok(&["plan", "--json", &path])).expect("JSON");
    let steps = plan["steps"].as_array().expect("steps").len();
    quiet(&["up", &path]);
    ok(&["down", "many"]);
    let (bar, shown) = shown(&["up", &path], steps, "lab ");
    assert!(bar.is_some(), "{shown:?}");
    assert!(shown.contains('█'), "{shown:?}");
    // On a fast machine all namespaces are there before it is shown.
    let steps = ["make namespace n", "set up on device lo"];
    assert!(steps.iter().any(|step| shown.contains(step)), "{shown:?}");
}

/// Of one probe it is known only after a second that nobody answers.
fn bar_of_test() {
    let expect = "expect:\n  - { from: n0, to: 192.0.2.1, reach: false }\n";
    let path = file("many.yaml", &(network(20) + expect));
    ok(&["up", &path]);
    let arguments = ["test", "--all", &path];
    quiet(&arguments);
    let pairs = 21 * 20 * 2;
    let (bar, shown) = shown(&arguments, pairs + 1, "FROM");
    assert!(bar.is_some(), "{shown:?}");
    quiet(&["test", "--all", "--json", &path]);
}

fn no_bar() {
    let path = file("one.yaml", "lab: one\nnamespaces: { one: {} }\n");
    // A machine that is very busy may need half a second for it.
    let quick = (0..10).any(|_| {
        let (_, shown) = shown(&["up", &path], 0, "lab ");
        ok(&["down", "one"]);
        !shown.contains('\r')
    });
    assert!(quick, "a bar ten times");
}

/// Lines without what stands behind them as a reason.
fn bare(text: &str) -> Vec<&str> {
    let lines = text.lines().map(|line| line.split("  #").next());
    lines.flatten().map(str::trim_end).collect()
}

fn commands() {
    let internet = example("internet.yaml");
    let planned = ok(&["plan", "--as", "commands", &internet]);
    let done = outcome(&["up", "-v", &internet]).err;
    let done = done.strip_suffix("# all is done: looking again\n");
    assert_eq!(bare(done.expect("the last line")), bare(&planned));
    let done = outcome(&["down", "-v", "internet"]).err;
    let names = ["internet", "one", "stranger", "two"];
    for command in names.map(|name| format!("ip netns del {name}")) {
        assert!(bare(&done).contains(&command.as_str()), "{command}: {done}");
    }
    assert!(!done.contains(" -> "), "{done}");
}

fn messages() {
    let internet = example("internet.yaml");
    let done = outcome(&["up", "-vv", &internet]).err;
    let message = Regex::new("^[A-Z_]+ .*-> .+$").expect("a pattern");
    let messages: Vec<&str> = done.lines().filter(|line| message.is_match(line)).collect();
    for told in [
        "GETLINK -> a list of 1",
        "NEWLINK create,excl virtual-bridge dev=100000000 address=02:d4:94:0c:bd:dc (bridge) -> ok",
        "SETLINK dev=100000000 alias=netyard:internet -> ok",
        "SETLINK dev=100000000 up -> ok",
        "NEWADDR create,excl 10.0.0.1/24 dev=100000000 -> ok",
        "NEWROUTE create,excl inet default via=10.0.0.1 dev=1000 -> ok",
        "NEWROUTE create,excl 198.51.100.0/24 via=203.0.113.2 dev=100000004 -> ok",
        "BATCH_BEGIN -> ok",
        "NEWSETELEM create,excl netyard masquerade4 (92 bytes) -> ok",
    ] {
        assert!(messages.contains(&told), "{told}:\n{done}");
    }
    let cable = "NEWLINK create,excl one-veth-one-in dev=100000001 up master=100000000 (veth) \
                 peer=[veth-one-in dev=1000 address=02:05:b3:29:aa:e9 netns=fd ";
    assert!(
        messages.iter().any(|line| line.starts_with(cable)),
        "{done}"
    );
    assert!(done.contains("\nip netns add one\n"), "{done}");
}

fn refusal() {
    sh("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
    let said = outcome(&["up", "-vv", &example("dual-stack.yaml")]);
    assert_eq!(said.code, Some(1));
    let refused = "NEWADDR create,excl fd00:46::1/64 dev=100000000 -> permission denied \
                   (the kernel says: ipv6: IPv6 is disabled on this device)\n";
    assert!(said.err.contains(refused), "{}", said.err);
}
