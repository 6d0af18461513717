//! How does a user talk to a port, as with nc?

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use smolsock::blocking::{TcpListener, TcpStream, UdpSocket};

use super::net::{CableArgs, Capture, Ended, Interface, Running, parse_ip, parse_time};
use super::{Failure, Streams, interrupt};

/// With whom to talk.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  smolsock connect --ip 192.0.2.2/24 192.0.2.1 80 < request    what the server answers goes to standard output
  smolsock connect --ip 192.0.2.2/24 -l 7000 > file            wait for one connection
  echo hello | smolsock connect --ip 192.0.2.2/24 -u 192.0.2.1 53

Standard input goes to the peer, its end as a FIN; what comes goes to standard output. With -u each piece that is read
is a datagram.
Exit code: 0 the peer has said its end, 2 there was no connection or it broke, 130 stopped by Ctrl-C.")]
pub(super) struct Args {
    /// HOST PORT; with -l just PORT
    #[arg(value_name = "HOST PORT", required = true, num_args = 1..=2)]
    whom: Vec<String>,
    /// Datagrams (UDP) instead of a connection
    #[arg(short, long)]
    udp: bool,
    /// Wait for somebody to connect
    #[arg(short, long)]
    listen: bool,
    /// How long to try to connect
    #[arg(long, value_name = "TIME", default_value = "180s", value_parser = parse_time)]
    timeout: Duration,
    /// With -u: end when nothing has come for so long after the end of standard input
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_time)]
    quiet: Duration,
    #[command(flatten)]
    interface: Interface,
    #[command(flatten)]
    cable: CableArgs,
    #[command(flatten)]
    capture: Capture,
}

/// Talks until the peer has said its end, or the user wants it.
pub(super) fn connect(args: &Args, streams: &mut Streams<'_, impl Write, impl Write>) -> Result<u8, Failure> {
    if args.capture.is_piped() {
        return Err(Failure::Refused(
            "--pcap - and what the peer says both want standard output; --pcap FILE does not".into(),
        ));
    }
    let whom = args.whom()?;
    let running = args.interface.open(&args.cable, &args.capture, "smolsock connect")?;
    let result = match (args.udp, whom) {
        (true, whom) => talk_in_datagrams(args, &running, whom, streams.out),
        (false, (Some(host), port)) => {
            let peer = SocketAddr::new(host, port);
            TcpStream::connect_timeout_on(&running.net, &peer, args.timeout)
                .map_err(|error| Failure::Refused(format!("cannot connect to {peer}: {error}")))
                .and_then(|stream| talk(&stream, streams.out))
        }
        (false, (None, port)) => first_client(&running, port).and_then(|stream| match stream {
            Some(stream) => talk(&stream, streams.out),
            None => Ok(Ended::Stopped),
        }),
    };
    // Standard output is the peer's.
    running.end(&args.capture, streams.err)?;
    result.map(Ended::code)
}

impl Args {
    /// The host, unless they are to come to us, and the port.
    fn whom(&self) -> Result<(Option<IpAddr>, u16), Failure> {
        let (host, port) = match (self.listen, self.whom.as_slice()) {
            (true, [port]) => (None, port),
            (false, [host, port]) => {
                (Some(parse_ip(host).map_err(|why| Failure::Refused(format!("{host}: {why}")))?), port)
            }
            (true, _) => return Err(Failure::Refused("with -l there is just a PORT".to_owned())),
            (false, _) => return Err(Failure::Refused("HOST and PORT are wanted, as in 192.0.2.1 80".to_owned())),
        };
        let number = port.parse().ok().filter(|port| *port > 0);
        let number = number.ok_or_else(|| Failure::Refused(format!("{port}: a port is a number from 1 to 65535")))?;
        Ok((host, number))
    }
}

