//! The process beside each program of a lab. It is the parent of the program and, as a
//! subreaper (PR_SET_CHILD_SUBREAPER(2const)), of all that the program leaves behind: it knows
//! how the program ended, and none of them outlives the lab. It lives as long as any of them.
//! When it is killed, the program is, too; what that has started and is still of its session
//! is found by the session.
#![allow(unsafe_code)]

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, pidfd_open, pidfd_send_signal,
    set_child_subreaper, set_parent_process_death_signal, setsid, waitpid,
};
use rustix::thread::set_name;

use super::output::Output;
use super::resolver::{self, Resolver, Served};
use super::signal::{self, Held};
use super::{fork, netns, open_files, program_files, residents, view, wait};
use crate::names::Names;
use crate::state::Netns;

/// What is to be done.
pub(crate) enum Order<'a> {
    /// A program is to run.
    Run(Box<Run<'a>>),
    /// Names are to be served, by the attendant itself.
    Serve(Vec<Served>),
}

/// What runs where, and where it is told how it ended.
pub(crate) struct Run<'a> {
    pub(crate) netns: &'a Netns,
    pub(crate) names: &'a Names,
    /// Without what its standard streams are.
    pub(crate) command: Command,
    pub(crate) output: File,
    /// Whether the output goes through the attendant, who keeps it from growing for ever.
    pub(crate) bounded: bool,
    pub(crate) end: PathBuf,
}

/// An attendant, told from others that its number was given to since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attendant {
    pub(crate) pid: i32,
    /// When it was started (`starttime` in proc_pid_stat(5)).
    pub(crate) since: u64,
}

impl Attendant {
    /// Open, if it lives.
    fn open(&self) -> Option<OwnedFd> {
        let pid = Pid::from_raw(self.pid)?;
        let process = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        // Its number cannot become another's any more.
        (stat(pid)?.since == self.since).then_some(process)
    }

    pub(crate) fn lives(&self) -> bool {
        self.open().is_some()
    }
}

/// Starts an attendant, has `note` remember it, and returns when its program runs.
pub(crate) fn begin<E: From<io::Error>>(
    order: Order<'_>,
    note: impl FnOnce(Attendant) -> Result<(), E>,
) -> Result<(), E> {
    let (mut line, other) = UnixStream::pair()?;
    match fork::fork()? {
        // One that is nobody's child: this process may become a program that knows of none.
        None => fork::end_with(|| match fork::fork() {
            Ok(None) => fork::end_with(|| u8::from(attend(other, order).is_err())),
            Ok(Some(_)) => 0,
            Err(_) => 1,
        }),
        Some(between) => {
            // Whoever started this process may have it that none of its children is waited for.
            let _ = rustix::io::retry_on_intr(|| waitpid(Some(between), WaitOptions::empty()));
        }
    }
    drop(other);
    let mut pid = [0; 4];
    line.read_exact(&mut pid)?;
    let pid = i32::from_ne_bytes(pid);
    let started = Pid::from_raw(pid).and_then(stat);
    let Stat { since, .. } = started.ok_or_else(|| io::Error::other("it ended at once"))?;
    note(Attendant { pid, since })?;
    line.write_all(&[0])?;
    let mut said = [0; 4];
    line.read_exact(&mut said)?;
    match i32::from_ne_bytes(said) {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno).into()),
    }
}

/// How long programs may take to end when they are asked to, and then to die.
const PATIENCE: [(Signal, Duration); 3] = [
    (Signal::TERM, Duration::from_secs(2)),
    (Signal::USR1, Duration::from_secs(10)),
    (Signal::KILL, Duration::from_millis(100)),
];

/// Ends programs, with all that they have started, first politely.
pub(crate) fn stop(all: &[Attendant]) -> io::Result<()> {
    for gone in all.iter().filter(|one| !one.lives()) {
        kill_left(gone);
    }
    let mut left: Vec<OwnedFd> = all.iter().filter_map(Attendant::open).collect();
    for (signal, patience) in PATIENCE {
        for process in &left {
            // It may have ended just now.
            let _ = pidfd_send_signal(process, signal);
        }
        let began = Instant::now();
        while !left.is_empty() && began.elapsed() < patience {
            let rest = patience.saturating_sub(began.elapsed());
            let ended = wait::readable(left.iter().map(AsFd::as_fd), Some(rest))?;
            for (at, _) in ended.into_iter().rev() {
                left.swap_remove(at);
            }
        }
    }
    Ok(())
}

/// Kills those of the session of an attendant that was killed. As long as one of them is there
/// its number is nobody else's (a session keeps its `struct pid`, kernel/pid.c); once nobody is,
/// another process may have it.
fn kill_left(gone: &Attendant) {
    let Some(leader) = Pid::from_raw(gone.pid) else {
        return;
    };
    if stat(leader).is_some_and(|now| now.since != gone.since) {
        return;
    }
    let Ok(all) = residents::processes() else {
        return;
    };
    let is_left = |pid: Pid| stat(pid).is_some_and(|now| now.session == gone.pid);
    for pid in all.filter(|pid| is_left(*pid)) {
        if let Ok(process) = pidfd_open(pid, PidfdFlags::empty())
            && is_left(pid)
        {
            let _ = pidfd_send_signal(&process, Signal::KILL);
        }
    }
}

