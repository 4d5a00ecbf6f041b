//! Answers of a lab's resolver (RFC 1035): addresses of its namespaces, and their names.

use std::net::IpAddr;

use simple_dns::rdata::{A, AAAA, PTR, RData};
use simple_dns::{
    CLASS, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, TYPE,
};

use super::{Name, lower};

/// Names may mean another address at any time.
const TTL: u32 = 0;

/// What is answered to a query, in at most so many bytes; nothing to what is none.
pub(crate) fn answer(query: &[u8], names: &[Name], most: usize) -> Option<Vec<u8>> {
    let Ok(asked) = Packet::parse(query) else {
        return unread(query);
    };
    if asked.has_flags(PacketFlag::RESPONSE) {
        return None;
    }
    let mut reply = Packet::new_reply(asked.id());
    if asked.has_flags(PacketFlag::RECURSION_DESIRED) {
        reply.set_flags(PacketFlag::RECURSION_DESIRED);
    }
    let (code, found) = match &asked.questions[..] {
        _ if asked.opcode() != OPCODE::StandardQuery => (RCODE::NotImplemented, Vec::new()),
        [question] => {
            reply.questions.push(question.clone());
            match found(question, names) {
                Some(found) => (RCODE::NoError, found),
                // Others may know it, and be asked.
                None => (RCODE::Refused, Vec::new()),
            }
        }
        _ => (RCODE::FormatError, Vec::new()),
    };
    *reply.rcode_mut() = code;
    if code == RCODE::NoError {
        reply.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
        for data in found {
            let name = reply.questions.first()?.qname.clone();
            let record = ResourceRecord::new(name, CLASS::IN, TTL, data);
            reply.answers.push(record);
        }
    }
    let bytes = reply.build_bytes_vec_compressed().ok()?;
    if bytes.len() <= most {
        return Some(bytes);
    }
    // The asker comes again by TCP (RFC 1035, section 4.2.1).
    reply.answers.clear();
    reply.set_flags(PacketFlag::TRUNCATION);
    reply.build_bytes_vec_compressed().ok()
}

/// To what is a query and cannot be read: its number, and that nobody here knows such (`NOTIMP`;
/// RFC 1035, section 4.1.1).
fn unread(query: &[u8]) -> Option<Vec<u8>> {
    let [high, low, flags, ..] = *query.get(..12)? else {
        return None;
    };
    let is_reply = flags & 0x80 != 0;
    (!is_reply).then(|| vec![high, low, 0x80 | flags & 0x79, 4, 0, 0, 0, 0, 0, 0, 0, 0])
}

/// What is known of a name; `None`: it is not one of the lab's.
fn found<'n>(question: &Question<'_>, names: &'n [Name]) -> Option<Vec<RData<'n>>> {
    if ![QCLASS::CLASS(CLASS::IN), QCLASS::ANY].contains(&question.qclass) {
        return None;
    }
    let wanted = lower(&question.qname);
    let wants = |kind: TYPE| [QTYPE::TYPE(kind), QTYPE::ANY].contains(&question.qtype);
    let named: Vec<&Name> = names
        .iter()
        .filter(|(_, netns)| lower(netns) == wanted)
        .collect();
    if !named.is_empty() {
        let addresses = named.into_iter().filter_map(|(address, _)| match address {
            IpAddr::V4(v4) if wants(TYPE::A) => Some(RData::A(A::from(*v4))),
            IpAddr::V6(v6) if wants(TYPE::AAAA) => Some(RData::AAAA(AAAA::from(*v6))),
            _ => None,
        });
        return Some(addresses.collect());
    }
    let (_, netns) = names
        .iter()
        .find(|(address, _)| reverse(*address) == wanted)?;
    let name = netns.made().map_or("host", |name| name.as_str());
    let name = PTR(simple_dns::Name::new_unchecked(name));
    Some(
        wants(TYPE::PTR)
            .then_some(RData::PTR(name))
            .into_iter()
            .collect(),
    )
}

