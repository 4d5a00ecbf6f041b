//! The texts that values are written as. The patterns are for editors: they refuse
//! what cannot be right; the types of [`crate::state`] decide.

use super::Text;

const fn text(what: &'static str, pattern: &'static str) -> Text {
    Text {
        what,
        pattern,
        not: &[],
        name: false,
    }
}

const fn name(what: &'static str, pattern: &'static str) -> Text {
    Text {
        name: true,
        ..text(what, pattern)
    }
}

macro_rules! plain {
    () => {
        "[A-Za-z0-9_][A-Za-z0-9_.-]{0,47}"
    };
}

macro_rules! device {
    () => {
        r#"[^\s/:%"]{1,15}"#
    };
}

macro_rules! path {
    () => {
        "(/[!-.0-~]+)+"
    };
}

macro_rules! address {
    () => {
        "[0-9A-Fa-f.:]+"
    };
}

macro_rules! prefixed {
    () => {
        concat!(address!(), "/[0-9]{1,3}")
    };
}

macro_rules! ports {
    () => {
        "[0-9]{1,5}(-[0-9]{1,5})?"
    };
}

pub(super) static LAB: Text = Text {
    not: &["netyard"],
    ..name("name", plain!())
};
pub(super) static NETWORK_NAME: Text = name("name of a network", plain!());
pub(super) static NAMESPACE_NAME: Text = name(
    "namespace, path of one, or `host`",
    concat!("(", plain!(), "|", path!(), ")"),
);
pub(super) static PROGRAM_NAME: Text = name("name of a program", plain!());
pub(super) static VARIABLE: Text =
    name("name of an environment variable", "[A-Za-z_][A-Za-z0-9_]*");
pub(super) static ANY_TEXT: Text = name("text", "(.|\\n)*");
pub(super) static COMMAND: Text = name("line for `sh -c`", "(.|\\n)+");
pub(super) static DEVICE: Text = Text {
    not: &[".", "..", "all", "default"],
    ..name("interface name", device!())
};
pub(super) static CONTAINER: Text = name("name of a container", "[!-~]{1,128}");
pub(super) static PARENT: Text = Text {
    not: &["lo", ".", "..", "all", "default"],
    ..name("name of a device of the host", device!())
};
pub(super) static MACVLAN_MODE: Text = text(
    "`bridge`, `private`, `vepa` or `passthru`",
    "(bridge|private|vepa|passthru)",
);
pub(super) static IPVLAN_MODE: Text = text("`l2`, `l3` or `l3s`", "(l2|l3|l3s)");
pub(super) static NAT_KIND: Text = text(
    "`none`, `home`, `full-cone`, `address-restricted`, `symmetric` or `cgnat`",
    "(none|home|full-cone|address-restricted|symmetric|cgnat)",
);
pub(super) static NAT_IPV6: Text = text(
    "`none`, `firewall`, `nat66` or `nptv6`",
    "(none|firewall|nat66|nptv6)",
);
pub(super) static NAT_FILTER: Text = text("`corporate` or `no-udp`", "(corporate|no-udp)");
pub(super) static SUBNET: Text = text("subnet", prefixed!());
pub(super) static ADDRESS: Text = text("address", address!());
pub(super) static RANGE: Text = text(
    "range `A-B`, subnet or address",
    concat!(address!(), "(/[0-9]{1,3}| *- *", address!(), ")?"),
);
pub(super) static PREFIXED: Text = text("address with prefix length", prefixed!());
pub(super) static MAC: Text = text("hardware address", "[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}");
pub(super) static DESTINATION: Text = text(
    "subnet, or `default`",
    concat!("(default|", prefixed!(), ")"),
);
pub(super) static SCOPE: Text = name(
    "`global`, `link`, `host` or a number",
    "(global|link|host|[0-9]{1,3})",
);
pub(super) static TARGET: Text = name(
    "namespace, path of one, `host`, or an address",
    concat!("(", plain!(), "|", path!(), "|", address!(), ")"),
);
pub(super) static SHARE: Text = text("percent below 100, as in `5%`", "[0-9]{0,2}(\\.[0-9]*)?%");
pub(super) static SPEED: Text = text(
    "rate as in `10mbit`",
    "[0-9]+(\\.[0-9]+)?[kKmMgGtT]?[bB][iI][tT]",
);
pub(super) static TIME: Text = text("time as in `40ms`", "(0|[0-9]+(\\.[0-9]+)?(ns|us|ms|s))");
pub(super) static PART: Text = text("percent as in `1%`", "[0-9]+(\\.[0-9]+)?%");
pub(super) static PRESET: Text = name(
    "`3g`, `4g`, `wifi`, `satellite` or `dsl`",
    "([34][gG]|[wW][iI][fF][iI]|[sS][aA][tT][eE][lL][lL][iI][tT][eE]|[dD][sS][lL])",
);
pub(super) static END: Text = text(
    "`NAMESPACE:INTERFACE`",
    concat!("(", plain!(), "|", path!(), "):", device!()),
);
pub(super) static WG_KEY: Text = text("key as `wg genkey` makes it", "[A-Za-z0-9+/]{43}=");
pub(super) static SOCKET: Text = text(
    "`ADDRESS:PORT`",
    concat!("([0-9.]+|\\[", address!(), "(%[0-9]+)?\\]):[0-9]{1,5}"),
);
pub(super) static PROTOCOL: Text = text(
    "`tcp`, `udp`, `sctp`, `icmp` or `any`",
    "(tcp|udp|sctp|icmp|any)",
);
pub(super) static PARTY: Text = Text {
    not: &["any"],
    ..name(
        "network, namespace, subnet or address",
        concat!("(", plain!(), "|", address!(), "|", prefixed!(), ")"),
    )
};
pub(super) static PARTY_OR_ANY: Text = name(
    "network, namespace, `host`, subnet, address or `any`",
    concat!("(", plain!(), "|", address!(), "|", prefixed!(), ")"),
);
pub(super) static PORTS: Text = name("port, or a range as in `8000-8010`", ports!());
pub(super) static VLANS: Text = name(
    "number of a VLAN, or a range as in `200-210`",
    "[1-9][0-9]{0,3}(-[1-9][0-9]{0,3})?",
);
pub(super) static TRANSPORT: Text = text("`tcp`, `udp` or `sctp`", "(tcp|udp|sctp)");
pub(super) static MAPPED: Text = name(
    "`[ADDRESS:]HOST[:PORT][/PROTOCOL]`",
    concat!(
        "([0-9.]+:|\\[[0-9A-Fa-f.:]+\\]:)?",
        ports!(),
        "(:",
        ports!(),
        ")?(/(tcp|udp|sctp))?"
    ),
);
pub(super) static VISIBLE: Text = text(
    "`loopback`, `lan`, `public`, or a subnet",
    concat!("(loopback|lan|public|", prefixed!(), ")"),
);
