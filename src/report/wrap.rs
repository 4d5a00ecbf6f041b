//! Lines that fit a terminal.

/// Breaks lines at blanks so that none is wider than this, where that can be done.
/// What stands in backticks stays together, and so does a line that begins with a
/// blank: it is there to be copied.
pub fn wrap(text: &str, width: usize) -> String {
    let lines: Vec<String> = text.lines().map(|line| fill(line, width)).collect();
    lines.join("\n")
}

fn fill(line: &str, width: usize) -> String {
    if line.starts_with(' ') {
        return line.to_owned();
    }
    let (mut filled, mut used) = (String::new(), 0);
    for word in words(line) {
        let wide = word.chars().count();
        if used > 0 && used + 1 + wide > width {
            filled.push('\n');
            used = 0;
        } else if used > 0 {
            filled.push(' ');
            used += 1;
        }
        filled += word;
        used += wide;
    }
    filled
}

/// The words of a line; blanks between backticks do not part words.
fn words(line: &str) -> Vec<&str> {
    let mut quoted = false;
    let parts = move |letter: char| {
        quoted ^= letter == '`';
        letter == ' ' && !quoted
    };
    line.split(parts).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_stay_in_one_piece() {
        let text = "one two `three four five` six";
        assert_eq!(wrap(text, 12), "one two\n`three four five`\nsix");
        assert_eq!(wrap(text, 80), text);
        assert_eq!(wrap("a\nb c", 2), "a\nb\nc");
        assert_eq!(wrap("a\n  b c", 2), "a\n  b c");
    }
}
