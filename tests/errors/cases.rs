//! Errors as the library gives them.

use std::time::Duration;

use netyard::error::{Error, Failure, Refused};
use netyard::ipam::{self, Full, InUse, User};
use netyard::plan::{Conflict, Conflicts, Holder, Op, Plan, Setting, Step, Taker};
use netyard::state::{
    End, Family, Link, LinkKind, Listener, Netns, Process, Published, Route, SetName, Table,
    TableName, Transport, Visible,
};
use netyard::topology::{NoFreeSubnet, ResolveError, Shape};

pub(crate) fn all() -> Vec<(&'static str, Error)> {
    let mut all: Vec<(&str, Error)> = refusals()
        .into_iter()
        .map(|(name, op, errno, text)| (name, refused(op, errno, text)))
        .collect();
    all.extend(conflicts());
    all.extend(undone());
    all.extend(leases());
    all.extend(external());
    all.extend(others());
    all.extend(crate::capture::all());
    all.extend(crate::external::all());
    all.extend(crate::joined::all());
    all.extend(crate::programs::all());
    all
}

/// An operation, the errno that it is refused with, and the kernel's sentence.
type Refusal = (&'static str, Op, i32, Option<&'static str>);

fn refusals() -> Vec<Refusal> {
    let table = Op::AddTable {
        netns: Netns::Host,
        table: Table::skeleton(TableName::Inet),
    };
    let no_table = Some("this kernel has no nf_tables, which the firewall needs");
    let mtu = Op::SetLink {
        end: end("one:eth0"),
        set: Setting::Mtu(9000),
        was: Setting::Mtu(1500),
    };
    let plugged = Op::SetLink {
        end: end("host:app-eth0"),
        set: Setting::Master(Some("shop-lan".parse().unwrap())),
        was: Setting::Master(None),
    };
    let no_bridge = Some("Unknown device type.");
    let no_hop = Some("Nexthop has invalid gateway");
    let far = route("10.9.0.0/16", "10.0.9.1");
    vec![
        ("ipv6-off", address("fd00::10/64"), libc::EACCES, None),
        ("no-bridge", bridge(), libc::EOPNOTSUPP, no_bridge),
        ("no-firewall", table, 0, no_table),
        ("bridge-exists", bridge(), libc::EEXIST, None),
        ("namespace-limit", namespace(), libc::ENOSPC, None),
        ("namespace-memory", namespace(), libc::ENOMEM, None),
        ("namespace-open-files", namespace(), libc::EMFILE, None),
        ("namespace-forbidden", namespace(), libc::EPERM, None),
        ("bridge-full", plugged, libc::EXFULL, None),
        ("next-hop", far, libc::ENETUNREACH, no_hop),
        (
            "mtu",
            mtu,
            libc::EINVAL,
            Some("mtu greater than device maximum"),
        ),
    ]
}

fn conflicts() -> Vec<(&'static str, Error)> {
    let shop = Holder::Lab("shop".parse().unwrap());
    let element = Conflict::Element {
        set: SetName::Masquerade4,
        element: "10.7.0.0/24".to_owned().try_into().unwrap(),
        holder: shop.clone(),
    };
    let namespace = |name: &str, holder| Conflict::Netns {
        name: name.parse().unwrap(),
        holder,
    };
    let device = Conflict::Link {
        end: end("host:web-lan"),
        holder: shop.clone(),
    };
    let diverted = Conflict::Diverted {
        to: "10.7.0.0/25".parse().unwrap(),
        subnet: "10.7.0.0/24".parse().unwrap(),
        dev: "web-lan".parse().unwrap(),
    };
    let other = Conflict::OtherRoute {
        netns: Netns::Host,
        to: "198.51.100.0/24".parse().unwrap(),
    };
    let ports = taken_ports();
    let several = vec![
        namespace("one", shop.clone()),
        device,
        namespace("two", Holder::Foreign),
    ];
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"].into_iter();
    let of_shop = names.map(|name| namespace(name, shop.clone()));
    let mut many: Vec<Conflict> = of_shop.collect();
    many.push(namespace("two", Holder::Foreign));
    let external = Conflict::External {
        bridge: "shop-lan".parse().unwrap(),
        lab: "shop".parse().unwrap(),
    };
    vec![
        (
            "external-bridge",
            Error::Conflicts(Conflicts(vec![external])),
        ),
        ("conflicts-of-a-lab", Error::Conflicts(Conflicts(many))),
        (
            "conflict-element",
            Error::Conflicts(Conflicts(vec![element])),
        ),
        (
            "conflict-routes",
            Error::Conflicts(Conflicts(vec![diverted, other])),
        ),
        ("conflict-ports", Error::Conflicts(Conflicts(ports))),
        ("conflicts", Error::Conflicts(Conflicts(several))),
    ]
}

