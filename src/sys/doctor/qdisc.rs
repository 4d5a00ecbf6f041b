//! Queueing disciplines, each given to a device.

use std::io;

use super::modules::Modules;
use super::{devices, may_try, told};
use crate::state::machine::Tries;
use crate::state::{Rate, Tbf};
use crate::sys::netlink::attr::{put, put_nested, put_text};
use crate::sys::netlink::qdisc;
use crate::sys::netlink::socket::{NLM_F_CREATE, NLM_F_REPLACE, Request, Socket};
use crate::sys::uapi::*;

/// A feature's id, the discipline's name, where it goes, and its options.
type Discipline = (&'static str, &'static str, u32, fn(&mut Vec<u8>));

const DISCIPLINES: &[Discipline] = &[
    ("qdisc-netem", "netem", TC_H_ROOT, |out| {
        // `struct tc_netem_qopt`: no delay, room for 1000 packets.
        let mut options = vec![0; TC_NETEM_OPTIONS];
        options[4..8].copy_from_slice(&1000u32.to_ne_bytes());
        put(out, TCA_OPTIONS, &options);
    }),
    ("qdisc-tbf", "tbf", TC_H_ROOT, |out| {
        let rate = Rate::of_bytes(125_000);
        let limit = Tbf::new(rate, None, 1500);
        put_nested(out, TCA_OPTIONS, |out| qdisc::tbf(out, &limit));
    }),
    ("qdisc-htb", "htb", TC_H_ROOT, |out| {
        // `struct tc_htb_glob`: its version, and the quantum of a rate.
        let mut options = vec![0; TC_HTB_OPTIONS];
        options[..4].copy_from_slice(&TC_HTB_PROTOVER.to_ne_bytes());
        options[4..8].copy_from_slice(&10u32.to_ne_bytes());
        put_nested(out, TCA_OPTIONS, |out| put(out, TCA_HTB_INIT, &options));
    }),
    ("qdisc-fq-codel", "fq_codel", TC_H_ROOT, |_| {}),
    ("qdisc-ingress", "ingress", TC_H_INGRESS, |_| {}),
    ("qdisc-clsact", "clsact", TC_H_INGRESS, |_| {}),
];

pub(super) fn attempt(tries: &mut Tries, modules: &Modules) -> io::Result<()> {
    let mut socket = Socket::route()?;
    for discipline in DISCIPLINES {
        let (id, name, parent, _) = *discipline;
        let module = match parent {
            TC_H_INGRESS => "sch_ingress".to_owned(),
            _ => format!("sch_{name}"),
        };
        if !may_try(modules, tries, id, &module) {
            continue;
        }
        let refused = socket.transact(&[add(discipline)])?.pop().flatten();
        // `qdisc_create`, net/sched/sch_api.c.
        let tried = told(refused, &[libc::ENOENT]);
        tries.insert(id.to_owned(), tried);
        // The two have the same place.
        if parent == TC_H_INGRESS {
            let gone = qdisc::request(RTM_DELQDISC, 0, head(parent));
            socket.transact(&[gone])?;
        }
    }
    Ok(())
}

fn add(discipline: &Discipline) -> Request {
    let (_, name, parent, options) = *discipline;
    let mut body = head(parent);
    put_text(&mut body, TCA_KIND, name);
    options(&mut body);
    qdisc::request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, body)
}

fn head(parent: u32) -> Vec<u8> {
    let handle = match parent {
        TC_H_INGRESS => TC_H_INGRESS & TC_H_MAJ_MASK,
        _ => 0,
    };
    qdisc::head(devices::QUEUES, handle, parent)
}
