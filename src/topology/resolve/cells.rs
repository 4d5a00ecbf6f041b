//! What is permitted, as elements that one set can hold together.

use ipnet::IpNet;

use crate::state::{Element, Part, Protocol};

/// Something permitted: addresses of each side that counts, a protocol, and ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) nets: Vec<IpNet>,
    pub(super) protocol: Protocol,
    pub(super) ports: (u16, u16),
}

impl Cell {
    fn element(&self) -> Element {
        let nets = self.nets.iter().map(|net| Part::Net(*net));
        let (first, last) = self.ports;
        let rest = [Part::Protocol(self.protocol), Part::Ports(first, last)];
        Element::of(nets.chain(rest))
    }

    /// This without what the other has too, in pieces; `None`: all protocols but one
    /// cannot be said.
    fn without(&self, other: &Cell) -> Option<Vec<Cell>> {
        let whole = || Some(vec![self.clone()]);
        let covers = |a: Protocol, b: Protocol| a == Protocol::Any || a == b;
        match (
            covers(other.protocol, self.protocol),
            covers(self.protocol, other.protocol),
        ) {
            (true, _) => {}
            (false, true) => return None,
            (false, false) => return whole(),
        }
        let (mut pieces, mut rest) = (Vec::new(), self.clone());
        for (i, hole) in other.nets.iter().enumerate() {
            let net = rest.nets[i];
            if !net.contains(hole) && !hole.contains(&net) {
                return whole();
            }
            for part in around(net, hole) {
                let mut piece = rest.clone();
                piece.nets[i] = part;
                pieces.push(piece);
            }
            rest.nets[i] = if net.contains(hole) { *hole } else { net };
        }
        let ((first, last), (from, to)) = (rest.ports, other.ports);
        if to < first || last < from {
            return whole();
        }
        let below = (first < from).then(|| (first, from - 1));
        let above = (to < last).then(|| (to + 1, last));
        let ports = below.into_iter().chain(above);
        pieces.extend(ports.map(|ports| Cell {
            ports,
            ..rest.clone()
        }));
        Some(pieces)
    }
}

/// The parts of a subnet that are not in the one inside of it.
fn around(net: IpNet, hole: &IpNet) -> Vec<IpNet> {
    let mut parts = Vec::new();
    let mut rest = net;
    while rest.contains(hole) && rest.prefix_len() < hole.prefix_len() {
        let Ok(halves) = rest.subnets(rest.prefix_len() + 1) else {
            break;
        };
        for half in halves {
            match half.contains(hole) {
                true => rest = half,
                false => parts.push(half),
            }
        }
    }
    parts
}

/// Elements that are together what the cells are, and of which none bars another: the
/// kernel refuses one whose first or last key another has ([`Element::bars`]).
pub(super) fn elements(cells: Vec<Cell>) -> Vec<Element> {
    let mut open = cells;
    open.reverse();
    let mut settled: Vec<(Cell, Element)> = Vec::new();
    while let Some(cell) = open.pop() {
        let element = cell.element();
        let barred = |(_, old): &(Cell, Element)| old.bars(&element) || element.bars(old);
        let Some(at) = settled.iter().position(barred) else {
            settled.push((cell, element));
            continue;
        };
        let old = &settled[at].0;
        match (cell.without(old), old.without(&cell)) {
            (Some(pieces), rest) if rest.as_ref().is_none_or(|rest| rest.len() >= pieces.len()) => {
                open.extend(pieces);
            }
            (_, Some(rest)) => {
                settled.swap_remove(at);
                open.push(cell);
                open.extend(rest);
            }
            // Never: of two that overlap, one has all protocols of the other.
            (_, None) => {}
        }
    }
    settled.into_iter().map(|(_, element)| element).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// Small enough that every packet can be tried.
    fn net() -> impl Strategy<Value = IpNet> {
        (0..8u8, 29..=32u8).prop_map(|(host, length)| {
            let net: IpNet = format!("10.0.0.{host}/{length}").parse().unwrap();
            net.trunc()
        })
    }

    fn cell(sides: usize) -> impl Strategy<Value = Cell> {
        let protocol = select(vec![Protocol::Any, Protocol::Tcp, Protocol::Udp]);
        let ports = (0..4u16, 0..4u16).prop_map(|(a, b)| (a.min(b), a.max(b)));
        (prop::collection::vec(net(), sides), protocol, ports).prop_map(
            |(nets, protocol, ports)| {
                // As the file has it: only a protocol with ports has some.
                let ports = if protocol == Protocol::Any {
                    (0, u16::MAX)
                } else {
                    ports
                };
                Cell {
                    nets,
                    protocol,
                    ports,
                }
            },
        )
    }

    fn packets(sides: usize) -> Vec<Element> {
        let mut all = Vec::new();
        for hosts in 0..8u32.pow(sides as u32) {
            let host = |side: u32| format!("10.0.0.{}/32", hosts / 8u32.pow(side) % 8);
            let nets: Vec<IpNet> = (0..sides as u32)
                .map(|s| host(s).parse().unwrap())
                .collect();
            for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Icmp] {
                for port in 0..5 {
                    let cell = Cell {
                        nets: nets.clone(),
                        protocol,
                        ports: (port, port),
                    };
                    all.push(cell.element());
                }
            }
        }
        all
    }

    fn same_and_unbarred(cells: &[Cell], sides: usize) -> Result<(), TestCaseError> {
        let made = elements(cells.to_vec());
        for (i, one) in made.iter().enumerate() {
            for other in made.iter().skip(i + 1) {
                prop_assert!(!one.bars(other) && !other.bars(one), "{one} and {other}");
            }
        }
        for packet in packets(sides) {
            let meant = cells.iter().any(|cell| cell.element().bars(&packet));
            let said = made.iter().any(|element| element.bars(&packet));
            prop_assert_eq!(meant, said, "{}", packet);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn lists_of_one_side(cells in prop::collection::vec(cell(1), 0..7)) {
            same_and_unbarred(&cells, 1)?;
        }

        #[test]
        fn lists_of_two_sides(cells in prop::collection::vec(cell(2), 0..5)) {
            same_and_unbarred(&cells, 2)?;
        }
    }

    #[test]
    fn what_does_not_bar_stays_whole() {
        let cell = |net: &str, protocol, ports| Cell {
            nets: vec![net.parse().unwrap()],
            protocol,
            ports,
        };
        let all = (0, u16::MAX);
        let said = elements(vec![
            cell("::/0", Protocol::Tcp, (443, 443)),
            cell("fd00::7/128", Protocol::Any, all),
            cell("fd00::7/128", Protocol::Tcp, (80, 80)),
        ]);
        let said: Vec<String> = said.iter().map(Element::to_string).collect();
        assert_eq!(said, ["::/0 . tcp . 443", "fd00::7 . 0-255 . 0-65535"]);
    }
}
