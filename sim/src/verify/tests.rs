//! Does the verifier bite? A real run, altered in one place.

use super::*;
use crate::app::echo;
use crate::link::{Act, Jitter, Loss, Queue, When};
use crate::trace::{Arrival, Corruption, DropReason, Fate};
use crate::world::{Ending, World};

/// An echo of 20 kB over these cables, with a switch between.
fn run(impairments: Impairments, faults: Vec<Fault>) -> Ending {
    let mut world = World::new(5);
    let client = world.host("client", &["192.0.2.1/24"]).expect("a good address");
    let server = world.host("server", &["192.0.2.2/24"]).expect("a good address");
    let switch = world.switch("switch").expect("Ethernet");
    world.cable("left", client, switch, impairments).expect("two nodes");
    world.cable("right", switch, server, impairments).expect("two nodes");
    world.fault("left", Direction::Forward, faults).expect("a cable");
    world.daemon(server, "echo", |host| echo::tcp_server(host, "0.0.0.0:7".parse().expect("good"), 5));
    world.app(client, "client", |host| echo::tcp_client(host, "192.0.2.2:7".parse().expect("good"), 1, 20_000, 10_000));
    world.run(Time::from_secs(300))
}

fn plain() -> Impairments {
    Impairments { delay_ns: 1_000_000, rate_bps: 10_000_000, ..Impairments::default() }
}

fn rough() -> Impairments {
    Impairments {
        loss: Loss::Bernoulli { ppm: 30_000 },
        queue: Queue::of_frames(6),
        jitter: Jitter::uniform(500_000),
        reorder_ppm: 30_000,
        reorder_delay_ns: 3_000_000,
        duplicate_ppm: 30_000,
        corrupt_ppm: 30_000,
        ..plain()
    }
}

#[test]
fn what_the_links_do_is_possible() {
    let codel = Impairments { queue: Queue::CODEL, rate_bps: 500_000, ..plain() };
    let faults = [Act::Drop, Act::Duplicate, Act::Delay(7_000_000), Act::Truncate { len: 30 }];
    let faults: Vec<Fault> = (5..).zip(faults).map(|(nth, act)| Fault { when: When::Frame(nth), act }).collect();
    for (name, impairments, faults) in [
        ("plain", plain(), vec![]),
        ("rough", rough(), vec![]),
        ("mended", Impairments { mend_checksum: true, ..rough() }, vec![]),
        ("codel", codel, vec![]),
        ("faults", plain(), faults),
    ] {
        let ending = run(impairments, faults);
        assert!(ending.trace.frames.len() > 60, "{name}");
        assert_eq!(verify(&ending.trace, &ending.links), Ok(()), "{name}");
    }
}

/// Alters a record of a plain run: the verifier must say something with `word` in it.
fn finds(word: &str, alter: impl FnOnce(&mut Vec<FrameRecord>)) {
    let mut ending = run(plain(), vec![]);
    assert_eq!(verify(&ending.trace, &ending.links), Ok(()));
    alter(&mut ending.trace.frames);
    let wrong = verify(&ending.trace, &ending.links).expect_err(word);
    assert!(wrong.iter().any(|what| what.contains(word)), "{word}: {wrong:?}");
}

#[test]
fn an_arrival_before_its_delay_is_found_and_one_too_late() {
    finds("not before", |frames| frames[9].fate.copies[0].at = frames[9].sent_at.after_ns(900_000));
    finds("the latest possible", |frames| {
        frames[9].fate.copies[0].at = frames[9].fate.copies[0].at.after_ns(1);
    });
}

#[test]
fn a_frame_from_nowhere_is_found() {
    finds("from nowhere", |frames| {
        let of_switch = frames.iter().position(|frame| frame.from == NodeId(2)).expect("a switch");
        frames[of_switch].id = PacketId(1_000_000);
    });
    finds("it was passed on at", |frames| {
        // A switch that passes on what has not come yet.
        let passed = frames.iter().rposition(|frame| frame.from == NodeId(2)).expect("a switch");
        let id = frames[passed].id;
        let came = frames.iter().position(|frame| frame.id == id && frame.to == NodeId(2)).expect("it came");
        frames[came].fate.copies[0].at = frames[passed].sent_at.after_ns(1);
    });
}

#[test]
fn serialisation_and_the_order_of_the_queue_are_respected() {
    finds("the transmitter was free", |frames| {
        let queued = frames.iter().position(|frame| frame.fate.queued_ns > 0).expect("a queue");
        frames[queued].fate.queued_ns = 0;
    });
}

#[test]
fn more_copies_than_were_made_are_found() {
    finds("copies arrive", |frames| {
        let copy = Arrival { duplicate: true, ..frames[9].fate.copies[0].clone() };
        frames[9].fate.copies.push(copy);
    });
}

#[test]
fn bytes_that_change_without_a_word_are_found() {
    finds("other than it was sent", |frames| {
        let mut bytes = frames[9].bytes.clone();
        bytes[20] ^= 1;
        frames[9].fate.copies[0].bytes = Some(bytes);
    });
    finds("bits were flipped", |frames| {
        frames[9].fate.copies[0].corrupted = vec![Corruption { byte: 20, bit: 0, is_mended: false }];
    });
}

#[test]
fn a_drop_without_a_reason_that_the_settings_give_is_found() {
    for reason in [
        DropReason::Loss,
        DropReason::QueueFull,
        DropReason::CoDel,
        DropReason::Mtu,
        DropReason::Scripted,
        DropReason::LinkDown,
    ] {
        finds("nothing on this cable asks for", |frames| frames[9].fate = Fate::dropped(reason));
    }
    finds("vanished", |frames| frames[9].fate.copies.clear());
}

#[test]
fn holding_back_without_a_reason_is_found() {
    finds("held back", |frames| {
        let copy = &mut frames[9].fate.copies[0];
        copy.reordered_ns = 5;
        copy.at = copy.at.after_ns(5);
    });
}
