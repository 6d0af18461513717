//! Which conversations go on while something goes wrong?

use std::future::Future;
use std::net::SocketAddr;

use smolsock::sockopt::{SO_LINGER, SO_RCVTIMEO, SO_SNDTIMEO};
use smolsock::task::{Handle, IcmpSocket, TcpListener, TcpStream, UdpSocket};
use smolsock::time::Duration;
use smolsock::{Domain, Errno, Shutdown, Type};
use smolsock_sim::app::pattern::{first_difference, pattern};
use smolsock_sim::executor::TaskResult;

use super::bench::{Bench, Host};
use crate::pair::Net;

/// A conversation of a client on host 0 with a server on host 1.
#[derive(Clone, Copy)]
pub struct Talk {
    pub name: &'static str,
    pub begin: fn(&mut Bench, Net),
}

/// All of them.
pub const ALL: [Talk; 14] = [
    Talk { name: "datagrams", begin: datagrams },
    Talk { name: "echo", begin: echo },
    Talk { name: "bulk both ways", begin: bulk },
    Talk { name: "the client closes first", begin: |bench, net| closing(bench, net, [0, 500]) },
    Talk { name: "the server closes first", begin: |bench, net| closing(bench, net, [500, 0]) },
    Talk { name: "both close at once", begin: |bench, net| closing(bench, net, [100, 99]) },
    Talk { name: "closed with bytes unread", begin: |bench, net| parting(bench, net, Parting::Unread) },
    Talk { name: "a reset", begin: |bench, net| parting(bench, net, Parting::Reset) },
    Talk { name: "a lingering close", begin: |bench, net| parting(bench, net, Parting::Lingering) },
    Talk { name: "a refused connection", begin: refused },
    Talk { name: "several clients", begin: several },
    Talk { name: "names with errors", begin: names },
    Talk { name: "ping", begin: ping },
    Talk { name: "two handles", begin: two_handles },
];

/// Eight questions over UDP, small ones and ones that are cut, and their answers.
fn datagrams(bench: &mut Bench, net: Net) {
    bench.task(1, "server", true, move |host| udp_server(host, net.any(7)));
    bench.task(0, "client", false, move |host| async move {
        let socket = udp_socket(&host, net.any(0)).await?;
        for (number, len) in [10, 0, 3_000, 1_472, 9_000, 1, 3_000, 500].into_iter().enumerate() {
            asks(&host, &socket, net.b(7), number as u32, len).await?;
        }
        Ok(())
    });
}

fn echo(bench: &mut Bench, net: Net) {
    bench.task(1, "server", false, move |host| serves(host, net, 1, 0));
    bench.task(0, "client", false, move |host| echo_client(host, net, 1));
}

/// 20 kB each way at the same time.
fn bulk(bench: &mut Bench, net: Net) {
    bench.task(1, "server", false, move |host| async move {
        let listener = listens(&host, net, 0).await?;
        let stream = accepts(&host, &listener).await?;
        both_ways(&host, &stream, [2, 1], 20_000).await
    });
    bench.task(0, "client", false, move |host| async move {
        let stream = connects(&host, net.b(80)).await?;
        both_ways(&host, &stream, [1, 2], 20_000).await
    });
}

/// Each side says 3,000 bytes, waits so many milliseconds, ends its stream and reads the other's to its end.
fn closing(bench: &mut Bench, net: Net, rests_ms: [u64; 2]) {
    async fn talk(host: &Host, stream: &TcpStream<Host>, numbers: [u32; 2], rest_ms: u64) -> TaskResult {
        says(host, stream, numbers[0], 3_000).await?;
        host.sleep(Duration::from_millis(rest_ms)).await;
        stream.shutdown(Shutdown::Write)?;
        hears(host, stream, numbers[1], 3_000).await
    }
    bench.task(1, "server", false, move |host| async move {
        let listener = listens(&host, net, 0).await?;
        let stream = accepts(&host, &listener).await?;
        talk(&host, &stream, [2, 1], rests_ms[1]).await
    });
    bench.task(0, "client", false, move |host| async move {
        let stream = connects(&host, net.b(80)).await?;
        talk(&host, &stream, [1, 2], rests_ms[0]).await
    });
}

