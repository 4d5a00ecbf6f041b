//! Addresses of another plugin's: called as the specification wants it, and taken back.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::call::{addresses, call, changed, containers, network, of_network};
use crate::sandbox::{pings, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("cni::addresses of another plugin's", given),
        test(
            "cni::what was given is taken back after a failure",
            taken_back,
        ),
        test("cni::what another plugin refuses", refused),
        test("cni::a plugin that is not there", not_there),
        test("cni::the reference host-local", host_local),
    ]
}

/// Writes down how it is called, and answers what the file of the command says.
const PLUGIN: &str = r#"#!/bin/sh
input=$(cat)
echo "$CNI_COMMAND $CNI_CONTAINERID $CNI_NETNS $CNI_IFNAME $CNI_ARGS $CNI_PATH" >> /run/calls.yaml
echo "$input" > /run/input.$CNI_COMMAND.yaml
echo "a word on $CNI_COMMAND" >&2
cat /run/answer.$CNI_COMMAND.yaml 2>/dev/null
test ! -e /run/fails.$CNI_COMMAND.yaml
"#;

const GIVEN: &str = r#"{"cniVersion": "1.1.0", "ips": [{"address": "10.5.0.77/24", "gateway": "10.5.0.254"},
    {"address": "fd05::77/64"}], "routes": [{"dst": "192.0.2.0/24", "gw": "10.5.0.9"}],
    "dns": {"nameservers": ["10.5.0.53"]}}"#;

fn plugin() {
    std::fs::create_dir_all("/run/plugins").expect("a directory");
    std::fs::write("/run/plugins/fake", PLUGIN).expect("a plugin");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions("/run/plugins/fake", mode).expect("a program");
    answer("ADD", GIVEN);
    std::fs::write("/run/calls.yaml", "").expect("a file");
}

fn answer(command: &str, text: &str) {
    std::fs::write(format!("/run/answer.{command}.yaml"), text).expect("an answer");
}

fn refuses(command: &str) {
    answer(
        command,
        r#"{"cniVersion": "1.1.0", "code": 11, "msg": "later", "details": "busy"}"#,
    );
    std::fs::write(format!("/run/fails.{command}.yaml"), "").expect("a file");
}

fn conf() -> Value {
    let ipam = json!({"type": "fake", "anything": {"of": "its own"}});
    network("lan", json!({"ipam": ipam, "isDefaultGateway": true}))
}

/// The commands that it was called with since the last question.
fn calls() -> Vec<String> {
    let text = std::fs::read_to_string("/run/calls.yaml").expect("a file");
    std::fs::write("/run/calls.yaml", "").expect("a file");
    text.lines().map(str::to_owned).collect()
}

fn input(command: &str) -> Value {
    let text = std::fs::read_to_string(format!("/run/input.{command}.yaml"));
    serde_json::from_str(&text.expect("it was called")).expect("JSON")
}

fn given() {
    containers(&["c1"]);
    plugin();
    let (before, conf) = (snapshot::host(), conf());
    let called = call("ADD", &conf, "c1").with("CNI_ARGS", "A=b").run();
    assert_eq!(called.code, Some(0), "{called:?}");
    assert_eq!(called.err, "a word on ADD\n");
    let said: Value = serde_json::from_str(&called.out).expect("JSON");
    assert_eq!(calls(), ["ADD c1 /run/netns/c1 eth0 A=b /run/plugins"]);
    assert_eq!(input("ADD"), conf);
    assert_eq!(addresses("c1", "eth0"), ["10.5.0.77/24", "fd05::77/64"]);
    assert_eq!(
        said["ips"][0],
        json!({"address": "10.5.0.77/24", "gateway": "10.5.0.254", "interface": 2})
    );
    assert_eq!(
        said["routes"][0],
        json!({"dst": "192.0.2.0/24", "gw": "10.5.0.9"})
    );
    assert_eq!(said["dns"], json!({"nameservers": ["10.5.0.53"]}));
    assert!(pings("c1", "10.5.0.254"));
    for (verb, call) in [
        (
            "CHECK",
            call("CHECK", &changed(&conf, json!({"prevResult": said})), "c1"),
        ),
        ("STATUS", of_network("STATUS", &conf)),
        ("DEL", call("DEL", &conf, "c1")),
        (
            "GC",
            of_network(
                "GC",
                &changed(&conf, json!({"cni.dev/valid-attachments": []})),
            ),
        ),
    ] {
        let said = call.run();
        assert_eq!((said.code, said.out.as_str()), (Some(0), ""), "{said:?}");
        assert_eq!(calls().len(), 1, "{verb}");
        assert_eq!(input(verb)["ipam"], conf["ipam"]);
        // What it refuses is an error of the call.
        refuses(verb);
        let failed = call.run();
        assert_ne!(failed.code, Some(0), "{verb}");
        assert!(failed.out.contains("later"), "{failed:?}");
        sh(&format!(
            "rm /run/fails.{verb}.yaml /run/answer.{verb}.yaml; : > /run/calls.yaml"
        ));
    }
    sh("rm -r /run/plugins");
    snapshot::assert_same(
        &without_files(before),
        &without_files(snapshot::host()),
        "after GC",
    );
}

