//! Containerlab files that are brought up.

use crate::sandbox::{file, ok, pings, sh, try_sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("import::routers pass on what exec's routes say", routers),
        test("import::a switch, a port and the host", switch),
    ]
}

/// The lab, as a person would bring it up.
fn up(case: &str) -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    let text = ok(&[
        "import",
        &format!("{root}/tests/import/cases/{case}.clab.yml"),
    ]);
    let path = file("lab.yaml", &text);
    ok(&["up", &path]);
    path
}

fn routers() {
    let before = snapshot::host();
    let path = up("routers");
    assert!(pings("client1", "192.0.2.1"));
    assert!(pings("r1", "10.12.0.2"));
    assert!(sh("ip -n client1 route").contains("default via 10.1.0.1 dev eth1"));
    assert!(sh("ip -n r1 link show eth2").contains("02:42:ac:00:00:01"));
    ok(&["down", &path]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
    let path = up("two-pcs");
    assert!(pings("pc1", "10.0.0.2") && pings("pc2", "fd00::1"));
    assert!(sh("ip -n pc1 link show eth1").contains("mtu 9000"));
    ok(&["down", &path]);
}

fn switch() {
    sh("ip link add eno1 type veth peer name eno1-far; ip link set eno1 up");
    let path = up("switch");
    assert!(pings("web", "10.0.0.20"));
    assert!(try_sh("ip link show clab-up").code == Some(0));
    let ports = ok(&["plan", "switch"]) + &ok(&["show", "web"]);
    assert!(ports.contains("8080"), "{ports}");
    ok(&["test", "--all", &path]);
    ok(&["down", &path]);
}
