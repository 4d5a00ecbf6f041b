//! `capture`: what stands in the packets and in the lines; pipes, and names that nobody has.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::capture::{Capture, datagram, send, up};
use crate::frames::{OTHER, PC, ethernet, ipv4, udp};
use crate::pcapng::{File, tcpdump};
use crate::sandbox::{netyard, outcome, pings, sh, try_sh, until};
use crate::spoof::packet;
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("capture::tags are in their place", tags),
        test("capture::tunnels have no Ethernet", tunnel),
        test("capture::packets are cut", cut),
        test("capture::lines for people and programs", lines),
        test("capture::a pipe to tcpdump", pipe),
        test("capture::names that nobody has", nobody),
        test("capture::only filters need libpcap", no_libpcap),
    ]
}

fn tags() {
    up();
    let frame = ethernet(
        OTHER,
        PC,
        0x0800,
        &ipv4("10.5.0.10", "10.5.0.11", 17, &udp(9000, 9)),
    );
    let tag = [0x81, 0x00, 0x00, 10];
    let tagged = [&frame[..12], &tag, &frame[12..]].concat();
    let all = Capture::start(&["host:pc-eth0", "-w", "/run/all.pcapng", "udp or vlan 10"]);
    let ten = Capture::start(&["host:pc-eth0", "vlan 10 and udp"]);
    let eleven = Capture::start(&["host:pc-eth0", "vlan", "11"]);
    let sender = packet("pc");
    send(&sender, &tagged);
    send(&sender, &frame);
    let (out, _) = ten.interrupt();
    let line = "vlan 10, IP 10.5.0.10.9000 > 10.5.0.11.9: UDP, length 8\n";
    assert!(out.ends_with(line), "{out}");
    assert_eq!(
        (out.lines().count(), eleven.interrupt().0),
        (1, String::new())
    );
    all.interrupt();
    let read = File::read("/run/all.pcapng");
    let bytes = |number: usize| read.packets[number].bytes.as_slice();
    assert_eq!([bytes(0), bytes(1)], [&tagged[..], &frame]);
    assert_eq!(read.packets[0].length as usize, tagged.len());
}

/// A tun device, which is there as long as the file is open.
#[allow(unsafe_code)]
fn tun() -> std::fs::File {
    let device = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/net/tun");
    let device = device.expect("the kernel's tun driver");
    // SAFETY: all zeros are a request.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[..4].copy_from_slice(&[b't' as _, b'u' as _, b'n' as _, b'0' as _]);
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as i16;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&device);
    // SAFETY: the request is live.
    let done = unsafe { libc::ioctl(fd, libc::TUNSETIFF, &raw mut request) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    device
}

