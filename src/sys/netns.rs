//! Network namespaces: entered in one function, made nameless, then named in the
//! directory that `ip netns` uses.
#![allow(unsafe_code)]

mod at;

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use rustix::fs::{StatxAttributes, StatxFlags};
use rustix::mount::{MountPropagationFlags, UnmountFlags};
use rustix::thread::{LinkNameSpaceType, UnshareFlags};

use super::netlink::netconf;
use super::netlink::socket::Socket;
use super::uapi::NSFS_MAGIC;
pub(crate) use crate::state::Identity;
pub(crate) use crate::state::machine::Directory;
use crate::state::{Netns, NetnsName, SysctlKey};
pub(crate) use at::{open_at, why};

/// Where `ip netns` keeps names (NETNS_RUN_DIR of iproute2, ip-netns(8)).
pub const DIRECTORY: &str = "/run/netns";

/// What is said of a name that goes while it is looked at, or of a device; EINVAL is
/// setns(2)'s answer to a name whose mount is not, or no longer, there.
pub(crate) const GONE: [i32; 3] = [libc::ENOENT, libc::ENODEV, libc::EINVAL];

/// Runs `f` inside a network namespace, on a thread made for it that then ends,
/// so that no other code ever runs in the wrong namespace. Sockets opened inside
/// stay there and may be used outside. `None` is the namespace of the caller.
pub(crate) fn enter<T: Send>(
    netns: Option<BorrowedFd<'_>>,
    f: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    on_thread(|| {
        if let Some(fd) = netns {
            rustix::thread::move_into_link_name_space(fd, Some(LinkNameSpaceType::Network))?;
        }
        f()
    })
}

/// Runs `f` on a thread that then ends.
pub(super) fn on_thread<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| joined(scope.spawn(f)))
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    match thread.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// This namespace, open; `None` for the host, which needs no entering.
pub(crate) fn open(netns: &Netns) -> io::Result<Option<OwnedFd>> {
    match netns {
        Netns::Host => Ok(None),
        Netns::At(path) => at::open(path).map(Some),
        Netns::Named(name) => Ok(Some(File::open(path(name))?.into())),
    }
}

/// An open namespace. One without a name goes when this is dropped and nobody is in it.
#[derive(Debug)]
pub(crate) struct Place {
    /// Keeps it alive.
    pub(crate) fd: OwnedFd,
    /// A route netlink socket inside it.
    pub(crate) socket: Socket,
    /// Which one it is.
    pub(crate) identity: Identity,
}

/// Makes namespaces, on threads that then end: half of what one takes is under no lock
/// of the kernel.
pub(crate) fn create(count: usize) -> io::Result<Vec<Place>> {
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get().min(4));
    let share = count.div_ceil(threads);
    std::thread::scope(|scope| {
        let rest = (0..count).step_by(share.max(1));
        let threads: Vec<_> = rest
            .map(|first| {
                let share = share.min(count - first);
                scope.spawn(move || (0..share).map(|_| create_here()).collect())
            })
            .collect();
        let made: io::Result<Vec<Vec<Place>>> = threads.into_iter().map(joined).collect();
        Ok(made?.into_iter().flatten().collect())
    })
}

fn create_here() -> io::Result<Place> {
    // SAFETY: only the network namespace is unshared, and only of this thread,
    // which holds no other thread's file table.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }?;
    let mut socket = Socket::route()?;
    forward_nothing(&mut socket)?;
    let fd: OwnedFd = File::open("/proc/thread-self/ns/net")?.into();
    place(fd, socket)
}

fn place(fd: OwnedFd, socket: Socket) -> io::Result<Place> {
    let identity = Identity {
        inode: inode(fd.as_fd())?,
        cookie: socket.netns_cookie()?,
    };
    Ok(Place {
        fd,
        socket,
        identity,
    })
}

/// A new namespace, which the thread is in, copies forwarding of all and of `default` from
/// the machine's first one (`devinet_init_net`, net/ipv4/devinet.c; for IPv6 if
/// net.core.devconf_inherit_init_net says so); one of ours forwards when its file says so.
pub(super) fn forward_nothing(socket: &mut Socket) -> io::Result<()> {
    for (family, switches) in netconf::forwarding(socket)? {
        if switches.all {
            fs::write(whole(family), "0")?;
        }
        // It is written to all others only when it changes.
        if switches.default {
            for dev in ["default", "lo"] {
                let key = SysctlKey::device_forward(family, dev);
                fs::write(Path::new("/proc/sys").join(key.path()), "0")?;
            }
        }
    }
    Ok(())
}

