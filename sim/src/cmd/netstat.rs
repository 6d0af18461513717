//! Who is connected to a stack that runs now?

use std::io::Write;
use std::time::Duration;

use super::net::{Ended, parse_time, wait};
use super::{Failure, serve};

/// Which one, and how often.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  smolsock netstat                   the sockets of every `smolsock serve` of this user
  smolsock netstat tap0 --every 1s   again and again, until Ctrl-C")]
pub(super) struct Args {
    /// The interface that it runs on; without it, all
    #[arg(value_name = "NAME")]
    interface: Option<String>,
    /// Print them again each time that this has passed
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    every: Option<Duration>,
}

/// Prints sockets, neighbours and counters.
pub(super) fn netstat(args: &Args, out: &mut impl Write) -> Result<u8, Failure> {
    loop {
        let tables = serve::ask_all(args.interface.as_deref()).map_err(Failure::Refused)?;
        if tables.is_empty() && args.every.is_none() {
            let where_ = args.interface.as_ref().map_or_else(String::new, |name| format!(" on {name}"));
            return Err(Failure::Refused(format!("no stack of this user runs{where_}: `smolsock serve` starts one")));
        }
        for table in tables {
            writeln!(out, "{table}")?;
        }
        out.flush()?;
        let Some(pause) = args.every else { return Ok(0) };
        if wait(Some(std::time::Instant::now() + pause), || Ok(false))? == Ended::Stopped {
            return Ok(Ended::Stopped.code());
        }
    }
}
