//! The integration tests.

mod arms;
mod captures;
mod found;
mod many;
mod no_heap;
mod pair;
mod properties;
mod segments;
mod sockets;
mod tidy;
mod traps;
mod wire;
