use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ipnet::IpNet;
use netyard::report::codes;
use serde_json::{Value, json};

use super::output::{BOLD, say, styled};
use super::trouble::Trouble;
use crate::cni::CAPABILITIES;

/// Be a plugin of container engines (CNI): set up, or taken away
///
/// containerd, CRI-O, Nomad and Podman call netyard by a link in their directory of
/// plugins, with CNI_COMMAND set and a network's configuration on standard input.
/// docs/cni.md has every key of that.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: netyard cni install --subnet 10.88.0.0/16")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Link netyard among the plugins, and write a network to begin with
    ///
    /// Nothing that is there is overwritten.
    Install(Install),
    /// Take the links to netyard and its network away
    ///
    /// A network that was changed since is left alone.
    Uninstall(Places),
}

#[derive(Debug, clap::Args)]
struct Install {
    #[command(flatten)]
    places: Places,
    /// Of what containers get their addresses
    #[arg(long, value_name = "SUBNET", default_value = "10.88.0.0/16")]
    subnet: IpNet,
}

#[derive(Debug, clap::Args)]
struct Places {
    /// Where the engine looks for plugins
    #[arg(long, value_name = "DIR", default_value = "/opt/cni/bin")]
    plugins: PathBuf,
    /// Where it looks for networks
    #[arg(long, value_name = "DIR", default_value = "/etc/cni/net.d")]
    networks: PathBuf,
}

/// What netyard is called among the plugins. `loopback` is asked for by containerd; its link
/// is made where there is none.
const LINKS: [&str; 2] = ["netyard", "loopback"];
const FILE: &str = "10-netyard.conflist";

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    match &args.what {
        What::Install(install) => self::install(install),
        What::Uninstall(places) => uninstall(places),
    }
}

fn install(Install { places, subnet }: &Install) -> Result<ExitCode, Trouble> {
    let own = std::env::current_exe().map_err(|e| unwritten(&places.plugins, &e))?;
    let file = places.networks.join(FILE);
    let there = fs::read_to_string(&file);
    if there.as_ref().is_ok_and(|there| *there != text(subnet)) {
        return Err(exists(&file));
    }
    for directory in [&places.plugins, &places.networks] {
        fs::create_dir_all(directory).map_err(|e| unwritten(directory, &e))?;
    }
    for name in LINKS {
        let link = places.plugins.join(name);
        match symlink(&own, &link) {
            Ok(()) => say!("{} leads to {}", link.display(), own.display()),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => stays(&link, &own, name)?,
            Err(e) => return Err(unwritten(&link, &e)),
        }
    }
    if there.is_ok() {
        say!("{} stays as it is", file.display());
        return Ok(ExitCode::SUCCESS);
    }
    let made = OpenOptions::new().write(true).create_new(true).open(&file);
    made.and_then(|mut made| made.write_all(text(subnet).as_bytes()))
        .map_err(|e| match e.kind() {
            ErrorKind::AlreadyExists => exists(&file),
            _ => unwritten(&file, &e),
        })?;
    say!(
        "{} is written: network `netyard`, {}",
        file.display(),
        subnet.trunc()
    );
    let list = styled(BOLD, "netyard list");
    say!("engines take the network whose file comes first; {list} shows who is on it");
    Ok(ExitCode::SUCCESS)
}

/// A link of this name may be there from before, or another plugin that does the same.
fn stays(link: &Path, own: &Path, name: &str) -> Result<(), Trouble> {
    if name == LINKS[0] && fs::canonicalize(link).is_ok_and(|to| to != own) {
        return Err(exists(link));
    }
    say!("{} stays as it is", link.display());
    Ok(())
}

fn uninstall(places: &Places) -> Result<ExitCode, Trouble> {
    let own = std::env::current_exe().map_err(|e| unwritten(&places.plugins, &e))?;
    let file = places.networks.join(FILE);
    let written = fs::read_to_string(&file).unwrap_or_default();
    if is_unchanged(&written) {
        fs::remove_file(&file).map_err(|e| unwritten(&file, &e))?;
        say!("{} is removed", file.display());
    } else if file.exists() {
        say!("{} was changed, and stays", file.display());
    }
    for name in LINKS {
        let link = places.plugins.join(name);
        if fs::read_link(&link).is_ok_and(|to| to == own) {
            fs::remove_file(&link).map_err(|e| unwritten(&link, &e))?;
            say!("{} is removed", link.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A network with a way out, and all that a runtime may ask for.
fn network(subnet: &Value) -> Value {
    let capabilities: serde_json::Map<String, Value> = (CAPABILITIES.into_iter())
        .map(|name| (name.to_owned(), json!(true)))
        .collect();
    json!({
        "cniVersion": "1.0.0",
        "name": "netyard",
        "plugins": [{
            "type": "netyard",
            "bridge": "netyard0",
            "isDefaultGateway": true,
            "ipMasq": true,
            "hairpinMode": true,
            "ipam": { "type": "netyard", "ranges": [[{ "subnet": subnet }]] },
            "capabilities": capabilities,
        }],
    })
}

fn text(subnet: &IpNet) -> String {
    format!("{:#}\n", network(&json!(subnet.trunc())))
}

fn is_unchanged(text: &str) -> bool {
    let value: Option<Value> = serde_json::from_str(text).ok();
    value.is_some_and(|value| {
        let subnet = &value["plugins"][0]["ipam"]["ranges"][0][0]["subnet"];
        value == network(subnet)
    })
}

fn exists(path: &Path) -> Trouble {
    Trouble::failed(
        codes::FILE_EXISTS,
        format!("{} exists already", path.display()),
    )
}

fn unwritten(path: &Path, error: &std::io::Error) -> Trouble {
    let message = format!("cannot write {}: {error}", path.display());
    Trouble::failed(codes::CANNOT_WRITE, message)
        .hint("as root; or in other directories, by `--plugins` and `--networks`")
}
