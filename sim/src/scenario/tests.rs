//! Do files become what they say, and bad ones an error that helps?

use proptest::prelude::*;
use smolsock::TcpState;

use super::keys::SECTIONS;
use super::model::{
    App, Cable, Change, Expect, Fault, Host, HostState, Middlebox, Nat, Power, Refusal, Router, Scenario, Switch,
};
use super::step::tests::any_step;
use super::step::{Call, Step};
use crate::frame::Medium;
use crate::library;
use crate::link::{self, Act, Direction, Impairments, Jitter, Loss, Pattern, Queue, Shape, When};
use crate::middlebox::{Strip, TcpOption, Window};
use crate::observe::dissect::Flags;
use crate::rng::PPM;
use crate::time::Time;
use crate::world::{self, Recording, Ways};

/// Two hosts, and what else is appended.
fn pair(more: &str) -> String {
    format!(
        r#"name = "pair"

[[host]]
name = "client"
addresses = ["192.0.2.1/24"]

[[host]]
name = "server"
addresses = ["192.0.2.2/24"]

[[cable]]
name = "ab"
a = "client"
b = "server"
delay = "5ms"
{more}"#
    )
}

/// Lines that [`pair`] has before `more`.
const PAIR_LINES: usize = 15;

fn parsed(more: &str) -> Scenario {
    Scenario::parse("pair.toml", &pair(more)).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str) -> String {
    Scenario::parse("a.toml", text).expect_err(text).to_string()
}

fn failures(more: &str) -> Vec<String> {
    parsed(more).run(Recording::Off).expect("it hangs together").outcome.failures
}

fn any_loss() -> impl Strategy<Value = Loss> {
    let ppm = || 0..=PPM;
    prop_oneof![
        Just(Loss::None),
        ppm().prop_map(|ppm| Loss::Bernoulli { ppm }),
        (ppm(), ppm(), ppm(), ppm()).prop_map(|(enter, leave, good, bad)| Loss::GilbertElliott {
            good_to_bad_ppm: enter,
            bad_to_good_ppm: leave,
            loss_good_ppm: good,
            loss_bad_ppm: bad,
        }),
    ]
}

fn any_queue() -> impl Strategy<Value = Queue> {
    prop_oneof![
        (any::<u32>(), prop::option::of(any::<u64>())).prop_map(|(frames, bytes)| Queue::DropTail { frames, bytes }),
        (any::<u64>(), any::<u64>(), any::<u32>(), any::<bool>())
            .prop_map(|(target_ns, interval_ns, frames, ecn)| Queue::CoDel { target_ns, interval_ns, frames, ecn }),
    ]
}

fn any_impairments() -> impl Strategy<Value = Impairments> {
    let shape = prop::sample::select(vec![Shape::Uniform, Shape::Normal, Shape::Pareto]);
    let jitter = (any::<u64>(), shape).prop_map(|(ns, shape)| Jitter { ns, shape });
    let first = (prop::option::of(any::<u32>()), any_loss(), any::<u64>(), any_queue(), any::<u64>(), jitter);
    let second = (0..=PPM, any::<u64>(), 0..=PPM, 0..=PPM, any::<bool>());
    (first, second).prop_map(|((mtu_bytes, loss, rate_bps, queue, delay_ns, jitter), second)| {
        let (reorder_ppm, reorder_delay_ns, duplicate_ppm, corrupt_ppm, mend_checksum) = second;
        Impairments {
            mtu_bytes,
            loss,
            rate_bps,
            queue,
            delay_ns,
            jitter,
            reorder_ppm,
            reorder_delay_ns,
            duplicate_ppm,
            corrupt_ppm,
            mend_checksum,
        }
    })
}

