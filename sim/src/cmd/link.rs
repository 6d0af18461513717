//! How do two interfaces come to a bad cable between them?

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use smolsock::addr::Cidr;
use smolsock::device::tap::{OpenError, Tap};
use smolsock::device::{Device, DeviceInstant, RxToken, TxToken};
use smolsock_sim::capture::LiveAbout;
use smolsock_sim::frame::Medium;
use smolsock_sim::live::{Cable, End};
use smolsock_sim::time::Time;

use super::net::{CableArgs, Capture, TICK, parse_time, parsed, rights, rtnetlink, space, wall_now};
use super::{Failure, Streams, interrupt, one_way};

/// Which interfaces, and what is between them.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  smolsock link blue:t0 green:t0 --loss 1% --delay 20ms     between two namespaces of `ip netns`
  smolsock link tap0 tap1 --forward rate=1Mbit/s --back delay=200ms
  smolsock link 4711:t0 tap1 --pcap - | wireshark -k -i -   the network of process 4711

Interfaces are made if they are not there, and then go with the command; this takes root. Ctrl-C ends it.
Keys of --forward and --back: loss delay jitter reorder reorder-delay duplicate corrupt rate queue.")]
pub(super) struct Args {
    /// One end: a TAP interface, in this network, or in that of [NETNS:]NAME
    #[arg(value_name = "A")]
    a: String,
    /// The other end
    #[arg(value_name = "B")]
    b: String,
    /// What it does to frames from A to B, where that differs: loss=5%,delay=30ms
    #[arg(long, value_name = "KEY=VALUE,…")]
    forward: Option<String>,
    /// What it does to frames from B to A, where that differs
    #[arg(long, value_name = "KEY=VALUE,…")]
    back: Option<String>,
    /// Give the kernel's end of A this address
    #[arg(long, value_name = "CIDR", value_parser = parsed::<Cidr>)]
    ip_a: Vec<Cidr>,
    /// Give the kernel's end of B this address
    #[arg(long, value_name = "CIDR", value_parser = parsed::<Cidr>)]
    ip_b: Vec<Cidr>,
    /// End by itself after this time
    #[arg(long = "for", value_name = "TIME", value_parser = parse_time)]
    for_time: Option<Duration>,
    /// Write captures of both ends to this directory: a.pcapng and b.pcapng
    #[arg(long, value_name = "DIR", conflicts_with = "pcap")]
    out: Option<PathBuf>,
    #[command(flatten)]
    cable: CableArgs,
    #[command(flatten)]
    capture: Capture,
}

/// Carries frames until the user wants the end.
pub(super) fn link(args: &Args, streams: &mut Streams<'_, impl Write, impl Write>) -> Result<u8, Failure> {
    let a = Plug::open(&args.a, &args.ip_a).map_err(Failure::Refused)?;
    let b = Plug::open(&args.b, &args.ip_b).map_err(Failure::Refused)?;
    rights::drop_to_caller().map_err(Failure::Refused)?;
    let seed = args.cable.seed();
    let way = |list: &Option<String>| match list {
        Some(list) => one_way::read(&args.cable, list).map_err(Failure::Refused),
        None => Ok(args.cable.impairments()),
    };
    let (forward, back) = (way(&args.forward)?, way(&args.back)?);
    let started = Instant::now();
    let mut cable = Cable::new("link", Medium::Ethernet, seed, forward, back)
        .map_err(|error| Failure::Refused(error.to_string()))?;
    let files = listen(args, &mut cable, seed, [&a.name, &b.name])?;
    rights::drop_capabilities().map_err(Failure::Refused)?;
    let mut say = |text: String| match args.capture.is_piped() {
        true => writeln!(streams.err, "{text}"),
        false => writeln!(streams.out, "{text}").and_then(|()| streams.out.flush()),
    };
    say(format!("{} and {} are linked (seed {seed}); Ctrl-C ends it", a.name, b.name))?;
    let ended = carry(&mut cable, [a.tap, b.tap], started, args.for_time).map_err(Failure::Refused)?;
    say(format!("{} -> {}: {}", a.name, b.name, cable.counts(End::A)))?;
    say(format!("{} -> {}: {}", b.name, a.name, cable.counts(End::B)))?;
    let frames = cable.finish().map_err(|error| Failure::Refused(format!("a capture is incomplete: {error}")))?;
    for (file, frames) in files.iter().zip(frames) {
        say(format!("Capture: {frames} frames; open it with `wireshark {}`", smolsock_sim::report::shell_word(file)))?;
    }
    Ok(ended)
}

/// An end of the cable, in an interface.
struct Plug {
    tap: Tap,
    /// As it was given.
    name: String,
}

