//! Whether somebody takes it where it arrives.

use super::{End, Walk};
use crate::explain::cause::{Cause, Elsewhere};
use crate::explain::ground::{Listening, Load, Packet};
use crate::state::{Transport, Visible};

impl Walk<'_> {
    /// Whether somebody answers there; `answered`: though nobody listens there now.
    pub(super) fn served(&mut self, at: usize, packet: &Packet, answered: bool) -> Result<(), End> {
        match packet.load {
            Load::Echo => {
                let path = match packet.v6() {
                    true => "ipv6/icmp/echo_ignore_all",
                    false => "ipv4/icmp_echo_ignore_all",
                };
                match self.ground.setting(at, path).as_deref() {
                    Some("1") => {
                        let netns = self.space(at).name.clone();
                        Err(Box::new(Cause::EchoIgnored(netns)).into())
                    }
                    _ => Ok(()),
                }
            }
            Load::To(transport, number) => match self.listens(at, packet, transport, number) {
                Err(End::Stops(cause))
                    if answered && matches!(*cause, Cause::NothingListens { .. }) =>
                {
                    Ok(())
                }
                listens => listens,
            },
        }
    }

    fn listens(
        &mut self,
        at: usize,
        packet: &Packet,
        transport: Transport,
        number: u16,
    ) -> Result<(), End> {
        let (netns, to) = (self.space(at).name.clone(), packet.destination);
        let port = format!("{number}/{transport}");
        let Some(all) = self.ground.listeners(at, transport, number) else {
            let why = format!("whether somebody listens on {port} in {netns}");
            return Err(End::Unknown(why));
        };
        let misses: Vec<Option<Elsewhere>> =
            all.iter().map(|own| self.misses(at, own, packet)).collect();
        if misses.iter().any(Option::is_none) {
            self.note(at, "listens", format!("somebody listens on {port}"));
            return Ok(());
        }
        // Who may not reach a published port comes to the host itself.
        let own = self.space(at).published.iter();
        let mut own = own.filter(|one| one.protocol == transport);
        if let Some(published) = own.find(|one| one.takes(to, number)) {
            let to = visible(&published.visible);
            return Err(Box::new(Cause::NotVisible { port, to }).into());
        }
        let rank = |miss: &Elsewhere| matches!(miss, Elsewhere::At(_));
        let elsewhere = misses.into_iter().flatten().min_by_key(rank);
        Err(Box::new(Cause::NothingListens {
            netns,
            port,
            elsewhere,
        })
        .into())
    }

    /// Why a socket does not take what arrived, if it does not.
    fn misses(&self, at: usize, own: &Listening, packet: &Packet) -> Option<Elsewhere> {
        let to = packet.destination;
        let open = own.at.is_unspecified();
        match open && own.at.is_ipv6() == to.is_ipv6() || own.at == to {
            true => {}
            false if open && own.at.is_ipv6() && own.both => {}
            false if open && own.at.is_ipv6() => return Some(Elsewhere::SixOnly),
            false => return Some(Elsewhere::At(own.at)),
        }
        let bound = self.out(at, own.dev).map(|spot| self.device(spot))?;
        let came = packet.iif.as_ref().map(|(_, index)| *index);
        let came = came.and_then(|index| self.out(at, index))?;
        let came = self.device(came);
        let of_it = came.master.as_ref() == Some(&bound.name);
        (came.index != bound.index && !of_it).then(|| Elsewhere::On(bound.name.clone()))
    }
}

/// To whom a port is published, in the file's words.
fn visible(to: &Visible) -> String {
    match to {
        Visible::Loopback => "to the host alone".to_owned(),
        Visible::Lan => "to its neighbours (`lan`)".to_owned(),
        Visible::Public => "to everybody".to_owned(),
        Visible::From(nets) => {
            let nets: Vec<String> = nets.iter().map(ToString::to_string).collect();
            format!("to {}", nets.join(", "))
        }
    }
}
