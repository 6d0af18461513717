//! Whom does an attacker meet?

use std::cell::RefCell;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use smolsock::task::{Handle, TcpListener, TcpStream};
use smolsock::{Config, Counters};

use super::volley::Volley;
use super::{Outcome, Setup};
use crate::app::{echo, pattern::pattern};
use crate::executor::TaskResult;
use crate::frame::{Mac, Medium};
use crate::host::Host;
use crate::link::Impairments;
use crate::observe::dissect::{Tcp, dissect};
use crate::oracle::{Oracle, Oracles};
use crate::report::thousands;
use crate::time::{Time, in_words};
use crate::trace::NodeId;
use crate::world::{Ending, World, WorldError, mac_of};

/// One switch, and on it a server, an honest client, and an attacker, who is the server's way to the rest of the world.
///
/// The attacker hears what is sent to it and through it, and nothing of what the others say to each other.
pub(super) struct Arena {
    pub(super) world: World,
    pub(super) server: NodeId,
    pub(super) client: NodeId,
    attacker: NodeId,
    pub(super) tally: Rc<RefCell<Tally>>,
}

/// What the honest saw, and how large the server became.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Connections that were made, and the longest time one took.
    pub(super) served: u64,
    pub(super) longest: Duration,
    /// Connections that were not made, or broke.
    pub(super) refused: u64,
    pub(super) broken: u64,
    /// Answers that were not what was sent.
    pub(super) changed: u64,
    /// The longest time between a question and its answer.
    pub(super) stall: Duration,
    /// The least that the connection thought a packet may have, bytes.
    pub(super) mtu: i32,
    /// The most sockets that the server had, as far as was looked.
    pub(super) sockets: usize,
    /// The most packets that waited for fragments.
    pub(super) fragments: usize,
    /// The most neighbours that the server knew.
    pub(super) neighbours: usize,
    /// The server's counters when last looked at.
    pub(super) counters: Counters,
}

impl Arena {
    /// The hosts, before anybody does anything. `tune`: the server's configuration.
    pub(super) fn new(setup: &Setup, tune: impl FnOnce(&mut Config)) -> Result<Self, WorldError> {
        Self::with_client(setup, tune, ("192.0.2.2/24", "192.0.2.254"))
    }

    /// The same, but the client is in a network of its own: what it and the server say to each other goes through the attacker's hands.
    pub(super) fn apart(setup: &Setup, tune: impl FnOnce(&mut Config)) -> Result<Self, WorldError> {
        Self::with_client(setup, tune, ("198.51.100.2/24", "198.51.100.254"))
    }

    fn with_client(
        setup: &Setup,
        tune: impl FnOnce(&mut Config),
        (address, gateway): (&str, &str),
    ) -> Result<Self, WorldError> {
        let mut world = World::new(SEED);
        world.set_recording(setup.recording);
        world.set_oracles(ORACLES);
        let server = world.host_with("server", &["192.0.2.1/24", "2001:db8::1/64"], tune)?;
        let client = world.host("client", &[address, "2001:db8::2/64"])?;
        for (host, router) in [(server, "192.0.2.254"), (client, gateway)] {
            world.gateway(host, router)?;
            world.gateway(host, "2001:db8::fe")?;
        }
        // Its own cable follows when it is known what it does.
        let arena = Self { world, server, client, attacker: NodeId(client.0 + 1), tally: Rc::default() };
        Ok(arena)
    }

    /// Lets the attacker in.
    pub(super) fn invite(&mut self, volley: Volley) -> Result<(), WorldError> {
        let node = self.world.intruder("attacker", attacker_addrs(), Box::new(volley))?;
        assert_eq!(node, self.attacker, "frames say who sent them");
        let switch = self.world.switch("switch")?;
        let cables = [("server", self.server, 10), ("client", self.client, CLIENT_DELAY_US), ("attacker", node, 10)];
        for (name, node, delay_us) in cables {
            let plain = Impairments { delay_ns: delay_us * 1_000, ..Impairments::default() };
            self.world.cable(name, node, switch, plain)?;
        }
        Ok(())
    }

