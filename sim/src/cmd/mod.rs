//! What does the command line ask for?
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | a run did not reach its end, or a promise was broken in it; a host did not answer; an interface was not made |
//! | 2 | nothing was run: the command line cannot be followed, a file cannot be written, an interface cannot be had |
//! | 130 | stopped by Ctrl-C |

mod attack;
#[cfg(target_os = "linux")]
mod bench;
#[cfg(target_os = "linux")]
mod connect;
mod directory;
mod found;
mod freeze;
mod interrupt;
#[cfg(target_os = "linux")]
mod lab;
#[cfg(target_os = "linux")]
mod link;
mod list;
mod live;
mod loss;
mod minimize;
#[cfg(target_os = "linux")]
mod net;
#[cfg(target_os = "linux")]
mod netstat;
#[cfg(target_os = "linux")]
mod one_way;
#[cfg(target_os = "linux")]
mod ping;
mod replay;
mod run;
#[cfg(target_os = "linux")]
mod serve;
mod subject;
mod sweep;
#[cfg(target_os = "linux")]
mod tap;
#[cfg(test)]
mod tests;
mod verify;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use smolsock_sim::report::Style;

/// BSD sockets for smoltcp, and a network of your own to prove them on
#[derive(Parser)]
#[command(name = "smolsock", version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "\
Examples:
  smolsock list                        what there is to run
  smolsock run tour                    the story of two hosts, segment by segment
  smolsock run tour --out trace        the same, with captures for Wireshark
  smolsock run handshake --loss 20%    how does it fare on a bad link?
  smolsock run lossy-transfer --seed 7 --json | jq .summary
  smolsock run tour --twice            does the second run give the same bytes?
  smolsock minimize lossy-transfer --bound 3s
                                       the fewest losses that make it take longer
  smolsock attack --scale 0.01         what floods and forgers achieve, a hundredth of the load
  smolsock run tour --realtime --pcap - | wireshark -k -i -
  smolsock show tour > my.toml         a scenario is a file: change it,
  smolsock run my.toml                 and see what comes of it
  smolsock lab                         on a real interface (Linux): curl fetches a page, through a bad cable
  smolsock serve http --ip 192.0.2.2/24
                                       the files of this folder, on the TAP interface tap0

The same scenario with the same seed is the same run, to the bit.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the built-in scenarios
    List,
    /// Run a scenario and tell what happened
    Run(run::Args),
    /// Run many seeds, and write down how each fared
    Sweep(sweep::Args),
    /// Find the smallest list of faults that makes a scenario fail, or take longer than a bound
    Minimize(minimize::Args),
    /// Write down what chance did in a run, as a list of faults
    Freeze(freeze::Args),
    /// Run a scenario file again, and say whether it fails in the same way
    Replay(replay::Args),
    /// Run a scenario, and let a second implementation say whether its frames are possible
    Verify(verify::Args),
    /// Run attacks on honest hosts, and say what they achieve
    Attack(attack::Args),
    /// Make a network of its own, and let curl fetch a page from smolsock through a bad cable
    #[cfg(target_os = "linux")]
    Lab(lab::Args),
    /// Serve echo, discard, chargen or the files of a folder on a TAP interface
    #[cfg(target_os = "linux")]
    Serve(serve::Args),
    /// Talk to a port, as nc does: standard input and output
    #[cfg(target_os = "linux")]
    Connect(connect::Args),
    /// Ask a host for an echo
    #[cfg(target_os = "linux")]
    Ping(ping::Args),
    /// Measure how fast bytes get there
    #[cfg(target_os = "linux")]
    Bench(bench::Args),
    /// Show the sockets of stacks that run now
    #[cfg(target_os = "linux")]
    Netstat(netstat::Args),
    /// Make or remove a TAP interface
    #[cfg(target_os = "linux")]
    #[command(subcommand)]
    Tap(tap::Act),
    /// Put a bad cable between two TAP interfaces
    #[cfg(target_os = "linux")]
    Link(link::Args),
    /// Print the file of a built-in scenario, to save and to change
    Show {
        /// The scenario; `smolsock list` names them
        name: String,
    },
}

