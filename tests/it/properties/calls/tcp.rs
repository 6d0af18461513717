//! What is a TCP connection? Two byte queues, each with an end.

use std::collections::VecDeque;
use std::net::SocketAddr;

use smolsock::{Errno, Readiness, Shutdown, TcpState};

use super::model::{Body, Kind, Model, Socket};
use super::{Answer, Outcome, content, wildcard};

#[derive(Debug, Clone)]
pub(super) struct Tcp {
    pub(super) state: TcpState,
    /// `connect` has been called, or a listener made it; a failed attempt counts until `connect` has said so.
    phase: Phase,
    /// The next `connect` says that the connection is there.
    is_unreported: bool,
    shut_read: bool,
    /// Bytes that had arrived before that.
    kept: usize,
    shut_write: bool,
    has_ended: bool,
    /// It waits to be accepted.
    pub(super) is_child: bool,
    peer: Option<usize>,
    send_queue: VecDeque<u8>,
    pub(super) recv_queue: VecDeque<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Fresh,
    Connecting,
    Connected,
}

impl Tcp {
    pub(super) fn fresh() -> Self {
        Self {
            state: TcpState::Closed,
            phase: Phase::Fresh,
            is_unreported: false,
            shut_read: false,
            kept: 0,
            shut_write: false,
            has_ended: false,
            is_child: false,
            peer: None,
            send_queue: VecDeque::new(),
            recv_queue: VecDeque::new(),
        }
    }

    fn established(peer: usize, is_child: bool) -> Self {
        let state = TcpState::Established;
        Self { state, phase: Phase::Connected, peer: Some(peer), is_child, ..Self::fresh() }
    }

    pub(super) fn kind(&self) -> Kind {
        match self.phase {
            Phase::Fresh => Kind::Fresh,
            Phase::Connecting => Kind::Connecting,
            Phase::Connected => Kind::Stream,
        }
    }

    /// Linux `tcp_poll`.
    pub(super) fn readiness(&self, error: Option<Errno>, send_bytes: usize) -> Readiness {
        let is_over = self.state == TcpState::Closed;
        let read_over = self.shut_read || self.has_ended || (is_over && self.phase != Phase::Fresh);
        let mut ready = Readiness::NONE;
        if is_over || (read_over && self.shut_write) {
            ready |= Readiness::HUP;
        }
        if read_over {
            ready |= Readiness::IN | Readiness::RDHUP;
        }
        if error.is_some() {
            ready |= Readiness::ERR;
        }
        if self.state == TcpState::SynSent {
            return ready;
        }
        if self.readable() > 0 {
            ready |= Readiness::IN;
        }
        let room = send_bytes - self.send_queue.len();
        if is_over || self.shut_write || (room > 0 && room * 2 >= self.send_queue.len()) {
            ready |= Readiness::OUT;
        }
        ready
    }

    /// What `recv` can give.
    pub(super) fn readable(&self) -> usize {
        if self.shut_read { self.kept } else { self.recv_queue.len() }
    }

    /// Throws away what came after the reading side was shut, once what had come before has been read.
    fn discard_late(&mut self) {
        if self.shut_read && self.kept == 0 {
            self.recv_queue.clear();
        }
    }

    /// Our side has ended, and the peer does not know.
    fn owes_fin(&self) -> bool {
        matches!(self.state, TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck)
    }

    fn end_writing(&mut self) {
        match self.state {
            TcpState::Established => self.state = TcpState::FinWait1,
            TcpState::CloseWait => self.state = TcpState::LastAck,
            _ => {}
        }
    }
}

impl Model {
    pub(super) fn listen(&mut self, index: usize, new_backlog: usize) -> Outcome {
        match &mut self.sockets[index].body {
            Body::Listener { backlog, .. } => *backlog = new_backlog,
            Body::Tcp(tcp) if tcp.phase == Phase::Fresh => {
                self.bind_if_needed(index);
                let Socket { host, local, .. } = self.sockets[index];
                let local = local.unwrap_or(wildcard(0));
                let is_rival = |socket: &Socket| {
                    let there = socket.local.filter(|there| there.port() == local.port());
                    let ips = there.map(|there| [there.ip(), local.ip()]);
                    matches!(socket.body, Body::Listener { .. })
                        && socket.host == host
                        && ips.is_some_and(|[a, b]| a == b || a.is_unspecified() || b.is_unspecified())
                };
                if self.sockets.iter().any(is_rival) {
                    return Err(Errno::EADDRINUSE);
                }
                self.sockets[index].body = Body::Listener { backlog: new_backlog, ready: VecDeque::new() };
            }
            Body::Tcp(_) => return Err(Errno::EINVAL),
            Body::Udp(_) => return Err(Errno::EOPNOTSUPP),
            Body::Gone => unreachable!("a descriptor names it"),
        }
        Ok(Answer::Done)
    }

