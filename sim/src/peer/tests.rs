//! Is a script played as it is written, and is it said where the host differs?

use std::net::SocketAddr;
use std::time::Duration;

use smolsock::Errno;
use smolsock::task::{TcpListener, TcpStream};

use super::*;
use crate::executor::TaskResult;
use crate::host::Host;
use crate::link::Impairments;
use crate::world::World;

/// A host at 192.0.2.1 and a peer at 192.0.2.9 on a cable of 10 ms.
fn pair(medium: Medium) -> (World, NodeId, Peer) {
    let mut world = World::with_medium(1, medium);
    let host = world.host("host", &["192.0.2.1/24"]).expect("a host");
    let peer = world.peer("peer", "192.0.2.9/24").expect("a peer");
    let cable = Impairments { delay_ns: 10_000_000, ..Impairments::default() };
    world.cable("ab", host, peer.node(), cable).expect("a cable");
    (world, host, peer)
}

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn failures(world: World) -> Vec<String> {
    world.run(Time::from_secs(60)).failures
}

/// Accepts one connection and sends `greeting`; what comes after the greeting is wanted to be `ending`.
async fn server(host: Host, greeting: &'static [u8], ending: Result<usize, Errno>) -> TaskResult {
    let listener = TcpListener::bind(&host, at("0.0.0.0:7"), 5)?;
    let (stream, _) = listener.accept().await?;
    stream.write_all(greeting).await?;
    let seen = stream.read(&mut [0; 64]).await;
    // The acknowledgement goes before the end does.
    host.sleep(Duration::from_secs(1)).await;
    if seen == ending { Ok(()) } else { Err(format!("{seen:?}").into()) }
}

#[test]
fn a_handshake_opened_by_either_side() {
    for medium in [Medium::Ethernet, Medium::Ip] {
        let (mut world, host, peer) = pair(medium);
        peer.towards(at("192.0.2.1:7"));
        peer.sends(syn(0).mss(1460));
        peer.expects(syn_ack(0).ack(1).mss(1460));
        peer.sends(ack(1, 1).data(b"hi"));
        peer.expects(ack(1, 3));
        peer.sends(fin(3).ack(1));
        peer.expects(ack(1, 4));
        peer.expects(fin(1).ack(4));
        peer.sends(ack(4, 2));
        world.app(host, "server", |host| async move {
            let listener = TcpListener::bind(&host, at("0.0.0.0:7"), 5)?;
            let (stream, _) = listener.accept().await?;
            while stream.read(&mut [0; 64]).await? > 0 {}
            host.sleep(Duration::from_millis(100)).await;
            Ok(())
        });
        assert_eq!(failures(world), [""; 0], "{medium:?}");

        let (mut world, host, peer) = pair(medium);
        peer.port(9);
        peer.expects(syn(0));
        peer.sends(syn_ack(0).ack(1).window(3));
        peer.expects(ack(1, 1).data(b"hel"));
        peer.sends(ack(1, 4));
        peer.expects(ack(4, 1).data(b"lo"));
        peer.sends(ack(1, 6));
        world.app(host, "client", |host| async move {
            let stream = TcpStream::connect(&host, at("192.0.2.9:9")).await?;
            stream.write_all(b"hello").await?;
            host.sleep(Duration::from_secs(1)).await;
            Ok(())
        });
        assert_eq!(failures(world), [""; 0], "{medium:?}");
    }
}

/// SYN, SYN-ACK, ACK.
fn opens(peer: &Peer) {
    peer.towards(at("192.0.2.1:7"));
    peer.sends(syn(0).mss(1460));
    peer.expects(syn_ack(0).ack(1));
    peer.sends(ack(1, 1));
}

