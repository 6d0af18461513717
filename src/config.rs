//! What does a stack need to know before it can run?

use core::fmt;
use core::net::IpAddr;

use heapless::Vec;

use crate::addr::{Cidr, MacAddr};
use crate::time::Duration;

/// How a [`Stack`](crate::Stack) is addressed, how long it waits, and how large it may become.
///
/// Made by [`Config::ethernet`] or [`Config::ip`], completed by [`address`](Config::address) and
/// [`gateway`](Config::gateway), checked when a stack is built from it.
///
/// ```
/// use smolsock::{Config, Seed};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let seed = Seed::new(*b"from a real TRNG")?;
/// let config = Config::ethernet("02:00:00:00:00:01".parse()?, seed)
///     .address("192.0.2.1/24".parse()?)
///     .gateway("192.0.2.254".parse()?);
/// assert_eq!(config.addresses.len(), 1);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The link-layer address, or `None` for a device that carries bare IP packets.
    pub mac: Option<MacAddr>,
    /// Own addresses with their prefixes; at most [`ADDRESSES_MAX`].
    pub addresses: Vec<Cidr, ADDRESSES_MAX>,
    /// Addresses beyond [`ADDRESSES_MAX`] that were given, so that building the stack can refuse them.
    pub(crate) addresses_refused: usize,
    /// Default routers: at most one for IPv4 and one for IPv6.
    pub gateways: Vec<IpAddr, 2>,
    /// Routers beyond the first of each family that were given.
    pub(crate) gateways_refused: usize,
    /// Secret behind ports, sequence numbers and hash tables.
    pub seed: Seed,
    /// Receive buffer of a TCP connection, bytes, 1 to 65,535 (default: 65,535; `SO_RCVBUF`). Used with `alloc`;
    /// without it the caller's [`Storage`](crate::Storage) decides.
    pub tcp_recv_bytes: usize,
    /// Send buffer of a TCP connection, bytes, at least 1 (default: 65,535; `SO_SNDBUF`). Used with `alloc`.
    pub tcp_send_bytes: usize,
    /// Receive queue of a UDP socket, payload bytes, 1 to 2^30 (default: 65,535). Used with `alloc`.
    pub udp_recv_bytes: usize,
    /// Send queue of a UDP socket, payload bytes, 1 to 2^30 (default: 65,535). Used with `alloc`.
    pub udp_send_bytes: usize,
    /// How many datagrams a UDP queue holds, whatever their size, 1 to 2^20 (default: 64). Used with `alloc`.
    pub udp_queue_datagrams: usize,
    /// How many sockets may exist at once, orphans and half-open children included (default: 2^20). With `alloc`.
    pub sockets_max: usize,
    /// How many connections may be remembered in TIME-WAIT; beyond it the oldest goes (default: 2^16). With `alloc`.
    pub time_wait_max: usize,
    /// How many children of one listener may be in SYN-RECEIVED; beyond it the oldest goes (default: 128).
    pub half_open_max: usize,
    /// How many IP packets may wait for missing fragments; beyond it the oldest goes (default: 16). With `alloc`;
    /// without it one.
    pub reassembly_max: usize,
    /// How many memberships in multicast groups its sockets may have together (default: 256). With `alloc`; without it 8.
    pub memberships_max: usize,
    /// 2MSL: how long TIME-WAIT lasts (RFC 9293 §3.4.2 names 4 minutes, Linux and this default 60 s).
    pub time_wait: Duration,
    /// How long `connect` tries before ETIMEDOUT (default: 180 s; RFC 9293 §3.8.3 R2 for SYN: at least 3 minutes).
    pub connect_timeout: Duration,
    /// How long a child may stay in SYN-RECEIVED before it is forgotten (default: 60 s).
    pub half_open_timeout: Duration,
    /// How long a closed socket waits in FIN-WAIT-2 for the peer's FIN (default: 60 s; Linux `tcp_fin_timeout`).
    pub fin_wait_2_timeout: Duration,
    /// R2 (RFC 9293 §3.8.3): how long data may stay unacknowledged before ETIMEDOUT (default: 900 s). A peer that says
    /// that its window is closed puts it off.
    pub user_timeout: Duration,
    /// Whether the oldest segment is sent again when nothing was heard for two round trips, before its time-out of a second or more
    /// (default: `true`; RFC 8985 §7, Linux `tcp_early_retrans`).
    pub tail_loss_probes: bool,
    /// How many received frames one [`step`](crate::Stack::step) handles before it returns (default: 64).
    pub step_frames_max: usize,
}

