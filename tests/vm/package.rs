//! The kernel of the machine: Debian's package, unpacked below the build's own directory and
//! kept there. Nothing is installed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What depends on the current kernel of the distribution.
const NEWEST: &str = "linux-image-amd64";

/// Parts of the package that a machine of network tests can ask for.
const PARTS: &str = "./boot/vmlinuz-* ./lib/modules/*/modules.* \
    ./lib/modules/*/kernel/net/* ./lib/modules/*/kernel/drivers/net/* ./lib/modules/*/kernel/drivers/virtio/* \
    ./lib/modules/*/kernel/fs/9p/* ./lib/modules/*/kernel/fs/fscache/* ./lib/modules/*/kernel/fs/netfs/* \
    ./lib/modules/*/kernel/fs/overlayfs/* ./lib/modules/*/kernel/lib/* ./lib/modules/*/kernel/crypto/* \
    ./lib/modules/*/kernel/arch/x86/crypto/*";

/// And those for cards that it has not.
const NOT: &str = "--exclude=*/net/ethernet/* --exclude=*/net/wireless/* --exclude=*/net/usb/* --exclude=*/net/can/*";

/// An unpacked kernel.
pub(crate) struct Kernel {
    root: PathBuf,
    /// As `uname -r` says it.
    pub(crate) release: String,
}

impl Kernel {
    /// The image that is booted.
    pub(crate) fn image(&self) -> PathBuf {
        self.root.join(format!("boot/vmlinuz-{}", self.release))
    }

    /// The directory that stands for `/lib/modules`.
    pub(crate) fn modules(&self) -> PathBuf {
        self.root.join("lib/modules")
    }

    fn unpacked(root: PathBuf) -> Option<Self> {
        let release = root.file_name()?.to_str()?.strip_prefix("linux-image-")?;
        let release = release.to_owned();
        Some(Kernel { root, release })
    }
}

/// Where all of this lies.
pub(crate) fn directory() -> PathBuf {
    [env!("CARGO_TARGET_TMPDIR"), "vm"].iter().collect()
}

/// The kernel that is there, or else the distribution's newest; or why there is none.
pub(crate) fn kernel() -> Result<Kernel, String> {
    let at = directory();
    fs::create_dir_all(&at).map_err(|e| format!("{}: {e}", at.display()))?;
    let there = fs::read_dir(&at).map_err(|e| format!("{}: {e}", at.display()))?;
    let mut there: Vec<PathBuf> = there.filter_map(|entry| Some(entry.ok()?.path())).collect();
    there.sort();
    match there.into_iter().rev().find_map(Kernel::unpacked) {
        Some(kernel) => Ok(kernel),
        None => fetch(&at),
    }
}

/// Downloads and unpacks; only what is whole gets its name.
fn fetch(at: &Path) -> Result<Kernel, String> {
    let work = at.join(format!("getting-{}", std::process::id()));
    let done = fetch_into(&work, at);
    drop(fs::remove_dir_all(&work));
    done
}

fn fetch_into(work: &Path, at: &Path) -> Result<Kernel, String> {
    let name = download(work)?;
    let unpack = format!(
        "mkdir root && dpkg-deb --fsys-tarfile {name}_*.deb | tar -x -C root --wildcards {NOT} {PARTS} && \
         busybox depmod -b root {release}",
        release = name.trim_start_matches("linux-image-")
    );
    sh(work, &unpack)?;
    let root = at.join(&name);
    fs::rename(work.join("root"), &root).map_err(|e| format!("{}: {e}", root.display()))?;
    Kernel::unpacked(root).ok_or_else(|| format!("{name} is no kernel"))
}

/// By the lists of packages that are there, or else by lists of its own, which need no rights.
fn download(work: &Path) -> Result<String, String> {
    for directory in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(work.join(directory)).map_err(|e| e.to_string())?;
    }
    let own = "-o Dir::State::Lists=$PWD/lists -o Dir::Cache=$PWD/cache -o APT::Sandbox::User=";
    let get = |options: &str| {
        let depends = format!("apt-cache {options} depends {NEWEST}");
        let depends = sh(work, &depends)?;
        let name = depends
            .lines()
            .find_map(|line| line.trim().strip_prefix("Depends: "));
        let name = name.ok_or_else(|| format!("{NEWEST} depends on nothing:\n{depends}"))?;
        sh(
            work,
            &format!("apt-get {options} -qq -o APT::Sandbox::User= download {name}"),
        )?;
        Ok(name.to_owned())
    };
    get("").or_else(|_: String| {
        sh(work, &format!("apt-get {own} -qq update"))?;
        get(own)
    })
}

/// What a shell's command in this directory says.
pub(crate) fn sh(at: &Path, command: &str) -> Result<String, String> {
    let mut shell = Command::new("/bin/sh");
    shell.current_dir(at).args(["-c", command]);
    said(shell, "")
}

/// What a program says that reads this; it must succeed.
pub(crate) fn said(mut program: Command, reads: &str) -> Result<String, String> {
    let name = format!("{program:?}");
    let told = |e: std::io::Error| format!("{name}: {e}");
    program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = program.spawn().map_err(told)?;
    let mut input = child.stdin.take().expect("a pipe");
    // Who does not read it says why.
    drop(input.write_all(reads.as_bytes()));
    drop(input);
    let output = child.wait_with_output().map_err(told)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(format!("{name}\n{}", text(&output.stderr))),
    }
}
