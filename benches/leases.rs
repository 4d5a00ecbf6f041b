//! How long one more lease takes beside 10, 1,000 and 60,000 others of one subnet, from
//! asking to the end of the transaction. docs/performance.md says what came of it.
//!
//! `cargo bench --bench leases` (all), `cargo bench --bench leases -- 50 10 1000` (medians
//! of 50, two sizes).

#![allow(unsafe_code, clippy::disallowed_methods, clippy::disallowed_macros)]

mod yard;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use netyard::ipam::{Open, Range};
use netyard::lease::{self, Ask, LeaseStore, Owner, Place};
use netyard::state::IfName;

fn main() {
    let (rounds, sizes) = yard::rounds_and_sizes(300, &[10, 1000, 60_000]);
    yard::sandbox();
    let load = yard::load();
    println!("medians of {rounds}, load {}", load);
    println!("\n| subnet | leases | the next | the last free | every second free | give back |");
    println!("|---|---|---|---|---|---|");
    let mut bench = Bench {
        store: lease::open().expect("a journal"),
        netns: Place::at("/proc/self/ns/net".as_ref()).expect("a namespace"),
        dev: "eth0".parse().expect("a name"),
        rounds,
    };
    for subnet in ["10.9.0.0/16", "fd00:9::/64"] {
        let subnet: IpNet = subnet.parse().expect("a subnet");
        for size in &sizes {
            bench.row(subnet, *size);
        }
    }
    let with_opening = median((0..rounds).map(|n| bench.opened(n)).collect());
    println!("\nopening the journal, and one lease: {with_opening}");
}

struct Bench {
    store: LeaseStore,
    netns: Place,
    dev: IfName,
    rounds: usize,
}

impl Bench {
    fn row(&mut self, subnet: IpNet, size: usize) {
        let wide = Open::new(subnet, &[], &[]);
        let name = format!("wide-{subnet}-{size}");
        self.fill(&name, &wide, size);
        let (next, back) = self.time(&name, &wide);
        // All in one run but one: whoever looks for a free one meets all others first.
        let tight = Open::new(subnet, &[range(subnet, size + 1)], &[]);
        let name = format!("tight-{subnet}-{size}");
        self.fill(&name, &tight, size);
        let (last, _) = self.time(&name, &tight);
        // As many runs as leases; of an IPv4 /16 only half of the largest size has room.
        let many = size.min(30_000);
        let name = format!("loose-{subnet}-{size}");
        self.fill(&name, &wide, 2 * many);
        for n in (0..2 * many).step_by(2) {
            self.release(&name, &format!("{name}-{n}"));
        }
        let (loose, _) = self.time(&name, &wide);
        println!("| {subnet} | {size} | {next} | {last} | {loose} | {back} |");
    }

    fn fill(&mut self, name: &str, open: &Open, count: usize) {
        for n in 0..count {
            self.allocate(name, open, &format!("{name}-{n}"));
        }
    }

    /// One more, which is then given back; both in microseconds.
    fn time(&mut self, name: &str, open: &Open) -> (String, String) {
        let (mut given, mut ended) = (Vec::new(), Vec::new());
        for n in 0..self.rounds {
            let container = format!("more-{name}-{n}");
            let began = Instant::now();
            self.allocate(name, open, &container);
            given.push(began.elapsed());
            let began = Instant::now();
            self.release(name, &container);
            ended.push(began.elapsed());
        }
        (median(given), median(ended))
    }

    fn owner(&self, container: &str) -> Owner {
        Owner {
            container: container.to_owned(),
            netns: self.netns.clone(),
            dev: self.dev.clone(),
        }
    }

    fn allocate(&mut self, network: &str, open: &Open, container: &str) {
        let owner = self.owner(container);
        let address = None;
        let ask = Ask {
            network,
            open,
            address,
        };
        self.store.allocate(&owner, &[ask]).expect("an address");
    }

    fn release(&mut self, network: &str, container: &str) {
        let ended = self.store.release(network, container, &self.dev);
        assert_eq!(ended.expect("an end").len(), 1);
    }

    fn opened(&mut self, n: usize) -> Duration {
        let open = Open::new("10.8.0.0/16".parse().expect("a subnet"), &[], &[]);
        let began = Instant::now();
        self.store = lease::open().expect("a journal");
        self.allocate("opened", &open, &format!("opened-{n}"));
        began.elapsed()
    }
}

/// The first host addresses of a subnet.
fn range(subnet: IpNet, count: usize) -> Range {
    let host = |n: usize| match subnet.network() {
        IpAddr::V4(net) => IpAddr::from((net.to_bits() + n as u32).to_be_bytes()),
        IpAddr::V6(net) => IpAddr::from((net.to_bits() + n as u128).to_be_bytes()),
    };
    let text = format!("{}-{}", host(1), host(count));
    text.parse().expect("a range")
}

fn median(mut all: Vec<Duration>) -> String {
    all.sort_unstable();
    let micros = all[all.len() / 2].as_secs_f64() * 1e6;
    format!("{micros:.0} µs")
}
