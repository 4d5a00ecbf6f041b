//! What is asked for, told back as the kernel tells it.

use super::*;

const KEYS: [&str; 3] = [
    "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=",
    "XasIfmJKikt54X+Lg4AO5m87sSkmGLb9HC+LJ/+I4Os=",
    "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=",
];

fn wg() -> Wg {
    Wg {
        socket: Socket::generic().unwrap(),
        family: 77,
    }
}

fn interface(addresses: u32) -> Wireguard {
    let nets = (0..addresses).map(|n| IpNet::new((0x0a00_0000 + n).to_be_bytes().into(), 32));
    let mut all = Wireguard {
        private_key: KEYS[0].parse().ok(),
        listen_port: Some(51820),
        fwmark: 7,
        ..Wireguard::default()
    };
    let one = WireguardPeer {
        preshared_key: KEYS[1].parse().ok(),
        endpoint: Some("192.0.2.1:51820".parse().unwrap()),
        allowed_ips: nets.map(Result::unwrap).collect(),
        persistent_keepalive: 25,
    };
    let two = WireguardPeer {
        endpoint: Some("[fe80::1%3]:9".parse().unwrap()),
        allowed_ips: ["fd00::/64".parse().unwrap()].into(),
        ..WireguardPeer::default()
    };
    all.peers.insert(KEYS[1].parse().unwrap(), one);
    all.peers.insert(KEYS[2].parse().unwrap(), two);
    all
}

/// The attributes of what is told are those of what is asked for.
fn told(requests: Vec<Request>) -> Wireguard {
    let replies: Vec<_> = requests.into_iter().map(|r| (r.kind, r.body)).collect();
    let told = read::device(&replies);
    assert!(told.heard.is_empty());
    told.all
}

#[test]
fn what_is_asked_for_is_what_is_told() {
    for addresses in [0, 1, 2500] {
        let (set, was) = (interface(addresses), Wireguard::default());
        let requests = wg().requests(5, &set.edits(&was));
        assert!(
            requests
                .iter()
                .all(|r| r.body.len() < usize::from(u16::MAX))
        );
        assert_eq!(told(requests), set);
    }
}

#[test]
fn who_stays_as_he_was_is_not_named() {
    let was = interface(3);
    let mut set = was.clone();
    let (stays, changes) = (KEYS[1].parse().unwrap(), KEYS[2].parse().unwrap());
    set.peers.entry(changes).or_default().persistent_keepalive = 9;
    let told = told(wg().requests(5, &set.edits(&was)));
    assert_eq!(told.private_key, None);
    assert!(!told.peers.contains_key(&stays));
    assert_eq!(told.peers[&changes].persistent_keepalive, 9);
    assert_eq!(told.peers[&changes].endpoint, None);
}

/// Without one in the file it stays; to be rid of one the peer goes.
#[test]
fn an_endpoint_goes_with_its_peer() {
    let was = interface(3);
    let mut set = was.clone();
    let key: PublicKey = KEYS[1].parse().unwrap();
    set.peers.entry(key).or_default().endpoint = None;
    assert_eq!(set.settled(&was), was);
    let edits = set.edits(&was);
    assert_eq!(edits[0], Edit::Remove(&key));
    assert_eq!(edits[1], Edit::Peer(&key, &set.peers[&key], None));
    assert_eq!(edits.len(), 2);
}
