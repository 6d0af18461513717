//! What does the Linux kernel answer?
//!
//! Two network namespaces, one for each host, are joined by a veth pair; one thread makes all calls. It stays on one
//! processor, whose queue of received packets is first in, first out: what a few probes there and back have passed
//! has arrived.

mod messages;
mod namespace;
mod options;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, Protocol, RawProtocol, RecvFlags, SendFlags, Shutdown, SocketAddrAny, SocketFlags, SocketType,
    ipproto,
};
use smolsock::{Domain, Errno, Readiness, TcpState};

use super::case::{Answer, At, Call, Data, Flags, Half, Kind, Sock, Step};
use super::run::{Arm, Received, Scope, Seen, bytes, resolve};

pub use namespace::{Network, runs_in_a_user_namespace};

/// The kernel, for the time of one case.
#[derive(Debug)]
pub struct Kernel<'a> {
    network: &'a Network,
    scope: Scope,
    sockets: BTreeMap<Sock, OwnedFd>,
    give_up_at: Instant,
}

impl<'a> Kernel<'a> {
    /// An arm without sockets; each case has ports of its own.
    pub fn new(network: &'a Network, scope: Scope) -> Self {
        Self { network, scope, sockets: BTreeMap::new(), give_up_at: Instant::now() }
    }

    fn domain(&self) -> Domain {
        self.scope.domain
    }

    fn socket(&mut self, sock: Sock, domain: Domain, kind: Kind) -> Result<Seen, Errno> {
        self.network.enter(sock.host());
        let family = match domain {
            Domain::Inet => AddressFamily::INET,
            Domain::Inet6 => AddressFamily::INET6,
        };
        let (kind, protocol) = match kind {
            Kind::Stream => (SocketType::STREAM, None),
            Kind::Datagram => (SocketType::DGRAM, None),
            Kind::Ping if domain == Domain::Inet => (SocketType::DGRAM, Some(ipproto::ICMP)),
            Kind::Ping => (SocketType::DGRAM, Some(ipproto::ICMPV6)),
            Kind::Raw(number) => (SocketType::RAW, protocol(number)),
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let fd = rustix::net::socket_with(family, kind, flags, protocol).map_err(errno)?;
        self.sockets.insert(sock, fd);
        Ok(Seen::Done)
    }

    /// A number that is not open is EBADF to the kernel; owned descriptors cannot ask it.
    fn fd(&self, sock: Sock) -> Result<&OwnedFd, Errno> {
        self.sockets.get(&sock).ok_or(Errno::EBADF)
    }

    fn make(&mut self, call: &Call) -> Result<Seen, Errno> {
        match *call {
            Call::Socket(sock, domain, kind) => self.socket(sock, domain.unwrap_or(self.domain()), kind),
            Call::Bind(sock, at) => {
                let at = resolve(at, self);
                done(rustix::net::bind(self.fd(sock)?, &at))
            }
            Call::Listen(sock, backlog) => done(rustix::net::listen(self.fd(sock)?, backlog as i32)),
            Call::Accept(sock, new) => self.accept(sock, new),
            Call::Connect(sock, at) => {
                let at = resolve(at, self);
                done(rustix::net::connect(self.fd(sock)?, &at))
            }
            Call::Disconnect(sock) => done(rustix::net::connect_unspec(self.fd(sock)?)),
            Call::Send(sock, data, flags) => self.send(sock, data, None, flags),
            Call::SendTo(sock, data, at, flags) => self.send(sock, data, Some(at), flags),
            Call::SendMsg(sock, pieces, to, control) => {
                let to = to.map(|at| resolve(at, self));
                messages::send(self.fd(sock)?, pieces, to, control, self.domain())
            }
            Call::Recv(sock, len, flags) => self.recv(sock, len, flags),
            Call::RecvFrom(sock, len, flags) => self.recv_from(sock, len, flags),
            Call::RecvMsg(sock, sizes, flags) => messages::receive(self.fd(sock)?, sizes, flags),
            Call::Fill(sock) => self.fill(sock),
            Call::Drain(sock) => self.drain(sock),
            Call::Shutdown(sock, half) => done(rustix::net::shutdown(self.fd(sock)?, which(half))),
            Call::Close(sock) => self.sockets.remove(&sock).map(|_| Seen::Done).ok_or(Errno::EBADF),
            Call::Name(sock) => address(rustix::net::getsockname(self.fd(sock)?).map(Some)),
            Call::Peer(sock) => address(rustix::net::getpeername(self.fd(sock)?)),
            Call::Ready(sock) => readiness(self.fd(sock)?),
            Call::Set(sock, opt, value) => options::set(self.fd(sock)?, opt, value),
            Call::Get(sock, opt) => options::get(self.fd(sock)?, opt),
            Call::SetCongestion(sock, name) => done(rustix::net::sockopt::set_tcp_congestion(self.fd(sock)?, name)),
            Call::Congestion(sock) => {
                rustix::net::sockopt::tcp_congestion(self.fd(sock)?).map(Seen::Name).map_err(errno)
            }
            Call::Join(sock, place) => options::join(self.fd(sock)?, place, self.domain(), self.network.index_of(sock)),
            Call::Leave(sock, place) => {
                options::leave(self.fd(sock)?, place, self.domain(), self.network.index_of(sock))
            }
            Call::Dup(sock, copy) => {
                let new = self.fd(sock)?.try_clone().expect("descriptors are left");
                self.sockets.insert(copy, new);
                Ok(Seen::Done)
            }
            Call::Waiting(sock) => {
                rustix::io::ioctl_fionread(self.fd(sock)?).map(|bytes| Seen::Is(bytes as i64)).map_err(errno)
            }
            Call::Unacknowledged(sock) => self.table_row(sock).map(|row| Seen::Is(row.map_or(0, |row| row.sent))),
            Call::IsNonBlocking(sock) => {
                let flags = rustix::fs::fcntl_getfl(self.fd(sock)?).map_err(errno)?;
                Ok(Seen::Is(i64::from(flags.contains(rustix::fs::OFlags::NONBLOCK))))
            }
            Call::Pause(_) => {
                std::thread::sleep(PAUSE);
                Ok(Seen::Done)
            }
            Call::State(sock) => {
                self.table_row(sock).map(|row| Seen::State(row.map_or(TcpState::Closed, |row| row.state)))
            }
        }
    }

    fn accept(&mut self, sock: Sock, new: Sock) -> Result<Seen, Errno> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (fd, from) = rustix::net::acceptfrom_with(self.fd(sock)?, flags).map_err(errno)?;
        self.sockets.insert(new, fd);
        address(Ok(from))
    }