    pub(super) fn accept(&mut self, index: usize) -> Outcome {
        let Socket { host, body, .. } = &mut self.sockets[index];
        let (host, child) = match body {
            Body::Listener { ready, .. } => (*host, ready.pop_front().ok_or(Errno::EAGAIN)?),
            Body::Tcp(_) => return Err(Errno::EINVAL),
            Body::Udp(_) => return Err(Errno::EOPNOTSUPP),
            Body::Gone => unreachable!("a descriptor names it"),
        };
        self.tcp(child).is_child = false;
        self.sockets[child].refs = 1;
        self.fds[host].push(Some(child));
        Ok(Answer::Accepted(self.sockets[child].remote.unwrap_or(wildcard(0))))
    }

    pub(super) fn connect_tcp(&mut self, index: usize, remote: SocketAddr) -> Outcome {
        let tcp = self.tcp(index);
        match (tcp.phase, tcp.state) {
            (Phase::Connected, _) if !tcp.is_unreported => return Err(Errno::EISCONN),
            // Linux: it has failed, or came to be and ended before anybody was told. Another attempt can follow.
            (Phase::Connecting | Phase::Connected, TcpState::Closed) => {
                *tcp = Tcp::fresh();
                self.sockets[index].remote = None;
                return Err(self.report(index).unwrap_or(Errno::ECONNABORTED));
            }
            (Phase::Connecting, _) => return Err(Errno::EALREADY),
            (Phase::Connected, _) => {
                tcp.is_unreported = false;
                return Ok(Answer::Done);
            }
            (Phase::Fresh, _) => {}
        }
        let source = self.source_towards(index, remote)?;
        let bound = self.sockets[index].local;
        let ip = bound.map(|local| local.ip()).filter(|ip| !ip.is_unspecified()).unwrap_or(source.ip());
        if ip.is_loopback() && !self.is_own(index, remote) {
            return Err(Errno::EINVAL);
        }
        let port = match bound {
            Some(local) => local.port(),
            None => self.choose_port(),
        };
        let local = SocketAddr::new(ip, port);
        let host = self.sockets[index].host;
        if self.find_tcp(host, local, remote).is_some() || self.is_in_time_wait(host, local, remote) {
            return Err(Errno::EADDRNOTAVAIL);
        }
        self.sockets[index].error = None;
        self.sockets[index].local = Some(local);
        self.sockets[index].remote = Some(remote);
        let tcp = self.tcp(index);
        (tcp.phase, tcp.state, tcp.has_ended) = (Phase::Connecting, TcpState::SynSent, false);
        Err(Errno::EINPROGRESS)
    }

    /// Whether this call is beyond the model: both sides open at once, or one of them has forgotten the other.
    pub(super) fn is_strange_connect(&self, index: usize, remote: SocketAddr) -> bool {
        let Body::Tcp(tcp) = &self.sockets[index].body else { return false };
        if tcp.phase != Phase::Fresh {
            return false;
        }
        let remote = self.peer(index, remote);
        let Ok(source) = self.source_towards(index, remote) else { return false };
        let there = self.host_of(index, remote);
        // A second one that finds no room: which of them gets in when there is some is chance.
        if self.sockets.iter().any(|socket| matches!(&socket.body, Body::Tcp(tcp) if tcp.state == TcpState::SynSent)) {
            return true;
        }
        let Some(local) = self.sockets[index].local else { return false };
        let ip = if local.ip().is_unspecified() { source.ip() } else { local.ip() };
        let local = SocketAddr::new(ip, local.port());
        local == remote || self.find_tcp(there, remote, local).is_some()
    }

    fn find_tcp(&self, host: usize, local: SocketAddr, remote: SocketAddr) -> Option<usize> {
        self.sockets.iter().position(|socket| {
            matches!(&socket.body, Body::Tcp(tcp) if tcp.state != TcpState::Closed)
                && socket.host == host
                && socket.local == Some(local)
                && socket.remote == Some(remote)
        })
    }

    fn is_in_time_wait(&self, host: usize, local: SocketAddr, remote: SocketAddr) -> bool {
        self.time_wait.iter().any(|entry| entry.host == host && entry.local == local && entry.remote == remote)
    }

