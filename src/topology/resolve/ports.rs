//! Who may say what on a bridge, or to the host: the ports that are checked, and what each may use.

use ipnet::IpNet;

use super::policy::addresses;
use crate::state::{
    Element, End, NetState, Netns, Part, SetName, Table, TableName, generated, is_link_local,
};
use crate::topology::{Topology, port_name};

/// Every port, but those of routers and of interfaces that the file trusts.
pub(super) fn checked(topology: &Topology, state: &mut NetState) {
    let mut table = Table::skeleton(TableName::Bridge);
    let mut ports = Vec::new();
    for (netns, dev, interface) in topology.interfaces() {
        let spec = topology.namespaces.get(netns);
        let router = spec.is_some_and(|spec| spec.forward);
        if interface.network.is_none() || interface.trusted || router {
            continue;
        }
        let end = End {
            netns: netns.clone(),
            dev: dev.clone(),
        };
        let network = topology.network_of(interface);
        let routed = network.is_some_and(|network| network.routed);
        for (set, what) in uses(state, &end) {
            let port = Part::Device(port_name(netns, dev));
            let element = Element::of([port].into_iter().chain(what));
            match by_route(set) {
                _ if !routed => table.add(set, element, &topology.lab),
                Some(set) => ports.push((set, element)),
                None => {}
            }
        }
    }
    let Some(host) = state.namespaces.get_mut(&Netns::Host) else {
        return;
    };
    if let Some(table) = host.tables.get_mut(&TableName::Inet) {
        for (set, element) in ports {
            table.add(set, element, &topology.lab);
        }
    }
    if table.elements().next().is_some() {
        host.tables.insert(table.name, table);
    }
}

/// What there is to check where no bridge hears what is said: on a cable of its own an
/// interface deceives nobody by its hardware address.
fn by_route(set: SetName) -> Option<SetName> {
    Some(match set {
        SetName::Checked => SetName::Routed,
        SetName::Sources4 => SetName::From4,
        SetName::Sources6 => SetName::From6,
        _ => return None,
    })
}

/// What an interface may use: its hardware address, and any address of its namespace, whose
/// programs may bind to each of them whichever way their packets leave. A link-local
/// address belongs to its interface alone.
fn uses(state: &NetState, end: &End) -> Vec<(SetName, Option<Part>)> {
    let links = state.namespaces.get(&end.netns).map(|of| &of.links);
    let Some(link) = links.and_then(|links| links.get(&end.dev)) else {
        return Vec::new();
    };
    let mut uses = vec![(SetName::Checked, None)];
    let port = link.peer().and_then(|port| {
        let at = state.namespaces.get(&port.netns)?;
        at.links.get(&port.dev)
    });
    let tagged = port.into_iter().flat_map(|port| port.vlans.tagged());
    uses.extend(tagged.map(|range| (SetName::Trunks, Some(Part::Vlans(range)))));
    uses.extend(link.mac.map(|mac| (SetName::Macs, Some(Part::Mac(mac)))));
    let wide = addresses(state, &end.netns).filter(|net| !is_link_local(net));
    let near = link.addresses.iter().filter(|net| is_link_local(net));
    let all = wide.chain(near).copied().chain(generated(link));
    uses.extend(all.flat_map(source));
    uses
}

/// A source, and for IPv6 what neighbours are told.
fn source(net: IpNet) -> Vec<(SetName, Option<Part>)> {
    let address = Some(Part::Net(net.addr().into()));
    match net {
        IpNet::V4(_) => vec![(SetName::Sources4, address)],
        IpNet::V6(net) => {
            let bits = Part::Bits(net.addr().into());
            vec![
                (SetName::Sources6, address),
                (SetName::Targets6, Some(bits)),
            ]
        }
    }
}
