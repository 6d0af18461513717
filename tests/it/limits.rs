//! Does every number of the manual's page of limits have its test?

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use smolsock::{Config, Domain, Errno, Seed, Stack, Type};
use smoltcp::phy::Medium;

use crate::by_name;
use crate::wire::{HOST_V4, Net, Packet, datagram};

/// The B-numbers and the tests that show what they say; B21 and B22 are about ICMP and UDP.
const TESTS: &[(u32, &[&str])] = &[
    (
        1,
        &[
            "traps::listener::listener_survives_a_broadcast_syn",
            "traps::listener::listener_survives_a_subnet_broadcast_syn",
            "traps::listener::listener_survives_a_multicast_syn",
            "traps::listener::listener_survives_an_all_nodes_syn",
        ],
    ),
    (
        2,
        &[
            "traps::buffers::a_receive_buffer_beyond_65_535_bytes_takes_segments_that_it_cannot_hold",
            "traps::buffers::a_receive_buffer_of_65_535_bytes_takes_only_what_it_can_hold",
            "traps::buffers::a_receive_buffer_beyond_65_535_bytes_is_refused",
        ],
    ),
    (
        3,
        &[
            "traps::endings::a_fin_counts_only_after_all_its_data",
            "sockets::stream::a_fast_retransmit_beyond_the_window_does_not_end_the_stream_early",
        ],
    ),
    (4, &["traps::timers::a_window_that_an_old_ack_closed_is_probed"]),
    (5, &["traps::limits::data_with_an_old_ack_is_accepted"]),
    (6, &["traps::limits::an_ack_of_data_that_was_not_sent_is_not_believed"]),
    (
        7,
        &[
            "traps::guesses::a_syn_in_a_connection_gets_a_challenge_ack",
            "traps::guesses::a_peer_that_has_lost_its_memory_comes_back_by_way_of_a_challenge_ack",
        ],
    ),
    (
        8,
        &[
            "traps::listener::closing_a_listener_forgets_its_half_open_children",
            "traps::listener::a_fin_never_takes_the_sequence_number_of_the_syn",
            "rfc9293::states::syn_received_to_fin_wait_1_is_a_reset",
        ],
    ),
    (9, &["traps::endings::close_while_connecting_sends_nothing"]),
    (
        10,
        &[
            "traps::guesses::a_reset_in_the_middle_of_the_window_is_challenged",
            "traps::guesses::the_reset_that_a_challenge_asked_for_ends_the_connection",
            "traps::guesses::challenge_acks_are_limited_to_two_a_second",
        ],
    ),
    (
        11,
        &[
            "rfc9293::numbers::initial_sequence_numbers_grow_with_time",
            "rfc9293::numbers::initial_sequence_numbers_are_a_function_of_both_ends",
        ],
    ),
    (12, &["traps::reuse::a_second_connection_begins_with_an_initial_window"]),
    (13, &["traps::limits::a_window_is_not_opened_by_a_single_byte"]),
    (
        14,
        &[
            "traps::timers::connect_gives_up_after_three_minutes",
            "traps::timers::r2_does_not_end_an_idle_connection",
            "traps::timers::data_that_nobody_acknowledges_is_given_up_after_r2",
            "traps::timers::fin_wait_2_of_a_closed_socket_ends_after_a_minute",
            "traps::listener::a_half_open_child_is_forgotten_after_a_minute",
        ],
    ),
    (
        15,
        &[
            "traps::time_wait::time_wait_acknowledges_a_late_fin",
            "traps::time_wait::time_wait_lets_a_new_connection_through",
            "traps::time_wait::time_wait_survives_that_the_server_goes_on",
        ],
    ),
    (
        16,
        &[
            "traps::endings::a_fin_that_comes_early_is_remembered",
            "traps::endings::a_fin_behind_data_that_has_come_is_heard",
            "traps::limits::data_behind_a_fin_is_ignored",
        ],
    ),
    (
        17,
        &[
            "traps::recovery::a_second_loss_is_repaired_without_a_time_out",
            "traps::limits::a_connection_begins_with_ten_segments",
        ],
    ),
    (18, &["traps::listener::a_half_open_child_that_is_reset_leaves_nothing_to_the_next"]),
    (
        19,
        &[
            "traps::neighbors::four_new_targets_are_all_reached_at_once",
            "traps::neighbors::an_arp_reply_sends_the_waiting_syn",
            "traps::neighbors::a_neighbor_that_never_answers_is_unreachable_after_three_requests",
        ],
    ),
    (20, &["traps::refuse::a_segment_without_ack_to_a_closed_port_gets_a_reset_that_acknowledges_it"]),
    (21, &["limits::an_icmp_error_with_the_least_quote_is_heard"]),
    (
        22,
        &[
            "sockets::datagrams::a_datagram_larger_than_the_buffer_is_cut_and_says_so",
            "sockets::datagrams::a_full_receive_queue_drops_and_counts_what_comes_after",
            "sockets::datagrams::impossible_receivers_are_refused_at_once",
            "errnos::send_of_more_than_a_packet_is_emsgsize",
        ],
    ),
    (
        23,
        &[
            "traps::tables::a_full_socket_table_is_an_error",
            "traps::tables::a_closed_socket_is_ebadf",
            "traps::tables::an_old_name_never_means_a_new_socket",
        ],
    ),
    (24, &["sockets::stream::an_outage_that_loses_the_acknowledgements_of_both_sides_is_survived"]),
    (25, &["sockets::close::a_lost_fin_is_sent_again_although_duplicate_acks_arrive"]),
    (26, &["traps::timers::a_window_that_opens_after_both_have_closed_is_used"]),
    (27, &["traps::limits::a_lost_syn_does_not_slow_down_the_first_data"]),
    (28, &["found::a_syn_that_comes_before_ours_could_be_sent_does_no_harm"]),
    (
        29,
        &[
            "traps::timers::an_ack_that_is_heard_after_a_week_does_no_harm",
            "anomalies::a_clock_that_jumps_at_the_nth_step_leaves_nothing_behind",
        ],
    ),
    (
        30,
        &[
            "extremes::smoltcp_takes_a_header_away_from_frames_that_have_no_room_for_it",
            "extremes::a_device_whose_frames_are_shorter_than_their_header_is_refused",
        ],
    ),
];