/// Forwarding of the whole namespace that the thread is in.
fn whole(family: u8) -> PathBuf {
    let key = SysctlKey::whole_forward(family);
    Path::new("/proc/sys").join(key.path())
}

/// Whether it is there.
pub fn exists(netns: &Netns) -> bool {
    match netns {
        Netns::Host => true,
        Netns::At(path) => at::is_network(path).unwrap_or(false),
        Netns::Named(name) => path(name).exists(),
    }
}

/// Opens this namespace, with a socket inside.
pub(crate) fn look_into(netns: &Netns) -> io::Result<Place> {
    let Some(fd) = open(netns)? else {
        return host();
    };
    let socket = enter(Some(fd.as_fd()), Socket::route)?;
    place(fd, socket)
}

/// Which namespace has this name or is at this path now; `None`: none, or the name is left
/// without its mount.
pub(crate) fn inode_of(netns: &Netns) -> io::Result<Option<u64>> {
    match netns {
        Netns::Host => Ok(Some(host()?.identity.inode)),
        Netns::At(path) => match at::inode(path) {
            Err(e) if at::why(&e).is_some() => Ok(None),
            inode => inode.map(Some),
        },
        Netns::Named(name) => named_inode(name),
    }
}

/// Which namespace this is that is open.
pub(crate) fn identity(netns: BorrowedFd<'_>) -> io::Result<Identity> {
    let socket = enter(Some(netns), Socket::route)?;
    Ok(Identity {
        inode: inode(netns)?,
        cookie: socket.netns_cookie()?,
    })
}

/// The namespace of the calling thread.
pub(crate) fn host() -> io::Result<Place> {
    place(
        File::open("/proc/thread-self/ns/net")?.into(),
        Socket::route()?,
    )
}

/// The nsfs inode of an open namespace.
pub(crate) fn inode(netns: BorrowedFd<'_>) -> io::Result<u64> {
    Ok(rustix::fs::fstat(netns)?.st_ino)
}

/// The file that is a namespace's name.
pub(crate) fn path(name: &NetnsName) -> PathBuf {
    Path::new(DIRECTORY).join(name.as_str())
}

/// Every name in the directory with the namespace it stands for; `None` where the
/// file is no namespace: a name that was made, or left behind, without its mount.
pub(crate) fn names() -> io::Result<Vec<(NetnsName, Option<u64>)>> {
    let entries = match fs::read_dir(DIRECTORY) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        // A file whose name netyard could not give cannot be in the way of one.
        if let Some(name) = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        {
            let inode = named_inode(&name)?;
            names.push((name, inode));
        }
    }
    names.sort();
    Ok(names)
}

/// Those of these names that are there, as [`names`] tells them.
pub(crate) fn those_of(wanted: &BTreeSet<NetnsName>) -> io::Result<Vec<(NetnsName, Option<u64>)>> {
    let mut names = Vec::new();
    for name in wanted {
        match fs::symlink_metadata(path(name)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            there => {
                there?;
                names.push((name.clone(), named_inode(name)?));
            }
        }
    }
    Ok(names)
}

