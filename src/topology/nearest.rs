//! "Did you mean": which known word is closest to one that is not known.

/// A question that offers the closest of the known words; else the list of them.
pub(super) fn suggest<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    if let Some(near) = nearest(word, known.clone()) {
        return format!("did you mean `{near}`?");
    }
    // A lab may have a thousand names; the first few show what kind of name is meant.
    let shown: Vec<String> = known.clone().take(12).map(|k| format!("`{k}`")).collect();
    match (shown.len(), known.count()) {
        (0, _) => "there is none".to_owned(),
        (few, all) if few < all => format!("known are {}, ...", shown.join(", ")),
        _ => format!("known are {}", shown.join(", ")),
    }
}

/// The closest known word, if at most a third of the letters differ.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(far, candidate)| *far <= word.len().max(candidate.len()).div_ceil(3))
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance: how many letters to insert, delete or replace.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("lan", "lan"), 0);
    }

    #[test]
    fn only_close_words_are_suggested() {
        let keys = ["interfaces", "routes", "forward"];
        assert_eq!(nearest("interface", keys.into_iter()), Some("interfaces"));
        assert_eq!(nearest("gateway", keys.into_iter()), None);
    }
}
