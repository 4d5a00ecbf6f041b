//! What the kernel can do.

use super::{Finding, Group, Level};
use crate::state::machine::{Barred, Tried, Tries};

/// Something that a kernel may lack.
pub(super) struct Feature {
    pub(super) id: &'static str,
    /// What it is called in a sentence.
    name: &'static str,
    /// How bad it is without it.
    level: Level,
    /// What follows when it is not there.
    without: &'static str,
    /// The kernel's option, and the module that it is built as, where it is one of its own;
    /// without an option it is the version that counts.
    from: Result<(&'static str, &'static str), &'static str>,
}

const fn feature(
    (id, name): (&'static str, &'static str),
    level: Level,
    without: &'static str,
    from: Result<(&'static str, &'static str), &'static str>,
) -> Feature {
    Feature {
        id,
        name,
        level,
        without,
        from,
    }
}

use Level::{Error, Note, Warning};

const NFT: Result<(&str, &str), &str> = Ok(("CONFIG_NF_TABLES", "nf_tables"));
const NO_NETWORK: &str = "no lab that has a network comes up: its firewall table cannot be made";

/// All that is tried, in the order in which it is told.
pub(super) const FEATURES: &[Feature] = &[
    feature(
        ("veth", "cables (veth)"),
        Error,
        "no lab comes up that has a cable",
        Ok(("CONFIG_VETH", "veth")),
    ),
    feature(
        ("bridge", "bridges"),
        Error,
        "no lab comes up that has a network",
        Ok(("CONFIG_BRIDGE", "bridge")),
    ),
    feature(
        ("bridge-isolation", "isolated ports of bridges"),
        Error,
        "namespaces on one network cannot be kept apart",
        Err("4.18"),
    ),
    feature(
        ("bridge-hairpin", "hairpin ports of bridges"),
        Error,
        "a namespace does not reach its own published port",
        Ok(("CONFIG_BRIDGE", "bridge")),
    ),
    feature(
        ("bridge-vlans", "VLAN filtering of bridges"),
        Note,
        "no network comes up with a `vlan`, and none of whose interfaces has `access` or `trunk`",
        Ok(("CONFIG_BRIDGE_VLAN_FILTERING", "")),
    ),
    feature(
        ("rename-up", "renaming of devices that are up"),
        Note,
        "a bridge or cable that gets another name goes down for a moment",
        Err("6.2"),
    ),
    feature(
        ("macvlan", "macvlan devices"),
        Note,
        "containers cannot share a device of the host this way: not by a network of this kind either",
        Ok(("CONFIG_MACVLAN", "macvlan")),
    ),
    feature(
        ("ipvlan", "ipvlan devices"),
        Note,
        "containers cannot share a device of the host this way: not by a network of this kind either",
        Ok(("CONFIG_IPVLAN", "ipvlan")),
    ),
    feature(
        ("vlan", "VLAN devices"),
        Note,
        "there are no tagged networks: not by a network of this kind either",
        Ok(("CONFIG_VLAN_8021Q", "8021q")),
    ),
    feature(
        ("vxlan", "VXLAN devices"),
        Note,
        "overlay networks between hosts (flannel, Docker Swarm) do not work; netyard makes none",
        Ok(("CONFIG_VXLAN", "vxlan")),
    ),
    feature(
        ("dummy", "dummy devices"),
        Note,
        "`ip link add type dummy` fails; netyard makes none",
        Ok(("CONFIG_DUMMY", "dummy")),
    ),
    feature(
        ("vrf", "VRF devices"),
        Note,
        "a namespace cannot hold several routing tables by device; netyard makes none",
        Ok(("CONFIG_NET_VRF", "vrf")),
    ),
    feature(
        ("wireguard", "WireGuard devices"),
        Note,
        "interfaces with `wireguard` cannot be made; tunnels need a program instead (wireguard-go)",
        Ok(("CONFIG_WIREGUARD", "wireguard")),
    ),
    feature(
        ("tun", "TUN and TAP devices"),
        Note,
        "VPN programs, virtual machines and slirp4netns or pasta do not work in labs",
        Ok(("CONFIG_TUN", "tun")),
    ),
    feature(
        ("ifb", "IFB devices"),
        Note,
        "incoming packets cannot be shaped; netyard does not",
        Ok(("CONFIG_IFB", "ifb")),
    ),
    feature(
        ("bonding", "bonds"),
        Note,
        "devices cannot be bundled; netyard bundles none",
        Ok(("CONFIG_BONDING", "bonding")),
    ),
    feature(
        ("nft-inet", "nftables of the family inet"),
        Error,
        NO_NETWORK,
        Ok(("CONFIG_NF_TABLES_INET", "")),
    ),
    feature(
        ("nft-filter", "nftables chains of the type filter"),
        Error,
        NO_NETWORK,
        NFT,
    ),
    feature(
        ("nft-nat", "nftables chains of the type nat"),
        Error,
        NO_NETWORK,
        Ok(("CONFIG_NFT_NAT", "nft_chain_nat")),
    ),
    feature(
        ("nft-ct", "connection tracking in nftables"),
        Error,
        NO_NETWORK,
        Ok(("CONFIG_NFT_CT", "nft_ct")),
    ),
    feature(
        ("nft-fib", "look-ups of routes in nftables (fib)"),
        Error,
        NO_NETWORK,
        Ok(("CONFIG_NFT_FIB_INET", "nft_fib_inet")),
    ),
    feature(
        ("nft-maps", "nftables maps with ranges of several fields"),
        Error,
        NO_NETWORK,
        Err("5.6"),
    ),
    feature(
        ("nft-masquerade", "masquerade in nftables"),
        Error,
        NO_NETWORK,
        Ok(("CONFIG_NFT_MASQ", "nft_masq")),
    ),
    feature(
        ("nft-dnat", "dnat in nftables"),
        Error,
        NO_NETWORK,
        Ok(("CONFIG_NFT_NAT", "nft_nat")),
    ),
    feature(
        ("nft-bridge", "nftables of the family bridge"),
        Error,
        NO_NETWORK,
        Ok(("CONFIG_NF_TABLES_BRIDGE", "")),
    ),
    feature(
        ("nft-netyard", "tables as netyard makes them"),
        Error,
        NO_NETWORK,
        NFT,
    ),
    feature(
        ("ctnetlink", "list of tracked connections (ctnetlink)"),
        Warning,
        "connections go on after the port or the rule that let them through has gone",
        Ok(("CONFIG_NF_CT_NETLINK", "nf_conntrack_netlink")),
    ),
    feature(
        ("qdisc-netem", "queueing discipline netem"),
        Note,
        "no lab comes up that has an interface or a link with `netem` (delay, loss)",
        Ok(("CONFIG_NET_SCH_NETEM", "sch_netem")),
    ),
    feature(
        ("qdisc-tbf", "queueing discipline tbf"),
        Warning,
        "no lab comes up that has an interface with a `rate`",
        Ok(("CONFIG_NET_SCH_TBF", "sch_tbf")),
    ),
    feature(
        ("qdisc-htb", "queueing discipline htb"),
        Note,
        "the rate of a device cannot be shared out by htb",
        Ok(("CONFIG_NET_SCH_HTB", "sch_htb")),
    ),
    feature(
        ("qdisc-fq-codel", "queueing discipline fq_codel"),
        Note,
        "queues of devices are plain ones",
        Ok(("CONFIG_NET_SCH_FQ_CODEL", "sch_fq_codel")),
    ),
    feature(
        ("qdisc-ingress", "queueing discipline ingress"),
        Note,
        "incoming packets cannot be policed or redirected by tc",
        Ok(("CONFIG_NET_SCH_INGRESS", "sch_ingress")),
    ),
    feature(
        ("qdisc-clsact", "queueing discipline clsact"),
        Note,
        "BPF programs of tc (Cilium) cannot be attached",
        Ok(("CONFIG_NET_SCH_INGRESS", "sch_ingress")),
    ),
    feature(
        ("ipv4-forwarding", "forwarding of IPv4"),
        Error,
        "no lab comes up that routes: namespaces reach neither other networks nor the outside",
        Err(""),
    ),
    feature(
        ("ipv6", "IPv6"),
        Warning,
        "no lab comes up that has an IPv6 subnet",
        Ok(("CONFIG_IPV6", "ipv6")),
    ),
    feature(
        ("ipv6-forwarding", "forwarding of IPv6"),
        Warning,
        "no lab comes up that routes IPv6",
        Err(""),
    ),
    feature(
        ("raw-icmp", "raw ICMP sockets"),
        Warning,
        "`netyard test` cannot ping",
        Err(""),
    ),
    feature(
        ("packet-sockets", "packet sockets (AF_PACKET)"),
        Note,
        "packets cannot be captured (tcpdump), and DHCP clients do not work",
        Ok(("CONFIG_PACKET", "af_packet")),
    ),
    feature(
        ("netlink-strict", "strict checking of netlink requests"),
        Error,
        "netyard cannot ask for a part of a list",
        Err("4.20"),
    ),
    feature(
        ("netlink-ext-ack", "extended ACK of netlink"),
        Error,
        "the kernel does not say why it refuses something",
        Err("4.12"),
    ),
    feature(
        (
            "netlink-all-nsid",
            "notifications of all namespaces (NETLINK_LISTEN_ALL_NSID)",
        ),
        Warning,
        "`netyard watch` hears nothing of what happens inside of namespaces",
        Err("4.2"),
    ),
];

