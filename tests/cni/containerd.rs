//! A containerd of the test's own, and its client `ctr`, which attaches a container to the
//! first network it finds when it starts one, and detaches it when that ends.

use std::fs;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::sandbox::{sh, try_sh, until};
use crate::world::{HOST, OCI, ROOT, Whose, answer, install, make};
use crate::{Tier, host};

pub(crate) fn tier() -> Tier {
    Tier {
        name: "containerd",
        programs: &["containerd", "ctr", "crun", "busybox", "iptables"],
        tests: vec![
            ("two networks, a published port, a restart", life),
            ("the client is killed", client),
            ("containerd is killed", daemon),
        ],
        ours: Vec::new(),
    }
}

const SOCKET: &str = "/run/ctrd/socket";
const CONFIG: &str = r#"version = 2
root = "/run/ctrd/root"
state = "/run/ctrd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "/run/ctrd/socket"
"#;

/// The daemon, and the clients that wait for containers.
struct Containerd {
    daemon: Child,
    whose: Whose,
}

impl Containerd {
    fn start(whose: Whose) -> Self {
        make();
        fs::create_dir_all("/run/ctrd").expect("a directory");
        fs::write("/run/ctrd/config", CONFIG).expect("a file");
        let daemon = daemon_process();
        Containerd { daemon, whose }
    }

    /// Has been used once: what stays of the first use stays for all.
    fn used(whose: Whose) -> Self {
        let containerd = Containerd::start(whose);
        containerd.network("a", 22, Some(8000));
        let first = containerd.run("first");
        containerd.network("b", 23, None);
        let second = containerd.run("second");
        kill("first", first);
        kill("second", second);
        containerd
    }

    /// The network for containers to come, whose ports are published as containerd's library
    /// go-cni writes them: `ctr` itself knows nothing of ports.
    fn network(&self, name: &str, number: u8, port: Option<u16>) {
        sh("rm -f /etc/cni/net.d/*");
        let mut list = self.whose.list(name, number);
        let plugins = list["plugins"].as_array_mut().expect("plugins");
        let takes = plugins
            .iter_mut()
            .find(|plugin| plugin["capabilities"]["portMappings"] == true)
            .expect("one publishes ports");
        if let Some(port) = port {
            takes["runtimeConfig"] = json!({ "portMappings": [
                { "HostPort": port, "ContainerPort": 80, "Protocol": "tcp", "HostIP": "" },
            ] });
        }
        install(&list);
    }

