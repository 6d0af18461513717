//! What does an inspector hear of sockets, and is that true?

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;
use std::sync::Mutex;

use super::*;
use crate::device::Loopback;
use crate::time::Duration;
use crate::{MsgFlags, Stack};

/// Writes down what it hears, a line each.
struct Clerk(Arc<Mutex<Vec<String>>>);

impl Inspector for Clerk {
    fn on(&mut self, inspection: &Inspection<'_>) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_string();
        let line = match inspection.what {
            Happened::Opened { domain, kind } => format!("opened {domain:?} {kind:?}"),
            Happened::Accepted { .. } => "accepted".to_string(),
            Happened::Sent { bytes } => format!("sent {}", text(bytes)),
            Happened::Received { bytes } => format!("received {}", text(bytes)),
            Happened::Skipped { len } => format!("skipped {len}"),
            Happened::SentDatagram { local, remote, bytes } => format!("sent {} {local} {remote}", text(bytes)),
            Happened::ReceivedDatagram { local, remote, bytes, full_len } => {
                format!("received {} of {full_len} {local} {remote}", text(bytes))
            }
            Happened::EndOfStream => "end".to_string(),
            Happened::Failed { call, errno, readiness } => format!("{call} {errno:?} {readiness:?}"),
            Happened::ShutDown { how } => format!("shutdown {how:?}"),
            Happened::Closed => "closed".to_string(),
            Happened::State { before, after } => format!("{} {}", before.rfc_name(), after.rfc_name()),
            Happened::Established { isn, remote_isn } => {
                assert_ne!(isn, remote_isn);
                "established".to_string()
            }
        };
        self.0.lock().expect("one thread").push(line);
    }
}

/// A stack that talks to itself, and what its inspector has heard since the last look.
struct Bench {
    stack: Stack<'static>,
    device: Loopback,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    fn new() -> Self {
        let (mut stack, device) = crate::doctest::stack();
        let heard = Arc::default();
        stack.set_inspector(Box::new(Clerk(Arc::clone(&heard))));
        Self { stack, device, heard }
    }

    fn run(&mut self, time: Duration) {
        let until = self.stack.now().saturating_add(time);
        while let Some(at) = self.stack.next_step().filter(|at| *at <= until) {
            let _ = self.stack.step(at, &mut self.device);
        }
        let _ = self.stack.step(until, &mut self.device);
    }

    fn heard(&self) -> Vec<String> {
        core::mem::take(&mut *self.heard.lock().expect("one thread"))
    }

    /// A listener, a client and the accepted server; what was heard so far is forgotten.
    fn connection(&mut self) -> (SocketId, SocketId, SocketId) {
        let at: SocketAddr = ([192, 0, 2, 1], 80).into();
        let listener = self.stack.socket(Domain::Inet, Type::Stream).expect("room");
        self.stack.bind(listener, at).expect("free");
        self.stack.listen(listener, 1).expect("free");
        let client = self.stack.socket(Domain::Inet, Type::Stream).expect("room");
        assert_eq!(self.stack.connect(client, at), Err(Errno::EINPROGRESS));
        self.run(Duration::from_millis(50));
        let (server, _) = self.stack.accept(listener).expect("connected");
        (listener, client, server)
    }
}

#[test]
fn a_connection_is_told_from_its_listener_to_the_end_of_time_wait() {
    let mut bench = Bench::new();
    let (listener, client, server) = bench.connection();
    assert_eq!(
        bench.heard(),
        [
            "opened Inet Stream",
            "CLOSED LISTEN",
            "opened Inet Stream",
            "CLOSED SYN-SENT",
            "connect EINPROGRESS Readiness(0)",
            "LISTEN SYN-RECEIVED",
            "SYN-SENT ESTABLISHED",
            "established",
            "SYN-RECEIVED ESTABLISHED",
            "established",
            "accepted",
        ]
        .map(|line| line.replace("Readiness(0)", &format!("{:?}", Readiness::NONE)))
    );
    bench.stack.close(client).expect("open");
    bench.run(Duration::from_millis(50));
    assert_eq!(bench.stack.recv(server, &mut [0; 4]), Ok(0));
    bench.stack.close(server).expect("open");
    bench.stack.close(listener).expect("open");
    bench.run(Duration::from_secs(1));
    let told = bench.heard();
    let states: Vec<&str> = told.iter().map(String::as_str).collect();
    assert_eq!(
        states,
        [
            "closed",
            "ESTABLISHED FIN-WAIT-1",
            "ESTABLISHED CLOSE-WAIT",
            "FIN-WAIT-1 FIN-WAIT-2",
            "end",
            "closed",
            "CLOSE-WAIT LAST-ACK",
            "closed",
            "LISTEN CLOSED",
            "FIN-WAIT-2 TIME-WAIT",
            "LAST-ACK CLOSED",
        ]
    );
    assert_eq!(bench.stack.holdings(), Holdings { time_wait: 1, has_deadline: true, ..Holdings::default() });
    bench.run(Duration::from_secs(600));
    assert_eq!(bench.heard(), ["TIME-WAIT CLOSED"]);
    assert_eq!(bench.stack.holdings(), Holdings::default());
}

