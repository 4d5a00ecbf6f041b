//! `ADD`: a container gets an interface.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;
use netyard::error::Error;
use netyard::has_namespace;
use netyard::ipam::Refusal;
use netyard::lab::{self, Journal, has_devices};
use netyard::reconcile::Progress;
use netyard::state::{Family, IfName, LabName, Link, NetState, Netns, NetnsPath, SysctlKey};
use netyard::topology::ResolveError;
use serde_json::Value;

use super::attach::{Attachment, Choice, Known, choices, lab_name_of, netns_of};
use super::call::Call;
use super::config::{Config, Kind, Role};
use super::failure::{Code, Failure};
use super::result::{Attached, Interface, Ip};
use super::{gc, given, network};

/// Keeps what was seen at the end.
#[derive(Default)]
struct Watch(Option<NetState>);

impl Progress for Watch {
    fn settled(&mut self, seen: &NetState) {
        self.0 = Some(seen.clone());
    }
}

pub(super) fn add(config: &Config, call: &Call) -> Result<Value, Failure> {
    // What is no result is refused before anything is changed.
    config.before()?;
    if !matches!(config.kind, Kind::Carried(_)) {
        return attach(config, call);
    }
    refuse_second(config, call)?;
    let added = given::given(config, call).and_then(|config| attach(&config, call));
    // What was leased is of no use then.
    let dev = call.dev()?.as_str();
    added.map_err(
        |failure| match given::take_back(&config.name, &call.container, dev) {
            Ok(()) => failure,
            Err(other) => failure.and(&other),
        },
    )
}

fn attach(config: &Config, call: &Call) -> Result<Value, Failure> {
    let choices = choices(config.sets());
    let of = |choice| Ok((choice, Attachment::of(config, call, choice, &[])?));
    let fitting = choices.iter().filter(|choice| holds(choice, config));
    // What cannot be is refused before anything is changed.
    let fitting: Vec<_> = fitting.map(of).collect::<Result<_, Failure>>()?;
    if fitting.is_empty() {
        return Err(elsewhere(config));
    }
    let netns = netns_of(call)?;
    if !has_namespace(&Netns::At(netns.clone())) {
        let msg = format!("there is no network namespace at {netns}");
        return Err(Failure::new(Code::Refused, msg));
    }
    let mut journal = Journal::open()?;
    // Before it is held: this looks.
    if is_there(&journal, &lab_of(config, call)?)? {
        return Err(there(call.dev()?, &netns));
    }
    if config.kind.has_network() {
        journal = network::ensure(config, journal)?;
    }
    let attached = match first_fit(config, call, &fitting, Some(journal))? {
        Err(full) => after_sweep(config, full, || first_fit(config, call, &fitting, None)),
        made => made,
    }?;
    Ok(match &config.prev {
        Some(before) => attached.behind(before, config.version),
        None => attached.as_json(config.version),
    })
}

/// Once more, when containers that went without `DEL` had what is needed.
fn after_sweep(
    config: &Config,
    full: Failure,
    again: impl FnOnce() -> Result<Result<Attached, Failure>, Failure>,
) -> Result<Attached, Failure> {
    let lost = gc::lost(&config.name)?;
    // One that stays is not what was asked for.
    let taken = lost.labs.iter().filter(|lab| gc::take_away(lab).is_ok());
    let made = match taken.count() {
        0 => Err(full),
        _ => again()?,
    };
    // Of what is in the way it is told whose it is.
    let has = |full: &Failure, lab| {
        let holders = full.in_the_way.as_ref();
        holders.is_none_or(|labs| labs.contains(lab))
    };
    made.map_err(|full| match lost.going.iter().find(|(_, lab)| has(&full, lab)) {
        Some((container, _)) => {
            let why = format!(
                "container {container} has no namespace any more: what it has is free when its devices are gone"
            );
            Failure {
                code: Code::TryAgain,
                ..full.and(&Failure::new(Code::TryAgain, why))
            }
        }
        None => full,
    })
}

/// Attaches it by the first choice that has addresses left; if none has, or somebody has what
/// else it needs, says so.
fn first_fit(
    config: &Config,
    call: &Call,
    fitting: &[(&Choice, Attachment)],
    mut journal: Option<Journal>,
) -> Result<Result<Attached, Failure>, Failure> {
    let mut failure = elsewhere(config);
    for (choice, attachment) in fitting {
        let mut made = make(config, attachment, journal.take());
        // Some runtimes ask for the ports of a container on each of its networks.
        if matches!(made, Err(_) | Ok(Made::Taken(_))) && !config.ports.is_empty() {
            let there = published(call, &attachment.topology.lab)?;
            let rest = Attachment::of(config, call, choice, &there)?;
            if rest.source != attachment.source {
                made = make(config, &rest, None);
            }
        }
        match made? {
            Made::Up(seen) => return Ok(Ok(attached(config, attachment, choice, &seen))),
            Made::Full(full) => failure = full,
            Made::Taken(taken) => return Ok(Err(taken)),
        }
    }
    Ok(Err(failure))
}