/// Where an ordinary user gets no private world that is told as such, and once.
pub(super) fn judge(tries: &Result<Tries, Barred>, told: bool) -> Vec<Finding> {
    match tries {
        Ok(tries) => FEATURES
            .iter()
            .filter(|feature| has_ground(feature.id, tries))
            .filter_map(|feature| Some(one(feature, tries.get(feature.id)?)))
            .collect(),
        Err(_) if told => vec![Group::Kernel.finding(
            Level::Note,
            "probe",
            "nothing could be tried without a private world",
            (
                "what the kernel can do is not known",
                "see `user-namespaces`",
            ),
        )],
        Err(Barred { why, remedy }) => vec![Group::Kernel.finding(
            Level::Error,
            "probe",
            format!("nothing could be tried: {why}"),
            ("what the kernel can do is not known", remedy),
        )],
    }
}

/// What is there only with something else is not told of where that is missing.
fn has_ground(id: &str, tries: &Tries) -> bool {
    let grounds = [("bridge-", "bridge"), ("nft-", "nft-inet")];
    let ground = grounds.iter().find(|(start, _)| id.starts_with(start));
    ground.is_none_or(|(_, ground)| id == *ground || tries.get(*ground) == Some(&Tried::Works))
}

fn one(feature: &Feature, tried: &Tried) -> Finding {
    let Feature {
        id,
        name,
        level,
        without,
        from,
    } = *feature;
    let (what, remedy) = match (tried, from) {
        (Tried::Unloaded(module), _) => return untried(id, name, module),
        (Tried::Works, _) => return Group::Kernel.ok(id, format!("this kernel has {name}")),
        (Tried::Lacks, Ok((option, ""))) => (
            format!("this kernel has no {name}"),
            format!("use a kernel with {option}"),
        ),
        (Tried::Lacks, Ok((option, module))) => (
            format!("this kernel has no {name}"),
            format!("install the module `{module}`, or a kernel with {option}"),
        ),
        (Tried::Lacks, Err("")) | (Tried::Refused(_), Err("")) => (
            format!("{name}: {}", told(tried)),
            "in a container, give it more rights (docker, podman: --privileged)".to_owned(),
        ),
        (Tried::Lacks, Err(version)) => (
            format!("this kernel has no {name}"),
            format!("use Linux {version} or later"),
        ),
        (Tried::Refused(_), _) if id == "tun" => (
            format!("{name}: {}", told(tried)),
            "`chmod 0666 /dev/net/tun`, as udev does; a container: `--device /dev/net/tun`"
                .to_owned(),
        ),
        (Tried::Refused(_), _) => (
            format!("{name}: {}", told(tried)),
            "look into the kernel's log (dmesg)".to_owned(),
        ),
    };
    Group::Kernel.finding(level, id, what, (without, &remedy))
}

/// These make a device on the host when they are loaded, unless this is said to them.
const MAKERS: [(&str, &str, &str); 3] = [
    ("dummy", "dummy0", " numdummies=0"),
    ("ifb", "ifb0", " numifbs=0"),
    ("bonding", "bond0", " max_bonds=0"),
];

fn untried(id: &'static str, name: &str, module: &str) -> Finding {
    let maker = MAKERS.iter().find(|(maker, ..)| *maker == module);
    let makes = maker.map(|(_, dev, _)| format!(", and that makes `{dev}` on the host"));
    let (makes, without) = (makes.unwrap_or_default(), maker.map_or("", |maker| maker.2));
    let consequence =
        format!("whether it works is not known; the kernel loads the module when asked{makes}");
    Group::Kernel.finding(
        Level::Untried,
        id,
        format!("{name}: not tried, as the module `{module}` is not loaded"),
        (
            &consequence,
            &format!("`modprobe {module}{without}`, then `netyard doctor` again"),
        ),
    )
}

fn told(tried: &Tried) -> String {
    match tried {
        Tried::Refused(words) => format!("the kernel refuses: {words}"),
        _ => "not to be had here".to_owned(),
    }
}
