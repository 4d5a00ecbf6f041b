//! Two peers behind NATs find each other, or do not: it depends on the NATs.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use netyard::lab::Lab;

/// Longer than anything takes in here.
const ENOUGH: Duration = Duration::from_millis(500);

fn socket(lab: &Lab, namespace: &str) -> Result<UdpSocket, Box<dyn Error>> {
    let socket = lab
        .namespace(namespace)?
        .run(|| UdpSocket::bind("0.0.0.0:4000"))??;
    socket.set_read_timeout(Some(ENOUGH))?;
    Ok(socket)
}

/// Where the other's packets come from, as the server sees it (RFC 5128, 3.3).
fn seen_by(server: &UdpSocket, peer: &UdpSocket) -> io::Result<SocketAddr> {
    peer.send_to(b"who am I?", "203.0.113.10:4000")?;
    Ok(server.recv_from(&mut [0; 64])?.1)
}

/// Whether a packet of one comes to the other, once each has sent one to where the server saw
/// the other: "UDP hole punching".
fn meet(lab: &Lab) -> Result<bool, Box<dyn Error>> {
    let (server, a, b) = (socket(lab, "server")?, socket(lab, "a")?, socket(lab, "b")?);
    let (seen_a, seen_b) = (seen_by(&server, &a)?, seen_by(&server, &b)?);
    a.send_to(b"opens the way", seen_b)?;
    b.send_to(b"hello", seen_a)?;
    match a.recv_from(&mut [0; 64]) {
        Ok((_, from)) => Ok(from == seen_b),
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// The same two, behind routers of this kind (netyard's docs/nat.md).
fn behind(kind: &str) -> Result<Lab, Box<dyn Error>> {
    let text = include_str!("nats.yaml").replace("nat: home", &format!("nat: {kind}"));
    let lab = Lab::from_text(&text)?;
    lab.prove();
    Ok(lab)
}

#[test]
fn peers_meet_behind_homes() -> Result<(), Box<dyn Error>> {
    assert!(meet(&behind("home")?)?);
    Ok(())
}

#[test]
fn peers_do_not_meet_behind_symmetric_nats() -> Result<(), Box<dyn Error>> {
    assert!(!meet(&behind("symmetric")?)?);
    Ok(())
}
