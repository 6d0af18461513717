//! What do the built-in scenarios have in common?

use std::net::SocketAddr;

use smolsock::Config;

use super::{Options, Staged};
use crate::executor::TaskResult;
use crate::host::Host;
use crate::link::Impairments;
use crate::trace::NodeId;
use crate::world::{World, WorldError};

/// Two hosts and the cable `ab` between them.
pub(super) struct Pair {
    pub(super) world: World,
    pub(super) client: NodeId,
    pub(super) server: NodeId,
}

/// The server of a [`Pair`], at this port.
pub(super) fn server_at(port: u16) -> SocketAddr {
    ([192, 0, 2, 2], port).into()
}

/// Any own address, at this port.
pub(super) fn any(port: u16) -> SocketAddr {
    ([0, 0, 0, 0], port).into()
}

/// A quiet network: 10 Mbit/s and 5 ms each way, slow enough to see what happens.
pub(super) fn quiet() -> Impairments {
    Impairments { rate_bps: 10_000_000, delay_ns: 5_000_000, ..Impairments::default() }
}

/// 192.0.2.1 `client` and 192.0.2.2 `server`, joined by `cable`.
pub(super) fn pair(options: &Options, cable: Impairments) -> Result<Pair, WorldError> {
    pair_with(options, cable, |_| {})
}

/// A [`pair`] whose server's configuration is changed.
pub(super) fn pair_with(
    options: &Options,
    cable: Impairments,
    tune_server: impl FnOnce(&mut Config),
) -> Result<Pair, WorldError> {
    let mut world = World::new(options.seed);
    let client = world.host("client", &["192.0.2.1/24"])?;
    let server = world.host_with("server", &["192.0.2.2/24"], tune_server)?;
    world.cable("ab", client, server, with_loss(options, cable))?;
    Ok(Pair { world, client, server })
}

/// The cable as the user wants it.
pub(super) fn with_loss(options: &Options, mut cable: Impairments) -> Impairments {
    cable.loss_ppm = options.loss_ppm.unwrap_or(cable.loss_ppm);
    cable
}

/// Two hosts on a [`quiet`] cable with an application each, played to the end.
pub(super) fn play_pair<S, C>(
    options: &Options,
    server: impl FnOnce(Host) -> S,
    client: impl FnOnce(Host) -> C,
) -> Result<Staged, WorldError>
where
    S: Future<Output = TaskResult> + 'static,
    C: Future<Output = TaskResult> + 'static,
{
    let mut pair = pair(options, quiet())?;
    pair.world.app(pair.server, "server", server);
    pair.world.app(pair.client, "client", client);
    Ok(pair.play())
}

impl Pair {
    /// Both captures are worth keeping.
    pub(super) fn play(self) -> Staged {
        let Self { world, client, server } = self;
        Staged::new(world, vec![client, server])
    }
}

/// Where the servers of streams listen. Wireshark takes what goes to port 80 for HTTP, and complains when it is
/// not; this port means nothing to it.
pub(super) const PORT: u16 = 1234;
