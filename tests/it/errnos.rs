//! Does some test produce every errno that the documentation of a call names?

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::task::Waker;

use smolsock::sockopt::{IP_ADD_MEMBERSHIP, IP_MTU, Membership, SO_REUSEADDR};
use smolsock::{Domain, Errno, Interest, Shutdown, Type};

use crate::by_name;
use crate::pair::{IP, Pair, secs};

/// Call, errno, and the test that produces it. `""`: no test can, for the reason in the comment beside it.
const PRODUCED: &[(&str, &str, &str)] = &[
    ("accept", "EAGAIN", "sockets::accept::clients_that_complete_at_once_wait_for_their_places"),
    ("accept", "EBADF", CLOSED),
    ("accept", "EINVAL", "sockets::stream::a_fresh_stream_is_not_connected"),
    ("accept", "EOPNOTSUPP", "sockets::datagrams::calls_for_streams_are_eopnotsupp_on_datagrams"),
    ("bind", "EADDRINUSE", "sockets::names::one_port_has_one_socket_of_each_protocol_and_family"),
    ("bind", "EADDRNOTAVAIL", "sockets::names::an_address_of_somebody_else_is_eaddrnotavail"),
    ("bind", "EAFNOSUPPORT", "sockets::names::a_name_of_the_other_family_is_eafnosupport"),
    ("bind", "EBADF", CLOSED),
    ("bind", "EINVAL", "sockets::names::a_second_bind_is_einval"),
    ("close", "EBADF", CLOSED),
    ("connect", "EACCES", "sockets::datagrams::impossible_receivers_are_refused_at_once"),
    ("connect", "EADDRINUSE", "errnos::connect_of_a_datagram_socket_to_the_peer_of_another_on_its_port_is_eaddrinuse"),
    (
        "connect",
        "EADDRNOTAVAIL",
        "sockets::names::when_all_ephemeral_ports_lead_to_one_peer_the_next_connect_is_eaddrnotavail",
    ),
    ("connect", "EAFNOSUPPORT", "sockets::names::a_name_of_the_other_family_is_eafnosupport"),
    ("connect", "EAGAIN", "errnos::without_a_free_ephemeral_port_listen_is_eaddrinuse_and_send_to_eagain"),
    ("connect", "EALREADY", "sockets::connect::connect_is_in_progress_then_already_then_done_then_connected"),
    ("connect", "EBADF", CLOSED),
    ("connect", "ECONNABORTED", "sockets::connect::any_call_reports_the_refusal_once"),
    ("connect", "ECONNREFUSED", "sockets::connect::a_reset_is_econnrefused_once_and_then_the_socket_can_connect_again"),
    ("connect", "EHOSTUNREACH", "sockets::connect::a_silent_neighbour_is_asked_three_times_and_is_then_unreachable"),
    ("connect", "EINPROGRESS", "sockets::connect::connect_is_in_progress_then_already_then_done_then_connected"),
    ("connect", "EINVAL", "sockets::local::loopback_addresses_cannot_be_used_towards_others"),
    ("connect", "EISCONN", "sockets::connect::a_listener_cannot_connect_send_or_receive"),
    ("connect", "ENETUNREACH", "sockets::connect::impossible_peers_are_refused_at_once"),
    ("connect", "ENOBUFS", "no_heap::full_tables_are_errnos_and_recover"),
    ("connect", "ETIMEDOUT", "sockets::connect::silence_is_etimedout_after_exactly_180_seconds"),
    ("disconnect", "EBADF", CLOSED),
    ("disconnect", "EOPNOTSUPP", "sockets::dual::a_datagram_socket_without_its_peer_is_as_it_was_bound"),
    ("dup", "EBADF", "sockets::dup::copies_take_places_in_the_table_and_give_them_back"),
    ("dup", "EMFILE", "sockets::dup::copies_take_places_in_the_table_and_give_them_back"),
    ("fcntl_getfl", "EBADF", CLOSED),
    ("fcntl_setfl", "EBADF", CLOSED),
    ("getpeername", "EBADF", CLOSED),
    ("getpeername", "ENOTCONN", "sockets::connect::a_listener_cannot_connect_send_or_receive"),
    ("getsockname", "EBADF", CLOSED),
    ("getsockopt", "EBADF", CLOSED),
    ("getsockopt", "ENOPROTOOPT", "errnos::what_cannot_be_asked_for_says_why"),
    ("getsockopt", "ENOTCONN", "errnos::what_cannot_be_asked_for_says_why"),
    ("getsockopt", "EOPNOTSUPP", "sockets::options::an_option_of_another_protocol_is_refused"),
    ("getsockopt_raw", "ENOPROTOOPT", "sockets::options::what_is_unknown_is_no_option"),
    ("getsockopt_raw", "EOPNOTSUPP", "sockets::options::what_is_unknown_is_no_option"),
    ("ioctl_fionread", "EBADF", CLOSED),
    ("ioctl_fionread", "EINVAL", "sockets::messages::what_waits_is_counted_and_listeners_have_no_queues"),
    ("ioctl_siocoutq", "EBADF", CLOSED),
    ("ioctl_siocoutq", "EINVAL", "sockets::messages::what_waits_is_counted_and_listeners_have_no_queues"),
    ("listen", "EADDRINUSE", "errnos::without_a_free_ephemeral_port_listen_is_eaddrinuse_and_send_to_eagain"),
    ("listen", "EBADF", CLOSED),
    ("listen", "EINVAL", "sockets::connect::a_connecting_socket_can_neither_send_nor_receive_nor_listen"),
    // The caller's storage has a place in the demux for every socket and every connection in TIME-WAIT.
    ("listen", "ENOBUFS", ""),
    ("listen", "EOPNOTSUPP", "sockets::datagrams::calls_for_streams_are_eopnotsupp_on_datagrams"),
    ("readiness", "EBADF", CLOSED),
    ("recv", "EAGAIN", "sockets::connect::a_connecting_socket_can_neither_send_nor_receive_nor_listen"),
    ("recv", "EBADF", CLOSED),
    ("recv", "ECONNREFUSED", "sockets::connect::any_call_reports_the_refusal_once"),
    ("recv", "ECONNRESET", "sockets::close::a_reset_in_answer_to_data_is_econnreset_after_what_was_received"),
    ("recv", "ENOTCONN", "sockets::connect::a_listener_cannot_connect_send_or_receive"),
    ("recv", "ETIMEDOUT", "rfc9293::failures::progress_puts_r2_off"),
    ("recv_from", "EAGAIN", "errnos::recv_from_has_nothing_yet_and_reports_a_refusal_once"),
    ("recv_from", "EBADF", CLOSED),
    ("recv_from", "ECONNREFUSED", "errnos::recv_from_has_nothing_yet_and_reports_a_refusal_once"),
    ("recv_with", "EINVAL", "sockets::messages::urgent_data_does_not_exist"),
    ("register_waker", "EBADF", "errnos::register_waker_on_a_closed_socket_is_ebadf"),
    ("select", "EBADF", "sockets::poll::select_counts_sockets_in_each_set_and_leaves_sets_alone_if_an_id_is_stale"),
    ("send", "EAGAIN", "sockets::connect::a_connecting_socket_can_neither_send_nor_receive_nor_listen"),
    ("send", "EBADF", CLOSED),
    ("send", "ECONNREFUSED", "sockets::datagrams::port_unreachable_is_econnrefused_once_for_a_connected_socket_only"),
    ("send", "ECONNRESET", "sockets::close::send_reports_the_reset_once_and_is_epipe_from_then_on"),
    ("send", "EDESTADDRREQ", "sockets::datagrams::a_datagram_without_a_receiver_to_name_is_edestaddrreq"),
    ("send", "EMSGSIZE", "errnos::send_of_more_than_a_packet_is_emsgsize"),
    ("send", "EPIPE", "sockets::connect::a_listener_cannot_connect_send_or_receive"),
    ("send", "ETIMEDOUT", "errnos::send_reports_a_timeout_once_and_is_epipe_from_then_on"),
    ("send_to", "EACCES", "sockets::datagrams::impossible_receivers_are_refused_at_once"),
    ("send_to", "EAFNOSUPPORT", "sockets::names::a_name_of_the_other_family_is_eafnosupport"),
    ("send_to", "EAGAIN", "errnos::without_a_free_ephemeral_port_listen_is_eaddrinuse_and_send_to_eagain"),
    ("send_to", "EINVAL", "sockets::datagrams::impossible_receivers_are_refused_at_once"),
    ("send_to", "ENETUNREACH", "sockets::datagrams::impossible_receivers_are_refused_at_once"),
    ("send_with", "EOPNOTSUPP", "sockets::messages::urgent_data_does_not_exist"),
    ("sendmsg", "EINVAL", "sockets::messages::control_data_chooses_the_source_among_the_own_addresses"),
    ("sendmsg", "ENETUNREACH", "sockets::messages::control_data_chooses_the_source_among_the_own_addresses"),
    ("sendmsg", "ENODEV", "sockets::messages::control_data_chooses_the_source_among_the_own_addresses"),
    ("setsockopt", "EADDRINUSE", "errnos::to_join_a_group_twice_is_eaddrinuse"),
    ("setsockopt", "EADDRNOTAVAIL", "sockets::options::memberships_are_checked"),
    ("setsockopt", "EBADF", CLOSED),
    ("setsockopt", "EDOM", "sockets::options::structures_are_those_of_linux"),
    ("setsockopt", "EINVAL", "sockets::options::numbers_have_the_ranges_of_linux"),
    ("setsockopt", "ENOBUFS", "sockets::groups::joins_and_leaves_say_what_is_wrong"),
    ("setsockopt", "ENODEV", "sockets::options::memberships_are_checked"),
    ("setsockopt", "ENOENT", "sockets::options::structures_are_those_of_linux"),
    ("setsockopt", "ENOPROTOOPT", "sockets::options::an_option_of_another_protocol_is_refused"),
    ("setsockopt", "EPROTO", "sockets::options::memberships_are_checked"),
    (
        "setsockopt_raw",
        "EINVAL",
        "sockets::options::values_of_too_few_bytes_are_refused_and_buffers_of_too_few_are_filled",
    ),
    ("setsockopt_raw", "ENOPROTOOPT", "sockets::options::what_is_unknown_is_no_option"),
    ("shutdown", "EBADF", CLOSED),
    ("shutdown", "ENOTCONN", "sockets::stream::a_fresh_stream_is_not_connected"),
    ("socket", "EMFILE", "sockets::open::a_full_socket_table_is_emfile_until_a_socket_is_closed"),
    ("socket", "ENOBUFS", "no_heap::full_tables_are_errnos_and_recover"),
    ("socket", "EPROTONOSUPPORT", "sockets::raw::what_the_socket_is_can_be_asked"),
    ("take_error", "EBADF", CLOSED),
    ("tcp_state", "EBADF", CLOSED),
    ("tcp_state", "EOPNOTSUPP", "sockets::datagrams::calls_for_streams_are_eopnotsupp_on_datagrams"),
];

