//! How does a server run on a stack of our own?

mod control;
mod services;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use std::{io, thread};

use smolsock::blocking::{Net, TcpListener, TcpStream, UdpSocket};
use smolsock_sim::live::http::Site;

use super::net::{CableArgs, Capture, Interface, Running, parse_time, wait};
use super::{Failure, Streams};
pub(super) use control::ask_all;

/// What is served, and where.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sudo smolsock tap up tap0 --ip 192.0.2.1/24 --user $USER
  smolsock serve http --root . --tap tap0 --ip 192.0.2.2/24
  curl http://192.0.2.2/                                   in another terminal
  smolsock netstat                                         who is connected?
  smolsock serve echo --ip 192.0.2.2/24 --loss 5% --delay 30ms --pcap - | wireshark -k -i -

Ctrl-C closes all connections, and ends it; the second time at once.")]
pub(super) struct Args {
    /// echo (7), discard (9), chargen (19), over TCP and UDP; http (80): the files of a folder
    #[arg(value_enum)]
    service: Service,
    /// The port, instead of the usual one
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The folder whose files `http` serves
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    root: PathBuf,
    /// Serve no more than so many clients at once
    #[arg(long, value_name = "N", default_value = "256", value_parser = clap::value_parser!(u16).range(1..))]
    clients: u16,
    /// End by itself after this time
    #[arg(long = "for", value_name = "TIME", value_parser = parse_time)]
    for_time: Option<Duration>,
    #[command(flatten)]
    interface: Interface,
    #[command(flatten)]
    cable: CableArgs,
    #[command(flatten)]
    capture: Capture,
}

/// What a server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Service {
    /// Everything comes back (RFC 862).
    Echo,
    /// Everything is thrown away (RFC 863).
    Discard,
    /// Characters without end (RFC 864).
    Chargen,
    /// Files.
    Http,
}

impl Service {
    /// Where clients look for it.
    pub(super) const fn port(self) -> u16 {
        match self {
            Service::Echo => 7,
            Service::Discard => 9,
            Service::Chargen => 19,
            Service::Http => 80,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Service::Echo => "echo",
            Service::Discard => "discard",
            Service::Chargen => "chargen",
            Service::Http => "http",
        }
    }
}

/// Serves until the user wants the end.
pub(super) fn serve(args: &Args, streams: &mut Streams<'_, impl Write, impl Write>) -> Result<u8, Failure> {
    let site = match args.service {
        Service::Http => Site::folder(&args.root)
            .map_err(|error| Failure::Refused(format!("cannot serve --root {}: {error}", args.root.display())))?,
        Service::Echo | Service::Discard | Service::Chargen => Site::Pages(&[]),
    };
    let name = format!("smolsock serve {}", args.service.name());
    let running = args.interface.open(&args.cable, &args.capture, &name)?;
    let control = control::Control::open(&running, &name);
    let port = args.port.unwrap_or(args.service.port());
    let server = Server::start(&running, args.service, port, site, args.clients.into()).map_err(Failure::Refused)?;
    let is_piped = args.capture.is_piped();
    let mut say = |text: &str| match is_piped {
        true => writeln!(streams.err, "{text}"),
        false => writeln!(streams.out, "{text}").and_then(|()| streams.out.flush()),
    };
    let whom = SocketAddr::new(args.interface.address(), port);
    say(&format!("{} on {}: {whom}; Ctrl-C ends it", args.service.name(), running.name))?;
    if let Err(why) = &control {
        say(&format!("`smolsock netstat` will not see it: {why}"))?;
    }
    let until = args.for_time.map(|time| Instant::now() + time);
    let ended = wait(until, || {
        for line in server.news() {
            say(&line)?;
        }
        Ok(!running.net.is_running())
    })?;
    let is_gone = !running.net.is_running();
    server.stop();
    let mut table = Vec::new();
    running.end(&args.capture, &mut table)?;
    for line in server.last_news() {
        say(&line)?;
    }
    String::from_utf8_lossy(&table).lines().try_for_each(&mut say)?;
    match is_gone {
        true => Err(Failure::Refused("the interface is gone".to_owned())),
        false => Ok(ended.code()),
    }
}

