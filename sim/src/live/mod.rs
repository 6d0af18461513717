//! How does the simulated cable carry frames of the real world, in real time?
//!
//! A [`Wire`] is one direction of a simulated cable with a clock from outside: it takes frames, and gives them back when
//! they are due, lost, late, doubled and damaged as [`Impairments`](crate::link::Impairments) say. The same frames at the
//! same times with the same seed come out in the same way. A [`Cable`] is two of them with a capture at each end, and
//! [`Impaired`] puts a cable between a stack and its device.
//!
//! Nothing here reads a clock, but for the alarm of `Impaired::with_alarm`, which only wakes.

#[cfg(target_os = "linux")]
mod alarm;
mod cable;
pub mod http;
mod impaired;
#[cfg(test)]
mod tests;
mod wire;

#[cfg(target_os = "linux")]
pub use alarm::Alarm;
pub use cable::{Cable, End};
pub use impaired::{Impaired, SharedCable};
pub use wire::{Counts, Delivery, Wire};
