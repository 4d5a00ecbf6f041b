//! What is said in each case; those that can be had for real are in tests/kernel/run.rs.

use super::*;
use crate::sys::Failure;

fn facts() -> Facts {
    Facts {
        program: "/usr/bin/netyard".to_owned(),
        ..Facts::default()
    }
}

fn blocked(step: Step, errno: i32, facts: Facts) -> Blocked {
    let refused = Failure { errno, text: None };
    Blocked {
        step,
        refused,
        facts,
    }
}

/// What is said contains the first, and what to do the second.
#[track_caller]
fn says((step, errno): (Step, i32), facts: Facts, why: &str, remedy: &str) {
    let blocked = blocked(step, errno, facts);
    assert!(blocked.to_string().contains(why), "{blocked}");
    assert!(blocked.remedy().contains(remedy), "{}", blocked.remedy());
}

#[test]
fn sysctls_are_named() {
    let zero = |kind| Facts {
        zero: vec![kind],
        ..facts()
    };
    let full = (Step::User, libc::ENOSPC);
    says(
        full,
        zero("user"),
        "user.max_user_namespaces is 0",
        "sysctl -w user.max_user_namespaces=",
    );
    let full_net = (Step::Others, libc::ENOSPC);
    says(
        full_net,
        zero("net"),
        "user.max_net_namespaces is 0",
        "sysctl -w user.max_net_namespaces=",
    );
    says(full, facts(), "32 inside one another", "raise the limit");
    let debian = Facts {
        debian_forbids: true,
        ..facts()
    };
    says(
        (Step::User, libc::EPERM),
        debian,
        "unprivileged_userns_clone is 0",
        "unprivileged_userns_clone=1",
    );
}

#[test]
fn ubuntu_gives_a_namespace_and_nothing_in_it() {
    let restricts = Facts {
        ubuntu_restricts: true,
        ..facts()
    };
    for refused in [
        (Step::User, libc::EACCES),
        (Step::Map, libc::EACCES),
        (Step::Others, libc::EPERM),
    ] {
        says(
            refused,
            restricts.clone(),
            "AppArmor lets only",
            "profile netyard /usr/bin/netyard",
        );
    }
    let lamed = Facts {
        profile: Some("unprivileged_userns (enforce)".to_owned()),
        ..facts()
    };
    says(
        (Step::Map, libc::EPERM),
        lamed,
        "AppArmor lets only",
        "apparmor_restrict_unprivileged_userns=0",
    );
}

#[test]
fn a_container_filters_unshare_and_forbids_mount() {
    let docker = Facts {
        filtered: true,
        ubuntu_restricts: true,
        profile: Some("docker-default (enforce)".to_owned()),
        ..facts()
    };
    says(
        (Step::User, libc::EPERM),
        docker.clone(),
        "seccomp",
        "seccomp=unconfined",
    );
    says(
        (Step::Mount, libc::EACCES),
        docker,
        "`docker-default (enforce)`",
        "apparmor=unconfined",
    );
}

#[test]
fn what_else_it_may_be() {
    let refused = (Step::User, libc::EPERM);
    says(
        refused,
        Facts {
            chroot: true,
            ..facts()
        },
        "chroot",
        "outside",
    );
    let root = Facts {
        root: true,
        ..facts()
    };
    says((Step::Map, libc::EPERM), root, "CAP_SETFCAP", "normal user");
    says(refused, facts(), "SELinux", "dmesg");
    says(
        (Step::User, libc::EINVAL),
        facts(),
        "built without",
        "CONFIG_USER_NS",
    );
    says((Step::Alone, 0), facts(), "single thread", "before");
    says((Step::Map, libc::EIO), facts(), "no usual refusal", "dmesg");
}