const CLOSED: &str = "sockets::names::every_call_on_a_closed_socket_is_ebadf";

#[test]
fn every_documented_errno_is_produced_by_a_test() {
    let documented = documented();
    let mut wrong = Vec::new();
    for (call, errno) in &documented {
        if !PRODUCED.iter().any(|(c, e, _)| c == call && e == errno) {
            wrong.push(format!("    (\"{call}\", \"{errno}\", \"\"), // documented, and not in PRODUCED"));
        }
    }
    let tests = by_name::all();
    for (call, errno, test) in PRODUCED {
        if !documented.iter().any(|(c, e)| c == call && e == errno) {
            wrong.push(format!("{call}: {errno} is not documented"));
        }
        let Some(text) = tests.get(*test) else {
            if !test.is_empty() {
                wrong.push(format!("{call}: {errno}: no test {test}"));
            }
            continue;
        };
        if !text.contains(&format!("Errno::{errno}")) || !calls(text, call) {
            wrong.push(format!("{call}: {errno}: {test} does not mention both"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether the source of a test calls `call`, itself or through a closure or helper of that name.
fn calls(text: &str, call: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(&format!("{call}(")).any(|(at, _)| !text[..at].ends_with(is_part))
}

/// Calls and errnos in the `# Errors` sections of the socket calls.
fn documented() -> Vec<(String, String)> {
    let mut all = BTreeMap::new();
    let mut left = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/stack/calls")];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder of calls");
            left.extend(entries.map(|entry| entry.expect("an entry of the folder").path()));
            continue;
        }
        let text = fs::read_to_string(&path).expect("a file of calls");
        let mut errnos: Vec<String> = Vec::new();
        let mut is_errors = false;
        for line in text.lines().map(str::trim_start) {
            if let Some(doc) = line.strip_prefix("///") {
                let doc = doc.trim_start();
                is_errors = if doc.starts_with("# ") { doc == "# Errors" } else { is_errors };
                let words = doc.split(|c: char| !c.is_ascii_alphanumeric());
                errnos.extend(words.filter(|_| is_errors).filter(|word| is_errno(word)).map(str::to_owned));
            } else if let Some(rest) = line.strip_prefix("pub fn ") {
                let call = rest.split(['(', '<']).next().unwrap_or_default().to_string();
                all.extend(errnos.drain(..).map(|errno| ((call.clone(), errno), ())));
            } else if !line.starts_with("#[") {
                errnos.clear();
                is_errors = false;
            }
        }
    }
    assert!(all.len() > 50, "{} found", all.len());
    all.into_keys().collect()
}

fn is_errno(word: &str) -> bool {
    Errno::ALL.iter().any(|errno| errno.name() == word)
}

#[test]
fn send_reports_a_timeout_once_and_is_epipe_from_then_on() {
    let mut pair = Pair::new(IP);
    let (client, _) = pair.connection(IP);
    assert_eq!(pair.a.send(client, b"hello?"), Ok(6));
    pair.cut();
    pair.run_for(secs(901));
    assert_eq!(pair.a.send(client, b"hello?"), Err(Errno::ETIMEDOUT));
    assert_eq!(pair.a.send(client, b"hello?"), Err(Errno::EPIPE));
}

#[test]
fn recv_from_has_nothing_yet_and_reports_a_refusal_once() {
    let mut pair = Pair::new(IP);
    let id = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
    pair.a.connect(id, IP.b(9)).expect("a peer to fix");
    assert_eq!(pair.a.recv_from(id, &mut [0]), Err(Errno::EAGAIN));
    assert_eq!(pair.a.send(id, b"anybody?"), Ok(8));
    pair.settle();
    assert_eq!(pair.a.recv_from(id, &mut [0]), Err(Errno::ECONNREFUSED));
    assert_eq!(pair.a.recv_from(id, &mut [0]), Err(Errno::EAGAIN));
}

/// A listener's port, when it listens no more, leads to those whom it has accepted.
#[test]
fn connect_to_where_the_port_leads_already_is_eaddrnotavail() {
    let mut pair = Pair::new(IP);
    let listener = pair.b_listens(IP, 80, 1);
    let client = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    pair.a.bind(client, IP.any(1000)).expect("a free port");
    assert_eq!(pair.a.connect(client, IP.b(80)), Err(Errno::EINPROGRESS));
    pair.settle();
    assert!(pair.b.accept(listener).is_ok());
    pair.b.shutdown(listener, Shutdown::Read).expect("it listens");
    assert_eq!(pair.b.connect(listener, IP.a(1000)), Err(Errno::EADDRNOTAVAIL));
    assert_eq!(pair.b.connect(listener, IP.a(1001)), Err(Errno::EINPROGRESS));
}

#[test]
fn connect_of_a_datagram_socket_to_the_peer_of_another_on_its_port_is_eaddrinuse() {
    let mut pair = Pair::new(IP);
    let [first, second] = [(); 2].map(|()| {
        let id = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
        pair.a.setsockopt(id, SO_REUSEADDR, true).expect("it is open");
        pair.a.bind(id, IP.a(1000)).expect("a shared port");
        id
    });
    assert_eq!(pair.a.connect(first, IP.b(9)), Ok(()));
    assert_eq!(pair.a.connect(second, IP.b(9)), Err(Errno::EADDRINUSE));
}

#[test]
fn send_of_more_than_a_packet_is_emsgsize() {
    let mut pair = Pair::new(IP);
    let id = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
    pair.a.connect(id, IP.b(9)).expect("a peer to fix");
    assert_eq!(pair.a.send(id, &[7; 65_508]), Err(Errno::EMSGSIZE));
}

#[test]
fn register_waker_on_a_closed_socket_is_ebadf() {
    let mut pair = Pair::new(IP);
    let id = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    pair.a.close(id).expect("it is open");
    assert_eq!(pair.a.register_waker(id, Interest::Read, Waker::noop()), Err(Errno::EBADF));
}

#[test]
fn what_cannot_be_asked_for_says_why() {
    let mut pair = Pair::new(IP);
    for kind in [Type::Stream, Type::Datagram] {
        let id = pair.a.socket(Domain::Inet, kind).expect("room");
        assert_eq!(pair.a.getsockopt(id, IP_MTU), Err(Errno::ENOTCONN));
        assert_eq!(pair.a.getsockopt(id, IP_ADD_MEMBERSHIP), Err(Errno::ENOPROTOOPT));
    }
}

#[test]
fn to_join_a_group_twice_is_eaddrinuse() {
    let mut pair = Pair::new(IP);
    let id = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
    let group = Membership::of([239, 1, 2, 3].into());
    assert_eq!(pair.a.setsockopt(id, IP_ADD_MEMBERSHIP, group), Ok(()));
    assert_eq!(pair.a.setsockopt(id, IP_ADD_MEMBERSHIP, group), Err(Errno::EADDRINUSE));
}

/// As on Linux: a datagram that finds no port for its socket may be tried again.
#[test]
fn without_a_free_ephemeral_port_listen_is_eaddrinuse_and_send_to_eagain() {
    let mut pair = Pair::tuned(IP, |config| {
        (config.udp_recv_bytes, config.udp_send_bytes, config.udp_queue_datagrams) = (1, 100, 1);
    });
    for kind in [Type::Stream, Type::Datagram] {
        for port in 49_152..=65_535 {
            let id = pair.a.socket(Domain::Inet, kind).expect("room");
            pair.a.bind(id, IP.any(port)).expect("a free port");
        }
    }
    let stream = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    assert_eq!(pair.a.listen(stream, 1), Err(Errno::EADDRINUSE));
    let datagram = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
    assert_eq!(pair.a.send_to(datagram, b"hello", IP.b(7)), Err(Errno::EAGAIN));
    assert_eq!(pair.a.connect(datagram, IP.b(7)), Err(Errno::EAGAIN));
}
