//! How are steps carried out on a host?

use std::collections::BTreeMap;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use smolsock::sockopt::{
    IP_TTL, SO_KEEPALIVE, SO_LINGER, SO_RCVBUF, SO_REUSEADDR, SO_SNDBUF, TCP_CONGESTION, TCP_CORK, TCP_KEEPCNT,
    TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_MAXSEG, TCP_NODELAY, TCP_USER_TIMEOUT,
};
use smolsock::task::{self, Handle, TcpListener, TcpStream, UdpSocket};
use smolsock::{Domain, Errno, SocketId, Type};

use super::{Call, Flag, Number, Recv, Setting, Step};
use crate::app::bulk::{self, Reading};
use crate::app::pattern::{byte_at, first_difference, pattern};
use crate::app::{ask, connect, echo};
use crate::executor::TaskResult;
use crate::host::Host;
use crate::time::Time;

/// What an application knows of its network.
#[derive(Debug, Clone, Copy)]
pub(in crate::scenario) struct Context {
    /// Whether frames may be lost by chance or by a fault.
    pub(in crate::scenario) may_lose: bool,
}

/// Carries out the steps; the first that fails, and is not expected to, ends it.
pub(in crate::scenario) async fn play(host: Host, steps: Vec<Step>, context: Context) -> TaskResult {
    let mut app = App { host, sockets: BTreeMap::new() };
    let mut at = 0;
    // Where each open `repeat` begins, and how often it is still to be done.
    let mut loops: Vec<(usize, u32)> = Vec::new();
    while let Some(step) = steps.get(at) {
        let after = match &step.call {
            Call::Expect { .. } => at + 1,
            Call::Repeat(0) => end_of(&steps, at) + 1,
            Call::Repeat(times) => {
                loops.push((at + 1, *times - 1));
                at + 1
            }
            Call::End => match loops.last_mut() {
                Some((begin, left)) if *left > 0 => {
                    *left -= 1;
                    *begin
                }
                _ => {
                    loops.pop();
                    at + 1
                }
            },
            _ => {
                let outcome = app.carry_out(step).await;
                app.judge(step, steps.get(at + 1), outcome, context)
                    .map_err(|why| format!("step {} ({step}): {why}", at + 1))?;
                at + 1
            }
        };
        at = after;
    }
    Ok(())
}

/// The `end` that belongs to the `repeat` at `at`.
fn end_of(steps: &[Step], at: usize) -> usize {
    let mut depth = 0_usize;
    for (index, step) in steps.iter().enumerate().skip(at) {
        match step.call {
            Call::Repeat(_) => depth += 1,
            Call::End => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index;
        }
    }
    steps.len()
}

/// An application that runs.
struct App {
    host: Host,
    sockets: BTreeMap<String, Sockets>,
}

/// The sockets of one name. The order of the fields is the order in which they are closed.
#[derive(Default)]
struct Sockets {
    stream: Option<Stream>,
    udp: Option<UdpSocket<Host>>,
    /// Datagrams sent, for the number of the next pattern.
    datagrams: u32,
    listener: Option<TcpListener<Host>>,
    bind: Option<SocketAddr>,
    settings: Vec<Setting>,
}

/// A connection, and how far it is in which pattern.
struct Stream {
    tcp: TcpStream<Host>,
    sends: u32,
    receives: u32,
    sent: BTreeMap<u32, usize>,
    received: BTreeMap<u32, usize>,
}

impl Stream {
    fn connected(tcp: TcpStream<Host>) -> Self {
        Self { tcp, sends: 1, receives: 2, sent: BTreeMap::new(), received: BTreeMap::new() }
    }

    fn accepted(tcp: TcpStream<Host>) -> Self {
        Self { sends: 2, receives: 1, ..Self::connected(tcp) }
    }
}

impl App {
    /// Is this how the step was to end?
    fn judge(
        &self,
        step: &Step,
        next: Option<&Step>,
        outcome: TaskResult,
        context: Context,
    ) -> Result<(), Box<dyn Error>> {
        let Some(Step { call: Call::Expect { errno, unless_lost }, .. }) = next else { return outcome };
        let Err(error) = outcome else { return Err(format!("{} was expected, but it went well", errno.name()).into()) };
        match error.downcast_ref::<Errno>() {
            Some(found) if found == errno => {
                self.host.note(format!("{}: {errno}", step.verb()));
                Ok(())
            }
            Some(Errno::ETIMEDOUT) if *unless_lost && context.may_lose => {
                self.host.note(format!("{}: hears nothing", step.verb()));
                Ok(())
            }
            _ => Err(format!("{} was expected, but it was: {error}", errno.name()).into()),
        }
    }

