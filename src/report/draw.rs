//! The picture of an error: like a compiler's, with the line and a marker where
//! there is a file, and with cause and next step below.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str};

use super::wrap::wrap;
use super::{Code, Detail, Place, Report};

/// How a picture looks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look {
    /// With colours.
    pub styled: bool,
    /// Columns of the terminal; `None`: lines are as long as they are.
    pub width: Option<usize>,
}

/// A title has at least this much room beside its code.
const NARROWEST: usize = 24;

impl Report {
    /// The whole error: one picture, or one for each of its problems.
    pub fn draw(&self, look: Look) -> String {
        if self.problems.is_empty() {
            return look.render(self.alone(look));
        }
        let mut drawn = String::new();
        for (i, problem) in self.problems.iter().enumerate() {
            // What helps against several conflicts is said once, below the last of them.
            let following = self.problems.get(i + 1);
            let same = following.is_some_and(|next| next.hint == problem.hint);
            let said_below = same && problem.place.is_none();
            let Some(group) = self.detail(problem, said_below, look) else {
                drawn += &format!("and {} more\n", self.problems.len() - i);
                break;
            };
            drawn += &self.placed(look.render(group), problem);
            drawn += if said_below { "\n" } else { "\n\n" };
        }
        drawn += &self.notes.join("\n");
        drawn.trim_end().to_owned()
    }

    /// A single error with all that is known of it.
    fn alone(&self, look: Look) -> Group<'_> {
        let mut group = look.group(self.code, &self.message);
        // Where the kernel has no sentence of its own, the message says it already.
        let sentence = self.kernel.as_ref().map(|kernel| &kernel.text);
        let sentence = sentence.filter(|text| !self.message.ends_with(*text));
        let said = [
            ("kernel", sentence),
            ("command", self.command.as_ref()),
            ("because", self.because.as_ref()),
            ("cause", self.cause.as_ref()),
        ];
        let notes = self.notes.iter().map(|note| ("note", Some(note)));
        let help = ("help", self.next.as_ref());
        for (name, text) in said.into_iter().chain(notes).chain([help]) {
            if let Some(text) = text {
                group = look.say(group, name, text);
            }
        }
        group
    }

    /// One of several; `None` where the pictures of a file end.
    fn detail<'r>(&'r self, detail: &'r Detail, said_below: bool, look: Look) -> Option<Group<'r>> {
        let mut group = look.group(detail.code, &detail.message);
        let mut label = None;
        if let Some(place) = &detail.place {
            let (snippet, beside) = self.snippet(place, look)?;
            group = group.element(snippet);
            label = place.label.as_ref().filter(|_| !beside);
        }
        if let Some(label) = label {
            group = look.say(group, "note", label);
        }
        match &detail.hint {
            Some(hint) if !said_below => Some(look.say(group, "help", hint)),
            _ => Some(group),
        }
    }

    /// With the column in the file: the renderer counts from where the text begins
    /// that it was given, which of a long line is a part.
    fn placed(&self, drawn: String, detail: &Detail) -> String {
        let (Some(file), Some(place)) = (&self.file, &detail.place) else {
            return drawn;
        };
        let at = |column| format!("{file}:{}:{column}", place.line);
        drawn.replacen(&at(place.shown_column()), &at(place.column), 1)
    }

    /// The line with the marker, and whether the label has room beside it.
    fn snippet<'r>(
        &'r self,
        place: &'r Place,
        look: Look,
    ) -> Option<(Snippet<'r, annotate_snippets::Annotation<'r>>, bool)> {
        let (line, span) = place.picture.as_ref()?;
        let label = place.label.as_deref().unwrap_or_default();
        let margin = place.line.to_string().len() + " | ".len();
        let marked = line.get(span.clone()).unwrap_or_default();
        let end = place.shown_column() + marked.chars().count() + label.chars().count();
        let beside = look.width.is_none_or(|width| margin + end <= width);
        let mark = AnnotationKind::Primary.span(span.clone());
        let mark = mark.label(place.label.as_deref().filter(|_| beside));
        let snippet = Snippet::source(line).line_start(place.line);
        let snippet = snippet.path(self.file.as_deref()).annotation(mark);
        Some((snippet, beside))
    }
}

impl Place {
    /// The column in what is shown of the line.
    fn shown_column(&self) -> usize {
        let shown = self
            .picture
            .as_ref()
            .map(|(text, mark)| &text[..mark.start]);
        shown.map_or(0, |before| before.chars().count()) + 1
    }
}

impl Look {
    fn group(self, code: &'static Code, message: &str) -> Group<'static> {
        let before = "error[]: ".len() + code.word.len();
        let title = self.wrapped(message, before);
        Group::with_title(Level::ERROR.primary_title(title).id(code.word))
    }

    /// A line below: ` = help: ...`.
    fn say<'r>(self, group: Group<'r>, name: &'r str, text: &str) -> Group<'r> {
        let text: Vec<String> = text.lines().map(normalize_untrusted_str).collect();
        let text = self.wrapped(&text.join("\n"), name.len() + "   = : ".len());
        group.element(Level::NOTE.with_name(name).message(text))
    }

    fn wrapped(self, text: &str, before: usize) -> String {
        match self.width {
            Some(width) => wrap(text, width.saturating_sub(before).max(NARROWEST)),
            None => text.to_owned(),
        }
    }

    fn render(self, group: Group<'_>) -> String {
        let renderer = match self.styled {
            true => Renderer::styled(),
            false => Renderer::plain(),
        };
        let renderer = match self.width {
            Some(width) => renderer.term_width(width),
            None => renderer,
        };
        let drawn = renderer.render(&[group]);
        // The renderer keeps a line free below a title, for a picture that is not there.
        let bare =
            |line: &&str| !matches!(line.trim_end(), " |" | " \u{1b}[1m\u{1b}[94m|\u{1b}[0m");
        let lines: Vec<&str> = drawn.lines().filter(bare).collect();
        lines.join("\n")
    }
}

/// Without colours.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.draw(Look::default()))
    }
}
