//! On which interface does a stack run, and with which addresses?

pub(super) mod cable;
pub(super) mod rights;
pub(super) mod rtnetlink;
pub(super) mod space;

use std::fmt::Display;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use smolsock::addr::{Cidr, MacAddr};
use smolsock::blocking::Net;
use smolsock::device::tap::{OpenError, Tap};
use smolsock::device::{Device, Medium};
use smolsock::{Config, Seed, Stack};
use smolsock_sim::capture::LiveAbout;
use smolsock_sim::live::{Alarm, Cable, End, Impaired, SharedCable};
use smolsock_sim::rng::{Dice, Stream};

use super::{Failure, interrupt};
pub(super) use cable::{Cable as CableArgs, Capture, wall_now};

/// How long connections have to say goodbye when the user wants the end.
pub(super) const GOODBYE: Duration = Duration::from_secs(3);

/// On which interface, with which addresses.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Interface")]
pub(super) struct Interface {
    /// The TAP interface to run on; made if it is not there (this takes root; `smolsock tap up` makes one to keep)
    #[arg(long, value_name = "NAME", default_value = "tap0")]
    pub(super) tap: String,
    /// A TUN interface instead: bare IP packets
    #[arg(long, value_name = "NAME", conflicts_with = "tap")]
    pub(super) tun: Option<String>,
    /// An address of the stack, with the length of its prefix: 192.0.2.2/24; not that of the interface, which is the kernel's
    #[arg(long = "ip", value_name = "CIDR", value_parser = parsed::<Cidr>)]
    pub(super) addresses: Vec<Cidr>,
    /// The router for all that is in no prefix; one for IPv4 and one for IPv6
    #[arg(long, value_name = "IP", value_parser = parse_ip)]
    pub(super) gateway: Vec<IpAddr>,
    /// Give the kernel's end this address, and set it up, as root can
    #[arg(long, value_name = "CIDR", value_parser = parsed::<Cidr>)]
    pub(super) kernel_ip: Vec<Cidr>,
    /// The stack's link-layer address [default: made of the interface's name and the stack's address]
    #[arg(long, value_name = "MAC", value_parser = parsed::<MacAddr>)]
    pub(super) mac: Option<MacAddr>,
    /// The largest IP packet, in bytes [default: what the interface says]
    #[arg(long, value_name = "BYTES", value_parser = parse_mtu)]
    pub(super) mtu: Option<usize>,
}

/// A stack that runs.
pub(super) struct Running {
    /// Its sockets.
    pub(super) net: Net,
    /// The interface.
    pub(super) name: String,
    /// Its addresses.
    pub(super) addresses: Vec<IpAddr>,
    /// What stands between, if anything does.
    pub(super) cable: Option<SharedCable>,
}

