//! Can one side go on when the other has said its last word?

use std::time::Duration;

use smolsock::Shutdown;
use smolsock::task::TcpListener;

use super::stage::{PORT, any, play_pair, server_at};
use super::{Entry, Options, Staged};
use crate::app::bulk::{Reading, read_checked};
use crate::app::connect;
use crate::app::pattern::pattern;
use crate::executor::TaskResult;
use crate::host::Host;
use crate::world::WorldError;

pub(super) const ENTRY: Entry = Entry {
    name: "half-close",
    sentence: "The client closes its sending side; the server reads to the end, and only then sends its answer.",
    play,
};

fn play(options: &Options) -> Result<Staged, WorldError> {
    play_pair(options, server, client)
}

async fn client(host: Host) -> TaskResult {
    let stream = connect(&host, server_at(PORT)).await?;
    stream.write_all(&pattern(1, QUESTION_BYTES)).await?;
    stream.shutdown(Shutdown::Write)?;
    host.note("shutdown(SHUT_WR): it has nothing more to say, but listens");
    match read_checked(&host, &stream, 2, Reading::EAGER).await? {
        ANSWER_BYTES => Ok(()),
        other => Err(format!("{other} bytes of {ANSWER_BYTES} came").into()),
    }
}

async fn server(host: Host) -> TaskResult {
    let listener = TcpListener::bind(&host, any(PORT), 5)?;
    let (stream, _) = listener.accept().await?;
    let received = read_checked(&host, &stream, 1, Reading::EAGER).await?;
    if received != QUESTION_BYTES {
        return Err(format!("{received} bytes of {QUESTION_BYTES} came").into());
    }
    host.note("has read the end of the question, and thinks for a second");
    host.sleep(Duration::from_secs(1)).await;
    stream.write_all(&pattern(2, ANSWER_BYTES)).await?;
    Ok(())
}

const QUESTION_BYTES: usize = 3_000;
const ANSWER_BYTES: usize = 6_000;
