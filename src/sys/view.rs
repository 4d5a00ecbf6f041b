//! What a program in a namespace sees otherwise than the rest of the machine does:
//! mounts in a mount namespace of its own.
#![allow(unsafe_code)]

use std::ffi::OsString;
use std::fs::{self, DirEntry, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount,
    mount_change, move_mount, open_tree,
};
use rustix::thread::UnshareFlags;

use crate::names::{self, Names};
use crate::state::{Netns, NetnsName};

const HOSTS: &str = "/etc/hosts";
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Gives the calling thread its own view: in a namespace a /sys that shows its
/// devices and the files of /etc/netns/NAME over those of /etc, as `ip netns exec`
/// does; everywhere these names in /etc/hosts.
pub(super) fn take(netns: &Netns, names: &Names) -> io::Result<()> {
    match netns {
        Netns::At(_) | Netns::Named(_) => {
            unshare_mounts()?;
            let flags = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
            mount_change("/", flags)?;
            own_sysfs()?;
            netns.made().map_or(Ok(()), own_etc)?;
        }
        Netns::Host if names.all.is_empty() => return Ok(()),
        // Without the right to it, the program runs without names.
        Netns::Host if unshare_mounts() == Err(Errno::PERM) => return Ok(()),
        // Only what is mounted upon is cut off: names that are made in /run/netns in
        // here are names everywhere.
        Netns::Host => ["/", "/etc", HOSTS].into_iter().try_for_each(cut_off)?,
    }
    if names.resolver {
        own(Path::new(RESOLV_CONF), names::resolv_conf)?;
    }
    match names.all.is_empty() {
        true => Ok(()),
        false => own(Path::new(HOSTS), |base| names::hosts(base, &names.all)),
    }
}

fn unshare_mounts() -> rustix::io::Result<()> {
    // SAFETY: only the mount namespace (and with it the current directory's
    // sharing) of this thread is unshared; it was made for this and ends in execve.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }
}

/// What is mounted on this mount, if it is one, is not seen by others.
fn cut_off(path: &str) -> io::Result<()> {
    match mount_change(path, MountPropagationFlags::DOWNSTREAM) {
        Err(Errno::INVAL | Errno::NOENT) => Ok(()),
        changed => Ok(changed?),
    }
}

/// Mounts a sysfs, which shows the devices of the namespace of who mounts it
/// (ip-netns(8)). In a user namespace that is refused where parts of the old one are
/// hidden, as in containers (`mount_too_revealing`, fs/namespace.c): that one stays.
pub(super) fn own_sysfs() -> io::Result<()> {
    let mount = |flags| mount("sysfs", "/sys", "sysfs", flags, None);
    // Read-only where the old one is.
    let tried = mount(MountFlags::empty()).or_else(|_| mount(MountFlags::RDONLY));
    match tried {
        Err(Errno::PERM | Errno::ACCESS) => Ok(()),
        tried => Ok(tried?),
    }
}

/// Each file of /etc/netns/NAME stands in the place of the one in /etc, each directory if
/// there is one. A link that leads nowhere stands for nothing.
fn own_etc(name: &NetnsName) -> io::Result<()> {
    let entries = match fs::read_dir(Path::new("/etc/netns").join(name.as_str())) {
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(());
        }
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let target = Path::new("/etc").join(entry.file_name());
        let fits = fs::metadata(entry.path()).is_ok_and(|own| own.is_dir() == target.is_dir());
        if !fits {
            continue;
        }
        let tree = clone(&entry.path())?;
        put_over(&tree, &target).map_err(|e| {
            io::Error::new(e.kind(), format!("mount over {}: {e}", target.display()))
        })?;
    }
    Ok(())
}

/// Puts another file in the place of one in /etc, made of what that says. It lies on a tmpfs
/// that is mounted nowhere: /etc serves as its place for a moment.
fn own(target: &Path, made: impl FnOnce(&str) -> String) -> io::Result<()> {
    if !Path::new("/etc").is_dir() || target.is_dir() {
        return Ok(());
    }
    // A pipe in its place would have no end.
    let base = match target.is_file() {
        true => fs::read(target).unwrap_or_default(),
        false => Vec::new(),
    };
    tmpfs(Path::new("/etc"))?;
    // Also where the target is a link to another directory, as that of resolvers may be.
    let file = Path::new("/etc/netyard");
    fs::write(file, made(&String::from_utf8_lossy(&base)))?;
    // Whatever the umask says.
    fs::set_permissions(file, Permissions::from_mode(0o644))?;
    let tree = clone(file)?;
    rustix::mount::unmount("/etc", UnmountFlags::DETACH)?;
    put_over(&tree, target)
}

/// Mounts a file over another. Where there is none, none is made on disk: the
/// directory is covered by one in memory that has it.
fn put_over(tree: &OwnedFd, target: &Path) -> io::Result<()> {
    let put = || {
        move_mount(
            tree,
            "",
            CWD,
            target,
            MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH,
        )
    };
    match (put(), target.parent()) {
        (Err(Errno::NOENT), Some(directory)) => {
            cover(directory, &[])?;
            let _ = fs::remove_file(target);
            File::create(target)?;
            Ok(put()?)
        }
        (done, _) => Ok(done?),
    }
}

/// A directory's entry, kept while the directory is covered.
enum Kept {
    Link(PathBuf),
    Directory(OwnedFd),
    File(OwnedFd),
}

/// Covers a directory by one in memory that shows the same, but for what is called
/// as in `without`. What cannot be cloned, such as an unbindable mount, is missing too.
pub(super) fn cover(directory: &Path, without: &[&str]) -> io::Result<()> {
    let mut all: Vec<(OsString, Kept)> = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !without.iter().any(|name| entry.file_name() == *name)
            && let Ok(kept) = keep(&entry)
        {
            all.push((entry.file_name(), kept));
        }
    }
    tmpfs(directory)?;
    for (name, kept) in all {
        let path = directory.join(name);
        let tree = match kept {
            Kept::Link(to) => {
                symlink(to, &path)?;
                continue;
            }
            Kept::Directory(tree) => fs::create_dir(&path).map(|()| tree)?,
            Kept::File(tree) => File::create(&path).map(|_| tree)?,
        };
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        move_mount(tree, "", CWD, path, flags)?;
    }
    Ok(())
}

fn keep(entry: &DirEntry) -> io::Result<Kept> {
    let (path, kind) = (entry.path(), entry.file_type()?);
    Ok(match kind {
        kind if kind.is_symlink() => Kept::Link(fs::read_link(path)?),
        kind if kind.is_dir() => Kept::Directory(clone(&path)?),
        _ => Kept::File(clone(&path)?),
    })
}

fn clone(path: &Path) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    Ok(open_tree(CWD, path, flags | OpenTreeFlags::AT_RECURSIVE)?)
}

fn tmpfs(directory: &Path) -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    Ok(mount(
        "netyard",
        directory,
        "tmpfs",
        flags,
        Some(c"mode=755"),
    )?)
}