fn any_fault() -> impl Strategy<Value = Fault> {
    let when = prop_oneof![
        any::<u64>().prop_map(When::Frame),
        (prop::sample::select(Pattern::ALL.to_vec()), any::<u64>())
            .prop_map(|(pattern, nth)| When::Matching { pattern, nth }),
        (any::<u64>(), any::<u32>()).prop_map(|(index, transmission)| When::Segment { index, transmission }),
        (0..u64::MAX, 1..u64::MAX).prop_map(|(from, len)| When::Span {
            from: Time::from_nanos(from),
            until: Time::from_nanos(from.saturating_add(len)),
        }),
    ];
    let act = prop_oneof![
        Just(Act::Drop),
        Just(Act::Duplicate),
        any::<u64>().prop_map(Act::Delay),
        (any::<usize>(), 0_u8..8, any::<bool>()).prop_map(|(byte, bit, mend)| Act::Corrupt { byte, bit, mend }),
        any::<usize>().prop_map(|len| Act::Truncate { len }),
    ];
    let direction = prop::sample::select(vec![Direction::Forward, Direction::Back]);
    (direction, when, act).prop_map(|(direction, when, act)| Fault {
        cable: "ab".to_owned(),
        direction,
        fault: link::Fault { when, act },
    })
}

fn any_change() -> impl Strategy<Value = Change> {
    let ways = prop::sample::select(vec![Ways::Both, Ways::Forward, Ways::Back]);
    let to = prop::option::of(prop::option::of(any_impairments()));
    (any::<u64>(), ways, to).prop_map(|(at_ns, ways, to)| {
        let cable = "ab".to_owned();
        let change = match to {
            None => world::Change::Cut { cable, ways },
            Some(None) => world::Change::Heal { cable, ways },
            Some(Some(to)) => world::Change::Impair { cable, ways, to },
        };
        Change { at_ns, change }
    })
}

fn any_host(name: &'static str) -> impl Strategy<Value = Host> {
    let times = prop::array::uniform5(prop::option::of(any::<u64>()));
    let bytes = prop::array::uniform2(prop::option::of(1_u64..65_536));
    let strip = prop::collection::vec(any_strip(), 0..3);
    let initial_sequence = prop::option::of(any::<u32>());
    (bytes, prop::option::of(1_u32..1000), prop::option::of(1_u32..1000), times, strip, initial_sequence).prop_map(
        move |([tcp_recv_bytes, tcp_send_bytes], half_open_max, time_wait_max, times, strip, initial_sequence)| Host {
            name: name.to_owned(),
            addresses: vec!["192.0.2.1/24".to_owned(), "2001:db8::1/64".to_owned()],
            gateways: vec!["192.0.2.254".to_owned()],
            tcp_recv_bytes,
            tcp_send_bytes,
            half_open_max,
            time_wait_max,
            time_wait_ns: times[0],
            connect_timeout_ns: times[1],
            half_open_timeout_ns: times[2],
            fin_wait_2_timeout_ns: times[3],
            user_timeout_ns: times[4],
            tail_loss_probes: times[4].map(|nanos| nanos % 2 == 0),
            mtu_bytes: tcp_recv_bytes.map(|bytes| bytes.max(1280)),
            batch_frames: half_open_max.filter(|_| times[0].is_some()),
            batch_window_ns: times[0].map(|nanos| nanos.max(1)),
            poll_latency_ns: times[1],
            refuses: times[2].into_iter().map(|from| Refusal { from_ns: from / 2, until_ns: from / 2 + 7 }).collect(),
            strip,
            initial_sequence,
        },
    )
}

/// Any steps that hang together: what needs a partner is left out.
fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    let is_alone = |step: &Step| !matches!(step.call, Call::Repeat(_) | Call::End | Call::Expect { .. });
    prop::collection::vec(any_step(), 0..6)
        .prop_map(move |steps| steps.into_iter().filter(is_alone).collect::<Vec<Step>>())
}

fn any_app() -> impl Strategy<Value = App> {
    ("[a-z]([a-z ]{0,10}[a-z\"\\\\])?", any::<u64>(), any::<[bool; 2]>(), any_steps()).prop_map(
        |(name, start_ns, [is_background, is_service], steps)| {
            let host = "one".to_owned();
            App { host, name, start_ns, is_background, is_service, steps }
        },
    )
}

fn any_expect() -> impl Strategy<Value = Expect> {
    let number = || prop::option::of(any::<u64>());
    let segments = prop::collection::vec("(SYN )?[0-9]{1,3}\\([0-9]{1,4}\\) <mss [0-9]{1,4}>", 0..4);
    (number(), number(), number(), number(), number(), number(), any::<bool>(), segments).prop_map(
        |(ends, resent_min, resent_max, drops_min, drops_max, connections_min, has_state, segments)| Expect {
            ends_within_ns: ends,
            retransmissions_min: resent_min,
            retransmissions_max: resent_max,
            drops_min,
            drops_max,
            connections_min,
            states: has_state
                .then(|| HostState { host: "one".to_owned(), state: TcpState::TimeWait })
                .into_iter()
                .collect(),
            segments,
        },
    )
}