/// How the server leaves.
#[derive(Clone, Copy, PartialEq)]
enum Parting {
    /// It has read a third of what came.
    Unread,
    /// It resets (`SO_LINGER` 0).
    Reset,
    /// It has written, and waits for the last acknowledgement (`SO_LINGER`).
    Lingering,
}

fn parting(bench: &mut Bench, net: Net, how: Parting) {
    bench.task(1, "server", false, move |host| async move {
        let listener = listens(&host, net, 0).await?;
        let stream = accepts(&host, &listener).await?;
        let wanted = if how == Parting::Unread { 1_000 } else { 3_000 };
        let mut got = 0;
        while got < wanted {
            let bytes = reads(&host, &stream, wanted - got).await?;
            if bytes.is_empty() {
                return Err(Errno::ECONNABORTED.into());
            }
            check(1, got, &bytes)?;
            got += bytes.len();
        }
        let linger = match how {
            Parting::Unread => return Ok(()),
            Parting::Reset => Duration::ZERO,
            Parting::Lingering => Duration::from_secs(5),
        };
        host.with(|stack| stack.setsockopt(stream.id(), SO_LINGER, Some(linger)))?;
        if how == Parting::Lingering {
            says(&host, &stream, 2, 3_000).await?;
            stream.close_lingering().await;
        }
        Ok(())
    });
    bench.task(0, "client", false, move |host| async move {
        let stream = connects(&host, net.b(80)).await?;
        says(&host, &stream, 1, 3_000).await?;
        let mut got = 0;
        loop {
            match reads(&host, &stream, 4_000).await {
                Ok(bytes) if bytes.is_empty() && how == Parting::Lingering && got == 3_000 => return Ok(()),
                Ok(bytes) if bytes.is_empty() => return Err(Errno::ECONNABORTED.into()),
                Ok(bytes) => check(2, got, &bytes).map(|()| got += bytes.len())?,
                Err(Errno::ECONNRESET) if how != Parting::Lingering => return Ok(()),
                Err(other) => return Err(other.into()),
            }
        }
    });
}

/// Nobody listens.
fn refused(bench: &mut Bench, net: Net) {
    bench.task(0, "client", false, move |host| async move {
        let (mut refusals, mut tries) = (0, 0);
        while refusals < 3 {
            let id = socket(&host, net.domain, Type::Stream).await?;
            let stream = TcpStream::from_id(&host, id);
            tries += 1;
            match host.call(|| smolsock::task::connect(&host, id, net.b(80))).await {
                Err(Errno::ECONNREFUSED) => refusals += 1,
                Err(Errno::EHOSTUNREACH) if tries < 10 => {}
                Err(other) => return Err(other.into()),
                Ok(()) => return Err("wrong: connected to nobody".into()),
            }
            drop(stream);
        }
        Ok(())
    });
}

/// Five clients at a server with a short queue, which serves one after the other.
fn several(bench: &mut Bench, net: Net) {
    bench.task(1, "server", false, move |host| serves(host, net, 5, 1));
    for number in 1..=5 {
        bench.task(0, &format!("client {number}"), false, move |host| echo_client(host, net, number));
    }
}

/// Questions to a port where nobody is, and then to the right one, from a connected socket.
fn names(bench: &mut Bench, net: Net) {
    bench.task(1, "server", true, move |host| udp_server(host, net.any(53)));
    bench.task(0, "client", false, move |host| async move {
        let nobody = udp_socket(&host, net.any(0)).await?;
        nobody.connect(net.b(5_353))?;
        for tries in 0.. {
            sends(&host, &nobody, b"who?", net.b(5_353)).await?;
            match receives(&host, &nobody).await {
                Err(Errno::ECONNREFUSED) => break,
                Err(Errno::EAGAIN | Errno::EHOSTUNREACH) if tries < 10 => {}
                Err(other) => return Err(other.into()),
                Ok(_) => return Err("wrong: nobody answers".into()),
            }
        }
        let socket = udp_socket(&host, net.any(0)).await?;
        socket.connect(net.b(53))?;
        for number in 0..3 {
            asks(&host, &socket, net.b(53), number, 40).await?;
        }
        Ok(())
    });
}

