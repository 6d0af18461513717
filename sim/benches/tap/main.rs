//! How fast is a TCP connection with the kernel over a TAP, side by side in one run?
//!
//! `cargo bench --bench tap` prints one Markdown table; `-- --quick` the same with fewer rounds, `-- receive` only the rows with that in their names. Three contenders exchange
//! bulk data with a thread on the kernel's sockets, in a network namespace of this program's own:
//!
//! - `smolsock`, on its [`Tap`](smolsock::device::tap::Tap) with offloads;
//! - plain smoltcp, on its own `TunTapInterface`;
//! - the kernel itself, over a veth pair without offloads (which takes `ethtool`).
//!
//! All have Ethernet, MTU 1500, CUBIC, and the buffers named in the row (the kernel's receive buffers size themselves). Machines are
//! noisy, so contenders alternate in short rounds and a ratio is the median of the ratios of the single rounds. Without
//! the rights for a namespace (root, or user namespaces) it says so and measures nothing.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark's product is what it prints")]

#[cfg(target_os = "linux")]
mod kernel;
#[cfg(target_os = "linux")]
mod net;
#[cfg(target_os = "linux")]
mod ours;
#[cfg(target_os = "linux")]
mod plain;
#[cfg(target_os = "linux")]
#[path = "../sockets/rounds.rs"]
mod rounds;
#[cfg(target_os = "linux")]
mod table;

#[cfg(target_os = "linux")]
fn main() {
    let mut effort = rounds::Effort::Full;
    let mut wanted = String::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => effort = rounds::Effort::Quick,
            "--bench" => {}
            flag if flag.starts_with('-') => {
                eprintln!("tap: unknown flag `{flag}`; expected `--quick`, or a part of a row's name");
                std::process::exit(2);
            }
            part => part.clone_into(&mut wanted),
        }
    }
    match net::enter() {
        Ok(()) => println!("{}", table::measure(effort, &wanted)),
        Err(why) => println!("skipped: tap: {why}"),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: tap: only Linux has TAP interfaces");
}