fn tunnel() {
    let _tun = tun();
    sh("ip address add 10.9.0.1/24 dev tun0; ip link set tun0 up");
    let written = Capture::start(&["host:tun0", "-w", "/run/t.pcapng", "icmp"]);
    let lines = Capture::start(&["host:tun0", "icmp"]);
    try_sh("ping -n -c 1 -W 1 10.9.0.2");
    let (out, _) = lines.interrupt();
    let request = "IP 10.9.0.1 > 10.9.0.2: ICMP echo request, ";
    assert!(out.contains(&format!(" out {request}")), "{out}");
    written.interrupt();
    assert!(tcpdump("/run/t.pcapng")[0].starts_with(request));
    // What only Ethernet has is asked of no tunnel.
    let said = outcome(&["capture", "host:tun0", "ether broadcast"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
}

fn cut() {
    up();
    for filter in [&[][..], &["icmp"], &["not", "vlan"]] {
        let short = ["pc:eth0", "-s", "60", "-w", "/run/s.pcapng"];
        let capture = Capture::start(&[&short, filter].concat());
        sh("ip netns exec pc ping -n -c 1 -s 500 10.5.0.11");
        capture.interrupt();
        let read = File::read("/run/s.pcapng");
        let pinged = read.packets.iter().filter(|packet| packet.length == 542);
        assert!(pinged.clone().all(|packet| packet.bytes.len() == 60));
        assert_eq!(pinged.count(), 2);
    }
    // With the tag, which the kernel keeps beside it.
    let capture = Capture::start(&["host:pc-eth0", "-s", "40", "-w", "/run/t.pcapng", "vlan"]);
    let frame = ethernet(OTHER, PC, 0x8100, &[0, 10, 8, 0, 0x45].repeat(20));
    send(&packet("pc"), &frame);
    capture.interrupt();
    let read = File::read("/run/t.pcapng");
    let [tagged] = read.packets.as_slice() else {
        panic!("{} packets", read.packets.len());
    };
    assert_eq!(tagged.bytes, frame[..40]);
    assert_eq!(tagged.length as usize, frame.len());
}

fn lines() {
    up();
    let text = Capture::start(&["pc:eth0", "other:eth0", "icmp"]);
    let json = netyard(&["capture", "--json", "--lab", "mine", "-c", "1", "udp"])
        .stdout(Stdio::piped())
        .spawn();
    let mut json = json.expect("netyard starts");
    let mut values = BufReader::new(json.stdout.take().expect("a pipe")).lines();
    let mut value = || -> Value {
        let line = values.next().expect("a line").expect("text");
        serde_json::from_str(&line).expect("JSON")
    };
    let begun = value();
    assert_eq!(begun["event"], "capturing");
    assert_eq!(begun["interfaces"][1]["interface"], "eth0");
    datagram();
    let seen = value();
    for (key, expected) in [
        ("event", "packet"),
        ("namespace", "pc"),
        ("interface", "eth0"),
        ("direction", "out"),
        ("protocol", "udp"),
        ("info", "UDP, length 8"),
    ] {
        assert_eq!(seen[key], expected, "{seen}");
    }
    assert_eq!(seen["destination"]["port"], 9);
    let end = value();
    assert_eq!(end["event"], "end");
    assert_eq!(json.wait().expect("its end").code(), Some(0));
    assert!(pings("pc", "10.5.0.11"));
    let (out, _) = text.interrupt();
    // 13:05:01.123456 pc:eth0    out IP ...
    let first = out.lines().next().expect("a line");
    let (time, rest) = first.split_once(' ').expect("a time");
    assert_eq!((time.len(), time.matches(':').count()), (15, 2), "{first}");
    let ping = out.lines().find(|line| line.contains("echo request"));
    let (_, rest_of_ping) = ping.and_then(|line| line.split_once(' ')).expect("a ping");
    let expected = "pc:eth0    out IP 10.5.0.10 > 10.5.0.11: ICMP echo request, id ";
    assert!(rest_of_ping.starts_with(expected), "{rest}\n{out}");
}

fn pipe() {
    up();
    let program = env!("CARGO_BIN_EXE_netyard");
    let mut shell = std::process::Command::new("/bin/sh");
    let line = format!(
        "{program} capture pc:eth0 -w - -c 2 icmp 2>/run/said | unshare -U tcpdump -t -nr - 2>/dev/null"
    );
    let child = shell
        .args(["-c", &line])
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    until("it has begun", || {
        std::fs::read_to_string("/run/said").is_ok_and(|said| said.contains("capturing"))
    });
    assert!(pings("pc", "10.5.0.11"));
    let said = child.wait_with_output().expect("its end");
    let said = String::from_utf8(said.stdout).expect("text");
    assert!(
        said.starts_with("IP 10.5.0.10 > 10.5.0.11: ICMP echo request"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 2, "{said}");
}

fn nobody() {
    up();
    for (words, code, exit) in [
        (&["nobody"][..], "no-such-namespace", 1),
        (&["pc:eth7"], "no-such-device", 1),
        (&["--lab", "nothing"], "no-such-lab", 1),
        (&[], "usage", 2),
    ] {
        let said = outcome(&[&["capture", "--json"], words].concat());
        let error: Value = serde_json::from_str(&said.out).expect("JSON");
        assert_eq!(error["error"]["code"], code, "{}", said.out);
        assert_eq!(said.code, Some(exit), "{}", said.out);
    }
    let program = env!("CARGO_BIN_EXE_netyard");
    let said = try_sh(&format!("setpriv --bounding-set=-all {program} capture pc"));
    assert!(said.err.contains("error[not-root]"), "{}", said.err);
}

fn no_libpcap() {
    up();
    // Seen by this test alone.
    sh(
        "for one in $(/sbin/ldconfig -p | grep -o '/.*/libpcap.so.*'); do mount --bind /dev/null $one; done",
    );
    let said = outcome(&["capture", "pc", "--for", "1", "icmp"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.err.contains("error[no-libpcap]") && said.err.contains("libpcap0.8"));
    let capture = Capture::start(&["pc:eth0", "-s", "60"]);
    datagram();
    assert!(capture.interrupt().0.contains("10.5.0.11.9: UDP"));
}