impl Config {
    /// A host on Ethernet with this link-layer address.
    pub fn ethernet(mac: MacAddr, seed: Seed) -> Self {
        Self::new(Some(mac), seed)
    }

    /// A host on a medium that carries bare IP packets (a TUN device, a serial line).
    pub fn ip(seed: Seed) -> Self {
        Self::new(None, seed)
    }

    /// Adds an own address with its prefix, such as `192.0.2.1/24` or `2001:db8::1/64`.
    #[must_use]
    pub fn address(mut self, cidr: Cidr) -> Self {
        if self.addresses.push(cidr).is_err() {
            self.addresses_refused = self.addresses_refused.saturating_add(1);
        }
        self
    }

    /// Sets the router for everything outside the own prefixes.
    #[must_use]
    pub fn gateway(mut self, router: IpAddr) -> Self {
        let taken = self.gateways.iter().any(|known| known.is_ipv4() == router.is_ipv4());
        if taken || self.gateways.push(router).is_err() {
            self.gateways_refused = self.gateways_refused.saturating_add(1);
        }
        self
    }

    fn new(mac: Option<MacAddr>, seed: Seed) -> Self {
        Self {
            mac,
            addresses: Vec::new(),
            addresses_refused: 0,
            gateways: Vec::new(),
            gateways_refused: 0,
            seed,
            tcp_recv_bytes: 65_535,
            tcp_send_bytes: 65_535,
            udp_recv_bytes: 65_535,
            udp_send_bytes: 65_535,
            udp_queue_datagrams: 64,
            sockets_max: 1 << 20,
            time_wait_max: 1 << 16,
            half_open_max: 128,
            reassembly_max: 16,
            memberships_max: 256,
            time_wait: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(180),
            half_open_timeout: Duration::from_secs(60),
            fin_wait_2_timeout: Duration::from_secs(60),
            user_timeout: Duration::from_secs(900),
            tail_loss_probes: true,
            step_frames_max: 64,
        }
    }

    /// Everything that can be told before a device is seen.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        use ConfigError::*;
        if self.addresses_refused > 0 {
            return Err(TooManyAddresses);
        }
        if self.gateways_refused > 0 {
            return Err(TooManyGateways);
        }
        if self.mac.is_some_and(|mac| !mac.is_unicast()) {
            return Err(MacNotUnicast);
        }
        for cidr in &self.addresses {
            if !crate::addr::is_unicast(cidr.addr()) || cidr.broadcast() == Some(cidr.addr()) {
                return Err(AddressNotUnicast(cidr.addr()));
            }
        }
        for router in &self.gateways {
            if !self.addresses.iter().any(|own| own.contains(*router)) {
                return Err(GatewayOutside(*router));
            }
        }
        if !(1..=TCP_RECV_BYTES_MAX).contains(&self.tcp_recv_bytes) {
            return Err(RecvBuffer(self.tcp_recv_bytes));
        }
        if self.tcp_send_bytes == 0 || self.tcp_send_bytes > TCP_SEND_BYTES_MAX {
            return Err(SendBuffer(self.tcp_send_bytes));
        }
        if self.udp_queue_datagrams == 0 || self.udp_recv_bytes == 0 || self.udp_send_bytes == 0 {
            return Err(ZeroLimit("a UDP queue"));
        }
        for (size, most) in [
            (self.udp_recv_bytes, UDP_QUEUE_BYTES_MAX),
            (self.udp_send_bytes, UDP_QUEUE_BYTES_MAX),
            (self.udp_queue_datagrams, UDP_QUEUE_DATAGRAMS_MAX),
        ] {
            if size > most {
                return Err(UdpQueue(size));
            }
        }
        if self.sockets_max == 0 {
            return Err(ZeroLimit("sockets_max"));
        }
        if self.half_open_max == 0 {
            return Err(ZeroLimit("half_open_max"));
        }
        if self.step_frames_max == 0 {
            return Err(ZeroLimit("step_frames_max"));
        }
        Ok(())
    }
}

