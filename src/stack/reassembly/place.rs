//! Where do the fragments of one packet wait for each other?

use managed::ManagedSlice;
use smoltcp::wire::{Ipv4Packet, Ipv6Packet};

use super::part::{FRAGMENT_HEADER_LEN, IPV6_HEADER_LEN, Key, Part, Splice};
use super::{Expired, Reason};
use crate::bytes;
use crate::time::{Duration, Instant};

/// Room for one packet.
///
/// The memory starts with a map, one bit for each 8 bytes of payload that are there. Behind it stands
/// the packet: the headers of the first fragment (until that is there, room for as many bytes as the
/// headers of the fragment that came first have), then the payload.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    bytes: ManagedSlice<'a, u8>,
    map_len: usize,
    partial: Option<Partial>,
}

/// What is known of a packet that is not complete.
#[derive(Debug, Clone, Copy)]
pub(super) struct Partial {
    pub(super) key: Key,
    pub(super) started_at: Instant,
    pub(super) expires_at: Instant,
    /// Where the payload starts behind the map.
    header_len: usize,
    /// Headers and payload of the first fragment, once it is there.
    first_len: Option<usize>,
    /// As the first fragment has it.
    splice: Option<Splice>,
    /// Payload bytes that are there.
    received_len: usize,
    /// Where the payload that is there ends; nobody says that it has no gaps.
    end: usize,
    /// Where the payload ends, once the last fragment is there.
    total_len: Option<usize>,
    /// A bit for each congestion mark that was seen.
    ecns: u8,
}

#[expect(clippy::arithmetic_side_effects, reason = "positions within a packet of less than 2^17 bytes")]
impl<'a> Place<'a> {
    /// A place in lent memory, of which a part of 65 is for the map. Longer packets are not put together.
    pub(crate) fn lent(bytes: &'a mut [u8]) -> Self {
        let map_len = bytes.len().div_ceil(MAP_SHARE).min(MAP_MAX);
        Self { bytes: ManagedSlice::Borrowed(bytes), map_len, partial: None }
    }

    /// A place that grows to what its packets need: 66,607 bytes at most.
    #[cfg(feature = "alloc")]
    pub(crate) fn growing() -> Self {
        Self { bytes: ManagedSlice::Owned(alloc::vec![0; MAP_MAX]), map_len: MAP_MAX, partial: None }
    }

    pub(super) fn partial(&self) -> Option<&Partial> {
        self.partial.as_ref()
    }

    /// Forgets what is here.
    pub(super) fn clear(&mut self) {
        self.partial = None;
    }

