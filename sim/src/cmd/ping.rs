//! Does this host answer, and how soon?

use std::future::Future;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use smolsock::blocking::Net;
use smolsock::sockopt::SO_RCVTIMEO;
use smolsock::task::{Handle, IcmpSocket};
use smolsock::{Domain, Errno};

use super::net::{CableArgs, Capture, Ended, Interface, Running, parse_ip, parse_time, wait};
use super::{Failure, Streams};

/// Whom, and how often.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  smolsock ping 192.0.2.1 --ip 192.0.2.2/24 -c 4
  smolsock ping 192.0.2.1 --ip 192.0.2.2/24 --loss 20% --delay 50ms

Exit code: 0 it has answered, 1 it has not, 130 stopped by Ctrl-C.")]
pub(super) struct Args {
    /// The host
    #[arg(value_name = "HOST", value_parser = parse_ip)]
    host: IpAddr,
    /// Send so many requests
    #[arg(short, long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u16).range(1..))]
    count: u16,
    /// From one to the next
    #[arg(short, long, value_name = "TIME", default_value = "1s", value_parser = parse_time)]
    interval: Duration,
    /// Bytes of data in each
    #[arg(short, long, value_name = "BYTES", default_value = "56", value_parser = clap::value_parser!(u16).range(0..=1_400))]
    size: u16,
    #[command(flatten)]
    interface: Interface,
    #[command(flatten)]
    cable: CableArgs,
    #[command(flatten)]
    capture: Capture,
}

/// Asks, and tells of each answer.
pub(super) fn ping(args: &Args, streams: &mut Streams<'_, impl Write, impl Write>) -> Result<u8, Failure> {
    let running = args.interface.open(&args.cable, &args.capture, "smolsock ping")?;
    if args.capture.is_piped() { play(args, running, streams.err) } else { play(args, running, streams.out) }
}

fn play(args: &Args, running: Running, out: &mut impl Write) -> Result<u8, Failure> {
    let code = ask(args, &running.net, out);
    running.end(&args.capture, out)?;
    code
}

fn ask(args: &Args, net: &Net, out: &mut impl Write) -> Result<u8, Failure> {
    let domain = if args.host.is_ipv4() { Domain::Inet } else { Domain::Inet6 };
    let cannot = |errno: Errno| Failure::Refused(format!("cannot ping {}: {errno}", args.host));
    let id = net.with(|stack| stack.socket(domain, smolsock::Type::Icmp)).map_err(cannot)?;
    net.with(|stack| stack.setsockopt(id, SO_RCVTIMEO, ANSWER_TIME)).map_err(cannot)?;
    let socket = IcmpSocket::from_id(net, id);
    let mut trips = Vec::new();
    let mut sent = 0;
    let mut ended = Ended::Itself;
    for number in 1..=args.count {
        let began = Instant::now();
        sent += 1;
        match block_on(echo(&socket, args, number)) {
            Ok(len) => {
                let trip = began.elapsed();
                writeln!(out, "{len} bytes from {}: seq={number} time={:.2} ms", args.host, trip.as_secs_f64() * 1e3)?;
                trips.push(trip);
            }
            Err(Errno::EAGAIN) => writeln!(out, "no answer: seq={number}")?,
            Err(errno) => writeln!(out, "{errno}: seq={number}")?,
        }
        out.flush()?;
        let next = (number < args.count).then(|| began + args.interval);
        if let Some(next) = next {
            ended = wait(Some(next), || Ok(!net.is_running()))?;
        }
        if ended == Ended::Stopped || !net.is_running() {
            break;
        }
    }
    writeln!(out, "{sent} sent, {} answered", trips.len())?;
    if let (Some(least), Some(most)) = (trips.iter().min(), trips.iter().max()) {
        let mean = trips.iter().sum::<Duration>().as_secs_f64() / trips.len() as f64;
        let (least, most) = (least.as_secs_f64() * 1e3, most.as_secs_f64() * 1e3);
        writeln!(out, "least {least:.2} ms, mean {:.2} ms, most {most:.2} ms", mean * 1e3)?;
    }
    match ended {
        Ended::Stopped => Ok(Ended::Stopped.code()),
        Ended::Itself => Ok(u8::from(trips.is_empty())),
    }
}

/// One request and its answer; gives the length of that. Answers to earlier requests, late ones, are passed over.
async fn echo(socket: &IcmpSocket<Net>, args: &Args, number: u16) -> Result<usize, Errno> {
    // RFC 792 and RFC 4443 §4.1: type, code, checksum, identifier (both filled in by the stack), sequence number.
    let kind = if args.host.is_ipv4() { 8 } else { 128 };
    let mut request = vec![kind, 0, 0, 0, 0, 0];
    request.extend(number.to_be_bytes());
    request.extend((0..args.size).map(|at| (at & 0xff) as u8));
    socket.send_to(&request, SocketAddr::new(args.host, 0)).await?;
    let mut answer = vec![0; request.len() + 64];
    loop {
        let got = socket.recv_from(&mut answer).await?;
        if answer[6..8] == number.to_be_bytes() && got.remote.ip() == args.host {
            return Ok(got.len);
        }
    }
}

/// Runs a future in this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// How long an answer is waited for.
const ANSWER_TIME: Option<Duration> = Some(Duration::from_secs(2));