/// What other attachments of the container publish.
pub(super) fn published(call: &Call, own: &LabName) -> Result<Vec<Value>, Failure> {
    let mut all = lab::list()?;
    all.retain(|lab| {
        let known = Known::of(lab).filter(|_| lab.name != *own);
        known.is_some_and(|known| known.container == call.container)
    });
    Ok(all
        .iter()
        .flat_map(|lab| Known::ports(&lab.source))
        .collect())
}

/// Whether the addresses that are asked for are of these subnets, and there of a range.
pub(super) fn holds(choice: &Choice, config: &Config) -> bool {
    let inside = |ip: &IpAddr| {
        let mut ranges = config.ranges();
        ranges.any(|range| choice.contains(&range.subnet) && range.contains(*ip))
    };
    config.ips.iter().all(inside)
}

pub(super) fn elsewhere(config: &Config) -> Failure {
    let all: Vec<String> = config.ips.iter().map(ToString::to_string).collect();
    let (all, name) = (all.join(" and "), &config.name);
    Failure::new(
        Code::InvalidConfig,
        format!("{all}: not of the ranges of network {name}"),
    )
}

/// Every namespace has a `lo`, which no other kind makes.
pub(super) fn refuse_loopback(config: &Config, call: &Call) -> Result<(), Failure> {
    if call.dev()?.as_str() != "lo" || config.kind == Kind::Loopback {
        return Ok(());
    }
    let msg = "CNI_IFNAME `lo` is the loopback device, which every container has";
    let details = "`eth0` is the usual name; `lo` is for the kind `loopback`";
    Err(Failure::new(Code::BadEnvironment, msg).details(details))
}

/// That a second `ADD` is an error, before anybody gives an address for it.
pub(super) fn refuse_second(config: &Config, call: &Call) -> Result<(), Failure> {
    match is_there(&Journal::open()?, &lab_of(config, call)?)? {
        true => Err(there(call.dev()?, &netns_of(call)?)),
        false => Ok(()),
    }
}

fn lab_of(config: &Config, call: &Call) -> Result<LabName, Failure> {
    let dev = call.dev()?;
    Ok(lab_name_of(&config.name, &call.container, dev.as_str()))
}

/// Whether an attachment is whole. One whose namespace went without a `DEL` is there no more.
fn is_there(journal: &Journal, lab: &LabName) -> Result<bool, Failure> {
    let whole = journal.find(lab)?.is_some_and(|known| known.whole);
    Ok(whole && has_devices(lab)?)
}

fn there(dev: &IfName, netns: &NetnsPath) -> Failure {
    let msg = format!("interface {dev} of {netns} is attached already");
    Failure::new(Code::Refused, msg).details("a second ADD needs a DEL before it")
}

/// Brings the attachment up. What is there already is an error, as the specification has it,
/// but for what an `ADD` that was killed has left.
fn make(
    config: &Config,
    attachment: &Attachment,
    journal: Option<Journal>,
) -> Result<Made, Failure> {
    let Attachment {
        topology, source, ..
    } = attachment;
    let journal = journal.map_or_else(Journal::open, Ok)?;
    let up = |journal: Journal| {
        let mut watch = Watch::default();
        journal.up(topology, source, &mut watch)?;
        watch.0.ok_or(Error::Declined)
    };
    let made = match up(journal) {
        Err(error) if !config.kind.has_network() => Err(error),
        // Who saw nobody on the network took it away since, or changed it.
        Err(Error::Resolve(ResolveError::ExternalLab { .. } | ResolveError::NotInside { .. })) => {
            up(network::hold(config, Journal::open()?)?)
        }
        Err(Error::Conflicts(_)) if network::restore(config)? => up(Journal::open()?),
        made => made,
    };
    match made {
        // Of the network itself only its bridge's presence was asked for.
        Ok(seen) if is_ill(config, &seen) => {
            network::restore(config)?;
            Ok(Made::Up(Box::new(seen)))
        }
        Ok(seen) => Ok(Made::Up(Box::new(seen))),
        Err(full @ Error::Resolve(ResolveError::Exhausted { .. })) => Ok(Made::Full(full.into())),
        Err(error) if is_taken(&error) => Ok(Made::Taken(error.into())),
        Err(error) => Err(error.into()),
    }
}

