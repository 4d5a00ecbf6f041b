//! Another plugin that gives addresses: found by `CNI_PATH`, called with the same environment
//! and the whole configuration (CNI 1.1.0, section 4).

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::attach::inode;
use super::call::Call;
use super::config::{Config, Ipam, Range};
use super::failure::{Code, Failure};
use super::result::Attached;

/// A plugin that addresses come from.
#[derive(Debug)]
pub(super) struct Delegate<'c> {
    kind: &'c str,
    program: PathBuf,
    /// The configuration as it was handed over.
    text: &'c [u8],
}

impl<'c> Delegate<'c> {
    /// The one of this name.
    pub(super) fn find(kind: &'c str, call: &Call, text: &'c [u8]) -> Result<Self, Failure> {
        if kind.contains('/') {
            let msg = format!("ipam.type `{kind}` is no name of a plugin");
            return Err(Failure::new(Code::InvalidConfig, msg));
        }
        let mut all = call.path.iter().map(|directory| directory.join(kind));
        let program = all.find(|program| program.is_file()).ok_or_else(|| {
            let looked: Vec<String> = (call.path.iter())
                .map(|directory| directory.display().to_string())
                .collect();
            let msg = format!("no plugin `{kind}`, which gives addresses, in CNI_PATH");
            Failure::new(Code::InvalidConfig, msg).details(looked.join(":"))
        })?;
        if inode(&program) == inode("/proc/self/exe") {
            let msg = format!("ipam.type `{kind}` is netyard itself: say `netyard`");
            return Err(Failure::new(Code::InvalidConfig, msg));
        }
        Ok(Delegate {
            kind,
            program,
            text,
        })
    }

    /// Has it do this; gives what it says.
    pub(super) fn run(&self, command: &str) -> Result<Option<Value>, Failure> {
        let broken = |e: std::io::Error| {
            let msg = format!("cannot run {}", self.program.display());
            Failure::new(Code::Io, msg).details(e.to_string())
        };
        let mut child = Command::new(&self.program)
            .env("CNI_COMMAND", command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(broken)?;
        // One that ends without reading has its reasons, and says them.
        let stdin = child.stdin.take();
        let _ = stdin.map(|mut stdin| stdin.write_all(self.text));
        let output = child.wait_with_output().map_err(broken)?;
        let said: Option<Value> = serde_json::from_slice(&output.stdout).ok();
        match output.status.success() {
            true => Ok(said),
            false => Err(self.failed(said, &output.stdout)),
        }
    }

    fn failed(&self, said: Option<Value>, text: &[u8]) -> Failure {
        let said = said.unwrap_or_default();
        let word = |key: &str| said.get(key).and_then(Value::as_str).unwrap_or_default();
        let code = said.get("code").and_then(Value::as_u64);
        let code = code.and_then(|code| u32::try_from(code).ok());
        let msg = match word("msg") {
            "" => String::from_utf8_lossy(text).trim().to_owned(),
            msg => msg.to_owned(),
        };
        let code = code.map_or(Code::Io, Code::Other);
        Failure::new(code, format!("{}: {msg}", self.kind)).details(word("details"))
    }

    /// The configuration as if the addresses that it gives were asked for by the runtime.
    pub(super) fn given(&self, config: &Config) -> Result<Config, Failure> {
        let said = self.run("ADD")?.unwrap_or_default();
        let given = Attached::read(&said, &format!("what `{}` said", self.kind))?;
        if given.ips.is_empty() {
            let msg = format!("`{}` gave no address", self.kind);
            return Err(Failure::new(Code::Decode, msg));
        }
        let range = |ip: &super::result::Ip| Range {
            subnet: ip.address.trunc(),
            start: None,
            end: None,
            gateway: ip.gateway,
        };
        Ok(Config {
            ipam: Ipam::Own {
                sets: given.ips.iter().map(|ip| vec![range(ip)]).collect(),
                routes: given.routes,
            },
            ips: given.ips.iter().map(|ip| ip.address.addr()).collect(),
            dns: match config.dns.is_empty() {
                true => given.dns,
                false => config.dns.clone(),
            },
            ..config.clone()
        })
    }
}
