//! How does a scripted peer take part in a run?

use smolsock::addr::Cidr;

use super::{Event, Station, StationKind, World, WorldError};
use crate::frame::Medium;
use crate::peer::{Peer, Player};
use crate::rng::{Dice, Stream};
use crate::trace::{Node, NodeId, NodeKind};

impl World {
    /// Adds a peer at this address, written `192.0.2.9/24`, whose segments are written down with relative sequence numbers.
    /// It takes one cable, like a host, and speaks to hosts of its own network.
    ///
    /// ```
    /// use smolsock::task::TcpListener;
    /// use smolsock_sim::peer::{ack, syn, syn_ack};
    /// use smolsock_sim::{World, link::Impairments, time::Time};
    ///
    /// let mut world = World::new(1);
    /// let host = world.host("host", &["192.0.2.1/24"])?;
    /// let peer = world.peer("peer", "192.0.2.9/24")?;
    /// world.cable("ab", host, peer.node(), Impairments::default())?;
    /// peer.towards("192.0.2.1:7".parse()?);
    /// peer.sends(syn(0).mss(1460));
    /// peer.expects(syn_ack(0).ack(1));
    /// peer.sends(ack(1, 1).data(b"hi"));
    /// peer.expects(ack(1, 3));
    /// world.app(host, "server", |host| async move {
    ///     let listener = TcpListener::bind(&host, "0.0.0.0:7".parse()?, 5)?;
    ///     let (stream, _) = listener.accept().await?;
    ///     stream.read_exact(&mut [0; 2]).await?;
    ///     host.sleep(std::time::Duration::from_secs(1)).await;
    ///     Ok(())
    /// });
    /// let ending = world.run(Time::from_secs(60));
    /// assert!(ending.failures.is_empty(), "{:?}", ending.failures);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// An address that is not one, a name that is taken.
    pub fn peer(&mut self, name: &str, address: &str) -> Result<Peer, WorldError> {
        let node = self.name_node(name)?;
        let cidr: Cidr = address.parse().map_err(|e| WorldError::Address(format!("{name}: {address}: {e}")))?;
        let number = self.nodes.len() as u64 + 1;
        let mac = [2, 0, 0, 0, (number >> 8) as u8, number as u8];
        let mac = (self.medium == Medium::Ethernet).then_some(mac);
        let isn = Dice::from_seed(self.seed).child("peer").below(Stream::Host, number, 1 << 32) as u32;
        let player = Player::new(cidr.addr(), mac, isn);
        let peer = Peer::new(node, player.script());
        self.nodes.push(Station { kind: StationKind::Peer(Box::new(player)), ends: Vec::new() });
        self.trace.nodes.push(Node { name: name.into(), kind: NodeKind::Host { addrs: vec![cidr.addr()], mac } });
        // It may break any rule.
        self.set_stranger(node);
        Ok(peer)
    }

    /// Lets all peers begin.
    pub(super) fn start_peers(&mut self) {
        let peers: Vec<NodeId> = self.peers().map(|(node, _)| node).collect();
        for node in peers {
            self.wake_peer(node);
        }
    }

    /// A peer does what is due.
    pub(super) fn wake_peer(&mut self, node: NodeId) {
        let now = self.clock.now.get();
        self.play(node, |player| player.on_time(now));
    }

    /// A frame comes to a peer.
    pub(super) fn peer_frame(&mut self, node: NodeId, bytes: &[u8]) {
        let now = self.clock.now.get();
        self.play(node, |player| player.on_frame(now, bytes));
    }

    /// Whether all applications that the run waits for, and all scripts, have come to their ends.
    pub(super) fn is_done(&self) -> bool {
        self.executor.is_done() && self.peers().all(|(_, player)| player.is_done())
    }

    /// What did not happen as it was written becomes a failure.
    pub(super) fn check_peers(&mut self) {
        let name = |node: NodeId| &self.trace.nodes[node.0].name;
        let verdict = |(node, player): (NodeId, &Player)| Some(format!("{}: {}", name(node), player.verdict()?));
        let sentences: Vec<String> = self.peers().filter_map(verdict).collect();
        self.failures.extend(sentences);
    }

    fn play(&mut self, node: NodeId, act: impl FnOnce(&mut Player)) {
        let now = self.clock.now.get();
        let station = &mut self.nodes[node.0];
        let end = station.ends.first().copied();
        let StationKind::Peer(player) = &mut station.kind else { return };
        act(player);
        let next = player.take_wake(now);
        for bytes in player.take() {
            let id = self.new_packet();
            if let Some(end) = end {
                self.transmit(node, end, id, bytes);
            }
        }
        if let Some(at) = next {
            self.events.schedule(at.max(now), Event::Wake { node });
        }
    }

    fn peers(&self) -> impl Iterator<Item = (NodeId, &Player)> {
        self.nodes.iter().enumerate().filter_map(|(i, station)| match &station.kind {
            StationKind::Peer(player) => Some((NodeId(i), &**player)),
            StationKind::Host(_)
            | StationKind::Switch(_)
            | StationKind::Middlebox(_)
            | StationKind::Router(_)
            | StationKind::Intruder(_) => None,
        })
    }
}
