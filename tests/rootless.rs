//! A real normal user on the real machine: root steps down to one for this. Private
//! worlds change nothing outside, so that no other namespaces are needed around them.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::{Arguments, Failed, Trial};

type Body = fn() -> Result<(), Failed>;

/// Where there is nobody else to be: `nobody`.
const NOBODY: u32 = 65534;

fn main() {
    let arguments = Arguments::from_args();
    let ground = Ground::new();
    let probe = ground.run(&["true"]);
    drop(ground);
    let obstacle = (!probe.status.success()).then(|| text(&probe.stderr));
    if let Some(obstacle) = &obstacle {
        eprintln!("tests as a normal user are skipped: {obstacle}");
        // A skipped tier is no passed tier where it was promised to run.
        if std::env::var_os("NETYARD_NO_SKIP").is_some() {
            eprintln!("and NETYARD_NO_SKIP is set: that is a failure");
            std::process::exit(1);
        }
    }
    let tests: [(&str, Body); 5] = [
        ("a lab, a ping by name, exit codes", lab),
        ("everything else works inside", inside),
        ("files are made as who one is outside", files),
        ("the doctor sees the machine, and leaves it", doctor),
        ("labs in the tests of an ordinary crate", in_tests),
    ];
    let trial =
        |(name, body): (&str, _)| Trial::test(name, body).with_ignored_flag(obstacle.is_some());
    libtest_mimic::run(&arguments, tests.into_iter().map(trial).collect()).exit();
}

/// A directory that the user may use, with the program and an example: the repository
/// may lie where only root looks.
struct Ground(PathBuf);

impl Ground {
    fn new() -> Self {
        let name = format!(
            "netyard-rootless-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        );
        let directory = std::env::temp_dir().join(name);
        fs::create_dir(&directory).expect("a directory");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let copy = |from: &Path, to: &str| fs::copy(from, directory.join(to)).expect("a copy");
        copy(Path::new(env!("CARGO_BIN_EXE_netyard")), "netyard");
        copy(&root.join("examples/three.yaml"), "three.yaml");
        copy(&root.join("examples/two-pcs.yaml"), "two-pcs.yaml");
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).expect("it opens");
        Ground(directory)
    }

    /// As the user: a lab, and these words in it.
    fn run(&self, words: &[&str]) -> Output {
        self.netyard(&[&["run", "three.yaml"], words].concat())
    }

    /// As the user.
    fn netyard(&self, words: &[&str]) -> Output {
        let mut command = self.as_user(&self.0.join("netyard"));
        command.args(words).output().expect("netyard starts")
    }

    fn as_user(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.current_dir(&self.0);
        command
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn says(output: &Output, code: i32, said: &str) -> Result<(), Failed> {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    match output.status.code() == Some(code) && out.contains(said) {
        true => Ok(()),
        false => Err(format!("{}: {out}{err}", output.status).into()),
    }
}

/// What a world that leaks would change.
fn outside() -> [String; 3] {
    let read = |path| fs::read_to_string(path).expect("a file");
    let names = fs::read_dir("/run")
        .expect("/run")
        .map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    [
        read("/proc/self/mountinfo"),
        read("/proc/net/dev").replace(char::is_numeric, ""),
        format!("{names:?}"),
    ]
}

fn lab() -> Result<(), Failed> {
    let (ground, before) = (Ground::new(), outside());
    says(
        &ground.run(&["--in", "one", "--", "ping", "-c1", "-w3", "three"]),
        0,
        "three (10.0.0.2)",
    )?;
    says(&ground.run(&["--", "sh", "-c", "exit 7"]), 7, "")?;
    says(&ground.run(&["--", "sh", "-c", "kill -KILL $$"]), 137, "")?;
    assert_eq!(before, outside());
    Ok(())
}

fn inside() -> Result<(), Failed> {
    let script = "set -e; ./netyard test three; ./netyard up two-pcs.yaml; ./netyard exec pc-one -- ping -c1 -w3 pc-two
        ./netyard down three; ./netyard down two-pcs; ./netyard list";
    says(
        &Ground::new().run(&["--", "sh", "-c", script]),
        0,
        "\nno lab is up\n",
    )
}

/// Where labs run, all that netyard needs is there; what needs root is told as such.
fn doctor() -> Result<(), Failed> {
    let (ground, before) = (Ground::new(), outside());
    let said = ground.netyard(&["doctor"]);
    says(&said, 0, "all that netyard needs works")?;
    says(&said, 0, "administrator: CAP_NET_ADMIN and")?;
    says(&said, 0, "ok      veth, bridge, ")?;
    assert_eq!(before, outside());
    Ok(())
}

fn files() -> Result<(), Failed> {
    let ground = Ground::new();
    says(
        &ground.run(&["--", "sh", "-c", "id -u; touch made"]),
        0,
        "0\n",
    )?;
    let made = fs::metadata(ground.0.join("made"))?;
    let user = fs::metadata("/proc/self")?.uid();
    assert_eq!(made.uid(), if user == 0 { NOBODY } else { user });
    Ok(())
}

/// The tests of `examples/in-tests`, a crate outside of this workspace, each of its programs by
/// itself and all at once.
fn in_tests() -> Result<(), Failed> {
    let ground = Ground::new();
    let programs = test_programs()?;
    assert_eq!(programs.len(), 4, "a library and three files of tests");
    for program in &programs {
        let copy = ground.0.join(program.file_name().ok_or("it has a name")?);
        fs::copy(program, &copy)?;
        let mut command = ground.as_user(&copy);
        says(&command.output()?, 0, "test result: ok")?;
    }
    Ok(())
}

fn test_programs() -> Result<Vec<PathBuf>, Failed> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--no-run", "--locked", "--message-format=json"]);
    cargo.args([
        "--manifest-path",
        "examples/in-tests/Cargo.toml",
        "--target-dir",
    ]);
    // Most of what it needs is there already.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    cargo.arg(target.ok_or("the target directory")?);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    let built = cargo.output()?;
    if !built.status.success() {
        return Err(text(&built.stderr).into());
    }
    let messages = text(&built.stdout);
    let programs = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message.get("executable")?.as_str()?))
    });
    Ok(programs.collect())
}
