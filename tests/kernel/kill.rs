//! SIGKILL after every system call by which netyard changes something: the kernel
//! takes a send as a whole, so these are all the states that a kill can leave. And
//! Ctrl-C at the same points, after which netyard undoes by itself.
#![allow(unsafe_code)]

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::sandbox::{example, file, netyard, ok, outcome, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test(
            "kill::up, then down leaves the host as before",
            up_then_down,
        ),
        test("kill::up, then up completes", up_then_up),
        test(
            "kill::down, then down leaves the host as before",
            down_then_down,
        ),
        test(
            "kill::Ctrl-C while up leaves the host as before",
            up_interrupted,
        ),
        test("kill::a change, then up completes it", change_then_up),
        test(
            "kill::Ctrl-C while a change leaves the lab as before",
            change_interrupted,
        ),
    ]
}

/// The system calls after which the kernel, the directory of names or the journal
/// may be another than before.
const CHANGING: [i64; 20] = [
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_open,
    libc::SYS_openat,
    libc::SYS_creat,
    libc::SYS_mkdir,
    libc::SYS_mkdirat,
    libc::SYS_rmdir,
    libc::SYS_unlink,
    libc::SYS_unlinkat,
    libc::SYS_rename,
    libc::SYS_write,
    libc::SYS_pwrite64,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_close,
    libc::SYS_flock,
];

/// How a traced program ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Killed,
    /// It got the signal, and ended by itself with this exit code.
    Exited(i32),
    /// It ended by itself before its n-th changing call.
    Ran,
}

/// Runs netyard and sends it a signal when its `n`-th changing system call has returned.
pub(crate) fn signalled_after(arguments: &[&str], n: usize, signal: i32) -> End {
    signalled(netyard(arguments), n, signal)
}

/// The same of a program that is made already.
pub(crate) fn signalled(mut command: Command, n: usize, signal: i32) -> End {
    ENTERED.with(|entered| entered.borrow_mut().clear());
    command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    // SAFETY: between fork and exec only one system call is made, which is
    // async-signal-safe.
    unsafe {
        command.pre_exec(|| match libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    let child = command.spawn().expect("netyard starts").id() as i32;
    wait(child);
    let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_EXITKILL;
    // SAFETY: ptrace on our own stopped child; no memory is passed.
    unsafe { libc::ptrace(libc::PTRACE_SETOPTIONS, child, 0, options) };
    resume(child, 0);
    watch(child, n, signal)
}

fn watch(child: i32, n: usize, signal: i32) -> End {
    let mut seen = 0;
    loop {
        let (thread, status) = wait(-1);
        if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
            match (thread == child, seen < n) {
                (false, _) => continue,
                (true, true) => return End::Ran,
                (true, false) if libc::WIFEXITED(status) => {
                    return End::Exited(libc::WEXITSTATUS(status));
                }
                (true, false) => return End::Killed,
            }
        }
        let stop = libc::WSTOPSIG(status);
        if stop == libc::SIGTRAP | 0x80 {
            if changed_something(thread) {
                seen += 1;
                if seen == n {
                    // SAFETY: a signal to our own child.
                    unsafe { libc::kill(child, signal) };
                }
            }
            resume(thread, 0);
        } else if stop == libc::SIGTRAP || stop == libc::SIGSTOP {
            resume(thread, 0);
        } else {
            resume(thread, stop);
        }
    }
}

/// Whether this stop is the return of a changing system call.
fn changed_something(thread: i32) -> bool {
    // SAFETY: an all-zero value is a valid ptrace_syscall_info.
    let mut info: libc::ptrace_syscall_info = unsafe { std::mem::zeroed() };
    let size = size_of_val(&info);
    // SAFETY: the kernel writes at most `size` bytes to `info`.
    let got = unsafe { libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, thread, size, &raw mut info) };
    if got <= 0 {
        // A signal has ended its process since it stopped (ptrace(2), "Death under ptrace").
        let why = std::io::Error::last_os_error();
        assert_eq!(why.raw_os_error(), Some(libc::ESRCH), "{why}");
        return false;
    }
    match info.op {
        libc::PTRACE_SYSCALL_INFO_ENTRY => {
            // SAFETY: `op` says that this member of the union is the one written.
            let number = unsafe { info.u.entry.nr } as i64;
            ENTERED.with(|entered| entered.borrow_mut().insert(thread, number));
            false
        }
        _ => {
            let number = ENTERED.with(|entered| entered.borrow_mut().remove(&thread));
            number.is_some_and(|number| CHANGING.contains(&number))
        }
    }
}