fn any_strip() -> impl Strategy<Value = Strip> {
    let named =
        [TcpOption::Mss, TcpOption::WindowScale, TcpOption::SackPermitted, TcpOption::Sack, TcpOption::Timestamps];
    let option = prop_oneof![prop::sample::select(named.to_vec()), (2_u8..).prop_map(TcpOption::Other)];
    (option, any::<bool>()).prop_map(|(option, from_all)| Strip { option, from_all })
}

fn any_middlebox() -> impl Strategy<Value = Middlebox> {
    let window = prop_oneof![any::<u16>().prop_map(Window::AtMost), any::<u16>().prop_map(Window::Exactly)];
    let times = prop::array::uniform4(prop::option::of(any::<u64>()));
    let nat = times.prop_map(|times| Nat {
        inside: "10.0.0.254/24".to_owned(),
        outside: "192.0.2.253/24".to_owned(),
        gateway: times[0].map(|_| "192.0.2.1".to_owned()),
        udp_idle_ns: times[0],
        tcp_established_idle_ns: times[1],
        tcp_transitory_idle_ns: times[2],
        icmp_idle_ns: times[3],
    });
    let stripped = prop::collection::vec(any_strip(), 0..3);
    (stripped, prop::option::of(any::<u16>()), prop::option::of(window), prop::option::of(nat))
        .prop_map(|(strip, mss_max, window, nat)| Middlebox { name: "box".to_owned(), strip, mss_max, window, nat })
}

fn any_power() -> impl Strategy<Value = Power> {
    (any::<u64>(), any::<bool>()).prop_map(|(at_ns, is_on)| Power { at_ns, host: "two".to_owned(), is_on })
}

/// Any scenario of two hosts, a cable, and devices without one.
fn any_scenario() -> impl Strategy<Value = Scenario> {
    let router = Router {
        name: "router".to_owned(),
        ports: vec!["192.0.2.254/24 2001:db8::254/64".to_owned(), "198.51.100.254/24".to_owned()],
        routes: vec![("203.0.113.0/24".to_owned(), "198.51.100.1".to_owned())],
    };
    let routers = prop::option::of(Just(router));
    let power = prop::collection::vec(any_power(), 0..3);
    (any_small_scenario(), routers, prop::option::of(any_middlebox()), power).prop_map(
        |(scenario, router, middlebox, power)| Scenario {
            routers: router.into_iter().collect(),
            middleboxes: middlebox.into_iter().collect(),
            power,
            ..scenario
        },
    )
}

/// Any scenario of two hosts, a cable and a switch.
fn any_small_scenario() -> impl Strategy<Value = Scenario> {
    let top = ("[a-z][a-z0-9_-]{0,10}", any::<String>(), any::<u64>(), 1..u64::MAX, any::<bool>());
    let network = (any_host("one"), any_host("two"), any_impairments(), any_impairments(), any::<bool>());
    let events = (prop::collection::vec(any_fault(), 0..4), prop::collection::vec(any_change(), 0..3));
    (top, network, events, prop::collection::vec(any_app(), 0..3), any_expect()).prop_map(
        |(
            (name, about, seed, limit_ns, is_ip),
            (one, two, forward, back, is_even),
            (faults, changes),
            apps,
            expect,
        )| {
            let cable = Cable {
                name: "ab".to_owned(),
                a: "one".to_owned(),
                b: "two".to_owned(),
                forward,
                back: if is_even { forward } else { back },
            };
            Scenario {
                about,
                seed,
                limit_ns,
                medium: if is_ip { Medium::Ip } else { Medium::Ethernet },
                captures: vec!["two".to_owned()],
                switches: if is_ip { Vec::new() } else { vec![Switch { name: "switch".to_owned() }] },
                hosts: vec![one, two],
                cables: vec![cable],
                faults,
                changes,
                apps,
                expect,
                ..Scenario::new(&name)
            }
        },
    )
}