/// Whether the bridge is down, or lacks a gateway's address, or the host does not forward.
fn is_ill(config: &Config, seen: &NetState) -> bool {
    let Kind::Bridge(bridge) = &config.kind else {
        return false;
    };
    let host = seen.namespaces.get(&Netns::Host);
    let Some(link) = host.and_then(|host| host.links.get(bridge)) else {
        return true;
    };
    if config.gateway == Role::Nothing {
        return !link.up;
    }
    let mut ranges = config.ranges();
    let lacks = ranges.any(|range| {
        let gateway = config.gateway_in(&range.subnet);
        !link.addresses.iter().any(|net| Some(net.addr()) == gateway)
    });
    let keys = [SysctlKey::forward4(), SysctlKey::forward6()];
    let mut families = [Family::Ipv4, Family::Ipv6].into_iter().zip(keys);
    let shut = families.any(|(family, key)| {
        let mut all = config.ranges();
        let needed = all.any(|range| Family::of(&range.subnet) == family);
        let value = || fs::read_to_string(Path::new("/proc/sys").join(key.path()));
        needed && value().is_ok_and(|value| value.trim() == "0")
    });
    !link.up || lacks || shut
}

/// What came of it.
enum Made {
    Up(Box<NetState>),
    /// There is no address left.
    Full(Failure),
    /// Another lab has a port, a name, the address that it needs.
    Taken(Failure),
}

fn is_taken(error: &Error) -> bool {
    match error {
        Error::Resolve(ResolveError::Held { .. }) => true,
        Error::Lease(refusal) => matches!(**refusal, Refusal::Held { .. }),
        Error::Conflicts(all) => all.0.iter().any(|one| one.lab().is_some()),
        _ => false,
    }
}

/// What there is now, as the specification tells it.
fn attached(config: &Config, it: &Attachment, choice: &Choice, seen: &NetState) -> Attached {
    if config.kind == Kind::Loopback {
        return loopback(it);
    }
    let inside = Netns::At(it.netns.clone());
    let link = |netns: &Netns, dev: &IfName| seen.namespaces.get(netns)?.links.get(dev);
    let device = |netns: &Netns, dev: &IfName, link: &Link| Interface {
        name: dev.to_string(),
        mac: link.mac.map(|mac| mac.to_string()).unwrap_or_default(),
        mtu: link.mtu,
        sandbox: match netns {
            Netns::At(path) => path.to_string(),
            _ => String::new(),
        },
        socket_path: None,
        pci_id: None,
    };
    let own = link(&inside, &it.dev);
    let port = own.and_then(Link::peer).map(|port| &port.dev);
    let bridge = match &config.kind {
        Kind::Bridge(bridge) => Some(bridge),
        _ => None,
    };
    let near = [bridge, port].into_iter().flatten();
    let near = near.filter_map(|dev| Some(device(&Netns::Host, dev, link(&Netns::Host, dev)?)));
    let mut interfaces: Vec<Interface> = near.collect();
    let at = interfaces.len();
    interfaces.extend(own.map(|link| device(&inside, &it.dev, link)));
    let addresses = own.into_iter().flat_map(|link| &link.addresses);
    let ips = addresses.map(|address| Ip {
        address: *address,
        gateway: config.gateway_of(address),
        interface: Some(at),
    });
    // A default route is left out where the container has one by another network.
    let there = seen.namespaces.get(&inside);
    let is_there = |to: &IpNet| {
        let mut routes = there.into_iter().flat_map(|there| &there.routes);
        routes.any(|route| route.to == to.trunc() && route.dev == it.dev)
    };
    let mut routes = config.routes_of(choice);
    routes.retain(|route| is_there(&route.dst));
    Attached {
        interfaces,
        ips: ips.collect(),
        routes,
        dns: config.dns.clone(),
    }
}

/// What every kernel gives to `lo`.
fn loopback(it: &Attachment) -> Attached {
    let ipv6 = Path::new("/proc/net/if_inet6").exists();
    let addresses = ["127.0.0.1/8", "::1/128"].into_iter();
    let addresses = addresses.take(if ipv6 { 2 } else { 1 });
    let ips = addresses.filter_map(|address| address.parse().ok());
    let lo = Interface {
        name: "lo".to_owned(),
        mac: "00:00:00:00:00:00".to_owned(),
        mtu: None,
        sandbox: it.netns.to_string(),
        socket_path: None,
        pci_id: None,
    };
    Attached {
        interfaces: vec![lo],
        ips: ips
            .map(|address| Ip {
                address,
                gateway: None,
                interface: Some(0),
            })
            .collect(),
        ..Attached::default()
    }
}