#[test]
fn what_is_not_acknowledged_comes_again_after_silence() {
    let (mut world, host, peer) = pair(Medium::Ethernet);
    opens(&peer);
    peer.expects(ack(1, 1).data(b"hi"));
    // RFC 6298 §2.4 rounds up to 1 s, which many stacks do not; nobody sends again after less than the round trip.
    peer.hears_nothing_for(Duration::from_millis(20));
    peer.expects_within(Duration::from_secs(2), ack(1, 1).data(b"hi"));
    peer.hears_nothing_for(Duration::from_millis(20));
    peer.expects_within(Duration::from_secs(4), ack(1, 1).data(b"hi"));
    peer.sends(ack(1, 3).data(b"!"));
    peer.expects(ack(3, 2));
    world.app(host, "server", |host| server(host, b"hi", Ok(1)));
    assert_eq!(failures(world), [""; 0]);
}

#[test]
fn a_reset_in_the_window_ends_the_connection_and_one_outside_does_not() {
    let (mut world, host, peer) = pair(Medium::Ethernet);
    opens(&peer);
    // RFC 9293 §3.10.7.4: a RST outside the window is dropped. One inside has to have the next number, or is challenged.
    peer.sends(rst(900_000));
    peer.hears_nothing_for(Duration::from_secs(1));
    peer.sends(ack(1, 1).data(b"still here"));
    peer.expects(ack(1, 11));
    peer.sends(rst(13));
    peer.expects(ack(1, 11));
    peer.sends(rst(11));
    peer.hears_nothing_for(Duration::from_secs(1));
    world.app(host, "server", |host| async move {
        let listener = TcpListener::bind(&host, at("0.0.0.0:7"), 5)?;
        let (stream, _) = listener.accept().await?;
        let seen = [stream.read(&mut [0; 64]).await, stream.read(&mut [0; 64]).await];
        if seen == [Ok(10), Err(Errno::ECONNRESET)] { Ok(()) } else { Err(format!("{seen:?}").into()) }
    });
    assert_eq!(failures(world), [""; 0]);
}

#[test]
fn what_differs_is_said_as_tcpdump_would() {
    let (_, sentences) = refused(|peer| peer.expects(syn_ack(0).ack(1)));
    let expected = "peer: step 2 at 40ms: expected Flags [S.], seq 0, ack 1, length 0 within 10s, \
                    got Flags [R.], seq 0, ack 1, win 0, length 0";
    assert_eq!(sentences, [expected]);
    let (_, sentences) = refused(|peer| peer.hears_nothing_for(Duration::from_secs(1)));
    assert!(sentences[0].contains("expected nothing for 1s, got Flags [R.]"), "{sentences:?}");
    let (ended_at, sentences) = refused(|peer| {
        peer.waits(Duration::from_secs(1));
        peer.expects(rst(0).ack(1));
        peer.expects_within(Duration::from_secs(2), ack(1, 1));
    });
    assert!(sentences[0].starts_with("peer: step 4 at 3s: expected Flags [.]"), "{sentences:?}");
    assert!(sentences[0].ends_with("got nothing") && ended_at == Time::from_secs(3), "{sentences:?}");
}

/// A SYN to a host where nobody listens, and then `more`.
fn refused(more: impl FnOnce(&Peer)) -> (Time, Vec<String>) {
    let (world, _, peer) = pair(Medium::Ethernet);
    peer.towards(at("192.0.2.1:7"));
    peer.sends(syn(0));
    more(&peer);
    let ending = world.run(Time::from_secs(60));
    (ending.apps_ended_at, ending.failures)
}

#[test]
fn a_script_that_cannot_be_played_says_why() {
    let (world, _, peer) = pair(Medium::Ip);
    peer.sends(syn(0));
    let sentences = failures(world);
    assert!(sentences[0].contains("which is for nobody"), "{sentences:?}");
    let (world, _, peer) = pair(Medium::Ethernet);
    peer.towards(at("192.0.2.77:7"));
    peer.sends(syn(0));
    peer.expects(syn_ack(0).ack(1));
    let sentences = failures(world);
    assert!(sentences[0].contains("nobody told where"), "{sentences:?}");
    let (world, _, peer) = pair(Medium::Ip);
    peer.waits(Duration::from_secs(600));
    assert_eq!(failures(world), ["peer: step 1: waits for 600s: the run was over"]);
}