    async fn carry_out(&mut self, step: &Step) -> TaskResult {
        let host = self.host.clone();
        let sockets = self.sockets.entry(step.socket.clone()).or_default();
        match &step.call {
            Call::Listen { local, backlog } => sockets.listen(&host, *local, *backlog as usize)?,
            Call::Accept => {
                let (tcp, _) = sockets.listener.as_ref().ok_or("there is no listener")?.accept().await?;
                sockets.stream = Some(Stream::accepted(tcp));
            }
            Call::Bind(local) => sockets.bind = Some(*local),
            Call::Connect(remote) => sockets.connect(&host, *remote).await?,
            Call::Udp(local) => sockets.open_udp(&host, *local)?,
            Call::Send { .. } => sockets.send(&host, &step.call).await?,
            Call::SendText(text) => match (&sockets.stream, &sockets.udp) {
                (Some(stream), _) => stream.tcp.write_all(text.as_bytes()).await?,
                (None, Some(udp)) => drop(udp.send(text.as_bytes()).await?),
                (None, None) => return Err(NO_CONNECTION.into()),
            },
            Call::Recv(recv) => match recv.within_ns {
                None => sockets.recv(&host, recv).await?,
                Some(nanos) => match host.within(Duration::from_nanos(nanos), sockets.recv(&host, recv)).await {
                    Some(outcome) => outcome?,
                    None => return Err(Errno::ETIMEDOUT.into()),
                },
            },
            Call::Shutdown(how) => sockets.stream()?.tcp.shutdown(*how)?,
            Call::Close => sockets.close()?,
            Call::Reset => {
                let id = sockets.stream()?.tcp.id();
                host.with(|stack| stack.setsockopt(id, SO_LINGER, Some(Duration::ZERO)))?;
                sockets.stream = None;
            }
            Call::Sleep(nanos) => host.sleep(Duration::from_nanos(*nanos)).await,
            Call::SleepUntil(nanos) => {
                let wait = Time::from_nanos(*nanos).saturating_duration_since(host.now());
                host.sleep(wait.max(Duration::from_nanos(1))).await;
            }
            Call::Note(text) => host.note(sockets.fill_in(text)),
            Call::Set(setting) => sockets.set(&host, *setting)?,
            Call::Expect { .. } | Call::Repeat(_) | Call::End => {}
            Call::TcpEchoServer { .. }
            | Call::UdpEchoServer(_)
            | Call::TcpEchoClient { .. }
            | Call::UdpEchoClient { .. }
            | Call::UdpAsk { .. }
            | Call::BulkSender { .. }
            | Call::BulkReceiver { .. } => ready_made(host, &step.call).await?,
        }
        Ok(())
    }
}

async fn ready_made(host: Host, call: &Call) -> TaskResult {
    match call {
        Call::TcpEchoServer { local, backlog } => echo::tcp_server(host, *local, *backlog as usize).await,
        Call::UdpEchoServer(local) => echo::udp_server(host, *local).await,
        Call::TcpEchoClient { remote, bytes, piece_bytes, stream } => {
            echo::tcp_client(host, *remote, *stream, *bytes as usize, *piece_bytes as usize).await
        }
        Call::UdpEchoClient { remote, sizes, wait_ns } => {
            ask::udp_client(host, *remote, sizes, Duration::from_nanos(*wait_ns)).await
        }
        Call::UdpAsk { remote, tries, wait_ns, text } => {
            ask::until_answered(host, *remote, text.as_bytes(), *tries, Duration::from_nanos(*wait_ns)).await
        }
        Call::BulkSender { remote, bytes, stream } => bulk::sender(host, *remote, *stream, *bytes as usize).await,
        Call::BulkReceiver { local, bytes, stream, piece_bytes, pause_ns, first_pause_ns } => {
            let reading = Reading {
                piece_bytes: *piece_bytes as usize,
                pause: Duration::from_nanos(*pause_ns),
                first_pause: Duration::from_nanos(*first_pause_ns),
            };
            bulk::receiver(host, *local, *stream, *bytes as usize, reading).await
        }
        _ => Ok(()),
    }
}

