//! What does a conversation with a host look like on its cable?
//!
//! A [`Net`] is one host on one cable in virtual time. A [`Peer`] is the other end of it: a script that
//! sends hand-made packets and expects the host's, so that a test reads as a trace:
//!
//! ```text
//! let net = Net::new(Medium::Ethernet, |cable| build_a_host(cable));
//! let mut peer = net.peer().towards(80);
//! peer.sends(syn(0));
//! peer.expects(syn_ack(0).ack(1));
//! peer.sends(ack(1, 1));
//! peer.sends(data(1, b"hello").ack(1));
//! peer.expects(ack(1, 6));
//! ```
//!
//! Sequence numbers are relative to each side's SYN. What a segment does not mention (window, options,
//! PSH) is not compared. Neighbours are resolved behind the scenes unless a peer is [`Peer::mute`].
//! `expects` lets virtual time run until something arrives, at most `peer::PATIENCE`.

mod net;
mod packet;
mod peer;
mod segment;
mod tests;

pub use net::{Cable, Driven, HOST_MAC, HOST_V4, HOST_V6, Net};
pub use packet::{Arp, Packet, datagram, ping, pong, port_unreachable};
pub use peer::Peer;
pub use segment::{Segment, ack, data, fin, rst, syn, syn_ack};