impl Interface {
    /// The first address, to tell others.
    pub(super) fn address(&self) -> IpAddr {
        self.addresses.first().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), Cidr::addr)
    }

    /// Opens the interface and runs a stack on it. This process has no capability then.
    pub(super) fn open(&self, cable: &CableArgs, capture: &Capture, command: &str) -> Result<Running, Failure> {
        self.open_and(rights::drop_capabilities, cable, capture, command)
    }

    /// The same where this process keeps what it may do, in a namespace of its own.
    pub(super) fn open_in_lab(&self, cable: &CableArgs, capture: &Capture, command: &str) -> Result<Running, Failure> {
        self.open_and(|| Ok(()), cable, capture, command)
    }

    /// `give_up`: gives up rights, before anything is received and when everything is open.
    fn open_and(
        &self,
        give_up: impl FnOnce() -> Result<(), String>,
        cable: &CableArgs,
        capture: &Capture,
        command: &str,
    ) -> Result<Running, Failure> {
        if self.addresses.is_empty() {
            return Err(Failure::Refused(
                "--ip is missing: an address for the stack, as in --ip 192.0.2.2/24".to_owned(),
            ));
        }
        let tap = self.attach(!self.needs_cable(cable, capture)).map_err(Failure::Refused)?;
        rights::drop_to_caller().map_err(Failure::Refused)?;
        let name = tap.name().to_owned();
        let stack = self.stack(&tap).map_err(Failure::Refused)?;
        let addresses = self.addresses.iter().map(Cidr::addr).collect();
        let spawned =
            |net: io::Result<Net>| net.map_err(|error| Failure::Refused(format!("cannot run on {name}: {error}")));
        if !self.needs_cable(cable, capture) {
            give_up().map_err(Failure::Refused)?;
            let net = spawned(Net::spawn(stack, tap))?;
            return Ok(Running { net, name, addresses, cable: None });
        }
        let (device, alarm) = impaired(tap, cable, capture, command)?;
        let shared = device.cable();
        give_up().map_err(Failure::Refused)?;
        let net = spawned(Net::spawn_with(stack, device, alarm))?;
        Ok(Running { net, name, addresses, cable: Some(shared) })
    }

    fn needs_cable(&self, cable: &CableArgs, capture: &Capture) -> bool {
        cable.does_something() || capture.pcap.is_some()
    }

    /// The interface, up.
    fn attach(&self, has_offloads: bool) -> Result<Tap, String> {
        let options = if self.tun.is_some() { Tap::options().ip() } else { Tap::options() };
        // What a cable carries are frames as they would be on one, with all their checksums.
        let options = options.offload(has_offloads);
        let options = self.mtu.map_or(options.clone(), |mtu| options.mtu(mtu));
        let name = self.tun.as_deref().unwrap_or(&self.tap);
        let tap = options.open(name).map_err(|error| error.to_string())?;
        for cidr in &self.kernel_ip {
            rtnetlink::add_address(tap.name(), *cidr)
                .map_err(|error| format!("cannot give {} the address of --kernel-ip: {error}", tap.name()))?;
        }
        match tap.ensure_up() {
            // Who may make it, may set it up.
            Err(OpenError::Down(name)) => {
                rtnetlink::set_up(&name)
                    .map_err(|error| format!("{name} is down ({error}): `sudo ip link set {name} up`"))?;
            }
            result => result.map_err(|error| error.to_string())?,
        }
        Ok(tap)
    }

    fn stack(&self, tap: &Tap) -> Result<Stack<'static>, String> {
        let config = match tap.capabilities().medium {
            Medium::Ip => Config::ip(Seed::random()),
            Medium::Ethernet => Config::ethernet(self.mac.unwrap_or_else(|| self.own_mac(tap.name())), Seed::random()),
        };
        let config = self.addresses.iter().fold(config, |config, cidr| config.address(*cidr));
        let config = self.gateway.iter().fold(config, |config, router| config.gateway(*router));
        Stack::new(config, tap).map_err(|error| format!("these addresses do not go: {error}"))
    }

    /// The same each time, in order that the kernel's memory of it stays right; administered locally, of one station.
    fn own_mac(&self, name: &str) -> MacAddr {
        let dice = Dice::from_seed(0).child("mac").child(name).child(&self.address().to_string());
        let [a, b, c, d, e, ..] = dice.seed_bytes(Stream::Loss, 0);
        MacAddr([0x02, a, b, c, d, e])
    }
}

/// The interface behind a cable.
pub(super) fn impaired(
    tap: Tap,
    args: &CableArgs,
    capture: &Capture,
    command: &str,
) -> Result<(Impaired<Tap>, Alarm), Failure> {
    let (seed, both_ways) = (args.seed(), args.impairments());
    let name = tap.name().to_owned();
    let medium = sim_medium(&tap);
    let refused = |error: &dyn Display| Failure::Refused(format!("cannot run on {name}: {error}"));
    let mut cable = Cable::new(&name, medium, seed, both_ways, both_ways).map_err(|error| refused(&error))?;
    let about = LiveAbout {
        interface: name.clone(),
        description: format!("every frame that the stack on {name} sent, and that arrived there"),
        comment: format!("command: {command}\nseed: {seed}"),
    };
    if let Some(tap) = capture.begin(medium, &about, wall_now())? {
        cable.listen(End::A, tap);
    }
    Impaired::new(tap, cable).with_alarm().map_err(|error| refused(&error))
}

