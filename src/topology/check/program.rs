//! Programs: what they need to be run, and watched.

use super::Flaw;
use crate::report::codes;
use crate::state::Netns;
use crate::topology::{Program, RESOLVER, Topology};

pub(super) fn programs(topology: &Topology, flaws: &mut Vec<Flaw>) {
    flaws.extend(resolver(topology));
    let mut main = None;
    for (netns, name, program) in topology.programs() {
        let place = format!("namespaces/{netns}/run/{name}");
        flaws.extend(joined(netns, &place));
        flaws.extend(of_one(program, &place));
        if !program.main {
            continue;
        }
        if let Some((other_netns, other)) = main.replace((netns, name)) {
            let message = format!("`{other_netns}/{other}` is the main program already");
            let flaw = Flaw::new(codes::BAD_PROGRAM, format!("{place}/main"), message);
            flaws.push(
                flaw.hint("`netyard run` ends with one of them; leave `main` out of the other"),
            );
        }
    }
}

/// It is known by a name as programs are.
fn resolver(topology: &Topology) -> Option<Flaw> {
    let host = topology.namespaces.get(&Netns::Host)?;
    let taken = topology.resolver && host.run.keys().any(|name| name.as_str() == RESOLVER);
    let place = format!("namespaces/host/run/{RESOLVER}");
    let message = format!("`host/{RESOLVER}` is the lab's resolver");
    taken.then(|| Flaw::new(codes::BAD_PROGRAM, place, message).hint("give it another name"))
}

/// Whoever made it ends what is in it.
fn joined(netns: &Netns, place: &str) -> Option<Flaw> {
    netns.joined()?;
    let message = format!("`{netns}` is others', who run their programs in it");
    let flaw = Flaw::new(codes::BAD_PROGRAM, place, message);
    Some(flaw.hint("run it in a namespace of the lab"))
}

fn of_one(program: &Program, place: &str) -> Option<Flaw> {
    let ready = &program.ready;
    let flaw = |key: &str, message: &str, hint: &str| {
        let flaw = Flaw::new(codes::BAD_PROGRAM, format!("{place}/{key}"), message);
        Some(flaw.hint(hint))
    };
    if ready.is_at_once() && ready.within.is_some() {
        let message = "nothing is said that would have to be so in this time";
        return flaw("ready/within", message, "add `tcp`, `udp` or `text`");
    }
    if ready.text.as_ref().is_some_and(String::is_empty) {
        return flaw(
            "ready/text",
            "an empty text is there at once",
            "write what it says when it is ready",
        );
    }
    if ready.within.is_some_and(|time| time.is_zero()) {
        return flaw(
            "ready/within",
            "no program is ready in no time",
            "write a time like `10s`",
        );
    }
    for (key, path) in [
        ("directory", &program.directory),
        ("output", &program.output),
    ] {
        if path
            .as_ref()
            .is_some_and(|path| path.is_empty() || path.contains('\0'))
        {
            return flaw(key, "this is no path", "write one, or leave the key out");
        }
    }
    let nul = program.env.iter().find(|(_, value)| value.contains('\0'))?;
    flaw(
        &format!("env/{}", nul.0),
        "no variable has a NUL in it",
        "leave it out",
    )
}
