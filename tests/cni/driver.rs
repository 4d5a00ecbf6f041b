//! The runtime's half of CNI as libcni has it (containernetworking/cni, `libcni/api.go`):
//! plugins of a list in their order, each with the result of those before, and back in the
//! other order with the result that is remembered.
//!
//! For tests and benches alike. What is remembered lives with the attachment.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

/// A network as its conflist describes it, and where its plugins are.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    list: Value,
    /// `CNI_PATH`: directories between colons.
    path: String,
}

/// A device of a container on a network.
#[derive(Debug, Clone)]
pub(crate) struct Attachment {
    pub(crate) container: String,
    pub(crate) dev: String,
    /// A runtime that no longer knows it says none.
    pub(crate) netns: Option<String>,
    /// `CNI_ARGS`: `K=V;K=V`.
    pub(crate) args: String,
    /// What is asked for, by capability; a plugin hears of those that it names.
    pub(crate) asks: Map<String, Value>,
    /// What the last plugin answered to ADD.
    pub(crate) result: Option<Value>,
}

/// What a plugin refused.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) plugin: String,
    pub(crate) verb: &'static str,
    /// Of the error that it answered, where that was one.
    pub(crate) code: Option<u64>,
    /// All that it said.
    pub(crate) said: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.plugin, self.verb, self.said)
    }
}

impl Attachment {
    /// `eth0` in a namespace, with nothing that is asked for.
    pub(crate) fn new(container: &str, netns: &str) -> Self {
        Attachment {
            container: container.to_owned(),
            dev: "eth0".to_owned(),
            netns: Some(netns.to_owned()),
            args: String::new(),
            asks: Map::new(),
            result: None,
        }
    }

    /// With what is asked for by a capability.
    pub(crate) fn asking(mut self, capability: &str, what: Value) -> Self {
        self.asks.insert(capability.to_owned(), what);
        self
    }

    /// The addresses it was given, without prefix.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let ips = self.result.as_ref().and_then(|said| said["ips"].as_array());
        let plain = |ip: &Value| Some(ip["address"].as_str()?.split('/').next()?.to_owned());
        ips.into_iter().flatten().filter_map(plain).collect()
    }
}

impl Network {
    /// That of a conflist.
    pub(crate) fn new(list: Value, path: &str) -> Self {
        let path = path.to_owned();
        Network { list, path }
    }

    /// Reads a conflist.
    pub(crate) fn read(file: &Path, path: &str) -> Self {
        let text = std::fs::read_to_string(file).expect("a conflist");
        Network::new(serde_json::from_str(&text).expect("JSON"), path)
    }

    /// Attaches it. What the first plugins did stays when a later one fails: a runtime then
    /// calls `del`, as libcni leaves it to do.
    pub(crate) fn add(&self, to: &mut Attachment) -> Result<(), Failure> {
        let mut result = Value::Null;
        for plugin in self.plugins() {
            result = self.call("ADD", plugin, &result, Some(to))?;
        }
        to.result = Some(result);
        Ok(())
    }

    /// Detaches it.
    pub(crate) fn del(&self, from: &Attachment) -> Result<(), Failure> {
        let known = self.remembered(from);
        for plugin in self.plugins().rev() {
            self.call("DEL", plugin, &known, Some(from))?;
        }
        Ok(())
    }

    /// Whether it is still as it was made.
    pub(crate) fn check(&self, of: &Attachment) -> Result<(), Failure> {
        let known = self.remembered(of);
        for plugin in self.plugins() {
            self.call("CHECK", plugin, &known, Some(of))?;
        }
        Ok(())
    }