pub(crate) fn named_inode(name: &NetnsName) -> io::Result<Option<u64>> {
    let path = path(name);
    match rustix::fs::statfs(&path) {
        Ok(found) if found.f_type == NSFS_MAGIC => match fs::metadata(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            found => Ok(Some(found?.ino())),
        },
        // Something else, such as a link that leads nowhere or in a circle.
        Ok(_) | Err(rustix::io::Errno::NOENT | rustix::io::Errno::LOOP) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Gives a namespace its name, as `ip netns add` does. Never takes over a file
/// that is already there.
pub(crate) fn name(name: &NetnsName, netns: BorrowedFd<'_>) -> io::Result<()> {
    let path = path(name);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o444)
        .open(&path)?;
    let source = format!("/proc/self/fd/{}", netns.as_raw_fd());
    if let Err(e) = rustix::mount::mount_bind(source, &path) {
        fs::remove_file(&path)?;
        return Err(e.into());
    }
    Ok(())
}

/// Takes a name away: the mount, then the file. Either may be gone already.
pub(crate) fn unname(name: &NetnsName) -> io::Result<()> {
    let path = path(name);
    match rustix::mount::unmount(&path, UnmountFlags::DETACH) {
        Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => {}
        Err(e) => return Err(e.into()),
    }
    match fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// How the directory is.
pub(crate) fn directory() -> io::Result<Directory> {
    let found = match rustix::fs::statx(
        rustix::fs::CWD,
        DIRECTORY,
        rustix::fs::AtFlags::empty(),
        StatxFlags::MNT_ID,
    ) {
        Err(rustix::io::Errno::NOENT) => return Ok(Directory::Missing),
        found => found?,
    };
    if !found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT) {
        return Ok(Directory::Plain);
    }
    let known = found.stx_mask & StatxFlags::MNT_ID.bits() != 0;
    let mount = mounted(known.then_some(found.stx_mnt_id))?;
    let is = |tag| mount.split(' ').any(|field| field.starts_with(tag));
    Ok(match (is("shared:"), is("master:")) {
        (true, _) => Directory::Ready,
        (false, true) => Directory::Following,
        (false, false) => Directory::Private,
    })
}

/// What the kernel says of the directory's mount (proc_pid_mountinfo(5)), by its number,
/// which kernels since 5.8 tell: it stands before the namespaces, of which there may be a
/// thousand. Mounts that others cover are listed too; the one that is seen is the last.
fn mounted(number: Option<u64>) -> io::Result<String> {
    let number = number.map(|number| number.to_string());
    let mut seen = String::new();
    for line in BufReader::new(fs::File::open("/proc/thread-self/mountinfo")?).split(b'\n') {
        // A mount's path may be of any bytes.
        let line = String::from_utf8_lossy(&line?).into_owned();
        if number.is_some() && line.split(' ').next() == number.as_deref() {
            return Ok(line);
        }
        if line.split(' ').nth(4) == Some(DIRECTORY) {
            seen = line;
        }
    }
    Ok(seen)
}

/// Prepares the directory as `ip netns add` does: mounted on itself, shared.
pub(crate) fn prepare(found: Directory) -> io::Result<()> {
    match found {
        Directory::Ready => return Ok(()),
        Directory::Private | Directory::Following => {}
        Directory::Plain | Directory::Missing => {
            fs::create_dir_all(DIRECTORY)?;
            rustix::mount::mount_bind_recursive(DIRECTORY, DIRECTORY)?;
        }
    }
    let flags = MountPropagationFlags::SHARED | MountPropagationFlags::REC;
    Ok(rustix::mount::mount_change(DIRECTORY, flags)?)
}

/// Takes the directory's mount away; `false`: somebody holds it. Who is just ending, such as a
/// program that was killed, lets go in a moment.
fn unmounted() -> io::Result<bool> {
    for _ in 0..20 {
        match rustix::mount::unmount(DIRECTORY, UnmountFlags::empty()) {
            Err(rustix::io::Errno::BUSY) => std::thread::sleep(Duration::from_millis(1)),
            unmounted => return Ok(unmounted.map(|()| true)?),
        }
    }
    Ok(false)
}

/// Puts the directory back as it was found, unless a name is still in it. Not by
/// force: what is busy stays.
pub(crate) fn unprepare(found: Directory) -> io::Result<()> {
    if fs::read_dir(DIRECTORY).is_ok_and(|mut entries| entries.next().is_some()) {
        return Ok(());
    }
    let now = directory()?;
    match (found, now) {
        (Directory::Ready, _) => return Ok(()),
        (Directory::Private, Directory::Ready) => {
            let flags = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
            return Ok(rustix::mount::mount_change(DIRECTORY, flags)?);
        }
        // Who may not mount may not unmount: only a mount is taken away.
        (_, Directory::Plain | Directory::Missing) | (Directory::Private, _) => {}
        _ if !unmounted()? => return Ok(()),
        _ => {}
    }
    if found == Directory::Missing {
        remove_empty_directory()?;
    }
    Ok(())
}

fn remove_empty_directory() -> io::Result<()> {
    match fs::remove_dir(DIRECTORY) {
        Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
