//! The integration tests.

mod captures;
mod found;
mod many;
mod no_heap;
mod pair;
mod properties;
mod rfc9293;
mod segments;
mod sockets;
mod tidy;
mod traps;
mod wire;