proptest! {
    #[test]
    fn a_scenario_that_is_printed_reads_as_the_same_scenario(scenario in any_scenario()) {
        let text = scenario.to_toml();
        let read = Scenario::parse("printed.toml", &text);
        prop_assert_eq!(read.as_ref(), Ok(&scenario), "{}", text);
        prop_assert_eq!(read.map(|read| read.to_toml()), Ok(text));
    }

    #[test]
    fn a_damaged_file_is_read_or_refused_at_a_line_it_has(
        which in 0..library::all().len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<char>(), 0_usize..3), 1..8),
    ) {
        let mut chars: Vec<char> = library::all()[which].text.chars().collect();
        for (at, char, kind) in edits {
            let at = at.index(chars.len());
            match kind {
                0 => chars[at] = char,
                1 => chars.insert(at, char),
                _ => drop(chars.remove(at)),
            }
        }
        let text: String = chars.into_iter().collect();
        if let Err(error) = Scenario::parse("damaged.toml", &text) {
            let lines = text.matches('\n').count() + 1;
            prop_assert!(error.at.is_none_or(|(line, column)| line <= lines && column > 0), "{}", error);
        }
    }

    /// Lines in the wrong places: sections without their keys, keys in other sections.
    #[test]
    fn a_shuffled_file_is_read_or_refused(
        which in 0..library::all().len(),
        moves in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..6),
    ) {
        let mut lines: Vec<&str> = library::all()[which].text.lines().collect();
        for (one, other) in moves {
            let (one, other) = (one.index(lines.len()), other.index(lines.len()));
            lines.swap(one, other);
        }
        let _ = Scenario::parse("shuffled.toml", &lines.join("\n"));
    }
}

#[test]
fn built_in_scenarios_survive_printing_and_run_the_same() {
    for entry in library::all() {
        let again = Scenario::parse("printed.toml", &entry.scenario.to_toml()).expect("it was printed");
        assert_eq!(again, entry.scenario, "{}", entry.name);
    }
}

#[test]
fn errors_say_where_what_was_found_and_what_is_allowed() {
    let cases = [
        ("name = \"a\"\nseed = 5x", 2, "not TOML"),
        ("seed = 1", 1, "needs the key name"),
        ("name = 5", 1, "expected text in quotes, found 5"),
        ("name = \"a b\"", 1, "found \"a b\""),
        ("name = \"a\"\nlimit = \"5\"", 2, "expected a time as in 20ms"),
        ("name = \"a\"\nlimit = 5", 2, "in quotes, found 5"),
        ("name = \"a\"\nseed = -1", 2, "from 0 to"),
        ("name = \"a\"\nmedium = \"token ring\"", 2, "ethernet or ip"),
        ("name = \"a\"\nhost = 5", 2, "[[host]]"),
        ("name = \"a\"\n[[host]]\nadresses = []", 3, "did you mean addresses?"),
        ("name = \"a\"\n[[host]]\nname = \"h\"\naddresses = [\n\"192.0.2.1/24\",\n\"nonsense\"]", 6, "\"nonsense\""),
        ("name = \"a\"\n[[host]]\nname = \"h\"\ncount = 2", 3, "two nodes are called h"),
        ("name = \"a\"\n[[host]]\nname = \"h{n/0}\"\ncount = 2", 3, "{n/0}"),
    ];
    for (text, line, part) in cases {
        let error = refused(text);
        assert!(error.starts_with(&format!("a.toml:{line}:")) && error.contains(part), "{text}\n{error}");
        assert!(error.lines().count() <= 2, "{error}");
    }
}