/// The name under which an address is looked up (RFC 1035, section 3.5, and RFC 3596, 2.5).
fn reverse(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let nibbles = v6
                .octets()
                .into_iter()
                .rev()
                .flat_map(|byte| [byte & 15, byte >> 4]);
            let digits: Vec<String> = nibbles.map(|nibble| format!("{nibble:x}")).collect();
            format!("{}.ip6.arpa", digits.join("."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names() -> Vec<Name> {
        let name = |to: &str, netns: &str| {
            (
                to.parse().expect("an address"),
                netns.parse().expect("a name"),
            )
        };
        vec![
            name("10.0.0.2", "web"),
            name("10.0.1.2", "web"),
            name("fd00::2", "web"),
            name("10.0.0.1", "host"),
            name("10.0.0.3", "a.b"),
        ]
    }

    fn query(name: &str, kind: TYPE) -> Vec<u8> {
        let mut query = Packet::new_query(7);
        let name = simple_dns::Name::new_unchecked(name);
        let question = Question::new(name, QTYPE::TYPE(kind), QCLASS::CLASS(CLASS::IN), false);
        query.questions.push(question);
        query.build_bytes_vec().expect("a query")
    }

    /// As `CODE DATA...`.
    fn told(name: &str, kind: TYPE) -> String {
        let bytes = answer(&query(name, kind), &names(), 512).expect("an answer");
        let reply = Packet::parse(&bytes).expect("a reply");
        assert!(reply.id() == 7 && reply.has_flags(PacketFlag::RESPONSE));
        let data = reply.answers.iter().map(|record| match &record.rdata {
            RData::A(a) => std::net::Ipv4Addr::from(a.address).to_string(),
            RData::AAAA(a) => std::net::Ipv6Addr::from(a.address).to_string(),
            RData::PTR(PTR(name)) => name.to_string(),
            other => format!("{other:?}"),
        });
        let data: Vec<String> = data.collect();
        format!("{:?} {}", reply.rcode(), data.join(" "))
    }

    #[test]
    fn names_of_the_lab_are_answered_and_no_others() {
        for (name, kind, expected) in [
            ("web", TYPE::A, "NoError 10.0.0.2 10.0.1.2"),
            ("WEB", TYPE::A, "NoError 10.0.0.2 10.0.1.2"),
            ("web", TYPE::AAAA, "NoError fd00::2"),
            ("a.b", TYPE::A, "NoError 10.0.0.3"),
            ("a.b", TYPE::AAAA, "NoError "),
            ("web", TYPE::MX, "NoError "),
            ("host", TYPE::A, "NoError 10.0.0.1"),
            ("web.example.org", TYPE::A, "Refused "),
            ("2.0.0.10.in-addr.arpa", TYPE::PTR, "NoError web"),
            ("1.0.0.10.in-addr.arpa", TYPE::PTR, "NoError host"),
            ("9.0.0.10.in-addr.arpa", TYPE::PTR, "Refused "),
            (
                "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa",
                TYPE::PTR,
                "NoError web",
            ),
        ] {
            assert_eq!(told(name, kind), expected, "{name}");
        }
    }

    #[test]
    fn a_query_of_an_unknown_kind_is_answered() {
        let mut query = query("web", TYPE::A);
        let at = query.len() - 4;
        query[at..at + 2].copy_from_slice(&9999u16.to_be_bytes());
        let reply = answer(&query, &names(), 512).expect("an answer");
        assert_eq!(
            (&reply[..2], reply[2] & 0x80, reply[3] & 15),
            (&query[..2], 0x80, 4)
        );
        assert_eq!(answer(&reply, &names(), 512), None, "a reply is none");
    }

    #[test]
    fn what_is_too_long_is_asked_again_by_tcp() {
        let names: Vec<Name> = (0..100u8)
            .map(|n| (IpAddr::from([10, 0, 0, n]), "web".parse().expect("a name")))
            .collect();
        let short = answer(&query("web", TYPE::A), &names, 512).expect("an answer");
        let reply = Packet::parse(&short).expect("a reply");
        assert!(reply.has_flags(PacketFlag::TRUNCATION) && reply.answers.is_empty());
        let whole = answer(&query("web", TYPE::A), &names, 65535).expect("an answer");
        assert_eq!(Packet::parse(&whole).expect("a reply").answers.len(), 100);
    }

    proptest! {
        #[test]
        fn nothing_is_too_odd_to_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = answer(&bytes, &names(), 512);
        }

        /// A query with one byte changed.
        #[test]
        fn nor_what_is_nearly_a_query(at in 0usize..21, byte in any::<u8>()) {
            let mut bytes = query("web", TYPE::A);
            bytes[at] = byte;
            if let Some(reply) = answer(&bytes, &names(), 512) {
                prop_assert!(Packet::parse(&reply).is_ok());
            }
        }
    }
}
