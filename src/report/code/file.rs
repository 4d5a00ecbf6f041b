//! Mistakes in a topology file.

codes! {
BAD_FILE = "bad-file", "the topology file has mistakes",
    "The file cannot be read as a topology. Every mistake is shown, each with a code of its own.",
    "one of the mistakes below",
    "mend what is marked; `netyard check FILE` looks again without changing anything";

NOT_YAML = "not-yaml", "the file is not YAML",
    "The text does not follow the grammar of YAML, so that nothing in it can be read. Only the first such place is known.",
    "an indentation that differs from the lines around it, a tab, an open bracket or quote",
    "look at the marked place and the line above it";

TOO_LARGE = "too-large", "the file is too large",
    "A topology file has at most 2 MiB and 250,000 values, so that reading one takes neither long nor much memory. Ten thousand namespaces fit.",
    "another file than was meant, or one that a program wrote",
    "split the lab in several, each a file of its own";

TOO_DEEP = "too-deep", "the file is nested too deeply",
    "Lists and mappings stand in one another up to seven levels in a topology; the reader stops at twelve.",
    "brackets that are not closed, or another kind of file",
    "look for brackets that are not closed; a topology has seven levels";

TOO_MANY_ALIASES = "too-many-aliases", "the file's aliases repeat too much",
    "With anchors and aliases (`&NAME`, `*NAME`) a few lines can stand for millions of values (a `YAML bomb`). The reader stops long before memory does.",
    "aliases of values that are full of aliases themselves",
    "write the values out, or let a program write the file";

UNKNOWN_ANCHOR = "unknown-anchor", "an alias has no anchor",
    "An alias `*NAME` stands for the value that `&NAME` was put before, further up in the file.",
    "a typo in the name, or an asterisk that begins a text",
    "set the anchor before it is used, or put the text in quotes";

SEVERAL_DOCUMENTS = "several-documents", "the file holds more than one document",
    "A line `---` begins another YAML document. One file describes one lab.",
    "two files put together into one",
    "put what follows `---` into another file";

EMPTY_FILE = "empty-file", "the file describes nothing",
    "There is no value in the file at all.",
    "a file with nothing but comments, or an empty pipe",
    "begin with `lab: NAME`, or with `netyard init NAME`";

EMPTY_LAB = "empty-lab", "the lab has nothing to make",
    "A lab has at least a network, a namespace or a link. `up` would take one without for a lab of which all is to go.",
    "a file that is begun and not finished",
    "describe something; `netyard down LAB` is what takes a lab down";

UNKNOWN_KEY = "unknown-key", "a key that netyard does not know",
    "The mapping has no such key. Nothing in a file is ignored: a key that has no effect would be a surprise.",
    "a typo, or a key of another level",
    "take the key that is suggested; docs/topology.md has all";

MISSING_KEY = "missing-key", "a key is missing",
    "The mapping needs this key: there is no default that would be right.",
    "a key that was forgotten, or that stands one level too far in or out",
    "add it as shown";

DUPLICATE_KEY = "duplicate-key", "a key is there twice",
    "A mapping has each key once. Of two the reader would have to drop one.",
    "a copied line",
    "remove one of the two, or give it another name";

WRONG_TYPE = "wrong-type", "a value of another kind than expected",
    "Where a list, a mapping, a text, a number or `true` or `false` is expected, there is something else. `yes`, `no`, `on` and `off` are texts.",
    "a dash or brackets too many or too few, or a wrong indentation",
    "write what is expected, as docs/topology.md shows it";

BAD_NAME = "bad-name", "a name that cannot be used",
    "Labs, networks and namespaces are called by up to 48 ASCII letters, digits, `_`, `-` and `.`, and begin with none of `-` and `.`: such a name needs no quoting anywhere. Interfaces have the kernel's rule: up to 15 bytes, no blank, `/`, `:`, `%`.",
    "an interface name of more than 15 bytes, or a letter with an accent",
    "choose a shorter or plainer name";

BAD_ADDRESS = "bad-address", "not an address or subnet",
    "An address is written as `10.0.0.1` or `fd00::1`; with its subnet's prefix length, as interfaces have it, `10.0.0.1/24`; a subnet is `10.0.0.0/24`.",
    "a typo, or a prefix length too many or missing",
    "write it as the message says";

BAD_NUMBER = "bad-number", "not a number of the right kind",
    "Ports are 1 to 65535; metrics and MTUs are whole numbers.",
    "a unit behind the number, a minus sign, a service's name in a port's place",
    "write the digits alone";

BAD_MAC = "bad-mac", "not a hardware address that a device can have",
    "A hardware address is six bytes like `02:42:0a:00:00:01`, and no multicast address: the last bit of the first byte is 0.",
    "dashes in the place of colons, or an odd second digit",
    "begin with `02:`, which is free for one's own use; or leave `mac` out";

BAD_PUBLISH = "bad-publish", "ports that cannot be published so",
    "A published port is written `HOST:PORT`, with an address of the host before it and `/udp` or `/sctp` behind it where these are meant; or as a mapping with `host`, `port`, `protocol`, `address`, `visible`. Of a range each port leads to one.",
    "ranges of different lengths, an IPv6 address without brackets, or `::1`, whose answers the kernel drops",
    "write it as in `8080:80`, `127.0.0.1:8080:80/tcp` or `[2001:db8::1]:8000-8010:8000-8010`";

BAD_NAT = "bad-nat", "a router that cannot be as it is described",
    "A router (`forward: true`) has a `nat` by its kind alone, as `nat: home`, or as a mapping with `kind`, `outside`, `hairpin`, `udp_timeout`, `udp_stream_timeout`, `ipv6`, `prefix`, `filter`. One interface leads outwards: `outside`, or that of its default route; what is translated gets that one's address.",
    "a typo, a router without a default route, or an outside without an address",
    "write it as docs/nat.md shows it";

BAD_VISIBILITY = "bad-visibility", "a visibility that no port can have",
    "A published port is reached by the host alone (`loopback`), by those in subnets that the host is in (`lan`), by everybody (`public`), or by a list of sources (`[192.0.2.0/24]`). A loopback address is reached by the host alone.",
    "`visible: public` beside `127.0.0.1`, or IPv4 sources of an IPv6 address",
    "write `loopback`, `lan`, `public` or subnets; or leave `visible` out: it is then `loopback`";

PORTS_OVERLAP = "ports-overlap", "a port of the host is published twice",
    "A port of one address and protocol leads into one namespace.",
    "a copied line, or ranges that overlap",
    "take other ports of the host, or an address of the host for each";

NOT_PUBLISHABLE = "not-publishable", "a namespace whose ports cannot be published",
    "What comes to a port of the host is sent on to the namespace's address on a network on which the host has an address, too, and the answers come back through the host: otherwise they would have the wrong source.",
    "a namespace that is on links only, a network with `gateway: none` or `subnets: []`, or a default route by another router",
    "put the namespace on a network with a gateway, and let its default route go there";

BAD_ENDPOINT = "bad-endpoint", "not an end of a link",
    "An end of a link is `NAMESPACE:INTERFACE`, in quotes: a colon before a blank is YAML's own.",
    "a namespace without its interface",
    "write `endpoints: [\"one:eth0\", \"two:eth0\"]`";

HOST_BITS = "host-bits", "a host's address where its subnet is meant",
    "In a subnet's address all bits behind the prefix are 0. The kernel refuses others for IPv4 and drops the bits silently for IPv6.",
    "the address of a host with its prefix length, copied",
    "write the subnet that is suggested";

SPECIAL_SUBNET = "special-subnet", "a subnet that hosts cannot have",
    "Multicast, loopback and `everything` are no subnets for hosts.",
    "a typo, or a default route in the place of a subnet",
    "take one of the private ranges: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fd00::/8";

SUBNETS_OVERLAP = "subnets-overlap", "two subnets of the file overlap",
    "The host is on all networks and has one routing table: with overlapping subnets it would not know where an address is.",
    "the same subnet for two networks, or a prefix length that is too small",
    "give one of the two another range";

GATEWAY_OUTSIDE = "gateway-outside", "the gateway lies in no subnet of its network",
    "The gateway is the host's address on the network's bridge; namespaces reach it without a router.",
    "a subnet that was changed, and its gateway not",
    "write an address of the subnet, or leave `gateway` out: it is then the first host address";

NOT_A_HOST_ADDRESS = "not-a-host-address", "an address that no host can have",
    "The first address of an IPv4 subnet means the subnet and the last means all hosts (broadcast); multicast and unspecified addresses are no hosts either.",
    "`.0` or `.255` at the end of an address",
    "take another: in 10.0.0.0/24 hosts have 10.0.0.1 to 10.0.0.254";

ADDRESS_OUTSIDE = "address-outside", "an address outside the subnets of its network",
    "The other hosts of the network would not find it: they send to a gateway what lies outside their subnet.",
    "a typo, or another network than was meant",
    "write an address of the network's subnet; or leave `addresses` out, and the next free one is taken";

PREFIX_DIFFERS = "prefix-differs", "an address and its subnet differ in prefix length",
    "All hosts of a network must agree on which addresses are near. With different prefix lengths some would send to a gateway what others send directly.",
    "a prefix length from habit",
    "write the subnet's prefix length";

ADDRESS_IS_GATEWAY = "address-is-gateway", "an address that the host has already",
    "The host has the network's gateway address on the bridge; two hosts with one address confuse their neighbours without any error.",
    "the subnet's first address, which is the gateway when the file gives none",
    "take another address; or give the host another one with `gateway:`, or none with `gateway: none`";

BROADCAST_ELSEWHERE = "broadcast-elsewhere", "an address that is a broadcast address elsewhere",
    "The kernel would take packets to it for broadcasts: in a namespace an address has one meaning, whichever interface it stands on.",
    "two subnets of different sizes, one inside the other",
    "take another address, or another prefix length";

DUPLICATE_ADDRESS = "duplicate-address", "an address is given twice",
    "An address stands once in a network and once in a namespace.",
    "a copied line",
    "change one of the two; or leave `addresses` out, and the next free one is taken";

DUPLICATE_MAC = "duplicate-mac", "two interfaces on a network have one address",
    "A bridge sends to whichever of them spoke last.",
    "a copied line",
    "leave `mac` out: each interface then has one of its own";

DUPLICATE_DEVICE = "duplicate-device", "two devices of the host would have one name",
    "Bridges, the host's ends of links, and the host's ends of the cables to bridges (`NAMESPACE-INTERFACE`) are devices of one namespace, the host's.",
    "a bridge that is called like the host's end of a cable",
    "give the bridge or the interface another name";

MASQUERADE_NEEDS_GATEWAY = "masquerade-needs-gateway", "masquerade without a subnet or a gateway",
    "Packets leave through the host only if it is their gateway, and are recognised by the subnet that they come from.",
    "`gateway: none` or `subnets: []` beside `masquerade: true`",
    "give the network a subnet and a gateway, or leave `masquerade` out";

BAD_RATE = "bad-rate", "not a rate",
    "A rate is a number and a unit, in bits a second: `bit`, `kbit`, `mbit`, `gbit`, `tbit`, each a thousand of the one before, as with tc(8). Between 8kbit and 1tbit, in whole bytes a second.",
    "a unit that is left out, or another program's (`M`, `Mbps`, `MB/s`)",
    "write it like `10mbit`";

BAD_BURST = "bad-burst", "a burst without a rate, or too small or large",
    "A burst is how many bytes may pass at once, after a pause. The kernel drops packets that are larger, Ethernet's 14 bytes before them included.",
    "kilobytes or bits, where bytes are meant; or a rate that is left out",
    "leave it out: what is enough for the rate is then taken";

BAD_NETEM = "bad-netem", "what cannot become of packets",
    "Times are written as with tc(8), `40ms`, in `ns`, `us`, `ms` or `s`; shares of all packets in percent, `1%`. A jitter is at most as long as the delay that it varies, and packets overtake only those that wait. Of each direction of a cable one thing is said: by the link, by the end that sends, or by the one that receives.",
    "a unit that is left out; or two places that speak of the same packets",
    "write it like `netem: { delay: 40ms, loss: 1% }`, or a preset: `netem: 4g`";

MTU_OUT_OF_RANGE = "mtu-out-of-range", "an MTU that the kernel does not take",
    "A device takes 68 to 65535 bytes; below 1280 the kernel removes all IPv6 addresses from it.",
    "a digit too many or too few, or an old modem's MTU where there is IPv6",
    "leave `mtu` out for Ethernet's 1500; jumbo frames have 9000";

TOO_MANY_PORTS = "too-many-ports", "more interfaces on a network than a bridge takes",
    "A Linux bridge takes 1023 ports (`BR_MAX_PORTS`).",
    "a generated file, or many labs on one network",
    "split the network in two and route between them";

UNKNOWN_NETWORK = "unknown-network", "there is no network of this name",
    "An interface names a network that does not stand under `networks`.",
    "a typo",
    "take the name that is suggested, or describe the network";

UNKNOWN_NAMESPACE = "unknown-namespace", "the file has no namespace of this name",
    "A link or an expectation names a namespace that does not stand under `namespaces`. The one that netyard was started in is `host`.",
    "a typo",
    "take the name that is suggested, or describe the namespace (`NAME: {}` is enough)";

NOT_PLUGGED = "not-plugged", "an interface is plugged into nothing",
    "An interface is on one network, or the end of one link, or on a device of the host, or a WireGuard interface. Otherwise it would be of no use.",
    "a link whose end is spelled otherwise",
    "add `network: NAME`, or name the interface in `links`, or say on which device of the host it is (`macvlan`, `ipvlan`, `vlan`), or make it a `wireguard`";

PLUGGED_TWICE = "plugged-twice", "an interface is plugged into two things",
    "An interface is one thing: on one network, or the end of one link, or on one device of the host, or a WireGuard interface.",
    "one interface where two were meant",
    "give the second cable an interface of its own";

PARENT_LIMITS = "parent-limits", "what cannot be on a device of the host",
    "A device of the host carries either macvlans or ipvlans, ipvlans all of one mode, a macvlan of mode `passthru` alone, and each VLAN once. An ipvlan and a macvlan of mode `passthru` have its hardware address. What carries another is no device of the lab itself.",
    "two interfaces on one parent that exclude each other, or a `mac` that could not be given",
    "give one of them another `parent`, `mode` or `id`; leave the `mac` out";

BAD_KEY = "bad-key", "not a key of WireGuard",
    "A WireGuard key is 32 bytes, written in base64: 44 characters, of which the last is `=`.",
    "a key that was cut off when it was copied, or the name of a file with a key in it",
    "write the key itself, as `wg genkey`, `wg pubkey` and `wg genpsk` print it";

BAD_WIREGUARD = "bad-wireguard", "a WireGuard interface that cannot be so",
    "A WireGuard interface has a private key, and peers that are known by a `public-key` each, or as another WireGuard interface of the file (`peer`). A peer is there once and is not the interface itself; a subnet is behind one peer; each interface of a namespace has a port of its own. It has no hardware address and no other end.",
    "a peer or subnet that was copied, or keys of two interfaces exchanged",
    "mend what is marked; docs/topology.md has an example";

BAD_MODE = "bad-mode", "not a mode of such a device",
    "A macvlan has the mode `bridge`, `private`, `vepa` or `passthru`, an ipvlan `l2`, `l3` or `l3s`.",
    "a mode of the other kind",
    "take one of these words, or leave `mode` out";

NOT_TWO_ENDS = "not-two-ends", "a link has two ends",
    "A link is a cable between two interfaces. For more of them there are networks.",
    "a missing end, or a third computer on the cable",
    "write `endpoints: [\"one:eth0\", \"two:eth0\"]`; put three or more on a network";

LINK_TO_ITSELF = "link-to-itself", "both ends of a link are one interface",
    "A cable has two ends, and an interface is one of them.",
    "a copied end",
    "name the other interface";

LOOPBACK_LIMITS = "loopback-limits", "the loopback device can have only addresses",
    "`lo` is in every namespace from the start, and cannot be plugged into anything. It can hold addresses that are reached whichever way a packet comes in.",
    "`lo` where another interface was meant",
    "give `lo` nothing but `addresses`";

HOST_LIMITS = "host-limits", "what cannot be said of the host",
    "Under `host`, the namespace that netyard was started in, stand only the ends of links with their addresses, and routes. It is on a network by the gateway address, and forwards only what masquerading networks need.",
    "`host` described like a namespace of the lab",
    "give the network a `gateway`, or use another namespace";

BAD_NEXT_HOP = "bad-next-hop", "a next hop that cannot be one",
    "A route goes via another router, in the address family of its destination.",
    "an address of the namespace itself, or an IPv4 address for an IPv6 route",
    "write the address of the neighbour that forwards the packets";

NEXT_HOP_UNREACHABLE = "next-hop-unreachable", "the next hop of a route is not a neighbour",
    "The next hop must lie in a subnet of one of the namespace's interfaces: it is reached without a router.",
    "a typo, an interface without an address in that subnet, or a device that is down",
    "give an interface an address in the next hop's subnet, or go via a neighbour";

ROUTE_OPTIONS = "route-options", "what cannot be said of a route",
    "A route goes by a next hop, `via`, or straight by an interface of the namespace, `dev`. Only an IPv4 route has a scope: `global`, `link`, `host` or a number; what is on a link or on the host itself is beyond no router.",
    "a typo in the interface's name, or a `scope` beside `via`",
    "write what fits there, or leave it out";

DUPLICATE_ROUTE = "duplicate-route", "two routes to one destination",
    "The kernel holds one route for a destination and metric.",
    "a second default route",
    "give them different metrics: the lower is preferred";

HIDDEN_NEXT_HOP = "hidden-next-hop", "a route that leads away from a next hop",
    "An IPv6 next hop is reached without a router. The kernel refuses a route via one to which another route leads by a router, and which of the two comes first depends on their order.",
    "a route to a part of the next hop's own subnet",
    "leave that route out, or go via a next hop that it does not lead to";

NO_ADDRESS = "no-address", "there is no address to probe",
    "An expectation names a namespace that has no address.",
    "a namespace whose interfaces are on a switch without subnets",
    "give it an address, or write the address to probe";

SEVERAL_PROBES = "several-probes", "an expectation has one probe",
    "A line of `expect` is a ping, or a TCP connection, or a UDP datagram.",
    "`tcp` and `udp` in one line",
    "write a line for each";

PING_ONLY = "ping-only", "what can be asked of a ping only",
    "`rtt_ms`, `loss` and `mtu` say how well a ping must arrive: not a connection or datagram, and not one that must not arrive.",
    "`tcp`, `udp` or `reach: false` in the same line",
    "write a line of its own for the ping";

BAD_PROTOCOL = "bad-protocol", "not a protocol that can be named",
    "A permission is for `tcp`, `udp`, `sctp`, `icmp` (over IPv6 ICMPv6) or `any`.",
    "a service's name, or a protocol's number",
    "take one of the five words; `any` has all protocols";

PORT_WITHOUT_PROTOCOL = "port-without-protocol", "a port belongs to a protocol",
    "TCP, UDP and SCTP have ports, each its own; ICMP has none, and `any` stands for protocols with and without.",
    "a `port` without `protocol` beside it",
    "add `protocol: tcp`, or a line for each protocol that is meant";

UNKNOWN_PARTY = "unknown-party", "there is no network or namespace of this name",
    "A permission names its sides: a network, a namespace, or a subnet.",
    "a typo",
    "take the name that is suggested, or write a subnet";

AMBIGUOUS_NAME = "ambiguous-name", "a name of two things",
    "A network and a namespace of the lab have this name, and a permission would mean another thing with each.",
    "a namespace that is called like its network",
    "give one of the two another name, or write subnet or address";

FAMILIES_DIFFER = "families-differ", "two sides without a common address family",
    "IPv4 speaks with IPv4 and IPv6 with IPv6: a permission between sides that have no family in common would permit nothing.",
    "an IPv6 subnet in a lab that has only IPv4, or a namespace without any address",
    "give both sides an address of one family, or take the line out";

NOT_FORWARDED = "not-forwarded", "a permission for what the host does not forward",
    "`allow` is about what the host forwards between networks, or between a network and what lies beyond the host. What stays on one network never comes by it, nor does what goes over a link; and what is meant for the host itself is not forwarded.",
    "two namespaces of one network, `host` as a side, or a network of which the host is not the gateway",
    "take the line out; `egress` and `ingress` of a namespace hold on its network and on links too";

INTERNAL_NETWORK = "internal-network", "an internal network has no way out",
    "From and to a network with `internal: true` the host forwards only what `allow` names, and only between networks of the lab.",
    "`masquerade`, or a subnet of the world outside, beside `internal: true`",
    "leave `internal` out, or what contradicts it";

ROUTED_NETWORK = "routed-network", "what a routed network cannot have",
    "A network with `routed: true` has no bridge: each interface has a cable of its own to the host, which is the gateway of each of its subnets.",
    "`bridge` or `gateway: none` beside `routed: true`, or a subnet without a gateway",
    "leave `routed` out, or what contradicts it";

BAD_VLAN = "bad-vlan", "VLANs that a port cannot have",
    "A VLAN's number is 1 to 4094. The switch of a network tells VLANs apart where the network has a `vlan`, or an interface on it has `access` or `trunk`; without a tag a port is in one of them at most. A routed network has no switch, and a cable has none.",
    "a typo in a number, or `access` and `trunk` that name the same VLAN",
    "write one VLAN for `access`; numbers and ranges like `200-210` for `trunk`; or leave both out";

EXTERNAL_KEYS = "external-keys", "what another lab says of its network",
    "A network with `external: LAB` is that lab's: its subnets, gateway and all else stand in that lab's file, and its interfaces here get free addresses.",
    "a network that was copied from the other lab's file",
    "leave the key out, or leave out `external` and make a network of your own";

SUBNET_FULL = "subnet-full", "a subnet has no free address left",
    "Interfaces without `addresses` get the next free one of each subnet of their network, and containers one of each subnet that they ask for. All that are given there are taken.",
    "a prefix length that is too large for so many interfaces, or `ranges` that are too small",
    "give the network a larger subnet or wider `ranges`; what is held for containers that are gone, `netyard gc` takes back";

RANGE_OUTSIDE = "range-outside", "a range outside the subnets of its network",
    "`ranges` and `exclude` say which addresses of the network's subnets are given to interfaces that have none in the file; a range lies in one of these subnets.",
    "a subnet that was changed, and its ranges not; or a network whose subnet is yet to be chosen",
    "write a range inside one of the network's `subnets`";

BAD_PROGRAM = "bad-program", "a program of a namespace is described wrongly",
    "A program under `run` has a command, which is a line for the shell or a list of words, and may say when it is ready: a port, a text that it writes, within a time. One program of a file may be `main`.",
    "a typo, or a time without its unit",
    "write it as docs/topology.md has it under `run`";
}
