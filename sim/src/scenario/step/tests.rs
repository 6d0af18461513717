//! Do steps survive printing, and are bad ones refused with a tip?

use std::net::SocketAddr;

use proptest::prelude::*;
use smolsock::{Errno, Shutdown};

use super::read::VERBS;
use super::{Call, Flag, Number, Recv, Setting, Step};

/// Any step that a line can say.
pub(in crate::scenario) fn any_step() -> impl Strategy<Value = Step> {
    let socket = prop_oneof![3 => Just(String::new()), 1 => "[a-z0-9]{1,8}"];
    let call = prop_oneof![any_socket_call(), any_plain_call(), any_ready_made()];
    (socket, call).prop_map(|(socket, call)| Step { socket, call })
}

fn any_addr() -> impl Strategy<Value = SocketAddr> {
    prop_oneof![
        (any::<[u8; 4]>(), any::<u16>()).prop_map(SocketAddr::from),
        (any::<[u16; 8]>(), any::<u16>()).prop_map(SocketAddr::from),
        any::<u16>().prop_map(|port| ([0, 0, 0, 0], port).into()),
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    "[!-~äß→]([ -~äß→]{0,20}[!-~ä])?"
}

const BYTES: std::ops::RangeInclusive<u64> = 0..=1 << 30;
const PIECE: std::ops::RangeInclusive<u64> = 1..=1 << 20;

fn any_recv() -> impl Strategy<Value = Recv> {
    let how_much = (prop::option::of(BYTES), any::<bool>(), any::<bool>());
    let how = (prop::option::of(any::<u32>()), PIECE, any::<u64>(), prop::option::of(any::<u64>()));
    (how_much, how).prop_map(|((bytes, to_end, is_checked), (stream, piece_bytes, pause_ns, within_ns))| Recv {
        bytes,
        to_end,
        is_checked,
        stream,
        piece_bytes,
        pause_ns,
        within_ns,
    })
}

fn any_setting() -> impl Strategy<Value = Setting> {
    prop_oneof![
        (prop::sample::select(Flag::ALL), any::<bool>()).prop_map(|(flag, is_on)| Setting::Flag(flag, is_on)),
        (prop::sample::select(Number::ALL), any::<u32>()).prop_map(|(number, value)| Setting::Number(number, value)),
        prop::option::of(any::<u16>()).prop_map(Setting::Linger),
        prop::sample::select(&super::CONGESTIONS[..]).prop_map(Setting::Congestion),
    ]
}

fn any_socket_call() -> impl Strategy<Value = Call> {
    let send =
        (BYTES, prop::option::of(any::<u32>()), prop::option::of(any_addr()), prop::option::of(PIECE), any::<u64>());
    prop_oneof![
        (any_addr(), any::<u32>()).prop_map(|(local, backlog)| Call::Listen { local, backlog }),
        Just(Call::Accept),
        any_addr().prop_map(Call::Bind),
        any_addr().prop_map(Call::Connect),
        any_addr().prop_map(Call::Udp),
        send.prop_map(|(bytes, stream, to, piece_bytes, pause_ns)| Call::Send {
            bytes,
            stream,
            to,
            piece_bytes,
            pause_ns
        }),
        any_text().prop_map(Call::SendText),
        any_recv().prop_map(Call::Recv),
        prop::sample::select(vec![Shutdown::Read, Shutdown::Write, Shutdown::Both]).prop_map(Call::Shutdown),
        any_setting().prop_map(Call::Set),
        Just(Call::Close),
        Just(Call::Reset),
    ]
}

fn any_plain_call() -> impl Strategy<Value = Call> {
    prop_oneof![
        any::<u64>().prop_map(Call::Sleep),
        any::<u64>().prop_map(Call::SleepUntil),
        any_text().prop_map(Call::Note),
        (prop::sample::select(Errno::ALL), any::<bool>())
            .prop_map(|(errno, unless_lost)| Call::Expect { errno, unless_lost }),
        any::<u32>().prop_map(Call::Repeat),
        Just(Call::End),
    ]
}

fn any_ready_made() -> impl Strategy<Value = Call> {
    let stream = prop_oneof![Just(1), any::<u32>()];
    let sizes = prop::collection::vec(any::<u16>(), 1..5);
    let receiver = (any_addr(), BYTES, stream.clone(), PIECE, any::<u64>(), any::<u64>());
    prop_oneof![
        (any_addr(), any::<u32>()).prop_map(|(local, backlog)| Call::TcpEchoServer { local, backlog }),
        any_addr().prop_map(Call::UdpEchoServer),
        (any_addr(), BYTES, PIECE, stream.clone()).prop_map(|(remote, bytes, piece_bytes, stream)| {
            Call::TcpEchoClient { remote, bytes, piece_bytes, stream }
        }),
        (any_addr(), sizes, any::<u64>()).prop_map(|(remote, sizes, wait_ns)| Call::UdpEchoClient {
            remote,
            sizes,
            wait_ns
        }),
        (any_addr(), any::<u32>(), any::<u64>(), any_text()).prop_map(|(remote, tries, wait_ns, text)| Call::UdpAsk {
            remote,
            tries,
            wait_ns,
            text
        }),
        (any_addr(), BYTES, stream).prop_map(|(remote, bytes, stream)| Call::BulkSender { remote, bytes, stream }),
        receiver.prop_map(|(local, bytes, stream, piece_bytes, pause_ns, first_pause_ns)| Call::BulkReceiver {
            local,
            bytes,
            stream,
            piece_bytes,
            pause_ns,
            first_pause_ns
        }),
    ]
}

proptest! {
    #[test]
    fn a_step_that_is_printed_reads_as_the_same_step(step in any_step()) {
        let line = step.to_string();
        prop_assert_eq!(line.parse::<Step>(), Ok(step.clone()), "{}", line);
        prop_assert!(VERBS.contains(&step.verb()));
    }

    #[test]
    fn any_line_is_read_or_refused(verb in prop::sample::select(VERBS), rest in "[ -~é\u{0}]{0,30}") {
        let line = format!("{verb} {rest}");
        if let Ok(step) = line.parse::<Step>() {
            prop_assert_eq!(step.to_string().parse::<Step>(), Ok(step));
        }
        let _ = rest.parse::<Step>();
    }
}

#[test]
fn words_may_stand_in_any_order_and_defaults_are_not_printed() {
    let printed = |line: &str| line.parse::<Step>().expect("a good line").to_string();
    assert_eq!(printed("listen 0.0.0.0:80 backlog 5"), "listen 80");
    assert_eq!(printed("b: recv 4096 within 1s stream 3 to-end"), "b: recv 4KiB to-end stream 3 within 1s");
    assert_eq!(printed("  send   1500  pause 0s "), "send 1500");
    assert_eq!(printed("set SO_LINGER 0s"), "set SO_LINGER 0s");
}

#[test]
fn what_is_no_step_is_refused_with_what_is_allowed() {
    let cases = [
        ("", "listen"),
        ("conect 192.0.2.2:80", "did you mean connect?"),
        ("connect 192.0.2.2", "an address with a port as in 192.0.2.2:1234"),
        ("listen 70000", "expected a port"),
        ("listen 80 backlog", "the value of backlog is missing"),
        ("listen 80 backlog 5 backlog 6", "twice"),
        ("send 10 peice 5", "did you mean piece?"),
        ("send 2GiB", "at most 1GiB"),
        ("recv 10 piece 0", "from 1 to 1MiB"),
        ("sleep 5", "20ms"),
        ("close now", "stands alone"),
        ("expect ECONREFUSED", "did you mean ECONNREFUSED?"),
        ("set TCP_NODELY on", "did you mean TCP_NODELAY?"),
        ("set TCP_NODELAY yes", "on or off"),
        ("shutdown wr", "read, write or both"),
        ("Second: accept", "the name of a socket"),
        ("note", "the text is missing"),
        ("bulk-sender 192.0.2.2:80", "bytes is missing"),
        ("connect [fe80::1%3]:80", "an address with a port"),
        ("note a\nb", "control characters"),
    ];
    for (line, part) in cases {
        let why = line.parse::<Step>().expect_err(line).to_string();
        assert!(why.contains(part) && why.lines().count() == 1, "{line}: {why}");
    }
}
