//! Which nodes pass frames on, and how?

use smolsock::addr::Cidr;

use super::{Event, Station, StationKind, World, WorldError};
use crate::frame::{Mac, Medium};
use crate::middlebox::Middlebox;
use crate::router::{Counters, Router};
use crate::trace::{Node, NodeId, NodeKind, PacketId};

impl World {
    /// Adds a middlebox, which takes two cables; see [`Middlebox`].
    ///
    /// With NAT, and a host behind it:
    /// ```
    /// use smolsock_sim::middlebox::Middlebox;
    /// use smolsock_sim::nat::Nat;
    /// use smolsock_sim::{World, app::echo, link::Impairments, time::Time};
    ///
    /// let mut world = World::new(1);
    /// let client = world.host("client", &["10.0.0.1/24"])?;
    /// world.gateway(client, "10.0.0.254")?;
    /// let nat = Some(Nat::new("10.0.0.254/24", "192.0.2.254/24")?);
    /// let home = world.middlebox("home", Middlebox { nat, ..Middlebox::default() })?;
    /// let server = world.host("server", &["192.0.2.1/24"])?;
    /// world.cable("inside", client, home, Impairments::default())?;
    /// world.cable("outside", home, server, Impairments::default())?;
    /// world.daemon(server, "echo", |host| echo::tcp_server(host, "0.0.0.0:7".parse().unwrap(), 5));
    /// world.app(client, "client", |host| {
    ///     echo::tcp_client(host, "192.0.2.1:7".parse().unwrap(), 1, 10_000, 1_000)
    /// });
    /// let ending = world.run(Time::from_secs(60));
    /// assert!(ending.failures.is_empty(), "{:?}", ending.failures);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A name that is taken; a NAT whose gateway is not in the outside network.
    pub fn middlebox(&mut self, name: &str, middlebox: Middlebox) -> Result<NodeId, WorldError> {
        if let Some(nat) = middlebox.nat.clone() {
            let node = self.add_router(name, vec![vec![nat.inside], vec![nat.outside]], middlebox)?;
            if let Some(gateway) = nat.gateway {
                self.route(node, "0.0.0.0/0", &gateway.to_string())?;
            }
            return Ok(node);
        }
        let node = self.name_node(name)?;
        self.nodes.push(Station { kind: StationKind::Middlebox(middlebox), ends: Vec::new() });
        self.trace.nodes.push(Node { name: name.into(), kind: NodeKind::Middlebox });
        Ok(node)
    }

    /// Adds a router with a port for each of `ports`, in the order in which its cables are laid: an address with its prefix, or
    /// several with spaces between them (`192.0.2.254/24 2001:db8::254/64`).
    ///
    /// It forwards between these networks and along [`routes`](World::route). Hosts name its address as their
    /// [`gateway`](World::gateway).
    ///
    /// ```
    /// use smolsock_sim::{World, app::echo, link::Impairments, time::Time};
    ///
    /// let mut world = World::new(1);
    /// let client = world.host("client", &["192.0.2.1/24"])?;
    /// let server = world.host("server", &["198.51.100.1/24"])?;
    /// world.gateway(client, "192.0.2.254")?;
    /// world.gateway(server, "198.51.100.254")?;
    /// let router = world.router("router", &["192.0.2.254/24", "198.51.100.254/24"])?;
    /// world.cable("left", client, router, Impairments::default())?;
    /// world.cable("right", router, server, Impairments::default())?;
    /// world.daemon(server, "echo", |host| echo::tcp_server(host, "0.0.0.0:7".parse().unwrap(), 5));
    /// world.app(client, "client", |host| {
    ///     echo::tcp_client(host, "198.51.100.1:7".parse().unwrap(), 1, 10_000, 1_000)
    /// });
    /// let ending = world.run(Time::from_secs(60));
    /// assert!(ending.failures.is_empty(), "{:?}", ending.failures);
    /// assert!(ending.routers[0].1.forwarded > 20);
    /// # Ok::<(), smolsock_sim::WorldError>(())
    /// ```
    ///
    /// # Errors
    /// A name that is taken, an address that is not one, no port at all.
    pub fn router(&mut self, name: &str, ports: &[&str]) -> Result<NodeId, WorldError> {
        let cidrs = ports.iter().map(|port| cidrs_of(name, port)).collect::<Result<Vec<_>, _>>()?;
        self.add_router(name, cidrs, Middlebox::default())
    }

    /// Lets a router send packets to `prefix` (`203.0.113.0/24`; `0.0.0.0/0` and `::/0` stand for everything) to the router
    /// `via`, unless a longer prefix leads elsewhere.
    ///
    /// # Errors
    /// `router` is none; a prefix or an address that is not one, or not of the same family; `via` is in none of the
    /// router's networks.
    pub fn route(&mut self, router: NodeId, prefix: &str, via: &str) -> Result<(), WorldError> {
        let name = self.trace.nodes[router.0].name.clone();
        let bad = |what: &str| WorldError::Address(format!("{name}: route to {prefix} via {via}: {what}"));
        let StationKind::Router(router) = &mut self.nodes[router.0].kind else {
            return Err(WorldError::Host(format!("{name} is no router and has no routes")));
        };
        let cidr: Cidr = prefix.parse().map_err(|_| bad("the prefix is not well formed"))?;
        let next: std::net::IpAddr = via.parse().map_err(|_| bad("the next router's address is not well formed"))?;
        if cidr.addr().is_ipv4() != next.is_ipv4() {
            return Err(bad("IPv4 and IPv6 are mixed"));
        }
        router.add_route(cidr, next).ok_or_else(|| bad("the next router is in none of this router's networks"))
    }

