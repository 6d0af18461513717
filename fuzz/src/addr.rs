//! Do our readers of addresses take what they should, and nothing else?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use arbitrary::Arbitrary;
use smolsock::addr::{AddrError, Cidr, MacAddr, is_unicast, parse_ipv4_aton};

use crate::Attack;

/// Any text: the bytes of the corpus as they are.
#[derive(Arbitrary, Debug)]
pub struct Addr(String);

/// The readers that are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Readers {
    /// Of `02:00:00:00:00:01`.
    pub mac: fn(&str) -> Result<MacAddr, AddrError>,
    /// Of `192.0.2.1/24`.
    pub cidr: fn(&str) -> Result<Cidr, AddrError>,
    /// Of `127.1`.
    pub aton: fn(&str) -> Result<Ipv4Addr, AddrError>,
}

impl Readers {
    /// Ours.
    pub const OURS: Readers = Readers { mac: MacAddr::from_str, cidr: Cidr::from_str, aton: parse_ipv4_aton };
}

impl Attack for Addr {
    fn play(self) {
        look(&self.0, Readers::OURS);
    }
}

/// Reads a text as every kind of address.
///
/// # Panics
/// If a reader differs from the rules below.
pub fn look(text: &str, readers: Readers) {
    assert_eq!((readers.mac)(text).ok(), mac(text), "as a link-layer address: {text:?}");
    assert_eq!((readers.aton)(text).ok(), aton(text), "as inet_aton(3) reads it: {text:?}");
    assert_eq!((readers.cidr)(text).ok().map(|cidr| (cidr.addr(), cidr.prefix_len())), cidr(text), "{text:?}");
    if let Ok(mac) = (readers.mac)(text) {
        assert_eq!(mac.to_string(), text.to_lowercase());
        assert_eq!((readers.mac)(&mac.to_string()), Ok(mac));
        assert!(!(mac.is_unicast() && mac.0[0] % 2 == 1), "{mac} is a group");
    }
    if let Ok(addr) = Ipv4Addr::from_str(text) {
        assert_eq!((readers.aton)(text), Ok(addr), "inet_aton(3) takes all that inet_pton(3) takes");
    }
    if let Ok(addr) = (readers.aton)(text) {
        assert_eq!((readers.aton)(&addr.to_string()), Ok(addr));
    }
    if let Ok(cidr) = (readers.cidr)(text) {
        look_at_network(cidr, readers);
    }
    if let Ok(addr) = SocketAddr::from_str(text) {
        assert_eq!(SocketAddr::from_str(&addr.to_string()), Ok(addr));
    }
}

/// A network holds exactly the addresses that begin as it does.
fn look_at_network(cidr: Cidr, readers: Readers) {
    assert_eq!((readers.cidr)(&cidr.to_string()), Ok(cidr));
    assert_eq!(Cidr::new(cidr.addr(), cidr.prefix_len()), Ok(cidr));
    let (bits, len) = bits(cidr.addr());
    for flipped in 0..len {
        let other = of_bits(bits ^ 1 << (len - 1 - flipped), len);
        assert_eq!(cidr.contains(other), flipped >= cidr.prefix_len().into(), "{other} in {cidr}");
    }
    assert!(cidr.contains(cidr.addr()));
    let stranger = if len == 32 { IpAddr::from(Ipv6Addr::UNSPECIFIED) } else { Ipv4Addr::UNSPECIFIED.into() };
    assert!(!cidr.contains(stranger), "of the other family");
    let is_broad = len == 32 && cidr.prefix_len() < 31;
    let last = (is_broad).then(|| of_bits(bits | u128::from(u32::MAX >> cidr.prefix_len()), 32));
    assert_eq!(cidr.broadcast(), last, "of {cidr}");
    let is_special = cidr.addr().is_unspecified() || cidr.addr().is_multicast();
    assert_eq!(is_unicast(cidr.addr()), !is_special && cidr.addr() != IpAddr::from(Ipv4Addr::BROADCAST));
}

/// An address as a number, and how many bits it has.
fn bits(addr: IpAddr) -> (u128, u32) {
    match addr {
        IpAddr::V4(addr) => (addr.to_bits().into(), 32),
        IpAddr::V6(addr) => (addr.to_bits(), 128),
    }
}

fn of_bits(bits: u128, len: u32) -> IpAddr {
    if len == 32 { Ipv4Addr::from_bits(bits as u32).into() } else { Ipv6Addr::from_bits(bits).into() }
}

/// Six pairs of hexadecimal digits.
fn mac(text: &str) -> Option<MacAddr> {
    let bytes = text.as_bytes();
    let mut octets = [0; 6];
    for (at, byte) in bytes.iter().enumerate() {
        match at % 3 {
            2 if *byte != b':' => return None,
            2 => {}
            _ => {
                let digit = char::from(*byte).to_digit(16)?;
                let octet = octets.get_mut(at / 3)?;
                *octet = *octet << 4 | digit as u8;
            }
        }
    }
    (bytes.len() == 17).then_some(MacAddr(octets))
}

/// The standard library's address, a slash, and up to three digits.
fn cidr(text: &str) -> Option<(IpAddr, u8)> {
    let (addr, len) = text.rsplit_once('/')?;
    let addr: IpAddr = addr.parse().ok()?;
    let digits: Vec<u32> = len.chars().map(|digit| digit.to_digit(10)).collect::<Option<_>>()?;
    let number = digits.iter().fold(0, |number: u32, digit| number.saturating_mul(10).saturating_add(*digit));
    let is_good = !digits.is_empty() && digits.len() <= 3 && number <= bits(addr).1;
    is_good.then_some((addr, number as u8))
}

/// inet_aton(3), in its own words: "each of the four numeric parts", and what fewer parts mean.
fn aton(text: &str) -> Option<Ipv4Addr> {
    let numbers: Vec<u128> = text.split('.').map(number).collect::<Option<_>>()?;
    let fits = |limits: &[u32]| numbers.iter().zip(limits).all(|(number, limit)| *number >> limit == 0);
    let bits = match numbers[..] {
        [a] if fits(&[32]) => a,
        [a, b] if fits(&[8, 24]) => a << 24 | b,
        [a, b, c] if fits(&[8, 8, 16]) => a << 24 | b << 16 | c,
        [a, b, c, d] if fits(&[8, 8, 8, 8]) => a << 24 | b << 16 | c << 8 | d,
        _ => return None,
    };
    Some(Ipv4Addr::from_bits(bits as u32))
}

/// A number as C writes it.
fn number(text: &str) -> Option<u128> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.strip_prefix('0') {
        Some("") | None => (lower.as_str(), 10),
        Some(rest) => rest.strip_prefix('x').map_or((rest, 8), |rest| (rest, 16)),
    };
    let mut number: u128 = 0;
    for digit in digits.chars() {
        number = number.saturating_mul(radix.into()).saturating_add(digit.to_digit(radix)?.into());
    }
    (!digits.is_empty()).then_some(number)
}
