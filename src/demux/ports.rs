//! Which local port may a socket have?

use core::net::{IpAddr, SocketAddr};

use super::{Demux, Route};
use crate::config::{Seed, Stream, mix};
use crate::socket::slots::{Body, Slots};
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
    pub(crate) fn choose(&mut self, mut is_free: impl FnMut(u16) -> bool) -> Option<u16> {
        self.state = mix(self.state);
        let range = u32::from(u16::MAX - EPHEMERAL_MIN) + 1;
        // The high half of a product: no bias, no division.
        let start = (((self.state >> 32) * u64::from(range)) >> 32) as u32;
        (0..range).map(|step| EPHEMERAL_MIN + ((start + step) % range) as u16).find(|port| is_free(*port))
    }
}

/// Whether another socket of `protocol` stands in the way of binding to `local` (POSIX EADDRINUSE):
/// one with the same port and the same or a wildcard address, listening, connected or in TIME-WAIT.
pub(crate) fn is_in_use(protocol: u8, local: SocketAddr, slots: &Slots<'_>, time_wait: &TimeWait<'_>) -> bool {
    let clashes = |other: SocketAddr| {
        other.port() == local.port()
            && other.is_ipv4() == local.is_ipv4()
            && (other.ip() == local.ip() || other.ip().is_unspecified() || local.ip().is_unspecified())
    };
    let by_socket = slots.iter().any(|(_, slot)| {
        super::protocol_of(&slot.body) == Some(protocol)
            && slot.local.is_some_and(clashes)
            // A fresh TCP child shares its listener's port; the listener itself is what counts.
            && !matches!(&slot.body, Body::Tcp(child) if child.stage != Stage::Own)
    });
    by_socket || (protocol == super::TCP && time_wait.iter().any(|entry| clashes(entry.local)))
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
        && demux.route_unconnected(protocol, local, slots, time_wait) == Route::Nobody
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
