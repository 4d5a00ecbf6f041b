//! What lies behind a refusal, in words.

use std::fmt;

use super::Facts;

/// What lies behind a refusal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reason<'a> {
    Threads,
    Zero(&'static str),
    Limit,
    NotBuilt,
    Debian,
    Ubuntu,
    Profile(&'a str),
    Chroot,
    Root,
    Filter,
    Unknown,
    /// Not a refusal, but an error.
    Odd,
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Threads => "only a process with a single thread can",
            Reason::Zero(kind) => return write!(f, "the sysctl user.max_{kind}_namespaces is 0"),
            Reason::Limit => {
                "there are as many as a sysctl user.max_*_namespaces allows, or 32 inside one another"
            }
            Reason::NotBuilt => "this kernel was built without them",
            Reason::Debian => "the sysctl kernel.unprivileged_userns_clone is 0",
            Reason::Ubuntu => {
                "AppArmor lets only programs that have a profile (sysctl kernel.apparmor_restrict_unprivileged_userns)"
            }
            Reason::Profile(profile) => {
                return write!(f, "the AppArmor profile `{profile}` of this process forbids it");
            }
            Reason::Chroot => "the kernel gives none to a process in a chroot",
            // `verify_root_map`, kernel/user_namespace.c, since Linux 5.12.
            Reason::Root => "root needs CAP_SETFCAP to be root in there too",
            Reason::Filter => "a seccomp filter is on this process, as containers have it",
            Reason::Unknown => "perhaps a security module such as SELinux forbids it",
            Reason::Odd => "that is no usual refusal",
        })
    }
}

impl Reason<'_> {
    /// What to do about it.
    pub(super) fn remedy(&self, facts: &Facts) -> String {
        match self {
            Reason::Threads => "ask for it before the program starts a thread".to_owned(),
            Reason::Zero(kind) => format!("as root: sysctl -w user.max_{kind}_namespaces=10000"),
            Reason::Limit => "end what holds namespaces, or as root raise the limit".to_owned(),
            Reason::NotBuilt => {
                "use a kernel with CONFIG_USER_NS, CONFIG_NET_NS and CONFIG_PID_NS".to_owned()
            }
            Reason::Debian => "as root: sysctl -w kernel.unprivileged_userns_clone=1".to_owned(),
            Reason::Ubuntu => ubuntu(&facts.program),
            Reason::Profile(_) => {
                "in a container: start it with --security-opt apparmor=unconfined; else add `userns,` and `mount,` to the profile".to_owned()
            }
            Reason::Chroot => "run it outside, or in a container".to_owned(),
            Reason::Root => "run it as a normal user, or with CAP_SETFCAP".to_owned(),
            Reason::Filter => {
                "start the container with --security-opt seccomp=unconfined (docker, podman)".to_owned()
            }
            Reason::Unknown | Reason::Odd => "look into the kernel's log (dmesg)".to_owned(),
        }
    }
}

/// As AppArmor's own profiles for such programs say it; a profile's text goes by lines
/// (apparmor.d(5)).
fn ubuntu(program: &str) -> String {
    let profile = format!(
        r"abi <abi/4.0>,\nprofile netyard {program} flags=(unconfined) {{\n  userns,\n}}\n"
    );
    format!(
        "as root, allow it to this program:
      printf '{profile}' >/etc/apparmor.d/netyard
      apparmor_parser -r /etc/apparmor.d/netyard
      or to all: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    )
}
