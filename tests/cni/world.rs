//! A machine of its own for container runtimes: they run in namespaces of users, processes,
//! mounts, networks and control groups, so that no root is needed and nothing of them is
//! left, however a test ends.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use rustix::mount::MountFlags;
use serde_json::{Value, json};

use crate::driver::{Attachment, Network};
use crate::sandbox::{self, sh, try_sh};

/// Set in the inner of the two processes that this program is.
const INSIDE: &str = "NETYARD_CNI_INSIDE";
/// Where runtimes look for plugins.
pub(crate) const PLUGINS: &str = "/opt/cni/bin";
/// Debian's reference plugins.
const REFERENCE: &str = "/usr/lib/cni";
/// The root of all containers.
pub(crate) const ROOT: &str = "/run/rootfs";
/// The program that starts containers, for all runtimes.
pub(crate) const OCI: &str = "/run/oci/crun";
/// The host as it is known outside.
pub(crate) const HOST: &str = "192.0.2.1";

/// Group 5 (tty) is not mapped here, and `gid=5` of a mount therefore invalid; and control
/// groups are nobody's business here.
const OCI_SCRIPT: &str = r#"#!/bin/sh
was=
for word; do
    case $was in --bundle | -b) sed -i 's/,\?"gid=5"//' "$word/config.json" ;; esac
    was=$word
done
exec crun --cgroup-manager=disabled "$@"
"#;

/// Goes into those namespaces, or says why it cannot. The first process of the new process
/// namespace is a shell, which buries what is left to it.
pub(crate) fn enter() -> Result<(), String> {
    if std::env::var_os(INSIDE).is_none() {
        sandbox::enter()?;
        let program = std::env::current_exe().map_err(|e| e.to_string())?;
        let flags = [
            "--pid",
            "--fork",
            "--kill-child",
            "--cgroup",
            "--mount-proc",
        ];
        let mut unshare = Command::new("unshare");
        unshare
            .args(flags)
            .args(["sh", "-c", "\"$@\"; exit $?", "sh"]);
        unshare.arg(program).args(std::env::args_os().skip(1));
        let failed = unshare.env(INSIDE, "1").exec();
        return Err(format!("unshare does not start: {failed}"));
    }
    // Version 2 alone, with no controllers if the machine has version 1 for them: crun takes
    // no mixture of both.
    let none = MountFlags::empty();
    rustix::mount::mount("cgroup2", "/sys/fs/cgroup", "cgroup2", none, None)
        .map_err(|e| format!("no control groups to be had: {e}"))
}

/// What is missing of these programs.
pub(crate) fn missing(programs: &[&str]) -> Option<String> {
    let is_there = |name: &&&str| try_sh(&format!("command -v {name}")).code != Some(0);
    let missing: Vec<&str> = programs.iter().filter(is_there).copied().collect();
    let reference = Path::new(REFERENCE).join("bridge").exists();
    match (missing.is_empty(), reference) {
        (true, true) => None,
        (true, false) => Some(format!("no plugins in {REFERENCE}")),
        _ => Some(format!("not installed: {}", missing.join(", "))),
    }
}

/// Whose plugins give containers their networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// bridge, host-local, portmap and firewall, by which the tests are known to be right.
    Reference,
    Netyard,
}

