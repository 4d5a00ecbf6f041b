//! `graph`: what is drawn of a host is what was drawn of the file; and what `ip` made.

use crate::sandbox::{example, ok, outcome, sh};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("graph::a lab is drawn as its file is", as_its_file),
        test("graph::what others made is drawn too", of_others),
        test("graph::one namespace, and who is next to it", one_alone),
    ]
}

/// In each form: the file says what the kernel will say.
fn as_its_file() {
    for name in [
        "two-pcs",
        "three",
        "internet",
        "dual-stack",
        "routers",
        "ports",
        "policy",
        "chosen",
    ] {
        let file = example(&format!("{name}.yaml"));
        let asked = ok(&["graph", &file]);
        ok(&["up", &file]);
        assert_eq!(ok(&["graph", &format!("lab:{name}")]), asked, "{name}");
        ok(&["down", &file]);
    }
}

fn of_others() {
    sh("ip link add br0 type bridge; ip address add 10.0.0.1/24 dev br0; ip link set br0 up");
    sh("ip netns add web; ip link add v-web type veth peer name eth0 netns web");
    sh("ip link set v-web master br0 up; bridge link set dev v-web isolated on");
    sh("ip -n web link set eth0 up; ip -n web address add 10.0.0.2/24 dev eth0");
    sh("ip netns add off; ip link add v-off type veth peer name eth0 netns off");
    sh("ip link set v-off master br0 up");
    sh("ip netns add mac; ip link add link br0 name mv0 netns mac type macvlan mode bridge");
    sh("ip link add spare type veth peer name spare1; ip netns add alone");
    let drawn = ok(&["graph", "--host"]);
    let expected = "\
host
 ├─ br0  10.0.0.1/24  switch
 │   ├─ mac  mv0                macvlan bridge, down
 │   ├─ off  eth0               down                  port v-off, no carrier
 │   └─ web  eth0  10.0.0.2/24                        port v-web, isolated
 ├─ spare  down  ── spare1
 └─ spare1  down
";
    // Other tests' namespaces are there as well.
    assert!(drawn.starts_with(expected), "{drawn}");
    assert!(drawn.contains("\nalone  plugged into nothing\n"), "{drawn}");
    for form in ["svg", "html", "dot", "mermaid"] {
        let drawn = ok(&["graph", "--as", form]);
        for name in [
            "br0",
            "v-web",
            "mv0",
            "spare1",
            "alone",
            "no carrier",
            "isolated",
        ] {
            assert!(drawn.contains(name), "{name} in {form}");
        }
    }
}

fn one_alone() {
    ok(&["up", &example("routers.yaml")]);
    let drawn = ok(&["graph", "router-one"]);
    let first = "router-one  left   10.1.0.1/24 fd00:1::1/64    ── pc-left:eth0\n";
    assert!(drawn.starts_with(first), "{drawn}");
    // How the end is that is not drawn.
    sh("ip -n pc-left link set eth0 down");
    let drawn = ok(&["graph", "router-one"]);
    assert!(drawn.contains("── pc-left:eth0  down\n"), "{drawn}");
    let svg = ok(&["graph", "router-one", "--as", "svg"]);
    assert!(
        svg.contains(">down</text>") && !svg.contains("not seen"),
        "{svg}"
    );
    let said = outcome(&["graph", "no-such"]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.err.contains("error[no-such-namespace]"),
        "{}",
        said.err
    );
}
