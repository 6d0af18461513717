//! Does every datagram and every SYN find the socket that the rules name?

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use arbitrary::Arbitrary;
use smolsock::device::Medium;
use smolsock::sockopt::{IPV6_V6ONLY, SO_REUSEADDR, SO_REUSEPORT};
use smolsock::time::Instant;
use smolsock::{Config, Domain, Errno, Seed, SocketId, Stack, Step, Type};

use crate::Attack;
use crate::victim::port::Port;
use crate::victim::{ip, packet};

/// Sockets, names, datagrams and connections.
#[derive(Arbitrary, Debug)]
pub struct Demux(Vec<Move>);

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Move {
    Open { is_tcp: bool, is_v6: bool, v6_only: bool, reuse_address: bool, reuse_port: bool },
    Bind { nth: u8, addr: u8, port: u8 },
    Connect { nth: u8, addr: u8, port: u8 },
    Disconnect { nth: u8 },
    Listen { nth: u8 },
    Close { nth: u8 },
    Datagram { to: u8, to_port: u8, from: u8, from_port: u8 },
    Syn { to: u8, to_port: u8, from: u8 },
}

/// Who gets a datagram or a connection, of the sockets that are bound to one name.
pub type Rule = fn(&[Bound]) -> Option<usize>;

impl Attack for Demux {
    fn play(self) {
        play(self.0, newest);
    }
}

impl Demux {
    /// The same attack, held against another rule.
    ///
    /// # Panics
    /// If the stack does otherwise.
    pub fn play_against(self, rule: Rule) {
        play(self.0, rule);
    }
}

/// The one that was bound last.
pub fn newest(rivals: &[Bound]) -> Option<usize> {
    rivals.iter().max_by_key(|bound| bound.bound_at).map(|bound| bound.nth)
}

/// A socket as the model knows it.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Its number.
    pub nth: usize,
    /// How many had been bound before it.
    pub bound_at: usize,
    /// Of TCP; those that do not listen get nothing.
    is_tcp: bool,
    listens: bool,
    /// It gets IPv4 as well.
    is_dual: bool,
    /// It shares its name with others, evenly.
    reuse_port: bool,
    /// It shares its name with others, and the last one gets all.
    reuse_address: bool,
}

/// By local address and port, and by remote ones if there are any.
type Table = BTreeMap<(SocketAddr, Option<SocketAddr>), Vec<Bound>>;

struct Open {
    id: SocketId,
    domain: Domain,
    bound: Bound,
}

struct Machine {
    stack: Stack<'static>,
    port: Port,
    sockets: Vec<Option<Open>>,
    binds: usize,
    sent: u32,
    /// Who of several equals gets what comes from where.
    chosen: BTreeMap<(SocketAddr, SocketAddr, Vec<usize>), usize>,
    rule: Rule,
}

fn play(moves: Vec<Move>, rule: Rule) {
    let port = Port::new(Medium::Ip);
    let mut config = Config::ip(Seed::new([1; 16]).expect("not all zero"));
    for own in ["192.0.2.1/24", "192.0.2.5/24", "2001:db8::1/64", "2001:db8::5/64"] {
        config = config.address(own.parse().expect("an address"));
    }
    let stack = Stack::new(config, &port).expect("a sound configuration");
    let (sockets, chosen) = (Vec::new(), BTreeMap::new());
    let mut machine = Machine { stack, port, sockets, binds: 0, sent: 0, chosen, rule };
    for one in moves.into_iter().take(MOVES_MAX) {
        machine.make(one);
    }
}

