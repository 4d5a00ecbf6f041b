//! What one set of flows has that another has not.

use ipnet::IpNet;

use super::FlowMatch;

impl FlowMatch {
    /// Whether some of them may be among others. Of protocols one is not taken out of all:
    /// what is ended too much is asked about anew, what is left may be permitted by nobody.
    pub fn meets(&self, other: &FlowMatch) -> bool {
        let same = self.nat == other.nat && self.is_ipv6() == other.is_ipv6();
        let covered = other.protocol.is_none() || other.protocol == self.protocol;
        let (a, b) = self.ports.unwrap_or((0, u16::MAX));
        let (c, d) = other.ports.unwrap_or((0, u16::MAX));
        same && covered
            && a.max(c) <= b.min(d)
            && touch(self.from, other.from)
            && touch(self.dst, other.dst)
    }

    /// Whether all of them are among others.
    pub fn is_within(&self, other: &FlowMatch) -> bool {
        self.meets(other) && self.clone().without(other).is_empty()
    }

    /// Those of them that are not among others.
    pub fn without(self, other: &FlowMatch) -> Vec<FlowMatch> {
        if !self.meets(other) {
            return vec![self];
        }
        let ports = apart_ports(self.ports, other.ports);
        let nets = ports.and_then(|ports| {
            let from = apart(self.from, other.from)?;
            Some((ports, from, apart(self.dst, other.dst)?))
        });
        let Some((ports, from, dst)) = nets else {
            return vec![self];
        };
        // What is outside in one respect, then what is inside there and outside in the next.
        let mut left = Vec::new();
        let mut inside = self;
        for outside in from.outside {
            left.push(FlowMatch {
                from: Some(outside),
                ..inside.clone()
            });
        }
        inside.from = from.inside;
        for outside in dst.outside {
            left.push(FlowMatch {
                dst: Some(outside),
                ..inside.clone()
            });
        }
        inside.dst = dst.inside;
        for outside in ports.outside {
            left.push(FlowMatch {
                ports: Some(outside),
                ..inside.clone()
            });
        }
        left
    }
}

fn touch(a: Option<IpNet>, b: Option<IpNet>) -> bool {
    let (Some(a), Some(b)) = (a, b) else {
        return true;
    };
    a.contains(&b) || b.contains(&a)
}

/// What of one range is in another, and what is not.
struct Apart<T> {
    inside: Option<T>,
    outside: Vec<T>,
}

/// `None`: nothing of it is in the other.
fn apart(all: Option<IpNet>, other: Option<IpNet>) -> Option<Apart<IpNet>> {
    let Some(other) = other else {
        return Some(Apart {
            inside: all,
            outside: Vec::new(),
        });
    };
    let all = all.unwrap_or_else(|| everything(&other));
    if other.contains(&all) {
        return Some(Apart {
            inside: Some(all),
            outside: Vec::new(),
        });
    }
    // Half by half, towards the other.
    let (mut rest, mut outside) = (all, Vec::new());
    while rest != other.trunc() {
        let mut halves = rest.subnets(rest.prefix_len() + 1).ok()?;
        let (low, high) = (halves.next()?, halves.next()?);
        let (towards, away) = match (low.contains(&other), high.contains(&other)) {
            (true, _) => (low, high),
            (_, true) => (high, low),
            _ => return None,
        };
        outside.push(away);
        rest = towards;
    }
    Some(Apart {
        inside: Some(rest),
        outside,
    })
}

fn everything(family_of: &IpNet) -> IpNet {
    family_of
        .supernet()
        .map_or(*family_of, |wider| everything(&wider))
}

fn apart_ports(all: Option<(u16, u16)>, other: Option<(u16, u16)>) -> Option<Apart<(u16, u16)>> {
    let Some((first, last)) = other else {
        return Some(Apart {
            inside: all,
            outside: Vec::new(),
        });
    };
    let (from, to) = all.unwrap_or((0, u16::MAX));
    let inside = (from.max(first), to.min(last));
    if inside.0 > inside.1 {
        return None;
    }
    let before = (inside.0 > from).then(|| (from, inside.0 - 1));
    let after = (inside.1 < to).then(|| (inside.1 + 1, to));
    Some(Apart {
        inside: Some(inside),
        outside: before.into_iter().chain(after).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Nat;

    fn flows(from: &str, ports: (u16, u16)) -> FlowMatch {
        FlowMatch {
            protocol: Some(17),
            from: Some(from.parse().expect("a subnet")),
            dst: None,
            ports: Some(ports),
            nat: Nat::Any,
        }
    }

    #[track_caller]
    fn assert_left(all: FlowMatch, other: &FlowMatch, left: &[&str]) {
        let found: Vec<String> = all.without(other).iter().map(ToString::to_string).collect();
        assert_eq!(found, left);
    }

    #[test]
    fn a_part_is_taken_out_of_the_middle() {
        let all = flows("10.0.0.0/24", (8000, 8010));
        let other = flows("10.0.0.64/26", (8003, 8004));
        let left = [
            "udp 8000-8010 from 10.0.0.128/25",
            "udp 8000-8010 from 10.0.0.0/26",
            "udp 8000-8002 from 10.0.0.64/26",
            "udp 8005-8010 from 10.0.0.64/26",
        ];
        assert_left(all, &other, &left);
    }

    #[test]
    fn nothing_is_left_of_what_another_covers() {
        let wider = FlowMatch {
            ports: None,
            protocol: None,
            ..flows("10.0.0.0/8", (0, 0))
        };
        assert_left(flows("10.0.0.0/24", (1, 2)), &wider, &[]);
        assert_left(wider.clone(), &wider, &[]);
    }

    #[test]
    fn what_has_nothing_in_common_stays_whole() {
        let all = flows("10.0.0.0/24", (1, 9));
        let whole = ["udp 1-9 from 10.0.0.0/24"];
        let six = flows("fd00::/64", (1, 9));
        for other in [
            flows("10.0.1.0/24", (1, 9)),
            flows("10.0.0.0/24", (10, 11)),
            six,
        ] {
            assert_left(all.clone(), &other, &whole);
        }
        let straight = FlowMatch {
            nat: Nat::Straight,
            ..all.clone()
        };
        let tcp = FlowMatch {
            protocol: Some(6),
            ..all.clone()
        };
        assert_left(all.clone(), &straight, &whole);
        assert_left(all, &tcp, &whole);
    }

    #[test]
    fn one_protocol_is_not_taken_out_of_all() {
        let any = FlowMatch {
            protocol: None,
            ports: None,
            ..flows("10.0.0.0/24", (0, 0))
        };
        let udp = FlowMatch {
            protocol: Some(17),
            ..any.clone()
        };
        assert_left(any, &udp, &["all from 10.0.0.0/24"]);
    }

    #[test]
    fn a_network_is_taken_out_of_everywhere() {
        let any = FlowMatch {
            from: None,
            ports: None,
            ..flows("10.0.0.0/24", (0, 0))
        };
        let half = FlowMatch {
            ports: None,
            ..flows("128.0.0.0/1", (0, 0))
        };
        let any = FlowMatch {
            dst: Some("10.9.0.0/16".parse().expect("a subnet")),
            ..any
        };
        let half = FlowMatch {
            dst: any.dst,
            ..half
        };
        assert_left(any, &half, &["udp from 0.0.0.0/1 to 10.9.0.0/16"]);
    }
}
