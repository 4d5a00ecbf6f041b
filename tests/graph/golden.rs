//! Drawings that were looked at. `NETYARD_BLESS=1` rewrites them: then look again.

use std::fs;
use std::path::{Path, PathBuf};

use netyard::graph;
use netyard::state::survey::Survey;

use crate::sample;

/// The same bytes as the file has; or the file gets them.
fn golden(path: &str, drawn: &str) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("NETYARD_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        return fs::write(&path, drawn).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    let same = known == drawn;
    assert!(same, "{} differs; drawn is:\n{drawn}", path.display());
}

fn every_form(name: &str, survey: &Survey, title: &str) {
    let base = format!("tests/graph/golden/{name}");
    golden(&format!("{base}.txt"), &graph::text(survey, 80));
    golden(&format!("{base}.dot"), &graph::dot(survey, title));
    golden(&format!("{base}.mmd"), &graph::mermaid(survey, title));
    golden(&format!("{base}.svg"), &graph::svg(survey, title));
}

fn example(name: &str) {
    let survey = sample::example(name);
    let file = name.rsplit('/').next().unwrap();
    every_form(file, &survey, &format!("lab {file}"));
}

#[test]
fn two_pcs() {
    example("two-pcs");
}

#[test]
fn internet() {
    example("internet");
}

#[test]
fn ports() {
    example("ports");
}

#[test]
fn chosen() {
    example("chosen");
}

#[test]
fn everything() {
    every_form("everything", &sample::everything(), "host");
}

/// Those that the documentation shows.
#[test]
fn pictures() {
    for (name, survey, title) in [
        ("three", sample::example("three"), "lab three"),
        ("routers", sample::example("routers"), "lab routers"),
        ("chosen", sample::example("chosen"), "lab chosen"),
        ("ports", sample::example("ports"), "lab ports"),
        ("tree", sample::tree(), "lab tree"),
        ("alike", sample::alike(300), "host"),
        ("host", sample::everything(), "host"),
    ] {
        let path = format!("docs/pictures/{name}.svg");
        golden(&path, &graph::svg(&survey, title));
    }
}