    pub(super) fn send_tcp(&mut self, index: usize, len: usize) -> Outcome {
        if let Some(error) = self.report(index) {
            return Err(error);
        }
        let (number, send_bytes) = (self.sends, self.send_bytes);
        let tcp = self.tcp(index);
        match tcp.state {
            _ if tcp.shut_write => Err(Errno::EPIPE),
            TcpState::SynSent => Err(Errno::EAGAIN),
            TcpState::Established | TcpState::CloseWait => {
                let taken = len.min(send_bytes - tcp.send_queue.len());
                if taken == 0 && len > 0 {
                    return Err(Errno::EAGAIN);
                }
                tcp.send_queue.extend(content(number, taken));
                Ok(Answer::Len(taken))
            }
            _ => Err(Errno::EPIPE),
        }
    }

    pub(super) fn recv_tcp(&mut self, index: usize, len: usize, is_peek: bool) -> Outcome {
        let has_error = self.sockets[index].error.is_some();
        let tcp = self.tcp(index);
        if tcp.readable() > 0 {
            let taken = len.min(tcp.readable());
            let bytes = tcp.recv_queue.iter().take(taken).copied().collect();
            if !is_peek {
                tcp.recv_queue.drain(..taken);
                tcp.kept -= taken.min(tcp.kept);
                tcp.discard_late();
            }
            return Ok(Answer::Bytes(bytes));
        }
        let end = Ok(Answer::Bytes(Vec::new()));
        if tcp.has_ended {
            return end;
        }
        if has_error {
            return self.report(index).map_or(end, Err);
        }
        match (tcp.phase, tcp.state) {
            _ if tcp.shut_read => end,
            (Phase::Fresh, _) => Err(Errno::ENOTCONN),
            (Phase::Connecting | Phase::Connected, TcpState::Closed) => end,
            _ => Err(Errno::EAGAIN),
        }
    }

    pub(super) fn shutdown_tcp(&mut self, index: usize, how: Shutdown) -> Outcome {
        let tcp = self.tcp(index);
        match tcp.state {
            TcpState::Closed => return Err(Errno::ENOTCONN),
            TcpState::SynSent => {
                // Linux leaves ECONNRESET behind, for an end that the application itself has made.
                (tcp.phase, tcp.state) = (Phase::Fresh, TcpState::Closed);
                self.sockets[index].remote = None;
                self.sockets[index].error.get_or_insert(Errno::ECONNRESET);
                return Ok(Answer::Done);
            }
            _ => {}
        }
        tcp.is_unreported = false;
        if how != Shutdown::Write {
            tcp.kept = tcp.readable();
            tcp.shut_read = true;
        }
        if how != Shutdown::Read {
            tcp.shut_write = true;
            tcp.end_writing();
        }
        Ok(Answer::Done)
    }

    pub(super) fn close_tcp(&mut self, index: usize) {
        let is_abortive = self.sockets[index].options.is_abortive;
        let tcp = self.tcp(index);
        let has_unread = tcp.readable() > 0;
        match tcp.state {
            TcpState::Closed | TcpState::SynSent => self.sockets[index].body = Body::Gone,
            _ if is_abortive || has_unread => self.abort(index),
            _ => tcp.end_writing(),
        }
    }

    /// What nobody has accepted is reset.
    pub(super) fn drop_children(&mut self, listener: usize) {
        let Body::Listener { ready, .. } = &mut self.sockets[listener].body else { return };
        for child in std::mem::take(ready) {
            self.tcp(child).is_child = false;
            if self.tcp(child).state == TcpState::Closed {
                self.sockets[child].body = Body::Gone;
            } else {
                self.abort(child);
            }
        }
    }

    /// A connection ends by our RST.
    fn abort(&mut self, index: usize) {
        if let Some(peer) = self.tcp(index).peer {
            self.on_reset(peer);
        }
        self.over(index);
    }

    /// The peer's RST comes.
    fn on_reset(&mut self, index: usize) {
        let cause = match self.tcp(index).state {
            TcpState::SynSent => Errno::ECONNREFUSED,
            TcpState::CloseWait => Errno::EPIPE,
            _ => Errno::ECONNRESET,
        };
        self.sockets[index].error.get_or_insert(cause);
        self.over(index);
    }

    fn over(&mut self, index: usize) {
        let tcp = self.tcp(index);
        tcp.state = TcpState::Closed;
        tcp.send_queue.clear();
        tcp.peer = None;
        if self.sockets[index].is_orphan() {
            self.sockets[index].body = Body::Gone;
        }
    }

    /// Lets everything arrive that can.
    pub(super) fn settle(&mut self) {
        let mut has_changed = true;
        while has_changed {
            has_changed = false;
            for index in 0..self.sockets.len() {
                has_changed |= match &self.sockets[index].body {
                    Body::Tcp(tcp) if tcp.state == TcpState::SynSent => self.knock(index),
                    Body::Tcp(tcp) if tcp.state != TcpState::Closed => self.flow(index),
                    _ => false,
                };
            }
        }
    }