#[test]
fn every_b_number_has_its_test() {
    let tests = by_name::all();
    for (number, names) in TESTS {
        assert!(!names.is_empty(), "B{number}");
        for name in *names {
            assert!(tests.contains_key(*name), "B{number}: no test {name}");
        }
    }
    let listed: Vec<u32> = TESTS.iter().map(|(number, _)| *number).collect();
    assert_eq!(listed, (1..=30).collect::<Vec<u32>>());
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual/limits.md")).expect("a page");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| B")?.split(' ').next()?.parse().ok());
    let on_page: BTreeSet<u32> = rows.collect();
    assert!(on_page.len() >= 20 && on_page.iter().all(|number| listed.contains(number)), "{on_page:?}");
}

/// B21. RFC 792: the IP header and eight bytes are quoted; routers send no more. (smoltcp wants all of it.)
#[test]
fn an_icmp_error_with_the_least_quote_is_heard() {
    let net = Net::new(Medium::Ip, |cable| {
        let own = smolsock::addr::Cidr::new(HOST_V4.into(), 24).expect("a good prefix length");
        let seed = Seed::new([7; 16]).expect("not zero");
        Stack::new(Config::ip(seed).address(own), cable).expect("a good configuration")
    });
    let socket = net.host().socket(Domain::Inet, Type::Datagram).expect("room for a socket");
    net.host().connect(socket, ([192, 0, 2, 2], 7).into()).expect("a peer to fix");
    assert_eq!(net.host().send(socket, b"a datagram that is longer than eight bytes"), Ok(42));
    let mut peer = net.peer().port(7);
    peer.expects(datagram(b"a datagram that is longer than eight bytes"));
    let mut bytes = vec![3, 3, 0, 0, 0, 0, 0, 0];
    bytes.extend(&net.frames()[0][..28]);
    let sum: u32 = bytes.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1])).sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    peer.sends(Packet::Other(1, bytes));
    assert_eq!(net.host().recv(socket, &mut [0; 16]), Err(Errno::ECONNREFUSED));
}