impl Sockets {
    fn stream(&self) -> Result<&Stream, &'static str> {
        self.stream.as_ref().ok_or(NO_CONNECTION)
    }

    fn listen(&mut self, host: &Host, local: SocketAddr, backlog: usize) -> Result<(), Errno> {
        if self.settings.is_empty() {
            self.listener = Some(TcpListener::bind(host, local, backlog)?);
            return Ok(());
        }
        let id = host.with(|stack| stack.socket(domain(local), Type::Stream))?;
        let listener = TcpListener::from_id(host, id);
        self.apply_settings(host, id)?;
        host.with(|stack| stack.bind(id, local).and_then(|()| stack.listen(id, backlog)))?;
        self.listener = Some(listener);
        Ok(())
    }

    fn open_udp(&mut self, host: &Host, local: SocketAddr) -> Result<(), Errno> {
        let udp = UdpSocket::bind(host, local)?;
        self.apply_settings(host, udp.id())?;
        self.udp = Some(udp);
        Ok(())
    }

    async fn connect(&mut self, host: &Host, remote: SocketAddr) -> Result<(), Errno> {
        if let Some(udp) = &self.udp {
            return udp.connect(remote);
        }
        if self.bind.is_none() && self.settings.is_empty() {
            self.stream = Some(Stream::connected(connect(host, remote).await?));
            return Ok(());
        }
        let id = host.with(|stack| stack.socket(domain(remote), Type::Stream))?;
        let tcp = TcpStream::from_id(host, id);
        self.apply_settings(host, id)?;
        if let Some(local) = self.bind.take() {
            host.with(|stack| stack.bind(id, local))?;
        }
        let mut tries = 1;
        while let Err(error) = task::connect(host, id, remote).await {
            if error != Errno::EHOSTUNREACH || tries == CONNECTS_MAX {
                return Err(error);
            }
            host.note("is told that the host is unreachable, and tries again");
            tries += 1;
        }
        self.stream = Some(Stream::connected(tcp));
        Ok(())
    }

    async fn send(&mut self, host: &Host, call: &Call) -> TaskResult {
        let Call::Send { bytes, stream, to, piece_bytes, pause_ns } = call else { return Ok(()) };
        let (bytes, pause) = (*bytes as usize, Duration::from_nanos(*pause_ns));
        if let Some(connection) = &mut self.stream {
            let number = stream.unwrap_or(connection.sends);
            let from = connection.sent.entry(number).or_default();
            let end = *from + bytes;
            while *from < end {
                if !pause.is_zero() {
                    host.sleep(pause).await;
                }
                let until = end.min(*from + piece_bytes.map_or(CHUNK_BYTES, |bytes| bytes as usize));
                let data: Vec<u8> = (*from..until).map(|at| byte_at(number, at)).collect();
                connection.tcp.write_all(&data).await?;
                *from = until;
            }
            return Ok(());
        }
        let udp = self.udp.as_ref().ok_or(NO_CONNECTION)?;
        if !pause.is_zero() {
            host.sleep(pause).await;
        }
        let datagram = pattern(stream.unwrap_or(self.datagrams % DATAGRAM_PATTERNS), bytes);
        self.datagrams = self.datagrams.wrapping_add(1);
        match to {
            Some(remote) => udp.send_to(&datagram, *remote).await?,
            None => udp.send(&datagram).await?,
        };
        Ok(())
    }

    async fn recv(&mut self, host: &Host, recv: &Recv) -> TaskResult {
        match (&mut self.stream, &self.udp) {
            (Some(stream), _) => stream.recv(host, recv).await,
            (None, Some(udp)) => recv_datagram(host, udp, recv).await,
            (None, None) => Err(NO_CONNECTION.into()),
        }
    }

    fn close(&mut self) -> Result<(), &'static str> {
        let is_closed = self.stream.take().is_some() || self.udp.take().is_some() || self.listener.take().is_some();
        if is_closed { Ok(()) } else { Err("there is no socket to close") }
    }

    /// The text with the addresses of the socket in it.
    fn fill_in(&self, text: &str) -> String {
        let (local, remote) = match (&self.stream, &self.udp) {
            (Some(stream), _) => (stream.tcp.local_addr().ok(), stream.tcp.peer_addr().ok()),
            (None, Some(udp)) => (udp.local_addr().ok(), None),
            (None, None) => (None, None),
        };
        let name = |addr: Option<SocketAddr>| addr.map_or_else(|| "(no address)".to_owned(), |addr| addr.to_string());
        text.replace("{local}", &name(local)).replace("{remote}", &name(remote))
    }

    fn set(&mut self, host: &Host, setting: Setting) -> Result<(), Errno> {
        let id = match (&self.stream, &self.udp, &self.listener) {
            (Some(stream), _, _) => stream.tcp.id(),
            (None, Some(udp), _) => udp.id(),
            (None, None, Some(listener)) => listener.id(),
            (None, None, None) => {
                self.settings.push(setting);
                return Ok(());
            }
        };
        apply(host, id, setting)
    }

    fn apply_settings(&mut self, host: &Host, id: SocketId) -> Result<(), Errno> {
        self.settings.drain(..).try_for_each(|setting| apply(host, id, setting))
    }
}

