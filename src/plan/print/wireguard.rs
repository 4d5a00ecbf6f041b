//! What wg(8) is told.

use std::fmt::Display;

use super::{in_quotes, inside, quoted};
use crate::state::{Edit, End, Wireguard, WireguardPeer};

/// What stands in the place of a key that nobody else shall know.
#[derive(Clone, Copy)]
pub(super) enum Keys {
    /// `(hidden)`, as wg(8) shows it.
    Hidden,
    /// The key itself.
    Revealed,
}

/// A command, and the key that it reads: one at most, for it has one standard input.
struct Command {
    words: Vec<String>,
    key: Option<String>,
}

/// By a file with nothing in it, wg(8) forgets a key.
const NO_KEY: &str = "/dev/null";

pub(super) fn lines(end: &End, (set, was): (&Wireguard, &Wireguard), keys: Keys) -> Vec<String> {
    let wg = format!("{}wg set {}", inside(&end.netns), quoted(&end.dev));
    let edits = set.edits(was).into_iter();
    edits.map(|edit| line(&wg, command(edit, keys))).collect()
}

fn line(wg: &str, command: Command) -> String {
    let words = command.words.join(" ");
    match command.key {
        Some(key) => format!("{wg} {words} <<'END'\n{key}\nEND"),
        None => format!("{wg} {words}"),
    }
}

fn command(edit: Edit<'_>, keys: Keys) -> Command {
    let mut command = Command {
        words: Vec::new(),
        key: None,
    };
    match edit {
        Edit::Remove(key) => command.words.push(format!("peer {key} remove")),
        Edit::Own(set, was) => {
            if set.listen_port != was.listen_port {
                command.word("listen-port", set.listen_port.unwrap_or(0));
            }
            if set.fwmark != was.fwmark {
                command.word("fwmark", set.fwmark);
            }
            if set.private_key != was.private_key {
                let key = set.private_key.map(|key| match keys {
                    Keys::Hidden => key.to_string(),
                    Keys::Revealed => key.revealed(),
                });
                command.read("private-key", key);
            }
        }
        Edit::Peer(key, set, was) => {
            command.word("peer", key);
            command.peer(set, was.unwrap_or(&WireguardPeer::default()), keys);
        }
    }
    command
}

impl Command {
    fn word(&mut self, name: &str, value: impl Display) {
        self.words.push(format!("{name} {value}"));
    }

    fn read(&mut self, name: &str, key: Option<String>) {
        let file = key.as_ref().map_or(NO_KEY, |_| "/dev/stdin");
        self.word(name, file);
        self.key = key;
    }

    fn peer(&mut self, set: &WireguardPeer, was: &WireguardPeer, keys: Keys) {
        if let Some(endpoint) = set.endpoint.filter(|_| set.endpoint != was.endpoint) {
            self.word("endpoint", endpoint_word(&endpoint.to_string()));
        }
        if set.persistent_keepalive != was.persistent_keepalive {
            self.word("persistent-keepalive", set.persistent_keepalive);
        }
        if set.allowed_ips != was.allowed_ips {
            let all: Vec<String> = set.allowed_ips.iter().map(ToString::to_string).collect();
            let all = match all.is_empty() {
                true => in_quotes(""),
                false => all.join(","),
            };
            self.word("allowed-ips", all);
        }
        if set.preshared_key != was.preshared_key {
            let key = set.preshared_key.map(|key| match keys {
                Keys::Hidden => key.to_string(),
                Keys::Revealed => key.revealed(),
            });
            self.read("preshared-key", key);
        }
    }
}

/// The brackets of an IPv6 address would be a pattern to the shell.
fn endpoint_word(endpoint: &str) -> String {
    match endpoint.starts_with('[') {
        true => in_quotes(endpoint),
        false => endpoint.to_owned(),
    }
}