/// 128 secret bits that make this stack's ports, sequence numbers and hash tables its own.
///
/// They come from the caller: a hardware generator, the operating system, or, in a simulation, the
/// scenario. The same seed on every boot lets anybody who has seen one boot forge segments of the
/// next (smoltcp's default is such a seed: 0, always). Never printed: `Debug` shows `Seed(..)`.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed([u8; 16]);

impl Seed {
    /// Takes 16 bytes of entropy.
    ///
    /// # Errors
    /// [`ConfigError::ZeroSeed`]: all bytes are zero, which is memory nobody filled.
    pub fn new(entropy: [u8; 16]) -> Result<Self, ConfigError> {
        if entropy == [0; 16] {
            return Err(ConfigError::ZeroSeed);
        }
        Ok(Self(entropy))
    }

    /// A stream of numbers of its own for each use, so that one leaks nothing about another.
    pub(crate) fn stream(&self, name: Stream) -> u64 {
        let (low, high) = self.0.split_at(8);
        let word = |half: &[u8]| half.iter().fold(0_u64, |all, byte| (all << 8) | u64::from(*byte));
        mix(mix(word(low) ^ name as u64) ^ word(high))
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// What a secret number is used for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    /// smoltcp's generator, of whose numbers none is sent.
    Engine = 1,
    /// First key of the demux hash.
    HashLow = 2,
    /// Second key of the demux hash.
    HashHigh = 3,
    /// Ephemeral ports.
    Ports = 4,
    /// Identification of packets that are cut (RFC 7739).
    Identification = 5,
    /// When routers are told of groups.
    Reports = 6,
    /// First key of SYN cookies.
    CookiesLow = 7,
    /// Second key of SYN cookies.
    CookiesHigh = 8,
    /// First key of initial sequence numbers.
    NumbersLow = 9,
    /// Second key of initial sequence numbers.
    NumbersHigh = 10,
}

/// SplitMix64's finaliser: every bit of the result depends on every bit of the argument.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Why a stack could not be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The seed is all zero.
    ZeroSeed,
    /// More than [`ADDRESSES_MAX`] own addresses.
    TooManyAddresses,
    /// More than one router for IPv4 or for IPv6.
    TooManyGateways,
    /// The link-layer address is a group or zero address.
    MacNotUnicast,
    /// An own address is unspecified, multicast or broadcast.
    AddressNotUnicast(IpAddr),
    /// A router that no own prefix contains cannot be reached.
    GatewayOutside(IpAddr),
    /// A TCP receive buffer of this many bytes; 1 to 65,535 are possible.
    RecvBuffer(usize),
    /// A TCP send buffer of this many bytes; 1 to 2^30 are possible.
    SendBuffer(usize),
    /// A UDP queue of this many bytes or datagrams; 1 to 2^30 bytes and 1 to 2^20 datagrams are possible.
    UdpQueue(usize),
    /// A limit of zero, which leaves nothing to work with.
    ZeroLimit(&'static str),
    /// The device carries Ethernet frames and the configuration has no link-layer address, or the reverse.
    MediumMismatch,
    /// The device's IP MTU, bytes; IPv4 needs 68 (RFC 791), IPv6 1,280 (RFC 8200 §5).
    MtuTooSmall(usize),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroSeed => f.write_str("the seed is all zero: take 16 bytes from a real source of entropy"),
            Self::TooManyAddresses => write!(f, "more than {ADDRESSES_MAX} own addresses"),
            Self::TooManyGateways => f.write_str("more than one gateway of one address family"),
            Self::MacNotUnicast => f.write_str("the link-layer address is not a unicast address"),
            Self::AddressNotUnicast(addr) => write!(f, "{addr} is not a unicast address that a host can own"),
            Self::GatewayOutside(addr) => write!(f, "gateway {addr} lies outside every own prefix"),
            Self::RecvBuffer(bytes) => write!(
                f,
                "a TCP receive buffer of {bytes} bytes: 1 to {TCP_RECV_BYTES_MAX} are possible (see the manual, limits)"
            ),
            Self::SendBuffer(bytes) => {
                write!(f, "a TCP send buffer of {bytes} bytes: 1 to {TCP_SEND_BYTES_MAX} are possible")
            }
            Self::UdpQueue(size) => write!(
                f,
                "a UDP queue of {size} bytes or datagrams: 1 to {UDP_QUEUE_BYTES_MAX} bytes and \
                 1 to {UDP_QUEUE_DATAGRAMS_MAX} datagrams are possible"
            ),
            Self::ZeroLimit(name) => write!(f, "{name} is zero"),
            Self::MediumMismatch => {
                f.write_str("an Ethernet device needs Config::ethernet, a bare-IP device Config::ip")
            }
            Self::MtuTooSmall(bytes) => {
                write!(f, "an IP MTU of {bytes} bytes: IPv4 needs 68, IPv6 1280")
            }
        }
    }
}

