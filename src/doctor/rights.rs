//! What this process, and an ordinary user, may do.

use super::{Finding, Group, Level};
use crate::state::machine::{Barred, Directory, Rights};

const RIGHTS: Group = Group::Rights;

pub(super) fn judge(rights: &Rights) -> Vec<Finding> {
    let mut all = vec![administrator(rights.administrator)];
    all.push(private(rights));
    all.push(names(&rights.names));
    if rights.administrator {
        all.push(run(rights.run.as_deref()));
        all.push(journal(rights.journal.as_deref()));
    }
    all.extend(rights.cgroup.map(cgroup));
    all
}

fn administrator(is: bool) -> Finding {
    match is {
        true => RIGHTS.ok("administrator", "CAP_NET_ADMIN and CAP_SYS_ADMIN are there"),
        false => RIGHTS.finding(
            Level::Note,
            "administrator",
            "CAP_NET_ADMIN and CAP_SYS_ADMIN are not there, as root has them",
            (
                "labs on the host need them; firewalls and programs of others were seen only in part",
                "`netyard run` and `netyard run --private` need none of them; `sudo netyard doctor` sees all",
            ),
        ),
    }
}

/// For who is not root it is the only way to a lab.
fn private(rights: &Rights) -> Finding {
    let id = "user-namespaces";
    let level = match rights.administrator {
        true => Level::Warning,
        false => Level::Error,
    };
    match &rights.private {
        None => RIGHTS.finding(
            Level::Note,
            id,
            "whether an ordinary user gets a private world could not be tried",
            (
                "in a user namespace, or a program with several threads, root cannot step down",
                "start `netyard doctor` as an ordinary user",
            ),
        ),
        Some(Ok(())) => RIGHTS.ok(
            id,
            match rights.max_user_namespaces {
                Some(most) => format!(
                    "an ordinary user gets a private world (user.max_user_namespaces is {most})"
                ),
                None => "an ordinary user gets a private world".to_owned(),
            },
        ),
        Some(Err(Barred { why, remedy })) => RIGHTS.finding(
            level,
            id,
            format!("an ordinary user gets no private world: {why}"),
            ("`netyard run` works only for root", remedy),
        ),
    }
}

fn names(directory: &Result<Directory, String>) -> Finding {
    let id = "names";
    match directory {
        Ok(Directory::Ready) => RIGHTS.ok(id, "/run/netns is shared: all see the names in it"),
        Ok(Directory::Missing | Directory::Plain | Directory::Private) => RIGHTS.ok(
            id,
            "/run/netns is not shared yet: the first lab makes it so, as `ip netns add` does",
        ),
        Ok(Directory::Following) => RIGHTS.finding(
            Level::Warning,
            id,
            "/run/netns follows that of another mount namespace",
            (
                "namespaces that are named here are seen nowhere else, and go with this mount namespace",
                "start netyard outside of `ip netns exec`, `unshare --mount` or a service with a mount namespace of \
                 its own (PrivateTmp=, ProtectSystem=)",
            ),
        ),
        Err(why) => RIGHTS.finding(
            Level::Warning,
            id,
            format!("/run/netns cannot be looked at: {why}"),
            ("namespaces may get no names", "mount /proc, and a /run that can be written"),
        ),
    }
}

fn run(refused: Option<&str>) -> Finding {
    match refused {
        None => RIGHTS.ok("run", "/run/netyard can be written"),
        Some(why) => RIGHTS.finding(
            Level::Error,
            "run",
            format!("/run/netyard cannot be written: {why}"),
            (
                "no lab comes up: what is made is recorded there first",
                "mount a tmpfs at /run that can be written",
            ),
        ),
    }
}

fn journal(refused: Option<&str>) -> Finding {
    match refused {
        None => RIGHTS.ok("journal", "the journal can be read"),
        Some(why) => RIGHTS.finding(
            Level::Error,
            "journal",
            format!("the journal cannot be read: {why}"),
            (
                "no lab comes up or goes down",
                "look at /run/netyard; without it, `netyard gc` finds what labs left",
            ),
        ),
    }
}

fn cgroup(version: u8) -> Finding {
    match version {
        2 => RIGHTS.ok("cgroup", "cgroups of version 2"),
        _ => RIGHTS.finding(
            Level::Note,
            "cgroup",
            "cgroups of version 1",
            (
                "netyard uses none; container engines give up this version",
                "start the kernel with systemd.unified_cgroup_hierarchy=1",
            ),
        ),
    }
}