/// Waits for it; `None`: the user does not want to any more.
fn first_client(running: &Running, port: u16) -> Result<Option<TcpStream>, Failure> {
    let cannot = |error: io::Error| Failure::Refused(format!("cannot listen at port {port}: {error}"));
    let listener = TcpListener::bind_on(&running.net, running.any(port)).map_err(cannot)?;
    listener.set_nonblocking(true).map_err(cannot)?;
    let mut stream = None;
    super::net::wait(None, || match listener.accept() {
        Ok((accepted, _)) => {
            stream = Some(accepted);
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(cannot(error)),
    })?;
    if let Some(stream) = &stream {
        stream.set_nonblocking(false).map_err(cannot)?;
    }
    Ok(stream)
}

/// Both ways at once, until the peer has said its end.
fn talk(stream: &TcpStream, out: &mut impl Write) -> Result<Ended, Failure> {
    let broke = |error: io::Error| Failure::Refused(format!("the connection broke: {error}"));
    let flag = interrupt::flag().map_err(Failure::Refused)?;
    let mut sender = stream.try_clone().map_err(broke)?;
    // It ends with the process, if standard input does not end before.
    let speaking = thread::Builder::new().spawn(move || {
        let mut input = io::stdin().lock();
        let mut buffer = vec![0; 64 << 10];
        loop {
            match input.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                // The one who reads hears of it.
                Ok(len) if sender.write_all(&buffer[..len]).is_err() => return,
                Ok(_) => {}
            }
        }
        let _ = sender.shutdown(Shutdown::Write);
    });
    speaking.map_err(broke)?;
    stream.set_read_timeout(Some(TICK)).map_err(broke)?;
    let mut buffer = vec![0; 64 << 10];
    let mut reader = stream;
    loop {
        if flag.load(Ordering::Relaxed) {
            return Ok(Ended::Stopped);
        }
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(Ended::Itself),
            Ok(len) => {
                out.write_all(&buffer[..len])?;
                out.flush()?;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(broke(error)),
        }
    }
}

/// Each piece of standard input is a datagram to `whom`, or to the one who spoke last.
fn talk_in_datagrams(
    args: &Args,
    running: &Running,
    (host, port): (Option<IpAddr>, u16),
    out: &mut impl Write,
) -> Result<Ended, Failure> {
    let broke = |error: io::Error| Failure::Refused(format!("UDP: {error}"));
    let flag = interrupt::flag().map_err(Failure::Refused)?;
    let local = if host.is_some() { running.any(0) } else { running.any(port) };
    let socket = UdpSocket::bind_on(&running.net, local).map_err(broke)?;
    socket.set_read_timeout(Some(TICK)).map_err(broke)?;
    let peer = Arc::new(Mutex::new(host.map(|host| SocketAddr::new(host, port))));
    let has_ended = Arc::new(AtomicBool::new(false));
    let speaker = (socket.try_clone().map_err(broke)?, Arc::clone(&peer), Arc::clone(&has_ended));
    thread::Builder::new().spawn(move || speak(&speaker.0, &speaker.1, &speaker.2)).map_err(broke)?;
    let mut buffer = vec![0; 64 << 10];
    let mut heard_at = Instant::now();
    loop {
        if flag.load(Ordering::Relaxed) {
            return Ok(Ended::Stopped);
        }
        if !has_ended.load(Ordering::Relaxed) {
            heard_at = Instant::now();
        } else if heard_at.elapsed() >= args.quiet {
            return Ok(Ended::Itself);
        }
        match socket.recv_from(&mut buffer) {
            Ok((len, from)) => {
                heard_at = Instant::now();
                if host.is_none() {
                    *peer.lock().unwrap_or_else(PoisonError::into_inner) = Some(from);
                }
                out.write_all(&buffer[..len])?;
                out.flush()?;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(broke(error)),
        }
    }
}

fn speak(socket: &UdpSocket, peer: &Mutex<Option<SocketAddr>>, has_ended: &AtomicBool) {
    let mut input = io::stdin().lock();
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    while let Ok(len @ 1..) = input.read(&mut buffer) {
        let peer = *peer.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody has spoken yet: there is nobody to answer. What is lost is lost, as on any network.
        let _ = peer.map(|peer| socket.send_to(&buffer[..len], peer));
    }
    has_ended.store(true, Ordering::Relaxed);
}

/// How soon Ctrl-C is heard.
const TICK: Duration = Duration::from_millis(100);
/// What fits into one packet of 1,500 bytes, of IPv6 too.
const DATAGRAM_BYTES_MAX: usize = 1_452;
