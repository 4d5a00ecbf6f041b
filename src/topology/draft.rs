//! A topology file as text, for a user who goes on from there: with comments, and laid
//! out as one would by hand. Whether it is right, `parse` says.

use crate::report::wrap;
use crate::state::LabName;

/// The width of a line, where it can be kept.
const WIDTH: usize = 80;

/// Keys of a mapping with their values, as they stand in the file.
pub(super) type Pairs = Vec<(&'static str, String)>;

/// What will stand in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    /// What stands above all, a paragraph each.
    pub(super) head: Vec<String>,
    pub(super) lab: LabName,
    pub(super) networks: Vec<(String, Pairs)>,
    pub(super) namespaces: Vec<Room>,
    pub(super) links: Vec<Pairs>,
    pub(super) expect: Vec<Pairs>,
}

/// A namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) name: String,
    /// A comment above it.
    pub(super) note: Option<String>,
    pub(super) forward: bool,
    pub(super) interfaces: Vec<(String, Pairs)>,
    pub(super) routes: Vec<Pairs>,
    pub(super) publish: Vec<String>,
}

/// A line of `links`.
pub(super) fn link(ends: [&str; 2]) -> Pairs {
    let [a, b] = ends.map(quoted);
    vec![("endpoints", format!("[{a}, {b}]"))]
}

/// A text as a key or value: in quotes where YAML would take it for something else, also between
/// `{` and `}`.
pub(super) fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let other = ["true", "false", "null"].contains(&text.to_ascii_lowercase().as_str());
    match begins && !other && text.chars().all(plain) {
        true => text.to_owned(),
        false => quoted(text),
    }
}

/// JSON's strings are YAML's: whatever stands in them is in one line.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `{ key: value, key: value }`.
fn flow(pairs: &[(&'static str, String)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
    match pairs.is_empty() {
        true => "{}".to_owned(),
        false => format!("{{ {} }}", pairs.join(", ")),
    }
}

/// Lines that are comments.
fn comment(text: &str, indent: &str) -> String {
    // A comment ends where its line does, wherever YAML sees the end of one.
    let one = |c: char| c.is_control() || "\u{2028}\u{2029}\u{feff}".contains(c);
    let plain = text.replace(one, " ");
    // The lines of an item of a list stand below its first word.
    let hang = if plain.starts_with("- ") { "  " } else { "" };
    let lines = wrap(&plain, WIDTH - indent.len() - 2 - hang.len());
    let more = |n: usize| if n > 0 { hang } else { "" };
    let lines = lines.lines().enumerate();
    lines
        .map(|(n, line)| format!("{indent}# {}{line}\n", more(n)))
        .collect()
}

impl Draft {
    pub(super) fn new(lab: LabName) -> Self {
        Draft {
            head: Vec::new(),
            lab,
            networks: Vec::new(),
            namespaces: Vec::new(),
            links: Vec::new(),
            expect: Vec::new(),
        }
    }

    /// The file.
    pub(super) fn text(&self) -> String {
        let mut text: String = self.head.iter().map(|part| comment(part, "")).collect();
        text += &format!("lab: {}\n", word(self.lab.as_str()));
        let networks = self.networks.iter();
        let networks = networks.map(|(name, keys)| format!("  {}: {}\n", word(name), flow(keys)));
        let list = |pairs: &Pairs| format!("  - {}\n", flow(pairs));
        for (head, lines) in [
            (
                "networks: # switches: bridges on the host",
                networks.collect::<String>(),
            ),
            (
                "namespaces: # computers and routers",
                self.namespaces.iter().map(Room::text).collect(),
            ),
            (
                "links: # cables between two interfaces",
                self.links.iter().map(list).collect(),
            ),
            (
                "expect: # what `netyard test` proves with pings",
                self.expect.iter().map(list).collect(),
            ),
        ] {
            if !lines.is_empty() {
                text += &format!("\n{head}\n{lines}");
            }
        }
        text
    }
}

impl Room {
    /// In one line, if there is little to say.
    fn text(&self) -> String {
        let (name, note) = (word(&self.name), self.note.as_deref());
        let mut text = note.map(|note| comment(note, "  ")).unwrap_or_default();
        let all = self.keys();
        let line = format!("  {name}: {}\n", flow(&all));
        if all.len() <= 1 && line.chars().count() <= WIDTH {
            return text + &line;
        }
        text += &format!("  {name}:\n");
        for (key, value) in all {
            let line = format!("    {key}: {value}\n");
            match (key, line.chars().count() <= WIDTH) {
                ("interfaces", false) => text += &self.interfaces(),
                ("routes", false) => text += &self.routes(),
                _ => text += &line,
            }
        }
        text
    }

    fn keys(&self) -> Pairs {
        let mut keys = Pairs::new();
        if self.forward {
            keys.push(("forward", "true".to_owned()));
        }
        if !self.interfaces.is_empty() {
            let all = self.interfaces.iter();
            let all = all.map(|(name, pairs)| format!("{}: {}", word(name), flow(pairs)));
            let all = all.collect::<Vec<_>>().join(", ");
            keys.push(("interfaces", format!("{{ {all} }}")));
        }
        if !self.routes.is_empty() {
            let all: Vec<String> = self.routes.iter().map(|route| flow(route)).collect();
            keys.push(("routes", format!("[{}]", all.join(", "))));
        }
        if !self.publish.is_empty() {
            keys.push(("publish", format!("[{}]", self.publish.join(", "))));
        }
        keys
    }

    fn interfaces(&self) -> String {
        let line =
            |(name, pairs): &(String, Pairs)| format!("      {}: {}\n", word(name), flow(pairs));
        "    interfaces:\n".to_owned() + &self.interfaces.iter().map(line).collect::<String>()
    }

    fn routes(&self) -> String {
        let line = |pairs: &Pairs| format!("      - {}\n", flow(pairs));
        "    routes:\n".to_owned() + &self.routes.iter().map(line).collect::<String>()
    }
}