    /// An attacker that shoots `count` times from `start` on, one every `gap`.
    pub(super) fn volley(&self, start: Time, gap: Duration, count: u64) -> Volley {
        Volley::new(self.attacker_mac(), attacker_addrs(), (start, gap), count)
    }

    pub(super) fn attacker_mac(&self) -> Mac {
        mac_of(self.attacker)
    }

    /// Puts a packet into a frame from the attacker to the client.
    pub(super) fn to_client(&self) -> impl Fn(&[u8]) -> Vec<u8> + use<> {
        let (to, from) = (mac_of(self.client), self.attacker_mac());
        move |packet| super::forge::frame(to, from, packet)
    }

    /// Puts a packet into a frame from the attacker to the server.
    pub(super) fn to_server(&self) -> impl Fn(&[u8]) -> Vec<u8> + use<> {
        let (to, from) = (mac_of(self.server), self.attacker_mac());
        move |packet| super::forge::frame(to, from, packet)
    }

    /// The server echoes at [`ECHO`] of all its IPv4 addresses, and is looked at every 10 ms until `until`.
    pub(super) fn serve(&mut self, backlog: usize, until: Time) {
        self.serve_at(([0, 0, 0, 0], ECHO).into(), backlog, until);
    }

    /// The same at this address alone.
    pub(super) fn serve_at(&mut self, service: SocketAddr, backlog: usize, until: Time) {
        self.world.daemon(self.server, "echo", move |host| echo_server(host, service, backlog));
        self.watch(until);
    }

    /// Looks at the server every 10 ms until `until`.
    pub(super) fn watch(&mut self, until: Time) {
        let tally = Rc::clone(&self.tally);
        self.world.daemon(self.server, "gauge", |host| gauge(host, until, tally));
    }

    /// The client connects `every` so often until `until`: each connection has something echoed.
    pub(super) fn visit(&mut self, every: Duration, (start, until): (Time, Time)) {
        let tally = Rc::clone(&self.tally);
        self.world.app(self.client, "client", |host| visitor(host, (every, start, until), tally));
    }

    /// Runs, and says what was seen. `limit` bounds the run; `say`: the result, and what broke the bound.
    pub(super) fn run(self, limit: Time, say: impl FnOnce(&Tally, &Ending) -> (String, Vec<String>)) -> Outcome {
        let ending = self.world.run(limit);
        let tally = self.tally.borrow();
        let (result, mut missed) = say(&tally, &ending);
        missed.extend(ending.failures.iter().cloned());
        Outcome { result, missed, ending }
    }
}

impl Tally {
    /// How many honest connections were made, and how long the slowest took.
    pub(super) fn visits(&self) -> String {
        format!(
            "{} of {} honest got in, within {}",
            thousands(self.served),
            thousands(self.tried()),
            words(self.longest)
        )
    }

    /// A question was answered in an open connection.
    pub(super) fn on_answer(&mut self, is_right: bool, took: Duration, mtu: i32) {
        self.served += 1;
        self.changed += u64::from(!is_right);
        self.stall = self.stall.max(took);
        self.mtu = if self.mtu == 0 { mtu } else { self.mtu.min(mtu) };
    }

    /// Connections that were tried.
    pub(super) fn tried(&self) -> u64 {
        self.served + self.refused
    }
}

/// The TCP segment in an IP packet, and its source and destination.
pub(super) fn segment_of(packet: &[u8]) -> Option<((SocketAddr, SocketAddr), Tcp)> {
    let seen = dissect(Medium::Ip, packet);
    Some((seen.endpoints()?, seen.tcp()?.clone()))
}

/// `condition` has to hold, or the bound is missed: `what` says how.
pub(super) fn must(missed: &mut Vec<String>, condition: bool, what: impl FnOnce() -> String) {
    if !condition {
        missed.push(what());
    }
}

