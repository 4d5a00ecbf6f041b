//! Who may say what on a bridge: the ports that are checked, and what each may use.

use ipnet::IpNet;

use super::policy::addresses;
use crate::state::{
    AddrGen, Element, End, Link, NetState, Netns, Part, SetName, Table, TableName, eui64,
    is_link_local,
};
use crate::topology::{Topology, port_name};

/// Every port, but those of routers and of interfaces that the file trusts.
pub(super) fn checked(topology: &Topology, state: &mut NetState) {
    let mut table = Table::skeleton(TableName::Bridge);
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
        for (set, what) in uses(state, &end) {
            let port = Part::Device(port_name(netns, dev));
            let element = Element::of([port].into_iter().chain(what));
            table.add(set, element, &topology.lab);
        }
    }
    if table.elements().next().is_some() {
        let host = state.namespaces.entry(Netns::Host).or_default();
        host.tables.insert(table.name, table);
    }
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
    uses.extend(link.mac.map(|mac| (SetName::Macs, Some(Part::Mac(mac)))));
    let wide = addresses(state, &end.netns).filter(|net| !is_link_local(net));
    let near = link.addresses.iter().filter(|net| is_link_local(net));
    let all = wide.chain(near).copied().chain(generated(link));
    uses.extend(all.flat_map(source));
    uses
}

/// The address that the kernel makes by itself.
fn generated(link: &Link) -> Option<IpNet> {
    let mac = link.mac.filter(|_| link.addrgen == Some(AddrGen::Eui64));
    mac.map(eui64)
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