/// A server that runs in threads of its own.
pub(super) struct Server {
    news: Receiver<String>,
    state: Arc<State>,
}

/// What all its threads know.
struct State {
    service: Service,
    site: Site,
    clients: AtomicUsize,
    clients_max: usize,
    is_over: AtomicBool,
    tell: SyncSender<String>,
}

impl Server {
    /// Listens at all addresses of `running`, for TCP and, but for `http`, for UDP.
    ///
    /// # Errors
    /// A sentence: the port cannot be had.
    pub(super) fn start(
        running: &Running,
        service: Service,
        port: u16,
        site: Site,
        clients_max: usize,
    ) -> Result<Server, String> {
        let (tell, news) = sync_channel(NEWS_MAX);
        let (clients, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
        let state = Arc::new(State { service, site, clients, clients_max, is_over, tell });
        let local = running.any(port);
        let cannot = |error: io::Error| format!("cannot listen at port {port}: {error}");
        let listener = TcpListener::bind_on(&running.net, local).map_err(cannot)?;
        let spawn = |work: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().spawn(work).map(drop).map_err(|error| format!("cannot start a thread: {error}"))
        };
        let accepting = Arc::clone(&state);
        spawn(Box::new(move || accept(&listener, &accepting)))?;
        if service != Service::Http {
            let socket = udp(&running.net, local).map_err(cannot)?;
            spawn(Box::new(move || services::datagrams(service, &socket)))?;
        }
        Ok(Server { news, state })
    }

    /// What has happened since the last call.
    pub(super) fn news(&self) -> impl Iterator<Item = String> {
        self.news.try_iter()
    }

    /// What its threads have to say at their end, which comes soon after that of the net.
    fn last_news(&self) -> impl Iterator<Item = String> {
        let until = Instant::now() + LAST_WORDS;
        while self.state.clients.load(Ordering::Relaxed) > 0 && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
        self.news()
    }

    /// Clients are to hear no more than the end of what they hear.
    pub(super) fn stop(&self) {
        self.state.is_over.store(true, Ordering::Relaxed);
    }
}

fn udp(net: &Net, local: SocketAddr) -> io::Result<UdpSocket> {
    UdpSocket::bind_on(net, local)
}

/// Until the net ends, which every call then says.
fn accept(listener: &TcpListener, state: &Arc<State>) {
    while let Ok((stream, peer)) = listener.accept() {
        let known = state.clients.fetch_add(1, Ordering::Relaxed);
        let client = Client { state: Arc::clone(state), peer };
        if known >= state.clients_max {
            client.tell("turned away: too many clients");
            services::turn_away(state.service, stream);
            continue;
        }
        // Without a thread the client is dropped, which closes its connection.
        let _ = thread::Builder::new().spawn(move || client.serve(stream));
    }
}

/// One client, counted until it is dropped.
struct Client {
    state: Arc<State>,
    peer: SocketAddr,
}

impl Client {
    fn serve(self, mut stream: TcpStream) {
        let limits = stream
            .set_read_timeout(Some(READ_TIME))
            .and_then(|()| stream.set_write_timeout(Some(WRITE_TIME)))
            .and_then(|()| stream.set_nodelay(true));
        let is_over = || self.state.is_over.load(Ordering::Relaxed);
        let result = limits.and_then(|()| match self.state.service {
            Service::Http => services::http(&mut stream, &self.state.site, is_over, |line| self.tell(&line)),
            service => {
                services::stream(service, &mut stream, is_over).map(|bytes| self.tell(&format!("{bytes} bytes")))
            }
        });
        if let Err(error) = result {
            self.tell(&error.to_string());
        }
    }

    /// A line for whoever looks on; none is waited for.
    fn tell(&self, text: &str) {
        let peer = SocketAddr::new(self.peer.ip().to_canonical(), self.peer.port());
        let _ = self.state.tell.try_send(format!("{peer} {text}"));
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.state.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How often a client that says nothing is asked whether the server ends.
const READ_TIME: Duration = Duration::from_millis(250);
/// How long a client may take no more bytes.
const WRITE_TIME: Duration = Duration::from_secs(60);
/// How long threads whose net has ended may take to say so.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Lines that wait to be written; more are left out.
const NEWS_MAX: usize = 1_024;