#[test]
fn what_does_not_hang_together_is_refused_where_it_stands() {
    let cases = [
        ("[[cable]]\nname = \"b\"\na = \"client\"\nb = \"servr\"", 3, "client takes no more than 1 cable"),
        ("[[host]]\nname = \"x\"\n[[cable]]\nname = \"b\"\na = \"x\"\nb = \"servr\"", 6, "did you mean server?"),
        ("[[cable]]\nname = \"ab\"\na = \"client\"\nb = \"server\"", 2, "two cables are called ab"),
        ("loss = \"101%\"", 1, "at most 100%"),
        ("loss = \"good-to-bad 1%\"", 1, "bad-to-good"),
        ("[cable.back]\nrate = \"10Mbps\"", 2, "10Mbit/s"),
        ("[[fault]]\ncable = \"cd\"\ndirection = \"back\"\nwhen = \"frame 0\"\nact = \"drop\"", 2, "there are ab"),
        ("[[fault]]\ncable = \"ab\"\ndirection = \"up\"\nwhen = \"frame 0\"\nact = \"drop\"", 3, "forward"),
        ("[[fault]]\ncable = \"ab\"\ndirection = \"back\"\nwhen = \"synack 0\"\nact = \"drop\"", 4, "syn-ack"),
        ("[[fault]]\ncable = \"ab\"\ndirection = \"back\"\nwhen = \"frame 0\"\nact = \"lose\"", 5, "drop"),
        ("[[fault]]\ncable = \"ab\"\ndirection = \"back\"\nact = \"drop\"", 1, "needs the key when"),
        ("[[change]]\nat = \"1s\"\ndo = \"cut\"\ncable = \"cd\"", 4, "there are ab"),
        ("[[change]]\nat = \"1s\"\ndo = \"cut\"\ncable = \"ab\"\nloss = \"1%\"", 3, "impair"),
        ("[[app]]\nhost = \"clint\"\nsteps = []", 2, "did you mean client?"),
        ("[[switch]]\nname = \"s\"\n[[app]]\nhost = \"s\"\nsteps = []", 4, "s is a switch; expected a host"),
        ("[[app]]\nhost = \"client\"\nsteps = [\n\"accept\",\n\"lisen 5\"]", 5, "did you mean listen?"),
        ("[[app]]\nhost = \"client\"\nsteps = [\n\"repeat 3\",\n\"accept\"]", 4, "no end behind it"),
        ("[[app]]\nhost = \"client\"\nsteps = [\n\"accept\",\n\"end\"]", 5, "no repeat before it"),
        ("[[app]]\nhost = \"client\"\nsteps = [\n\"expect EPIPE\"]", 4, "cannot fail"),
        (
            "[[app]]\nhost = \"client\"\nsteps = [\"repeat 9999\", \"repeat 9999\", \"accept\", \"end\", \"end\"]",
            3,
            "10000000",
        ),
        ("[expect]\nstates = [\"client TIMEWAIT\"]", 2, "did you mean TIME-WAIT?"),
        ("[expect]\nstates = [\"clint TIME-WAIT\"]", 2, "did you mean client?"),
    ];
    for (more, line, part) in cases {
        let error = refused(&pair(more));
        let place = format!("a.toml:{}:", PAIR_LINES + line);
        assert!(error.starts_with(&place) && error.contains(part), "{more}\nexpected {place}…{part}, found {error}");
        assert!(error.lines().count() <= 2, "{error}");
    }
}

#[test]
fn directions_differ_where_the_file_says_so() {
    let scenario = parsed("loss = \"1%\"\n[cable.back]\nloss = \"none\"\ndelay = \"7ms\"");
    let cable = &scenario.cables[0];
    assert_eq!((cable.forward.loss, cable.forward.delay_ns), (Loss::Bernoulli { ppm: 10_000 }, 5_000_000));
    assert_eq!((cable.back.loss, cable.back.delay_ns), (Loss::None, 7_000_000));
}

#[test]
fn a_transfer_by_steps_is_checked_byte_by_byte() {
    let server = "[[app]]\nhost = \"server\"\nsteps = [\"listen 1234\", \"accept\", \"recv 3000 to-end\"]\n";
    let client =
        |steps: &str| format!("{server}[[app]]\nhost = \"client\"\nsteps = [\"connect 192.0.2.2:1234\", {steps}]");
    assert!(failures(&client("\"repeat 3\", \"send 1000 piece 100\", \"end\"")).is_empty());
    assert!(failures(&client("\"send 2000\""))[0].contains("ended after 2000 bytes of 3000"));
    assert!(failures(&client("\"send 3001\""))[0].contains("1 bytes too many"));
    let foreign = failures(&client("\"send 1000\", \"send 2000 stream 9\""));
    assert!(foreign[0].contains("byte 1000 of the stream is not what was sent"), "{foreign:?}");
}

