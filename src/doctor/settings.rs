//! Settings of the kernel.

use super::{Finding, Group, Level};
use crate::state::machine::Settings;

const SETTINGS: Group = Group::Settings;

/// What the kernel is built with (`_SK_MEM_OVERHEAD`, include/net/sock.h): 256 packets of
/// 576 bytes.
const RMEM_MAX: u64 = 212_992;

pub(super) fn judge(settings: &Settings) -> Vec<Finding> {
    let mut all = Vec::new();
    all.extend(forwarding(settings));
    all.push(rp_filter(&settings.strict));
    all.push(bridge_rules(settings.bridge_rules));
    all.push(localnet(&settings.localnet));
    all.push(accept_ra(settings));
    all.extend(settings.ipv6_off.map(ipv6));
    all.extend(settings.rmem_max.map(rmem_max));
    all.extend(settings.inherit.map(inherit));
    all
}

fn forwarding(settings: &Settings) -> impl Iterator<Item = Finding> {
    let names = [
        ("ip-forward", "net.ipv4.ip_forward"),
        ("ip6-forward", "net.ipv6.conf.all.forwarding"),
    ];
    let each = names.into_iter().zip(settings.forwards);
    each.filter_map(|((id, name), forwards)| {
        let meaning = match forwards? {
            true => "is 1: this host forwards already, and goes on when the last lab has gone",
            false => "is 0: the first lab that routes switches it on, the last one off again",
        };
        Some(SETTINGS.ok(id, format!("{name} {meaning}")))
    })
}

/// `IN_DEV_RPFILTER`: the larger of the device's and that of all counts.
fn rp_filter(strict: &[String]) -> Finding {
    match strict {
        [] => SETTINGS.ok("rp-filter", "net.ipv4.conf.*.rp_filter is strict nowhere"),
        devices => SETTINGS.finding(
            Level::Note,
            "rp-filter",
            format!("net.ipv4.conf.*.rp_filter is strict (1) for {}", some(devices)),
            (
                "what comes in by another device than the answer would leave by is dropped: asymmetric routes of \
                 labs lose packets",
                "where a lab has such routes: `sysctl -w net.ipv4.conf.all.rp_filter=2` (loose)",
            ),
        ),
    }
}

fn bridge_rules([four, six]: [Option<bool>; 2]) -> Finding {
    match (four, six) {
        (None, None) => SETTINGS.ok("bridge-rules", "br_netfilter is not there: bridges only switch"),
        (Some(false), Some(false) | None) | (None, Some(false)) => {
            SETTINGS.ok("bridge-rules", "net.bridge.bridge-nf-call-*tables is 0: bridges only switch")
        }
        _ => SETTINGS.finding(
            Level::Note,
            "bridge-rules",
            "net.bridge.bridge-nf-call-iptables or -ip6tables is 1 (br_netfilter)",
            (
                "what stays on one bridge passes the rules of all firewalls: netyard's let it through, another's \
                 `policy drop` in forward does not",
                "unless Docker or Kubernetes needs it: `sysctl -w net.bridge.bridge-nf-call-iptables=0` and \
                 `sysctl -w net.bridge.bridge-nf-call-ip6tables=0`",
            ),
        ),
    }
}

fn localnet(on: &[String]) -> Finding {
    match on {
        [] => SETTINGS.ok("route-localnet", "net.ipv4.conf.*.route_localnet is 0"),
        which => SETTINGS.finding(
            Level::Warning,
            "route-localnet",
            format!("net.ipv4.conf.{{{}}}.route_localnet is 1", which.join(",")),
            (
                "neighbours and containers reach what listens only on 127.0.0.1 (as in CVE-2020-8558)",
                "`sysctl -w net.ipv4.conf.all.route_localnet=0`, and the same of `default`; netyard sets it only for \
                 its own bridges, behind a rule",
            ),
        ),
    }
}

/// A device that forwards takes router advertisements only with 2
/// (Documentation/networking/ip-sysctl.rst, accept_ra).
fn accept_ra(settings: &Settings) -> Finding {
    let forwards = settings.forwards[1] == Some(true);
    match &settings.accept_ra[..] {
        devices if forwards && !devices.is_empty() => SETTINGS.finding(
            Level::Note,
            "accept-ra",
            format!("IPv6 is forwarded, and accept_ra is 1 for {}", some(devices)),
            (
                "these devices take no router advertisements: an IPv6 address or default route that came by one is \
                 not renewed",
                "where the network has a router that advertises: `sysctl -w net.ipv6.conf.DEVICE.accept_ra=2`",
            ),
        ),
        _ => SETTINGS.ok(
            "accept-ra",
            "accept_ra: a lab that forwards IPv6 keeps the routes that came by router advertisements",
        ),
    }
}

fn ipv6(off: bool) -> Finding {
    match off {
        false => SETTINGS.ok("ipv6-off", "net.ipv6.conf.all.disable_ipv6 is 0"),
        true => SETTINGS.finding(
            Level::Warning,
            "ipv6-off",
            "net.ipv6.conf.all.disable_ipv6 is 1",
            (
                "networks with an IPv6 subnet do not come up: their bridge gets no address",
                "`sysctl -w net.ipv6.conf.all.disable_ipv6=0`, or IPv4 subnets only",
            ),
        ),
    }
}

fn rmem_max(bytes: u64) -> Finding {
    let what = format!("net.core.rmem_max is {bytes}");
    match bytes < RMEM_MAX {
        false => SETTINGS.ok("rmem-max", what),
        true => SETTINGS.finding(
            Level::Note,
            "rmem-max",
            format!("{what}, less than the kernel's own {RMEM_MAX}"),
            (
                "programs lose packets of bursts; netyard itself, as root, is not bound by it",
                "`sysctl -w net.core.rmem_max=212992`",
            ),
        ),
    }
}

/// Documentation/admin-guide/sysctl/net.rst, devconf_inherit_init_net.
fn inherit(how: u64) -> Finding {
    let from = match how {
        0 => {
            return SETTINGS.ok(
                "inherit",
                "net.core.devconf_inherit_init_net is 0: new namespaces begin with IPv6's defaults, and with the first \
                 namespace's settings of IPv4",
            );
        }
        1 => "the machine's first namespace",
        2 => {
            return SETTINGS.ok(
                "inherit",
                "net.core.devconf_inherit_init_net is 2: new namespaces begin with the kernel's defaults",
            );
        }
        _ => "the namespace of who makes them",
    };
    SETTINGS.finding(
        Level::Note,
        "inherit",
        format!("net.core.devconf_inherit_init_net is {how}"),
        (
            &format!(
                "new namespaces copy settings below net.ipv4.conf and net.ipv6.conf from {from}, such as \
                 disable_ipv6; netyard resets forwarding only"
            ),
            "`sysctl -w net.core.devconf_inherit_init_net=2`",
        ),
    )
}

/// A few of them by name.
fn some(devices: &[String]) -> String {
    const NAMED: usize = 4;
    let named = devices.iter().take(NAMED).cloned().collect::<Vec<_>>();
    match devices.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
