//! Who hears what happens to sockets?
//!
//! Without feature `inspect` nobody, and nothing is compiled in; with it, whoever
//! [`Stack::set_inspector`](crate::Stack::set_inspector) was told of.

#[cfg(not(feature = "inspect"))]
mod disabled;
#[cfg(feature = "inspect")]
mod enabled;

#[cfg(not(feature = "inspect"))]
pub(super) use disabled::Call;
#[cfg(feature = "inspect")]
pub(super) use {crate::inspect::Call, enabled::Hook};
