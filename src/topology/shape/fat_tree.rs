//! A fat tree of switches with k ports, as in a data centre (Al-Fares, Loukissas, Vahdat: A
//! Scalable, Commodity Data Center Network Architecture, SIGCOMM 2008): k pods, in each k/2
//! switches with k/2 hosts and above them k/2 routers, and (k/2)² routers above the pods.
//!
//! Between two pods there is one way through each of their routers, the same in both directions:
//! a kernel with strict `rp_filter` drops what comes back another way.

use ipnet::Ipv4Net;

use super::build::{at, cable, end, host, net, port, reach, route, router, switch};
use crate::topology::draft::{Draft, Room};

/// With 26 there would be more than [`super::MOST`] namespaces.
pub(super) const MOST: usize = 24;

/// Where in an edge switch's subnet the routers begin.
const ROUTERS: usize = 200;

/// Where in a pod's subnets the cables to the core begin.
const CABLES: usize = 100;

pub(super) fn build(draft: &mut Draft, ports: usize) {
    let half = ports / 2;
    draft.head = vec![format!(
        "A fat tree of switches with {ports} ports, in {ports} pods. In each pod: edge switches (s1-1: pod 1, \
         switch 1), {half} of them; hosts (h1-1-1), {half} on each; routers that are on all switches of the pod \
         (a1-1), {half} of them. Above the pods: core routers (c1), {} of them, each with a cable to every pod. \
         h1-1-1 is 10.1.1.1, and leaves its pod through the router of its own last number, a1-1, 10.1.1.201.",
        half * half
    )];
    for core in 1..=half * half {
        draft.namespaces.push(core_router(core, ports));
    }
    for pod in 1..=ports {
        for edge in 1..=half {
            switch(draft, &format!("s{pod}-{edge}"), edge_net(pod, edge));
        }
        for n in 1..=half {
            draft.namespaces.push(pod_router(pod, n, ports));
        }
        for edge in 1..=half {
            hosts(draft, pod, edge, half);
        }
        for core in 1..=half * half {
            let ends = [name(pod, of_core(core, half)), format!("c{core}")];
            let devs = [format!("c{core}"), format!("pod{pod}")];
            cable(draft, [(&ends[0], &devs[0]), (&ends[1], &devs[1])]);
        }
    }
    let last = format!("h{ports}-{half}-{half}");
    let (near, pod) = (format!("h1-1-{half}"), format!("h1-{half}-1"));
    let pairs = [
        ("h1-1-1", near.as_str()),
        ("h1-1-1", pod.as_str()),
        ("h1-1-1", "h2-1-1"),
        ("h1-1-1", last.as_str()),
    ];
    reach(draft, &pairs);
}

fn edge_net(pod: usize, edge: usize) -> Ipv4Net {
    at(net([10, 0, 0, 0], 24), (pod << 16) + (edge << 8))
}

fn pod_net(pod: usize) -> Ipv4Net {
    at(net([10, 0, 0, 0], 16), pod << 16)
}

/// The cable from a core router to a pod: the core's end is .1, the pod's .2.
fn core_net(pod: usize, core: usize) -> Ipv4Net {
    at(net([10, 0, 0, 0], 30), (pod << 16) + ((CABLES + core) << 8))
}

fn name(pod: usize, n: usize) -> String {
    format!("a{pod}-{n}")
}

/// Which router of each pod a core router is joined to.
fn of_core(core: usize, half: usize) -> usize {
    (core - 1) / half + 1
}

fn core_router(core: usize, ports: usize) -> Room {
    let mut room = router(format!("c{core}"));
    for pod in 1..=ports {
        let cable = core_net(pod, core);
        room.interfaces
            .push((format!("pod{pod}"), end(at(cable, 1))));
        room.routes.push(route(pod_net(pod), at(cable, 2).addr()));
    }
    room
}

fn pod_router(pod: usize, n: usize, ports: usize) -> Room {
    let half = ports / 2;
    let mut room = router(name(pod, n));
    for edge in 1..=half {
        let network = format!("s{pod}-{edge}");
        let keys = port(&network, at(edge_net(pod, edge), ROUTERS + n));
        room.interfaces.push((network, keys));
    }
    for core in (1..=half).map(|i| (n - 1) * half + i) {
        let keys = end(at(core_net(pod, core), 2));
        room.interfaces.push((format!("c{core}"), keys));
    }
    for other in (1..=ports).filter(|other| *other != pod) {
        // Two pods agree on the core router that is between them.
        let core = (n - 1) * half + (pod + other) % half + 1;
        let via = at(core_net(pod, core), 1).addr();
        room.routes.push(route(pod_net(other), via));
    }
    room
}

fn hosts(draft: &mut Draft, pod: usize, edge: usize, half: usize) {
    let subnet = edge_net(pod, edge);
    for n in 1..=half {
        let network = format!("s{pod}-{edge}");
        let mut room = host(format!("h{pod}-{edge}-{n}"), &network, at(subnet, n));
        room.routes = vec![route("default", at(subnet, ROUTERS + n).addr())];
        draft.namespaces.push(room);
    }
}
