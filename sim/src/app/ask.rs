//! How does a client ask over UDP, where questions and answers may be lost?

use std::net::SocketAddr;
use std::time::Duration;

use smolsock::Errno;
use smolsock::task::UdpSocket;

use super::pattern::{first_difference, pattern};
use crate::executor::TaskResult;
use crate::host::Host;
use crate::time::{Time, in_words};

/// Sends `question` until something comes back, at most `tries` times, and waits `wait` each time.
pub async fn until_answered(host: Host, remote: SocketAddr, question: &[u8], tries: u32, wait: Duration) -> TaskResult {
    let socket = UdpSocket::bind(&host, any_like(remote))?;
    let mut buffer = vec![0; BUFFER_BYTES];
    for _ in 0..tries {
        socket.send_to(question, remote).await?;
        match host.within(wait, socket.recv_from(&mut buffer)).await {
            Some(Ok(answer)) => {
                host.note(format!("gets {} bytes back from {}", answer.len, answer.remote));
                return Ok(());
            }
            // Three ARP requests were lost.
            Some(Err(Errno::EHOSTUNREACH)) => host.note("is told that the host is unreachable, and asks again"),
            Some(Err(other)) => return Err(other.into()),
            None => host.note(format!("has waited {} for nothing, and asks again", words(wait))),
        }
    }
    Err(format!("no answer to {tries} datagrams").into())
}

/// Sends a datagram of each of these sizes to an echo server, the next when the one before was answered or `wait` is over.
/// Lost is lost; what comes back has to be what was sent.
pub async fn udp_client(host: Host, remote: SocketAddr, sizes: &[u16], wait: Duration) -> TaskResult {
    let socket = UdpSocket::bind(&host, any_like(remote))?;
    let mut answers = 0;
    for number in 0..sizes.len() {
        let asking = Asking { host: &host, socket: &socket, sizes, number: number as u32, until: host.now() + wait };
        let sent = pattern(number as u32, usize::from(sizes[number]));
        socket.send_to(&sent, remote).await?;
        answers += u32::from(asking.is_answered(&sent).await?);
    }
    host.note(format!("got {answers} of {} datagrams back", sizes.len()));
    Ok(())
}

/// A datagram that is under way.
struct Asking<'a> {
    host: &'a Host,
    socket: &'a UdpSocket<Host>,
    sizes: &'a [u16],
    number: u32,
    until: Time,
}

impl Asking<'_> {
    /// UDP does not say that something was lost: only a clock does. What comes back may also be the late answer to an
    /// earlier datagram; nothing may come back that was never sent.
    async fn is_answered(&self, sent: &[u8]) -> Result<bool, Box<dyn std::error::Error>> {
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let left = self.until.saturating_duration_since(self.host.now());
            let len = match self.host.within(left, self.socket.recv_from(&mut buffer)).await {
                Some(Ok(datagram)) => datagram.len,
                // Three ARP requests were lost.
                Some(Err(Errno::EHOSTUNREACH)) => continue,
                Some(Err(other)) => return Err(other.into()),
                None => return Ok(false),
            };
            if buffer[..len] == *sent {
                return Ok(true);
            }
            let is_of = |number: u32| {
                usize::from(self.sizes[number as usize]) == len && first_difference(number, 0, &buffer[..len]).is_none()
            };
            if !(0..=self.number).any(is_of) {
                return Err("a datagram came back changed".into());
            }
            self.host.note("gets a late answer");
        }
    }
}

/// Any own address of the same family, any port.
fn any_like(remote: SocketAddr) -> SocketAddr {
    if remote.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() }
}

fn words(span: Duration) -> String {
    in_words(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX))
}

/// More than the largest UDP datagram.
const BUFFER_BYTES: usize = 65_535;