/// Ports of the host that processes have, and another lab.
fn taken_ports() -> Vec<Conflict> {
    let port = |process, both| Conflict::Port {
        want: Box::new(published()),
        holder: Taker::Process(Listener {
            protocol: Transport::Tcp,
            at: if both { "[::]:8005" } else { "192.0.2.1:8005" }
                .parse()
                .unwrap(),
            both,
            process,
        }),
    };
    let nginx = Process {
        pid: 812,
        name: "nginx".to_owned(),
    };
    let of_shop = Conflict::Port {
        want: Box::new(published()),
        holder: Taker::Lab("shop".parse().unwrap()),
    };
    vec![port(Some(nginx), true), port(None, false), of_shop]
}

fn published() -> Published {
    Published {
        protocol: Transport::Tcp,
        host: "8000-8010".parse().unwrap(),
        address: None,
        netns: "one".parse().unwrap(),
        port: "8000-8010".parse().unwrap(),
        to: ["10.0.0.10".parse().unwrap()].into(),
        visible: Visible::Loopback,
    }
}

fn undone() -> Vec<(&'static str, Error)> {
    let hop = refused(route("default", "10.0.0.1"), libc::ENETUNREACH, None);
    let not_undone = Error::NotUndone {
        error: Box::new(hop),
        lab: "web".parse().unwrap(),
        left: vec![(address("10.0.0.10/24"), failure(libc::EBUSY, None))],
    };
    let rolled_back = Error::RolledBack {
        error: Box::new(refused(bridge(), libc::EINVAL, None)),
        journal: Box::new(journal("write the journal", "disk I/O error")),
    };
    let exists = refused(bridge(), libc::EEXIST, None);
    vec![
        ("undone", Error::Undone(Box::new(exists))),
        ("interrupted", Error::Undone(Box::new(Error::Interrupted))),
        ("not-undone", not_undone),
        ("rolled-back", rolled_back),
    ]
}

fn full(held: Vec<(ipam::Holder, u64)>) -> Full {
    Full {
        subnet: "10.0.0.0/30".parse().unwrap(),
        count: 2,
        held,
    }
}

fn external() -> Vec<(&'static str, Error)> {
    vec![
        (
            "address-held-by-a-lab",
            ResolveError::Held {
                address: "10.7.0.10/24".parse().unwrap(),
            }
            .into(),
        ),
        (
            "lab-in-use",
            Error::InUse {
                lab: "shop".parse().unwrap(),
                by: vec!["app".parse().unwrap(), "web".parse().unwrap()],
            },
        ),
    ]
}

fn leases() -> Vec<(&'static str, Error)> {
    let container = |id: &str| ipam::Holder::Container(id.to_owned());
    let address = "10.1.0.10".parse().unwrap();
    let held = ipam::Refusal::Held {
        address,
        by: container("c0ffee"),
        age: Duration::from_secs(200),
    };
    let closed = ipam::Refusal::Closed {
        address,
        subnet: "10.1.0.0/24".parse().unwrap(),
    };
    let of_five = ["a", "b", "c", "d", "e"].map(|id| (container(id), 1));
    let in_use = |net: &str, by| InUse {
        net: net.parse().unwrap(),
        by,
    };
    let mut in_the_way = vec![
        in_use("10.0.0.0/8", User::Route),
        in_use("172.16.0.0/12", User::Rule),
        in_use("192.168.0.0/17", User::Address),
        in_use("192.168.128.0/18", User::Lab("shop".parse().unwrap())),
        in_use("192.168.192.0/18", User::Network("network pods".to_owned())),
    ];
    in_the_way.extend((0..7).map(|n| in_use(&format!("10.0.{n}.0/24"), User::Route)));
    let none = NoFreeSubnet {
        network: "lan".parse().unwrap(),
        family: Family::Ipv4,
        in_use: in_the_way,
    };
    let lease = |refusal| Error::Lease(Box::new(refusal));
    vec![
        ("address-held", lease(held)),
        ("address-closed", lease(closed)),
        (
            "leases-full",
            lease(ipam::Refusal::Full(full(of_five.into()))),
        ),
        ("no-free-subnet", Error::Resolve(Box::new(none).into())),
    ]
}