impl Plug {
    /// `text`: `[NETNS:]NAME`.
    fn open(text: &str, addresses: &[Cidr]) -> Result<Plug, String> {
        let (space, name) = match text.rsplit_once(':') {
            Some((space, name)) => (Some(space::open(space)?), name),
            None => (None, text),
        };
        let open = || -> Result<Tap, String> {
            let tap = Tap::options().offload(false).open(name).map_err(|error| error.to_string())?;
            for cidr in addresses {
                rtnetlink::add_address(name, *cidr).map_err(|error| format!("{name} does not take {cidr}: {error}"))?;
            }
            match tap.ensure_up() {
                Err(OpenError::Down(_)) => {
                    rtnetlink::set_up(name).map_err(|error| format!("{name} is down and stays so: {error}"))?;
                }
                result => result.map_err(|error| error.to_string())?,
            }
            Ok(tap)
        };
        let opened = space::within(space.as_ref() as Option<&File>, open);
        let tap = opened.map_err(|error| format!("cannot go to the network of {text}: {error}"))?;
        Ok(Plug { tap: tap.map_err(|error| format!("{text}: {error}"))?, name: text.to_owned() })
    }
}

/// Begins the captures that are asked for; gives their files.
fn listen(args: &Args, cable: &mut Cable, seed: u64, names: [&String; 2]) -> Result<Vec<PathBuf>, Failure> {
    let started = wall_now();
    let mut files = Vec::new();
    if let Some(dir) = &args.out {
        super::directory::prepare(dir).map_err(Failure::Refused)?;
    }
    for (end, name, file) in [(End::A, names[0], "a.pcapng"), (End::B, names[1], "b.pcapng")] {
        let capture = match &args.out {
            Some(dir) => Capture { pcap: Some(dir.join(file)), ..Capture::default() },
            None if end == End::A => args.capture.clone(),
            None => Capture::default(),
        };
        let about = LiveAbout {
            interface: name.clone(),
            description: format!("every frame that came from {name}, and that went there"),
            comment: format!("command: smolsock link {} {}\nseed: {seed}", args.a, args.b),
        };
        if let Some(tap) = capture.begin(Medium::Ethernet, &about, started)? {
            cable.listen(end, tap);
        }
        files.extend(capture.file().map(PathBuf::from));
    }
    Ok(files)
}

/// Gives the exit code.
fn carry(cable: &mut Cable, mut taps: [Tap; 2], started: Instant, limit: Option<Duration>) -> Result<u8, String> {
    let flag = interrupt::flag()?;
    loop {
        if flag.load(Ordering::Relaxed) {
            return Ok(interrupt::STOPPED);
        }
        if limit.is_some_and(|limit| started.elapsed() >= limit) {
            return Ok(0);
        }
        let now = Time::ZERO + started.elapsed();
        let mut is_busy = false;
        for (end, tap) in [End::A, End::B].into_iter().zip(&mut taps) {
            is_busy |= take_in(cable, end, tap, now) == BATCH_FRAMES;
        }
        for (end, tap) in [End::A, End::B].into_iter().zip(&mut taps) {
            give_out(cable, end, tap, now);
        }
        for (tap, end) in taps.iter_mut().zip([&"A", &"B"]) {
            // Down, it refuses frames, which is what a cable that was pulled does; gone, it is.
            if tap.take_error().and_then(|error| error.raw_os_error()) == Some(Errno::EBADFD as i32) {
                return Err(format!("the interface at {end} ({}) is gone", tap.name()));
            }
        }
        if !is_busy {
            cable.flush();
            let due = cable.next_due().map(|due| Duration::from_nanos(due.ns_since(Time::ZERO + started.elapsed())));
            sleep(&taps, due.map_or(TICK, |due| due.min(TICK)))?;
        }
    }
}

/// Frames that are taken from an interface at once.
const BATCH_FRAMES: usize = 64;

fn take_in(cable: &mut Cable, end: End, tap: &mut Tap, now: Time) -> usize {
    for taken in 0..BATCH_FRAMES {
        let Some((received, _)) = tap.receive(DeviceInstant::ZERO) else { return taken };
        received.consume(|frame| cable.send(end, now, frame));
    }
    BATCH_FRAMES
}

fn give_out(cable: &mut Cable, end: End, tap: &mut Tap, now: Time) {
    while cable.next_due_at(end).is_some_and(|due| due <= now) {
        let Some(token) = tap.transmit(DeviceInstant::ZERO) else { return };
        let Some(frame) = cable.receive(end, now) else { continue };
        token.consume(frame.len(), |buffer| buffer.copy_from_slice(&frame));
    }
}

/// Until one of them has a frame, or so long.
fn sleep(taps: &[Tap; 2], limit: Duration) -> Result<(), String> {
    let mut fds = taps.each_ref().map(|tap| PollFd::new(tap.as_fd(), PollFlags::POLLIN));
    match ppoll(&mut fds, Some(TimeSpec::from(limit)), None) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(error) => Err(format!("cannot wait for frames: {error}")),
    }
}
