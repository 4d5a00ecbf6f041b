//! What is wrong with a file, drawn with the line itself and a marker under the
//! bad value.

use std::fmt;
use std::ops::Range;

use super::check::Flaw;
use super::lines::Lines;
use super::wireguard::hide_keys;
use crate::report::{Code, Detail, Look, Place, Report, codes};

/// How many mistakes are drawn: who makes more has made the same one many times.
const DRAWN: usize = 20;

/// How many characters of a long line are shown before the mark, and from it on:
/// more than the renderer's width.
const SHOWN_AROUND: usize = 150;

/// How many characters are marked at most.
const MARKED: usize = 80;

/// Everything that is wrong with a topology file, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    text: String,
    problems: Vec<Problem>,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind of mistake it is.
    pub code: &'static Code,
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// A few words that stand beside the marker.
    pub label: Option<String>,
    /// What to write instead, where more can be said than the code says.
    pub hint: Option<String>,
    span: Range<usize>,
}

impl Problem {
    /// A problem with these bytes of the text. Line and column are found later.
    pub(super) fn new(code: &'static Code, message: impl Into<String>, span: Range<usize>) -> Self {
        Problem {
            code,
            line: 0,
            column: 0,
            message: cut(message.into()),
            label: None,
            hint: None,
            span,
        }
    }

    /// A flaw of the topology, at the bytes that its place was written with.
    pub(super) fn from_flaw(span: Range<usize>, flaw: Flaw) -> Self {
        Problem {
            label: flaw.label,
            hint: flaw.hint,
            ..Problem::new(flaw.code, flaw.message, span)
        }
    }

    /// Words beside the marker: the fact that makes the value wrong.
    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Words below: what to write.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn detail(&self, drawn: Option<&str>) -> Detail {
        let picture = drawn.map(|text| {
            let (shown, mark) = self.window(text);
            let mark = mark.start - shown.start..mark.end - shown.start;
            (text[shown].to_owned(), mark)
        });
        let place = Place {
            line: self.line,
            column: self.column,
            label: self.label.clone(),
            picture,
        };
        let hint = self.hint.as_deref().unwrap_or(self.code.fix);
        Detail {
            place: Some(place),
            hint: Some(hint.to_owned()),
            ..Detail::new(self.code, &self.message)
        }
    }

    /// The bytes of the line to show and to mark. Of a long line only what is near
    /// the mark: the renderer shows no more, but would go through all of it.
    fn window(&self, text: &str) -> (Range<usize>, Range<usize>) {
        let (before, after) = text.split_at(self.span.start);
        let in_line = |(_, c): &(usize, char)| !matches!(c, '\n' | '\r');
        let before = before.char_indices().rev().take_while(in_line);
        let start = before.take(SHOWN_AROUND).last();
        let after = after.char_indices().take_while(in_line);
        let ends = after.map(|(at, c)| self.span.start + at + c.len_utf8());
        let end = ends.clone().take(SHOWN_AROUND).last();
        let marked = ends.take(MARKED).take_while(|end| *end <= self.span.end);
        let shown = start.map_or(self.span.start, |(at, _)| at)..end.unwrap_or(self.span.start);
        (
            shown,
            self.span.start..marked.last().unwrap_or(self.span.start),
        )
    }
}

/// A message as long as can be read: its beginning, and its end with the reason.
fn cut(message: String) -> String {
    const START: usize = 120;
    const END: usize = 80;
    let start = message.char_indices().nth(START).map(|(at, _)| at);
    let end = message.char_indices().nth_back(END).map(|(at, _)| at);
    match (start, end) {
        (Some(start), Some(end)) if start < end => {
            format!("{}...{}", &message[..start], &message[end..])
        }
        _ => message,
    }
}

/// The beginning of the character that this byte belongs to. The places come from
/// the YAML reader, and a mistake of its shall not become a panic of ours.
pub(super) fn char_start(text: &str, byte: usize) -> usize {
    let mut start = byte.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    start
}

impl ParseError {
    /// Problems in the order of the file, whatever the order they were found in.
    pub(super) fn new(text: &str, mut problems: Vec<Problem>) -> Self {
        let lines = Lines::new(text);
        for Problem { span, .. } in &mut problems {
            let start = char_start(text, span.start);
            *span = start..span.end.max(start);
        }
        problems.sort_by_key(|problem| problem.span.start);
        // Columns are counted on from the problem before: all may be on one line.
        let (mut byte, mut column) = (0, 1);
        for problem in &mut problems {
            let start = problem.span.start;
            let line_start = lines.around(start).start;
            if byte < line_start {
                (byte, column) = (line_start, 1);
            }
            column += text[byte..start].chars().count();
            byte = start;
            (problem.line, problem.column) = (lines.number(start), column);
        }
        ParseError {
            text: text.to_owned(),
            problems,
        }
    }

    /// The mistakes, in the order of the file.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The same for people and programs, under the file's name. Of many, only the
    /// first are drawn.
    pub fn report(&self, file: &str) -> Report {
        Report {
            file: Some(file.to_owned()),
            ..self.nameless()
        }
    }

    fn nameless(&self) -> Report {
        // In the whole: of a long line only a part is shown, which may begin within a key.
        let text = hide_keys(&self.text);
        let detail =
            |(i, problem): (usize, &Problem)| problem.detail((i < DRAWN).then_some(text.as_str()));
        let message = match self.problems.len() {
            1 => "the file has a mistake".to_owned(),
            many => format!("the file has {many} mistakes"),
        };
        Report {
            problems: self.problems.iter().enumerate().map(detail).collect(),
            ..Report::new(codes::BAD_FILE, message)
        }
    }

    /// The mistakes with their lines, under the file's name.
    pub fn render(&self, file: &str, look: Look) -> String {
        self.report(file).draw(look)
    }
}

/// Without colours and file name; [`ParseError::render`] has both.
impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nameless().fmt(f)
    }
}

impl std::error::Error for ParseError {}
