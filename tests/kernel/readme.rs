//! README.md shows what happens: its commands are run, and what it shows under them
//! is what they say, but for times.

use std::fs;

use regex_lite::Regex;

use crate::sandbox::{example, sh};
use crate::typed::{CLEAR, Typed};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![test("readme::its commands say what it shows", commands)]
}

fn commands() {
    fs::create_dir_all("/run/readme/examples").expect("a directory");
    fs::copy(example("three.yaml"), "/run/readme/examples/three.yaml").expect("the example");
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = fs::read_to_string(readme).expect("README.md");
    let program = env!("CARGO_BIN_EXE_netyard");
    let mut count = 0;
    for (command, shown) in shown(&readme) {
        if command.contains("with another address") {
            sh("sed -i s/10.0.0.20/10.0.0.21/ /run/readme/examples/three.yaml");
        }
        let arguments = command.strip_prefix("netyard ").expect("a command");
        let script = format!("cd /run/readme; NO_COLOR=1 exec {program} {arguments}");
        let mut typed = Typed::start(&["/bin/sh", "-c", &script]);
        let mut said = String::new();
        if shown.ends_with("[y/N]") {
            said = typed.sees("[y/N] ");
            typed.keys("n\n");
        }
        said += &typed.end().0;
        let (said, shown) = (plain(&said), plain(&shown));
        assert!(
            said.starts_with(&shown),
            "{command}:\n{said}\nin README.md:\n{shown}"
        );
        count += usize::from(!shown.is_empty());
    }
    assert!(count > 5, "only {count} commands were found");
}

/// The commands in the blocks of a text, each with what is shown under it.
fn shown(text: &str) -> Vec<(String, String)> {
    // Every other piece is a block; without a language its first line is a command.
    let blocks = text.split("\n```").skip(1).step_by(2);
    let commands = blocks.filter(|block| block.starts_with("\n$ "));
    let commands = commands.flat_map(|block| block.split("\n$ ").skip(1));
    let parts = commands.map(|one| one.split_once('\n').unwrap_or((one, "")));
    parts
        .map(|(command, shown)| (command.to_owned(), shown.to_owned()))
        .collect()
}

/// As it stands at the end, without times and the widths of columns that depend on them.
fn plain(text: &str) -> String {
    let times = Regex::new("[0-9.]+ ms").expect("a pattern");
    let text = times.replace_all(text, "T ms");
    // Where a bar was cleared, the line begins anew.
    let last = text.lines().filter_map(|line| line.rsplit(CLEAR).next());
    let words = last.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    words.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}
