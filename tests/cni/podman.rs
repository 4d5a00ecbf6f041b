//! Podman with its network backend `cni`.

use std::fs;

use crate::sandbox::{sh, try_sh, until};
use crate::world::{HOST, OCI, ROOT, Whose, answer, install, make};
use crate::{Tier, host};

pub(crate) fn tier() -> Tier {
    Tier {
        name: "podman",
        programs: &["podman", "conmon", "crun", "busybox", "iptables"],
        tests: vec![
            ("two networks, a published port, a restart", life),
            ("a port of a container on two networks", both),
            ("what a container runs is killed", killed),
            ("Podman's keeper of a container is killed", keeper),
        ],
        ours: Vec::new(),
    }
}

/// Everything of it is in this test's own directories.
const SETTINGS: &str = r#"[network]
network_backend = "cni"
cni_plugin_dirs = ["/opt/cni/bin"]
network_config_dir = "/etc/cni/net.d"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "crun"
[engine.runtimes]
crun = ["OCI"]
[containers]
cgroups = "disabled"
"#;
const STORAGE: &str = r#"[storage]
driver = "vfs"
graphroot = "/run/pod/storage"
runroot = "/run/pod/run"
"#;

/// Its command line.
fn podman(words: &str) -> String {
    format!(
        "cd /run/pod && env HOME=/run/pod XDG_RUNTIME_DIR=/run/user/0 \
         CONTAINERS_CONF=/run/pod/containers.conf CONTAINERS_STORAGE_CONF=/run/pod/storage.conf \
         podman {words} </dev/null"
    )
}

#[track_caller]
fn ok(words: &str) -> String {
    sh(&podman(words))
}

/// Removes all containers, whatever becomes of a test.
struct Podman;

impl Podman {
    /// With two networks that were in use before: what stays of the first use stays for all.
    fn used(whose: Whose) -> Self {
        make();
        // What Podman starts in the background is not told of another directory.
        for directory in ["/run/pod", "/run/user/0"] {
            fs::create_dir_all(directory).expect("a directory");
        }
        fs::write("/run/pod/containers.conf", SETTINGS.replace("OCI", OCI)).expect("a file");
        fs::write("/run/pod/storage.conf", STORAGE).expect("a file");
        install(&whose.list("a", 24));
        install(&whose.list("b", 25));
        let podman = Podman;
        podman.run("first", "--network a -p 8000:80");
        podman.run("second", "--network b -p 8001:80");
        ok("rm -f -t 0 first second");
        podman
    }

    /// A container that answers with its name on TCP port 80.
    fn run(&self, name: &str, words: &str) {
        let says = format!("/bin/nc -ll -p 80 -e /bin/echo {name}");
        ok(&format!(
            "run -d --name {name} {words} --rootfs {ROOT} {says}"
        ));
        until(&format!("{name} runs"), || {
            inside(name, "/bin/nc -w 1 127.0.0.1 80").trim() == name
        });
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        try_sh(&podman("rm -f -a -t 0"));
    }
}

/// What a program in a container says.
fn inside(name: &str, words: &str) -> String {
    try_sh(&podman(&format!("exec {name} {words}"))).out
}

/// The address on a network `10.N.0.0/24`: Podman numbers devices as it likes.
fn address(name: &str, number: u8) -> String {
    let said = inside(name, "/bin/ip -4 -o address");
    let start = format!("10.{number}.0.");
    let mut words = said.split_whitespace();
    let word = words.find(|word| word.starts_with(&start));
    let address = word.and_then(|word| word.split('/').next());
    address
        .unwrap_or_else(|| panic!("{name} has no {start}: {said}"))
        .to_owned()
}

#[track_caller]
fn pings(name: &str, to: &str) {
    let said = inside(name, &format!("/bin/ping -c 2 -W 2 {to}"));
    assert!(said.contains("bytes from"), "{name} to {to}: {said}");
}

fn life(whose: Whose) {
    let podman = Podman::used(whose);
    let before = host::before(whose);
    podman.run("web", "--network a -p 8080:80 -p 127.0.0.1:8081:80");
    podman.run("both", "--network a --network b");
    podman.run("other", "--network b");
    pings("both", &address("web", 24));
    pings("both", &address("other", 25));
    pings("web", &address("both", 24));
    pings("other", &address("both", 25));
    pings("web", "10.24.0.1");
    pings("other", "192.0.2.2");
    assert_eq!(answer("host", &address("both", 24), 80), "both");
    assert_eq!(answer("host", "127.0.0.1", 8081), "web");
    assert_eq!(answer("outside", HOST, 8080), "web", "the published port");
    assert_eq!(answer("outside", HOST, 8081), "", "for the host only");
    ok("restart -t 0 web");
    host::until_said("after a restart", "web", || answer("outside", HOST, 8080));
    pings("both", &address("web", 24));
    ok("stop -t 0 web");
    assert_eq!(answer("outside", HOST, 8080), "", "nobody is there");
    ok("start web");
    host::until_said("started", "web", || answer("outside", HOST, 8080));
    ok("rm -f -t 0 web both other");
    host::is_again(&before, whose, "after removal");
}

/// Podman asks for the port with each of the networks.
fn both(whose: Whose) {
    let podman = Podman::used(whose);
    let before = host::before(whose);
    podman.run("web", "--network a --network b -p 8080:80");
    assert_eq!(answer("outside", HOST, 8080), "web");
    ok("restart -t 0 web");
    host::until_said("after a restart", "web", || answer("outside", HOST, 8080));
    ok("rm -f -t 0 web");
    host::is_again(&before, whose, "after removal");
}

/// Podman sees it, and detaches the container.
fn killed(whose: Whose) {
    let podman = Podman::used(whose);
    let before = host::before(whose);
    podman.run("web", "--network a -p 8080:80");
    podman.run("peer", "--network a");
    sh(&format!("kill -9 {}", pid("web", "Pid")));
    ok("wait web");
    host::until_said("detached", "", || answer("outside", HOST, 8080));
    pings("peer", "10.24.0.1");
    ok("start web");
    host::until_said("started again", "web", || answer("outside", HOST, 8080));
    pings("peer", &address("web", 24));
    ok("rm -f -t 0 web peer");
    host::is_again(&before, whose, "after removal");
}

/// Nobody sees what becomes of the container, until it is removed.
fn keeper(whose: Whose) {
    let podman = Podman::used(whose);
    let before = host::before(whose);
    podman.run("web", "--network a -p 8080:80");
    sh(&format!("kill -9 {}", pid("web", "ConmonPid")));
    assert_eq!(
        answer("outside", HOST, 8080),
        "web",
        "the container lives on"
    );
    sh(&format!("kill -9 {}", pid("web", "Pid")));
    ok("rm -f -t 0 web");
    podman.run("web", "--network a -p 8080:80");
    assert_eq!(answer("outside", HOST, 8080), "web", "another of its name");
    ok("rm -f -t 0 web");
    host::is_again(&before, whose, "after removal");
}

/// One of the processes of a container.
fn pid(name: &str, which: &str) -> u32 {
    let said = ok(&format!("inspect -f '{{{{.State.{which}}}}}' {name}"));
    let pid = said.trim().parse().unwrap_or(0);
    // 0 would be all of this process group.
    assert!(pid > 1, "{name} has no process: {said}");
    pid
}