impl Whose {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Whose::Reference => "reference",
            Whose::Netyard => "netyard",
        }
    }

    /// A conflist of theirs for a network `10.N.0.0/24`.
    pub(crate) fn list(self, name: &str, number: u8) -> Value {
        let main = json!({
            "bridge": format!("cni-{name}"), "isGateway": true, "ipMasq": true, "hairpinMode": true,
            "ipam": {
                "type": "host-local", "ranges": [[{ "subnet": format!("10.{number}.0.0/24") }]],
                "routes": [{ "dst": "0.0.0.0/0" }],
            },
        });
        let with = |kind: &str, more: Value| {
            let mut plugin = main.clone();
            plugin["type"] = kind.into();
            let more = more.as_object().cloned().unwrap_or_default();
            plugin.as_object_mut().expect("an object").extend(more);
            plugin
        };
        let ports = json!({ "capabilities": { "portMappings": true, "ips": true, "mac": true } });
        let plugins = match self {
            Whose::Reference => json!([
                with("bridge", json!({ "capabilities": { "ips": true, "mac": true } })),
                { "type": "portmap", "capabilities": { "portMappings": true }, "snat": true },
                { "type": "firewall" },
            ]),
            Whose::Netyard => json!([with("netyard", ports)]),
        };
        // Debian's runtimes and plugins know nothing newer.
        json!({ "cniVersion": "1.0.0", "name": name, "plugins": plugins })
    }

    /// The same network for the driver, in the newest version that they speak.
    pub(crate) fn network(self, name: &str, number: u8) -> Network {
        let mut list = self.list(name, number);
        if self == Whose::Netyard {
            list["cniVersion"] = "1.1.0".into();
        }
        Network::new(list, PLUGINS)
    }
}

/// Everything that runtimes look at on a machine, for the calling thread and what it starts.
pub(crate) fn make() {
    let tmpfs = |at: &str| {
        rustix::mount::mount("tmpfs", at, "tmpfs", MountFlags::empty(), None).expect("a tmpfs");
    };
    ["/var/lib", "/opt", "/dev/shm"].into_iter().for_each(tmpfs);
    sh("mkdir -p /run/etc/new /run/etc/work /var/lib/cni /run/netns
        mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/new,workdir=/run/etc/work overlay /etc
        mkdir -p /etc/cni/net.d");
    tmpfs("/etc/cni/net.d");
    sh(&format!(
        "mkdir -p {PLUGINS} /run/oci && ln -s {REFERENCE}/* {} {PLUGINS}/",
        env!("CARGO_BIN_EXE_netyard")
    ));
    sh(&format!(
        "cd /run && mkdir -p rootfs/bin rootfs/etc rootfs/proc rootfs/sys rootfs/dev rootfs/run rootfs/tmp
        cp $(command -v busybox) rootfs/bin && rootfs/bin/busybox --install -s rootfs/bin
        cd rootfs/bin && for link in *; do test -L $link && ln -sf busybox $link; done
        test -x {ROOT}/bin/sleep"
    ));
    fs::write(OCI, OCI_SCRIPT).expect("a script");
    fs::set_permissions(OCI, fs::Permissions::from_mode(0o755)).expect("it may be run");
    outside();
}

/// A machine beyond the host, `outside`: 192.0.2.2.
fn outside() {
    sh(&format!(
        "ip netns add outside
        ip link add up0 type veth peer name eth0 netns outside
        ip address add {HOST}/24 dev up0; ip link set up0 up
        ip -n outside address add 192.0.2.2/24 dev eth0; ip -n outside link set eth0 up
        ip -n outside route add default via {HOST}"
    ));
}

/// Puts a network where runtimes find it.
pub(crate) fn install(list: &Value) {
    let name = list["name"].as_str().expect("a name");
    let file = format!("/etc/cni/net.d/{name}.conflist");
    fs::write(file, list.to_string()).expect("a conflist");
}

/// A container without a runtime: a namespace.
pub(crate) fn bare(name: &str) -> Attachment {
    sh(&format!("ip netns add {name}"));
    Attachment::new(name, &format!("/run/netns/{name}"))
}

/// Ends what runs in a namespace, and takes its name away.
pub(crate) fn end(name: &str) {
    sh(&format!(
        "ip netns pids {name} | xargs -r kill -9; ip netns del {name}"
    ));
}

/// What answers at a TCP port, seen from a machine: a line, or nothing.
pub(crate) fn answer(from: &str, address: &str, port: u16) -> String {
    let enter = match from {
        "host" => String::new(),
        name => format!("ip netns exec {name} "),
    };
    let dial = format!("{enter}timeout 2 {ROOT}/bin/busybox nc -w 1 {address} {port} </dev/null");
    try_sh(&dial).out.trim().to_owned()
}
