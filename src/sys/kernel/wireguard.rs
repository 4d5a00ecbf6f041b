//! WireGuard interfaces: what they have been told, and telling them.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use super::Kernel;
use crate::plan::{Op, Setting};
use crate::state::{End, Link, LinkKind, NetState, Netns, PrivateKey, PublicKey, WireguardPeer};
use crate::sys::netlink::link;
use crate::sys::netlink::socket::{Request, Socket};
use crate::sys::netlink::wireguard::{Told, Wg};
use crate::sys::{Failure, netns};

/// For so long peers are given time to hear of each other. What the first of them says may be lost
/// on a bridge whose port does not forward yet, and is said again after 5 s (`REKEY_TIMEOUT`,
/// drivers/net/wireguard/messages.h) and a third of one (`wg_timers_handshake_initiated`).
pub(super) const HANDSHAKE: Duration = Duration::from_secs(7);

impl Kernel {
    /// Whether this kernel has none.
    pub(super) fn lacks_wireguard(&mut self) -> io::Result<bool> {
        Ok(Wg::new(Socket::generic()?)?.is_none())
    }

    fn tunnel(&mut self, netns: &Netns) -> Result<&mut Wg, Failure> {
        // Of a kernel without it that is what making a device says, too.
        let none = || Failure::from(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
        if !self.tunnels.contains_key(netns) {
            let socket = match self.entry(netns)? {
                None => Socket::generic(),
                entry => netns::enter(entry, Socket::generic),
            }?;
            let wg = Wg::new(socket)?.ok_or_else(none)?;
            self.tunnels.insert(netns.clone(), wg);
        }
        self.tunnels.get_mut(netns).ok_or_else(none)
    }

    /// Reads the keys and peers of those that may be the lab's.
    pub(super) fn look_at_tunnels(&mut self, state: &mut NetState) -> Result<(), Failure> {
        let (mut own, mut unheard) = (Vec::new(), BTreeSet::new());
        for (netns, namespace) in &mut state.namespaces {
            let links = namespace.links.iter_mut();
            let tunnels = links.filter(|(_, link)| link.kind == LinkKind::Wireguard);
            for (dev, link) in
                tunnels.filter(|(_, link)| netns.made().is_some() || link.owner.is_some())
            {
                let index = self.index(netns, dev)?;
                let Told { all, heard } = self.tunnel(netns)?.get(index)??;
                let waits = |(key, peer): &(&PublicKey, &WireguardPeer)| {
                    let speaks = peer.endpoint.is_some() && peer.persistent_keepalive > 0;
                    speaks && !heard.contains(*key)
                };
                let waiting = all.peers.iter().filter(|_| link.up).filter(waits);
                unheard.extend(waiting.map(|(key, _)| *key));
                own.extend(all.private_key.filter(|_| link.up));
                link.wireguard = Some(Box::new(all));
            }
        }
        let is_waited_for = |key: &PrivateKey| unheard.contains(&key.public());
        self.unheard = !unheard.is_empty() && own.iter().any(is_waited_for);
        Ok(())
    }

    pub(super) fn add_wireguard(&mut self, end: &End, link: &Link) -> io::Result<Vec<Request>> {
        let index = self.choose_index(end)?;
        Ok(link::add_wireguard(&end.dev, link, index))
    }

    /// Tells an interface all that changes, in one send. When the kernel refused a part, what it
    /// took of the rest is put back: one operation is done or not.
    pub(super) fn tell_peers(&mut self, op: &Op) -> Result<(), Failure> {
        let Op::SetLink {
            end,
            set: Setting::Wireguard(set),
            was: Setting::Wireguard(was),
        } = op
        else {
            return Ok(());
        };
        let index = self.index(&end.netns, &end.dev)?;
        let wg = self.tunnel(&end.netns)?;
        let requests = wg.requests(index, &set.edits(was));
        let Some(refused) = wg.send(&requests)?.into_iter().flatten().next() else {
            return Ok(());
        };
        // What it had is put back as far as the kernel takes it; what was refused first is told.
        if let Ok(Ok(now)) = wg.get(index) {
            let _ = wg.send(&wg.requests(index, &was.edits(&now.all)));
        }
        Err(refused)
    }
}