fn others() -> Vec<(&'static str, Error)> {
    let different = Error::Different(Plan {
        new: true,
        lab: "web".parse().unwrap(),
        steps: vec![step(address("10.0.0.10/24"))],
    });
    let full = ResolveError::Exhausted {
        network: "lan".parse().unwrap(),
        subnet: "10.0.0.0/30".parse().unwrap(),
        end: Box::new(end("three:eth0")),
        full: Box::new(full(vec![
            (ipam::Holder::Lab("web".parse().unwrap()), 1),
            (ipam::Holder::File, 1),
        ])),
    };
    let system = Error::System {
        what: "open a netlink socket".to_owned(),
        cause: failure(libc::EAFNOSUPPORT, None),
    };
    let file = "open the journal /run/netyard/netyard.db";
    let not_root = Error::NotRoot("bringing a lab up".to_owned());
    vec![
        ("state-differs", different),
        ("bad-shape", "tree:1,3".parse::<Shape>().unwrap_err().into()),
        ("subnet-full", Error::Resolve(full)),
        ("declined", Error::Declined),
        ("already-up", Error::AlreadyUp("web".parse().unwrap())),
        ("no-such-lab", Error::NoLab("web".parse().unwrap())),
        ("namespace-hidden", Error::Hidden("one".parse().unwrap())),
        ("names-unseen", Error::NamesUnseen),
        ("unfinished", Error::Unfinished("web".parse().unwrap())),
        ("unread", unread()),
        ("other-host", Error::OtherHost("web".parse().unwrap())),
        ("not-root", not_root),
        ("journal", journal(file, "file is not a database")),
        (
            "journal-version",
            Error::JournalVersion { found: 3, known: 2 },
        ),
        ("system", system),
        ("late", late()),
        ("file", file_with_a_mistake()),
    ]
}

fn late() -> Error {
    Error::Late {
        what: "tcp port 80 in namespace one".to_owned(),
        waited: Duration::from_secs(5),
    }
}

fn file_with_a_mistake() -> Error {
    let error = netyard::topology::parse("lab: x\nnamespace: {}\n").unwrap_err();
    Error::File {
        file: "lab.yaml".to_owned(),
        error: Box::new(error),
    }
}

/// A lab that another version of netyard brought up.
fn unread() -> Error {
    let error = netyard::topology::parse("lab: web\nold: key\n").unwrap_err();
    Error::Unread {
        lab: "web".parse().unwrap(),
        error: Box::new(error),
    }
}

fn refused(op: Op, errno: i32, text: Option<&str>) -> Error {
    let Step { op, because, .. } = step(op);
    Error::Refused(Box::new(Refused {
        op,
        because,
        failure: failure(errno, text),
    }))
}

fn step(op: Op) -> Step {
    Step {
        op,
        because: "the file has it".to_owned(),
        impacts: Vec::new(),
    }
}

fn failure(errno: i32, text: Option<&str>) -> Failure {
    Failure {
        errno,
        text: text.map(str::to_owned),
    }
}

fn journal(what: &str, text: &str) -> Error {
    Error::Journal {
        what: what.to_owned(),
        cause: failure(0, Some(text)),
    }
}

fn end(text: &str) -> End {
    text.parse().unwrap()
}

fn namespace() -> Op {
    Op::AddNetns {
        name: "one".parse().unwrap(),
    }
}

fn address(net: &str) -> Op {
    Op::AddAddress {
        end: end("one:eth0"),
        address: net.parse().unwrap(),
    }
}

fn bridge() -> Op {
    Op::AddBridge {
        end: end("host:web-lan"),
        link: Link::new(LinkKind::Bridge),
    }
}

fn route(to: &str, via: &str) -> Op {
    let to = if to == "default" { "0.0.0.0/0" } else { to };
    Op::AddRoute {
        netns: "one".parse::<Netns>().unwrap(),
        route: Route {
            to: to.parse().unwrap(),
            via: Some(via.parse().unwrap()),
            dev: "eth0".parse().unwrap(),
            metric: None,
            origin: netyard::state::Origin::Static,
            fate: netyard::state::Fate::Unicast,
            src: None,
            options: Default::default(),
        },
    }
}
