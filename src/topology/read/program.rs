//! Programs that run in namespaces.

use super::{Item, Problem, Reader, Value};
use crate::report::codes;
use crate::state::{ProgramName, Variable};
use crate::topology::keys::table;
use crate::topology::{CommandLine, Program, Ready};

impl Reader<'_> {
    pub(super) fn program(&mut self, _: &ProgramName, item: &Item<'_>) -> Option<Program> {
        let mut fields = self.fields(item, &table::PROGRAM)?;
        let command = self.required(&mut fields, "command");
        let (directory, output) = (fields.take("directory"), fields.take("output"));
        let env = fields.take("env");
        let (ready, main) = (fields.take("ready"), fields.take("main"));
        Some(Program {
            env: self.entries(env, "environment variables", Self::value_of),
            directory: directory.and_then(|item| self.scalar(&item, "a directory")),
            output: output.and_then(|item| self.scalar(&item, "a file")),
            ready: ready.map_or(Some(Ready::default()), |item| self.ready(&item))?,
            main: main.is_some_and(|item| self.flag(&item).unwrap_or_default()),
            command: self.command(&command?)?,
        })
    }

    fn value_of(&mut self, _: &Variable, item: &Item<'_>) -> Option<String> {
        self.scalar(item, "the value of a variable")
    }

    fn command(&mut self, item: &Item<'_>) -> Option<CommandLine> {
        let is_list = matches!(item.node.value, Value::List(_));
        let words = self.one_or_more(Some(item.clone()), "words", |reader, item| {
            reader.scalar(item, "a line for the shell, or a list of words")
        });
        let command = match is_list {
            true => CommandLine::Words(words),
            false => CommandLine::Shell(words.into_iter().next()?),
        };
        let first = match &command {
            CommandLine::Shell(line) => line.trim(),
            CommandLine::Words(words) => words.first().map_or("", String::as_str),
        };
        if first.is_empty() || command.words().1.iter().any(|word| word.contains('\0')) {
            let problem =
                Problem::new(codes::BAD_PROGRAM, "there is no program", item.span.clone());
            return self.problem(
                problem.hint("write `command: [PROGRAM, ARGUMENT]`, or a line for the shell"),
            );
        }
        Some(command)
    }

    fn ready(&mut self, item: &Item<'_>) -> Option<Ready> {
        let mut fields = self.fields(item, &table::READY)?;
        let (tcp, udp) = (fields.take("tcp"), fields.take("udp"));
        let (text, within) = (fields.take("text"), fields.take("within"));
        Some(Ready {
            tcp: tcp.and_then(|item| self.port(&item)),
            udp: udp.and_then(|item| self.port(&item)),
            text: text.and_then(|item| self.scalar(&item, "a text")),
            within: within
                .and_then(|item| self.parsed(&item, "a time like `10s`", codes::BAD_PROGRAM)),
        })
    }
}