/// What a frame of it is, for the simulator.
pub(super) fn sim_medium(tap: &Tap) -> smolsock_sim::Medium {
    match tap.capabilities().medium {
        Medium::Ethernet => smolsock_sim::Medium::Ethernet,
        Medium::Ip => smolsock_sim::Medium::Ip,
    }
}

impl Running {
    /// Where a server listens: at all addresses.
    pub(super) fn any(&self, port: u16) -> SocketAddr {
        let has_v6 = self.addresses.iter().any(IpAddr::is_ipv6);
        if has_v6 { (Ipv6Addr::UNSPECIFIED, port).into() } else { (Ipv4Addr::UNSPECIFIED, port).into() }
    }

    /// Lets all connections say goodbye, for [`GOODBYE`] at most; tells what the cable did, and ends the capture.
    pub(super) fn end(self, capture: &Capture, out: &mut impl Write) -> Result<(), Failure> {
        let Running { net, name, cable, .. } = self;
        if let Err(error) = net.shutdown(GOODBYE) {
            writeln!(out, "{name}: {error}")?;
        }
        let Some(cable) = cable else { return Ok(()) };
        let mut cable = cable.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(out, "From the stack: {}", cable.counts(End::A))?;
        writeln!(out, "To the stack:   {}", cable.counts(End::B))?;
        let finished =
            cable.finish().map_err(|error| Failure::Refused(format!("the capture is incomplete: {error}")))?;
        if let (Some(path), Some(frames)) = (capture.file(), finished.first()) {
            let path = smolsock_sim::report::shell_word(path);
            writeln!(out, "Capture:        {frames} frames; open it with `wireshark {path}` or `tshark -r {path}`")?;
        }
        Ok(())
    }
}

/// Waits until the user wants it to end, `until` has come, or `is_over`.
pub(super) fn wait(
    until: Option<Instant>,
    mut is_over: impl FnMut() -> Result<bool, Failure>,
) -> Result<Ended, Failure> {
    let flag = interrupt::flag().map_err(Failure::Refused)?;
    loop {
        if flag.load(Ordering::Relaxed) {
            return Ok(Ended::Stopped);
        }
        if until.is_some_and(|until| until <= Instant::now()) || is_over()? {
            return Ok(Ended::Itself);
        }
        std::thread::sleep(TICK);
    }
}

/// How a command came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was done.
    Itself,
    /// The user stopped it.
    Stopped,
}

impl Ended {
    /// The exit code.
    pub(super) fn code(self) -> u8 {
        match self {
            Ended::Itself => 0,
            Ended::Stopped => interrupt::STOPPED,
        }
    }
}

/// How long the user waits for an answer to Ctrl-C.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// Reads a value of which the type's own error says what is wanted.
pub(super) fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// Reads an address; a name would have to be asked for.
pub(super) fn parse_ip(text: &str) -> Result<IpAddr, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| "an address as in 192.0.2.1 or 2001:db8::1 is wanted; names are not looked up".to_owned())
}

/// Reads a time as a duration: `10s`.
pub(super) fn parse_time(text: &str) -> Result<Duration, String> {
    smolsock_sim::scenario::quantity::parse_ns(text).map(Duration::from_nanos)
}

fn parse_mtu(text: &str) -> Result<usize, String> {
    let mtu = text.parse().ok().filter(|mtu| (MTU_MIN..=MTU_MAX).contains(mtu));
    mtu.ok_or_else(|| format!("a number of bytes from {MTU_MIN} to {MTU_MAX} is wanted"))
}

/// What every IPv4 host must be able to take (RFC 791), and the largest packet.
const MTU_MIN: usize = 576;
const MTU_MAX: usize = 65_535;
