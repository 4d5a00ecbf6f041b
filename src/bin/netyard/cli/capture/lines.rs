//! Packets as lines: for people, and for programs.

use std::io::{self, BufWriter, Write};

use anstream::AutoStream;
use netyard::capture::{Count, Interface, LocalTime, Medium, Packet, Seen};
use serde_json::{Value, json};

use super::super::output::{BOLD, DIM};
use super::decode::{At, Decoder};

/// Lines for people.
pub(super) struct Text {
    out: BufWriter<AutoStream<io::StdoutLock<'static>>>,
    /// The interfaces' names, and the width of the longest.
    names: Vec<(String, Medium)>,
    width: usize,
    decoder: Decoder,
}

impl Text {
    pub(super) fn new(interfaces: &[Interface]) -> Self {
        let mut text = Text {
            out: BufWriter::new(anstream::AutoStream::auto(io::stdout().lock())),
            names: Vec::new(),
            width: 0,
            decoder: Decoder::default(),
        };
        interfaces.iter().for_each(|one| text.came(one));
        text
    }

    pub(super) fn came(&mut self, one: &Interface) {
        let name = format!("{}:{}", one.netns, one.dev);
        self.width = self.width.max(name.len());
        self.names.push((name, one.medium));
    }

    pub(super) fn packet(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        let (name, medium) = &self.names[packet.interface];
        let width = self.width;
        let clock = LocalTime::of(packet.time).fine_clock();
        let way = match packet.seen {
            Seen::Out => "out",
            _ => "in ",
        };
        let decoded = self.decoder.decode(*medium, packet.bytes, packet.length);
        writeln!(
            self.out,
            "{DIM}{clock}{DIM:#} {BOLD}{name:width$}{BOLD:#} {way} {decoded}"
        )
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A line of JSON for each event.
pub(super) struct Json {
    out: BufWriter<io::StdoutLock<'static>>,
    interfaces: Vec<Interface>,
    decoder: Decoder,
}

impl Json {
    pub(super) fn new(interfaces: &[Interface]) -> Self {
        Json {
            out: BufWriter::new(io::stdout().lock()),
            interfaces: interfaces.to_vec(),
            decoder: Decoder::default(),
        }
    }

    fn line(&mut self, value: &Value) -> io::Result<()> {
        writeln!(self.out, "{value}")
    }

    pub(super) fn begin(&mut self, interfaces: &[Interface]) -> io::Result<()> {
        let all = interfaces
            .iter()
            .map(|one| json!({ "namespace": one.netns, "interface": one.dev, "lab": one.lab }));
        let all: Vec<Value> = all.collect();
        self.line(&json!({ "event": "capturing", "interfaces": all }))?;
        self.flush()
    }

    pub(super) fn packet(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        let one = &self.interfaces[packet.interface];
        let decoded = self.decoder.decode(one.medium, packet.bytes, packet.length);
        let (netns, dev) = (one.netns.to_string(), one.dev.to_string());
        let value = json!({
            "event": "packet",
            "time": format!("{}.{:09}", packet.time.as_secs(), packet.time.subsec_nanos()),
            "namespace": netns,
            "interface": dev,
            "direction": if packet.seen == Seen::Out { "out" } else { "in" },
            "pkttype": kind(packet.seen),
            "length": packet.length,
            "captured": packet.bytes.len(),
            "vlans": decoded.vlans,
            "protocol": decoded.protocol,
            "source": decoded.ends.as_ref().map(|[from, _]| end(from)),
            "destination": decoded.ends.as_ref().map(|[_, to]| end(to)),
            "info": decoded.info,
        });
        self.line(&value)
    }

    pub(super) fn came(&mut self, one: &Interface) -> io::Result<()> {
        self.interfaces.push(one.clone());
        let (netns, dev, lab) = (&one.netns, &one.dev, &one.lab);
        self.line(&json!({ "event": "came", "namespace": netns, "interface": dev, "lab": lab }))
    }

    pub(super) fn missed(&mut self, one: &Interface, why: &str) -> io::Result<()> {
        let (netns, dev) = (&one.netns, &one.dev);
        self.line(&json!({ "event": "missed", "namespace": netns, "interface": dev, "why": why }))
    }

    pub(super) fn gone(&mut self, interface: &Interface) -> io::Result<()> {
        let (netns, dev) = (&interface.netns, &interface.dev);
        self.line(&json!({ "event": "gone", "namespace": netns, "interface": dev }))
    }

    pub(super) fn end(&mut self, interfaces: &[Interface], counts: &[Count]) -> io::Result<()> {
        let all = interfaces.iter().zip(counts).map(|(one, count)| {
            json!({
                "namespace": one.netns, "interface": one.dev,
                "captured": count.captured, "dropped": count.dropped,
            })
        });
        let all: Vec<Value> = all.collect();
        self.line(&json!({ "event": "end", "interfaces": all }))?;
        self.flush()
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The kernel's words for it (packet(7)).
fn kind(seen: Seen) -> &'static str {
    match seen {
        Seen::Here => "host",
        Seen::Broadcast => "broadcast",
        Seen::Multicast => "multicast",
        Seen::Elsewhere => "otherhost",
        Seen::Out => "outgoing",
    }
}

fn end(at: &At) -> Value {
    json!({ "address": at.address, "port": at.port })
}