/// Where a command writes.
pub(crate) struct Streams<'s, O, E> {
    /// Standard output.
    pub(crate) out: &'s mut O,
    /// Standard error.
    pub(crate) err: &'s mut E,
    /// How text on standard output looks.
    pub(crate) style: Style,
    /// Whether standard output is a terminal.
    pub(crate) is_terminal: bool,
}

/// Why a command did not do what it was asked for.
enum Failure {
    /// The sentence for the user; nothing was run.
    Refused(String),
    /// The reader of our output went away, or the output cannot be written.
    Output(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Does what `args` say (the first is the program's name) and gives the exit code.
pub(crate) fn main(args: impl IntoIterator<Item = OsString>, streams: &mut Streams<'_, impl Write, impl Write>) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    let result = match Cli::try_parse_from(&args) {
        Ok(cli) => follow(&cli.command, streams),
        Err(error) => explain(&error, &help_for(&args), streams.out),
    };
    let result = result.and_then(|code| streams.out.flush().map(|()| code).map_err(Failure::Output));
    let sentence = match result {
        Ok(code) => return code,
        // `smolsock run tour | head`: the reader has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => return 0,
        Err(Failure::Output(error)) => format!("cannot write the output: {error}"),
        Err(Failure::Refused(sentence)) => sentence,
    };
    // Where even this cannot be written, only the exit code is left to tell.
    let _ = writeln!(streams.err, "smolsock: {sentence}");
    2
}

fn follow(command: &Command, streams: &mut Streams<'_, impl Write, impl Write>) -> Result<u8, Failure> {
    match command {
        Command::List => list::list(streams.out),
        Command::Run(args) => run::run(args, streams),
        Command::Sweep(args) => sweep::sweep(args, streams.out, streams.err),
        Command::Minimize(args) => minimize::minimize(args, streams.out, streams.style),
        Command::Freeze(args) => freeze::freeze(args, streams.out),
        Command::Replay(args) => replay::replay(args, streams.out, streams.style),
        Command::Verify(args) => verify::verify(args, streams.out),
        Command::Attack(args) => attack::attack(args, streams),
        #[cfg(target_os = "linux")]
        Command::Lab(args) => lab::lab(args, streams),
        #[cfg(target_os = "linux")]
        Command::Serve(args) => serve::serve(args, streams),
        #[cfg(target_os = "linux")]
        Command::Connect(args) => connect::connect(args, streams),
        #[cfg(target_os = "linux")]
        Command::Ping(args) => ping::ping(args, streams),
        #[cfg(target_os = "linux")]
        Command::Bench(args) => bench::bench(args, streams),
        #[cfg(target_os = "linux")]
        Command::Netstat(args) => netstat::netstat(args, streams.out),
        #[cfg(target_os = "linux")]
        Command::Tap(act) => tap::tap(act, streams.out),
        #[cfg(target_os = "linux")]
        Command::Link(args) => link::link(args, streams),
        Command::Show { name } => list::show(name, streams.out),
    }
}

/// Help and version go out as they are; everything else becomes one sentence.
fn explain(error: &clap::Error, help: &str, out: &mut impl Write) -> Result<u8, Failure> {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            out.write_all(text.as_bytes())?;
            Ok(0)
        }
        _ => Err(Failure::Refused(one_sentence(&text, help))),
    }
}

/// The command that explains what can be asked of the one in `args`.
fn help_for(args: &[OsString]) -> String {
    let cli = Cli::command();
    let named =
        args.get(1).and_then(|name| cli.get_subcommands().find(|command| name.as_os_str() == command.get_name()));
    match named {
        Some(command) => format!("smolsock {} --help", command.get_name()),
        None => "smolsock --help".to_owned(),
    }
}

/// The error itself and the tips, without usage: `unexpected argument '--sed' found (a similar argument exists: '--seed')`.
fn one_sentence(rendered: &str, help: &str) -> String {
    let joined = |paragraph: &str| paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let mut paragraphs = rendered.split("\n\n");
    let error = joined(paragraphs.next().unwrap_or_default());
    let error = error.strip_prefix("error: ").unwrap_or(&error).to_owned();
    let tips = paragraphs.filter_map(|paragraph| paragraph.trim().strip_prefix("tip: ").map(joined));
    let tips: Vec<String> = tips.take(1).collect();
    match tips.first() {
        Some(tip) => format!("{error} ({tip})"),
        None => format!("{error}; `{help}` says what can be asked"),
    }
}
