//! What reaches what: a square as wide as the terminal allows, and the causes of
//! what did not arrive.

use std::collections::{BTreeMap, BTreeSet};

use netyard::probe::Seen;
use netyard::report::wrap;
use netyard::state::Netns;

use super::Row;
use crate::cli::output::{BAD, BOLD, DIM, GOOD, fits, say, styled};

/// The rows of one pair: IPv4, IPv6.
type Pair<'r> = [Option<&'r Row>; 2];

/// So many causes are told, the most frequent first.
const CAUSES: usize = 10;

pub(super) fn is_reached(row: &Row) -> bool {
    row.outcome.seen == Seen::Reached
}

/// The namespaces and what is known of each two.
struct Matrix<'r> {
    names: Vec<&'r Netns>,
    targets: Vec<&'r Netns>,
    pairs: BTreeMap<(&'r Netns, &'r Netns), Pair<'r>>,
    /// The places of the families that there are: 0 is IPv4, 1 is IPv6.
    families: BTreeSet<usize>,
}

pub(super) fn print(rows: &[Row], width: usize) {
    let matrix = Matrix::new(rows);
    if rows.is_empty() {
        say!("there are no two namespaces with an address of one family");
        return;
    }
    match matrix.drawn(width) {
        Some(lines) => lines.iter().for_each(|line| say!("{line}")),
        None => say!(
            "the matrix of {} namespaces is wider than {width} characters: --json has every pair",
            matrix.names.len()
        ),
    }
    causes(rows, width);
}

impl<'r> Matrix<'r> {
    fn new(rows: &'r [Row]) -> Self {
        let mut pairs: BTreeMap<_, Pair<'r>> = BTreeMap::new();
        let (mut all, mut targets) = (BTreeSet::new(), BTreeSet::new());
        let mut families = BTreeSet::new();
        for row in rows {
            let Some(to) = &row.check.name else { continue };
            let family = usize::from(row.check.to.is_ipv6());
            pairs.entry((&row.check.from, to)).or_default()[family] = Some(row);
            all.extend([&row.check.from, to]);
            targets.insert(to);
            families.insert(family);
        }
        Matrix {
            names: all.into_iter().collect(),
            targets: targets.into_iter().collect(),
            pairs,
            families,
        }
    }

    /// The square and its legend, with names above the columns or, where that is
    /// too wide, numbers; `None` where that is too wide as well.
    fn drawn(&self, width: usize) -> Option<Vec<String>> {
        let name = |netns: &Netns| netns.to_string();
        let by_name: Vec<String> = self.targets.iter().map(|n| name(n)).collect();
        let numbers: Vec<String> = (1..=self.targets.len()).map(|n| n.to_string()).collect();
        let numbered = |netns: &Netns| match self.targets.binary_search(&netns) {
            Ok(at) => format!("{:>3} {netns}", at + 1),
            Err(_) => format!("    {netns}"),
        };
        self.square(&name, &by_name, 2, width)
            .or_else(|| self.square(&numbered, &numbers, 1, width))
    }

    fn square(
        &self,
        label: &dyn Fn(&Netns) -> String,
        heads: &[String],
        gap: usize,
        width: usize,
    ) -> Option<Vec<String>> {
        let corner = "FROM \\ TO";
        let longest = self.names.iter().map(|name| label(name).len()).max()?;
        let first = longest.max(corner.len());
        let cell = self.families.len() + usize::from(self.has_surprise());
        let columns: Vec<usize> = heads.iter().map(|head| head.len().max(cell)).collect();
        if first + columns.iter().map(|column| column + gap).sum::<usize>() > width {
            return None;
        }
        let space = " ".repeat(gap);
        let mut head = format!("{corner:first$}");
        for (name, column) in heads.iter().zip(&columns) {
            head += &format!("{space}{name:column$}");
        }
        let mut lines = vec![styled(BOLD, head.trim_end())];
        for from in &self.names {
            let mut line = format!("{:first$}", label(from));
            for (to, column) in self.targets.iter().zip(&columns) {
                line += &space;
                line += &self.cell(from, to, *column);
            }
            lines.push(line.trim_end().to_owned());
        }
        lines.extend([String::new(), self.legend()]);
        Some(lines)
    }

    fn cell(&self, from: &Netns, to: &Netns, width: usize) -> String {
        let Some(pair) = self.pairs.get(&(from, to)) else {
            return styled(DIM, ".") + &" ".repeat(width - 1);
        };
        let (mut text, mut used, mut bad) = (String::new(), 0, false);
        for (at, family) in self.families.iter().enumerate() {
            let Some(row) = pair[*family] else { continue };
            text += &" ".repeat(at - used);
            used = at + 1;
            bad |= !row.is_expected();
            text += &match is_reached(row) {
                true => styled(GOOD, if *family == 0 { 4 } else { 6 }),
                false if row.is_expected() => styled(DIM, "-"),
                false => styled(BAD, "-"),
            };
        }
        if bad {
            text += &styled(BAD, "!");
            used += 1;
        }
        text + &" ".repeat(width.saturating_sub(used))
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.pairs.values().flatten().flatten().copied()
    }

    fn has_surprise(&self) -> bool {
        self.rows().any(|row| !row.is_expected())
    }

    /// What the marks that are there mean.
    fn legend(&self) -> String {
        let mut marks = vec![match self.families.iter().collect::<Vec<_>>()[..] {
            [0] => "4: by IPv4",
            [1] => "6: by IPv6",
            _ => "4: by IPv4   6: by IPv6",
        }];
        if self.rows().any(|row| !is_reached(row)) {
            marks.push("-: not reached");
        }
        if self.has_surprise() {
            marks.push("!: not as expected");
        }
        marks.push(".: itself, or no common family");
        styled(DIM, marks.join("   "))
    }
}

/// Why pings did not arrive of which nothing is expected, grouped by cause.
fn causes(rows: &[Row], width: usize) {
    let mut groups: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.is_judged()) {
        if let Some(cause) = &row.cause {
            groups.entry(cause).or_default().push(row);
        }
    }
    if groups.is_empty() {
        return;
    }
    let mut groups: Vec<(&str, Vec<&Row>)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));
    say!("\nnot reached, beside what `expect` foresees:");
    for (cause, rows) in groups.iter().take(CAUSES) {
        let cause = wrap(cause, fits().saturating_sub(7));
        say!("{:>5}  {}", rows.len(), cause.replace('\n', "\n       "));
        let some = examples(rows, width.saturating_sub(7));
        say!("       {}", styled(DIM, some));
    }
    let (left, of) = groups
        .iter()
        .skip(CAUSES)
        .fold((0, 0), |(n, of), (_, rows)| (n + 1, of + rows.len()));
    if left > 0 {
        say!("{of:>5}  of {left} more causes: --json has all");
    }
}

/// The pairs, as many as fit.
fn examples(rows: &[&Row], width: usize) -> String {
    let named = rows
        .iter()
        .filter_map(|row| Some((&row.check.from, row.check.name.as_ref()?)));
    let pairs: BTreeSet<(&Netns, &Netns)> = named.collect();
    let (mut text, mut left) = (String::new(), pairs.len());
    for (from, to) in pairs {
        let pair = format!("{from} to {to}");
        let more = if left > 1 { ", ..." } else { "" };
        if !text.is_empty() && text.len() + 2 + pair.len() + more.len() > width {
            return text + ", ...";
        }
        text += if text.is_empty() { "" } else { ", " };
        text += &pair;
        left -= 1;
    }
    text
}
