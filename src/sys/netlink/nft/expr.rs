//! Rules as the kernel's expressions. What a term becomes is written once: a rule
//! is read by looking which term would have been written so.

use std::collections::BTreeMap;

use crate::state::{Field, SetName, Term};
use crate::sys::netlink::attr::{parse, put, put_nested, put_text};
use crate::sys::uapi::*;

/// One expression: its name and its attributes, each as raw bytes.
#[derive(Debug, Clone)]
pub(super) struct Expr {
    pub(super) name: String,
    attributes: BTreeMap<u16, Vec<u8>>,
}

impl Expr {
    fn new(name: &str, attributes: impl IntoIterator<Item = (u16, Vec<u8>)>) -> Self {
        Expr {
            name: name.to_owned(),
            attributes: attributes.into_iter().collect(),
        }
    }

    /// Appends it to a rule's list (`NFTA_RULE_EXPRESSIONS`, of `NFTA_LIST_ELEM`).
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        put_nested(out, NFTA_LIST_ELEM, |out| {
            put_text(out, NFTA_EXPR_NAME, &self.name);
            put_nested(out, NFTA_EXPR_DATA, |out| {
                for (kind, value) in &self.attributes {
                    put(out, *kind, value);
                }
            });
        });
    }

    /// One entry of a rule's list as the kernel sent it.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let (mut name, mut attributes) = (String::new(), BTreeMap::new());
        for (kind, value) in parse(bytes) {
            match kind {
                NFTA_EXPR_NAME => name = text(value).to_owned(),
                NFTA_EXPR_DATA => {
                    attributes = parse(value).map(|(k, v)| (k, v.to_vec())).collect();
                }
                _ => {}
            }
        }
        Expr { name, attributes }
    }

    /// Whether the kernel would do the same for both. It also lists attributes
    /// that were not sent, as zero: flags that are not set, the first of several
    /// operations (nft_bitwise_dump and nft_lookup_dump in net/netfilter).
    fn same(&self, other: &Expr) -> bool {
        let covers = |a: &Expr, b: &Expr| {
            a.attributes
                .iter()
                .all(|(kind, value)| match b.attributes.get(kind) {
                    Some(there) => there == value,
                    None => value.iter().all(|byte| *byte == 0),
                })
        };
        self.name == other.name && covers(self, other) && covers(other, self)
    }
}

/// A text without the final zero of the kernel's strings.
pub(super) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes)
        .unwrap_or_default()
        .trim_end_matches('\0')
}

/// Numbers in expressions are in network order, registers too.
fn number(value: u32) -> Vec<u8> {
    value.to_be_bytes().to_vec()
}

/// A string attribute by itself: its bytes and the final zero.
fn name(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

/// The kernel lists nested data without the flag for nesting, so that here is none.
fn data(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, NFTA_DATA_VALUE, value);
    out
}

/// The expressions that a term is made of, as nft makes them; all work from the
/// first register on. `None` for what netyard did not write.
pub(super) fn of(term: &Term) -> Option<Vec<Expr>> {
    Some(match term {
        Term::In(field, set) => lookup(*field, *set, 0),
        Term::NotIn(field, set) => lookup(*field, *set, NFT_LOOKUP_F_INV),
        Term::Established => established(),
        Term::Accept => vec![verdict(NF_ACCEPT)],
        Term::Drop => vec![verdict(NF_DROP)],
        Term::Return => vec![verdict(NFT_RETURN)],
        Term::Masquerade => vec![Expr::new("masq", [])],
        Term::Unknown(_) => return None,
    })
}

/// The set is found by its name. In a batch that also makes the set that works too:
/// the kernel looks among what is about to be (nft_set_lookup_global).
fn lookup(field: Field, set: SetName, flags: u32) -> Vec<Expr> {
    let mut all = load(field);
    all.push(Expr::new(
        "lookup",
        [
            (NFTA_LOOKUP_SET, name(set.as_str())),
            (NFTA_LOOKUP_SREG, number(NFT_REG_1)),
            (NFTA_LOOKUP_FLAGS, number(flags)),
        ],
    ));
    all
}

/// Brings a field into the register. An address needs its family tested first: the
/// table sees both.
fn load(field: Field) -> Vec<Expr> {
    match field {
        Field::IifName => vec![meta(NFT_META_IIFNAME, NFT_REG_1)],
        Field::OifName => vec![meta(NFT_META_OIFNAME, NFT_REG_1)],
        // Each register has 16 bytes; a longer key goes on in the next.
        Field::Crossing => vec![
            meta(NFT_META_IIFNAME, NFT_REG_1),
            meta(NFT_META_OIFNAME, NFT_REG_2),
        ],
        Field::NfProto => vec![meta(NFT_META_NFPROTO, NFT_REG_1)],
        Field::Saddr4 => source(NFPROTO_IPV4, 12, 4),
        Field::Saddr6 => source(NFPROTO_IPV6, 8, 16),
    }
}

