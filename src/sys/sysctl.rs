//! Kernel settings: files below /proc/sys, those of the namespace that the
//! reading thread is in.

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::netns;
use crate::state::SysctlKey;

fn path(key: &SysctlKey) -> PathBuf {
    Path::new("/proc/sys").join(key.path())
}

/// The values of settings in one namespace, `None` for one that is not there,
/// as when its device has gone.
pub(crate) fn read(
    netns: Option<BorrowedFd<'_>>,
    keys: &[SysctlKey],
) -> io::Result<Vec<Option<String>>> {
    let read_all = || keys.iter().map(read_one).collect();
    // Without a namespace to enter no thread is needed.
    if netns.is_none() {
        read_all()
    } else {
        netns::enter(netns, read_all)
    }
}

fn read_one(key: &SysctlKey) -> io::Result<Option<String>> {
    match fs::read_to_string(path(key)) {
        Ok(text) => Ok(Some(text.trim_end_matches('\n').to_owned())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// A setting below /proc/sys/net, by its path there.
pub(crate) fn net(netns: BorrowedFd<'_>, path: &str) -> io::Result<String> {
    let path = Path::new("/proc/sys/net").join(path);
    let text = netns::enter(Some(netns), || fs::read_to_string(path))?;
    Ok(text.trim_end().to_owned())
}

/// Writes a setting in one namespace.
pub(crate) fn write(netns: Option<BorrowedFd<'_>>, key: &SysctlKey, value: &str) -> io::Result<()> {
    netns::enter(netns, || fs::write(path(key), value))
}

/// The per-device forwarding settings of a namespace, `default` among them.
pub(crate) fn devices(netns: Option<BorrowedFd<'_>>, family: u8) -> io::Result<Vec<String>> {
    match netns {
        None => devices_here(family),
        entry => netns::enter(entry, || devices_here(family)),
    }
}

fn devices_here(family: u8) -> io::Result<Vec<String>> {
    let mut devices = Vec::new();
    let directory = format!("/proc/sys/net/ipv{family}/conf");
    let entries = match fs::read_dir(directory) {
        // IPv6 may be switched off altogether (ipv6.disable=1).
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(devices),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name();
        devices.extend(
            name.to_str()
                .filter(|name| *name != "all")
                .map(str::to_owned),
        );
    }
    Ok(devices)
}

/// Whether the kernel is at least of this version.
pub(crate) fn kernel_is(major: u32, minor: u32) -> bool {
    let system = rustix::system::uname();
    let release = system.release().to_string_lossy();
    let mut numbers = release.split(['.', '-']).map_while(|n| n.parse().ok());
    let version: (u32, u32) = (
        numbers.next().unwrap_or_default(),
        numbers.next().unwrap_or_default(),
    );
    version >= (major, minor)
}
