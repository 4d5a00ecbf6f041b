//! Kinds of devices, each made.
#![allow(unsafe_code)]

use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;

use super::modules::Modules;
use super::{may_try, told};
use crate::plan::Setting;
use crate::state::machine::{Tried, Tries};
use crate::sys::Failure;
use crate::sys::netlink::attr::{put, put_nested, put_text};
use crate::sys::netlink::link;
use crate::sys::netlink::socket::{NLM_F_CREATE, NLM_F_EXCL, Request, Socket};
use crate::sys::uapi::*;

/// Indexes of the devices. Each cable has the far end's after its own.
const BRIDGE: u32 = 100;
const FILTERING: u32 = 101;
const PORT: u32 = 110;
/// A device gives itself to a bridge, to macvlans, to ipvlans: only to one of them.
const UNDER_MACVLAN: u32 = 120;
const UNDER_IPVLAN: u32 = 130;
/// The device that queueing disciplines are tried at.
pub(super) const QUEUES: u32 = 140;

/// Makes one of each. The namespace takes them along when it ends.
pub(super) fn attempt(tries: &mut Tries, modules: &Modules) -> io::Result<()> {
    let mut socket = Socket::route()?;
    let mut requests: Vec<(&str, Request)> = Vec::new();
    for index in [PORT, UNDER_MACVLAN, UNDER_IPVLAN, QUEUES] {
        requests.push(("veth", cable(index)));
    }
    requests.push(("bridge", device("bridge", BRIDGE, None, |_| {})));
    let filtering = device("bridge", FILTERING, None, |out| {
        put(out, IFLA_BR_VLAN_FILTERING, &[1]);
    });
    requests.push(("bridge-vlans", filtering));
    requests.push(("", link::set(PORT, &Setting::Master(None), Some(BRIDGE))));
    requests.push((
        "bridge-isolation",
        link::set(PORT, &Setting::Isolated(true), None),
    ));
    requests.push((
        "bridge-hairpin",
        link::set(PORT, &Setting::Hairpin(true), None),
    ));
    requests.push(("", link::set(QUEUES, &Setting::Up(true), None)));
    requests.push(("rename-up", named(QUEUES, "renamed")));
    for (kind, index) in KINDS.iter().zip(200..) {
        let (id, [word, module], under, data) = *kind;
        if may_try(modules, tries, id, module) {
            requests.push((id, device(word, index, under, data)));
        }
    }
    let (ids, requests): (Vec<&str>, Vec<Request>) = requests.into_iter().unzip();
    for (id, refused) in ids.into_iter().zip(socket.transact(&requests)?) {
        let tried = told(refused, &[libc::EOPNOTSUPP]);
        // Of several the first that does not work counts.
        if !id.is_empty() && tries.get(id).is_none_or(|before| *before == Tried::Works) {
            tries.insert(id.to_owned(), tried);
        }
    }
    // To open the file is to ask for the module.
    if may_try(modules, tries, "tun", "tun") {
        tries.insert("tun".to_owned(), tun());
    }
    Ok(())
}

/// A feature's id, what the kernel calls the kind and its module, the device below, and what
/// else it asks for.
type Kind = (
    &'static str,
    [&'static str; 2],
    Option<u32>,
    fn(&mut Vec<u8>),
);

const KINDS: &[Kind] = &[
    ("macvlan", ["macvlan"; 2], Some(UNDER_MACVLAN), |out| {
        put(out, IFLA_MACVLAN_MODE, &MACVLAN_MODE_BRIDGE.to_ne_bytes());
    }),
    ("ipvlan", ["ipvlan"; 2], Some(UNDER_IPVLAN), |_| {}),
    ("vlan", ["vlan", "8021q"], Some(UNDER_MACVLAN), |out| {
        put(out, IFLA_VLAN_ID, &7u16.to_ne_bytes());
    }),
    ("vxlan", ["vxlan"; 2], None, |out| {
        put(out, IFLA_VXLAN_ID, &7u32.to_ne_bytes());
    }),
    ("dummy", ["dummy"; 2], None, |_| {}),
    ("vrf", ["vrf"; 2], None, |out| {
        put(out, IFLA_VRF_TABLE, &7u32.to_ne_bytes());
    }),
    ("wireguard", ["wireguard"; 2], None, |_| {}),
    ("ifb", ["ifb"; 2], None, |_| {}),
    ("bonding", ["bond", "bonding"], None, |_| {}),
];

/// A request that makes a device (`struct ifinfomsg` and attributes).
fn device(kind: &str, index: u32, under: Option<u32>, data: fn(&mut Vec<u8>)) -> Request {
    let mut body = header(index);
    put_text(&mut body, IFLA_IFNAME, &format!("try{index}"));
    if let Some(under) = under {
        put(&mut body, IFLA_LINK, &under.to_ne_bytes());
    }
    put_nested(&mut body, IFLA_LINKINFO, |out| {
        put_text(out, IFLA_INFO_KIND, kind);
        put_nested(out, IFLA_INFO_DATA, data);
    });
    request(NLM_F_CREATE | NLM_F_EXCL, body)
}

fn cable(index: u32) -> Request {
    let mut body = header(index);
    put_text(&mut body, IFLA_IFNAME, &format!("try{index}"));
    put_nested(&mut body, IFLA_LINKINFO, |out| {
        put_text(out, IFLA_INFO_KIND, "veth");
        put_nested(out, IFLA_INFO_DATA, |out| {
            put_nested(out, VETH_INFO_PEER, |out| {
                out.extend(header(index + 1));
                put_text(out, IFLA_IFNAME, &format!("far{index}"));
            });
        });
    });
    request(NLM_F_CREATE | NLM_F_EXCL, body)
}

/// With Linux 6.2 a device gets another name while it is up (`dev_change_name`,
/// net/core/dev.c).
fn named(index: u32, name: &str) -> Request {
    let mut body = header(index);
    put_text(&mut body, IFLA_IFNAME, name);
    request(0, body)
}

fn header(index: u32) -> Vec<u8> {
    let mut header = vec![0; LINK_HEADER];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header
}

fn request(flags: u16, body: Vec<u8>) -> Request {
    Request {
        kind: RTM_NEWLINK,
        flags,
        body,
    }
}

/// A TUN device is made by its file, and goes when that is closed
/// (Documentation/networking/tuntap.rst).
fn tun() -> Tried {
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/net/tun");
    let file = match opened {
        Ok(file) => file,
        Err(e) => {
            let unknown = [libc::ENOENT, libc::ENXIO, libc::ENODEV];
            return told(Some(Failure::from(e)), &unknown);
        }
    };
    // `struct ifreq`: a name, which the kernel gives, and flags.
    let mut request = [0u8; IFREQ];
    let flags = (libc::IFF_TUN | libc::IFF_NO_PI) as u16;
    request[IFNAMSIZ..IFNAMSIZ + 2].copy_from_slice(&flags.to_ne_bytes());
    // SAFETY: the kernel reads and writes one `struct ifreq`, whose size the buffer has.
    let made = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, request.as_mut_ptr()) };
    match made {
        0 => Tried::Works,
        _ => told(Some(io::Error::last_os_error().into()), &[]),
    }
}
