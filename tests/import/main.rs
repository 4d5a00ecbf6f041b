//! Containerlab files and what becomes of them: each `tests/import/cases/CASE.clab.yml` with its
//! `CASE.yaml`, each `tests/import/invalid/CASE.clab.yml` with its `CASE.txt`, a test of its
//! own. `NETYARD_BLESS=1` rewrites them.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::unwrap_used
)]

mod any;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use netyard::ipam::Leases;
use netyard::report::Look;
use netyard::topology::{NotImported, import, parse, resolve};

/// A terminal without colours.
const LOOK: Look = Look {
    styled: false,
    width: Some(80),
};

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import");
    let mut trials = vec![
        Trial::test("any YAML is taken or refused", any::yaml),
        Trial::test("any pieces of such files are taken or refused", any::pieces),
    ];
    for (folder, run) in [
        ("cases", valid as fn(&Path, &str) -> _),
        ("invalid", invalid),
    ] {
        for case in files(&root.join(folder), ".clab.yml") {
            let name = stem(&case);
            let test = Trial::test(format!("{folder}/{name}"), move || run(&case, &name));
            trials.push(test);
        }
    }
    trials.push(Trial::test("no_orphans", move || orphans(&root)));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn valid(case: &Path, name: &str) -> Result<(), Failed> {
    let imported = import(&fs::read_to_string(case)?).map_err(|e| e.to_string())?;
    let topology = parse(&imported.file).map_err(|e| e.to_string())?;
    resolve(&topology, &Leases::default())?;
    // What is told stands in the file too, however its lines are broken.
    let words = |text: &str| {
        text.replace("\n#", "")
            .split_whitespace()
            .collect::<String>()
    };
    let file = words(&imported.file);
    for note in &imported.notes {
        assert!(file.contains(&words(&note.to_string())), "{note}");
    }
    golden(&case.with_file_name(format!("{name}.yaml")), &imported.file)
}

fn invalid(case: &Path, name: &str) -> Result<(), Failed> {
    let (error, of) = match import(&fs::read_to_string(case)?) {
        Ok(imported) => return Err(format!("it is taken:\n{}", imported.file).into()),
        Err(NotImported::File(error)) => (error, "lab.clab.yml"),
        Err(NotImported::Result(error)) => (error, "lab.clab.yml as a topology file"),
    };
    let drawn = format!("{}\n", error.render(of, LOOK));
    golden(&case.with_file_name(format!("{name}.txt")), &drawn)
}

fn golden(path: &Path, actual: &str) -> Result<(), Failed> {
    if std::env::var_os("NETYARD_BLESS").is_some() {
        return Ok(fs::write(path, actual)?);
    }
    match fs::read_to_string(path).unwrap_or_default() == actual {
        true => Ok(()),
        false => Err(format!("{} is not:\n{actual}", path.display()).into()),
    }
}

fn orphans(root: &Path) -> Result<(), Failed> {
    for (folder, made) in [("cases", ".yaml"), ("invalid", ".txt")] {
        let stems = |end| {
            files(&root.join(folder), end)
                .iter()
                .map(|p| stem(p))
                .collect::<Vec<_>>()
        };
        let (cases, results) = (stems(".clab.yml"), stems(made));
        if cases != results || cases.is_empty() {
            return Err(format!("{folder}: {cases:?} are not {results:?}").into());
        }
    }
    Ok(())
}

fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap().to_string_lossy();
    name.split('.').next().unwrap().to_owned()
}

fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of cases");
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> = paths
        .filter(|path| path.to_string_lossy().ends_with(end))
        .collect();
    all.sort();
    all
}
