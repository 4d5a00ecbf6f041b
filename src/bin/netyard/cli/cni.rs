use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ipnet::{IpNet, Ipv4Net};
use netyard::lab;
use netyard::report::codes;
use serde_json::{Value, json};

use super::consent;
use super::output::{BOLD, say, styled};
use super::source;
use super::trouble::Trouble;
use crate::cni::{self, CAPABILITIES};

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
    /// Nothing that is there is overwritten, but for netyard's own network that nobody has
    /// changed, where `--subnet` gives it another subnet.
    Install(Install),
    /// Take the links to netyard and its network away
    ///
    /// A network that was changed since is left alone. As long as containers are attached it
    /// asks: their engine could not detach them without the plugin.
    Uninstall(Uninstall),
}

#[derive(Debug, clap::Args)]
struct Install {
    #[command(flatten)]
    places: Places,
    /// Of what containers get their addresses; 10.88.0.0/16 to begin with
    #[arg(long, value_name = "SUBNET")]
    subnet: Option<IpNet>,
}

#[derive(Debug, clap::Args)]
struct Uninstall {
    #[command(flatten)]
    places: Places,
    /// Go on without a question, whoever is attached
    #[arg(short, long)]
    yes: bool,
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
/// So many containers are named.
const NAMED: usize = 8;
/// The subnet that is not asked for.
const FIRST: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 88, 0, 0), 16);

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    match &args.what {
        What::Install(install) => self::install(install),
        What::Uninstall(uninstall) => self::uninstall(uninstall),
    }
}

fn install(Install { places, subnet }: &Install) -> Result<ExitCode, Trouble> {
    let own = std::env::current_exe().map_err(|e| unwritten(&places.plugins, &e))?;
    let file = places.networks.join(FILE);
    let there = fs::read_to_string(&file).ok();
    // What nobody has changed since is netyard's own.
    if there.as_ref().is_some_and(|there| !is_unchanged(there)) {
        let hint = "it was changed since: write its `subnet` there, or remove it first";
        return Err(exists(&file).hint(hint));
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
    let wanted = subnet.map(|subnet| subnet.trunc());
    if there.is_some() && wanted.is_none_or(|subnet| there == Some(text(&subnet))) {
        say!("{} stays as it is", file.display());
        return Ok(ExitCode::SUCCESS);
    }
    let subnet = wanted.unwrap_or_else(|| FIRST.into());
    let mut options = OpenOptions::new();
    match there {
        Some(_) => options.write(true).truncate(true),
        None => options.write(true).create_new(true),
    };
    let made = options.open(&file);
    made.and_then(|mut made| made.write_all(text(&subnet).as_bytes()))
        .map_err(|e| match e.kind() {
            ErrorKind::AlreadyExists => exists(&file),
            _ => unwritten(&file, &e),
        })?;
    say!("{} is written: network `netyard`, {subnet}", file.display());
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

fn uninstall(Uninstall { places, yes }: &Uninstall) -> Result<ExitCode, Trouble> {
    let attached = match attached() {
        Err(_) if *yes => BTreeSet::new(),
        attached => attached?,
    };
    if !attached.is_empty() && !yes {
        let count = attached.len();
        let mut names: Vec<&str> = attached.iter().map(String::as_str).take(NAMED).collect();
        if count > NAMED {
            names.push("...");
        }
        let named = names.join(", ");
        let who = match count {
            1 => "a container is".to_owned(),
            count => format!("{count} containers are"),
        };
        let engine = "without the plugin its engine could not detach it";
        anstream::eprintln!("{who} attached ({named}): {engine}");
        let alone = "containers are attached, and nobody can be asked; nothing was removed";
        consent::agree(alone)?;
    }
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

/// Which containers are attached, by their names.
fn attached() -> Result<BTreeSet<String>, Trouble> {
    let mut names = BTreeSet::new();
    for lab in lab::list()? {
        let Some(number) = cni::container_of(&lab) else {
            continue;
        };
        let source = source::recorded(lab).ok();
        let container = source.and_then(|source| source.topology.containers().next());
        names.insert(container.map_or(number, |(_, name)| name.short().to_owned()));
    }
    Ok(names)
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
    format!("{:#}\n", network(&json!(subnet)))
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