impl core::error::Error for ConfigError {}

/// Own addresses of one stack, at most.
pub const ADDRESSES_MAX: usize = smoltcp::config::IFACE_MAX_ADDR_COUNT;

/// Largest TCP receive buffer, bytes. Larger ones need window scaling, which in smoltcp 0.14 announces
/// a window that is not there (see the manual, limits: B2, B3).
pub const TCP_RECV_BYTES_MAX: usize = 65_535;

/// Largest TCP send buffer, bytes.
pub const TCP_SEND_BYTES_MAX: usize = 1 << 30;
const UDP_QUEUE_BYTES_MAX: usize = 1 << 30;
const UDP_QUEUE_DATAGRAMS_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn seed() -> Seed {
        Seed::new([7; 16]).expect("not zero")
    }

    #[test]
    fn a_zero_seed_is_refused() {
        assert_eq!(Seed::new([0; 16]), Err(ConfigError::ZeroSeed));
    }

    #[test]
    fn a_seed_never_prints_itself() {
        assert_eq!(std::format!("{:?}", seed()), "Seed(..)");
    }

    #[test]
    fn streams_of_one_seed_differ() {
        let seed = seed();
        let all = [Stream::Engine, Stream::HashLow, Stream::HashHigh, Stream::Ports].map(|name| seed.stream(name));
        for (i, a) in all.iter().enumerate() {
            assert!(all.iter().skip(i + 1).all(|b| a != b));
        }
    }

    #[test]
    fn every_bit_of_the_seed_counts() {
        let base = seed().stream(Stream::Ports);
        for bit in 0..128 {
            let mut entropy = [7; 16];
            entropy[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(Seed::new(entropy).expect("not zero").stream(Stream::Ports), base, "bit {bit}");
        }
    }

    #[test]
    fn bad_settings_are_named() {
        let base = || Config::ip(seed()).address("192.0.2.1/24".parse().expect("an address"));
        assert_eq!(base().check(), Ok(()));
        let outside = "198.51.100.1".parse().expect("an address");
        assert_eq!(base().gateway(outside).check(), Err(ConfigError::GatewayOutside(outside)));
        let mut config = base();
        config.tcp_recv_bytes = 65_536;
        assert_eq!(config.check(), Err(ConfigError::RecvBuffer(65_536)));
        let group = "224.0.0.1/4".parse().expect("an address");
        assert!(matches!(base().address(group).check(), Err(ConfigError::AddressNotUnicast(_))));
    }
}
