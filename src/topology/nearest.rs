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
    const SHOWN: usize = 20;
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
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = |candidate: &str| word.len().max(candidate.len()).div_ceil(3);
    let letters: Vec<char> = word.chars().collect();
    let (mut other, mut rows) = (Vec::new(), Vec::new());
    let mut best: Option<(usize, &str)> = None;
    // The lengths alone may say that it is far, without a look at each letter.
    for candidate in known.filter(|other| word.len().abs_diff(other.len()) <= near(other)) {
        other.clear();
        other.extend(candidate.chars());
        let far = distance(&letters, &other, &mut rows);
        // Of a word of one letter nothing is left.
        let fits = far <= near(candidate) && far < letters.len().max(other.len());
        if fits && best.is_none_or(|best| (far, candidate) < best) {
            best = Some((far, candidate));
        }
        // None is closer: a known word is not asked for.
        if fits && far == 1 {
            break;
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// How many letters to insert, delete, replace or swap with the next one
/// (the optimal string alignment distance). `rows` is room for it, used again each time: a
/// file may have thousands of words for thousands of others.
fn distance(from: &[char], to: &[char], rows: &mut Vec<usize>) -> usize {
    let width = to.len() + 1;
    rows.clear();
    rows.extend(0..width);
    for (i, letter) in from.iter().enumerate() {
        let above = i * width;
        rows.push(i + 1);
        for (j, other) in to.iter().enumerate() {
            let replaced = rows[above + j] + usize::from(letter != other);
            let mut least = replaced.min(rows[above + j + 1] + 1);
            least = least.min(rows[above + width + j] + 1);
            let swapped = i > 0 && j > 0 && *letter == to[j - 1] && from[i - 1] == *other;
            if swapped {
                least = least.min(rows[above - width + j - 1] + 1);
            }
            rows.push(least);
        }
    }
    rows[from.len() * width + to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let distance = |from: &str, to: &str| {
            let [from, to] = [from, to].map(|word| word.chars().collect::<Vec<char>>());
            distance(&from, &to, &mut Vec::new())
        };
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("lna", "lan"), 1);
        assert_eq!(distance("xlna", "lan"), 2);
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
