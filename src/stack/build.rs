//! How is a stack put together?

use smoltcp::phy::{Device, DeviceCapabilities, Medium};

use super::cookies::Cookies;
use super::counters::Counters;
use super::deadlines::Deadlines;
use super::icmp::Budget;
use super::interfaces::Interfaces;
use super::membership::Memberships;
use super::membership::reports::Reports;
use super::neighbors::Neighbors;
use super::numbers::Numbers;
use super::path_mtu::PathMtus;
use super::reassembly::Reassembly;
use super::storage::{Parts, Storage, StorageError};
use super::time_wait::TimeWait;
use super::{LOCAL_SEGMENT_MTU, Stack};
use crate::config::{Config, ConfigError, Stream};
use crate::demux::{Demux, ports::Ports};
use crate::device::ETHERNET_HEADER_LEN;
use crate::socket::raw::Raws;
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
        if (medium == Medium::Ethernet) != config.mac.is_some() {
            return Err(ConfigError::MediumMismatch);
        }
        let header_len = if medium == Medium::Ethernet { ETHERNET_HEADER_LEN } else { 0 };
        // smoltcp's `ip_mtu` would underflow where frames are shorter than their header.
        let ip_mtu = capabilities.max_transmission_unit.saturating_sub(header_len);
        let has_ipv6 = config.addresses.iter().any(|cidr| cidr.addr().is_ipv6());
        if ip_mtu < if has_ipv6 { IPV6_MTU_MIN } else { IPV4_MTU_MIN } {
            return Err(ConfigError::MtuTooSmall(ip_mtu));
        }
        let local_mtu = parts.local.mtu();
        let interfaces = Interfaces::new(&config, capabilities, local_mtu.min(LOCAL_SEGMENT_MTU as u16))?;
        let reports_seed = config.seed.stream(Stream::Reports);
        let mut stack = Self {
            interfaces,
            medium,
            ip_mtu,
            checksums: capabilities.checksum.clone(),
            now: Instant::ZERO,
            slots: Slots::new(parts.places, parts.sockets_max),
            demux: Demux::new(parts.buckets, &config.seed),
            ports: Ports::new(&config.seed),
            binds: 0,
            engines: parts.engines,
            queues: parts.queues,
            raws: Raws::new(),
            outbox: parts.outbox,
            local: parts.local,
            local_spare: parts.local_spare,
            local_mtu: usize::from(local_mtu),
            time_wait: TimeWait::new(parts.time_wait, parts.time_wait_max, config.time_wait),
            neighbors: Neighbors::new(),
            deadlines: Deadlines::new(parts.heap, parts.positions),
            last: NONE,
            due: Line::new(Queue::Due),
            answering: Line::new(Queue::Due),
            unresolved: Line::new(Queue::Neighbor),
            reassembly: Reassembly::new(parts.reassembly, parts.reassembly_max),
            path_mtus: PathMtus::new(),
            memberships: Memberships::new(parts.members, parts.memberships_max),
            reports: Reports::new(parts.topics, parts.memberships_max, reports_seed),
            ident: config.seed.stream(Stream::Identification) as u32,
            icmp_budget: Budget::FULL,
            numbers: Numbers::new(&config.seed),
            cookies: Cookies::new(&config.seed),
            crowded_until: None,
            counters: Counters::default(),
            #[cfg(feature = "inspect")]
            hook: super::inspect::Hook::NOBODY,
            steps: 0,
            blocked: false,
            step_waker: None,
            config,
        };
        stack.join_host_groups();
        Ok(stack)
    }
}

/// RFC 791 §3.2: every link carries packets of 68 bytes.
const IPV4_MTU_MIN: usize = 68;
/// RFC 8200 §5.
const IPV6_MTU_MIN: usize = 1280;
