//! The process beside each program of a lab. It is the parent of the program and, as a
//! subreaper (PR_SET_CHILD_SUBREAPER(2const)), of all that the program leaves behind: it knows
//! how the program ended, and none of them outlives the lab. It lives as long as any of them.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal,
    set_parent_process_death_signal, setsid, waitpid,
};

use super::resolver::{self, Resolver, Served};
use super::signal::Held;
use super::{fork, netns, open_files, residents, view, wait};
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
        let (_, since) = stat(pid)?;
        (since == self.since).then_some(process)
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
            rustix::io::retry_on_intr(|| waitpid(Some(between), WaitOptions::empty()))
                .map_err(io::Error::from)?;
        }
    }
    drop(other);
    let mut pid = [0; 4];
    line.read_exact(&mut pid)?;
    let pid = i32::from_ne_bytes(pid);
    let started = Pid::from_raw(pid).and_then(stat);
    let (_, since) = started.ok_or_else(|| io::Error::other("it ended at once"))?;
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
    (Signal::USR1, Duration::from_secs(2)),
    (Signal::KILL, Duration::from_millis(100)),
];

/// Ends programs, with all that they have started, first politely.
pub(crate) fn stop(all: &[Attendant]) -> io::Result<()> {
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

/// In the process itself.
fn attend(mut line: UnixStream, order: Order<'_>) -> io::Result<()> {
    setsid()?;
    // SAFETY: a name of less than 16 bytes, which the kernel copies (PR_SET_NAME(2const)); the
    // other call takes no pointer.
    unsafe {
        libc::prctl(libc::PR_SET_NAME, c"netyard-program".as_ptr());
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    }
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
                let started = tell(line, start(*run, &held))?;
                wait_for(started, &end, &held)
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
    line.write_all(&errno.to_ne_bytes())?;
    done
}

fn start(run: Run<'_>, held: &Held) -> io::Result<Pid> {
    let Run {
        netns,
        names,
        mut command,
        output,
        ..
    } = run;
    view::take(netns, names)?;
    let output = OwnedFd::from(output);
    command.stdin(Stdio::null()).stderr(output.try_clone()?);
    command.stdout(output).process_group(0);
    let mask = held.before();
    // SAFETY: these are system calls and touch no memory that was allocated. The thread that
    // starts it, whose end the signal is sent at, waits for it.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            open_files::restore()?;
            mask.put_back()
        });
    }
    let child = command.spawn()?;
    Pid::from_raw(child.id() as i32).ok_or_else(|| io::Error::other("it has no number"))
}

/// Until there is nobody left whose parent this process is.
fn wait_for(program: Pid, end: &Path, held: &Held) -> io::Result<()> {
    let mut ending = None;
    loop {
        match held.next()?.signal {
            Signal::CHILD => {}
            Signal::USR1 => ending = Some(Signal::KILL),
            Signal::TERM => send(Signal::TERM),
            _ => continue,
        }
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(None) => break,
                Ok(Some((pid, status))) if pid == program => {
                    fs::write(end, status.as_raw().to_string())?;
                }
                Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => return Ok(()),
            }
        }
        // Those that somebody started while he was killed are this process's children now.
        if let Some(signal) = ending {
            send(signal);
        }
    }
}

/// Sends a signal to all that descend from this process.
fn send(signal: Signal) {
    let here = std::process::id() as i32;
    let Ok(all) = residents::processes() else {
        return;
    };
    let parents: BTreeMap<i32, (Pid, i32)> = all
        .filter_map(|pid| Some((pid.as_raw_nonzero().get(), (pid, stat(pid)?.0))))
        .collect();
    let descends = |mut pid: i32| {
        while let Some((_, parent)) = parents.get(&pid) {
            if *parent == here {
                return true;
            }
            pid = *parent;
        }
        false
    };
    for (number, (pid, parent)) in &parents {
        // Nobody but its parent makes its number free: as long as that is the same it is it.
        if descends(*number)
            && let Ok(process) = pidfd_open(*pid, PidfdFlags::empty())
            && stat(*pid).is_some_and(|(now, _)| now == *parent || now == here)
        {
            let _ = pidfd_send_signal(&process, signal);
        }
    }
}

/// Its parent, and when it was started, unless it has ended and nobody has asked how (state `Z`,
/// proc_pid_stat(5)). Its name, in brackets, may have brackets itself.
fn stat(pid: Pid) -> Option<(i32, u64)> {
    let text = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let words: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    if *words.first()? == "Z" {
        return None;
    }
    // `ppid` is field 4 and `starttime` field 22; the name was field 2.
    Some((words.get(1)?.parse().ok()?, words.get(19)?.parse().ok()?))
}

/// How a program ended, if it has.
pub(crate) fn ended(end: &Path) -> Option<ExitStatus> {
    let status = fs::read_to_string(end).ok()?.parse().ok()?;
    Some(ExitStatus::from_raw(status))
}
