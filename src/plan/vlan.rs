//! VLANs: what bridges do with them, and in which their ports are.

use super::Setting;
use super::order::{Rank, Turn};
use crate::state::{Link, LinkKind, Vlans};

/// Whether a bridge tells them apart: before any port is made, or after all else.
pub(super) fn filtering(
    want: &Link,
    have: &Link,
) -> Option<(Rank, Setting, Setting, &'static str)> {
    let (rank, because) = match want.filtering.on {
        true => (Rank::Bridge, "the file has VLANs on this network"),
        false => (Rank::Unfiltered, "the file has no VLANs on this network"),
    };
    let [set, was] = [want.filtering, have.filtering].map(Setting::Filtering);
    (want.filtering != have.filtering).then_some((rank, set, was, because))
}

/// The VLANs that it is in. A port loses them with its bridge (`nbp_vlan_flush`,
/// net/bridge/br_vlan.c).
pub(super) fn of_port(want: &Link, have: &Link) -> Option<(Turn, Setting, Setting, &'static str)> {
    let (setting, because): (fn(Vlans) -> Setting, _) = match want.kind {
        LinkKind::Bridge if want.vlans.is_empty() => {
            (Setting::OwnVlans, "the file has no VLANs on this network")
        }
        LinkKind::Bridge => (Setting::OwnVlans, "the host is in the VLAN of this network"),
        _ if want.vlans.is_empty() => (Setting::Vlans, "the file has no VLANs on its network"),
        _ => (
            Setting::Vlans,
            "the file has it in these VLANs, and in no other",
        ),
    };
    let stays = want.master == have.master;
    let was = Some(&have.vlans).filter(|_| stays).cloned();
    let was = was.unwrap_or_default();
    (want.vlans != was).then(|| {
        let set = setting(want.vlans.clone());
        (Turn::Vlans, set, setting(was), because)
    })
}
