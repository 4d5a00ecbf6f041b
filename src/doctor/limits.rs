//! How much there is of something.

use super::{Advice, Finding, Group, Level};
use crate::state::machine::{Limits, Use};

const LIMITS: Group = Group::Limits;

/// Open files for each namespace of a lab (`sys::open_files`), and for netyard itself.
const FILES_EACH: u64 = 2;
const FILES_OWN: u64 = 50;
/// A lab of so many namespaces is what others call a large one.
const LARGE: u64 = 1000;

pub(super) fn judge(limits: &Limits) -> Vec<Finding> {
    let mut all = vec![open_files(limits.open_files)];
    let families = [("neighbours-ipv4", "ipv4"), ("neighbours-ipv6", "ipv6")];
    for ((id, family), seen) in families.into_iter().zip(limits.neighbours) {
        let remedy = format!(
            "`sysctl -w net.{family}.neigh.default.gc_thresh3=16384`, and half of it for gc_thresh2"
        );
        let what = format!(
            "{} neighbours of all namespaces",
            family.replace("ipv", "IPv")
        );
        let advice = (
            "over it packets are lost (\"neighbour table overflow\" in the kernel's log)",
            remedy.as_str(),
        );
        all.extend(seen.map(|seen| used(id, &what, seen, advice)));
    }
    let flows =
        "new connections are then dropped (\"nf_conntrack: table full\" in the kernel's log)";
    let more = "on the machine itself: `sysctl -w net.netfilter.nf_conntrack_max=1048576`";
    let flows = limits
        .flows
        .map(|seen| used("conntrack", "tracked connections", seen, (flows, more)));
    all.extend(flows);
    let spaces = limits.namespaces.map(|seen| {
        let advice = (
            "then no namespace can be made: labs do not come up",
            "`sysctl -w user.max_net_namespaces=100000`; `netyard gc` removes what dead labs left",
        );
        used("namespaces", "network namespaces", seen, advice)
    });
    all.extend(spaces);
    all.push(inotify(limits));
    all
}

fn open_files(most: u64) -> Finding {
    let namespaces = most.saturating_sub(FILES_OWN) / FILES_EACH;
    let what = format!("{most} open files");
    match namespaces >= LARGE {
        true => LIMITS.ok("open-files", what),
        false => LIMITS.finding(
            Level::Warning,
            "open-files",
            format!("only {what} (the hard limit)"),
            (
                &format!("labs of more than some {namespaces} namespaces do not come up"),
                "raise the hard limit: `ulimit -Hn 65536` as root, LimitNOFILE= of a systemd service",
            ),
        ),
    }
}

/// Three quarters of it are in use.
fn used(id: &'static str, what: &str, (used, most): Use, advice: Advice<'_>) -> Finding {
    let told = format!("{used} of at most {most} {what}");
    match used.saturating_mul(4) >= most.saturating_mul(3) {
        true => LIMITS.finding(Level::Warning, id, told, advice),
        false => LIMITS.ok(id, told),
    }
}

fn inotify(limits: &Limits) -> Finding {
    let (refused, most) = &limits.inotify;
    let most = most.map_or_else(String::new, |most| {
        format!(" (fs.inotify.max_user_instances is {most})")
    });
    match refused {
        None => LIMITS.ok("inotify", format!("inotify can be used{most}")),
        Some(why) => LIMITS.finding(
            Level::Warning,
            "inotify",
            format!("inotify cannot be used: {why}{most}"),
            (
                "`netyard watch` does not start",
                "`sysctl -w fs.inotify.max_user_instances=1024`",
            ),
        ),
    }
}