impl Stream {
    async fn recv(&mut self, host: &Host, recv: &Recv) -> TaskResult {
        let number = recv.stream.unwrap_or(self.receives);
        let position = self.received.entry(number).or_default();
        let mut buffer = vec![0; recv.piece_bytes as usize];
        let mut got = 0;
        while recv.bytes != Some(got) {
            if recv.pause_ns > 0 {
                host.sleep(Duration::from_nanos(recv.pause_ns)).await;
            }
            let room = recv.bytes.map_or(buffer.len(), |bytes| buffer.len().min((bytes - got) as usize));
            let taken = self.tcp.read(&mut buffer[..room]).await?;
            match recv.bytes {
                None if taken == 0 && recv.to_end => return Ok(()),
                _ if taken > 0 => {}
                Some(bytes) => return Err(format!("the stream ended after {got} bytes of {bytes}").into()),
                None => return Err("the stream has ended".into()),
            }
            if recv.is_checked
                && let Some(at) = first_difference(number, *position, &buffer[..taken])
            {
                return Err(format!("byte {at} of the stream is not what was sent").into());
            }
            *position += taken;
            got += taken as u64;
            if recv.bytes.is_none() && !recv.to_end {
                return Ok(());
            }
        }
        if !recv.to_end {
            return Ok(());
        }
        match self.tcp.read(&mut buffer).await? {
            0 => Ok(()),
            extra => Err(format!("{extra} bytes too many came").into()),
        }
    }
}

async fn recv_datagram(_host: &Host, udp: &UdpSocket<Host>, recv: &Recv) -> TaskResult {
    let mut buffer = vec![0; DATAGRAM_MAX];
    let len = udp.recv_from(&mut buffer).await?.len;
    let data = &buffer[..len];
    if let Some(bytes) = recv.bytes
        && bytes != len as u64
    {
        return Err(format!("a datagram of {len} bytes came instead of {bytes}").into());
    }
    let is_right = |number| first_difference(number, 0, data).is_none();
    let is_known = match recv.stream {
        Some(number) => is_right(number),
        None => (0..DATAGRAM_PATTERNS).any(is_right),
    };
    if recv.is_checked && !is_known { Err("the datagram is not what was sent".into()) } else { Ok(()) }
}

fn apply(host: &Host, id: SocketId, setting: Setting) -> Result<(), Errno> {
    host.with(|stack| match setting {
        Setting::Linger(secs) => stack.setsockopt(id, SO_LINGER, secs.map(|secs| Duration::from_secs(u64::from(secs)))),
        Setting::Congestion(control) => stack.setsockopt(id, TCP_CONGESTION, control),
        Setting::Flag(flag, is_on) => {
            let option = match flag {
                Flag::SO_KEEPALIVE => SO_KEEPALIVE,
                Flag::SO_REUSEADDR => SO_REUSEADDR,
                Flag::TCP_NODELAY => TCP_NODELAY,
                Flag::TCP_CORK => TCP_CORK,
            };
            stack.setsockopt(id, option, is_on)
        }
        Setting::Number(number, value) => {
            let value = i32::try_from(value).map_err(|_| Errno::EINVAL)?;
            let option = match number {
                Number::SO_RCVBUF => SO_RCVBUF,
                Number::SO_SNDBUF => SO_SNDBUF,
                Number::IP_TTL => IP_TTL,
                Number::TCP_MAXSEG => TCP_MAXSEG,
                Number::TCP_KEEPIDLE => TCP_KEEPIDLE,
                Number::TCP_KEEPINTVL => TCP_KEEPINTVL,
                Number::TCP_KEEPCNT => TCP_KEEPCNT,
                Number::TCP_USER_TIMEOUT => TCP_USER_TIMEOUT,
            };
            stack.setsockopt(id, option, value)
        }
    })
}

fn domain(addr: SocketAddr) -> Domain {
    if addr.is_ipv4() { Domain::Inet } else { Domain::Inet6 }
}

const NO_CONNECTION: &str = "there is no connection";
/// As [`connect`] does.
const CONNECTS_MAX: u32 = 10;
/// How much of a long pattern is in memory at once.
const CHUNK_BYTES: usize = 1 << 20;
/// Datagrams count up to this, then begin again.
const DATAGRAM_PATTERNS: u32 = 251;
const DATAGRAM_MAX: usize = 65_535;