    /// Removes what is none of these; goes on after a failure.
    pub(crate) fn gc(&self, valid: &[&Attachment]) -> Result<(), Vec<Failure>> {
        let valid: Vec<Value> = valid
            .iter()
            .map(|one| json!({ "containerID": one.container, "ifname": one.dev }))
            .collect();
        let mut failures = Vec::new();
        for plugin in self.plugins() {
            let mut plugin = plugin.clone();
            plugin["cni.dev/valid-attachments"] = json!(valid);
            // As drafts of 1.1.0 had it, which libcni sends as well.
            plugin["cni.dev/attachments"] = json!(valid);
            let said = self.call("GC", &plugin, &Value::Null, None);
            failures.extend(said.err());
        }
        match failures.is_empty() {
            true => Ok(()),
            false => Err(failures),
        }
    }

    /// Whether all are ready.
    pub(crate) fn status(&self) -> Result<(), Failure> {
        for plugin in self.plugins() {
            self.call("STATUS", plugin, &Value::Null, None)?;
        }
        Ok(())
    }

    /// What each of them speaks.
    pub(crate) fn versions(&self) -> Result<Vec<Value>, Failure> {
        let ask = |plugin| self.call("VERSION", plugin, &Value::Null, None);
        self.plugins().map(ask).collect()
    }

    fn plugins(&self) -> impl DoubleEndedIterator<Item = &Value> {
        self.list["plugins"].as_array().into_iter().flatten()
    }

    /// What was answered to ADD; versions before 0.4.0 are not told of it.
    fn remembered(&self, of: &Attachment) -> Value {
        let version = self.list["cniVersion"].as_str().unwrap_or("0.1.0");
        let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
        let at_least = (parts.next(), parts.next()) >= (Some(0), Some(4));
        let result = of.result.clone().filter(|_| at_least);
        result.unwrap_or(Value::Null)
    }

    /// A plugin's configuration with what a runtime puts in, and its answer.
    fn call(
        &self,
        verb: &'static str,
        plugin: &Value,
        before: &Value,
        on: Option<&Attachment>,
    ) -> Result<Value, Failure> {
        let mut config = plugin.clone();
        config["cniVersion"] = self.list["cniVersion"].clone();
        config["name"] = self.list["name"].clone();
        if !before.is_null() {
            config["prevResult"] = before.clone();
        }
        let named = plugin["capabilities"].as_object();
        let is_named = |name: &str| named.is_some_and(|all| all.get(name) == Some(&json!(true)));
        let asks = on.map(|on| on.asks.clone()).unwrap_or_default();
        let heard: Map<String, Value> = asks
            .into_iter()
            .filter(|(name, _)| is_named(name))
            .collect();
        if !heard.is_empty() {
            config["runtimeConfig"] = Value::Object(heard);
        }
        let name = plugin["type"].as_str().unwrap_or_default();
        self.run(name, verb, &config, on)
    }

    /// One call of one plugin, exactly so.
    pub(crate) fn run(
        &self,
        plugin: &str,
        verb: &'static str,
        config: &Value,
        on: Option<&Attachment>,
    ) -> Result<Value, Failure> {
        let mut command = Command::new(self.program(plugin));
        command.env("CNI_COMMAND", verb).env("CNI_PATH", &self.path);
        if let Some(on) = on {
            command
                .env("CNI_CONTAINERID", &on.container)
                .env("CNI_NETNS", on.netns.as_deref().unwrap_or_default())
                .env("CNI_IFNAME", &on.dev)
                .env("CNI_ARGS", &on.args);
        }
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().expect("a plugin");
        let mut input = child.stdin.take().expect("a pipe");
        // One that fails early reads nothing.
        let _ = input.write_all(config.to_string().as_bytes());
        drop(input);
        let output = child.wait_with_output().expect("a plugin ends");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if output.status.success() {
            return Ok(answer);
        }
        let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        Err(Failure {
            plugin: plugin.to_owned(),
            verb,
            code: answer["code"].as_u64(),
            said: format!("{} {out} {err}", output.status),
        })
    }

    fn program(&self, plugin: &str) -> PathBuf {
        let mut all = self
            .path
            .split(':')
            .map(|part| Path::new(part).join(plugin));
        let found = all.find(|file| file.exists());
        found.unwrap_or_else(|| panic!("{plugin} is not in {}", self.path))
    }
}
