//! How is a stack put together?

use managed::ManagedSlice;
use smoltcp::iface::{Interface, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::wire::HardwareAddress;

use super::Stack;
use super::counters::Counters;
use super::deadlines::Deadlines;
use super::neighbors::Neighbors;
use super::storage::{Parts, Storage, StorageError};
use super::time_wait::TimeWait;
use crate::addr::{to_cidr, to_mac};
use crate::config::{Config, ConfigError, Stream};
use crate::demux::{Demux, ports::Ports};
use crate::socket::slots::{Line, NONE, Queue, Slots};
use crate::time::Instant;

#[cfg(feature = "alloc")]
impl Stack<'static> {
    /// A stack whose tables and buffers grow, up to the limits of `config`.
    ///
    /// `device` tells its medium, MTU and checksum offloads; every [`step`](Self::step) must be given a
    /// device with the same.
    ///
    /// # Errors
    /// Whatever of `config` is impossible, alone or with this device.
    ///
    /// # Examples
    /// ```
    /// use smolsock::{Config, Seed, Stack, device::{Loopback, Medium}};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let device = Loopback::new(Medium::Ip);
    /// let config = Config::ip(Seed::new(*b"from a real TRNG")?).address("192.0.2.1/24".parse()?);
    /// let stack = Stack::new(config, &device)?;
    /// assert_eq!(stack.next_step(), None);
    /// # Ok(()) }
    /// ```
    pub fn new(config: Config, device: &(impl Device + ?Sized)) -> Result<Self, ConfigError> {
        let parts = Parts::growing(&config);
        Self::build(config, &device.capabilities(), parts)
    }
}

impl<'a> Stack<'a> {
    /// A stack in the caller's memory, which is all it will ever use.
    ///
    /// # Errors
    /// Whatever of `config` is impossible, alone or with this device, and what `storage` lacks.
    ///
    /// # Examples
    /// ```
    /// use smolsock::{Config, Seed, Stack, Storage, device::{Loopback, Medium}};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // 8 sockets, of which 4 connections with 2 KiB each way and 2 UDP sockets with 3,000 bytes.
    /// let mut storage = Storage::<8, 4, 2, 2048, 3000>::new();
    /// let device = Loopback::new(Medium::Ip);
    /// let config = Config::ip(Seed::new(*b"from a real TRNG")?).address("192.0.2.1/24".parse()?);
    /// let stack = Stack::with_storage(config, &device, &mut storage)?;
    /// # let _ = stack;
    /// # Ok(()) }
    /// ```
    pub fn with_storage<
        const SOCKETS: usize,
        const TCP: usize,
        const UDP: usize,
        const TCP_BYTES: usize,
        const UDP_BYTES: usize,
    >(
        config: Config,
        device: &(impl Device + ?Sized),
        storage: &'a mut Storage<'a, SOCKETS, TCP, UDP, TCP_BYTES, UDP_BYTES>,
    ) -> Result<Self, StorageError> {
        let parts = Parts::lent(storage)?;
        Self::build(config, &device.capabilities(), parts).map_err(StorageError::Config)
    }

    fn build(config: Config, capabilities: &DeviceCapabilities, parts: Parts<'a>) -> Result<Self, ConfigError> {
        config.check()?;
        let medium = capabilities.medium;
        let hardware = match (medium, config.mac) {
            (Medium::Ethernet, Some(mac)) => HardwareAddress::Ethernet(to_mac(mac)),
            (Medium::Ip, None) => HardwareAddress::Ip,
            _ => return Err(ConfigError::MediumMismatch),
        };
        let ip_mtu = capabilities.ip_mtu();
        let has_ipv6 = config.addresses.iter().any(|cidr| cidr.addr().is_ipv6());
        if ip_mtu < if has_ipv6 { IPV6_MTU_MIN } else { IPV4_MTU_MIN } {
            return Err(ConfigError::MtuTooSmall(ip_mtu));
        }
        let mut smoltcp_config = smoltcp::iface::Config::new(hardware);
        smoltcp_config.random_seed = config.seed.stream(Stream::Engine);
        let mut facts = Facts(capabilities);
        let mut interface = Interface::new(smoltcp_config, &mut facts, Instant::ZERO.to_smoltcp());
        give_addresses(&mut interface, &config)?;
        Ok(Self {
            interface,
            medium,
            ip_mtu,
            checksums: capabilities.checksum.clone(),
            now: Instant::ZERO,
            slots: Slots::new(parts.places, parts.sockets_max),
            demux: Demux::new(parts.buckets, &config.seed),
            ports: Ports::new(&config.seed),
            engines: parts.engines,
            queues: parts.queues,
            datagram_engine: parts.datagram_engine,
            nobody: SocketSet::new(ManagedSlice::Borrowed(&mut [])),
            time_wait: TimeWait::new(parts.time_wait, parts.time_wait_max, config.time_wait),
            neighbors: Neighbors::new(),
            deadlines: Deadlines::new(parts.heap, parts.positions),
            last: NONE,
            due: Line::new(Queue::Due),
            answering: Line::new(Queue::Due),
            unresolved: Line::new(Queue::Neighbor),
            counters: Counters::default(),
            steps: 0,
            blocked: false,
            step_waker: None,
            config,
        })
    }
}

fn give_addresses(interface: &mut Interface, config: &Config) -> Result<(), ConfigError> {
    let mut too_many = false;
    interface.update_ip_addrs(|addresses| {
        for cidr in &config.addresses {
            too_many |= addresses.push(to_cidr(*cidr)).is_err();
        }
    });
    for router in &config.gateways {
        let added = match router {
            core::net::IpAddr::V4(router) => interface.routes_mut().add_default_ipv4_route(*router),
            core::net::IpAddr::V6(router) => interface.routes_mut().add_default_ipv6_route(*router),
        };
        if added.is_err() {
            return Err(ConfigError::TooManyGateways);
        }
    }
    if too_many { Err(ConfigError::TooManyAddresses) } else { Ok(()) }
}

/// RFC 791 §3.2: every link carries packets of 68 bytes.
const IPV4_MTU_MIN: usize = 68;
/// RFC 8200 §5.
const IPV6_MTU_MIN: usize = 1280;

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
