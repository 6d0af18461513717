//! Who says what to whom in an attack on two hosts?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use arbitrary::Arbitrary;
use smolsock::Shutdown;
use smolsock_sim::scenario::Step;
use smolsock_sim::scenario::model::App;
use smolsock_sim::scenario::step::{Call, Recv};

/// A conversation of client and server.
#[derive(Arbitrary, Clone, Debug)]
pub enum Talk {
    /// Bytes one way.
    Bulk { start_ms: u16, bytes: u16, piece: u16, pause_ms: u8 },
    /// Bytes there and back, in pieces.
    Echo { start_ms: u16, bytes: u16, piece: u16 },
    /// Datagrams of these sizes, and their echoes.
    Datagrams { start_ms: u16, sizes: Vec<u16>, wait_ms: u16 },
    /// Bytes both ways, and each closes its side when it has said its own.
    Both { start_ms: u16, there: u16, back: u16, piece: u16 },
    /// Somebody goes away in the middle: only the promises of the stacks count then.
    Rude { start_ms: u16, there: u16, back: u16, resets: bool, after_ms: u8 },
}

impl Talk {
    /// The applications of conversation number `number`, on both hosts.
    pub fn apps(&self, number: u16, is_ipv6: bool) -> Vec<App> {
        let port = 1_000 + number;
        let any = if is_ipv6 { IpAddr::from(Ipv6Addr::UNSPECIFIED) } else { Ipv4Addr::UNSPECIFIED.into() };
        let server = if is_ipv6 { IpAddr::from(SERVER6) } else { [192, 0, 2, 2].into() };
        let (local, remote) = (SocketAddr::new(any, port), SocketAddr::new(server, port));
        let stream = 1 + u32::from(number) * 2;
        let (start_ms, is_background, served, asked) = match *self {
            Talk::Bulk { start_ms, bytes, piece, pause_ms } => {
                let bytes = u64::from(bytes % BYTES_MAX);
                let piece_bytes = u64::from(piece % 4_000).max(bytes / 20).max(1);
                let pause_ns = u64::from(pause_ms % 100) * MS;
                let receiver = Call::BulkReceiver { local, bytes, stream, piece_bytes, pause_ns, first_pause_ns: 0 };
                (start_ms, false, vec![receiver], vec![Call::BulkSender { remote, bytes, stream }])
            }
            Talk::Echo { start_ms, bytes, piece } => {
                let bytes = u64::from(bytes % BYTES_MAX);
                let piece_bytes = u64::from(piece % 1_400).max(bytes / 20).max(1);
                let client = Call::TcpEchoClient { remote, bytes, piece_bytes, stream };
                (start_ms, true, vec![Call::TcpEchoServer { local, backlog: 2 }], vec![client])
            }
            Talk::Datagrams { start_ms, ref sizes, wait_ms } => {
                let sizes: Vec<u16> = sizes.iter().take(8).map(|size| size % 1_400).collect();
                let sizes = if sizes.is_empty() { vec![1] } else { sizes };
                let wait_ns = u64::from(wait_ms % 3_000 + 1) * MS;
                let client = Call::UdpEchoClient { remote, sizes, wait_ns };
                (start_ms, true, vec![Call::UdpEchoServer(local)], vec![client])
            }
            Talk::Both { start_ms, there, back, piece } => {
                let says = |bytes, hears, piece| says(bytes, hears, Some(piece));
                let mut server = vec![Call::Listen { local, backlog: 1 }, Call::Accept];
                let mut client = vec![Call::Connect(remote)];
                server.extend(says(back, there, 500));
                client.extend(says(there, back, u64::from(piece % 2_000).max(200)));
                (start_ms, false, server, client)
            }
            Talk::Rude { start_ms, there, back, resets, after_ms } => {
                let mut server = vec![Call::Listen { local, backlog: 1 }, Call::Accept];
                let mut client = vec![Call::Connect(remote)];
                client.extend(says(there, back, None));
                server.extend([send(back, None), Call::Sleep(u64::from(after_ms) * MS + 1)]);
                server.push(if resets { Call::Reset } else { Call::Close });
                (start_ms, true, server, client)
            }
        };
        let is_rude = matches!(self, Talk::Rude { .. });
        let manner = if is_rude { "rude" } else { "polite" };
        let app = |host: &str, start_ns, is_background, calls: Vec<Call>| App {
            host: host.into(),
            name: format!("{manner} {host} {number}"),
            start_ns,
            is_background,
            is_service: false,
            steps: calls.into_iter().map(|call| Step { socket: String::new(), call }).collect(),
        };
        let start_ns = u64::from(start_ms % 20_000) * MS;
        vec![app("server", 0, is_background, served), app("client", start_ns, is_rude, asked)]
    }
}

/// Says so many bytes, ends, and hears the others to their end.
fn says(bytes: u16, hears: u16, piece_bytes: Option<u64>) -> [Call; 4] {
    let recv = Recv { bytes: Some(u64::from(hears % BOTH_MAX)), to_end: true, ..Recv::default() };
    [send(bytes, piece_bytes), Call::Shutdown(Shutdown::Write), Call::Recv(recv), Call::Close]
}

fn send(bytes: u16, piece_bytes: Option<u64>) -> Call {
    Call::Send { bytes: u64::from(bytes % BOTH_MAX), stream: None, to: None, piece_bytes, pause_ns: 0 }
}

/// An application that only waits, so that the others in the background have time.
pub fn clock(until_ns: u64) -> App {
    App {
        host: "client".into(),
        name: "clock".into(),
        start_ns: 0,
        is_background: false,
        is_service: false,
        steps: vec![Step { socket: String::new(), call: Call::SleepUntil(until_ns) }],
    }
}

const SERVER6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
const MS: u64 = 1_000_000;
const BYTES_MAX: u16 = 10_000;
/// Less than any buffer: who says all before it hears anything would wait for ever.
const BOTH_MAX: u16 = 1_500;