/// The source address stands at byte 12 of an IPv4 header (RFC 791) and at byte 8
/// of an IPv6 header (RFC 8200).
fn source(family: u8, offset: u32, length: u32) -> Vec<Expr> {
    vec![
        meta(NFT_META_NFPROTO, NFT_REG_1),
        compare(NFT_CMP_EQ, &[family]),
        Expr::new(
            "payload",
            [
                (NFTA_PAYLOAD_DREG, number(NFT_REG_1)),
                (NFTA_PAYLOAD_BASE, number(NFT_PAYLOAD_NETWORK_HEADER)),
                (NFTA_PAYLOAD_OFFSET, number(offset)),
                (NFTA_PAYLOAD_LEN, number(length)),
            ],
        ),
    ]
}

/// Names come as all 16 bytes of the register, padded with zeros
/// (nft_meta_store_ifname), hence the length of the keys of a set of names.
fn meta(key: u32, register: u32) -> Expr {
    Expr::new(
        "meta",
        [
            (NFTA_META_DREG, number(register)),
            (NFTA_META_KEY, number(key)),
        ],
    )
}

fn compare(op: u32, value: &[u8]) -> Expr {
    Expr::new(
        "cmp",
        [
            (NFTA_CMP_SREG, number(NFT_REG_1)),
            (NFTA_CMP_OP, number(op)),
            (NFTA_CMP_DATA, data(value)),
        ],
    )
}

/// The state is a bit mask in the host's byte order, unlike all else here.
fn established() -> Vec<Expr> {
    let mask = (CT_ESTABLISHED | CT_RELATED).to_ne_bytes();
    vec![
        Expr::new(
            "ct",
            [
                (NFTA_CT_DREG, number(NFT_REG_1)),
                (NFTA_CT_KEY, number(NFT_CT_STATE)),
            ],
        ),
        Expr::new(
            "bitwise",
            [
                (NFTA_BITWISE_SREG, number(NFT_REG_1)),
                (NFTA_BITWISE_DREG, number(NFT_REG_1)),
                (NFTA_BITWISE_LEN, number(mask.len() as u32)),
                (NFTA_BITWISE_MASK, data(&mask)),
                (NFTA_BITWISE_XOR, data(&[0; 4])),
            ],
        ),
        compare(NFT_CMP_NEQ, &[0; 4]),
    ]
}

/// The verdict register takes no number but a nested code
/// (nft_verdict_init in net/netfilter/nf_tables_api.c).
fn verdict(code: i32) -> Expr {
    let (mut inner, mut value) = (Vec::new(), Vec::new());
    put(&mut inner, NFTA_VERDICT_CODE, &code.to_be_bytes());
    put(&mut value, NFTA_DATA_VERDICT, &inner);
    Expr::new(
        "immediate",
        [
            (NFTA_IMMEDIATE_DREG, number(NFT_REG_VERDICT)),
            (NFTA_IMMEDIATE_DATA, value),
        ],
    )
}

/// Every term that netyard can write, with its expressions.
pub(super) fn vocabulary() -> Vec<(Term, Vec<Expr>)> {
    use Field::{Crossing, IifName, NfProto, OifName, Saddr4, Saddr6};
    let mut terms = vec![
        Term::Established,
        Term::Accept,
        Term::Drop,
        Term::Return,
        Term::Masquerade,
    ];
    for field in [Crossing, IifName, OifName, NfProto, Saddr4, Saddr6] {
        for set in SetName::ALL {
            terms.extend([Term::In(field, set), Term::NotIn(field, set)]);
        }
    }
    terms
        .into_iter()
        .filter_map(|term| of(&term).map(|expressions| (term, expressions)))
        .collect()
}

/// A rule's expressions as terms; one that fits nothing is named. No term's
/// expressions begin with all of another's, so that the first that fits is right.
pub(super) fn terms(vocabulary: &[(Term, Vec<Expr>)], mut rest: &[Expr]) -> Vec<Term> {
    let mut terms = Vec::new();
    while let Some(first) = rest.first() {
        let known = vocabulary.iter().find(|(_, expressions)| {
            rest.len() >= expressions.len() && expressions.iter().zip(rest).all(|(a, b)| a.same(b))
        });
        let (term, length) = match known {
            Some((term, expressions)) => (term.clone(), expressions.len()),
            None => (Term::Unknown(first.name.clone()), 1),
        };
        terms.push(term);
        rest = &rest[length..];
    }
    terms
}