    /// A container that answers with its name on TCP port 80, and its client.
    fn run(&self, name: &str) -> Child {
        let says = ["/bin/nc", "-ll", "-p", "80", "-e", "/bin/echo", name];
        let child = ctr()
            .args([
                "run",
                "--rm",
                "--cni",
                "--runc-binary",
                OCI,
                "--rootfs",
                ROOT,
                name,
            ])
            .args(says)
            .spawn()
            .expect("ctr starts");
        until(&format!("{name} runs"), || {
            inside(name, "/bin/nc -w 1 127.0.0.1 80").trim() == name
        });
        child
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        // Containers go with the processes' namespace at the end, or here.
        for name in try_sh(&format!("ctr -a {SOCKET} task ls -q"))
            .out
            .split_whitespace()
        {
            try_sh(&format!("ctr -a {SOCKET} task kill -s 9 {name}"));
        }
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn daemon_process() -> Child {
    let log = fs::File::create("/run/ctrd/log").expect("a file");
    let daemon = Command::new("containerd")
        .args(["-c", "/run/ctrd/config"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("containerd starts");
    until("containerd serves", || {
        try_sh(&format!("ctr -a {SOCKET} version")).code == Some(0)
    });
    daemon
}

fn ctr() -> Command {
    let mut command = Command::new("ctr");
    command.args(["-a", SOCKET]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(fs::File::create("/run/ctrd/client").expect("a file"));
    command
}

/// What a program in a container says.
fn inside(name: &str, words: &str) -> String {
    let exec = format!("ctr -a {SOCKET} task exec --exec-id x$$ {name} {words} </dev/null");
    try_sh(&exec).out
}

fn address(name: &str) -> String {
    let mut address = String::new();
    until(&format!("{name} has an address"), || {
        let said = inside(name, "/bin/ip -4 -o address show eth0");
        let mut words = said.split_whitespace().skip_while(|word| *word != "inet");
        let word = words.nth(1).and_then(|word| word.split('/').next());
        address = word.unwrap_or_default().to_owned();
        !address.is_empty()
    });
    address
}

#[track_caller]
fn pings(name: &str, to: &str) {
    let said = inside(name, &format!("/bin/ping -c 2 -W 2 {to}"));
    assert!(said.contains("bytes from"), "{name} to {to}: {said}");
}

/// Kills what a container runs. Its client detaches it: from a namespace that is gone.
fn kill(name: &str, mut client: Child) {
    let pid = pid(name);
    sh(&format!("kill -9 {pid}"));
    let ended = client.wait().expect("ctr ends");
    let said = fs::read_to_string("/run/ctrd/client").unwrap_or_default();
    assert_eq!(ended.code(), Some(137), "{name}: {said}");
}

fn pid(name: &str) -> u32 {
    let list = sh(&format!("ctr -a {SOCKET} task ls"));
    let line = list
        .lines()
        .find(|line| line.split_whitespace().next() == Some(name));
    let pid = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    pid.unwrap_or_else(|| panic!("{name} does not run: {list}"))
}

fn life(whose: Whose) {
    let containerd = Containerd::used(whose);
    let before = host::before(whose);
    containerd.network("a", 22, Some(8080));
    let web = containerd.run("web");
    containerd.network("a", 22, None);
    let peer = containerd.run("peer");
    containerd.network("b", 23, None);
    let other = containerd.run("other");
    let (at, there) = (address("web"), address("other"));
    assert!(
        at.starts_with("10.22.0.") && there.starts_with("10.23.0."),
        "{at} {there}"
    );
    pings("peer", &at);
    pings("peer", "10.22.0.1");
    pings("other", "10.23.0.1");
    pings("other", "192.0.2.2");
    assert_eq!(answer("host", &at, 80), "web");
    assert_eq!(answer("outside", HOST, 8080), "web", "the published port");
    assert_eq!(answer("outside", HOST, 8081), "", "nobody published that");
    kill("web", web);
    assert_eq!(answer("outside", HOST, 8080), "", "nobody is there");
    containerd.network("a", 22, Some(8080));
    let web = containerd.run("web");
    assert_eq!(answer("outside", HOST, 8080), "web", "after a restart");
    pings("peer", &address("web"));
    kill("web", web);
    kill("peer", peer);
    kill("other", other);
    host::is_again(&before, whose, "after removal");
}

/// Nobody detaches what it attached: the runtime's successor does, by DEL, or by GC.
fn client(whose: Whose) {
    let containerd = Containerd::used(whose);
    let before = host::before(whose);
    containerd.network("a", 22, Some(8080));
    let mut web = containerd.run("web");
    containerd.network("a", 22, None);
    let peer = containerd.run("peer");
    web.kill()
        .and_then(|()| web.wait())
        .expect("the client is killed");
    assert_eq!(
        answer("outside", HOST, 8080),
        "web",
        "the container lives on"
    );
    remove("web");
    cleared(whose, "web", &["peer"]);
    pings("peer", "10.22.0.1");
    kill("peer", peer);
    host::is_again(&before, whose, "after removal");
}

/// Containers live on without it, and under the next.
fn daemon(whose: Whose) {
    let mut containerd = Containerd::used(whose);
    let before = host::before(whose);
    containerd.network("a", 22, Some(8080));
    let mut web = containerd.run("web");
    // Its client would detach the container in fear.
    web.kill()
        .and_then(|()| web.wait())
        .expect("the client is killed");
    containerd.daemon.kill().expect("it is killed");
    containerd.daemon.wait().expect("it ends");
    assert_eq!(
        answer("outside", HOST, 8080),
        "web",
        "the container lives on"
    );
    containerd.daemon = daemon_process();
    pings("web", "10.22.0.1");
    containerd.network("a", 22, None);
    let peer = containerd.run("peer");
    pings("peer", &address("web"));
    remove("web");
    cleared(whose, "web", &["peer"]);
    kill("peer", peer);
    host::is_again(&before, whose, "after removal");
}

/// Kills a container that has no client, and removes it.
fn remove(name: &str) {
    sh(&format!("ctr -a {SOCKET} task kill -s 9 {name}"));
    until(&format!("{name} is dead"), || {
        try_sh(&format!("ctr -a {SOCKET} task rm {name}"))
            .code
            .is_some()
            && !sh(&format!("ctr -a {SOCKET} task ls -q")).contains(name)
    });
    sh(&format!("ctr -a {SOCKET} container rm {name}"));
}

/// Detaches what is gone, with what is remembered, as the runtime would.
fn cleared(whose: Whose, gone: &str, there: &[&str]) {
    let network = whose.network("a", 22);
    let id = |name: &str| format!("default-{name}");
    let mut attachment = remembered(&id(gone));
    attachment.netns = None;
    match whose {
        Whose::Reference => network.del(&attachment).unwrap_or_else(|e| panic!("{e}")),
        Whose::Netyard => {
            let there: Vec<_> = there.iter().map(|name| remembered(&id(name))).collect();
            let there: Vec<_> = there.iter().collect();
            network.gc(&there).unwrap_or_else(|all| panic!("{all:?}"));
        }
    }
    sh(&format!("rm /var/lib/cni/results/a-{}-eth0", id(gone)));
}

/// What libcni keeps of an attachment.
fn remembered(id: &str) -> crate::driver::Attachment {
    let text = fs::read_to_string(format!("/var/lib/cni/results/a-{id}-eth0")).expect("a result");
    let known: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let mut attachment = crate::driver::Attachment::new(id, "");
    attachment.result = Some(known["result"].clone());
    let ports = json!([{ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" }]);
    attachment.asking("portMappings", ports)
}
