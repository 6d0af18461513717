//! A deterministic network in virtual time: hosts that run the real `smolsock`, cables that lose, delay,
//! reorder, duplicate and corrupt, switches, and captures for Wireshark.
//!
//! [`check`] is where to begin with a test of your own code, [`World`] with anything else.

pub mod app;
pub mod capture;
pub mod check;
pub mod events;
pub mod executor;
pub mod frame;
pub mod host;
pub mod isn;
pub mod journal;
pub mod library;
pub mod link;
pub mod middlebox;
pub mod nat;
pub mod nearest;
mod neighbours;
pub mod nic;
pub mod observe;
pub mod oracle;
mod packet;
mod panics;
pub mod peer;
pub mod report;
pub mod rng;
pub mod router;
pub mod scenario;
pub mod search;
#[cfg(feature = "proptest")]
pub mod strategy;
pub mod switch;
pub mod time;
pub mod trace;
pub mod verify;
pub mod world;

pub use frame::Medium;
pub use host::Host;
pub use world::{Ending, Realism, RealismError, Recording, World, WorldError};
