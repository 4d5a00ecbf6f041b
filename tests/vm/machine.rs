//! A machine: qemu with a kernel of Debian's, without acceleration, without a network. It
//! sees the host's files, read only, and runs this very program as its only work.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;

use crate::package::{Kernel, directory, said, sh};
use crate::report::{Outcome, Report};

/// Set in the guest; its value is the port for reports.
pub(crate) const PORT: &str = "NETYARD_VM_PORT";

/// Set in the guest: which of the machines it is.
pub(crate) const PART: &str = "NETYARD_VM_PART";

/// So many share the tests. One of two processors costs a fifth more, as these wait for each other.
pub(crate) const MACHINES: usize = 2;

const QEMU: &str = "qemu-system-x86_64";

/// A test that says nothing for so long hangs.
const SILENCE: Duration = Duration::from_secs(150);

/// No run lasts longer. The guest switches itself off then, should nobody be left outside.
const LIMIT: Duration = Duration::from_secs(600);

/// All kernel tests, which take an hour, or a shell.
pub(crate) fn asked_for(what: &str) -> bool {
    std::env::var_os("NETYARD_VM").is_some_and(|value| value == what)
}

fn patience(usual: Duration) -> Duration {
    usual * if asked_for("all") { 10 } else { 1 }
}

/// What keeps a machine from being emulated here.
pub(crate) fn obstacle() -> Option<String> {
    if !cfg!(target_arch = "x86_64") {
        return Some("the machine is an x86-64, and this is none".to_owned());
    }
    let absent = |program: &&str| sh(Path::new("/"), &format!("command -v {program}")).is_err();
    let absent: Vec<&str> = [QEMU, "busybox", "apt-get", "dpkg-deb"]
        .into_iter()
        .filter(absent)
        .collect();
    (!absent.is_empty()).then(|| format!("{} is not installed", absent.join(", ")))
}

/// A machine that runs tests, or ran them.
pub(crate) struct Machine {
    told: Mutex<Told>,
    news: Condvar,
    console: PathBuf,
}

/// What it has told until now.
#[derive(Default)]
struct Told {
    begun: BTreeSet<String>,
    ended: BTreeMap<String, Outcome>,
    /// Why nothing more will come.
    over: Option<String>,
}

impl Machine {
    /// Boots one for the tests that these arguments of this program choose.
    pub(crate) fn boot(kernel: &Kernel, part: usize) -> Arc<Machine> {
        let console = directory().join(format!("console-{part}.log"));
        let machine = Arc::new(Machine {
            told: Mutex::default(),
            news: Condvar::new(),
            console,
        });
        let started = initramfs(kernel, part, &work(part)).and_then(|initramfs| {
            let mut qemu = qemu(kernel, &initramfs);
            qemu.arg("-serial")
                .arg(format!("file:{}", machine.console.display()));
            qemu.args(["-serial", "stdio"])
                .stdin(Stdio::null())
                .stdout(Stdio::piped());
            let child = qemu.spawn().map_err(|e| format!("{QEMU}: {e}"))?;
            Ok((child, initramfs))
        });
        let listener = Arc::clone(&machine);
        std::thread::spawn(move || {
            let over = match started {
                Ok((child, initramfs)) => {
                    let over = listener.listen(child);
                    drop(fs::remove_file(initramfs));
                    over
                }
                Err(why) => why,
            };
            listener.told.lock().expect("no listener failed").over = Some(over);
            listener.news.notify_all();
        });
        machine
    }

    /// Waits for the end of this test.
    pub(crate) fn outcome(&self, name: &str) -> Result<(), Failed> {
        let told = self.told.lock().expect("no listener failed");
        let waits = |told: &mut Told| told.over.is_none() && !told.ended.contains_key(name);
        let told = self
            .news
            .wait_while(told, waits)
            .expect("no listener failed");
        match told.ended.get(name) {
            Some(Outcome { failure: None, .. }) => Ok(()),
            Some(Outcome {
                failure: Some(why), ..
            }) => Err(why.clone().into()),
            None => Err(self.unfinished(&told, name).into()),
        }
    }

    /// Waits until it is off.
    pub(crate) fn finish(&self) {
        let told = self.told.lock().expect("no listener failed");
        let waits = |told: &mut Told| told.over.is_none();
        drop(self.news.wait_while(told, waits));
    }

    fn unfinished(&self, told: &Told, name: &str) -> String {
        let how = if told.begun.contains(name) {
            "began and did not end"
        } else {
            "did not begin"
        };
        let over = told.over.as_deref().unwrap_or_default();
        let console = fs::read(&self.console).unwrap_or_default();
        let console = String::from_utf8_lossy(&console).into_owned();
        let lines: Vec<&str> = console.lines().collect();
        let last = lines[lines.len().saturating_sub(40)..].join("\n");
        format!(
            "{over}; the test {how}. {} ends:\n{last}",
            self.console.display()
        )
    }

