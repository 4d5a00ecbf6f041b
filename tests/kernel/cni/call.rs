//! One call of the plugin, as a runtime makes it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::sandbox::{Outcome, netyard, sh};

/// What is asked: variables, and the configuration on standard input.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    variables: BTreeMap<String, String>,
    input: String,
}

/// An attachment: the test's host, the network's name, the container, the interface.
type Key = (PathBuf, String, String, String);

/// What a runtime remembers of each: the result of its ADD.
static KNOWN: Mutex<BTreeMap<Key, Value>> = Mutex::new(BTreeMap::new());

/// What came of it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// `eth0` of a container, whose namespace is called as it is.
pub(crate) fn call(verb: &str, conf: &Value, container: &str) -> Call {
    let variables = [
        ("CNI_COMMAND", verb),
        ("CNI_CONTAINERID", container),
        ("CNI_NETNS", &format!("/run/netns/{container}")),
        ("CNI_IFNAME", "eth0"),
        ("CNI_PATH", "/run/plugins"),
    ];
    let variables = variables.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Call {
        variables: variables.into(),
        input: conf.to_string(),
    }
}

/// A call for the network as a whole.
pub(crate) fn of_network(verb: &str, conf: &Value) -> Call {
    let call = call(verb, conf, "");
    let all = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"];
    all.into_iter().fold(call, |call, key| call.without(key))
}

impl Call {
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.variables.insert(key.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn without(mut self, key: &str) -> Self {
        self.variables.remove(key);
        self
    }

    pub(crate) fn input(mut self, text: &str) -> Self {
        text.clone_into(&mut self.input);
        self
    }

    /// The program with the variables; its input is a file or a pipe of the caller's.
    pub(crate) fn command(&self) -> Command {
        let mut command = netyard(&[]);
        command.envs(&self.variables);
        command
    }

    pub(crate) fn text(&self) -> &str {
        &self.input
    }

    pub(crate) fn run(&self) -> Answer {
        let mut command = self.command();
        command.stdin(Stdio::piped());
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("netyard starts");
        let mut input = child.stdin.take().expect("a pipe");
        // Who does not read it has answered already.
        drop(input.write_all(self.as_known().as_bytes()));
        drop(input);
        let Outcome { code, out, err } = Outcome::of(child.wait_with_output().expect("it ends"));
        if self.is_of("ADD") && code == Some(0) {
            let result = serde_json::from_str(&out).expect("JSON");
            KNOWN.lock().expect("no panic").insert(self.key(), result);
        }
        Answer { code, out, err }
    }

    fn is_of(&self, verb: &str) -> bool {
        self.variables
            .get("CNI_COMMAND")
            .is_some_and(|it| it == verb)
    }

    fn key(&self) -> Key {
        let conf: Value = serde_json::from_str(&self.input).unwrap_or_default();
        let variable = |key: &str| self.variables.get(key).cloned().unwrap_or_default();
        let name = conf["name"].to_string();
        let host = std::fs::read_link("/proc/thread-self/ns/net").expect("a namespace");
        (
            host,
            name,
            variable("CNI_CONTAINERID"),
            variable("CNI_IFNAME"),
        )
    }

    /// The input; of a CHECK that says none with the result of the last ADD.
    fn as_known(&self) -> String {
        let known = KNOWN.lock().expect("no panic").get(&self.key()).cloned();
        match (serde_json::from_str::<Value>(&self.input), known) {
            (Ok(conf), Some(known)) if self.is_of("CHECK") && conf.get("prevResult").is_none() => {
                changed(&conf, json!({"prevResult": known})).to_string()
            }
            _ => self.input.clone(),
        }
    }

    /// The result; it must succeed.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        let answer = self.run();
        assert_eq!(answer.code, Some(0), "{self:?}\n{answer:?}");
        assert_eq!(answer.err, "", "{self:?}");
        match answer.out.is_empty() {
            true => Value::Null,
            false => serde_json::from_str(&answer.out).expect("JSON"),
        }
    }

    /// It must succeed, and say nothing.
    #[track_caller]
    pub(crate) fn done(&self) {
        assert_eq!(self.ok(), Value::Null, "{self:?}");
    }

    /// It must fail with this code, and say so as the specification wants it; all that it says.
    #[track_caller]
    pub(crate) fn fails(&self, code: u32) -> String {
        let answer = self.run();
        assert_ne!(answer.code, Some(0), "{self:?}\n{answer:?}");
        let said: Value = serde_json::from_str(&answer.out)
            .unwrap_or_else(|e| panic!("{self:?}\n{answer:?}\n{e}"));
        let keys: Vec<&String> = said.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["cniVersion", "code", "details", "msg"], "{said}");
        assert_eq!(said["code"], code, "{self:?}\n{said}");
        let asked: Value = serde_json::from_str(&self.input).unwrap_or_default();
        let asked = asked["cniVersion"].as_str().unwrap_or("1.1.0");
        assert_eq!(said["cniVersion"], asked, "{self:?}\n{said}");
        let text = |key: &str| said[key].as_str().expect("text").to_owned();
        assert_ne!(text("msg"), "");
        format!("{}\n{}", text("msg"), text("details"))
    }

    /// It must fail, and say each of these.
    #[track_caller]
    pub(crate) fn says(&self, code: u32, words: &[&str]) {
        let said = self.fails(code);
        for word in words {
            assert!(said.contains(word), "no `{word}` in: {said}");
        }
    }
}

/// A network of this name with keys beside or in place of the usual ones; null takes one out.
pub(crate) fn network(name: &str, keys: Value) -> Value {
    let mut conf = json!({
        "cniVersion": "1.1.0", "name": name, "type": "netyard", "bridge": format!("br-{name}"),
        "isDefaultGateway": true, "ipMasq": true,
        "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.5.0.0/24" }]] },
    });
    change(&mut conf, keys);
    conf
}

/// The same with other keys.
pub(crate) fn changed(conf: &Value, keys: Value) -> Value {
    let mut conf = conf.clone();
    change(&mut conf, keys);
    conf
}

fn change(conf: &mut Value, keys: Value) {
    let all = conf.as_object_mut().expect("an object");
    let Value::Object(keys) = keys else {
        panic!("{keys}");
    };
    for (key, value) in keys {
        match value {
            Value::Null => all.remove(&key),
            value => all.insert(key, value),
        };
    }
}

/// Namespaces of containers, with nothing in them but `lo`.
pub(crate) fn containers(names: &[&str]) {
    for name in names {
        sh(&format!("ip netns add {name}; ip -n {name} link set lo up"));
    }
}

/// What an `ip -j` command says.
#[track_caller]
pub(crate) fn ip(arguments: &str) -> Value {
    let text = sh(&format!("ip -j {arguments}"));
    serde_json::from_str(if text.trim().is_empty() { "[]" } else { &text }).expect("JSON")
}

/// The addresses of a device, as `ADDRESS/LENGTH`, without those of the link.
#[track_caller]
pub(crate) fn addresses(netns: &str, dev: &str) -> Vec<String> {
    let at = if netns == "host" {
        String::new()
    } else {
        format!("-n {netns} ")
    };
    let shown = ip(&format!("{at}address show dev {dev} scope global"));
    let infos = shown[0]["addr_info"].as_array().cloned();
    let infos = infos.into_iter().flatten();
    let text =
        infos.filter_map(|info| Some(format!("{}/{}", info["local"].as_str()?, info["prefixlen"])));
    text.collect()
}
