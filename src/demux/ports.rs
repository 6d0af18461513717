//! Which local port may a socket have?

use core::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::{Demux, Route};
use crate::config::{Seed, Stream, mix};
use crate::socket::Domain;
use crate::socket::slots::{Body, Slot, Slots};
use crate::socket::tcp::Stage;
use crate::stack::time_wait::TimeWait;

/// First port of the dynamic range (RFC 6335 §6), which ends at 65,535.
pub const EPHEMERAL_MIN: u16 = 49_152;

/// Chooses ephemeral ports (RFC 6056 §3.3.1: at random, then the next free one).
#[derive(Debug)]
pub(crate) struct Ports {
    state: u64,
}

impl Ports {
    pub(crate) fn new(seed: &Seed) -> Self {
        Self { state: seed.stream(Stream::Ports) }
    }

    /// A port for which `is_free` says yes, or `None` if the whole range is taken.
    #[expect(clippy::arithmetic_side_effects, reason = "a product of 32 and 16 bits, and ports of 16 bits")]
    pub(crate) fn choose(&mut self, mut is_free: impl FnMut(u16) -> bool) -> Option<u16> {
        self.state = mix(self.state);
        const RANGE: u32 = (u16::MAX - EPHEMERAL_MIN) as u32 + 1;
        // The high half of a product: no bias, no division.
        let start = (((self.state >> 32) * u64::from(RANGE)) >> 32) as u32;
        (0..RANGE).map(|step| EPHEMERAL_MIN + ((start + step) % RANGE) as u16).find(|port| is_free(*port))
    }
}

/// What a socket wants to be bound to, or is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) protocol: u8,
    pub(crate) local: SocketAddr,
    /// An IPv6 socket that takes IPv4 too.
    pub(crate) is_dual: bool,
    pub(crate) reuse_address: bool,
    pub(crate) reuse_port: bool,
    pub(crate) is_listening: bool,
}

impl Claim {
    /// The claim of `slot` to `local`.
    pub(crate) fn of(slot: &Slot<'_>, local: SocketAddr) -> Option<Self> {
        Some(Self {
            protocol: super::protocol_of(&slot.body)?,
            local,
            is_dual: slot.domain == Domain::Inet6 && !slot.options.v6_only,
            reuse_address: slot.options.reuse_address,
            reuse_port: slot.options.reuse_port,
            is_listening: matches!(slot.body, Body::Listener(_)),
        })
    }

    /// Whether both can not be bound at once (Linux `inet_bind_conflict` and `udp_lib_lport_inuse`).
    fn clashes_with(&self, other: &Self) -> bool {
        let is_listening = self.is_listening || other.is_listening;
        let is_shared = (self.reuse_port && other.reuse_port)
            || (self.reuse_address && other.reuse_address && (self.protocol != super::TCP || !is_listening));
        self.protocol == other.protocol && self.overlaps(other) && !is_shared
    }

    /// Whether some packet is for both.
    fn overlaps(&self, other: &Self) -> bool {
        let (own, their) = (self.local.ip(), other.local.ip());
        let takes_both = |claim: &Self| claim.is_dual && claim.local.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let is_one_address = match own.is_ipv4() == their.is_ipv4() {
            true => own == their || own.is_unspecified() || their.is_unspecified(),
            false => takes_both(self) || takes_both(other),
        };
        self.local.port() == other.local.port() && is_one_address
    }
}

/// Whether somebody else than slot `own` stands in the way of a claim (EADDRINUSE): listening, connected,
/// just bound, or in TIME-WAIT.
pub(crate) fn is_in_use(claim: &Claim, own: u32, slots: &Slots<'_>, time_wait: &TimeWait<'_>) -> bool {
    let by_socket = slots.iter().any(|(index, slot)| {
        index != own
            // A fresh TCP child shares its listener's port; the listener itself is what counts.
            && !matches!(&slot.body, Body::Tcp(child) if child.stage != Stage::Own)
            && slot.local.and_then(|local| Claim::of(slot, local)).is_some_and(|other| claim.clashes_with(&other))
    });
    by_socket
        || time_wait.iter().any(|entry| {
            claim.clashes_with(&Claim {
                protocol: super::TCP,
                local: entry.local,
                is_dual: false,
                reuse_address: entry.reuse_address,
                reuse_port: false,
                is_listening: false,
            })
        })
}

/// Whether a socket that is bound as `claim` says may listen: others may be bound there, not listen.
pub(crate) fn can_listen(claim: &Claim, own: u32, slots: &Slots<'_>) -> bool {
    let claim = Claim { is_listening: true, ..*claim };
    !slots.iter().any(|(index, slot)| {
        let is_rival = index != own && matches!(slot.body, Body::Listener(_));
        is_rival && slot.local.and_then(|local| Claim::of(slot, local)).is_some_and(|other| claim.clashes_with(&other))
    })
}

/// Whether `local` can be used towards `remote`: no such connection, and no socket that listens there.
pub(crate) fn is_free_towards(
    demux: &Demux<'_>,
    protocol: u8,
    local: SocketAddr,
    remote: SocketAddr,
    slots: &Slots<'_>,
    time_wait: &TimeWait<'_>,
) -> bool {
    demux.find(protocol, &local, Some(&remote), slots, time_wait) == Route::Nobody
        && demux.route_unconnected(protocol, local, remote, slots) == Route::Nobody
}

/// Whether `addr` may be bound at all by a host with these own addresses.
pub(crate) fn is_bindable(addr: IpAddr, is_own: bool, is_group: bool, protocol: u8) -> bool {
    addr.is_unspecified() || is_own || (is_group && protocol == super::UDP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports() -> Ports {
        Ports::new(&Seed::new([3; 16]).expect("not zero"))
    }

    #[test]
    fn ephemeral_ports_lie_in_the_dynamic_range_and_vary() {
        let mut ports = ports();
        let chosen: [u16; 64] = core::array::from_fn(|_| ports.choose(|_| true).expect("all are free"));
        assert!(chosen.iter().all(|port| *port >= EPHEMERAL_MIN));
        assert!(chosen.windows(2).any(|pair| pair[0] > pair[1]), "not simply counted up");
    }

    #[test]
    fn the_last_free_port_is_found() {
        assert_eq!(ports().choose(|port| port == 50_000), Some(50_000));
        assert_eq!(ports().choose(|_| false), None);
    }
}
