//! How fast do bytes get from one stack to another?

use std::io::{self, Read, Write};
use std::net::{self, IpAddr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use smolsock::blocking::{TcpListener, TcpStream};
use smolsock_sim::scenario::quantity::{parse_bytes, print_bytes};

use super::net::{CableArgs, Capture, Interface, Running, parse_ip, wait};
use super::{Failure, Streams};

/// Between whom, and how much.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  smolsock bench --server --kernel                        on the kernel's sockets, and in another terminal
  smolsock bench 192.0.2.1 --tap tap0 --ip 192.0.2.2/24   from smolsock to it
  smolsock bench 192.0.2.1 --ip 192.0.2.2/24 --reverse    and back

The client says how many bytes go in which direction; they are counted where they arrive.")]
pub(super) struct Args {
    /// The server's address
    #[arg(value_name = "HOST", value_parser = parse_ip, required_unless_present = "server")]
    host: Option<IpAddr>,
    /// Be the server, until Ctrl-C
    #[arg(long, conflicts_with_all = ["host", "reverse", "bytes"])]
    server: bool,
    /// On the kernel's sockets, to compare: without --tap and --ip
    #[arg(long)]
    kernel: bool,
    /// From the server to the client
    #[arg(long)]
    reverse: bool,
    /// How much: 64MiB, 1GiB
    #[arg(long, value_name = "BYTES", default_value = "256MiB", value_parser = parse_bytes)]
    bytes: u64,
    /// The server's port
    #[arg(long, value_name = "PORT", default_value = "5201", value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    #[command(flatten)]
    interface: Interface,
    #[command(flatten)]
    cable: CableArgs,
    #[command(flatten)]
    capture: Capture,
}

/// Serves, or measures.
pub(super) fn bench(args: &Args, streams: &mut Streams<'_, impl Write, impl Write>) -> Result<u8, Failure> {
    if args.capture.is_piped() {
        return measure(args, streams.err);
    }
    measure(args, streams.out)
}

fn measure(args: &Args, out: &mut impl Write) -> Result<u8, Failure> {
    let running = match args.kernel {
        true => None,
        false => Some(args.interface.open(&args.cable, &args.capture, "smolsock bench")?),
    };
    let result = match (args.host, &running) {
        (None, running) => serve(args.port, running.as_ref(), out),
        (Some(host), Some(running)) => {
            let peer = SocketAddr::new(host, args.port);
            let stream = TcpStream::connect_timeout_on(&running.net, &peer, CONNECT_TIME);
            stream.map_err(|error| failed(peer, &error)).and_then(|stream| transfer(args, peer, stream, out))
        }
        (Some(host), None) => {
            let peer = SocketAddr::new(host, args.port);
            let stream = net::TcpStream::connect_timeout(&peer, CONNECT_TIME);
            stream.map_err(|error| failed(peer, &error)).and_then(|stream| transfer(args, peer, stream, out))
        }
    };
    if let Some(running) = running {
        running.end(&args.capture, out)?;
    }
    result
}

fn failed(peer: SocketAddr, error: &io::Error) -> Failure {
    Failure::Refused(format!("the transfer with {peer} failed: {error}"))
}

/// Asks for the transfer, makes it, and says how fast it was.
fn transfer(args: &Args, peer: SocketAddr, mut stream: impl Read + Write, out: &mut impl Write) -> Result<u8, Failure> {
    let mut run = || -> io::Result<(u64, Duration)> {
        let began = Instant::now();
        stream.write_all(&[if args.reverse { DOWN } else { UP }])?;
        stream.write_all(&args.bytes.to_be_bytes())?;
        let arrived = if args.reverse {
            drain(&mut stream, args.bytes)?
        } else {
            fill(&mut stream, args.bytes)?;
            // The server says how much has arrived.
            let mut count = [0; 8];
            stream.read_exact(&mut count)?;
            u64::from_be_bytes(count)
        };
        Ok((arrived, began.elapsed().max(Duration::from_micros(1))))
    };
    let (arrived, took) = run().map_err(|error| failed(peer, &error))?;
    let direction = if args.reverse { "from" } else { "to" };
    let rate = arrived as f64 * 8e-6 / took.as_secs_f64();
    let sockets = if args.kernel { "the kernel's sockets" } else { "smolsock" };
    writeln!(
        out,
        "{} {direction} {peer} in {:.3} s: {rate:.1} Mbit/s, on {sockets}",
        print_bytes(arrived),
        took.as_secs_f64()
    )?;
    if arrived == args.bytes {
        return Ok(0);
    }
    writeln!(out, "{} were to arrive", print_bytes(args.bytes))?;
    Ok(1)
}

/// One client at a time, until the user wants the end.
fn serve(port: u16, running: Option<&Running>, out: &mut impl Write) -> Result<u8, Failure> {
    let cannot = |error: io::Error| Failure::Refused(format!("cannot listen at port {port}: {error}"));
    let started: io::Result<()> = match running {
        Some(running) => TcpListener::bind_on(&running.net, running.any(port)).and_then(|listener| {
            thread::Builder::new().spawn(move || {
                // It ends with the net.
                while let Ok((stream, _)) = listener.accept() {
                    let _ = answer(stream);
                }
            })?;
            Ok(())
        }),
        None => net::TcpListener::bind(("::", port)).or_else(|_| net::TcpListener::bind(("0.0.0.0", port))).and_then(
            |listener| {
                thread::Builder::new()
                    .spawn(move || listener.incoming().flatten().for_each(|stream| drop(answer(stream))))?;
                Ok(())
            },
        ),
    };
    started.map_err(cannot)?;
    writeln!(out, "bench: port {port}; Ctrl-C ends it")?;
    out.flush()?;
    let ended = wait(None, || Ok(running.is_some_and(|running| !running.net.is_running())))?;
    Ok(ended.code())
}

/// What a client asks for: a letter, and how many bytes, most significant first.
fn answer(mut stream: impl Read + Write) -> io::Result<()> {
    let mut request = [0; 9];
    stream.read_exact(&mut request)?;
    let [direction, count @ ..] = request;
    let bytes = u64::from_be_bytes(count);
    if direction == DOWN {
        return fill(&mut stream, bytes);
    }
    let arrived = drain(&mut stream, bytes)?;
    stream.write_all(&arrived.to_be_bytes())
}

fn fill(stream: &mut impl Write, bytes: u64) -> io::Result<()> {
    let buffer = vec![0x5a; BUFFER_BYTES];
    let mut rest = bytes;
    while rest > 0 {
        let len = usize::try_from(rest).unwrap_or(usize::MAX).min(buffer.len());
        rest -= stream.write(&buffer[..len])? as u64;
    }
    Ok(())
}

/// Gives how many came, at most `bytes`.
fn drain(stream: &mut impl Read, bytes: u64) -> io::Result<u64> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut arrived = 0;
    while arrived < bytes {
        match stream.read(&mut buffer)? {
            0 => break,
            len => arrived += len as u64,
        }
    }
    Ok(arrived)
}

const UP: u8 = b'u';
const DOWN: u8 = b'd';
const BUFFER_BYTES: usize = 256 << 10;
const CONNECT_TIME: Duration = Duration::from_secs(30);