#[test]
fn an_expected_error_has_to_come() {
    let refusal = "[[app]]\nhost = \"client\"\nsteps = [\"connect 192.0.2.2:1234\", \"expect ECONNREFUSED\"]";
    assert!(failures(refusal).is_empty());
    let wrong = failures(&refusal.replace("ECONNREFUSED", "ETIMEDOUT"));
    assert!(wrong[0].contains("ETIMEDOUT was expected, but it was: ECONNREFUSED"), "{wrong:?}");
    let listens = "[[app]]\nhost = \"server\"\nsteps = [\"listen 1234\", \"accept\"]\n";
    let well = failures(&format!("{listens}{refusal}"));
    assert!(well[0].contains("ECONNREFUSED was expected, but it went well"), "{well:?}");
    let unexpected = failures(&refusal.replace(", \"expect ECONNREFUSED\"", ""));
    assert!(unexpected[0].contains("step 1 (connect 192.0.2.2:1234): ECONNREFUSED"), "{unexpected:?}");
}

#[test]
fn a_reset_and_options_reach_the_socket() {
    let more = "[[app]]\nhost = \"server\"\nsteps = [\"set SO_RCVBUF 4096\", \"listen 1234\", \"accept\", \"recv 5 unchecked\", \
                \"recv 1\", \"expect ECONNRESET\"]\n[[app]]\nhost = \"client\"\nsteps = [\"set TCP_MAXSEG 500\", \
                \"bind 192.0.2.1:4000\", \"connect 192.0.2.2:1234\", \"set TCP_NODELAY on\", \"send-text hello\", \
                \"sleep 1s\", \"reset\"]";
    let run = parsed(more).run(Recording::Full).expect("it hangs together");
    assert_eq!(run.outcome.failures, Vec::<String>::new());
    let seen = crate::observe::observe(&run.trace);
    let client = &seen.connections[0].client;
    assert_eq!((client.addr.port(), client.mss_bytes), (4000, Some(500)));
}

#[test]
fn both_ends_of_a_connection_begin_with_the_numbers_asked_for() {
    for (client, server) in [(0, 8_000), (u32::MAX, 0x8000_0000), (12_345, 0)] {
        let more = "[[app]]\nhost = \"server\"\nbackground = true\nsteps = [\"tcp-echo-server 7\"]\n[[app]]\nhost = \"client\"\nsteps = \
                    [\"tcp-echo-client 192.0.2.2:7 bytes 9000 piece 900\", \"tcp-echo-client 192.0.2.2:7 bytes 10 piece 10\"]";
        let text = pair(more)
            .replace("[\"192.0.2.1/24\"]", &format!("[\"192.0.2.1/24\"]\ninitial_sequence = {client}"))
            // Other hardware makes another stack.
            .replace("[\"192.0.2.2/24\"]", &format!("[\"192.0.2.2/24\"]\nmtu = 1000\ninitial_sequence = {server}"));
        let scenario = Scenario::parse("numbers.toml", &text).unwrap_or_else(|error| panic!("{error}"));
        let run = scenario.run(Recording::Full).expect("it hangs together");
        assert_eq!(run.outcome.failures, Vec::<String>::new());
        let seen = crate::observe::observe(&run.trace);
        let syns: Vec<u32> = seen
            .packets
            .iter()
            .filter_map(|p| p.tcp())
            .filter(|tcp| tcp.flags.contains(Flags::SYN))
            .map(|tcp| tcp.seq)
            .collect();
        assert_eq!(syns[..2], [client, server]);
        assert!(syns.len() == 4 && syns[2] != client && syns[3] != server, "the next connection has others: {syns:?}");
    }
}

#[test]
fn datagrams_by_steps_are_checked_too() {
    let more = "[[app]]\nhost = \"server\"\nsteps = [\"udp 7\", \"recv 100\", \"recv\"]\n[[app]]\nhost = \"client\"\n\
                steps = [\"udp 0\", \"send 100 to 192.0.2.2:7\", \"sleep 1s\", \"send 200 stream 7 to 192.0.2.2:7\"]";
    assert_eq!(failures(more), Vec::<String>::new());
    let wrong = failures(&more.replace("\"recv\"]", "\"recv stream 8\"]"));
    assert!(wrong[0].contains("the datagram is not what was sent"), "{wrong:?}");
}

