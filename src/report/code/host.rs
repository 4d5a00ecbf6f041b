//! What is in the way on the host, and what is not there.

codes! {
CONFLICT = "conflict", "something that the lab needs is someone else's",
    "A name, address, route or table that the lab needs is held by another lab, or by something that netyard did not make. Nothing foreign is ever adopted, changed or removed; everything that is in the way is shown, and nothing was changed.",
    "one of the conflicts below",
    "change the file, or free what it needs";

NAMESPACE_TAKEN = "namespace-taken", "a namespace of this name exists already",
    "Namespaces get their plain names, as `ip netns` lists them; two of one name cannot be.",
    "two labs with a namespace of the same name",
    "take the other lab down, or give the namespace another name";

NOT_JOINABLE = "not-joinable", "there is no namespace to join at a path of the file",
    "A namespace whose name in the file begins with `/` is one that others made: netyard joins it, and makes none. Nothing was changed.",
    "the container or process has ended, or its number is another's by now",
    "write the path of one that is there: `/proc/PID/ns/net` of a process in it, or its name under `/run/netns`";

JOINED_GONE = "joined-gone", "a namespace that the lab has joined is gone",
    "All that the lab had in it went with it. What is at its path by now is not touched.",
    "the container has ended, or was started anew",
    "`netyard up FILE` with the path of one that is there joins that, `netyard down LAB` takes the lab down";

DEVICE_TAKEN = "device-taken", "a device of this name exists already",
    "A namespace has one device of a name.",
    "another program's bridge, or another lab's",
    "give the network another `bridge:`, or the interface another name; `ip -d link show NAME` shows what is there";

ADDRESS_TAKEN = "address-taken", "a subnet of the lab overlaps one of the host",
    "The host has one routing table. With an overlapping subnet it would send to the lab what is meant for someone else, or the other way round.",
    "another lab with the same subnet, or the network that the machine itself is in",
    "choose another subnet";

ROUTE_TAKEN = "route-taken", "the host has a route to this destination already",
    "A route of the lab on the host would take the place of one that is not the lab's.",
    "a default route among the routes of `host`",
    "take the route out of the file, or give it another metric";

SUBNET_DIVERTED = "subnet-diverted", "a route of the host bypasses a subnet of the lab",
    "The longest prefix wins, and of two equal ones the older route: with such a route the lab's subnet would get no packets from the host.",
    "a VPN, or a route that was added by hand",
    "choose another subnet, or remove the route";

TABLE_TAKEN = "table-taken", "the nft table `inet netyard` is not netyard's",
    "The firewall table that netyard would make exists already, without netyard's mark (its comment) or its record in the journal.",
    "a table that was restored from `nft list ruleset`, or made by hand; or a journal that was removed",
    "look at it where it is (`ip netns exec NAMESPACE nft list table FAMILY NAME`); if nobody needs it, `nft delete table` removes it";

ELEMENT_TAKEN = "element-taken", "another lab has this subnet or bridge",
    "A set of netyard's firewall table holds the subnet or bridge for another lab already.",
    "two labs with the same subnet",
    "take the other lab down, or choose another subnet";

NO_FREE_SUBNET = "no-free-subnet", "no subnet is free for a network",
    "A network without `subnets` gets a /24 of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, and with `ipv6: true` a /64 of fd00::/8, of which nothing is in an address, route or rule of the host, or in another lab. Routes wider than /8 lead to everything, and are in nobody's way.",
    "a route to all of 10.0.0.0/8, as VPNs of companies have it, and smaller ones to the rest",
    "give the network `subnets` of your choice, or remove what is in the way and not needed";

EXTERNAL_LAB = "external-lab", "the lab whose network is named is not up here",
    "A network with `external: LAB` is made by that lab: it has to be up on this host first, and made from the same network namespace.",
    "a typo in the lab's name, or labs that were brought up in another order",
    "bring that lab up first; `netyard list` shows those that are up";

EXTERNAL_NETWORK = "external-network", "the other lab has no network of this name",
    "A network with `external: LAB` has the name that it has in that lab's file. A network that is external there, too, is another lab's.",
    "a typo in the network's name, or a change of the other lab's file",
    "write the network's name in the other lab, or the name of the lab that makes it";

EXTERNAL_VLANS = "external-vlans", "the switch of the other lab tells no VLANs apart",
    "An interface on a network of another lab has `access` or `trunk`, which the bridge of that lab would not keep to. The bridge is that lab's: only its own file changes what it does with VLANs.",
    "a network without a `vlan`, or one that is routed, in the other lab's file",
    "give the network a `vlan` in the other lab's file, and bring that lab up again; or leave `access` and `trunk` out";

EXTERNAL_BRIDGE = "external-bridge", "the bridge of another lab is not there",
    "This lab is on a network of another lab, whose bridge is gone, or something else has its name. Nothing is plugged into what that lab did not make.",
    "somebody who removed the bridge by hand, or an `up` of that lab that was killed",
    "`netyard repair LAB` makes it again; then `netyard up` of this lab";

PARENT_DEVICE = "parent-device", "a device of the host cannot carry another",
    "A macvlan, ipvlan or VLAN interface is on a device of the host, its `parent`. That must be there, be made by somebody else than the lab itself, and have room: it carries either macvlans or ipvlans, these all of one mode, a macvlan of mode `passthru` alone, each VLAN once, and none of the first two while it is a port of a bridge.",
    "a typo, a device that has not come yet or is gone, or one that a container engine uses in another way",
    "name another `parent` in the file, or take off it what is in the way";

EXTERNAL_CIRCLE = "external-circle", "labs on networks of each other",
    "A lab goes down after those that are on its networks. Two that wait for each other could never go.",
    "a network that is in the file of the wrong lab of the two",
    "put both networks into one lab, or a third that both are on";

LAB_IN_USE = "lab-in-use", "other labs are on networks of this lab",
    "Labs with `external: LAB` are plugged into bridges of that lab. Its networks stay as they are until those labs are down.",
    "labs that were brought up since",
    "take those labs down first; what is left of containers that are gone, `netyard gc` takes away";

ADDRESS_HELD = "address-held", "somebody has this address already",
    "An address is held by one interface at a time. It is given back when the lab or container that has it goes.",
    "two containers that ask for the same address, or one whose end its engine did not tell",
    "ask for another address, or for any; `netyard gc` takes back what is held for namespaces that are gone";

ADDRESS_CLOSED = "address-closed", "an address that the network does not give",
    "What is given are the host addresses of a subnet, of these only its ranges where there are any, without those that are excluded.",
    "an address outside the ranges, or the gateway's",
    "ask for an address inside the ranges, or for any";

PORT_TAKEN = "port-taken", "a port that the lab publishes is taken",
    "What comes to a published port goes into the namespace before any socket of the host sees it: a server there would hear no more, without any error. One that listens on another address of the host is in nobody's way. A port of one address and protocol leads into one namespace, whichever lab's.",
    "a web server or DNS resolver of the host itself, or the server of a container engine",
    "publish another port of the host, or one of its addresses alone (`192.0.2.1:8080:80`); or stop the server, or take the other lab down";

NO_SUCH_LAB = "no-such-lab", "no lab of this name is up",
    "The journal of this host has no such lab. It is forgotten with a reboot, as namespaces are.",
    "a typo, a lab that was taken down, a reboot; or another mount namespace with a `/run` of its own",
    "`netyard list` shows the labs that are up; `netyard up FILE` makes one";

ALREADY_UP = "already-up", "a lab of this name is up already",
    "`run` makes a lab that lives as long as its program, and takes down only what it has made.",
    "`netyard up` of the same file",
    "`netyard exec NAMESPACE -- PROGRAM` runs a program in the lab that is up; `netyard run --private FILE -- PROGRAM` makes one of its own; or `netyard down LAB` first";

UNFINISHED = "unfinished", "the last change of the lab did not come to its end",
    "Whoever brought the lab up, changed it or took it down was killed on the way. The journal does not say which it was, so nobody else decides whether the lab shall be there.",
    "`kill -9`, or a machine that was out of memory",
    "`netyard up LAB` completes it, `netyard down LAB` removes it";

OTHER_HOST = "other-host", "the lab's host is another network namespace",
    "A lab is changed from the network namespace that it was made in: its bridges are there.",
    "`netyard up` inside of `ip netns exec`, a container or `netyard exec`",
    "run netyard in the namespace where the lab was made";

NO_SUCH_NAMESPACE = "no-such-namespace", "there is no namespace of this name",
    "No namespace has this name under `/run/netns`, where `ip netns` keeps names.",
    "a typo, or a lab that is not up",
    "`netyard list` shows those of the labs, `ip netns` all that have a name";

NOT_PARTED = "not-parted", "two namespaces that cannot be parted",
    "`link partition` has namespaces drop each other's packets by all the addresses that the lab gives them. These must mean them and nobody else, and the host has others beside.",
    "a namespace on both sides, `host`, or an address that several namespaces have",
    "name namespaces of the lab with addresses of their own; `netyard link down LAB NAMESPACE:INTERFACE` cuts one off from everybody";

NO_SUCH_DEVICE = "no-such-device", "there is no device of this name",
    "The namespace is there, and has no device of this name.",
    "a typo, or the name of the device's other end",
    "`netyard list` shows the devices of the labs, `ip netns exec NAMESPACE ip -br link` all of a namespace";

NAMESPACE_GONE = "namespace-gone", "a namespace of the lab is not there",
    "The lab is up, and one of the namespaces of its file is not there.",
    "it was added to the file since, or someone removed it (`ip netns del`)",
    "`netyard up FILE` makes it";

NAMESPACE_HIDDEN = "namespace-hidden", "a namespace of the lab cannot be seen from here",
    "A namespace's name under `/run/netns` is a mount. It is not one in the mount namespace that netyard runs in.",
    "another mount namespace than the one where the lab was made, or an `umount`",
    "run netyard where the lab was made; if someone has unmounted it, remove the file under `/run/netns`";

NAMES_UNSEEN = "names-unseen", "namespaces named here would be seen nowhere else",
    "A namespace's name under `/run/netns` is a mount, and programs of `ip netns exec` have mounts of their own: a name made there is unknown outside, and goes with the program.",
    "`netyard up` inside of `ip netns exec`, `netyard exec` or `netyard run --in`",
    "leave it and run netyard on the host; or make a lab of your own with `netyard run --private FILE -- PROGRAM`";

LATE = "late", "what was waited for did not happen in time",
    "A test waited for a condition in a namespace of its lab: a port that something listens on, or one of its own.",
    "a program that has ended, or listens on another port or in another namespace; a machine under load",
    "look at what the program wrote; wait longer";

PROGRAM_FAILED = "program-failed", "a program of the lab does not run",
    "What a namespace has under `run` is started once the network is there, and waited for until it is ready. This one could not be started, ended before it was ready, or took longer than its `ready` allows. A lab that was not there before is taken down again; of one that was, the network is as the file says.",
    "a mistake in the command, a program that is not installed, or a port or text that it never has",
    "`netyard run FILE --no-programs --in NAMESPACE` opens a shell where it can be tried by hand";

NO_SUCH_PROGRAM = "no-such-program", "the lab runs no such program",
    "`netyard logs` knows the programs that the namespaces of a lab have under `run`, by `NAMESPACE/PROGRAM` or by either word.",
    "a typo, or a program that `netyard exec` has started",
    "`netyard logs LAB` shows all of them";
}