/// A time in words: `10.24ms`.
pub(super) fn words(time: Duration) -> String {
    in_words(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

/// The server's echo service as its clients name it.
pub(super) fn echo_at() -> SocketAddr {
    (SERVER, ECHO).into()
}

/// The same by IPv6.
pub(super) fn echo6_at() -> SocketAddr {
    (SERVER6, ECHO).into()
}

fn attacker_addrs() -> Vec<IpAddr> {
    let v4 = [[192, 0, 2, 254], [198, 51, 100, 254]];
    let v6 = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xfe]);
    v4.into_iter().map(IpAddr::from).chain([v6]).collect()
}

/// Echoes to everybody. How a stranger's connection ends is no failure; an honest client says itself what it did not get.
async fn echo_server(host: Host, service: SocketAddr, backlog: usize) -> TaskResult {
    let listener = TcpListener::bind(&host, service, backlog)?;
    loop {
        let (stream, remote) = listener.accept().await?;
        host.spawn(format!("echo for {remote}"), async move {
            let _ = echo::echo(stream).await;
            Ok(())
        });
    }
}

async fn gauge(host: Host, until: Time, tally: Rc<RefCell<Tally>>) -> TaskResult {
    while host.now() < until {
        let (holdings, known, counters) = host.with(|stack| {
            (stack.holdings(), stack.arp().entries().filter(|entry| entry.mac.is_some()).count(), *stack.counters())
        });
        {
            let mut tally = tally.borrow_mut();
            tally.sockets = tally.sockets.max(holdings.sockets);
            tally.neighbours = tally.neighbours.max(known);
            tally.fragments = tally.fragments.max(holdings.fragments);
            tally.counters = counters;
        }
        host.sleep(GAUGE).await;
    }
    Ok(())
}

async fn visitor(host: Host, when: (Duration, Time, Time), tally: Rc<RefCell<Tally>>) -> TaskResult {
    let (every, start, until) = when;
    host.sleep(start.saturating_duration_since(host.now())).await;
    while host.now() < until {
        let began = host.now();
        let visit = visit(&host, echo_at()).await;
        let took = host.now().saturating_duration_since(began);
        {
            let mut tally = tally.borrow_mut();
            match visit {
                Ok(connected) => {
                    tally.served += 1;
                    tally.longest = tally.longest.max(connected);
                }
                Err(_) => tally.refused += 1,
            }
        }
        host.sleep(every.saturating_sub(took)).await;
    }
    Ok(())
}

/// One honest connection. How long it took to be made.
pub(super) async fn visit(host: &Host, service: SocketAddr) -> Result<Duration, smolsock::Errno> {
    let began = host.now();
    let stream = TcpStream::connect(host, service).await?;
    let connected = host.now().saturating_duration_since(began);
    let sent = pattern(1, 64);
    stream.write_all(&sent).await?;
    let mut back = [0; 64];
    stream.read_exact(&mut back).await?;
    if back[..] == sent[..] { Ok(connected) } else { Err(smolsock::Errno::EPROTO) }
}

/// All attacks have the same seed: their figures can be compared to the digit.
pub const SEED: u64 = 1;
/// All but the one that a drop anywhere excuses. Where the attacker speaks in the name of the client, `Acks` cannot tell
/// the two apart either.
pub(super) const ORACLES: Oracles = Oracles::ALL.without(Oracle::Retransmissions);
/// The server's IPv4 address.
pub(super) const SERVER: [u8; 4] = [192, 0, 2, 1];
/// The server's IPv6 address.
pub(super) const SERVER6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
/// The client's IPv4 address.
pub(super) const CLIENT: [u8; 4] = [192, 0, 2, 2];
/// The client's IPv6 address.
pub(super) const CLIENT6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
/// Port of the echo service.
pub(super) const ECHO: u16 = 7;
/// One way between the client and the switch: a round trip to the server takes 10 ms and a little.
const CLIENT_DELAY_US: u64 = 5_000;
/// How often the server is looked at.
const GAUGE: Duration = Duration::from_millis(10);
