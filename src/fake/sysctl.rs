//! Settings below /proc/sys/net, and how writing one writes others.

use std::collections::BTreeMap;

use super::{Failure, refuse};
use crate::state::{IfName, LabName, Link, Namespace, Origin, Sysctl, SysctlKey};

type Settings = BTreeMap<SysctlKey, Sysctl>;

fn defaults() -> [SysctlKey; 2] {
    [4, 6].map(|family| SysctlKey::device_forward(family, "default"))
}

fn value<'a>(settings: &'a Settings, key: &SysctlKey) -> &'a str {
    settings.get(key).map_or("0", |sysctl| &sysctl.value)
}

fn put(settings: &mut Settings, key: SysctlKey, value: &str) {
    settings.insert(key, Sysctl::new(value));
}

pub(super) fn of_new_namespace(host: Option<&Namespace>) -> Settings {
    let mut settings = Settings::new();
    let [default4, default6] = defaults();
    let (forward4, redirects4) = (SysctlKey::forward4(), SysctlKey::redirects4());
    for (key, compiled) in [(forward4, "0"), (default4, "0"), (redirects4, "1")] {
        let inherited = host.map(|host| value(&host.sysctls, &key).to_owned());
        put(&mut settings, key, inherited.as_deref().unwrap_or(compiled));
    }
    put(&mut settings, SysctlKey::forward6(), "0");
    put(&mut settings, default6, "0");
    for key in [SysctlKey::udp_timeout(), SysctlKey::udp_stream_timeout()] {
        let fresh = key.fresh();
        put(&mut settings, key, fresh);
    }
    settings
}

pub(super) fn forward_nothing(namespace: &mut Namespace) {
    for (key, sysctl) in &mut namespace.sysctls {
        if key.overwrites() || key.device().is_some() {
            "0".clone_into(&mut sysctl.value);
        }
    }
}

fn of_device(dev: &IfName) -> [SysctlKey; 3] {
    let forward = |family| SysctlKey::device_forward(family, dev.as_str());
    [forward(4), forward(6), SysctlKey::accept_ra(dev)]
}

/// A new device forwards as `default` says.
pub(super) fn add_device(namespace: &mut Namespace, dev: &IfName) {
    let [forward4, forward6, accept_ra] = of_device(dev);
    for (key, default) in [forward4, forward6].into_iter().zip(defaults()) {
        let inherited = value(&namespace.sysctls, &default).to_owned();
        put(&mut namespace.sysctls, key, &inherited);
    }
    put(&mut namespace.sysctls, accept_ra, "1");
}

pub(super) fn remove_device(namespace: &mut Namespace, dev: &IfName) {
    for key in of_device(dev) {
        namespace.sysctls.remove(&key);
    }
}

pub(super) fn rename_device(namespace: &mut Namespace, from: &IfName, to: &IfName) {
    for (old, new) in of_device(from).into_iter().zip(of_device(to)) {
        if let Some(sysctl) = namespace.sysctls.remove(&old) {
            namespace.sysctls.insert(new, sysctl);
        }
    }
}

/// IPv4 forwarding spreads only when it changes (`devinet_sysctl_forward`), IPv6
/// forwarding always (`addrconf_fixup_forwarding`).
pub(super) fn write(namespace: &mut Namespace, key: &SysctlKey, new: &str) -> Result<(), Failure> {
    let Some(sysctl) = namespace.sysctls.get_mut(key) else {
        return refuse(libc::ENOENT);
    };
    let old = std::mem::replace(&mut sysctl.value, new.to_owned());
    let v6 = *key == SysctlKey::forward6();
    if key.overwrites() && (v6 || old != new) {
        let (settings, on) = (&mut namespace.sysctls, new != "0");
        for (other, sysctl) in settings.iter_mut() {
            match other.is_overwritten_by(key) {
                true if other.is_per_device() => sysctl.value = new.to_owned(),
                true => sysctl.value = if on { "0" } else { "1" }.to_owned(),
                false => {}
            }
        }
    }
    let forwards6 = v6 || key.is_per_device() && key.path().starts_with("net/ipv6/");
    if forwards6 && new != "0" && !defaults().contains(key) {
        purge_default_routes(namespace);
    }
    Ok(())
}

/// A router learns no default route: those that it had learned go, unless the
/// device takes advertisements always (`rt6_purge_dflt_routers`, net/ipv6/route.c).
fn purge_default_routes(namespace: &mut Namespace) {
    let settings = &namespace.sysctls;
    let always = |dev: &IfName| value(settings, &SysctlKey::accept_ra(dev)) == "2";
    (namespace.routes).retain(|r| !(r.origin == Origin::Ra && r.is_default()) || always(&r.dev));
}

/// Whether a host that shall forward is asked for this setting: forwarding itself,
/// that of devices which no lab made, and the advertisements that are listened to.
pub(super) fn matters(key: &SysctlKey, host: &Namespace) -> bool {
    let of = |dev: &IfName| of_device(dev).contains(key);
    let learned = host
        .routes
        .iter()
        .any(|r| r.origin == Origin::Ra && of(&r.dev));
    let marked = host
        .links
        .iter()
        .any(|(dev, link)| link.owner.is_some() && of(dev));
    match key.is_accept_ra() {
        true => learned,
        false => !marked,
    }
}

/// The forwarding of the namespace that this key is part of.
fn of_whole<'a>(key: &SysctlKey, namespace: &'a Namespace) -> Option<&'a str> {
    let all = [SysctlKey::forward4(), SysctlKey::forward6()];
    let whole = all.iter().find(|whole| key.is_overwritten_by(whole))?;
    key.device()?;
    Some(value(&namespace.sysctls, whole))
}

/// Whether a namespace forwards, or this device of it is not as the whole of it.
pub(super) fn is_apart(key: &SysctlKey, inside: &Namespace) -> bool {
    let now = value(&inside.sysctls, key);
    key.overwrites() && now == "1" || of_whole(key, inside).is_some_and(|whole| whole != now)
}

/// Whether the host forwards, and this device of the lab does not.
pub(super) fn is_shut(key: &SysctlKey, host: &Namespace, lab: &LabName) -> bool {
    let own = |link: &Link| link.owner.as_ref() == Some(lab);
    let mut links = host.links.iter();
    let of_lab = links.any(|(dev, link)| Some(dev.as_str()) == key.device() && own(link));
    of_lab && of_whole(key, host) == Some("1") && value(&host.sysctls, key) == "0"
}
