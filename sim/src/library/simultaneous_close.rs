//! What if both sides close at the same moment?

use std::time::Duration;

use smolsock::Shutdown;
use smolsock::task::{TcpListener, TcpStream};

use super::stage::{PORT, any, play_pair, server_at};
use super::{Entry, Options, Staged};
use crate::app::connect;
use crate::executor::TaskResult;
use crate::host::Host;
use crate::time::Time;
use crate::world::WorldError;

pub(super) const ENTRY: Entry = Entry {
    name: "simultaneous-close",
    sentence: "Both sides send their FIN before they have seen the other's: FIN-WAIT-1, CLOSING, TIME-WAIT on both.",
    play,
};

fn play(options: &Options) -> Result<Staged, WorldError> {
    play_pair(options, server, client)
}

async fn client(host: Host) -> TaskResult {
    let stream = connect(&host, server_at(PORT)).await?;
    close_on_the_hour(&host, stream).await
}

async fn server(host: Host) -> TaskResult {
    let listener = TcpListener::bind(&host, any(PORT), 5)?;
    let (stream, _) = listener.accept().await?;
    close_on_the_hour(&host, stream).await
}

async fn close_on_the_hour(host: &Host, stream: TcpStream<Host>) -> TaskResult {
    let wait = HOUR.saturating_duration_since(host.now());
    host.sleep(wait.max(Duration::from_nanos(1))).await;
    host.note("closes");
    stream.shutdown(Shutdown::Write)?;
    stream.read(&mut [0; 16]).await?;
    Ok(())
}

/// When both close. Loss may make the handshake longer than that; then they do not close at once.
const HOUR: Time = Time::from_secs(10);