/// In the process itself.
fn attend(mut line: UnixStream, order: Order<'_>) -> io::Result<()> {
    setsid()?;
    signal::plain()?;
    set_name(c"netyard-program")?;
    // Any number but none says yes.
    set_child_subreaper(Some(getpid()))?;
    let output = match &order {
        Order::Run(run) => Some(run.output.as_raw_fd()),
        Order::Serve(_) => None,
    };
    let kept: Vec<RawFd> = output.into_iter().chain([line.as_raw_fd()]).collect();
    open_files::let_go_but(&kept)?;
    line.write_all(&std::process::id().to_ne_bytes())?;
    // Nobody remembers it unless this comes.
    line.read_exact(&mut [0])?;
    match order {
        Order::Run(run) => {
            let held = Held::hold()?;
            let place = netns::open(run.netns)?;
            let netns = place.as_ref().map(AsFd::as_fd);
            netns::enter(netns, || {
                let end = run.end.clone();
                let (program, output) = tell(line, start(*run, &held))?;
                wait_for(program, output, &end, &held)
            })
        }
        Order::Serve(served) => {
            let open: io::Result<Vec<Resolver>> = served.into_iter().map(Resolver::open).collect();
            resolver::serve(&tell(line, open)?, None)
        }
    }
}

/// Tells who waits how the beginning went.
fn tell<T>(mut line: UnixStream, done: io::Result<T>) -> io::Result<T> {
    let said = done.as_ref().err();
    let errno = said.map_or(0, |e| e.raw_os_error().unwrap_or(libc::EIO));
    // Who was killed while he waited does not want to know.
    let _ = line.write_all(&errno.to_ne_bytes());
    done
}

fn start(run: Run<'_>, held: &Held) -> io::Result<(Pid, Option<Output>)> {
    let Run {
        netns,
        names,
        mut command,
        output,
        bounded,
        ..
    } = run;
    view::take(netns, names)?;
    let (output, kept) = match bounded {
        true => Output::through(output).map(|(pipe, kept)| (pipe, Some(kept)))?,
        false => (OwnedFd::from(output), None),
    };
    command.stdin(Stdio::null()).stderr(output.try_clone()?);
    command.stdout(output).process_group(0);
    let mask = held.before();
    // SAFETY: these are system calls; they allocate nothing and lock nothing. The thread that
    // starts it, whose end the signal is sent at, waits for it.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            open_files::restore()?;
            mask.put_back()
        });
    }
    let child = command.spawn()?;
    let program = Pid::from_raw(child.id() as i32);
    let program = program.ok_or_else(|| io::Error::other("it has no number"))?;
    Ok((program, kept))
}

/// Until there is nobody left whose parent this process is.
fn wait_for(program: Pid, mut output: Option<Output>, end: &Path, held: &Held) -> io::Result<()> {
    let arrivals = held.arrivals()?;
    let mut ending = false;
    loop {
        let pipe = output.as_ref().and_then(Output::source);
        let sources = [arrivals.as_fd()].into_iter().chain(pipe);
        wait::readable(sources, None)?;
        output.iter_mut().for_each(Output::copy);
        while let Some(signal) = arrivals.next() {
            match signal {
                Signal::USR1 => ending = true,
                Signal::TERM => send(Signal::TERM),
                _ => {}
            }
        }
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(None) => break,
                Ok(Some((pid, status))) if pid == program => {
                    // What it has written is there when it is known to have ended.
                    output.iter_mut().for_each(Output::copy);
                    // Where there is no room for it, nobody knows; the others are waited for.
                    let _ = program_files::set_end(end, status.as_raw());
                }
                Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => {
                    output.iter_mut().for_each(Output::copy);
                    return Ok(());
                }
            }
        }
        // Those that somebody started while he was killed are this process's children now.
        if ending {
            send(Signal::KILL);
        }
    }
}

/// Sends a signal to all that descend from this process.
fn send(signal: Signal) {
    let mut all = children(getpid());
    let mut at = 0;
    while let Some((pid, parent)) = all.get(at).copied() {
        at += 1;
        all.extend(children(pid));
        // Nobody but its parent makes its number free: as long as that is the same it is it.
        let parents = [parent, getpid()].map(|pid| pid.as_raw_nonzero().get());
        if let Ok(process) = pidfd_open(pid, PidfdFlags::empty())
            && stat(pid).is_some_and(|now| parents.contains(&now.parent))
        {
            let _ = pidfd_send_signal(&process, signal);
        }
    }
}

/// The children of a process, each with it: those of each of its threads (`children`,
/// proc_pid_task(5)); where the kernel tells none, all processes are asked whose they are.
fn children(parent: Pid) -> Vec<(Pid, Pid)> {
    let number = parent.as_raw_nonzero().get();
    let threads = fs::read_dir(format!("/proc/{number}/task"))
        .into_iter()
        .flatten();
    let lists =
        threads.filter_map(|thread| Some(fs::read_to_string(thread.ok()?.path().join("children"))));
    let lists: io::Result<Vec<String>> = lists.collect();
    let pids: Vec<Pid> = match lists {
        Ok(lists) => {
            let words = lists.iter().flat_map(|list| list.split_whitespace());
            words
                .filter_map(|word| Pid::from_raw(word.parse().ok()?))
                .collect()
        }
        Err(_) => {
            let all = residents::processes().into_iter().flatten();
            all.filter(|pid| stat(*pid).is_some_and(|now| now.parent == number))
                .collect()
        }
    };
    pids.into_iter().map(|pid| (pid, parent)).collect()
}

/// What /proc/PID/stat tells (proc_pid_stat(5)).
struct Stat {
    parent: i32,
    session: i32,
    /// In clock ticks since the machine was started.
    since: u64,
}

/// That of a process, unless it has ended and nobody has asked how (state `Z`). Its name, in
/// brackets, may have brackets itself.
fn stat(pid: Pid) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The name is field 2, and the state field 3.
    let words: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| words.get(number - 3);
    if *field(3)? == "Z" {
        return None;
    }
    Some(Stat {
        parent: field(4)?.parse().ok()?,
        session: field(6)?.parse().ok()?,
        since: field(22)?.parse().ok()?,
    })
}
