//! What the keys of a topology file are: their types, defaults and meaning. The
//! reader takes its keys from [`table`], the JSON Schema is made from it, and a test
//! compares it with `docs/topology.md`.

pub(super) mod table;
mod texts;

/// A mapping whose keys are known beforehand.
#[derive(Debug)]
pub(super) struct Mapping {
    /// What it describes, with its article, for messages.
    pub(super) what: &'static str,
    /// Its keys, the important ones first.
    pub(super) keys: &'static [Key],
}

/// A key of a mapping.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) default: Default,
    pub(super) means: &'static str,
}

/// What holds when a key is not there.
#[derive(Debug)]
pub(super) enum Default {
    /// It must be there; in words what to add.
    Required(&'static str),
    Flag(bool),
    Words(&'static str),
}

/// What a key's value is.
#[derive(Debug)]
pub(super) enum Kind {
    Flag,
    /// From and to, both included; what is counted.
    Number(u32, u32, &'static str),
    /// Above zero and up to this, perhaps with a fraction.
    Fraction(u32, &'static str),
    /// A number, or `true`.
    NumberOrTrue(u32, u32, &'static str),
    One(&'static Text),
    /// One, or a mapping that says it in parts.
    OneOr(&'static Text, &'static Mapping),
    /// One, or a list.
    Some(&'static Text),
    /// The same, or `none`.
    SomeOrNone(&'static Text),
    /// A list of two.
    Two(&'static Text),
    /// Ports and ranges of them: one, or a list.
    Ports,
    /// A mapping from names to mappings.
    Named(&'static Text, &'static Mapping),
    /// A mapping from names to texts.
    Texts(&'static Text, &'static Text),
    /// A mapping whose keys are known.
    Of(&'static Mapping),
    /// A list of mappings.
    Listed(&'static Mapping),
    /// A list of mappings, or of texts that say the same in a few characters.
    Shortened(&'static Text, &'static Mapping),
}

/// A single value that is written as a text.
#[derive(Debug)]
pub(super) struct Text {
    /// What it is.
    pub(super) what: &'static str,
    /// A regular expression for the whole of it.
    pub(super) pattern: &'static str,
    /// What fits that and is refused all the same.
    pub(super) not: &'static [&'static str],
    /// Whether it may look like a number or a boolean of YAML (`7`, `true`): the
    /// reader takes names as they were written.
    pub(super) name: bool,
}

impl Kind {
    /// The type in words, for documentation.
    pub(super) fn words(&self) -> String {
        match self {
            Kind::Flag => "`true` or `false`".to_owned(),
            Kind::Number(_, u32::MAX, what) => (*what).to_owned(),
            Kind::Number(least, most, what) => format!("{what}, {least} to {most}"),
            Kind::Fraction(most, what) => format!("{what}, up to {most}"),
            Kind::NumberOrTrue(least, most, what) => {
                format!("`true`, or {what}, {least} to {most}")
            }
            Kind::One(text) => text.what.to_owned(),
            Kind::OneOr(text, of) => format!("{}, or {}", text.what, of.what),
            Kind::Some(text) => format!("{}, or a list", text.what),
            Kind::SomeOrNone(text) => format!("{}, a list, or `none`", text.what),
            Kind::Ports => "port, range like `8000-8010`, or a list".to_owned(),
            Kind::Two(text) => format!("two times {}", text.what),
            Kind::Named(_, of) => format!("mapping, each {}", of.what),
            Kind::Texts(_, text) => format!("mapping, each {}", text.what),
            Kind::Of(of) => of.what.to_owned(),
            Kind::Listed(of) => format!("list, each {}", of.what),
            Kind::Shortened(text, of) => format!("list, each {}, or {}", text.what, of.what),
        }
    }
}

impl Key {
    pub(super) fn is_required(&self) -> bool {
        matches!(self.default, Default::Required(_))
    }
}

impl Mapping {
    /// The names of its keys.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        self.keys.iter().map(|key| key.name)
    }

    /// The key of this name.
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}
