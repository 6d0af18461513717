//! Which smoltcp interface runs a connection?

use core::net::IpAddr;

use smoltcp::iface::Interface;
use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::wire::{HardwareAddress, IpCidr};

use crate::addr::{to_cidr, to_ip};
use crate::config::{Config, ConfigError, Stream};
use crate::device::segmentation::{self, Pieces, Segmentation};
use crate::time::Instant;

/// smoltcp fixes MTU and checksum offloads when an interface is made, and takes segments only to its own
/// addresses. So there is one interface for the device and its MTU; one for connections of this host with
/// itself, whose address is whatever the connection has (127.0.0.1, ::1, any of 127.0.0.0/8, an own
/// address); and one for the few whose segments have to be smaller than the device allows, and for connections that begin. Where the device cuts
/// IPv6 segments there is one more: smoltcp drops IPv6 packets above the MTU even if the device would cut them, so their
/// interface has the largest MTU.
///
/// All of them carry bare IP packets: link-layer addresses are not smoltcp's concern here.
pub(crate) struct Interfaces {
    usual: Interface,
    local: Variant,
    narrow: Variant,
    large: Option<Interface>,
    segmentation: Segmentation,
    /// Largest IP packet of the device, bytes.
    mtu: u16,
    /// What the device computes or checks itself.
    checksums: ChecksumCapabilities,
    seed: u64,
}

/// An interface that is made anew when another MTU is asked for.
struct Variant {
    interface: Interface,
    kind: Kind,
}

/// What an interface is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    /// This host talks to itself.
    pub(crate) is_local: bool,
    /// Largest IP packet, bytes.
    pub(crate) mtu: u16,
    /// No segment is larger than that, even if the device would cut it.
    pub(crate) is_cut_here: bool,
}

impl Interfaces {
    /// `usual`: what the device can; `local_mtu`: the largest packet with a segment of
    /// this host to itself, bytes.
    pub(crate) fn new(config: &Config, capabilities: &DeviceCapabilities, local_mtu: u16) -> Result<Self, ConfigError> {
        let mtu = u16::try_from(capabilities.ip_mtu()).unwrap_or(u16::MAX);
        let checksums = capabilities.checksum.clone();
        let seed = config.seed.stream(Stream::Engine);
        // Half of what can be in flight: so the peer takes one segment while we make the other. One as large as the
        // send buffer would wait for its ACK.
        let half = (config.tcp_send_bytes / 2).saturating_add(IPV6_TCP_HEADERS_LEN);
        let segmentation = segmentation::of(capabilities).at_most(half.max(usize::from(mtu)));
        let of_ipv4 = Segmentation { ipv6: None, ..segmentation };
        let mut usual = make(mtu, checksums.clone(), of_ipv4, seed);
        give_addresses(&mut usual, config)?;
        let mut large = segmentation.ipv6.map(|_| make(u16::MAX, checksums.clone(), segmentation, seed));
        if let Some(large) = &mut large {
            // smoltcp ends connections whose address is not the interface's.
            give_addresses(large, config)?;
        }
        let local = Kind { is_local: true, mtu: local_mtu, is_cut_here: true };
        let narrow = Kind { is_local: false, mtu, is_cut_here: false };
        Ok(Self {
            usual,
            local: Variant {
                interface: make(local_mtu, ChecksumCapabilities::default(), Segmentation::default(), seed),
                kind: local,
            },
            narrow: Variant { interface: make(mtu, checksums.clone(), of_ipv4, seed), kind: narrow },
            large,
            segmentation,
            mtu,
            checksums,
            seed,
        })
    }

    /// The interface of the device.
    pub(crate) fn usual(&mut self) -> &mut Interface {
        &mut self.usual
    }

    /// The interface for a connection with the address `local`. `mtu`: its largest IP packet, bytes, or 0
    /// for what the device (or the way to itself) carries.
    #[inline]
    pub(crate) fn get(&mut self, is_local: bool, mtu: u16, local: IpAddr) -> &mut Interface {
        if !is_local && mtu == 0 {
            return &mut self.usual;
        }
        self.variant(is_local, mtu, false, local)
    }

    /// The interface that sends for a connection with the address `local`.
    #[inline]
    pub(crate) fn get_to_send(&mut self, is_local: bool, mtu: u16, pieces: Pieces, local: IpAddr) -> &mut Interface {
        match pieces {
            Pieces::Usual => self.get(is_local, mtu, local),
            Pieces::OfIpv6(_) => self.large.as_mut().unwrap_or(&mut self.usual),
            Pieces::None => {
                let mtu = if mtu == 0 { self.mtu } else { mtu };
                self.variant(is_local, mtu, true, local)
            }
        }
    }

    /// The interface with which a connection begins, as client or as server: its generator gives `isn` next. For all else as
    /// [`get`](Self::get).
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(crate) fn begin(&mut self, isn: u32, is_local: bool, mtu: u16, local: IpAddr) -> &mut Interface {
        let usual = if is_local { self.local.kind.mtu } else { self.mtu };
        let mtu = if mtu == 0 { usual } else { mtu };
        // There is no other way to tell smoltcp a number. The place of those that are rare is as good as one of its own.
        self.make_narrow(Kind { is_local, mtu, is_cut_here: false }, seed_that_gives(isn));
        self.narrow.take_address(local)
    }

