//! `run` without rights: it works; and where the machine gives no private world, what
//! is said. Refusals that this machine can make are made; the others are unit tests.
#![allow(unsafe_code)]

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::sandbox::{Outcome, example, netyard, sh, try_sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("blocked::without rights it works all the same", works),
        test(
            "blocked::as in a container, with parts of /proc and /sys hidden",
            hidden,
        ),
        test("blocked::root without rights over this network", no_rights),
        test("blocked::a limit of namespaces is named", limits),
        test("blocked::root that may not be root inside", root),
        test("blocked::in a chroot", chroot),
        test("blocked::behind a seccomp filter", filtered),
        test("blocked::a process with threads", threads),
    ]
}

/// Root keeps only what it needs to be root in a user namespace (`verify_root_map`,
/// kernel/user_namespace.c); a normal user needs nothing.
const WEAK: &str = "setpriv --inh-caps=-all --bounding-set=-all,+setfcap";

/// A shell command, where `netyard` runs this program on an example.
fn line(before: &str, weak: &str, rest: &str) -> String {
    let netyard = env!("CARGO_BIN_EXE_netyard");
    format!(
        "{before}{weak} {netyard} run {} {rest}",
        example("three.yaml")
    )
}

fn works() {
    let before = snapshot::host();
    let netyard = env!("CARGO_BIN_EXE_netyard");
    for (rest, said) in [
        ("--in one -- ping -c1 -w3 three", "three (10.0.0.2)"),
        (
            &format!("-- {netyard} test three"),
            "all 8 probes as expected",
        ),
        ("-- id -u", "0\n"),
    ] {
        let out = sh(&line("", WEAK, rest));
        assert!(out.contains(said), "{out}");
    }
    assert_eq!(try_sh(&line("", WEAK, "-- sh -c 'exit 7'")).code, Some(7));
    snapshot::assert_same(&before, &snapshot::host(), "after all");
    // On the host itself there is nothing to be had.
    let up = try_sh(&format!("{WEAK} {netyard} up {}", example("three.yaml")));
    assert!(
        up.err.contains("needs root") && up.err.contains("netyard run"),
        "{}",
        up.err
    );
}

/// The kernel then gives no new procfs and sysfs (`mount_too_revealing`,
/// fs/namespace.c): the old ones must do.
fn hidden() {
    sh("mount -t tmpfs none /sys/kernel && mount --bind /dev/null /proc/kallsyms");
    let netyard = env!("CARGO_BIN_EXE_netyard");
    let inside = format!(
        "{netyard} test three && {netyard} exec one -- ping -c1 -w3 three && cat /proc/kallsyms"
    );
    let out = sh(&line("", WEAK, &format!("-- sh -ec '{inside}'")));
    assert!(out.contains("1 received"), "{out}");
}

/// Root of a user namespace that the network and the mounts do not belong to: nothing is
/// made, nothing recorded, and what is advised works.
fn no_rights() {
    let (two, before) = (example("two-pcs.yaml"), snapshot::host());
    let netyard = format!(
        "unshare --user --map-root-user {}",
        env!("CARGO_BIN_EXE_netyard")
    );
    let up = try_sh(&format!("{netyard} up {two}"));
    says(&up, "not-permitted", "netyard run --private FILE");
    assert!(!up.err.contains("and then"), "{}", up.err);
    assert!(sh(&format!("{netyard} list")).contains("no lab is up"));
    sh(&format!("{netyard} run --private {two} -- true"));
    snapshot::assert_same(&before, &snapshot::host(), "after up");
}

#[track_caller]
fn says(outcome: &Outcome, why: &str, remedy: &str) {
    assert_eq!(outcome.code, Some(1), "{}", outcome.err);
    let said = outcome.err.contains(why) && outcome.err.contains(remedy);
    assert!(said, "no {why:?}, {remedy:?} in: {}", outcome.err);
}

fn limits() {
    for kind in ["user", "net", "mnt", "pid"] {
        let setting = format!("user.max_{kind}_namespaces");
        let path = format!("/proc/sys/user/max_{kind}_namespaces");
        // In a user namespace of its own: the limit holds for all below it.
        let script = line(&format!("echo 0 >{path}; "), WEAK, "-- true");
        let outcome = try_sh(&format!("unshare --user --map-root-user sh -c '{script}'"));
        says(
            &outcome,
            &format!("the sysctl {setting} is 0"),
            &format!("sysctl -w {setting}="),
        );
    }
}

fn root() {
    let bare = "setpriv --inh-caps=-all --bounding-set=-all";
    let outcome = try_sh(&line("", bare, "-- true"));
    says(&outcome, "root needs CAP_SETFCAP", "as a normal user");
}

fn chroot() {
    sh("mkdir /run/root && cd /run/root && for d in /*; do test -h $d && cp -P $d . || mkdir ./$d; done;
        for d in bin dev etc home lib lib64 opt proc root srv tmp usr var work; do
            test -d /$d && ! test -h /$d && mount --rbind /$d $d; done; true");
    // Wherever this repository lies, its first directory must be seen.
    let first = env!("CARGO_MANIFEST_DIR")
        .split('/')
        .nth(1)
        .expect("a path");
    sh(&format!(
        "cd /run/root && mountpoint -q {first} || mount --rbind /{first} {first}"
    ));
    let outcome = try_sh(&line("chroot /run/root ", WEAK, "-- true"));
    says(&outcome, "in a chroot", "run it outside");
}

/// Refuses unshare(2), as the default filter of container engines does.
fn filter() -> std::io::Result<()> {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jf, k| libc::sock_filter { code, jt: 0, jf, k };
    let mut steps = [
        step(LOAD, 0, 0), // The number of the call is the first of seccomp_data.
        step(EQUAL, 1, libc::SYS_unshare as u32),
        step(RETURN, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        step(RETURN, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: steps.len() as u16,
        filter: steps.as_mut_ptr(),
    };
    // SAFETY: the kernel reads the program, which lives until it has.
    let set = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
        )
    };
    match set {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

fn behind_filter(mut command: Command) -> Outcome {
    // SAFETY: between fork and exec only two system calls are made.
    unsafe { command.pre_exec(filter) };
    Outcome::of(command.output().expect("it starts"))
}

fn filtered() {
    let three = example("three.yaml");
    let mut weak = Command::new("setpriv");
    weak.args(WEAK.split(' ').skip(1))
        .arg(env!("CARGO_BIN_EXE_netyard"));
    weak.args(["run", &three, "--", "true"]);
    for command in [weak, netyard(&["run", "--private", &three, "--", "true"])] {
        says(
            &behind_filter(command),
            "a seccomp filter",
            "seccomp=unconfined",
        );
    }
}

/// This process has threads; netyard's own never have, so the library is asked.
fn threads() {
    let refused = netyard::run::private(|| 0).expect_err("this process has threads");
    assert!(refused.to_string().contains("single thread"), "{refused}");
}
