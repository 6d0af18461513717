//! The `smolsock` command.
#![forbid(unsafe_code)]

mod cmd;

use std::io::{self, BufWriter, IsTerminal};
use std::process::ExitCode;

use smolsock_sim::report::Style;

fn main() -> ExitCode {
    let stdout = io::stdout();
    // https://no-color.org: any value but the empty one means no colour.
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_terminal = stdout.is_terminal();
    let style = Style { colour: is_terminal && !no_colour };
    let mut out = BufWriter::new(stdout.lock());
    let mut err = io::stderr().lock();
    let mut streams = cmd::Streams { out: &mut out, err: &mut err, style, is_terminal };
    ExitCode::from(cmd::main(std::env::args_os(), &mut streams))
}
