//! Do programs that nobody here wrote talk to smolsock, over a real interface?
//!
//! Each case runs in a network namespace of its own, with the `smolsock` command on a TAP in it. Without root the whole
//! program runs once more as the root of a user namespace. What is missing is named, and its cases are skipped;
//! `SMOLSOCK_REQUIRE_TOOLS` makes that a failure. The last line counts: `live: 6 programs talked to smolsock (curl, …)`.
//!
//! Arguments that begin with no `-` choose cases by a part of their names, as with other tests.

#![expect(clippy::print_stdout, reason = "a program of its own, which tells how its cases went")]

#[cfg(target_os = "linux")]
mod captures;
#[cfg(target_os = "linux")]
mod http;
#[cfg(target_os = "linux")]
mod lab;
#[cfg(target_os = "linux")]
mod links;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod scan;
#[cfg(target_os = "linux")]
mod servers;
#[cfg(target_os = "linux")]
mod sockets;
#[cfg(target_os = "linux")]
mod space;
#[cfg(target_os = "linux")]
mod tools;
#[cfg(target_os = "linux")]
#[path = "../../../tests/it/captures/tshark.rs"]
#[expect(dead_code, reason = "the tests of simulated captures ask it for more")]
mod tshark;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("live: skipped: there are TAP interfaces on Linux only");
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    runner::main()
}

#[cfg(target_os = "linux")]
mod runner {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::process::ExitCode;
    use std::time::Instant;

    use super::{captures, http, lab, links, scan, servers, sockets, space, tools};

    /// A claim, the programs that it takes, and its proof.
    type Case = (&'static str, &'static [&'static str], fn());

    const CASES: &[Case] = &[
        (
            "a_lab_shows_curl_fetching_a_page_through_a_lossy_cable",
            &["curl", "tshark"],
            lab::a_page_through_a_lossy_cable,
        ),
        ("a_lab_in_reverse_fetches_from_the_kernel", &[], lab::reverse),
        ("a_lab_runs_a_command_and_gives_its_exit_code", &["curl"], lab::command),
        ("a_lab_needs_no_root", &["curl", "ip", "setpriv", "unshare", "mknod", "mount"], lab::no_root),
        ("curl_gets_files_whole_and_in_parts", &["curl"], http::files),
        ("curl_downloads_50_mib_with_an_equal_hash", &["curl", "sha256sum"], http::download),
        ("curl_fetches_many_files_at_once", &["curl"], http::many),
        ("curl_fetches_over_ipv6_and_over_a_tun", &["curl", "tshark"], http::other_interfaces),
        ("curl_gets_nothing_from_outside_of_the_folder", &["curl"], http::outside),
        ("python_is_a_client_of_ours", &["python3"], sockets::python_client),
        ("python_is_our_server", &["python3"], sockets::python_server),
        ("socat_and_we_exchange_bytes_and_datagrams", &["socat"], sockets::socat),
        ("nc_and_we_exchange_bytes_both_ways", &["nc"], sockets::nc),
        ("nmap_finds_open_and_closed_ports_and_breaks_nothing", &["nmap", "curl"], scan::nmap),
        ("tcpdump_sees_the_frames_that_our_capture_has", &["tcpdump", "curl", "tshark"], captures::tcpdump),
        ("a_capture_in_a_pipe_is_read_while_frames_pass", &["curl", "tshark"], captures::pipe),
        ("ctrl_c_says_goodbye_to_clients", &[], servers::goodbye),
        ("a_server_whose_interface_is_gone_ends", &["ip"], servers::interface_gone),
        ("netstat_shows_who_is_connected", &[], servers::netstat),
        ("a_server_under_sudo_becomes_who_called_it", &[], servers::rights),
        ("a_link_under_sudo_becomes_who_called_it", &[], servers::link_rights),
        ("a_server_that_has_its_interface_has_no_capability", &[], servers::capabilities),
        ("more_clients_than_allowed_are_turned_away", &[], servers::too_many),
        ("ping_and_bench_reach_the_kernel", &[], servers::ping_and_bench),
        ("transfers_over_a_bad_link_end_intact", &["socat", "ip", "tshark"], links::transfers),
    ];

    pub fn main() -> ExitCode {
        let filters: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
        let is_wanted = |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()));
        let cases: Vec<&Case> = CASES.iter().filter(|(name, ..)| is_wanted(name)).collect();
        if std::env::args().any(|arg| arg == "--list") {
            cases.iter().for_each(|(name, ..)| println!("{name}: test"));
            return ExitCode::SUCCESS;
        }
        if cases.is_empty() {
            return ExitCode::SUCCESS;
        }
        match space::arrange() {
            space::Arranged::Here => {}
            space::Arranged::Elsewhere(code) => return code,
            space::Arranged::Not(why) => {
                tools::skip("all cases", &why);
                return ExitCode::SUCCESS;
            }
        }
        let failed: Vec<&str> = cases.iter().filter(|case| !passes(case)).map(|(name, ..)| *name).collect();
        println!("{}", tools::tally());
        if failed.is_empty() {
            return ExitCode::SUCCESS;
        }
        println!("live: FAILED: {}", failed.join(", "));
        ExitCode::FAILURE
    }

    fn passes((name, programs, prove): &Case) -> bool {
        if let Some(missing) = programs.iter().find(|program| !tools::is_there(program)) {
            tools::skip(name, &format!("{missing} is not installed"));
            return true;
        }
        let began = Instant::now();
        let result = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                catch_unwind(AssertUnwindSafe(|| {
                    space::Space::enter_new();
                    prove();
                }))
            });
            thread.join().is_ok_and(|result| result.is_ok())
        });
        println!("live: {name} ... {} ({:.1} s)", if result { "ok" } else { "FAILED" }, began.elapsed().as_secs_f64());
        result
    }
}