#[test]
fn broken_promises_are_told() {
    let transfer = "[[app]]\nhost = \"server\"\nsteps = [\"bulk-receiver 1234 bytes 3000\"]\n[[app]]\nhost = \"client\"\n\
                    steps = [\"bulk-sender 192.0.2.2:1234 bytes 3000\"]\n[expect]\n";
    let told = |promise: &str| failures(&format!("{transfer}{promise}")).join("\n");
    assert_eq!(told("ends_within = \"1s\"\nretransmissions_max = 0\ndrops_max = 0\nconnections_min = 1"), "");
    assert!(told("ends_within = \"1ms\"").contains("they were to end within 1ms"));
    assert!(told("retransmissions_min = 1").contains("0 segments were sent again; at least 1 were promised"));
    assert!(told("drops_min = 2").contains("0 frames were dropped; at least 2"));
    assert!(told("connections_min = 2").contains("1 connections were established; at least 2"));
    assert!(told("states = [\"client CLOSING\"]").contains("no connection of client went through CLOSING"));
    assert_eq!(told("states = [\"client FIN-WAIT-1\", \"server CLOSE-WAIT\"]"), "");
}

#[test]
fn faults_and_changes_happen_as_written() {
    let transfer = "[[app]]\nhost = \"server\"\nsteps = [\"bulk-receiver 1234 bytes 20000\"]\n[[app]]\nhost = \"client\"\n\
                    start = \"2s\"\nsteps = [\"bulk-sender 192.0.2.2:1234 bytes 20000\"]\n";
    let fault = "[[fault]]\ncable = \"ab\"\ndirection = \"forward\"\nwhen = \"segment 2\"\nact = \"drop\"\n";
    let cut = "[[change]]\nat = \"1s\"\ndo = \"cut\"\ncable = \"ab\"\n\
               [[change]]\nat = \"10s\"\ndo = \"heal\"\ncable = \"ab\"\n";
    let promise = "[expect]\nretransmissions_min = 1\ndrops_min = 1\ndrops_max = 1\n";
    assert_eq!(failures(&format!("{transfer}{fault}{promise}")), Vec::<String>::new());
    let healed = parsed(&format!("{transfer}{cut}")).run(Recording::Off).expect("it hangs together");
    assert!(healed.outcome.passed && healed.apps_ended_at > Time::from_secs(10), "{:?}", healed.outcome);
    let unfired = failures(&format!("{transfer}{}", fault.replace("segment 2", "rst 0")));
    assert!(unfired[0].contains("never happened"), "{unfired:?}");
}

#[test]
fn a_host_behind_a_router_and_a_nat_is_served_and_a_crash_is_felt() {
    let text = r#"
name = "far"

[[router]]
name = "router"
ports = ["192.0.2.254/24", "198.51.100.254/24"]

[[middlebox]]
name = "home"
strip = ["window-scale"]
window = "at most 4096"
[middlebox.nat]
inside = "10.0.0.254/24"
outside = "192.0.2.1/24"
gateway = "192.0.2.254"

[[host]]
name = "client"
addresses = ["10.0.0.1/24"]
gateways = ["10.0.0.254"]
poll_latency = "20us"

[[host]]
name = "server"
addresses = ["198.51.100.1/24"]
gateways = ["198.51.100.254"]
batch_frames = 4
batch_window = "50us"
refuses = ["from 3s until 3.2s"]

[[cable]]
name = "inside"
a = "client"
b = "home"

[[cable]]
name = "outside"
a = "home"
b = "router"

[[cable]]
name = "far"
a = "router"
b = "server"
delay = "5ms"

[[power]]
at = "10s"
do = "crash"
host = "server"

[[power]]
at = "11s"
do = "restart"
host = "server"

[[app]]
host = "server"
name = "echo"
service = true
steps = ["tcp-echo-server 7"]

[[app]]
host = "client"
name = "before"
steps = ["tcp-echo-client 198.51.100.1:7 bytes 20000 piece 5000"]

[[app]]
host = "client"
name = "during"
start = "5s"
steps = [
    "connect 198.51.100.1:7",
    "sleep-until 12s",
    "send-text still there?",
    "recv 1",
    "expect ECONNRESET",
]

[[app]]
host = "client"
name = "after"
start = "15s"
steps = ["tcp-echo-client 198.51.100.1:7 bytes 20000 piece 5000"]
"#;
    let scenario = Scenario::parse("far.toml", text).unwrap_or_else(|error| panic!("{error}"));
    let run = scenario.run(Recording::Full).expect("it hangs together");
    assert_eq!(run.outcome.failures, Vec::<String>::new());
    let seen = crate::observe::observe(&run.trace);
    assert!(seen.connections.iter().all(|connection| connection.server.window_shift.is_none()), "it was taken out");
    assert_eq!(Scenario::parse("again", &scenario.to_toml()), Ok(scenario));
}