    /// A SYN arrives.
    fn knock(&mut self, index: usize) -> bool {
        let Socket { local: Some(local), remote: Some(remote), .. } = self.sockets[index] else { return false };
        let there = self.host_of(index, remote);
        // It ends TIME-WAIT there.
        self.time_wait.retain(|entry| !(entry.host == there && entry.local == remote && entry.remote == local));
        let is_at = |at: SocketAddr| move |socket: &Socket| socket.host == there && socket.local == Some(at);
        let listener = [remote, wildcard(remote.port())].into_iter().find_map(|at| {
            let is_listener = |socket: &Socket| matches!(socket.body, Body::Listener { .. });
            self.sockets.iter().position(|socket| is_listener(socket) && is_at(at)(socket))
        });
        let Some(listener) = listener else {
            self.on_reset(index);
            return true;
        };
        let (child, options) = (self.sockets.len(), self.sockets[listener].options);
        let Body::Listener { backlog, ready } = &mut self.sockets[listener].body else { return false };
        if ready.len() > *backlog {
            return false;
        }
        ready.push_back(child);
        self.sockets.push(Socket {
            host: there,
            body: Body::Tcp(Tcp::established(index, true)),
            refs: 0,
            local: Some(remote),
            remote: Some(local),
            error: None,
            options,
            bound_at: 0,
        });
        let tcp = self.tcp(index);
        let (shut_read, shut_write) = (tcp.shut_read, tcp.shut_write);
        *tcp = Tcp { is_unreported: true, shut_read, shut_write, ..Tcp::established(child, false) };
        true
    }

    /// Bytes and the end of the stream go from one side to the other, as far as there is room.
    fn flow(&mut self, index: usize) -> bool {
        let tcp = self.tcp(index);
        let (waiting, owes_fin) = (tcp.send_queue.len(), tcp.owes_fin());
        if waiting == 0 && !owes_fin {
            return false;
        }
        let Some(peer) = tcp.peer else {
            // Whoever gets a segment for a connection that he does not know answers with RST.
            self.on_reset(index);
            return true;
        };
        if waiting > 0 && self.sockets[peer].is_orphan() {
            self.abort(peer);
            return true;
        }
        let recv_bytes = self.recv_bytes;
        let to = self.tcp(peer);
        let throws_away = to.shut_read && to.kept == 0;
        let room = if throws_away { usize::MAX } else { recv_bytes - to.recv_queue.len() };
        let moved = waiting.min(room);
        let bytes: Vec<u8> = self.tcp(index).send_queue.drain(..moved).collect();
        let to = self.tcp(peer);
        if !throws_away {
            to.recv_queue.extend(bytes);
        }
        // A FIN needs no room: it follows the last byte into a buffer that is full.
        let is_fin_through = owes_fin && moved == waiting;
        if is_fin_through {
            self.finish(index, peer);
        }
        moved > 0 || is_fin_through
    }

    /// The FIN of `from` arrives at `to`, and is acknowledged.
    fn finish(&mut self, from: usize, to: usize) {
        let receiver = self.tcp(to);
        receiver.has_ended = true;
        receiver.state = match receiver.state {
            TcpState::Established => TcpState::CloseWait,
            TcpState::FinWait1 => TcpState::Closing,
            TcpState::FinWait2 => TcpState::TimeWait,
            state => state,
        };
        let sender = self.tcp(from);
        sender.state = match sender.state {
            TcpState::FinWait1 => TcpState::FinWait2,
            TcpState::Closing => TcpState::TimeWait,
            TcpState::LastAck => TcpState::Closed,
            state => state,
        };
        for index in [from, to] {
            match self.tcp(index).state {
                TcpState::TimeWait => {
                    self.enter_time_wait(index);
                    self.over(index);
                }
                TcpState::Closed => self.over(index),
                _ => {}
            }
        }
    }

    /// Whether this close is beyond the model: it forgets a connection of which the peer still knows.
    pub(super) fn is_strange_close(&self, index: usize) -> bool {
        let Socket { body, options, .. } = &self.sockets[index];
        matches!(body, Body::Tcp(tcp) if options.is_abortive && tcp.owes_fin())
    }

    fn tcp(&mut self, index: usize) -> &mut Tcp {
        match &mut self.sockets[index].body {
            Body::Tcp(tcp) => tcp,
            _ => unreachable!("only called for TCP"),
        }
    }
}
