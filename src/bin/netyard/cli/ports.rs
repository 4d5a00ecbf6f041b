//! Published ports, as `plan` and `status` tell of them.

use std::net::IpAddr;

use netyard::plan::{Exposed, Reach};
use netyard::report::wrap;
use netyard::state::Published;

use super::output::{self, BAD, say, styled};

/// So many ports are shown, each on a line: more of them nobody reads.
const SHOWN: usize = 50;

/// A line for each port, then the warnings.
pub(crate) fn show(reach: &Reach, indent: &str) {
    for port in reach.ports.iter().take(SHOWN) {
        say!("{indent}{port}");
    }
    rest(reach, indent);
    for warning in &reach.warnings {
        let width = output::fits().saturating_sub(indent.len() + "warning: ".len());
        let lines = wrap(&warning.message, width);
        let mut lead = styled(BAD, "warning").to_string() + ": ";
        for line in lines.lines() {
            say!("{indent}{lead}{line}");
            lead = " ".repeat("warning: ".len());
        }
    }
}

/// A line for each port, of which nobody can say yet who reaches it.
pub(crate) fn name(reach: &Reach, indent: &str) {
    for Exposed { published, .. } in reach.ports.iter().take(SHOWN) {
        let Published { netns, port, .. } = published;
        say!("{indent}{published} -> {netns}:{port}, when all is as described");
    }
    rest(reach, indent);
}

fn rest(reach: &Reach, indent: &str) {
    if reach.ports.len() > SHOWN {
        let more = reach.ports.len() - SHOWN;
        say!("{indent}and {more} more published ports (`--json` has all)");
    }
}

/// So many are named in a cell of a table.
const NAMED: usize = 3;

/// "8080->80/tcp, 127.0.0.1:53->53/udp and 9 more".
pub(crate) fn short<'p>(ports: impl Iterator<Item = &'p Published>) -> String {
    let one = |port: &Published| {
        let Published {
            protocol,
            host,
            address,
            port,
            ..
        } = port;
        match address {
            None => format!("{host}->{port}/{protocol}"),
            Some(IpAddr::V4(address)) => format!("{address}:{host}->{port}/{protocol}"),
            Some(IpAddr::V6(address)) => format!("[{address}]:{host}->{port}/{protocol}"),
        }
    };
    let all: Vec<String> = ports.map(one).collect();
    match all.len().saturating_sub(NAMED) {
        0 => all.join(", "),
        more => format!("{} and {more} more", all[..NAMED].join(", ")),
    }
}
