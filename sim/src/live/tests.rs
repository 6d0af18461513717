//! Do frames come out of a live cable as they do in the simulator?

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pcap_file::pcapng::PcapNgReader;
use smoltcp::phy::{Device, RxToken, TxToken};
use smoltcp::time::Instant;

use super::*;
use crate::capture::{Format, LiveAbout, Wiretap};
use crate::frame::Medium;
use crate::link::{Direction, Impairments, Jitter, Link, Loss, Queue};
use crate::nic::Nic;
use crate::rng::Dice;
use crate::time::Time;

const MS: u64 = 1_000_000;

fn bad() -> Impairments {
    Impairments {
        loss: Loss::Bernoulli { ppm: 100_000 },
        delay_ns: 3 * MS,
        jitter: Jitter::uniform(2 * MS),
        reorder_ppm: 50_000,
        reorder_delay_ns: 4 * MS,
        duplicate_ppm: 50_000,
        rate_bps: 10_000_000,
        ..Impairments::default()
    }
}

fn frame(n: u32) -> Vec<u8> {
    let mut frame = vec![0; 100];
    frame[20..24].copy_from_slice(&n.to_be_bytes());
    frame
}

fn number(frame: &[u8]) -> u32 {
    u32::from_be_bytes(frame[20..24].try_into().expect("4 bytes"))
}

/// The numbers of all that comes out of a wire until nothing is inside, with the times at which it was due.
fn drain(wire: &mut Wire) -> Vec<(Time, u32)> {
    let mut out = Vec::new();
    while let Some(due) = wire.next_due() {
        while let Some(delivery) = wire.receive(due) {
            out.push((delivery.record.fate.copies[delivery.copy as usize - 1].at, number(delivery.bytes())));
        }
    }
    out
}

#[test]
fn a_live_wire_does_to_the_bit_what_the_simulated_cable_does() {
    let dice = Dice::from_seed(7).child("link").child("ab").child("forward");
    let mut link = Link::new(Medium::Ethernet, dice);
    link.set_impairments(bad()).expect("in range");
    let mut wire = Wire::new("ab", Direction::Forward, Medium::Ethernet, 7, bad()).expect("in range");
    let mut expected = Vec::new();
    for n in 0..2_000 {
        let now = Time::from_micros(u64::from(n) * 90);
        let fate = link.send(now, &frame(n));
        expected.extend(fate.copies.iter().map(|copy| (copy.at, n)));
        wire.send(now, &frame(n));
    }
    expected.sort_by_key(|(at, _)| *at);
    assert!(expected.len() > 1_700 && expected.len() < 2_000, "{}", expected.len());
    assert_eq!(drain(&mut wire), expected);
    let counts = wire.counts();
    assert_eq!(counts.delivered, counts.sent - counts.lost - counts.queue_dropped + counts.duplicated);
    assert!(counts.lost > 100 && counts.duplicated > 50 && counts.held_back > 50, "{counts:?}");
    assert_eq!(wire.frames_inside(), 0);
}

#[test]
fn a_caller_that_comes_late_changes_nothing_but_when_it_gets_the_frames() {
    let codel = Impairments { rate_bps: 1_000_000, queue: Queue::CODEL, ..Impairments::default() };
    let run = |every_ns: u64| {
        let mut wire = Wire::new("ab", Direction::Forward, Medium::Ethernet, 1, codel).expect("in range");
        // 1.6 Mbit/s into 1 Mbit/s: the queue has to drop.
        for n in 0..2_000 {
            wire.send(Time::from_nanos(u64::from(n) * MS / 2), &frame(n));
        }
        let mut out = Vec::new();
        let mut now = Time::ZERO;
        while wire.frames_inside() > 0 {
            now = now.after_ns(every_ns);
            out.extend(std::iter::from_fn(|| wire.receive(now)).map(|delivery| number(delivery.bytes())));
        }
        (out, wire.counts())
    };
    let (frames, counts) = run(MS / 10);
    assert!(counts.queue_dropped > 10, "{counts:?}");
    assert_eq!(run(700 * MS), (frames, counts));
}

#[test]
fn a_wire_has_no_room_for_more_than_its_limit() {
    let late = Impairments { delay_ns: 1_000 * MS, ..Impairments::default() };
    let mut wire = Wire::new("ab", Direction::Forward, Medium::Ethernet, 1, late).expect("in range");
    wire.set_room(1_000);
    (0..15).for_each(|n| wire.send(Time::ZERO, &frame(n)));
    assert_eq!((wire.frames_inside(), wire.counts().queue_dropped), (10, 5));
    assert_eq!(drain(&mut wire).len(), 10);
    wire.send(Time::from_secs(2), &frame(15));
    assert_eq!(wire.frames_inside(), 1, "there is room again");
}

#[test]
fn time_that_runs_backwards_stands_still() {
    let mut wire = Wire::new("ab", Direction::Forward, Medium::Ethernet, 1, bad()).expect("in range");
    wire.send(Time::from_secs(2), &frame(0));
    wire.send(Time::from_secs(1), &frame(1));
    assert!(wire.next_due() > Some(Time::from_secs(2)));
}

/// A file that the test reads when it has been written.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("one thread").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn tap(file: &Shared) -> Wiretap<Box<dyn Write + Send>> {
    let about = LiveAbout { interface: "tap0".into(), description: "a test".into(), comment: "seed: 7".into() };
    let started = Duration::from_secs(1_700_000_000);
    Wiretap::begin(Format::Pcapng, Medium::Ethernet, &about, started, Box::new(file.clone()) as _).expect("memory")
}

