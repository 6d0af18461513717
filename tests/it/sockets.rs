//! Do the socket calls answer what their documentation says, in every state?
//!
//! Two stacks on a cable, public API only. What does not depend on the medium or the family runs on all four.

mod accept;
mod close;
mod connect;
mod datagrams;
mod dual;
mod dup;
mod fragments;
mod groups;
mod keep_alive;
mod linger;
mod local;
mod messages;
mod names;
mod open;
mod options;
mod ping;
mod poll;
mod raw;
mod readiness;
mod stream;
mod time_wait;
mod timers;
mod wakers;
