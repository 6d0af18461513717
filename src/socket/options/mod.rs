//! What has the application asked of a socket?

pub(crate) mod apply;
pub mod sockopt;
mod table;
pub(crate) mod value;

use core::net::IpAddr;

use crate::time::Duration;

/// The settings of one socket. A new socket has [`Options::NEW`]; a connection inherits its listener's.
///
/// Rows of the options table read and write these fields; whoever acts on one reads it where it acts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// `O_NONBLOCK`.
    pub(crate) nonblocking: bool,
    /// `SO_REUSEADDR`.
    pub(crate) reuse_address: bool,
    /// `SO_REUSEPORT`.
    pub(crate) reuse_port: bool,
    /// `SO_BROADCAST`.
    pub(crate) broadcast: bool,
    /// `SO_KEEPALIVE`.
    pub(crate) keep_alive: bool,
    /// `SO_LINGER`: how long, if it is on.
    pub(crate) linger: Option<Duration>,
    /// `SO_RCVTIMEO`; `None` waits for ever.
    pub(crate) recv_timeout: Option<Duration>,
    /// `SO_SNDTIMEO`; `None` waits for ever.
    pub(crate) send_timeout: Option<Duration>,
    /// `SO_RCVLOWAT`, bytes.
    pub(crate) recv_low_water: u32,
    /// `SO_RCVBUF`, bytes; 0: as configured.
    pub(crate) recv_buffer_bytes: u32,
    /// `SO_SNDBUF`, bytes; 0: as configured.
    pub(crate) send_buffer_bytes: u32,
    /// `IP_TTL`.
    pub(crate) ttl: u8,
    /// `IPV6_UNICAST_HOPS`.
    pub(crate) unicast_hops: u8,
    /// `IP_TOS`.
    pub(crate) tos: u8,
    /// `IPV6_TCLASS`.
    pub(crate) traffic_class: u8,
    /// `IP_MULTICAST_TTL` and `IPV6_MULTICAST_HOPS`.
    pub(crate) multicast_ttl: u8,
    /// `IP_MULTICAST_LOOP` and `IPV6_MULTICAST_LOOP`.
    pub(crate) multicast_loop: bool,
    /// `IP_MULTICAST_ALL`: datagrams to any group that the host has joined.
    pub(crate) multicast_all: bool,
    /// `IP_RECVTTL` and `IPV6_RECVHOPLIMIT`.
    pub(crate) recv_ttl: bool,
    /// `IP_RECVTOS` and `IPV6_RECVTCLASS`.
    pub(crate) recv_tos: bool,
    /// `IP_PKTINFO` and `IPV6_RECVPKTINFO`.
    pub(crate) packet_info: bool,
    /// `IP_HDRINCL`: raw sockets whose data begins with the IP header.
    pub(crate) header_included: bool,
    /// `IPV6_V6ONLY`.
    pub(crate) v6_only: bool,
    /// `TCP_NODELAY`.
    pub(crate) no_delay: bool,
    /// `TCP_CORK`.
    pub(crate) cork: bool,
    /// `TCP_QUICKACK`.
    pub(crate) quick_ack: bool,
    /// `TCP_MAXSEG`, bytes of payload; 0: as the MTU allows.
    pub(crate) max_segment: u16,
    /// `TCP_KEEPIDLE`, seconds.
    pub(crate) keep_idle_secs: u16,
    /// `TCP_KEEPINTVL`, seconds.
    pub(crate) keep_interval_secs: u16,
    /// `TCP_KEEPCNT`.
    pub(crate) keep_count: u8,
    /// `TCP_SYNCNT`; 0: `Config::connect_timeout` decides.
    pub(crate) syn_count: u8,
    /// `TCP_USER_TIMEOUT`, milliseconds; 0: as configured.
    pub(crate) user_timeout_ms: u32,
    /// `TCP_LINGER2`, seconds; 0: as configured; negative: no FIN-WAIT-2 at all.
    pub(crate) linger2_secs: i32,
    /// `TCP_CONGESTION`; `None`: the default of this build.
    pub(crate) congestion: Option<Congestion>,
}

impl Options {
    /// What a new socket has, as on Linux.
    pub(crate) const NEW: Self = Self {
        nonblocking: false,
        reuse_address: false,
        reuse_port: false,
        broadcast: false,
        keep_alive: false,
        linger: None,
        recv_timeout: None,
        send_timeout: None,
        recv_low_water: 1,
        recv_buffer_bytes: 0,
        send_buffer_bytes: 0,
        ttl: 64,
        unicast_hops: 64,
        tos: 0,
        traffic_class: 0,
        multicast_ttl: 1,
        multicast_loop: true,
        multicast_all: true,
        recv_ttl: false,
        recv_tos: false,
        packet_info: false,
        header_included: false,
        v6_only: false,
        no_delay: false,
        cork: false,
        quick_ack: false,
        max_segment: 0,
        keep_idle_secs: 7_200,
        keep_interval_secs: 75,
        keep_count: 9,
        syn_count: 0,
        user_timeout_ms: 0,
        linger2_secs: 0,
        congestion: None,
    };

    /// Services field of packets to `remote`: each family has its own.
    #[inline]
    pub(crate) fn services(&self, remote: IpAddr) -> u8 {
        if remote.is_ipv4() { self.tos } else { self.traffic_class }
    }

    /// Hop limit of datagrams to `remote` that do not say theirs.
    pub(crate) fn hop_limit(&self, remote: IpAddr) -> u8 {
        match remote {
            ip if ip.is_multicast() => self.multicast_ttl,
            IpAddr::V4(_) => self.ttl,
            IpAddr::V6(_) => self.unicast_hops,
        }
    }

    /// Bytes of the receive and the send buffer, 0 as configured.
    pub(crate) fn buffer_bytes(&self) -> (usize, usize) {
        (self.recv_buffer_bytes as usize, self.send_buffer_bytes as usize)
    }
}

/// How a connection reacts to loss (`TCP_CONGESTION`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Congestion {
    /// Not at all: all that the window allows is sent.
    None,
    /// Reno (RFC 5681).
    Reno,
    /// CUBIC (RFC 9438); only with feature `std`, since smoltcp computes it in floating point.
    Cubic,
}

impl Congestion {
    /// What a connection has whose application did not choose: CUBIC with `std`, else Reno.
    #[cfg(feature = "std")]
    pub const DEFAULT: Self = Self::Cubic;
    /// What a connection has whose application did not choose: CUBIC with `std`, else Reno.
    #[cfg(not(feature = "std"))]
    pub const DEFAULT: Self = Self::Reno;

    /// Those that this build has.
    #[cfg(feature = "std")]
    pub(crate) const BUILT_IN: &[Self] = &[Self::None, Self::Reno, Self::Cubic];
    /// Those that this build has.
    #[cfg(not(feature = "std"))]
    pub(crate) const BUILT_IN: &[Self] = &[Self::None, Self::Reno];

    /// The name that `TCP_CONGESTION` has for it: `"none"`, `"reno"`, `"cubic"`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Reno => "reno",
            Self::Cubic => "cubic",
        }
    }
}