impl Machine {
    fn make(&mut self, one: Move) {
        if let Move::Connect { nth, .. } | Move::Disconnect { nth } | Move::Bind { nth, .. } | Move::Listen { nth } =
            one
            && let Some((nth, ..)) = self.find(nth)
        {
            // Who leaves a group and comes back may have another place in it.
            self.chosen.retain(|(_, _, group), _| !group.contains(&nth));
        }
        match one {
            Move::Open { is_tcp, is_v6, v6_only, reuse_address, reuse_port } => {
                let is_dual = is_v6 && !v6_only;
                let (nth, bound_at) = (self.sockets.len(), 0);
                self.open(is_v6, Bound { nth, bound_at, is_tcp, listens: false, is_dual, reuse_port, reuse_address });
            }
            Move::Bind { nth, addr, port } => self.bind(nth, addr, port),
            Move::Connect { nth, addr, port } => {
                // That of a connection would be a question of its own.
                let Some((nth, id, domain)) = self.find(nth).filter(|(nth, ..)| !self.is_tcp(*nth)) else { return };
                let remote = SocketAddr::new(as_seen_by(domain, pick(&THEIRS, addr)), pick_port(port));
                let was_bound = self.name(nth).is_some();
                let _ = self.stack.connect(id, remote);
                self.note_bind(nth, was_bound);
            }
            Move::Disconnect { nth } => {
                if let Some((_, id, _)) = self.find(nth) {
                    let _ = self.stack.disconnect(id);
                }
            }
            Move::Listen { nth } => self.listen(nth),
            Move::Close { nth } => {
                if let Some((nth, id, _)) = self.find(nth) {
                    self.stack.close(id).expect("it is open");
                    self.sockets[nth] = None;
                    assert_eq!(self.stack.getsockname(id), Err(Errno::EBADF), "an id names one socket for ever");
                }
            }
            Move::Datagram { to, to_port, from, from_port } => {
                let to = SocketAddr::new(pick(&OWN, to), pick_port(to_port));
                let from = SocketAddr::new(pick(&THEIRS, from), pick_port(from_port));
                if to.is_ipv4() == from.is_ipv4() {
                    self.receive(to, from);
                }
            }
            Move::Syn { to, to_port, from } => {
                let to = SocketAddr::new(pick(&OWN, to), pick_port(to_port));
                // Each from another port.
                let from = SocketAddr::new(pick(&THEIRS, from), 10_000 + self.sent as u16);
                if to.is_ipv4() == from.is_ipv4() {
                    self.connect(to, from);
                }
            }
        }
    }

    fn open(&mut self, is_v6: bool, bound: Bound) {
        let domain = if is_v6 { Domain::Inet6 } else { Domain::Inet };
        let kind = if bound.is_tcp { Type::Stream } else { Type::Datagram };
        let Ok(id) = self.stack.socket(domain, kind) else { return };
        if is_v6 {
            self.stack.setsockopt(id, IPV6_V6ONLY, !bound.is_dual).expect("it is not bound");
        }
        self.stack.setsockopt(id, SO_REUSEADDR, bound.reuse_address).expect("an option of all sockets");
        self.stack.setsockopt(id, SO_REUSEPORT, bound.reuse_port).expect("an option of all sockets");
        self.sockets.push(Some(Open { id, domain, bound }));
    }

