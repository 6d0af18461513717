//! What does smoltcp 0.14 not do for us?
//!
//! Each trap is a claim that is false on smoltcp used as its documentation says, and true on our stack.
//! When a new smoltcp makes one true, the test says so, and the code that works around it can go.

mod host;
mod ours;
mod plain;

mod buffers;
mod cookies;
mod egress;
mod endings;
mod guesses;
mod limits;
mod listener;
mod neighbors;
mod recovery;
mod refuse;
mod reuse;
mod spike;
mod tables;
mod time_wait;
mod timers;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::wire::{Net, Peer};
use host::{Host, Id, Setup};

/// A host of either arm on a cable.
type Bench = Net<Box<dyn Host>>;

/// `claim` fails on plain smoltcp, with a message that contains `plain_says`, and holds on our stack.
fn trap(plain_says: &str, claim: impl Fn(&Bench)) {
    trap_on(Setup::default(), plain_says, claim);
}

/// [`trap`] on hosts that are built from `setup`.
fn trap_on(setup: Setup, plain_says: &str, claim: impl Fn(&Bench)) {
    fails(plain_says, || claim(&plain(setup)));
    claim(&ours(setup));
}

/// A known limit: `claim` fails on plain smoltcp and on our stack alike, with a message that contains
/// `says`. The manual, page limits, says so too.
fn limit(says: &str, claim: impl Fn(&Bench)) {
    fails(says, || claim(&plain(Setup::default())));
    fails(says, || claim(&ours(Setup::default())));
}

/// `claim` fails, with a message that contains `says`.
pub fn fails(says: &str, claim: impl Fn()) {
    let said = match catch_unwind(AssertUnwindSafe(claim)) {
        Ok(()) => panic!("the claim is kept: it should fail with \"{says}\""),
        Err(payload) => text(&*payload),
    };
    assert!(said.contains(says), "the claim failed for another reason than \"{says}\":\n{said}");
}

/// `claim` holds on both: something that we rely on smoltcp for.
fn both(claim: impl Fn(&Bench)) {
    both_on(Setup::default(), claim);
}

/// [`both`] on hosts that are built from `setup`.
fn both_on(setup: Setup, claim: impl Fn(&Bench)) {
    claim(&plain(setup));
    claim(&ours(setup));
}

fn plain(setup: Setup) -> Bench {
    Net::new(setup.medium, |cable| Box::new(plain::Plain::new(setup, cable)) as Box<dyn Host>)
}

fn ours(setup: Setup) -> Bench {
    Net::new(setup.medium, |cable| Box::new(ours::Ours::new(setup, cable)) as Box<dyn Host>)
}

/// A server with one connection.
fn open(net: &Bench) -> (Id, Peer<Box<dyn Host>>) {
    let listener = net.host().listen(80, 1);
    let mut peer = net.peer().towards(80);
    peer.connects();
    let socket = net.host().accept(listener).expect("a connection that is open");
    (socket, peer)
}

fn text(payload: &(dyn std::any::Any + Send)) -> String {
    let of_format = payload.downcast_ref::<String>().cloned();
    of_format.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
