//! What a person and a program are told when the kernel, the host or another lab
//! says no: each error in `tests/errors/CASE.txt` as text and `CASE.json` as JSON.
//! And `docs/errors.md`, which is made from the codes and from the golden texts of
//! this and other tests. `NETYARD_BLESS=1` rewrites all of them.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "errors/capture.rs"]
mod capture;
#[path = "errors/cases.rs"]
mod cases;
#[path = "errors/document.rs"]
mod document;
#[path = "errors/external.rs"]
mod external;
#[path = "errors/joined.rs"]
mod joined;
#[path = "errors/programs.rs"]
mod programs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use netyard::error::Error;
use netyard::report::Look;

/// A terminal without colours.
const LOOK: Look = Look {
    styled: false,
    width: Some(80),
};

fn main() -> ExitCode {
    let mut trials = vec![
        Trial::test("the document is made from the code", document::is_current),
        Trial::test("every code is shown by a golden text", document::all_shown),
        Trial::test("codes are words, each there once", document::words),
        Trial::test("no case without its error", no_strays),
    ];
    for (name, error) in cases::all() {
        trials.push(Trial::test(name, move || case(name, &error)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn case(name: &str, error: &Error) -> Result<(), Failed> {
    let report = error.report();
    assert_eq!(report.code, error.code());
    golden(name, "txt", &text_of(error))?;
    let json = serde_json::to_string_pretty(&report)?;
    golden(name, "json", &(json + "\n"))
}

fn text_of(error: &Error) -> String {
    error.report().draw(LOOK) + "\n"
}

fn golden(name: &str, extension: &str, actual: &str) -> Result<(), Failed> {
    compare(
        &root().join(format!("tests/errors/{name}.{extension}")),
        actual,
    )
}

/// Compares with a file, or writes it.
fn compare(path: &Path, actual: &str) -> Result<(), Failed> {
    if std::env::var_os("NETYARD_BLESS").is_some() {
        return Ok(fs::write(path, actual)?);
    }
    if fs::read_to_string(path).unwrap_or_default() == actual {
        return Ok(());
    }
    Err(format!("{} is not:\n{actual}", path.display()).into())
}

fn no_strays() -> Result<(), Failed> {
    let known = cases::all();
    for path in files(&root().join("tests/errors")) {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let source = path.extension().is_some_and(|e| e == "rs");
        if !source && !known.iter().any(|(name, _)| *name == stem) {
            return Err(format!("{} is of no case", path.display()).into());
        }
    }
    Ok(())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of cases");
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}
