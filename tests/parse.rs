//! What a person sees who writes a file wrong: each `tests/parse/invalid/CASE.yaml`
//! with its `CASE.txt`, a test of its own. `NETYARD_BLESS=1` rewrites the texts.
//! And each example must be right.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use netyard::ipam::Leases;
use netyard::report::Look;
use netyard::topology::{parse, resolve};

/// A terminal without colours.
const LOOK: Look = Look {
    styled: false,
    width: Some(80),
};

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut trials = Vec::new();
    for case in files(&root.join("tests/parse/invalid"), "yaml") {
        let name = format!("invalid/{}", stem(&case));
        trials.push(Trial::test(name, move || invalid(&case)));
    }
    for example in files(&root.join("examples"), "yaml") {
        let name = format!("example/{}", stem(&example));
        trials.push(Trial::test(name, move || valid(&example)));
    }
    let invalid = root.join("tests/parse/invalid");
    trials.push(Trial::test("no_orphans", move || orphans(&invalid)));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn invalid(case: &Path) -> Result<(), Failed> {
    let text = fs::read_to_string(case)?;
    let Err(error) = parse(&text) else {
        return Err("the file is valid".into());
    };
    let origin = format!("{}.yaml", stem(case));
    let drawn = format!("{}\n", error.render(&origin, LOOK));
    for problem in error.problems() {
        assert!(problem.line >= 1 && problem.column >= 1, "{problem:?}");
    }
    golden(&case.with_extension("txt"), &drawn)
}

fn golden(path: &Path, actual: &str) -> Result<(), Failed> {
    if std::env::var_os("NETYARD_BLESS").is_some() {
        return Ok(fs::write(path, actual)?);
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == actual {
        return Ok(());
    }
    Err(format!("{}:\n{actual}\nexpected:\n{expected}", path.display()).into())
}

fn valid(example: &Path) -> Result<(), Failed> {
    let topology = parse(&fs::read_to_string(example)?)?;
    let (state, leases) = resolve(&topology, &Leases::default())?;
    assert_eq!(resolve(&topology, &leases)?, (state, leases));
    Ok(())
}

fn orphans(folder: &Path) -> Result<(), Failed> {
    for text in files(folder, "txt") {
        if !text.with_extension("yaml").exists() {
            return Err(format!("{} has no .yaml", text.display()).into());
        }
    }
    let known = |path: &Path| {
        matches!(
            path.extension().and_then(|e| e.to_str()),
            Some("yaml" | "txt")
        )
    };
    let stray = entries(folder).into_iter().find(|path| !known(path));
    stray.map_or(Ok(()), |path| {
        Err(format!("{} is no case", path.display()).into())
    })
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut all = entries(folder);
    all.retain(|path| path.extension().is_some_and(|e| e == extension));
    all
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder of the cases is in the repository");
    let mut all: Vec<PathBuf> = entries
        .map(|entry| entry.expect("readable").path())
        .collect();
    all.sort();
    all
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}