    fn add_router(&mut self, name: &str, ports: Vec<Vec<Cidr>>, rewrite: Middlebox) -> Result<NodeId, WorldError> {
        let node = self.name_node(name)?;
        if ports.is_empty() || ports.len() > ROUTER_PORTS_MAX {
            return Err(WorldError::Ports(format!("{name}: a router has 1 to {ROUTER_PORTS_MAX} ports")));
        }
        let number = self.nodes.len() as u64 + 1;
        let mac = |port: usize| -> Mac { [2, 0, 0, port as u8 + 1, (number >> 8) as u8, number as u8] };
        let macs: Vec<Mac> = match self.medium {
            Medium::Ethernet => (0..ports.len()).map(mac).collect(),
            Medium::Ip => Vec::new(),
        };
        let addrs = ports.iter().flatten().map(Cidr::addr).collect();
        let router = Router::new(ports, &macs, rewrite);
        self.nodes.push(Station { kind: StationKind::Router(Box::new(router)), ends: Vec::new() });
        self.trace.nodes.push(Node { name: name.into(), kind: NodeKind::Router { addrs, macs } });
        Ok(node)
    }

    /// A switch passes a frame on. It keeps the id that it came with.
    pub(super) fn forward(&mut self, node: NodeId, port_in: usize, id: PacketId, bytes: &[u8]) {
        let now = self.clock.now.get();
        let station = &mut self.nodes[node.0];
        let ends = station.ends.clone();
        let StationKind::Switch(switch) = &mut station.kind else { return };
        for port in switch.forward(now, port_in, bytes).iter().filter(|port| *port < ends.len()) {
            self.transmit(node, ends[port], id, bytes.to_vec());
        }
    }

    /// A middlebox passes a frame on, perhaps changed. It keeps the id that it came with.
    pub(super) fn pass(&mut self, node: NodeId, port_in: usize, id: PacketId, bytes: Vec<u8>) {
        let station = &self.nodes[node.0];
        let StationKind::Middlebox(middlebox) = &station.kind else { return };
        if let Some(end) = station.ends.get(1 - port_in).copied() {
            let bytes = middlebox.rewrite(self.medium, bytes);
            self.transmit(node, end, id, bytes);
        }
    }

    /// A router takes a frame. What it sends on is in new frames.
    pub(super) fn route_frame(&mut self, node: NodeId, port: usize, bytes: &[u8]) {
        let now = self.clock.now.get();
        let cables = &self.cables;
        let station = &mut self.nodes[node.0];
        let mtu_of = |end: &super::End| cables[end.cable].cable.link(end.away).impairments().mtu_bytes;
        let mtus: Vec<usize> =
            station.ends.iter().map(|end| mtu_of(end).map_or(usize::MAX, |bytes| bytes as usize)).collect();
        if let StationKind::Router(router) = &mut station.kind {
            router.on_frame(now, port, bytes, &mtus);
        }
        self.flush_router(node);
    }

    /// Sends what a router has to send, and notes when it wants to be woken.
    pub(super) fn flush_router(&mut self, node: NodeId) {
        let now = self.clock.now.get();
        if let StationKind::Router(router) = &mut self.nodes[node.0].kind
            && router.has_lost()
        {
            self.watch_fault();
        }
        while let StationKind::Router(router) = &mut self.nodes[node.0].kind
            && let Some(out) = router.take()
        {
            let id = self.new_packet();
            // A port without a cable leads nowhere.
            if let Some(end) = self.nodes[node.0].ends.get(out.port).copied() {
                self.transmit(node, end, id, out.bytes);
            }
        }
        if let StationKind::Router(router) = &mut self.nodes[node.0].kind
            && let Some(at) = router.take_wake(now)
        {
            self.events.schedule(at, Event::Wake { node });
        }
    }

    /// What each router did.
    pub(super) fn router_counters(&self) -> Vec<(String, Counters)> {
        let of_router = |(node, station): (&Node, &Station)| match &station.kind {
            StationKind::Router(router) => Some((node.name.clone(), router.counters())),
            StationKind::Host(_)
            | StationKind::Switch(_)
            | StationKind::Middlebox(_)
            | StationKind::Peer(_)
            | StationKind::Intruder(_) => None,
        };
        self.trace.nodes.iter().zip(&self.nodes).filter_map(of_router).collect()
    }
}

/// The addresses in `text`, with spaces between them.
fn cidrs_of(name: &str, text: &str) -> Result<Vec<Cidr>, WorldError> {
    let parse = |part: &str| part.parse().map_err(|error| WorldError::Address(format!("{name}: {part}: {error}")));
    let cidrs = text.split_whitespace().map(parse).collect::<Result<Vec<Cidr>, _>>()?;
    match cidrs.iter().find(|cidr| !smolsock::addr::is_unicast(cidr.addr())) {
        Some(group) => Err(WorldError::Address(format!("{name}: {} is no address of one node", group.addr()))),
        None if cidrs.is_empty() => Err(WorldError::Address(format!("{name}: a port without an address"))),
        None => Ok(cidrs),
    }
}

/// Its hardware addresses are numbered in one byte.
const ROUTER_PORTS_MAX: usize = 254;