thread_local! {
    /// The system call that each traced thread is in.
    static ENTERED: std::cell::RefCell<std::collections::BTreeMap<i32, i64>> = Default::default();
}

fn resume(thread: i32, signal: i32) {
    // SAFETY: ptrace on our own stopped child; no memory is passed. A thread that
    // has gone meanwhile makes it fail, which is no harm.
    unsafe { libc::ptrace(libc::PTRACE_SYSCALL, thread, 0, signal) };
}

fn wait(child: i32) -> (i32, i32) {
    let mut status = 0;
    // Only children of this thread: other tests run on others.
    // SAFETY: the kernel writes the status to a live `i32`.
    let pid = unsafe { libc::waitpid(child, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
    assert!(pid > 0, "a traced child");
    (pid, status)
}

/// After how many calls each: of three neighbours one, which is a different one wherever the
/// calls before differ; with `NETYARD_EVERY_CALL=1` all, which takes some minutes more.
pub(crate) fn stride(usual: usize) -> usize {
    match std::env::var_os("NETYARD_EVERY_CALL") {
        Some(_) => 1,
        None => usual,
    }
}

/// Calls `each` with n = 1, 4, ... until the program runs through, and says how often.
fn sweep(arguments: &[&str], signal: i32, each: impl FnMut(usize, End) -> bool) -> usize {
    sweep_by(stride(3), arguments, signal, each)
}

/// The same at every so many-th point, where each is dear: all of them are in reach.
pub(crate) fn sweep_by(
    step: usize,
    arguments: &[&str],
    signal: i32,
    mut each: impl FnMut(usize, End) -> bool,
) -> usize {
    for n in (1..10_000).step_by(step) {
        if !each(n, signalled_after(arguments, n, signal)) {
            return n / step;
        }
    }
    panic!("it never ran through");
}

fn down_if_up(file: &str) {
    let outcome = outcome(&["down", file]);
    let nothing = outcome.err.contains("no lab `internet` is up");
    assert!(
        outcome.code == Some(0) || nothing,
        "{}{}",
        outcome.out,
        outcome.err
    );
}

fn up_then_down() {
    let (file, before) = (example("internet.yaml"), snapshot::host());
    let kills = sweep(&["up", &file], libc::SIGKILL, |n, end| {
        down_if_up(&file);
        snapshot::assert_same(
            &before,
            &snapshot::host(),
            &format!("killed after call {n}"),
        );
        end == End::Killed
    });
    assert!(
        kills > 16,
        "only {kills} kills: the sweep does not see the calls"
    );
    println!("up killed at {kills} points, then down: the host as before each time");
}

fn up_then_up() {
    let (file, before) = (example("internet.yaml"), snapshot::host());
    ok(&["up", &file]);
    let whole = links();
    ok(&["down", &file]);
    let kills = sweep(&["up", &file], libc::SIGKILL, |n, end| {
        ok(&["up", &file]);
        assert_eq!(whole, links(), "killed after call {n}");
        assert!(ok(&["up", &file]).contains("nothing to change"));
        ok(&["down", &file]);
        end == End::Killed
    });
    snapshot::assert_same(&before, &snapshot::host(), "after the sweep");
    println!("up killed at {kills} points, then up: complete each time");
}

fn down_then_down() {
    let (file, before) = (example("internet.yaml"), snapshot::host());
    let kills = sweep(&["down", &file], libc::SIGKILL, |n, end| {
        if end == End::Killed {
            down_if_up(&file);
        }
        snapshot::assert_same(
            &before,
            &snapshot::host(),
            &format!("killed after call {n}"),
        );
        ok(&["up", &file]);
        end == End::Killed
    });
    ok(&["down", &file]);
    println!("down killed at {kills} points, then down: the host as before each time");
}

/// Before there is anything to undo the signal simply ends it; when all was done
/// already, the lab is up.
fn up_interrupted() {
    let (file, before) = (example("internet.yaml"), snapshot::host());
    let mut undone = 0;
    let signals = sweep(&["up", &file], libc::SIGINT, |n, end| {
        match end {
            End::Exited(0) | End::Ran => drop(ok(&["down", &file])),
            End::Exited(code) => {
                assert_eq!(code, 130, "interrupted after call {n}");
                undone += 1;
            }
            End::Killed => {}
        }
        snapshot::assert_same(
            &before,
            &snapshot::host(),
            &format!("interrupted after call {n}"),
        );
        end != End::Ran
    });
    assert!(undone > 6, "undone only {undone} times of {signals}");
    println!("up interrupted at {signals} points, {undone} times undone by itself");
}

/// Before and after a change that makes, removes and changes something of each kind.
fn versions() -> [String; 2] {
    let one = "
lab: mine
networks:
  lan: { bridge: br-mine, subnets: [10.5.0.0/24, 'fd05::/64'] }
  away: { subnets: [10.6.0.0/24] }
namespaces:
  pc: { interfaces: { eth0: { network: lan, addresses: 10.5.0.10/24 } } }
  old: { interfaces: { eth0: { network: away, addresses: 10.6.0.30/24 } } }
";
    let other = "
lab: mine
networks:
  lan: { bridge: br-yours, subnets: [10.5.0.0/24, 'fd05::/64'], masquerade: true }
namespaces:
  pc:
    forward: true
    interfaces: { eth0: { network: lan, addresses: 10.5.0.11/24, mtu: 1400 } }
  new: { interfaces: { eth0: { network: lan, addresses: [10.5.0.30/24, 'fd05::30/64'] } } }
";
    [file("one.yaml", one), file("other.yaml", other)]
}

fn change_then_up() {
    let ([one, other], before) = (versions(), snapshot::host());
    ok(&["up", &other]);
    let whole = links();
    ok(&["down", &other]);
    ok(&["up", &one]);
    let kills = sweep(&["up", "--yes", &other], libc::SIGKILL, |n, end| {
        ok(&["up", "--yes", &other]);
        assert_eq!(whole, links(), "killed after call {n}");
        assert!(ok(&["up", &other]).contains("nothing to change"));
        ok(&["up", "--yes", &one]);
        end == End::Killed
    });
    ok(&["down", &one]);
    snapshot::assert_same(&before, &snapshot::host(), "after the sweep");
    assert!(kills > 16, "only {kills} kills");
    println!("a change killed at {kills} points, then up: complete each time");
}

fn change_interrupted() {
    let [one, other] = versions();
    ok(&["up", &one]);
    let (before, mut undone) = (links(), 0);
    let signals = sweep(&["up", "--yes", &other], libc::SIGINT, |n, end| {
        match end {
            End::Exited(0) | End::Ran => drop(ok(&["up", "--yes", &one])),
            End::Exited(code) => {
                assert_eq!(code, 130, "interrupted after call {n}");
                undone += 1;
            }
            End::Killed => {}
        }
        assert_eq!(before, links(), "interrupted after call {n}");
        assert!(ok(&["up", &one]).contains("nothing to change"), "{n}");
        end != End::Ran
    });
    assert!(undone > 6, "undone only {undone} times of {signals}");
    println!("a change interrupted at {signals} points, {undone} times undone by itself");
}

/// Names, addresses and rules: what two runs have in common.
fn links() -> String {
    sh(
        "ip -br address | sed 's/@if[0-9]*//' | awk '{$2=\"\"; print}' | grep -v fe80 | sort; nft list ruleset; ip netns list | sed 's/ .*//' | sort; cat /proc/sys/net/ipv4/ip_forward",
    )
}