fn ping(bench: &mut Bench, net: Net) {
    bench.task(0, "client", false, move |host| async move {
        let id = socket(&host, net.domain, Type::Icmp).await?;
        let socket = IcmpSocket::from_id(&host, id);
        let kind = if net.domain == Domain::Inet { 8 } else { 128 };
        for number in 1..=3 {
            let request = [kind, 0, 0, 0, 0, 0, 0, number, b'h', b'i'];
            let mut tries = 0;
            loop {
                tries += 1;
                match host.call(|| socket.send_to(&request, net.b(0))).await {
                    Ok(_) | Err(Errno::EHOSTUNREACH) => {}
                    Err(other) => return Err(other.into()),
                }
                let answer = host.call(|| async {
                    let mut bytes = [0; 64];
                    socket.recv_from(&mut bytes).await.map(|datagram| bytes[..datagram.len].to_vec())
                });
                match answer.await {
                    Ok(answer) if answer[7..] == request[7..] => break,
                    // The answer to the one before, which came late.
                    Ok(answer) if answer[7] < number => {}
                    Ok(answer) => return Err(format!("wrong: {answer:?} instead of {request:?}").into()),
                    Err(Errno::EAGAIN | Errno::EHOSTUNREACH) if tries < 10 => {}
                    Err(other) => return Err(other.into()),
                }
            }
        }
        Ok(())
    });
}

/// One task reads from a connection, another writes to it.
fn two_handles(bench: &mut Bench, net: Net) {
    bench.task(1, "server", false, move |host| serves(host, net, 1, 0));
    bench.task(0, "reader", false, move |host| async move {
        let stream = connects(&host, net.b(80)).await?;
        let twin = host.when_there_is_room(|| stream.try_clone()).await?;
        let writer = async {
            says(&host, &twin, 1, 10_000).await?;
            twin.shutdown(Shutdown::Write)?;
            drop(twin);
            TaskResult::Ok(())
        };
        join(writer, hears(&host, &stream, 1, 10_000)).await
    });
}

/// A server that takes `clients` one after the other, and gives back what they say.
async fn serves(host: Host, net: Net, clients: u32, backlog: usize) -> TaskResult {
    let listener = listens(&host, net, backlog).await?;
    let mut outcome = Ok(());
    for _ in 0..clients {
        let stream = accepts(&host, &listener).await?;
        // One that leaves early does not end the service.
        if let Err(error) = gives_back(&host, &stream).await {
            outcome = Err(error);
        }
    }
    outcome.map_err(Into::into)
}

async fn gives_back(host: &Host, stream: &TcpStream<Host>) -> Result<(), Errno> {
    loop {
        let bytes = reads(host, stream, 700).await?;
        if bytes.is_empty() {
            return Ok(());
        }
        writes(host, stream, &bytes).await?;
    }
}

async fn echo_client(host: Host, net: Net, number: u32) -> TaskResult {
    let stream = connects(&host, net.b(80)).await?;
    let data = pattern(number, 4_000);
    for (piece, sent) in data.chunks(1_000).enumerate() {
        writes(&host, &stream, sent).await?;
        let mut got = 0;
        while got < sent.len() {
            let bytes = reads(&host, &stream, sent.len() - got).await?;
            if bytes.is_empty() {
                return Err(Errno::ECONNABORTED.into());
            }
            check(number, piece * 1_000 + got, &bytes)?;
            got += bytes.len();
        }
    }
    stream.shutdown(Shutdown::Write)?;
    hears(&host, &stream, number, 0).await
}

/// Says one stream and hears the other. `numbers`: of the stream that is said, and of the one that is heard.
async fn both_ways(host: &Host, stream: &TcpStream<Host>, numbers: [u32; 2], len: usize) -> TaskResult {
    let saying = async {
        says(host, stream, numbers[0], len).await?;
        stream.shutdown(Shutdown::Write)?;
        TaskResult::Ok(())
    };
    join(saying, hears(host, stream, numbers[1], len)).await
}

