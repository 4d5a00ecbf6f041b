//! The machine: qemu with a kernel of Debian's, without acceleration, without a network. It
//! sees the host's files, read only, and runs this very program as its only work.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;

use crate::package::{Kernel, directory, sh};
use crate::report::{Outcome, Report};

/// Set in the guest; its value is the port for reports.
pub(crate) const PORT: &str = "NETYARD_VM_PORT";

const QEMU: &str = "qemu-system-x86_64";

/// A test that says nothing for so long hangs.
const SILENCE: Duration = Duration::from_secs(150);

/// No run lasts longer. The guest switches itself off then, should nobody be left outside.
const LIMIT: Duration = Duration::from_secs(900);

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
    pub(crate) fn boot(kernel: &Kernel) -> &'static Machine {
        let console = directory().join(format!("console-{}.log", std::process::id()));
        let machine: &'static Machine = Box::leak(Box::new(Machine {
            told: Mutex::default(),
            news: Condvar::new(),
            console,
        }));
        let started = initramfs(kernel, &work()).and_then(|initramfs| {
            let mut qemu = qemu(kernel, &initramfs);
            qemu.arg("-serial")
                .arg(format!("file:{}", machine.console.display()));
            qemu.args(["-serial", "stdio"])
                .stdin(Stdio::null())
                .stdout(Stdio::piped());
            let child = qemu.spawn().map_err(|e| format!("{QEMU}: {e}"))?;
            Ok((child, initramfs))
        });
        std::thread::spawn(move || {
            let over = match started {
                Ok((child, initramfs)) => {
                    let over = machine.listen(child);
                    drop(fs::remove_file(initramfs));
                    over
                }
                Err(why) => why,
            };
            machine.told.lock().expect("no listener failed").over = Some(over);
            machine.news.notify_all();
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
        let began = Instant::now();
        let over = loop {
            match lines.recv_timeout(SILENCE) {
                Ok(_) if began.elapsed() > LIMIT => {
                    break format!("the machine took more than {LIMIT:?}");
                }
                Ok(line) => self.hear(&line),
                Err(RecvTimeoutError::Timeout) => {
                    break format!("the machine said nothing for {SILENCE:?}");
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
        drop(fs::write(directory().join("seconds.txt"), text));
    }
}

/// A shell in the machine, on this terminal.
pub(crate) fn shell(kernel: &Kernel) -> Result<(), String> {
    let initramfs = initramfs(kernel, "exec setsid /run/vm/busybox cttyhack /bin/sh")?;
    let mut qemu = qemu(kernel, &initramfs);
    let ended = qemu.args(["-serial", "mon:stdio"]).status();
    drop(fs::remove_file(initramfs));
    ended.map(drop).map_err(|e| format!("{QEMU}: {e}"))
}

fn qemu(kernel: &Kernel, initramfs: &Path) -> Command {
    let mut qemu = Command::new(QEMU);
    // A processor without AVX: string functions that use it are slower here. Clock and
    // checks: what an emulated machine pays much for, and no test of ours is about.
    qemu.args([
        "-accel",
        "tcg,thread=multi,tb-size=512",
        "-cpu",
        "max",
        "-smp",
        "2",
        "-m",
        "2048",
    ]);
    qemu.args([
        "-nodefaults",
        "-no-reboot",
        "-display",
        "none",
        "-nic",
        "none",
    ]);
    qemu.args([
        "-fsdev",
        "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap",
    ]);
    qemu.args(["-device", "virtio-9p-pci,fsdev=host,mount_tag=host"]);
    qemu.arg("-kernel")
        .arg(kernel.image())
        .arg("-initrd")
        .arg(initramfs);
    qemu.args(["-append", "console=ttyS0 panic=-1 loglevel=5 mitigations=off nokaslr norandmaps no5lvl tsc=reliable init_on_alloc=0 apparmor=0 audit=0"]);
    qemu
}

/// What the guest does: this program, as it was called here.
fn work() -> String {
    let program = std::env::current_exe().expect("this program has a path");
    let words = std::iter::once(program.into_os_string()).chain(std::env::args_os().skip(1));
    let words: Vec<String> = words.map(|word| quoted(&word.to_string_lossy())).collect();
    format!(
        "/run/vm/busybox stty -F /dev/ttyS1 raw -echo\n\
         (sleep {}; /run/vm/busybox poweroff -f) &\n\
         {PORT}=/dev/ttyS1 {}\n",
        LIMIT.as_secs(),
        words.join(" ")
    )
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The files that the kernel begins with; `work` is done when the host's are there.
fn initramfs(kernel: &Kernel, work: &str) -> Result<PathBuf, String> {
    let at = directory().join(format!("initramfs-{}", std::process::id()));
    let home = quoted(env!("CARGO_MANIFEST_DIR"));
    let start = format!("cd {home}\nexport HOME=/root\n{work}\n/run/vm/busybox poweroff -f\n");
    drop(fs::remove_dir_all(&at));
    let made = fill(&at, kernel, &start);
    let packed = made.and_then(|()| {
        let file = at.with_extension("cpio");
        sh(
            &at,
            &format!(
                "find . | busybox cpio -o -H newc 2>/dev/null >{}",
                quoted(&file.to_string_lossy())
            ),
        )?;
        Ok(file)
    });
    drop(fs::remove_dir_all(&at));
    packed
}

fn fill(at: &Path, kernel: &Kernel, start: &str) -> Result<(), String> {
    let modules = kernel.modules();
    fs::create_dir_all(at).map_err(|e| format!("{}: {e}", at.display()))?;
    let write =
        |name: &str, text: &str| fs::write(at.join(name), text).map_err(|e| format!("{name}: {e}"));
    write("init", include_str!("init"))?;
    write("start", start)?;
    write("modules", &modules.to_string_lossy())?;
    let modules = quoted(&modules.join(&kernel.release).to_string_lossy());
    sh(at, &format!(
        "chmod +x init && mkdir -p bin proc dev outside memory root \"$PWD/lib/modules/{release}\" && \
         cp \"$(command -v busybox)\" bin && to=$PWD/lib/modules/{release} && cd {modules} && cp modules.dep $to && \
         for module in fs/9p/9p net/9p/9pnet_virtio drivers/virtio/virtio_pci fs/overlayfs/overlay; do \
             tar -c $(grep \"^kernel/$module[.]ko\" modules.dep | tr -d :) | tar -x -C $to || exit 1; \
         done",
        release = kernel.release
    ))
    .map(drop)
}
