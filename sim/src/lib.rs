//! A deterministic network in virtual time: hosts that run the real `smolsock`, cables that lose, delay,
//! reorder, duplicate and corrupt, switches, routers, middleboxes, and captures for Wireshark.
//!
//! A test of your own application takes ten lines:
//!
//! ```
//! use smolsock::task::{TcpListener, TcpStream};
//! use smolsock_sim::{World, link::{Impairments, Loss}, time::Time};
//!
//! let mut world = World::new(1); // the seed: the same one gives the same run, to the bit
//! let client = world.host("client", &["192.0.2.1/24"])?;
//! let server = world.host("server", &["192.0.2.2/24"])?;
//! let lossy = Impairments { loss: Loss::Bernoulli { ppm: 50_000 }, delay_ns: 10_000_000, ..Impairments::default() };
//! world.cable("ab", client, server, lossy)?;
//! world.app(server, "server", |host| async move {
//!     let (stream, _) = TcpListener::bind(&host, "0.0.0.0:80".parse()?, 1)?.accept().await?;
//!     Ok(stream.write_all(b"hello").await?)
//! });
//! world.app(client, "client", |host| async move {
//!     let stream = TcpStream::connect(&host, "192.0.2.2:80".parse()?).await?;
//!     let mut bytes = [0; 5];
//!     stream.read_exact(&mut bytes).await?;
//!     if bytes == *b"hello" { Ok(()) } else { Err("something else came".into()) }
//! });
//! let ending = world.run(Time::from_secs(60));
//! assert!(ending.failures.is_empty(), "{:?}", ending.failures);
//! # Ok::<(), smolsock_sim::WorldError>(())
//! ```
//!
//! - [`check`]: your own code over a bad link in ten lines, and what failed brought down to the least.
//! - [`World`]: hosts, cables and applications in Rust; [`World::run`] plays them. [`world::Change`] and [`link::Fault`] say
//!   what goes wrong.
//! - [`scenario::Scenario`]: the same as a file; [`library`] has the built-in ones.
//! - [`oracle`]: what must be true of every run, and is looked at in each; [`verify`] does so for the network.
//! - [`search`]: many seeds, what chance did as a list of faults, and the least of it that makes a run fail.
//! - [`capture`] writes files for Wireshark, [`report`] a ladder and a summary, [`observe`] is what both have read.
//! - [`peer`]: segments written down one by one, to test a host against; [`app`]: ready applications.
//! - [`live`]: the same cables between real interfaces, in real time.
//! - Feature `proptest`: the module `strategy` has strategies for links and faults.
//!
//! What a cable does to a frame, in each direction, in this order:
//!
//! ```text
//!            ┌─────┐   ┌────────┐   ┌──────┐   ┌───────────────┐   ┌────────┐   ┌────────────┐   ┌────────────┐
//!  sender ──►│ MTU ├──►│ faults ├──►│ loss ├──►│ rate, queue   ├──►│ delay, ├──►│ reordering,├──►│ corruption ├──► receiver
//!            └──┬──┘   └───┬────┘   └──┬───┘   │ (drop-tail or │   │ jitter │   │ duplication│   └────────────┘
//!               ▼          ▼           ▼       │ CoDel, ECN)   │   └────────┘   └────────────┘
//!            too big    scripted     chance    └──────┬────────┘
//!                                                     ▼
//!                                                 queue full          ▼ dropped, with the reason in the capture
//! ```
//!
//! The manual ([`smolsock::manual`]) has a page on each: scenario, figure, oracles, search.
#![forbid(unsafe_code)]

pub mod app;
pub mod attack;
pub mod capture;
pub mod check;
pub mod events;
pub mod executor;
pub mod frame;
pub mod host;
pub mod journal;
pub mod library;
pub mod link;
pub mod live;
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
