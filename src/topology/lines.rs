//! Where the lines of a text are: looked for once, since a text may have as many
//! mistakes as lines.

use std::ops::Range;

/// Every line as bytes of the text, without the blanks at its end.
pub(super) struct Lines(Vec<Range<usize>>);

impl Lines {
    pub(super) fn new(text: &str) -> Self {
        let mut start = 0;
        let line = |line: &str| {
            let bytes = start..start + line.trim_end().len();
            start += line.len() + 1;
            bytes
        };
        Lines(text.split('\n').map(line).collect())
    }

    /// The number of the line that this byte is on, from 1.
    pub(super) fn number(&self, byte: usize) -> usize {
        self.0.partition_point(|line| line.start <= byte)
    }

    /// The bytes of the line that this byte is on.
    pub(super) fn around(&self, byte: usize) -> Range<usize> {
        let line = self.number(byte).checked_sub(1);
        line.and_then(|i| self.0.get(i)).map_or(0..0, Range::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_on_lines() {
        let lines = Lines::new("ab  \n\r\nß\n");
        assert_eq!(lines.0, [0..2, 5..5, 7..9, 10..10]);
        assert_eq!(
            [0, 4, 5, 6, 7, 9, 10, 99].map(|byte| lines.number(byte)),
            [1, 1, 2, 2, 3, 3, 4, 4]
        );
        assert_eq!((lines.around(3), lines.around(8)), (0..2, 7..9));
        assert_eq!(Lines::new("").around(0), 0..0);
    }
}