/// Without the files of the plugin.
fn without_files(
    mut host: std::collections::BTreeMap<String, String>,
) -> std::collections::BTreeMap<String, String> {
    host.retain(|key, _| !key.starts_with("ls "));
    host
}

fn taken_back() {
    containers(&["c1"]);
    plugin();
    sh("ip -n c1 link add eth0 type veth peer name up0");
    let failed = call("ADD", &conf(), "c1").run();
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.out.contains("eth0"), "{failed:?}");
    let commands = calls()
        .iter()
        .map(|call| call[..3].to_owned())
        .collect::<Vec<_>>();
    assert_eq!(commands, ["ADD", "DEL"]);
}

fn refused() {
    containers(&["c1"]);
    plugin();
    refuses("ADD");
    let (before, failed) = (snapshot::host(), call("ADD", &conf(), "c1").run());
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let said: Value = serde_json::from_str(&failed.out).expect("JSON");
    assert_eq!(
        (&said["code"], &said["cniVersion"]),
        (&json!(11), &json!("1.1.0"))
    );
    assert!(
        said["msg"]
            .as_str()
            .is_some_and(|msg| msg.contains("fake") && msg.contains("later")),
        "{said}"
    );
    snapshot::assert_same(&before, &snapshot::host(), "after a refusal");
}

fn not_there() {
    containers(&["c1"]);
    let (before, conf) = (snapshot::host(), conf());
    call("ADD", &conf, "c1").says(7, &["fake", "CNI_PATH", "/run/plugins"]);
    for name in ["../plugins/fake", "/bin/true"] {
        let conf = changed(&conf, json!({"ipam": {"type": name}}));
        call("ADD", &conf, "c1").says(7, &[name]);
    }
    snapshot::assert_same(&before, &snapshot::host(), "after refusals");
}

/// Where the machine has it: its own addresses, in its own files.
fn host_local() {
    let directory = "/usr/lib/cni";
    if !std::path::Path::new(directory).join("host-local").exists() {
        return;
    }
    containers(&["c1"]);
    sh("mkdir -p /run/plugins; cp /usr/lib/cni/host-local /run/plugins/theirs");
    let before = snapshot::host();
    let ipam = json!({"type": "theirs", "dataDir": "/run/leases.yaml",
        "ranges": [[{"subnet": "10.5.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]});
    let conf = network("lan", json!({"cniVersion": "1.0.0", "ipam": ipam}));
    let said = call("ADD", &conf, "c1").ok();
    assert_eq!(said["ips"][0]["address"], "10.5.0.2/24");
    assert_eq!(addresses("c1", "eth0"), ["10.5.0.2/24"]);
    assert!(pings("c1", "10.5.0.1"));
    call("CHECK", &changed(&conf, json!({"prevResult": said})), "c1").done();
    call("DEL", &conf, "c1").done();
    assert_eq!(sh("ls /run/leases.yaml/lan | grep -c '^10' || true"), "0\n");
    super::nothing_left(&before, &[&network("lan", json!({}))]);
}