#[test]
fn bytes_are_told_once_and_as_the_call_gave_them() {
    let mut bench = Bench::new();
    let (_, client, server) = bench.connection();
    bench.heard();
    assert_eq!(bench.stack.writev(client, &[b"one", b"", b"two"]), Ok(6));
    assert_eq!(bench.stack.send(client, b"three"), Ok(5));
    bench.run(Duration::from_millis(50));
    assert_eq!(bench.stack.recv_with(server, &mut [0; 9], MsgFlags::PEEK), Ok(9), "told by nobody");
    assert_eq!(bench.stack.readv(server, &mut [&mut [0; 2], &mut [0; 2]]), Ok(4));
    assert_eq!(bench.stack.recv_with(server, &mut [0; 3], MsgFlags::TRUNC), Ok(3));
    assert_eq!(bench.stack.recv(server, &mut []), Ok(0), "no end");
    assert_eq!(bench.stack.recv(server, &mut [0; 9]), Ok(4));
    let _ = bench.stack.recv(server, &mut [0; 9]);
    let nothing = format!("recv EAGAIN {:?}", Readiness::OUT);
    let expected =
        vec!["sent one", "sent two", "sent three", "received on", "received et", "skipped 3", "received hree"];
    assert_eq!(bench.heard(), [expected, vec![&nothing]].concat());
}

#[test]
fn datagrams_are_told_whole_and_say_when_they_were_cut() {
    let mut bench = Bench::new();
    let socket = bench.stack.socket(Domain::Inet, Type::Datagram).expect("room");
    bench.stack.bind(socket, ([0, 0, 0, 0], 7).into()).expect("free");
    let to = Some(([192, 0, 2, 1], 7).into());
    let message = crate::SendMessage { pieces: &[b"he", b"llo"], to, control: crate::Control::NONE };
    assert_eq!(bench.stack.sendmsg(socket, &message, MsgFlags::NONE), Ok(5));
    bench.run(Duration::from_millis(50));
    let mut buffer = [0; 3];
    bench.stack.recv_from(socket, &mut buffer).expect("arrived");
    bench.stack.close(socket).expect("open");
    assert_eq!(
        bench.heard(),
        [
            "opened Inet Datagram",
            "sent hello 192.0.2.1:7 192.0.2.1:7",
            "received hel of 5 192.0.2.1:7 192.0.2.1:7",
            "closed",
        ]
    );
}

#[test]
fn an_inspector_that_comes_late_knows_the_states_that_there_are() {
    let mut bench = Bench::new();
    let (_, client, _) = bench.connection();
    let late = Arc::default();
    bench.stack.set_inspector(Box::new(Clerk(Arc::clone(&late))));
    bench.stack.shutdown(client, Shutdown::Write).expect("connected");
    assert_eq!(*late.lock().expect("one thread"), ["ESTABLISHED FIN-WAIT-1", "shutdown Write"]);
}

#[test]
fn a_refused_connection_is_told_with_its_cause() {
    let mut bench = Bench::new();
    let client = bench.stack.socket(Domain::Inet, Type::Stream).expect("room");
    let nobody: SocketAddr = ([192, 0, 2, 1], 81).into();
    assert_eq!(bench.stack.connect(client, nobody), Err(Errno::EINPROGRESS));
    bench.run(Duration::from_millis(50));
    assert_eq!(bench.stack.take_error(client), Ok(Some(Errno::ECONNREFUSED)));
    let told = bench.heard();
    assert!(told.contains(&"SYN-SENT CLOSED".to_string()), "{told:?}");
    assert!(told.last().expect("much").starts_with("getsockopt(SO_ERROR) ECONNREFUSED"), "{told:?}");
}