    /// Forgets what is here, and says what it was.
    pub(super) fn expire(&mut self) -> Option<Expired<'_>> {
        let partial = self.partial.take()?;
        let first = partial.first_len.and_then(|len| self.bytes.get(self.map_len..self.map_len + len));
        Some(Expired { key: partial.key, first })
    }

    /// Makes this the place of the packet that `part` belongs to. The part itself is added next.
    pub(super) fn start(&mut self, part: &Part<'_>, now: Instant) {
        let timeout = if part.key.source.is_ipv4() { IPV4_TIMEOUT } else { IPV6_TIMEOUT };
        self.bytes.iter_mut().take(self.map_len).for_each(|bits| *bits = 0);
        self.partial = Some(Partial {
            key: part.key,
            started_at: now,
            expires_at: now.saturating_add(timeout),
            header_len: part.header.len(),
            first_len: None,
            splice: None,
            received_len: 0,
            end: 0,
            total_len: None,
            ecns: 0,
        });
    }

    /// Adds a part to the packet that was started here. `true`: it was the last one missing.
    pub(super) fn add(&mut self, part: &Part<'_>) -> Result<bool, Reason> {
        let Some(mut partial) = self.partial else { return Ok(false) };
        partial.check_end(part)?;
        let end = partial.end.max(part.end());
        let header_len = if part.is_first() { part.header.len() } else { partial.header_len };
        if header_len + end > part.packet_max() {
            return Err(Reason::TooLong);
        }
        let units = part.offset / 8..part.end().div_ceil(8);
        let held = units.clone().filter(|unit| self.has_unit(*unit)).count();
        if held > 0 {
            let is_copy = held == units.len() && self.has_bytes(partial.header_len, part);
            return if is_copy { Ok(false) } else { Err(Reason::Overlap) };
        }
        self.reserve(header_len + end)?;
        let Some((map, packet)) = self.bytes.split_at_mut_checked(self.map_len) else { return Err(Reason::NoRoom) };
        if part.is_first() {
            packet.copy_within(partial.header_len..partial.header_len + partial.end, header_len);
            bytes::copy(part.header, packet);
            partial.header_len = header_len;
            partial.first_len = Some(header_len + part.payload.len());
            partial.splice = part.splice;
        }
        bytes::copy(part.payload, packet.get_mut(header_len + part.offset..).unwrap_or_default());
        for unit in units {
            if let Some(bits) = map.get_mut(unit / 8) {
                *bits |= 1 << (unit % 8);
            }
        }
        partial.received_len += part.payload.len();
        partial.end = end;
        partial.ecns |= 1 << part.ecn;
        if !part.has_more {
            partial.total_len = Some(end);
        }
        self.partial = Some(partial);
        // There are no overlaps, and nothing lies behind the end.
        Ok(partial.total_len == Some(partial.received_len))
    }

    /// Makes one packet of the parts, of which none is missing, and leaves the place free for another.
    pub(super) fn finish(&mut self) -> Result<&[u8], Reason> {
        let Some(partial) = self.partial.take() else { return Err(Reason::Malformed) };
        let has_congestion = partial.congestion()?;
        let len = partial.header_len + partial.received_len;
        let packet = self.bytes.get_mut(self.map_len..self.map_len + len).ok_or(Reason::Malformed)?;
        match partial.splice {
            None => {
                mark(packet, if has_congestion { ECN_CE } else { 0 });
                let mut header = Ipv4Packet::new_unchecked(&mut *packet);
                // At most 65,535, which `add` has checked.
                header.set_total_len(len as u16);
                header.clear_flags();
                header.set_frag_offset(0);
                header.fill_checksum();
                Ok(packet)
            }
            Some(Splice { next_header_at, next_header }) => {
                *packet.get_mut(next_header_at).ok_or(Reason::Malformed)? = next_header;
                // The payload stays: the headers before the Fragment header take its place.
                packet.copy_within(..partial.header_len - FRAGMENT_HEADER_LEN, FRAGMENT_HEADER_LEN);
                let packet = packet.get_mut(FRAGMENT_HEADER_LEN..).ok_or(Reason::Malformed)?;
                mark(packet, if has_congestion { ECN_CE << 4 } else { 0 });
                Ipv6Packet::new_unchecked(&mut *packet)
                    .set_payload_len((len - FRAGMENT_HEADER_LEN - IPV6_HEADER_LEN) as u16);
                Ok(packet)
            }
        }
    }

    fn has_unit(&self, unit: usize) -> bool {
        let bits = self.bytes.get(unit / 8).filter(|_| unit / 8 < self.map_len);
        bits.is_some_and(|bits| bits & (1 << (unit % 8)) != 0)
    }

    /// Whether these bytes of the payload, all of which are there, are those of `part`.
    fn has_bytes(&self, header_len: usize, part: &Part<'_>) -> bool {
        let start = self.map_len + header_len;
        let range = start + part.offset..start + part.end();
        self.bytes.get(range) == Some(part.payload)
    }

    /// Makes room for a packet of `len` bytes.
    #[cfg(feature = "alloc")]
    fn reserve(&mut self, len: usize) -> Result<(), Reason> {
        let needed = self.map_len + len;
        match &mut self.bytes {
            ManagedSlice::Owned(bytes) => bytes.resize(bytes.len().max(needed), 0),
            ManagedSlice::Borrowed(bytes) if bytes.len() < needed => return Err(Reason::NoRoom),
            ManagedSlice::Borrowed(_) => {}
        }
        Ok(())
    }

    /// Says whether there is room for a packet of `len` bytes.
    #[cfg(not(feature = "alloc"))]
    fn reserve(&mut self, len: usize) -> Result<(), Reason> {
        if self.bytes.len() < self.map_len + len { Err(Reason::NoRoom) } else { Ok(()) }
    }
}

/// Sets bits of the second byte, where IPv4 and IPv6 have ECN.
fn mark(packet: &mut [u8], bits: u8) {
    if let Some(byte) = packet.get_mut(1) {
        *byte |= bits;
    }
}

impl Partial {
    /// Whether `part` agrees with the others on where the packet ends.
    fn check_end(&self, part: &Part<'_>) -> Result<(), Reason> {
        let end = part.end();
        let is_possible = match self.total_len {
            Some(total_len) if part.has_more => end < total_len,
            Some(total_len) => end == total_len,
            None => part.has_more || end >= self.end,
        };
        if is_possible { Ok(()) } else { Err(Reason::Contradiction) }
    }

    /// Whether the whole packet has met congestion: one fragment that has is enough (RFC 3168 §5.3), but
    /// a sender that can tell congestion says so in all of them.
    fn congestion(&self) -> Result<bool, Reason> {
        let is_capable = self.ecns & !1 != 0;
        if is_capable && self.ecns & 1 != 0 {
            return Err(Reason::MixedEcn);
        }
        Ok(self.ecns & (1 << ECN_CE) != 0)
    }
}

/// Linux `ipfrag_time`; RFC 791 §3.2 leaves it open, RFC 1122 §3.3.2 names 60 to 120 s.
const IPV4_TIMEOUT: Duration = Duration::from_secs(30);
/// RFC 8200 §4.5.
const IPV6_TIMEOUT: Duration = Duration::from_secs(60);
/// Congestion experienced (RFC 3168 §5).
const ECN_CE: u8 = 3;
/// One byte of the map stands for 64 bytes of packet.
const MAP_SHARE: usize = 65;
/// The map of the longest payload.
const MAP_MAX: usize = 65_536 / 64;
