//! Which cases are there?

mod bind;
mod connect;
mod endings;
mod listen_accept;
mod messages;
mod multicast;
mod options;
mod raw;
mod reuse;
mod send_recv;
mod udp;

use std::sync::LazyLock;

use super::case::Case;

/// All cases.
pub fn all() -> &'static [Case] {
    static ALL: LazyLock<Vec<Case>> = LazyLock::new(|| {
        let areas = [
            bind::cases(),
            connect::cases(),
            listen_accept::cases(),
            send_recv::cases(),
            endings::cases(),
            udp::cases(),
            reuse::cases(),
            options::cases(),
            messages::cases(),
            multicast::cases(),
            raw::cases(),
        ];
        areas.into_iter().flatten().collect()
    });
    &ALL
}
