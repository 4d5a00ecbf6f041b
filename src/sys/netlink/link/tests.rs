use std::fs;
use std::os::fd::{AsFd, AsRawFd};

use super::*;
use crate::state::LinkKind;
use crate::sys::netns;

/// In a network namespace of the test's own.
fn alone(body: impl FnOnce() + Send) {
    let place = netns::create(1).unwrap().remove(0);
    let body = || {
        body();
        Ok(())
    };
    netns::enter(Some(place.fd.as_fd()), body).unwrap();
}

fn done(socket: &mut Socket, requests: &[Request]) {
    let answers = socket.transact(requests).unwrap();
    assert!(answers.iter().all(Option::is_none), "{answers:?}");
}

fn seen(socket: &mut Socket, dev: &str) -> Link {
    let all = list(socket, |_, _| false).unwrap().links;
    all.into_iter()
        .find(|device| device.name.as_str() == dev)
        .unwrap()
        .link
}

fn proc_of(dev: &str) -> String {
    fs::read_to_string(format!("/proc/sys/net/ipv4/conf/{dev}/route_localnet")).unwrap()
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn ports_and_bridges_have_what_publishing_needs() {
    alone(|| {
        fs::write("/proc/sys/net/ipv4/conf/default/route_localnet", "1").unwrap();
        let mut socket = Socket::route().unwrap();
        let [bridge, port, end] = ["br", "port", "end"].map(|dev| dev.parse::<IfName>().unwrap());
        let plain = Link::new(LinkKind::Bridge);
        done(&mut socket, &add_bridge(&bridge, &plain, 100));
        let veth = Link::new(LinkKind::Veth { peer: None });
        let here = std::fs::File::open("/proc/thread-self/ns/net").unwrap();
        let ends = [(&port, 101), (&end, 102)].map(|(dev, index)| CableEnd {
            dev,
            link: &veth,
            index,
        });
        let cable = add_veth(ends[0], Some(100), ends[1], here.as_raw_fd());
        done(&mut socket, &cable);
        assert!(!seen(&mut socket, "br").localnet && !seen(&mut socket, "port").hairpin);
        assert_eq!(proc_of("br"), "0\n", "whatever a new device has elsewhere");
        for on in [true, false] {
            done(&mut socket, &[set(100, &Setting::Localnet(on), None)]);
            done(&mut socket, &[set(101, &Setting::Hairpin(on), None)]);
            assert_eq!(seen(&mut socket, "br").localnet, on);
            assert_eq!(seen(&mut socket, "port").hairpin, on);
            assert_eq!(proc_of("br"), format!("{}\n", u8::from(on)));
        }
        let refused = socket.transact(&[set(102, &Setting::Hairpin(true), None)]);
        let refused = refused.unwrap().remove(0).unwrap();
        assert_eq!(refused.errno, libc::EOPNOTSUPP, "no port of a bridge");
    });
}
