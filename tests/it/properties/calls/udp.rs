//! What is a UDP socket? A queue of datagrams.

use std::collections::VecDeque;
use std::net::SocketAddr;

use smolsock::{Errno, Readiness, Shutdown};

use super::model::{Body, Model};
use super::{Answer, Outcome, content, own, wildcard};

#[derive(Debug, Clone, Default)]
pub(super) struct Udp {
    pub(super) queue: VecDeque<Datagram>,
    shut_read: bool,
    shut_write: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Datagram {
    pub(super) bytes: Vec<u8>,
    remote: SocketAddr,
}

impl Model {
    pub(super) fn connect_udp(&mut self, index: usize, remote: SocketAddr) -> Outcome {
        self.bind_if_needed(index);
        let source = self.source_towards(index, remote)?;
        let local = self.sockets[index].local.unwrap_or(wildcard(0));
        let ip = if local.ip().is_unspecified() { source.ip() } else { local.ip() };
        if ip.is_loopback() && !self.is_own(index, remote) {
            return Err(Errno::EINVAL);
        }
        let local = SocketAddr::new(ip, local.port());
        let rival = self.find_udp(self.sockets[index].host, local, Some(remote));
        if rival.is_some_and(|rival| rival != index) {
            return Err(Errno::EADDRINUSE);
        }
        (self.sockets[index].local, self.sockets[index].remote) = (Some(local), Some(remote));
        Ok(Answer::Done)
    }

    pub(super) fn send_udp(&mut self, index: usize, len: usize, to: Option<SocketAddr>) -> Outcome {
        self.bind_if_needed(index);
        // What is wrong with the call itself comes first, and leaves a pending error where it is.
        if len > UDP_MAX {
            return Err(Errno::EMSGSIZE);
        }
        let remote = to.or(self.sockets[index].remote).ok_or(Errno::EDESTADDRREQ)?;
        let source = self.source_towards(index, remote)?;
        if self.sockets[index].local.is_some_and(|local| local.ip().is_loopback()) && !self.is_own(index, remote) {
            return Err(Errno::EINVAL);
        }
        if let Some(error) = self.report(index) {
            return Err(error);
        }
        if self.udp(index).shut_write {
            return Err(Errno::EPIPE);
        }
        let local = self.sockets[index].local.unwrap_or(wildcard(0));
        let local = if local.ip().is_unspecified() { SocketAddr::new(source.ip(), local.port()) } else { local };
        self.deliver(index, local, remote, content(self.sends, len));
        Ok(Answer::Len(len))
    }

    fn deliver(&mut self, index: usize, local: SocketAddr, remote: SocketAddr, bytes: Vec<u8>) {
        let there = self.host_of(index, remote);
        match self.receiver(there, remote, local) {
            Some(receiver) => {
                let udp = self.udp(receiver);
                if udp.queue.len() < QUEUE_DATAGRAMS {
                    udp.queue.push_back(Datagram { bytes, remote: local });
                }
            }
            None => {
                // Only a connected socket hears that nobody is there.
                let host = self.sockets[index].host;
                if let Some(sender) = self.find_udp(host, local, Some(remote)) {
                    self.sockets[sender].error.get_or_insert(Errno::ECONNREFUSED);
                }
            }
        }
    }

    /// Connected to the sender; else bound to the address; else bound to the port. The newest of several.
    fn receiver(&self, host: usize, local: SocketAddr, remote: SocketAddr) -> Option<usize> {
        let connected = self.find_udp(host, local, Some(remote));
        let bound = || self.find_udp(host, local, None);
        connected.or_else(bound).or_else(|| self.find_udp(host, wildcard(local.port()), None))
    }

    fn find_udp(&self, host: usize, local: SocketAddr, remote: Option<SocketAddr>) -> Option<usize> {
        let sockets = self.sockets.iter().enumerate();
        let at = sockets.filter(|(_, socket)| {
            matches!(socket.body, Body::Udp(_))
                && socket.host == host
                && socket.local == Some(local)
                && socket.remote == remote
        });
        at.max_by_key(|(_, socket)| socket.bound_at).map(|(index, _)| index)
    }

    /// Bytes, full length and sender of the next datagram.
    pub(super) fn recv_udp(
        &mut self,
        index: usize,
        len: usize,
        is_peek: bool,
    ) -> Result<(Vec<u8>, usize, SocketAddr), Errno> {
        if let Some(error) = self.report(index) {
            return Err(error);
        }
        let udp = self.udp(index);
        let next = if is_peek { udp.queue.front().cloned() } else { udp.queue.pop_front() };
        match next {
            Some(Datagram { mut bytes, remote }) => {
                let full_len = bytes.len();
                bytes.truncate(len);
                Ok((bytes, full_len, remote))
            }
            None if udp.shut_read => Ok((Vec::new(), 0, wildcard(0))),
            None => Err(Errno::EAGAIN),
        }
    }

    pub(super) fn shutdown_udp(&mut self, index: usize, how: Shutdown) -> Outcome {
        let udp = self.udp(index);
        udp.shut_read |= how != Shutdown::Write;
        udp.shut_write |= how != Shutdown::Read;
        self.sockets[index].remote.map(|_| Answer::Done).ok_or(Errno::ENOTCONN)
    }

    /// The address that packets to `remote` come from, if the socket is bound to none.
    pub(super) fn source_towards(&self, index: usize, remote: SocketAddr) -> Result<SocketAddr, Errno> {
        let own = own(self.sockets[index].host, 0);
        match remote.ip() {
            ip if ip.is_loopback() => Ok(SocketAddr::new(ip, 0)),
            ip if (0..2).any(|host| ip == super::own(host, 0).ip()) => Ok(own),
            _ => Err(Errno::ENETUNREACH),
        }
    }

    pub(super) fn is_own(&self, index: usize, addr: SocketAddr) -> bool {
        addr.ip().is_loopback() || addr.ip() == own(self.sockets[index].host, 0).ip()
    }

    /// Which host an address means, seen from a socket.
    pub(super) fn host_of(&self, index: usize, addr: SocketAddr) -> usize {
        let host = self.sockets[index].host;
        if self.is_own(index, addr) { host } else { 1 - host }
    }

    fn udp(&mut self, index: usize) -> &mut Udp {
        match &mut self.sockets[index].body {
            Body::Udp(udp) => udp,
            _ => unreachable!("only called for UDP"),
        }
    }
}

impl Udp {
    pub(super) fn readiness(&self, error: Option<Errno>) -> Readiness {
        let mut ready = Readiness::OUT;
        if !self.queue.is_empty() {
            ready |= Readiness::IN;
        }
        if self.shut_read {
            ready |= Readiness::IN | Readiness::RDHUP;
        }
        if self.shut_read && self.shut_write {
            ready |= Readiness::HUP;
        }
        if error.is_some() {
            ready |= Readiness::ERR;
        }
        ready
    }
}

/// Datagrams that wait at most.
pub(super) const QUEUE_DATAGRAMS: usize = 4;
/// What fits into an IPv4 packet, bytes.
const UDP_MAX: usize = 65_535 - 20 - 8;