    /// Takes reports until none can come; says why.
    fn listen(&self, mut qemu: Child) -> String {
        let port = qemu.stdout.take().expect("a pipe");
        let (send, lines) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(port).split(b'\n').map_while(Result::ok);
            for line in lines {
                drop(send.send(String::from_utf8_lossy(&line).into_owned()));
            }
        });
        let (silence, limit) = (patience(SILENCE), patience(LIMIT));
        let began = Instant::now();
        let over = loop {
            match lines.recv_timeout(silence) {
                Ok(_) if began.elapsed() > limit => {
                    break format!("the machine took more than {limit:?}");
                }
                Ok(line) => self.hear(&line),
                Err(RecvTimeoutError::Timeout) => {
                    break format!("the machine said nothing for {silence:?}");
                }
                Err(RecvTimeoutError::Disconnected) => break "the machine is off".to_owned(),
            }
        };
        drop(qemu.kill());
        drop(qemu.wait());
        self.note_times();
        over
    }

    fn hear(&self, line: &str) {
        let mut told = self.told.lock().expect("no reader failed");
        match Report::read(line) {
            Some(Report::Began(name)) => drop(told.begun.insert(name)),
            Some(Report::Ended(name, outcome)) => drop(told.ended.insert(name, outcome)),
            None => {}
        }
        self.news.notify_all();
    }

    /// How long each took, for who chooses tests.
    fn note_times(&self) {
        let told = self.told.lock().expect("no reader failed");
        let mut times: Vec<_> = told.ended.iter().collect();
        times.sort_by(|(_, one), (_, other)| other.seconds.total_cmp(&one.seconds));
        let line =
            |(name, outcome): &(&String, &Outcome)| format!("{:7.1} {name}\n", outcome.seconds);
        let text: String = times.iter().map(line).collect();
        drop(fs::write(self.console.with_extension("seconds"), text));
    }
}

/// A shell in the machine, on this terminal.
pub(crate) fn shell(kernel: &Kernel) -> Result<(), String> {
    let initramfs = initramfs(kernel, 0, "exec setsid /run/vm/busybox cttyhack /bin/sh")?;
    let mut qemu = qemu(kernel, &initramfs);
    let ended = qemu.args(["-serial", "mon:stdio"]).status();
    drop(fs::remove_file(initramfs));
    ended.map(drop).map_err(|e| format!("{QEMU}: {e}"))
}

/// A processor, memory, and the host's files; nothing else is plugged in.
const HARDWARE: &str = "-accel tcg,tb-size=512 -cpu Nehalem -smp 1 -m 2048 \
    -nodefaults -no-reboot -display none -nic none \
    -fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap \
    -device virtio-9p-pci,fsdev=host,mount_tag=host";

/// What an emulated machine pays much for is left out. Without random addresses the emulator
/// finds a program that it has translated before: that is half of all time. The clock is the one
/// that tells its rate: others are measured while booting, and wrongly on a busy machine.
const KERNEL: &str = "console=ttyS0 loglevel=5 panic=-1 clocksource=hpet tsc=unstable nolapic_timer \
    norandmaps nokaslr mitigations=off init_on_alloc=0 apparmor=0 audit=0";

fn qemu(kernel: &Kernel, initramfs: &Path) -> Command {
    let mut qemu = Command::new(QEMU);
    qemu.args(HARDWARE.split_whitespace());
    qemu.arg("-kernel").arg(kernel.image());
    qemu.arg("-initrd").arg(initramfs).args(["-append", KERNEL]);
    qemu
}

/// The files that the kernel begins with; `work` is done when the host's are there.
fn initramfs(kernel: &Kernel, part: usize, work: &str) -> Result<PathBuf, String> {
    let at = directory().join(format!("initramfs-{}-{part}", std::process::id()));
    let home = quoted(env!("CARGO_MANIFEST_DIR"));
    let start = format!("cd {home}\nexport HOME=/root\n{work}\n/run/vm/busybox poweroff -f\n");
    let mut pack = Command::new("/bin/sh");
    pack.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vm/pack"));
    pack.arg(kernel.modules()).arg(&kernel.release).arg(&at);
    said(pack, &start)?;
    Ok(at)
}

/// What the guest does: this program, as it was called here.
fn work(part: usize) -> String {
    let program = std::env::current_exe().expect("this program has a path");
    let words = std::iter::once(program.into_os_string()).chain(std::env::args_os().skip(1));
    let words: Vec<String> = words.map(|word| quoted(&word.to_string_lossy())).collect();
    format!(
        "/run/vm/busybox stty -F /dev/ttyS1 raw -echo\n\
         (sleep {}; /run/vm/busybox poweroff -f) &\n\
         NETYARD_VM={} {PART}={part} {PORT}=/dev/ttyS1 {}\n",
        patience(LIMIT).as_secs(),
        if asked_for("all") { "all" } else { "" },
        words.join(" ")
    )
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
