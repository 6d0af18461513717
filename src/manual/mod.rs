//! How does it work, and what does it not do?
//!
//! One idea per page, each with the invariants that the code keeps.

#[doc = include_str!("flow.md")]
pub mod flow {}
#[doc = include_str!("demux.md")]
pub mod demux {}
#[doc = include_str!("figure.md")]
pub mod figure {}
#[doc = include_str!("semantics.md")]
pub mod semantics {}
#[doc = include_str!("limits.md")]
pub mod limits {}
// Its example needs what our tests have of smoltcp.
#[cfg(feature = "std")]
#[doc = include_str!("upstream.md")]
pub mod upstream {}
#[doc = include_str!("panics.md")]
pub mod panics {}
#[doc = include_str!("rfc9293.md")]
pub mod rfc9293 {}
#[doc = include_str!("attacks.md")]
pub mod attacks {}
#[doc = include_str!("scenario.md")]
pub mod scenario {}
#[cfg(feature = "std")]
#[doc = include_str!("live.md")]
pub mod live {}
#[doc = include_str!("search.md")]
pub mod search {}
#[doc = include_str!("oracles.md")]
pub mod oracles {}
#[doc = include_str!("tap.md")]
pub mod tap {}
#[doc = include_str!("fuzzing.md")]
pub mod fuzzing {}
#[cfg(feature = "inspect")]
#[doc = include_str!("inspection.md")]
pub mod inspection {}
#[cfg(feature = "std")]
#[doc = include_str!("blocking.md")]
pub mod blocking {}