    fn send(&mut self, sock: Sock, data: Data, to: Option<At>, flags: Flags) -> Result<Seen, Errno> {
        let flags = SendFlags::from_bits_retain(flags.0);
        let (data, to) = (bytes(data), to.map(|at| resolve(at, self)));
        let fd = self.fd(sock)?;
        let taken = match to {
            Some(to) => rustix::net::sendto(fd, &data, flags, &to),
            None => rustix::net::send(fd, &data, flags),
        };
        taken.map(|len| Seen::Is(len as i64)).map_err(errno)
    }

    fn recv(&self, sock: Sock, len: usize, flags: Flags) -> Result<Seen, Errno> {
        let mut buffer = vec![0; len];
        let flags = RecvFlags::from_bits_retain(flags.0);
        let (filled, count) = rustix::net::recv(self.fd(sock)?, &mut buffer[..], flags).map_err(errno)?;
        buffer.truncate(filled);
        Ok(Seen::Received(Received { data: buffer, count, ..Received::default() }))
    }

    fn recv_from(&self, sock: Sock, len: usize, flags: Flags) -> Result<Seen, Errno> {
        let mut buffer = vec![0; len];
        let flags = RecvFlags::from_bits_retain(flags.0);
        let (filled, count, from) = rustix::net::recvfrom(self.fd(sock)?, &mut buffer[..], flags).map_err(errno)?;
        buffer.truncate(filled);
        let from = from.and_then(|from| SocketAddr::try_from(from).ok());
        Ok(Seen::Received(Received { data: buffer, count, from, ..Received::default() }))
    }

    fn fill(&mut self, sock: Sock) -> Result<Seen, Errno> {
        let mut total = 0;
        let mut full_since = Instant::now();
        loop {
            match rustix::net::send(self.fd(sock)?, &[0; 4096], SendFlags::empty()) {
                Ok(len) => (total, full_since) = (total + len as i64, Instant::now()),
                Err(rustix::io::Errno::AGAIN) if full_since.elapsed() >= FULL_AFTER => return Ok(Seen::Is(total)),
                Err(rustix::io::Errno::AGAIN) => std::thread::sleep(FULL_STEP),
                Err(error) => return Err(self::errno(error)),
            }
            self.network.settle();
        }
    }

    fn drain(&mut self, sock: Sock) -> Result<Seen, Errno> {
        let mut total = 0;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match rustix::net::recv(self.fd(sock)?, &mut buffer[..], RecvFlags::empty()) {
                Ok((0, _)) | Err(rustix::io::Errno::AGAIN) => return Ok(Seen::Is(total)),
                Ok((len, _)) => total += len as i64,
                Err(error) => return Err(self::errno(error)),
            }
            self.network.settle();
        }
    }

    /// The socket's line in /proc/net/tcp.
    fn table_row(&self, sock: Sock) -> Result<Option<Row>, Errno> {
        let inode = rustix::fs::fstat(self.fd(sock)?).map_err(errno)?.st_ino;
        self.network.enter(sock.host());
        let tables = ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"];
        Ok(tables.iter().find_map(|path| {
            let text = fs::read_to_string(path).expect("the kernel's table of connections");
            text.lines().skip(1).filter_map(row).find(|row| row.inode == inode)
        }))
    }
}

