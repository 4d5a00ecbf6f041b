//! What is wrong with a file, drawn with the line itself and a marker under the
//! bad value.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::check::Flaw;

/// Everything that is wrong with a topology file, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    text: String,
    problems: Vec<Problem>,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// A few words that stand beside the marker.
    pub label: Option<String>,
    /// What to write instead, where that can be said.
    pub hint: Option<String>,
    span: Range<usize>,
}

impl Problem {
    /// A problem with these bytes of the text. Line and column are found later.
    pub(super) fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        Problem {
            line: 0,
            column: 0,
            message: message.into(),
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
            ..Problem::new(flaw.message, span)
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

    /// Moves the span onto characters of the text, and counts lines and columns.
    fn locate(&mut self, text: &str) {
        let start = char_start(text, self.span.start);
        let mut end = self.span.end.clamp(start, text.len());
        // The renderer slices the text here, which must not be inside a character.
        while !text.is_char_boundary(end) {
            end += 1;
        }
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        self.span = start..end;
        self.line = line_of(text, start);
        self.column = text[line_start..start].chars().count() + 1;
    }

    /// The picture of one problem. Drawn one by one: in one picture, problems of
    /// the same line would share a frame and lose their own hints.
    fn draw(&self, text: &str, origin: Option<&str>, renderer: &Renderer) -> String {
        let mark = AnnotationKind::Primary
            .span(self.span.clone())
            .label(self.label.as_deref());
        let snippet = Snippet::source(text).path(origin).annotation(mark);
        let mut group = Level::ERROR.primary_title(&self.message).element(snippet);
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.message(hint));
        }
        renderer.render(&[group])
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

/// The line that this byte is on, from 1.
pub(super) fn line_of(text: &str, byte: usize) -> usize {
    text[..char_start(text, byte)].matches('\n').count() + 1
}

impl ParseError {
    /// Problems in the order of the file, whatever the order they were found in.
    pub(super) fn new(text: &str, mut problems: Vec<Problem>) -> Self {
        for problem in &mut problems {
            problem.locate(text);
        }
        problems.sort_by_key(|problem| problem.span.start);
        ParseError {
            text: text.to_owned(),
            problems,
        }
    }

    /// The mistakes, in the order of the file.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Every mistake with its line, under the file's name; with colours if `styled`.
    pub fn render(&self, origin: &str, styled: bool) -> String {
        let renderer = if styled {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        self.draw(Some(origin), &renderer)
    }

    fn draw(&self, origin: Option<&str>, renderer: &Renderer) -> String {
        let drawn = |problem: &Problem| problem.draw(&self.text, origin, renderer);
        let all: Vec<String> = self.problems.iter().map(drawn).collect();
        all.join("\n\n")
    }
}

/// Without colours and file name; [`ParseError::render`] has both.
impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.draw(None, &Renderer::plain()))
    }
}

impl std::error::Error for ParseError {}
