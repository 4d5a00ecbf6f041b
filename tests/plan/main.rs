//! What is planned for a file on a host: each folder of `tests/plan` is a case and a
//! test of its own. `topology.yaml` is the file (absent: nothing is wanted, as by `down`,
//! of the lab for which the host was observed); `set.json` what was set on its links since
//! (absent: nothing); `observed.json` the host, as a
//! [`NetState`] in JSON (absent: a host without anything); `plan.txt` the printed
//! plan and `change.txt` its list of changes, or `error.txt` what is in the way; where ports
//! are published, `reach.txt` says who will reach them. `NETYARD_BLESS=1` rewrites these four.
//!
//! A host with labs is taken from the fake kernel: `NETYARD_LABS="FILE FILE"
//! NETYARD_BLESS=1 cargo test --features fake --test plan -- --exact CASE` brings the
//! files up in this order and writes what the case's lab then sees of it; the rest
//! is edited by hand.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use netyard::ipam::Leases;
use netyard::plan::{Change, Conflicts, Plan, Reach, Summary, list, plan, reach};
use netyard::report::Look;
use netyard::state::{Namespace, NetState, Netns};
use netyard::topology::{parse, resolve};

const KNOWN: [&str; 7] = [
    "topology.yaml",
    "set.json",
    "observed.json",
    "plan.txt",
    "change.txt",
    "error.txt",
    "reach.txt",
];

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan");
    let mut trials = vec![Trial::test("no_strays", {
        let root = root.clone();
        move || no_strays(&root)
    })];
    trials.push(Trial::test("conflict-too-many-ports", too_many_ports));
    trials.push(Trial::test("docs/changes.md", changes_page));
    for folder in entries(&root).into_iter().filter(|path| path.is_dir()) {
        trials.push(Trial::test(name(&folder), move || case(&folder)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn no_strays(root: &Path) -> Result<(), Failed> {
    for path in entries(root) {
        if !path.is_dir() && name(&path) != "main.rs" {
            return Err(format!("{} is no case", path.display()).into());
        }
    }
    Ok(())
}

/// No file gets this far; another frontend's topology may.
fn too_many_ports() -> Result<(), Failed> {
    let mut topology = parse("lab: web\nnetworks: { lan: { subnets: [10.4.0.0/16] } }\n")?;
    let one = "lab: x\nnetworks: { lan: { subnets: [10.4.0.0/16] } }\nnamespaces: { n: { interfaces: { eth0: { network: lan } } } }\n";
    let spec = parse(one)?.namespaces[&"n".parse()?].clone();
    for n in 0..1024 {
        topology
            .namespaces
            .insert(format!("n{n}").parse()?, spec.clone());
    }
    let (desired, _) = resolve(&topology, &Leases::default())?;
    let error = plan(&desired, &NetState::empty(topology.lab)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "bridge web-lan would have 1024 ports: the kernel takes at most 1023"
    );
    Ok(())
}

fn case(folder: &Path) -> Result<(), Failed> {
    for path in entries(folder) {
        if !KNOWN.contains(&name(&path).as_str()) {
            return Err(format!("{} is no part of a case", path.display()).into());
        }
    }
    let mut texts = match planned(folder)? {
        Ok(plan) => vec![("plan.txt", plan.to_string()), ("change.txt", drawn(&plan))],
        Err(conflicts) => vec![("error.txt", told(&conflicts))],
    };
    let lines: Vec<String> = reached(folder)?.lines().collect();
    if !lines.is_empty() {
        texts.push(("reach.txt", lines.join("\n") + "\n"));
    }
    for other in KNOWN
        .iter()
        .skip(3)
        .filter(|name| texts.iter().all(|(file, _)| file != *name))
    {
        if folder.join(other).exists() {
            return Err(format!("{other} is there, and there is nothing to write into it").into());
        }
    }
    (texts.iter()).try_for_each(|(file, text)| golden(&folder.join(file), text))
}

fn planned(folder: &Path) -> Result<Result<Plan, Conflicts>, Failed> {
    let desired = desired(folder)?;
    #[cfg(feature = "fake")]
    fake::write_observed(&desired, &folder.join("observed.json"))?;
    let observed = observed(&desired, &folder.join("observed.json"))?;
    Ok(plan(&desired, &observed))
}

fn reached(folder: &Path) -> Result<Reach, Failed> {
    let desired = desired(folder)?;
    let observed = observed(&desired, &folder.join("observed.json"))?;
    Ok(reach(&desired, &observed))
}

/// The page's table says of each case what its plan does. A row is
/// `| [WORDS](../tests/plan/CASE) | ... |`; `NETYARD_BLESS=1` writes the rest of it.
fn changes_page() -> Result<(), Failed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = root.join("docs/changes.md");
    let mut text = String::new();
    for line in fs::read_to_string(&page)?.lines() {
        match line
            .strip_prefix("| [")
            .and_then(|rest| rest.split_once("](../"))
        {
            None => text += line,
            Some((words, rest)) => {
                let (case, _) = rest.split_once(')').ok_or("a row without a case")?;
                let changes = planned(&root.join(case))??.changes();
                text += &format!(
                    "| [{words}](../{case}) | {} | {} |",
                    Summary::of(&changes),
                    felt(&changes)
                );
            }
        }
        text.push('\n');
    }
    golden(&page, &text)
}

fn felt(changes: &[Change]) -> String {
    let impacts = changes.iter().flat_map(|change| &change.impacts);
    let mut said: Vec<_> = impacts
        .map(|i| (i.harm, format!("{}: {}", i.harm, i.what)))
        .collect();
    said.sort();
    said.dedup();
    match said.is_empty() {
        true => "by nobody".to_owned(),
        false => said
            .into_iter()
            .rev()
            .map(|(_, text)| text)
            .collect::<Vec<_>>()
            .join("; "),
    }
}

fn told(conflicts: &Conflicts) -> String {
    let (styled, width) = (false, Some(80));
    conflicts.report().draw(Look { styled, width }) + "\n"
}

/// As on a terminal of 80 columns without colours.
fn drawn(plan: &Plan) -> String {
    list(&plan.changes(), 80, |_, text| text.to_owned())
}

fn desired(folder: &Path) -> Result<NetState, Failed> {
    let file = folder.join("topology.yaml");
    if !file.exists() {
        let observed: NetState =
            serde_json::from_str(&fs::read_to_string(folder.join("observed.json"))?)?;
        return Ok(NetState::empty(observed.lab));
    }
    let topology = parse(&fs::read_to_string(file)?)?;
    let (mut desired, _) = resolve(&topology, &Leases::default())?;
    if let Ok(set) = fs::read_to_string(folder.join("set.json")) {
        desired.lay_over(&serde_json::from_str(&set)?);
    }
    Ok(desired)
}

/// A host as labs leave it.
#[cfg(feature = "fake")]
mod fake {
    use super::*;
    use netyard::fake::Fake;
    use netyard::reconcile::{self, Host, Inside};

    pub(super) fn write_observed(desired: &NetState, path: &Path) -> Result<(), Failed> {
        let (Ok(files), Some(_)) = (
            std::env::var("NETYARD_LABS"),
            std::env::var_os("NETYARD_BLESS"),
        ) else {
            return Ok(());
        };
        let mut fake = Fake::new();
        for file in files.split_whitespace() {
            let topology = parse(&fs::read_to_string(file)?)?;
            reconcile::up(
                &mut fake,
                &resolve(&topology, &Leases::default())?.0,
                &mut (),
            )?;
        }
        let host = desired.namespaces.get(&Netns::Host);
        fake.routed = host.is_some_and(|host| !host.sysctls.is_empty());
        fake.networks = host.is_some_and(|host| !host.tables.is_empty());
        let observed = fake.observe(&desired.lab, Inside::Read)?;
        let text = serde_json::to_string_pretty(&observed)? + "\n";
        Ok(fs::write(path, text)?)
    }
}

fn observed(desired: &NetState, file: &Path) -> Result<NetState, Failed> {
    if file.exists() {
        return Ok(serde_json::from_str(&fs::read_to_string(file)?)?);
    }
    let mut nothing = NetState::empty(desired.lab.clone());
    nothing.namespaces.insert(Netns::Host, Namespace::default());
    Ok(nothing)
}

fn golden(path: &Path, actual: &str) -> Result<(), Failed> {
    if std::env::var_os("NETYARD_BLESS").is_some() {
        return Ok(fs::write(path, actual)?);
    }
    let expected = fs::read_to_string(path)?;
    if expected == actual {
        return Ok(());
    }
    Err(format!("{}:\n{actual}\nexpected:\n{expected}", path.display()).into())
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
