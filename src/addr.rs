//! How are addresses written and compared?

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::str::FromStr;

use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, IpEndpoint};

/// A link-layer address of 6 bytes (EUI-48), written `02:00:00:00:00:01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// Whether frames to this address are for one station: neither a group address nor all zero.
    #[inline]
    pub const fn is_unicast(self) -> bool {
        let [first, ..] = self.0;
        first & 1 == 0 && !matches!(self.0, [0, 0, 0, 0, 0, 0])
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for MacAddr {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let part = parts.next().ok_or(AddrError::Mac)?;
            let is_hex = part.len() == 2 && part.bytes().all(|c| c.is_ascii_hexdigit());
            *octet = u8::from_str_radix(part, 16).ok().filter(|_| is_hex).ok_or(AddrError::Mac)?;
        }
        if parts.next().is_some() { Err(AddrError::Mac) } else { Ok(Self(octets)) }
    }
}

/// An address with the length of its network prefix, written `192.0.2.1/24` or `2001:db8::1/64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cidr {
    addr: IpAddr,
    prefix_len: u8,
}

impl Cidr {
    /// An address in a network of `prefix_len` bits: at most 32 for IPv4, 128 for IPv6.
    ///
    /// # Errors
    /// [`AddrError::PrefixLength`]: the prefix is longer than the address.
    pub const fn new(addr: IpAddr, prefix_len: u8) -> Result<Self, AddrError> {
        let max = if addr.is_ipv4() { 32 } else { 128 };
        if prefix_len > max {
            return Err(AddrError::PrefixLength { max });
        }
        Ok(Self { addr, prefix_len })
    }

    /// The address.
    #[inline]
    pub const fn addr(&self) -> IpAddr {
        self.addr
    }

    /// Bits of the network prefix.
    pub const fn prefix_len(&self) -> u8 {
        self.prefix_len
    }

    /// Whether `other` is in this network.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "no prefix is longer than its address")]
    pub fn contains(&self, other: IpAddr) -> bool {
        match (self.addr, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix_len)).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix_len)).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            _ => false,
        }
    }

    /// The broadcast address of an IPv4 network; `None` for /31 and /32 (RFC 3021), and for IPv6.
    #[inline]
    pub fn broadcast(&self) -> Option<IpAddr> {
        match self.addr {
            IpAddr::V4(addr) if self.prefix_len < 31 => {
                let host = u32::MAX >> self.prefix_len;
                Some(IpAddr::V4(Ipv4Addr::from_bits(addr.to_bits() | host)))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.prefix_len)
    }
}

impl FromStr for Cidr {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        let (addr, prefix_len) = text.split_once('/').ok_or(AddrError::NoPrefix)?;
        let addr: IpAddr = addr.parse().map_err(|_| AddrError::Address)?;
        let max = if addr.is_ipv4() { 32 } else { 128 };
        let is_number = (1..=3).contains(&prefix_len.len()) && prefix_len.bytes().all(|c| c.is_ascii_digit());
        let prefix_len = prefix_len.parse().ok().filter(|_| is_number).ok_or(AddrError::PrefixLength { max })?;
        Self::new(addr, prefix_len)
    }
}

/// Reads an IPv4 address as inet_aton(3) does: one to four numbers, decimal, octal (`0177`) or
/// hexadecimal (`0x7f`), of which the last fills the rest: `127.1` is 127.0.0.1.
///
/// # Errors
/// [`AddrError::Address`]: not such a text. White space is not accepted.
#[expect(clippy::arithmetic_side_effects, reason = "there are four parts at most, and the last stands apart")]
pub fn parse_ipv4_aton(text: &str) -> Result<Ipv4Addr, AddrError> {
    let mut parts = [0_u32; 4];
    let mut count = 0;
    for part in text.split('.') {
        *parts.get_mut(count).ok_or(AddrError::Address)? = parse_aton_number(part).ok_or(AddrError::Address)?;
        count += 1;
    }
    let (last, leading) = parts.get(..count).unwrap_or_default().split_last().ok_or(AddrError::Address)?;
    let rest_bits = 32 - 8 * leading.len() as u32;
    if u64::from(*last) >= 1 << rest_bits || leading.iter().any(|part| *part > 255) {
        return Err(AddrError::Address);
    }
    let high = leading.iter().enumerate().fold(0, |bits, (i, part)| bits | (part << (24 - 8 * i)));
    Ok(Ipv4Addr::from_bits(high | last))
}

fn parse_aton_number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (text.get(2..)?, 16),
        [b'0', _, ..] => (text.get(1..)?, 8),
        _ => (text, 10),
    };
    // `from_str_radix` takes a sign, inet_aton does not.
    digits.bytes().all(|c| c.is_ascii_alphanumeric()).then(|| u32::from_str_radix(digits, radix).ok())?
}

/// Whether `addr` can be one host's own: not unspecified, multicast or limited broadcast.
#[inline]
pub fn is_unicast(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => !addr.is_unspecified() && !addr.is_multicast() && !addr.is_broadcast(),
        IpAddr::V6(addr) => !addr.is_unspecified() && !addr.is_multicast(),
    }
}