    /// What the device cuts for us.
    #[inline]
    pub(crate) fn segmentation(&self) -> Segmentation {
        self.segmentation
    }

    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn variant(&mut self, is_local: bool, mtu: u16, is_cut_here: bool, local: IpAddr) -> &mut Interface {
        let variant = if is_local && (mtu == 0 || mtu == self.local.kind.mtu) {
            &mut self.local
        } else {
            let kind = Kind { is_local, mtu, is_cut_here };
            if self.narrow.kind != kind {
                self.make_narrow(kind, self.seed);
            }
            &mut self.narrow
        };
        variant.take_address(local)
    }

    fn make_narrow(&mut self, kind: Kind, seed: u64) {
        let (checksums, segmentation) = if kind.is_local {
            (ChecksumCapabilities::default(), Segmentation::default())
        } else if kind.is_cut_here {
            (self.checksums.clone(), Segmentation::default())
        } else {
            (self.checksums.clone(), Segmentation { ipv6: None, ..self.segmentation })
        };
        self.narrow = Variant { interface: make(kind.mtu, checksums, segmentation, seed), kind };
    }
}

impl Variant {
    /// Gives the interface this address and no other.
    fn take_address(&mut self, local: IpAddr) -> &mut Interface {
        let prefix_len = if local.is_ipv4() { 32 } else { 128 };
        let own = IpCidr::new(to_ip(local), prefix_len);
        if self.interface.ip_addrs() != [own] {
            self.interface.update_ip_addrs(|addresses| {
                addresses.clear();
                let pushed = addresses.push(own);
                debug_assert!(pushed.is_ok(), "smoltcp has room for an address");
            });
        }
        &mut self.interface
    }
}

/// Bytes of the headers of a segment without options; with IPv4 it is less.
const IPV6_TCP_HEADERS_LEN: usize = 60;

fn make(mtu: u16, checksums: ChecksumCapabilities, segmentation: Segmentation, seed: u64) -> Interface {
    let mut capabilities = DeviceCapabilities::default();
    capabilities.medium = Medium::Ip;
    capabilities.max_transmission_unit = usize::from(mtu);
    capabilities.checksum = checksums;
    segmentation::grant(&mut capabilities, segmentation);
    let mut config = smoltcp::iface::Config::new(HardwareAddress::Ip);
    config.random_seed = seed;
    Interface::new(config, &mut Facts(&capabilities), Instant::ZERO.to_smoltcp())
}

/// The seed with which smoltcp's generator (sPCG32) draws `isn` when the first connection begins. The interface itself draws one
/// number that is not 0 before. Should another smoltcp draw otherwise, numbers still cannot be foretold without the key, but
/// `tests/it/rfc9293/numbers.rs` fails; and who depends on the very number (cookies) looks at what was sent.
#[expect(clippy::arithmetic_side_effects, reason = "three bits are 7 at most")]
fn seed_that_gives(isn: u32) -> u64 {
    const FACTOR: u64 = 0xbb2e_fcec_3c39_611d;
    const TERM: u64 = 0x7590_ef39;
    const FACTOR_INVERSE: u64 = inverse(FACTOR);
    let before = |state: u64| state.wrapping_sub(TERM).wrapping_mul(FACTOR_INVERSE);
    let drawn = |state: u64| (state >> (29 - (state >> 61))) as u32;
    // With the upper three bits 0 a state gives its bits 29 to 60; the others are free.
    let states = (0..8).map(|low| before(u64::from(isn) << 29 | low));
    let first = states.into_iter().find(|state| drawn(*state) as u16 != (drawn(*state) >> 16) as u16);
    before(first.unwrap_or_default())
}

/// The inverse of an odd number modulo 2^64, by Newton's iteration.
#[expect(clippy::arithmetic_side_effects, reason = "five rounds")]
const fn inverse(odd: u64) -> u64 {
    let mut inverse = odd;
    let mut round = 0;
    // Each round doubles the bits that are right, of which there are three at first.
    while round < 5 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
        round += 1;
    }
    inverse
}

fn give_addresses(interface: &mut Interface, config: &Config) -> Result<(), ConfigError> {
    let mut too_many = false;
    interface.update_ip_addrs(|addresses| {
        for cidr in &config.addresses {
            too_many |= addresses.push(to_cidr(*cidr)).is_err();
        }
    });
    if too_many { Err(ConfigError::TooManyAddresses) } else { Ok(()) }
}

impl core::fmt::Debug for Interfaces {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Interfaces").field("narrow", &self.narrow.kind).finish_non_exhaustive()
    }
}

/// A device that only tells its capabilities: smoltcp wants one to build an interface.
struct Facts<'c>(&'c DeviceCapabilities);

impl Device for Facts<'_> {
    type RxToken<'a>
        = Never
    where
        Self: 'a;
    type TxToken<'a>
        = Never
    where
        Self: 'a;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Never, Never)> {
        None
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Never> {
        None
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.0.clone()
    }
}

/// A token that is never handed out.
enum Never {}

impl RxToken for Never {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, _: F) -> R {
        match self {}
    }
}

impl TxToken for Never {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, _: usize, _: F) -> R {
        match self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_can_be_made_to_give_any_number() {
        for isn in [0, 1, 0x8000_0000, 0xdead_beef, u32::MAX] {
            let mut state = seed_that_gives(isn);
            let mut draw = || {
                state = state.wrapping_mul(0xbb2e_fcec_3c39_611d).wrapping_add(0x7590_ef39);
                (state >> (29 - (state >> 61))) as u32
            };
            let first = draw();
            assert_ne!((first ^ (first >> 16)) as u16, 0, "or the interface draws again");
            assert_eq!(draw(), isn);
        }
    }
}
