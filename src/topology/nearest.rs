//! "Did you mean": which known word is closest to one that is not known.

/// A question that offers the closest of the known words; else the list of them,
/// begun with these words.
pub(super) fn suggest<'a>(
    word: &str,
    intro: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> String {
    if let Some(near) = nearest(word, known.clone()) {
        return format!("did you mean `{near}`?");
    }
    match known.clone().next() {
        Some(_) => format!("{intro} {}", list(known)),
        None => "the file has none".to_owned(),
    }
}

/// "`a`, `b`": a lab may have a thousand names, of which the first few show what kind
/// of name is meant.
pub(super) fn list<'a>(known: impl Iterator<Item = &'a str> + Clone) -> String {
    const SHOWN: usize = 16;
    let shown: Vec<String> = known
        .clone()
        .take(SHOWN)
        .map(|k| format!("`{k}`"))
        .collect();
    match shown.as_slice() {
        [] => "none".to_owned(),
        _ if known.count() <= SHOWN => shown.join(", "),
        _ => format!("{}, ...", shown.join(", ")),
    }
}

/// The closest known word, if at most a third of the letters differ.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = |candidate: &str| word.len().max(candidate.len()).div_ceil(3);
    known
        // The lengths alone may say that it is far, without a look at each letter.
        .filter(|candidate| word.len().abs_diff(candidate.len()) <= near(candidate))
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(far, candidate)| *far <= near(candidate))
        // Of a word of one letter nothing is left.
        .filter(|(far, candidate)| *far < word.chars().count().max(candidate.chars().count()))
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters to insert, delete, replace or swap with the next one
/// (the optimal string alignment distance).
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![(0..=to.len()).collect::<Vec<usize>>()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            let swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
            if swapped {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("lna", "lan"), 1);
        assert_eq!(distance("lan", "lan"), 0);
    }

    #[test]
    fn only_close_words_are_suggested() {
        let keys = ["interfaces", "routes", "forward"];
        assert_eq!(nearest("interface", keys.into_iter()), Some("interfaces"));
        assert_eq!(nearest("gateway", keys.into_iter()), None);
        assert_eq!(nearest("b", ["a"].into_iter()), None);
        assert_eq!(nearest("ab", ["a"].into_iter()), Some("a"));
    }
}