/// Why a text is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddrError {
    /// Not six pairs of hexadecimal digits with colons between them.
    Mac,
    /// Not an IPv4 or IPv6 address.
    Address,
    /// No `/` with a prefix length behind the address.
    NoPrefix,
    /// Not a prefix length, or longer than the address.
    PrefixLength {
        /// Bits of the address.
        max: u8,
    },
}

impl fmt::Display for AddrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac => f.write_str("not a link-layer address such as 02:00:00:00:00:01"),
            Self::Address => f.write_str("not an IP address such as 192.0.2.1 or 2001:db8::1"),
            Self::NoPrefix => f.write_str("no prefix length: write it behind the address, as in 192.0.2.1/24"),
            Self::PrefixLength { max } => write!(f, "not a prefix length from 0 to {max}"),
        }
    }
}

impl core::error::Error for AddrError {}

#[inline]
pub(crate) fn to_ip(addr: IpAddr) -> IpAddress {
    addr.into()
}

#[inline]
pub(crate) fn from_ip(addr: IpAddress) -> IpAddr {
    match addr {
        IpAddress::Ipv4(addr) => IpAddr::V4(addr),
        IpAddress::Ipv6(addr) => IpAddr::V6(addr),
    }
}

#[inline]
pub(crate) fn to_endpoint(addr: SocketAddr) -> IpEndpoint {
    IpEndpoint { addr: to_ip(addr.ip()), port: addr.port() }
}

pub(crate) fn to_cidr(cidr: Cidr) -> IpCidr {
    IpCidr::new(to_ip(cidr.addr), cidr.prefix_len)
}

#[inline]
pub(crate) fn to_mac(mac: MacAddr) -> EthernetAddress {
    EthernetAddress(mac.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn mac_addresses_read_as_they_print() {
        let mac = MacAddr([2, 0, 0xab, 0, 0, 0x1f]);
        assert_eq!(mac.to_string(), "02:00:ab:00:00:1f");
        assert_eq!(mac.to_string().parse(), Ok(mac));
        for bad in
            ["", "02:00:00:00:00", "02:00:00:00:00:00:00", "2:0:0:0:0:0", "+2:00:00:00:00:00", "zz:00:00:00:00:00"]
        {
            assert_eq!(bad.parse::<MacAddr>(), Err(AddrError::Mac), "{bad}");
        }
        assert!(!MacAddr([1, 0, 0, 0, 0, 0]).is_unicast());
        assert!(!MacAddr([0; 6]).is_unicast());
    }

    #[test]
    fn networks_know_their_members_and_their_broadcast() {
        let cidr: Cidr = "192.0.2.130/25".parse().expect("good");
        assert!(cidr.contains([192, 0, 2, 200].into()));
        assert!(!cidr.contains([192, 0, 2, 100].into()));
        assert_eq!(cidr.broadcast(), Some([192, 0, 2, 255].into()));
        let all: Cidr = "0.0.0.0/0".parse().expect("good");
        assert!(all.contains([8, 8, 8, 8].into()));
        assert_eq!("192.0.2.1/31".parse::<Cidr>().expect("good").broadcast(), None);
        let v6: Cidr = "2001:db8::1/64".parse().expect("good");
        assert!(v6.contains("2001:db8::ffff".parse().expect("good")));
        assert!(!v6.contains("2001:db8:0:1::1".parse().expect("good")));
        assert!(!v6.contains([192, 0, 2, 1].into()));
        assert_eq!(v6.to_string(), "2001:db8::1/64");
    }

    #[test]
    fn bad_networks_say_what_is_wrong() {
        assert_eq!("192.0.2.1".parse::<Cidr>(), Err(AddrError::NoPrefix));
        assert_eq!("192.0.2/24".parse::<Cidr>(), Err(AddrError::Address));
        for bad in ["192.0.2.1/33", "192.0.2.1/", "192.0.2.1/+8", "192.0.2.1/0x8", "192.0.2.1/256"] {
            assert_eq!(bad.parse::<Cidr>(), Err(AddrError::PrefixLength { max: 32 }), "{bad}");
        }
    }

    #[test]
    fn inet_aton_takes_what_the_man_page_says() {
        let good = [
            ("127.0.0.1", [127, 0, 0, 1]),
            ("127.1", [127, 0, 0, 1]),
            ("10.1.258", [10, 1, 1, 2]),
            ("3221226113", [192, 0, 2, 129]),
            ("0xc0.0.02.0x81", [192, 0, 2, 129]),
            ("0", [0, 0, 0, 0]),
        ];
        for (text, octets) in good {
            assert_eq!(parse_ipv4_aton(text), Ok(Ipv4Addr::from(octets)), "{text}");
        }
        for bad in ["", "1.2.3.4.5", "256.1.1.1", "1.2.3.256", "4294967296", "1..2", "08", "0x", "+1", "1.2.3.-4", " 1"]
        {
            assert_eq!(parse_ipv4_aton(bad), Err(AddrError::Address), "{bad}");
        }
    }
}
