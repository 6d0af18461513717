//! Does a stream arrive whole and in order, in both directions at once?

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use proptest::prelude::*;
use smolsock::task::{TcpListener, TcpStream};
use smolsock::{Errno, Shutdown};
use smolsock_sim::app::bulk::{Reading, read_checked};
use smolsock_sim::app::pattern::pattern;
use smolsock_sim::executor::TaskResult;
use smolsock_sim::frame::Medium;
use smolsock_sim::host::Host;
use smolsock_sim::link::Impairments;
use smolsock_sim::time::Time;
use smolsock_sim::world::{Ending, World};

use super::{bad_cable, cases};

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn a_stream_survives_whatever_the_network_does_to_it(plan in any_plan()) {
        let ending = plan.play();
        prop_assert!(ending.failures.is_empty(), "{:?}", ending.failures);
        prop_assert!(ending.ended_at < LIMIT, "the connection ends, too");
    }
}

/// A conversation and its network.
#[derive(Debug, Clone)]
struct Plan {
    seed: u64,
    medium: Medium,
    is_ipv6: bool,
    there: Impairments,
    back: Impairments,
    /// Buffers of the client and of the server: receiving and sending, bytes.
    buffers: [(usize, usize); 2],
    /// How much each of them says.
    lens: [usize; 2],
    /// How much the applications read at once.
    piece_bytes: usize,
    pause: Duration,
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let buffer = || prop_oneof![1..10_usize, 10..3_000_usize, 3_000..=65_535_usize];
    let buffers = || (buffer(), buffer());
    let medium = prop::sample::select(vec![Medium::Ethernet, Medium::Ip]);
    let pause = prop::sample::select(vec![0, 0, 1, 50]).prop_map(Duration::from_millis);
    let lens = (0..30_000_usize, 0..30_000_usize);
    let network = (any::<u64>(), medium, any::<bool>(), bad_cable(), bad_cable());
    (network, buffers(), buffers(), lens, 1..5_000_usize, pause).prop_map(
        |(
            (seed, medium, is_ipv6, there, back),
            of_client,
            of_server,
            (from_client, from_server),
            piece_bytes,
            pause,
        )| {
            // A byte at a time through a cable that loses every fifth frame takes seconds for each.
            let least = |(a, _): (usize, usize), (_, b): (usize, usize)| 50 * a.min(b).min(piece_bytes);
            let lens = [from_client.min(least(of_server, of_client)), from_server.min(least(of_client, of_server))];
            Plan { seed, medium, is_ipv6, there, back, buffers: [of_client, of_server], lens, piece_bytes, pause }
        },
    )
}

impl Plan {
    fn play(&self) -> Ending {
        let mut world = World::with_medium(self.seed, self.medium);
        let (addresses, listen_at, server_at) = if self.is_ipv6 {
            (["2001:db8::1/64", "2001:db8::2/64"], "[::]:4000", "[2001:db8::2]:4000")
        } else {
            (["192.0.2.1/24", "192.0.2.2/24"], "0.0.0.0:4000", "192.0.2.2:4000")
        };
        let mut hosts = [0, 1].map(|side| {
            let tune = |config: &mut smolsock::Config| {
                (config.tcp_recv_bytes, config.tcp_send_bytes) = self.buffers[side];
                // Patience: only a stall for ever is a failure here.
                for limit in [&mut config.connect_timeout, &mut config.half_open_timeout, &mut config.user_timeout] {
                    *limit = Duration::from_secs(100_000);
                }
            };
            world.host_with(["client", "server"][side], &[addresses[side]], tune).expect("a good host")
        });
        let [client, server] = &mut hosts;
        world.cable_with("ab", *client, *server, self.there, self.back).expect("a good cable");
        let [from_client, from_server] = self.lens;
        let reading = Reading { piece_bytes: self.piece_bytes, pause: self.pause, first_pause: Duration::ZERO };
        world.app(*server, "server", move |host| async move {
            let listener = TcpListener::bind(&host, listen_at.parse()?, 1)?;
            let (stream, _) = listener.accept().await?;
            converse(&host, &stream, (2, from_server), (1, from_client), reading).await
        });
        world.app(*client, "client", move |host| async move {
            let stream = connect(&host, server_at.parse()?).await?;
            converse(&host, &stream, (1, from_client), (2, from_server), reading).await
        });
        world.run(LIMIT)
    }
}

/// Address resolution gives up after three losses; an application does not.
async fn connect(host: &Host, remote: std::net::SocketAddr) -> Result<TcpStream<Host>, Errno> {
    loop {
        match TcpStream::connect(host, remote).await {
            Err(Errno::EHOSTUNREACH) => {}
            outcome => return outcome,
        }
    }
}

/// Says `own` (number and length of a stream), and hears `theirs`, both at once.
async fn converse(
    host: &Host,
    stream: &TcpStream<Host>,
    own: (u32, usize),
    theirs: (u32, usize),
    reading: Reading,
) -> TaskResult {
    let writes = async {
        stream.write_all(&pattern(own.0, own.1)).await?;
        stream.shutdown(Shutdown::Write)?;
        Ok(())
    };
    let reads = async {
        match read_checked(host, stream, theirs.0, reading).await? {
            len if len == theirs.1 => Ok(()),
            len => Err(format!("{len} bytes of {} came", theirs.1).into()),
        }
    };
    both(writes, reads).await
}

/// Ends when both have, or one has failed.
async fn both(first: impl Future<Output = TaskResult>, second: impl Future<Output = TaskResult>) -> TaskResult {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let mut are_done = [false, false];
    poll_fn(|context| {
        let [first_done, second_done] = &mut are_done;
        if !*first_done && let Poll::Ready(result) = first.as_mut().poll(context) {
            *first_done = true;
            result?;
        }
        if !*second_done && let Poll::Ready(result) = second.as_mut().poll(context) {
            *second_done = true;
            result?;
        }
        if are_done == [true, true] { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
}

/// A week: no case should come near.
const LIMIT: Time = Time::from_secs(7 * 86_400);
