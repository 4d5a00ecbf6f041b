//! Which words of the command line are places, and which are the filter.

use netyard::capture::Where;
use netyard::state::{End, Netns};

/// The places come first; what is none begins the filter. `host` is a place, and a word of
/// filters: behind another place, and before something that is none, it is the latter.
pub(super) fn split<'w>(
    words: &'w [String],
    lab_given: bool,
    there: &dyn Fn(&Netns) -> bool,
) -> (Vec<Where>, &'w [String]) {
    let place = |word: &String| place(word).filter(|(netns, _)| there(netns));
    let mut places = Vec::new();
    for (number, word) in words.iter().enumerate() {
        let follows = number > 0 || lab_given;
        let next = words.get(number + 1);
        let is_filter = follows && word == "host" && next.is_some_and(|next| place(next).is_none());
        match place(word) {
            Some(found) if !is_filter => places.push(found),
            _ => return (places, &words[number..]),
        }
    }
    (places, &[])
}

/// `NAMESPACE` or `NAMESPACE:INTERFACE`.
pub(super) fn place(word: &str) -> Option<Where> {
    if word.contains(':') {
        let end: End = word.parse().ok()?;
        return Some((end.netns, Some(end.dev)));
    }
    Some((word.parse().ok()?, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the namespaces `one` and `two`.
    fn said(line: &str, lab_given: bool) -> (Vec<String>, String) {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let there = |netns: &Netns| ["host", "one", "two"].contains(&netns.to_string().as_str());
        let (places, filter) = split(&words, lab_given, &there);
        let places = places.into_iter().map(|(netns, dev)| match dev {
            Some(dev) => format!("{netns}:{dev}"),
            None => netns.to_string(),
        });
        (places.collect(), filter.join(" "))
    }

    #[test]
    fn places_end_where_the_filter_begins() {
        for (line, places, filter) in [
            ("one", &["one"][..], ""),
            ("one two:eth0 icmp", &["one", "two:eth0"], "icmp"),
            ("one udp port 9", &["one"], "udp port 9"),
            ("one tow icmp", &["one"], "tow icmp"),
            ("host icmp", &["host"], "icmp"),
            ("host one", &["host", "one"], ""),
            ("one host", &["one", "host"], ""),
            ("one host two", &["one", "host", "two"], ""),
            ("one host 10.0.0.1", &["one"], "host 10.0.0.1"),
            (
                "one ether host aa:bb:cc:dd:ee:ff",
                &["one"],
                "ether host aa:bb:cc:dd:ee:ff",
            ),
            ("nobody icmp", &[], "nobody icmp"),
        ] {
            let places: Vec<String> = places.iter().map(|&place| place.to_owned()).collect();
            assert_eq!(said(line, false), (places, filter.to_owned()), "{line}");
        }
    }

    #[test]
    fn with_a_lab_a_filter_may_stand_alone() {
        assert_eq!(
            said("host 10.0.0.1", true),
            (vec![], "host 10.0.0.1".to_owned())
        );
        assert_eq!(said("host", true), (vec!["host".to_owned()], String::new()));
    }
}
