//! `docs/errors.md`: what each code means, with a picture of it.

use std::fs;
use std::path::PathBuf;

use libtest_mimic::Failed;
use netyard::report::{self, Code, SECTIONS, codes};

use crate::{cases, compare, files, root, text_of};

const HEAD: &str = "\
# Errors

Every error has a code: a word that keeps its meaning from version to version, and
that is found by a search. In text it stands in brackets; with `--json` an error is
printed on standard output as an object:

```json
{
  \"error\": {
    \"code\": \"next-hop-unreachable\",
    \"message\": \"what went wrong\",
    \"object\": \"route 10.9.0.0/16 via 10.0.9.1 dev eth0\",
    \"namespace\": \"one\",
    \"command\": \"ip -n one route add ...\",
    \"because\": \"why the operation was planned\",
    \"kernel\": { \"errno\": 101, \"text\": \"the kernel's own words\" },
    \"cause\": \"what most often lies behind it\",
    \"notes\": [\"what had been done was undone\"],
    \"next\": \"what to do now\",
    \"problems\": [
      { \"code\": \"unknown-key\", \"message\": \"...\", \"line\": 4, \"column\": 3, \"label\": \"...\", \"hint\": \"...\" }
    ]
  }
}
```

What is not known is left out. `problems` are the mistakes of a file (`bad-file`), or
what is in the way on the host (`conflict`), each with its own code. The exit code is
the same with and without `--json`: 1 when something could not be done or is not as
expected, 2 when the command line or the file is wrong, 130 when it was interrupted.

`netyard errors CODE` prints the same as this page, which is made from the code.
";

/// Codes that stand for several others, whose example would be too long, or that only
/// the program and the machine give (tests/kernel).
const WITHOUT: [&Code; 5] = [
    codes::BAD_FILE,
    codes::CONFLICT,
    codes::TOO_LARGE,
    codes::NAMESPACE_GONE,
    codes::NO_PRIVATE_WORLD,
];

pub(crate) fn is_current() -> Result<(), Failed> {
    let examples = examples()?;
    let mut text = HEAD.to_owned();
    for (section, codes) in SECTIONS {
        text += &format!("\n## {section}\n");
        for code in *codes {
            text += &entry(code, &examples);
        }
    }
    compare(&root().join("docs/errors.md"), &text)
}

fn entry(code: &Code, examples: &[String]) -> String {
    let Code { word, title, .. } = code;
    let mut text = format!("\n### {word}\n\n{}. {}\n", capital(title), code.means);
    if !code.cause.is_empty() {
        text += &format!("\nLikely cause: {}.\\\n", code.cause);
    } else {
        text += "\n";
    }
    text += &format!("What to do: {}.\n", code.fix);
    if let Some(example) = example(code, examples) {
        text += &format!("\n```\n{example}\n```\n");
    }
    text
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

/// The shortest picture with this code.
fn example<'e>(code: &Code, examples: &'e [String]) -> Option<&'e String> {
    let head = format!("error[{}]:", code.word);
    let shown = examples.iter().filter(|example| example.starts_with(&head));
    shown.min_by_key(|example| example.len())
}

/// Every picture of the golden files: of bad files, conflicts, and this test's.
fn examples() -> Result<Vec<String>, Failed> {
    let mut paths = files(&root().join("tests/parse/invalid"));
    let plans = files(&root().join("tests/plan"));
    paths.extend(plans.iter().map(|case| case.join("error.txt")));
    let text = |path: &&PathBuf| path.extension().is_some_and(|e| e == "txt") && path.exists();
    let own = cases::all().into_iter().map(|(_, error)| text_of(&error));
    let mut texts: Vec<String> = own.collect();
    for path in paths.iter().filter(text) {
        texts.push(fs::read_to_string(path)?);
    }
    let mut all = Vec::new();
    for pictures in texts {
        all.extend(pictures.split("\n\n").map(|one| one.trim_end().to_owned()));
    }
    Ok(all)
}

/// What is not shown anywhere is not tested anywhere.
pub(crate) fn all_shown() -> Result<(), Failed> {
    let examples = examples()?;
    let (program, rest) = SECTIONS.split_last().expect("sections");
    assert_eq!(program.0, "From the command line", "tests/cli shows these");
    let hidden = rest.iter().flat_map(|(_, codes)| codes.iter());
    let hidden: Vec<&str> = hidden
        .filter(|code| !WITHOUT.contains(code) && example(code, &examples).is_none())
        .map(|code| code.word)
        .collect();
    match hidden.is_empty() {
        true => Ok(()),
        false => Err(format!("no golden text shows {}", hidden.join(", ")).into()),
    }
}

pub(crate) fn words() -> Result<(), Failed> {
    let mut seen = Vec::new();
    for code in report::all() {
        let plain = |c: char| c.is_ascii_lowercase() || c == '-' || c == '6';
        assert!(code.word.chars().all(plain), "{}", code.word);
        assert!(!seen.contains(&code.word), "{} is there twice", code.word);
        assert!(
            code.means.ends_with(['.', ')']),
            "{}: {}",
            code.word,
            code.means
        );
        for half in [code.title, code.cause, code.fix] {
            assert!(!half.ends_with('.'), "{}: {half}", code.word);
        }
        seen.push(code.word);
    }
    Ok(())
}