#[test]
fn devices_are_refused_where_they_are_wrong() {
    let cases = [
        ("[[router]]\nname = \"r\"\nports = [\"192.0.2.1\"]", 3, "192.0.2.254/24"),
        ("[[router]]\nname = \"r\"\nports = [\"192.0.2.1/24\"]\nroutes = [\"all via x\"]", 4, "0.0.0.0/0 via"),
        ("[[middlebox]]\nname = \"m\"\nstrip = [\"windowscale\"]", 3, "window-scale"),
        ("[[middlebox]]\nname = \"m\"\nwindow = \"4096\"", 3, "at most 4096"),
        ("[[middlebox]]\nname = \"m\"\n[middlebox.nat]\nindoors = \"x\"", 4, "no key \"indoors\""),
        ("[[host]]\nname = \"x\"\nrefuses = [\"from 2s until 1s\"]", 3, "from 100ms until 250ms"),
        ("[[host]]\nname = \"x\"\nstrip = [\"windowscale\"]", 3, "window-scale"),
        ("[[host]]\nname = \"x\"\ninitial_sequence = 4294967296", 3, "4294967295"),
        (
            "[[middlebox]]\nname = \"m\"\n[[host]]\nname = \"x\"\n[[cable]]\nname = \"1\"\na = \"x\"\nb = \"m\"\n\
             [[switch]]\nname = \"s\"\n[[cable]]\nname = \"2\"\na = \"s\"\nb = \"m\"\n\
             [[cable]]\nname = \"3\"\na = \"s\"\nb = \"m\"",
            18,
            "no more than 2 cable(s)",
        ),
        ("[[power]]\nat = \"1s\"\ndo = \"explode\"\nhost = \"server\"", 3, "crash or restart"),
        ("[[power]]\nat = \"1s\"\ndo = \"crash\"\nhost = \"servr\"", 4, "did you mean server?"),
    ];
    for (more, line, part) in cases {
        let error = refused(&pair(more));
        let place = format!("a.toml:{}:", PAIR_LINES + line);
        assert!(error.starts_with(&place) && error.contains(part), "{more}\nexpected {place}…{part}, found {error}");
    }
    let batch = refused(&pair("[[host]]\nname = \"x\"\nbatch_frames = 4"));
    assert!(batch.contains("batch_window"), "{batch}");
}

#[test]
fn a_scenario_that_no_file_can_say_is_refused() {
    let mut scenario = parsed("[[app]]\nhost = \"client\"\nsteps = []");
    scenario.apps[0].steps = vec![Step { socket: String::new(), call: Call::Note(" two\nlines".to_owned()) }];
    assert!(scenario.build().is_err_and(|error| error.message.contains("one line of text")));
    scenario.apps[0].steps.clear();
    scenario.cables[0].b = "nobody".to_owned();
    assert!(scenario.build().is_err_and(|error| error.to_string().starts_with("pair: there is no node")));
}

#[test]
fn the_manual_names_every_key_and_verb_and_its_examples_are_good() {
    let manual = include_str!("../../../src/manual/scenario.md");
    for (section, keys) in SECTIONS {
        for key in *keys {
            assert!(
                manual.contains(&format!("`{key}`")),
                "the manual's page scenario does not tell `{key}` of {section}"
            );
        }
    }
    for verb in super::step::verbs() {
        assert!(manual.contains(&format!("`{verb}")), "the manual's page scenario does not tell the step `{verb}`");
    }
    let examples: Vec<&str> = manual.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 3, "{} examples", examples.len());
    for example in examples {
        let whole =
            if example.contains("name = ") && example.starts_with("name") { example.to_owned() } else { pair(example) };
        let read = Scenario::parse("manual", &whole);
        assert!(read.is_ok(), "{example}\n{}", read.expect_err("it is not").message);
    }
}