impl Arm for Kernel<'_> {
    fn call(&mut self, call: &Call) -> Seen {
        self.make(call).unwrap_or_else(Seen::Fails)
    }

    fn settle(&mut self) {
        self.network.settle();
    }

    fn wait(&mut self, is_first: bool) -> bool {
        if is_first {
            self.give_up_at = Instant::now() + STEP_WAIT;
        }
        std::thread::sleep(Duration::from_millis(2));
        Instant::now() < self.give_up_at
    }

    fn expects<'a>(&self, step: &'a Step) -> &'a Answer {
        &step.linux
    }

    fn port_of(&mut self, sock: Sock) -> Option<u16> {
        match self.make(&Call::Name(sock)) {
            Ok(Seen::Address(name)) => Some(name.port()),
            _ => None,
        }
    }

    fn scope(&self) -> Scope {
        self.scope
    }
}

/// A line of /proc/net/tcp.
#[derive(Debug, Clone, Copy)]
struct Row {
    state: TcpState,
    /// Bytes sent and not acknowledged, or not sent yet: what SIOCOUTQ says.
    sent: i64,
    inode: u64,
}

fn row(line: &str) -> Option<Row> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let state = match *fields.get(3)? {
        "01" => TcpState::Established,
        "02" => TcpState::SynSent,
        "03" => TcpState::SynReceived,
        "04" => TcpState::FinWait1,
        "05" => TcpState::FinWait2,
        "06" => TcpState::TimeWait,
        "08" => TcpState::CloseWait,
        "09" => TcpState::LastAck,
        "0A" => TcpState::Listen,
        "0B" => TcpState::Closing,
        _ => TcpState::Closed,
    };
    let (sent, _) = fields.get(4)?.split_once(':')?;
    Some(Row { state, sent: i64::from_str_radix(sent, 16).ok()?, inode: fields.get(9)?.parse().ok()? })
}

fn readiness(fd: &OwnedFd) -> Result<Seen, Errno> {
    let asked = PollFlags::IN | PollFlags::OUT | PollFlags::RDHUP;
    let mut fds = [PollFd::new(fd, asked)];
    poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).map_err(errno)?;
    let bits = [
        (PollFlags::IN, Readiness::IN),
        (PollFlags::OUT, Readiness::OUT),
        (PollFlags::ERR, Readiness::ERR),
        (PollFlags::HUP, Readiness::HUP),
        (PollFlags::RDHUP, Readiness::RDHUP),
    ];
    let set = bits.into_iter().filter(|(flag, _)| fds[0].revents().contains(*flag));
    Ok(Seen::Ready(set.fold(Readiness::NONE, |all, (_, bit)| all | bit)))
}

fn address(from: rustix::io::Result<Option<SocketAddrAny>>) -> Result<Seen, Errno> {
    let any = from.map_err(errno)?.ok_or(Errno::ENOTCONN)?;
    SocketAddr::try_from(any).map(Seen::Address).map_err(errno)
}

fn which(half: Half) -> Shutdown {
    match half {
        Half::Read => Shutdown::Read,
        Half::Write => Shutdown::Write,
        Half::Both => Shutdown::Both,
    }
}

fn protocol(number: u8) -> Option<Protocol> {
    RawProtocol::new(u32::from(number)).map(Protocol::from_raw)
}

fn done(result: rustix::io::Result<()>) -> Result<Seen, Errno> {
    result.map(|()| Seen::Done).map_err(errno)
}

/// # Panics
/// The kernel gives an error that [`Errno`] does not name.
fn errno(errno: rustix::io::Errno) -> Errno {
    Errno::from_number(errno.raw_os_error()).unwrap_or_else(|| panic!("an error that we do not know: {errno}"))
}

/// How long a step waits for an answer that does not come.
const STEP_WAIT: Duration = Duration::from_secs(5);
/// Longer than a neighbour that does not answer is asked in these namespaces.
const PAUSE: Duration = Duration::from_millis(500);
/// A send buffer is full when it has been so for longer than the peer holds an ACK back (200 ms at most) and than
/// the first zero-window probe takes to leave (200 ms at least): either makes room once more.
const FULL_AFTER: Duration = Duration::from_millis(500);
/// The least time between two refusals.
const FULL_STEP: Duration = Duration::from_millis(10);
