//! What do sockets cost over plain smoltcp, side by side in one run?
//!
//! `cargo bench` prints one Markdown table; `cargo bench -- --quick` the same with fewer rounds (under 20 seconds).
//! Both contenders run over the same device ([`wire`]) in one thread: IP medium, MTU 1500, checksums computed and
//! verified, CUBIC, the same buffers. Machines are noisy, so contenders alternate in short rounds and a ratio is
//! the median of the ratios of the single rounds. Times are wall-clock; the network's own clock is virtual.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark's product is what it prints")]

mod bulk;
mod connections;
mod echo;
mod lagged;
mod ours;
mod pair;
mod plain;
mod report;
mod rounds;
mod small;
mod wire;
mod world;

use std::time::Instant;

fn main() {
    // Cargo passes `--bench`; a name selects the parts whose name contains it.
    let mut effort = rounds::Effort::Full;
    let mut wanted = None;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => effort = rounds::Effort::Quick,
            "--bench" => {}
            name if !name.starts_with('-') => wanted = Some(name.to_owned()),
            flag => {
                eprintln!("sockets: unknown flag `{flag}`; expected `--quick` or part of a name");
                std::process::exit(2);
            }
        }
    }
    type Part = (&'static str, fn(rounds::Effort, &mut report::Report));
    let parts: [Part; 5] = [
        ("bulk", bulk::run),
        ("connections", connections::run),
        ("echo", echo::run),
        ("world", world::run),
        ("small", small::run),
    ];
    let began = Instant::now();
    let mut report = report::Report::default();
    for (name, run) in parts {
        if wanted.as_ref().is_none_or(|wanted| name.contains(wanted.as_str())) {
            let began = Instant::now();
            run(effort, &mut report);
            eprintln!("{name}: {:.1} s", began.elapsed().as_secs_f64());
        }
    }
    println!("{report}");
    eprintln!("all: {:.1} s", began.elapsed().as_secs_f64());
}