/// Waits for both; the first error is the outcome.
async fn join(a: impl Future<Output = TaskResult>, b: impl Future<Output = TaskResult>) -> TaskResult {
    let (mut a, mut b) = (std::pin::pin!(a), std::pin::pin!(b));
    let (mut of_a, mut of_b) = (None, None);
    std::future::poll_fn(|context| {
        use std::task::Poll;
        if of_a.is_none()
            && let Poll::Ready(outcome) = a.as_mut().poll(context)
        {
            of_a = Some(outcome);
        }
        if of_b.is_none()
            && let Poll::Ready(outcome) = b.as_mut().poll(context)
        {
            of_b = Some(outcome);
        }
        match (&of_a, &of_b) {
            (Some(Err(_)), _) | (Some(Ok(())), Some(_)) => {
                Poll::Ready(of_a.take().unwrap_or(Ok(())).and(of_b.take().unwrap_or(Ok(()))))
            }
            (_, Some(Err(_))) => Poll::Ready(of_b.take().unwrap_or(Ok(()))),
            _ => Poll::Pending,
        }
    })
    .await
}

async fn says(host: &Host, stream: &TcpStream<Host>, number: u32, len: usize) -> Result<(), Errno> {
    writes(host, stream, &pattern(number, len)).await
}

/// Reads to the end of the stream, and checks that it is all that was said.
async fn hears(host: &Host, stream: &TcpStream<Host>, number: u32, len: usize) -> TaskResult {
    let start = if len == 0 { 4_000 } else { 0 };
    let mut got = 0;
    loop {
        let bytes = reads(host, stream, 1_500).await?;
        if bytes.is_empty() {
            break;
        }
        check(number, start + got, &bytes)?;
        got += bytes.len();
    }
    // The end of a stream that another task has left early comes early.
    if got < len { Err(Errno::ECONNABORTED.into()) } else { Ok(()) }
}

fn check(number: u32, position: usize, bytes: &[u8]) -> TaskResult {
    match first_difference(number, position, bytes) {
        Some(at) => Err(format!("wrong: byte {at} of stream {number} is not what was sent").into()),
        None => Ok(()),
    }
}

async fn writes(host: &Host, stream: &TcpStream<Host>, mut data: &[u8]) -> Result<(), Errno> {
    while !data.is_empty() {
        let taken = host.call(|| stream.write(data)).await?;
        data = &data[taken..];
    }
    Ok(())
}

async fn reads(host: &Host, stream: &TcpStream<Host>, len: usize) -> Result<Vec<u8>, Errno> {
    host.call(|| async {
        let mut bytes = vec![0; len];
        let taken = stream.read(&mut bytes).await?;
        bytes.truncate(taken);
        Ok(bytes)
    })
    .await
}

/// Somebody who is not answered asks again, and one who waits for a server comes again.
async fn connects(host: &Host, remote: SocketAddr) -> Result<TcpStream<Host>, Errno> {
    let mut tries = 0;
    loop {
        let domain = if remote.is_ipv4() { Domain::Inet } else { Domain::Inet6 };
        let id = socket(host, domain, Type::Stream).await?;
        let stream = TcpStream::from_id(host, id);
        let outcome = host.call(|| smolsock::task::connect(host, id, remote)).await;
        tries += 1;
        match outcome {
            Ok(()) => return Ok(stream),
            Err(Errno::ECONNREFUSED | Errno::EHOSTUNREACH | Errno::ENOBUFS | Errno::ENOMEM | Errno::EAGAIN)
                if tries < 20 =>
            {
                host.sleep(Duration::from_millis(200)).await;
            }
            Err(other) => return Err(other),
        }
    }
}

async fn listens(host: &Host, net: Net, backlog: usize) -> Result<TcpListener<Host>, Errno> {
    let id = socket(host, net.domain, Type::Stream).await?;
    let listener = TcpListener::from_id(host, id);
    host.with(|stack| stack.bind(id, net.any(80)))?;
    host.when_there_is_room(|| host.with(|stack| stack.listen(id, backlog))).await?;
    Ok(listener)
}