    fn bind(&mut self, nth: u8, addr: u8, port: u8) {
        let Some((nth, id, domain)) = self.find(nth) else { return };
        let wildcard: IpAddr = match domain {
            Domain::Inet => Ipv4Addr::UNSPECIFIED.into(),
            Domain::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        let own = OWN.get(usize::from(addr)).map_or(wildcard, |own| as_seen_by(domain, ip(own)));
        let local = SocketAddr::new(own, pick_port(port));
        let was_bound = self.name(nth).is_some();
        let clashes = self.clashes(nth, plain(local), false);
        let bound = self.stack.bind(id, local);
        // Another reason comes first: it has a name, or takes no such address.
        if matches!(bound, Ok(()) | Err(Errno::EADDRINUSE)) {
            let is_used = bound == Err(Errno::EADDRINUSE);
            assert_eq!(is_used, clashes, "bind of socket {nth} to {local}: {bound:?}\n{}", self.stack.netstat());
        }
        self.note_bind(nth, was_bound);
    }

    fn listen(&mut self, nth: u8) {
        let Some((nth, id, _)) = self.find(nth).filter(|(nth, ..)| self.is_tcp(*nth)) else { return };
        let name = self.name(nth);
        let clashes = name.is_some_and(|(local, _)| self.clashes(nth, local, true));
        let is_used = self.stack.listen(id, BACKLOG) == Err(Errno::EADDRINUSE);
        assert_eq!(is_used, clashes, "listen of socket {nth}\n{}", self.stack.netstat());
        self.sockets[nth].iter_mut().for_each(|open| open.bound.listens |= !is_used);
        self.note_bind(nth, name.is_some());
    }

    /// Whether somebody else stands in the way (Linux: `inet_rcv_saddr_equal`, `udp_lib_lport_inuse`, `inet_bind_conflict`):
    /// of who wants to listen only who does so already.
    fn clashes(&self, nth: usize, local: SocketAddr, to_listen: bool) -> bool {
        let Some(own) = self.sockets[nth].as_ref().map(|open| open.bound) else { return false };
        let is_rival = |other: &&Open| {
            other.bound.nth != nth && other.bound.is_tcp == own.is_tcp && (other.bound.listens || !to_listen)
        };
        self.sockets.iter().flatten().filter(is_rival).any(|other| {
            let Some((there, _)) = self.name(other.bound.nth) else { return false };
            let other = other.bound;
            let all =
                |bound: Bound, addr: SocketAddr| bound.is_dual && addr.ip() == IpAddr::from(Ipv6Addr::UNSPECIFIED);
            let meets = match local.is_ipv4() == there.is_ipv4() {
                true => local.ip() == there.ip() || local.ip().is_unspecified() || there.ip().is_unspecified(),
                false => all(own, local) || all(other, there),
            };
            let shares = own.reuse_port && other.reuse_port
                || own.reuse_address && other.reuse_address && !other.listens && !to_listen;
            local.port() == there.port() && meets && !shares
        })
    }

    /// Remembers the order in which sockets were bound.
    fn note_bind(&mut self, nth: usize, was_bound: bool) {
        if !was_bound && self.name(nth).is_some() {
            self.binds += 1;
            self.sockets[nth].iter_mut().for_each(|open| open.bound.bound_at = self.binds);
        }
    }

    fn find(&self, nth: u8) -> Option<(usize, SocketId, Domain)> {
        let nth = usize::from(nth).checked_rem(self.sockets.len())?;
        self.sockets[nth].as_ref().map(|open| (nth, open.id, open.domain))
    }

    /// Where a socket is bound, and to whom it is connected; `None`: it has no port.
    fn name(&self, nth: usize) -> Option<(SocketAddr, Option<SocketAddr>)> {
        let id = self.sockets[nth].as_ref()?.id;
        let local = self.stack.getsockname(id).ok().filter(|local| local.port() != 0)?;
        Some((plain(local), self.stack.getpeername(id).ok().map(plain)))
    }

    fn is_tcp(&self, nth: usize) -> bool {
        self.sockets[nth].as_ref().is_some_and(|open| open.bound.is_tcp)
    }

    /// All sockets of UDP, or all listeners, by name.
    fn table(&self, is_tcp: bool) -> Table {
        let mut table = Table::new();
        let is_in = |bound: &Bound| bound.is_tcp == is_tcp && bound.listens == is_tcp;
        for bound in self.sockets.iter().flatten().map(|open| open.bound).filter(is_in) {
            if let Some(name) = self.name(bound.nth) {
                table.entry(name).or_default().push(bound);
            }
        }
        table
    }

    /// Hands over a packet, and takes the answers.
    fn deliver(&mut self, packet: Vec<u8>) -> Vec<Vec<u8>> {
        self.port.waiting.push_back(packet);
        while self.stack.step(Instant::from_secs(1), &mut self.port) == Step::More {}
        std::mem::take(&mut self.port.sent)
    }

    /// Hands over a datagram, and looks who has it.
    fn receive(&mut self, to: SocketAddr, from: SocketAddr) {
        self.sent += 1;
        let mark = self.sent.to_be_bytes();
        self.deliver(packet::datagram(to, from, &mark));
        let mut got = Vec::new();
        for open in self.sockets.iter().flatten() {
            let mut buffer = [0; 8];
            if let Ok(datagram) = self.stack.recv_from(open.id, &mut buffer) {
                assert_eq!((&buffer[..datagram.len], plain(datagram.remote)), (&mark[..], from));
                got.push(open.bound.nth);
            }
        }
        let rivals = rivals(&self.table(false), to, from);
        self.compare(to, from, &rivals, &got);
    }

    /// Opens a connection, looks who has it, and resets it.
    fn connect(&mut self, to: SocketAddr, from: SocketAddr) {
        self.sent += 1;
        let answers = self.deliver(packet::segment(to, from, [1, 0], SYN));
        let rivals = rivals(&self.table(true), to, from);
        let [answer] = &answers[..] else { panic!("{} answers to a SYN for {to}", answers.len()) };
        let (seq, flags) = packet::seq_and_flags(answer);
        assert_eq!(flags, if rivals.is_empty() { RST | ACK } else { SYN | ACK }, "the answer to a SYN for {to}");
        let numbers = [2, seq.wrapping_add(1)];
        let mut got = Vec::new();
        if flags & SYN != 0 {
            self.deliver(packet::segment(to, from, numbers, ACK));
            for open in self.sockets.iter().flatten() {
                if let Ok((id, remote)) = self.stack.accept(open.id) {
                    assert_eq!(plain(remote), from);
                    got.push((open.bound.nth, id));
                }
            }
            self.deliver(packet::segment(to, from, numbers, RST | ACK));
        }
        for (_, id) in &got {
            self.stack.close(*id).expect("it is open");
        }
        let got: Vec<usize> = got.iter().map(|(nth, _)| *nth).collect();
        self.compare(to, from, &rivals, &got);
    }

    /// Whether the one that the rules name got it, and nobody else.
    fn compare(&mut self, to: SocketAddr, from: SocketAddr, rivals: &[Bound], got: &[usize]) {
        let mut wanted = (self.rule)(rivals);
        if rivals.len() > 1 && rivals.iter().all(|bound| bound.reuse_port) {
            // Any of them, but always the same.
            let numbers: Vec<usize> = rivals.iter().map(|bound| bound.nth).collect();
            assert!(got.len() == 1 && numbers.contains(&got[0]), "{got:?} of {numbers:?}");
            wanted = Some(*self.chosen.entry((to, from, numbers)).or_insert(got[0]));
        }
        let wanted: Vec<usize> = wanted.into_iter().collect();
        assert_eq!(got, wanted, "{from} to {to}, of {rivals:?}\n{}", self.stack.netstat());
    }
}

/// The most specific first: connected, at the address, at any address, at any address of either family.
fn rivals(table: &Table, to: SocketAddr, from: SocketAddr) -> Vec<Bound> {
    let at = |ip: IpAddr| SocketAddr::new(ip, to.port());
    let any4 = at(Ipv4Addr::UNSPECIFIED.into());
    let any6 = at(Ipv6Addr::UNSPECIFIED.into());
    let connected = table.get(&(to, Some(from))).cloned();
    let exact = || table.get(&(to, None)).cloned();
    let any = || table.get(&(if to.is_ipv4() { any4 } else { any6 }, None)).cloned();
    let dual = || {
        let all = table.get(&(any6, None)).filter(|_| to.is_ipv4())?;
        Some(all.iter().filter(|bound| bound.is_dual).copied().collect())
    };
    connected.or_else(exact).or_else(any).or_else(dual).unwrap_or_default()
}

/// An IPv4 address that an IPv6 socket has or talks to is an IPv4 address.
fn plain(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

fn as_seen_by(domain: Domain, addr: IpAddr) -> IpAddr {
    match (domain, addr) {
        (Domain::Inet6, IpAddr::V4(addr)) => addr.to_ipv6_mapped().into(),
        _ => addr,
    }
}

fn pick(all: &[&str], nth: u8) -> IpAddr {
    ip(all[usize::from(nth) % all.len()])
}

fn pick_port(nth: u8) -> u16 {
    [7, 8, 9][usize::from(nth % 3)]
}

const OWN: [&str; 4] = ["192.0.2.1", "192.0.2.5", "2001:db8::1", "2001:db8::5"];
const THEIRS: [&str; 4] = ["192.0.2.2", "192.0.2.3", "2001:db8::2", "2001:db8::3"];
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;
const BACKLOG: usize = 4;
const MOVES_MAX: usize = 512;
