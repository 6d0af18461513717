//! The integration tests.

mod anomalies;
mod arms;
mod blocking;
mod by_name;
mod captures;
mod errnos;
mod extremes;
mod figure;
mod found;
mod fuzzed;
mod hostile;
#[cfg(target_os = "linux")]
mod kernel;
mod limits;
mod many;
mod no_heap;
mod pair;
mod properties;
mod rfc9293;
mod secrets;
mod segments;
mod sockets;
mod tidy;
mod traps;
mod wire;