async fn accepts(host: &Host, listener: &TcpListener<Host>) -> Result<TcpStream<Host>, Errno> {
    loop {
        match host.call(|| listener.accept()).await {
            Ok((stream, _)) => {
                host.with(|stack| stack.setsockopt(stream.id(), SO_RCVTIMEO, Some(PATIENCE)))?;
                return Ok(stream);
            }
            Err(Errno::ENFILE | Errno::EMFILE | Errno::ENOBUFS | Errno::ENOMEM | Errno::ECONNABORTED) => {
                host.sleep(Duration::from_millis(100)).await;
            }
            Err(other) => return Err(other),
        }
    }
}

/// A socket that waits for nothing longer than [`PATIENCE`].
async fn socket(host: &Host, domain: Domain, kind: Type) -> Result<smolsock::SocketId, Errno> {
    let id = host.when_there_is_room(|| host.with(|stack| stack.socket(domain, kind))).await?;
    host.with(|stack| {
        let patience = if kind == Type::Stream { PATIENCE } else { Duration::from_secs(2) };
        stack.setsockopt(id, SO_RCVTIMEO, Some(patience))?;
        stack.setsockopt(id, SO_SNDTIMEO, Some(PATIENCE))
    })?;
    Ok(id)
}

async fn udp_socket(host: &Host, local: SocketAddr) -> Result<UdpSocket<Host>, Errno> {
    let domain = if local.is_ipv4() { Domain::Inet } else { Domain::Inet6 };
    let id = socket(host, domain, Type::Datagram).await?;
    let socket = UdpSocket::from_id(host, id);
    host.with(|stack| stack.bind(id, local))?;
    Ok(socket)
}

async fn udp_server(host: Host, local: SocketAddr) -> TaskResult {
    let socket = udp_socket(&host, local).await?;
    loop {
        match receives(&host, &socket).await {
            Ok((bytes, remote)) => match host.call(|| socket.send_to(&bytes, remote)).await {
                Ok(_) | Err(Errno::EHOSTUNREACH | Errno::EAGAIN) => {}
                Err(other) => return Err(other.into()),
            },
            // At the end of time every wait is over at once.
            Err(Errno::EAGAIN | Errno::EHOSTUNREACH) => host.sleep(Duration::from_millis(10)).await,
            Err(other) => return Err(other.into()),
        }
    }
}

async fn receives(host: &Host, socket: &UdpSocket<Host>) -> Result<(Vec<u8>, SocketAddr), Errno> {
    host.call(|| async {
        let mut bytes = vec![0; 10_000];
        let datagram = socket.recv_from(&mut bytes).await?;
        bytes.truncate(datagram.len);
        Ok((bytes, datagram.remote))
    })
    .await
}

async fn sends(host: &Host, socket: &UdpSocket<Host>, bytes: &[u8], remote: SocketAddr) -> Result<(), Errno> {
    match host.call(|| socket.send_to(bytes, remote)).await {
        Ok(_) | Err(Errno::EHOSTUNREACH) => Ok(()),
        Err(other) => Err(other),
    }
}

/// Asks until the answer comes, ten times at most.
async fn asks(host: &Host, socket: &UdpSocket<Host>, remote: SocketAddr, number: u32, len: usize) -> TaskResult {
    let question = pattern(number, len);
    for _ in 0..10 {
        sends(host, socket, &question, remote).await?;
        match receives(host, socket).await {
            Ok((answer, _)) if answer == question => return Ok(()),
            // A late answer to the one before.
            Ok((answer, _)) if first_difference(number.wrapping_sub(1), 0, &answer).is_none() => {}
            Ok(_) => return Err(format!("wrong: the answer to question {number} is not the question").into()),
            Err(Errno::EAGAIN | Errno::EHOSTUNREACH) => {}
            // Where the server is not there yet.
            Err(Errno::ECONNREFUSED) => host.sleep(Duration::from_millis(500)).await,
            Err(other) => return Err(other.into()),
        }
    }
    Err(Errno::ETIMEDOUT.into())
}

/// How long a task waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(100);
