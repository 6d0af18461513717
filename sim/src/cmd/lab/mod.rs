//! How does a stranger see the real thing with one command?

mod guest;
mod pages;

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::net::{CableArgs, Capture, Ended, GOODBYE, Interface, Running, parsed, space, wait};
use super::serve::{Server, Service};
use super::{Failure, Streams};
use smolsock_sim::live::http::Site;

/// What happens in the network of its own.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  smolsock lab                             curl fetches a page from smolsock, through a bad cable
  smolsock lab --loss 0% --delay 0ms       through a perfect one
  smolsock lab --reverse                   smolsock fetches it from a server on the kernel's sockets
  smolsock lab -- ping -c 3 192.0.2.2      any command, with smolsock's server at http://192.0.2.2/
  smolsock lab --serve echo -- nc 192.0.2.2 7
  smolsock lab -- sh                       a shell in there, to look around

The network is one of namespaces: nothing outside of it changes, and nothing of it is left. It takes no root where the
system lets users make namespaces, and read and write /dev/net/tun.
Exit code: that of the command, else 0 if what was fetched is what was served, 1 if not.")]
pub(super) struct Args {
    /// Our side is the client, the kernel's the server
    #[arg(long, conflicts_with_all = ["command", "serve", "root"])]
    reverse: bool,
    /// What smolsock serves
    #[arg(long, value_enum, value_name = "SERVICE", default_value = "http")]
    serve: Service,
    /// The folder that `http` serves, instead of a little page
    #[arg(long, value_name = "FOLDER")]
    root: Option<PathBuf>,
    #[command(flatten)]
    cable: CableArgs,
    #[command(flatten)]
    capture: Capture,
    /// A command to run in there, with its arguments
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Builds the network, and runs what is to run in it.
pub(super) fn lab(args: &Args, streams: &mut Streams<'_, impl Write, impl Write>) -> Result<u8, Failure> {
    let site = match &args.root {
        None => Site::Pages(pages::PAGES),
        Some(root) => Site::folder(root)
            .map_err(|error| Failure::Refused(format!("cannot serve --root {}: {error}", root.display())))?,
    };
    let cable = args.cable.clone().or(LOSS_PPM, DELAY_NS).with_seed();
    // While this process has one thread.
    space::make_private().map_err(Failure::Refused)?;
    let capture = match &args.capture.pcap {
        Some(_) => args.capture.clone(),
        None => Capture { pcap: Some(own_file()?), ..args.capture.clone() },
    };
    let running = interface()?.open_in_lab(&cable, &capture, "smolsock lab")?;
    if args.capture.is_piped() {
        play(args, &cable, &capture, running, site, streams.err)
    } else {
        play(args, &cable, &capture, running, site, streams.out)
    }
}

fn play(
    args: &Args,
    cable: &CableArgs,
    capture: &Capture,
    running: Running,
    site: Site,
    out: &mut impl Write,
) -> Result<u8, Failure> {
    super::net::rtnetlink::set_up("lo").map_err(|error| Failure::Refused(format!("cannot set lo up: {error}")))?;
    writeln!(out, "A network of its own, with one interface, {LAB}:")?;
    writeln!(out, "  kernel    {KERNEL}  {KERNEL_V6}")?;
    writeln!(out, "  smolsock  {OURS}  {OURS_V6}")?;
    writeln!(out, "  cable     {} (seed {})", cable.in_words(), cable.seed())?;
    out.flush()?;
    let code = if args.reverse {
        guest::fetch_from_kernel(&running, out)?
    } else {
        let port = args.serve.port();
        let server = Server::start(&running, args.serve, port, site, CLIENTS_MAX).map_err(Failure::Refused)?;
        let code = match args.command.as_slice() {
            [] if args.serve == Service::Http && args.root.is_none() => guest::fetch_from_us(out)?,
            [] => serve_on(args.serve, &server, out)?,
            [program, arguments @ ..] => follow(program, arguments, &server, out)?,
        };
        server.stop();
        code
    };
    writeln!(out)?;
    running.end(capture, out)?;
    Ok(code)
}

/// The interface in there.
fn interface() -> Result<Interface, Failure> {
    let both = |v4: &str, v6: &str| -> Result<Vec<_>, Failure> {
        let cidrs = [format!("{v4}/24"), format!("{v6}/64")];
        cidrs.iter().map(|text| parsed(text).map_err(Failure::Refused)).collect()
    };
    Ok(Interface {
        tap: LAB.to_owned(),
        tun: None,
        addresses: both(OURS, OURS_V6)?,
        gateway: Vec::new(),
        kernel_ip: both(KERNEL, KERNEL_V6)?,
        mac: None,
        mtu: None,
    })
}

/// Nobody but the user of a terminal reaches a network of its own: until Ctrl-C there is nothing to do but wait.
fn serve_on(service: Service, server: &Server, out: &mut impl Write) -> Result<u8, Failure> {
    let pid = std::process::id();
    writeln!(
        out,
        "Serves at port {}. To enter: `nsenter --target {pid} --user --net sh`; Ctrl-C ends it",
        service.port()
    )?;
    out.flush()?;
    let ended = wait(None, || {
        for line in server.news() {
            writeln!(out, "{line}").and_then(|()| out.flush())?;
        }
        Ok(false)
    })?;
    Ok(ended.code())
}

/// Runs the command; gives its exit code.
fn follow(program: &str, arguments: &[String], server: &Server, out: &mut impl Write) -> Result<u8, Failure> {
    let words: Vec<&str> = [program].into_iter().chain(arguments.iter().map(String::as_str)).collect();
    writeln!(out, "\n$ {}", words.join(" "))?;
    out.flush()?;
    let mut child = Command::new(program)
        .args(arguments)
        .env("SMOLSOCK_IP", OURS)
        .env("KERNEL_IP", KERNEL)
        .env("no_proxy", "*")
        .spawn()
        .map_err(|error| Failure::Refused(format!("cannot run {program}: {error}")))?;
    let mut status = None;
    let cannot = |error: std::io::Error| Failure::Refused(format!("cannot wait for {program}: {error}"));
    let mut poll = || -> Result<bool, Failure> {
        status = child.try_wait().map_err(cannot)?;
        // Its own output is what the user wants to see.
        server.news().for_each(drop);
        Ok(status.is_some())
    };
    let mut ended = wait(None, &mut poll)?;
    if ended == Ended::Stopped {
        // It heard Ctrl-C too. What does not end then is ended.
        let until = Instant::now() + GOODBYE;
        while !poll()? && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
    } else {
        ended = Ended::Itself;
    }
    match status {
        Some(status) if ended == Ended::Itself => Ok(guest::code(status)),
        Some(_) => Ok(Ended::Stopped.code()),
        None => {
            child.kill().map_err(cannot)?;
            child.wait().map_err(cannot)?;
            Ok(Ended::Stopped.code())
        }
    }
}

/// A new file for the capture.
fn own_file() -> Result<PathBuf, Failure> {
    let dir = std::env::temp_dir();
    for number in 1..=FILES_MAX {
        let path = dir.join(format!("smolsock-lab-{number}.pcapng"));
        // Never one that is there already: in a folder of many users it might be a link to something else.
        if std::fs::File::create_new(&path).is_ok() {
            return Ok(path);
        }
    }
    Err(Failure::Refused(format!("no capture can be made in {}; --pcap FILE says where", dir.display())))
}

const LAB: &str = "lab0";
const KERNEL: &str = "192.0.2.1";
const KERNEL_V6: &str = "2001:db8::1";
const OURS: &str = "192.0.2.2";
const OURS_V6: &str = "2001:db8::2";
/// The cable of a lab, if nothing is said of it.
const LOSS_PPM: u32 = 20_000;
const DELAY_NS: u64 = 20_000_000;
const CLIENTS_MAX: usize = 256;
/// Captures that are kept side by side.
const FILES_MAX: u32 = 10_000;
