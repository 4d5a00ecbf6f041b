//! Well-known shapes by a few characters: `tree:2,3`, `star:10`. Each is the text of a topology
//! file, with comments, which a user may change; it has no other way into a kernel than
//! that of any file.

mod build;
mod dumbbell;
mod fat_tree;
mod line;
mod mesh;
mod star;
mod tree;

use std::fmt;
use std::str::FromStr;

use super::draft::Draft;
use super::nearest::nearest;
use crate::state::LabName;

/// A shape of a lab, of a size that can be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    kind: Kind,
    /// The numbers behind the colon.
    size: [usize; 2],
}

/// Why a text is no shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no shape: {reason}")]
pub struct BadShape {
    text: String,
    reason: String,
    /// What to write instead.
    pub hint: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tree,
    Line,
    Star,
    Mesh,
    FatTree,
    Dumbbell,
}

/// Each with its name, and what stands behind the colon.
const KINDS: [(Kind, &str, &str); 6] = [
    (Kind::Tree, "tree", "FANOUT,DEPTH"),
    (Kind::Line, "line", "HOSTS"),
    (Kind::Star, "star", "HOSTS"),
    (Kind::Mesh, "mesh", "HOSTS"),
    (Kind::FatTree, "fat-tree", "PORTS"),
    (Kind::Dumbbell, "dumbbell", "HOSTS_A_SIDE"),
];

/// The most namespaces of a shape: the file is one that can still be read.
const MOST: usize = 4096;

impl Kind {
    fn name(self) -> &'static str {
        let mut all = KINDS.iter();
        let found = all.find(|(kind, ..)| *kind == self);
        found.map_or("", |(_, name, _)| name)
    }

    /// How many numbers it has.
    fn numbers(self) -> usize {
        if self == Kind::Tree { 2 } else { 1 }
    }

    /// Why there is none of this size, and one that there is.
    fn refused(self, [n, depth]: [usize; 2]) -> Option<(String, String)> {
        let outside = |what: &str, most: usize, why: &str| {
            (!(2..=most).contains(&n)).then(|| {
                let near = format!("`{}:{}`", self.name(), n.clamp(2, most));
                let why = if n < 2 { "" } else { why };
                (format!("it has 2 to {most} {what}{why}"), near)
            })
        };
        match self {
            Kind::Tree => tree::refused(n, depth),
            Kind::Line => outside("hosts", line::MOST, ": a packet passes no more routers"),
            Kind::Star => outside("hosts", star::MOST, ": a bridge has no more ports"),
            Kind::Mesh => outside("hosts", mesh::MOST, ", each with a cable to each other"),
            Kind::Dumbbell => outside("hosts on each side", dumbbell::MOST, ""),
            Kind::FatTree if n % 2 == 1 => Some((
                "half of the ports of a switch lead up: their number is even".to_owned(),
                format!("`fat-tree:{}`", (n + 1).min(fat_tree::MOST)),
            )),
            Kind::FatTree => outside("ports on each switch", fat_tree::MOST, ""),
        }
    }
}

impl Shape {
    /// Whether a text is meant to be a shape: nothing else has a colon and then only numbers.
    /// Known or not, it is for [`Shape::from_str`] to say what is wrong with it.
    pub fn is_meant(text: &str) -> bool {
        let numbers = |c: char| c.is_ascii_digit() || c == ',';
        let letters = |c: char| c.is_ascii_alphabetic() || c == '-' || c == '_';
        text.split_once(':').is_some_and(|(name, size)| {
            let known = KINDS.iter().any(|(_, known, _)| *known == name);
            known || !name.is_empty() && name.chars().all(letters) && size.chars().all(numbers)
        })
    }

    /// What a lab of this shape is called: `tree-2-3`.
    pub fn lab(&self) -> LabName {
        let name = self.to_string().replace([':', ','], "-");
        name.parse().expect("letters, digits and `-` are a name")
    }

    /// The topology file of a lab of this name.
    pub fn file(&self, lab: &LabName) -> String {
        let (n, depth) = (self.size[0], self.size[1]);
        let mut draft = Draft::new(lab.clone());
        match self.kind {
            Kind::Tree => tree::build(&mut draft, n, depth),
            Kind::Line => line::build(&mut draft, n),
            Kind::Star => star::build(&mut draft, n),
            Kind::Mesh => mesh::build(&mut draft, n),
            Kind::FatTree => fat_tree::build(&mut draft, n),
            Kind::Dumbbell => dumbbell::build(&mut draft, n),
        }
        draft.text()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.size[0])?;
        match self.kind.numbers() {
            2 => write!(f, ",{}", self.size[1]),
            _ => Ok(()),
        }
    }
}

impl FromStr for Shape {
    type Err = BadShape;

    fn from_str(text: &str) -> Result<Self, BadShape> {
        let bad = |(reason, right): (String, String)| BadShape {
            text: text.to_owned(),
            reason,
            hint: format!("write {right}"),
        };
        let (name, size) = text.split_once([':', ',']).unwrap_or((text, ""));
        let known = KINDS.iter().find(|(_, known, _)| *known == name);
        if let Some(right) = of_mininet(name, size).filter(|_| !text.contains(':')) {
            return Err(bad(("Mininet spells it so".to_owned(), right)));
        }
        let Some((kind, _, form)) = known else {
            return Err(bad(unknown(name)));
        };
        let numbers: Result<Vec<usize>, _> = size.split(',').map(str::parse).collect();
        let size = match (text.contains(':'), numbers.as_deref()) {
            (true, Ok([n])) if kind.numbers() == 1 => [*n, 0],
            (true, Ok([n, depth])) if kind.numbers() == 2 => [*n, *depth],
            _ => {
                let reason = format!("behind `{name}:` stands {form}");
                return Err(bad((reason, example(*kind))));
            }
        };
        match kind.refused(size) {
            Some(why) => Err(bad(why)),
            None => Ok(Shape { kind: *kind, size }),
        }
    }
}

/// One of a kind.
fn example(kind: Kind) -> String {
    let size = if kind == Kind::Tree { "3,2" } else { "4" };
    format!("`{}:{size}`", kind.name())
}

fn unknown(name: &str) -> (String, String) {
    let reason = format!("there is none that is called `{name}`");
    let near = nearest(name, KINDS.iter().map(|(_, name, _)| *name));
    let all = KINDS
        .iter()
        .filter(|(_, name, _)| near.is_none_or(|near| near == *name));
    let all: Vec<String> = all.map(|(kind, ..)| example(*kind)).collect();
    (reason, all.join(" or "))
}

/// What Mininet's `tree,depth=2,fanout=3`, `linear,4`, `single,3`, `minimal` are here.
fn of_mininet(name: &str, size: &str) -> Option<String> {
    let mut numbers = [None; 2];
    for (at, word) in size.split(',').filter(|word| !word.is_empty()).enumerate() {
        let (key, value) = word.split_once('=').unwrap_or(("", word));
        let at = match key {
            "depth" | "k" => 0,
            "fanout" | "n" => 1,
            _ => at,
        };
        *numbers.get_mut(at)? = Some(value.parse::<usize>().ok()?);
    }
    let [first, second] = numbers;
    match name {
        "minimal" => Some("`star:2`".to_owned()),
        "single" | "reversed" => Some(format!("`star:{}`", first.unwrap_or(2))),
        "linear" => Some(format!("`line:{}`", first.unwrap_or(2))),
        "tree" => {
            let (depth, fanout) = (first.unwrap_or(1), second.unwrap_or(2));
            Some(format!("`tree:{fanout},{depth}`: the fanout stands first"))
        }
        _ => None,
    }
}
