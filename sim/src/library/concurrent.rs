//! Can one server serve 128 clients at once?

use std::time::Duration;

use super::stage::{any, quiet, with_loss};
use super::{Entry, Options, Staged};
use crate::app::echo;
use crate::link::Impairments;
use crate::world::{World, WorldError};

pub(super) const ENTRY: Entry = Entry {
    name: "concurrent",
    sentence: "One echo server and 128 clients at once, on 32 hosts behind a switch; none waits for another.",
    play,
};

fn play(options: &Options) -> Result<Staged, WorldError> {
    let mut world = World::new(options.seed);
    let switch = world.switch("switch")?;
    let server = world.host_with("server", &["192.0.2.1/24"], |server| {
        server.half_open_max = CLIENTS;
        // A client whose SYN was lost often sends its data only after a minute (B26).
        server.half_open_timeout = Duration::from_secs(180);
    })?;
    let uplink = Impairments { rate_bps: 100_000_000, ..quiet() };
    world.cable("uplink", server, switch, with_loss(options, uplink))?;
    world.daemon(server, "echo", |host| echo::tcp_server(host, any(7), CLIENTS));
    let mut vantages = vec![server];
    for number in 1..=HOSTS {
        let host = world.host(&format!("host{number:02}"), &[&format!("192.0.2.{}/24", 100 + number)])?;
        world.cable(&format!("cable{number:02}"), host, switch, with_loss(options, quiet()))?;
        for client in 0..CLIENTS / HOSTS {
            let stream = (number * CLIENTS + client) as u32;
            let name = format!("client {client} of host{number:02}");
            let remote = ([192, 0, 2, 1], 7).into();
            world.app(host, &name, move |host| echo::tcp_client(host, remote, stream, 4_000, 1_000));
        }
        if number == 1 {
            vantages.push(host);
        }
    }
    Ok(Staged::new(world, vantages))
}

const CLIENTS: usize = 128;
const HOSTS: usize = 32;