#[test]
fn each_end_has_a_capture_of_what_it_sent_and_what_arrived_there() {
    let (at_a, at_b) = (Shared::default(), Shared::default());
    let lossy = Impairments { loss: Loss::Bernoulli { ppm: 500_000 }, delay_ns: MS, ..Impairments::default() };
    let mut cable = Cable::new("ab", Medium::Ethernet, 3, lossy, Impairments::default()).expect("in range");
    cable.listen(End::A, tap(&at_a));
    cable.listen(End::B, tap(&at_b));
    for n in 0..10 {
        cable.send(End::A, Time::from_nanos(u64::from(n)), &frame(n));
    }
    while let Some(due) = cable.next_due() {
        while let Some(frame) = cable.receive(End::B, due) {
            // It answers.
            cable.send(End::B, due, &frame);
        }
        while cable.receive(End::A, due).is_some() {}
    }
    let lost = cable.counts(End::A).lost;
    assert!((1..10).contains(&lost), "{lost}");
    let (arrived, back) = (10 - lost, 10 - lost);
    assert_eq!(cable.finish().expect("memory"), [10 + back, arrived + back]);
    let read = |file: &Shared| packets(&file.0.lock().expect("one thread"));
    let a = read(&at_a);
    assert_eq!(a.len() as u64, 10 + back);
    assert_eq!(a.iter().filter(|(_, comments)| comments.contains("[sim] DROP link=ab")).count() as u64, lost);
    assert!(a.iter().all(|(at, _)| at.as_secs() == 1_700_000_000), "the time of day: {a:?}");
    assert_eq!(read(&at_b).len() as u64, arrived + back);
}

/// When, and with which comments.
fn packets(file: &[u8]) -> Vec<(Duration, String)> {
    use pcap_file::pcapng::Block;
    let mut reader = PcapNgReader::new(file).expect("a header");
    let mut packets = Vec::new();
    while let Some(block) = reader.next_block() {
        if let (Block::EnhancedPacket(packet), _) = block.expect("a block") {
            packets.push((packet.timestamp, format!("{:?}", packet.options)));
        }
    }
    packets
}

#[test]
fn a_device_behind_a_cable_gets_and_gives_frames_when_they_are_due() {
    let late = |delay_ns| Impairments { delay_ns, ..Impairments::default() };
    let cable = Cable::new("ab", Medium::Ethernet, 1, late(10 * MS), late(20 * MS)).expect("in range");
    let mut nic = Nic::new(Medium::Ethernet, 1_500);
    nic.deliver(&frame(1));
    let mut device = Impaired::new(nic, cable);
    let at = Instant::from_millis;
    assert!(device.receive(at(0)).is_none(), "it is on the cable for 20 ms");
    assert_eq!(device.next_due(), Some(Time::from_millis(20)));
    device.transmit(at(5)).expect("room").consume(100, |buffer| buffer.copy_from_slice(&frame(2)));
    assert_eq!(device.next_due(), Some(Time::from_millis(15)));
    assert!(device.device_mut().take().is_none());
    assert!(device.receive(at(15)).is_none());
    assert_eq!(device.device_mut().take(), Some(frame(2)), "asking for a frame sends what is due");
    let (received, _) = device.receive(at(20)).expect("it is due");
    assert_eq!(received.consume(<[u8]>::to_vec), frame(1));
    assert_eq!(device.next_due(), None);
}

#[test]
fn what_the_device_does_not_take_stays_on_the_cable() {
    let cable = Cable::new("ab", Medium::Ethernet, 1, Impairments::default(), Impairments::default()).expect("fine");
    let mut device = Impaired::new(Nic::new(Medium::Ethernet, 1_500), cable);
    device.device_mut().set_refusing(true);
    device.transmit(Instant::ZERO).expect("room").consume(100, |buffer| buffer.copy_from_slice(&frame(1)));
    assert_eq!(device.next_due(), Some(Time::ZERO));
    device.device_mut().set_refusing(false);
    assert!(device.receive(Instant::from_millis(1)).is_none());
    assert_eq!(device.device_mut().take(), Some(frame(1)));
}

#[cfg(target_os = "linux")]
#[test]
fn the_alarm_wakes_for_frames_on_the_cable_and_for_callers() {
    use smolsock::blocking::Waiter;
    use std::os::fd::AsFd;

    // A wait that nothing ends would last for a day.
    const EVER: Option<Duration> = Some(Duration::from_secs(86_400));
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("two sockets");
    let mut alarm = super::alarm::Alarm::new(ours.as_fd()).expect("descriptors");
    let clock = alarm.clock();
    clock.set(Some(1));
    alarm.wait(false, EVER).expect("it rings");
    clock.set(Some(0));
    alarm.wait(false, EVER).expect("at once is no never");
    clock.set(None);
    alarm.waker().wake();
    alarm.wait(false, EVER).expect("somebody calls");
    (&theirs).write_all(b"a frame").expect("room");
    alarm.wait(false, EVER).expect("a frame has come");
    alarm.wait(true, EVER).expect("there is room");
    (&ours).read_exact(&mut [0; 7]).expect("it is there");
    alarm.wait(false, Some(Duration::from_millis(1))).expect("nothing happens");
}

#[cfg(target_os = "linux")]
#[test]
fn the_alarm_tells_that_the_device_is_gone() {
    use smolsock::blocking::Waiter;
    use std::os::fd::AsFd;

    // The end of a pipe that is written to has an error, and nothing to read, when nobody reads it any more.
    let (read, write) = std::io::pipe().expect("a pipe");
    let mut alarm = super::alarm::Alarm::new(write.as_fd()).expect("descriptors");
    drop(read);
    let error = alarm.wait(false, None).expect_err("it is gone");
    assert_eq!(error.kind(), io::ErrorKind::NetworkDown);
}
