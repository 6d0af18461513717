//! A line chat: what one says, all others read.
//!
//! `chat serve ADDRESS` runs the room, `chat join ADDRESS NAME` takes part in it with standard input and output.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use smolsock::blocking::{Net, TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let _net = Net::tap("tap0", &["192.0.2.1/24", "2001:db8::1/64"])?.install()?;
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", address] => serve(&TcpListener::bind(address)?, usize::MAX),
        ["join", address, name] => join(address, name, io::stdin().lock(), io::stdout()),
        _ => Err(io::Error::other("usage: chat serve ADDRESS | chat join ADDRESS NAME")),
    }
}

/// Everybody who is in the room.
type Room = Arc<Mutex<Vec<(SocketAddr, TcpStream)>>>;

/// A thread for each guest; ends when `guests` have come and gone.
pub fn serve(listener: &TcpListener, guests: usize) -> io::Result<()> {
    let room = Room::default();
    let mut threads = Vec::new();
    for _ in 0..guests {
        let (stream, address) = listener.accept()?;
        everybody(&room).push((address, stream.try_clone()?));
        let room = Arc::clone(&room);
        threads.push(thread::spawn(move || {
            // A guest whose connection breaks has left, like one who says goodbye.
            let _ = host(&room, address, stream);
            everybody(&room).retain(|(other, _)| *other != address);
        }));
    }
    for thread in threads {
        thread.join().map_err(|_| io::Error::other("a thread panicked"))?;
    }
    Ok(())
}

/// Gives everything that one guest says to the others.
fn host(room: &Room, address: SocketAddr, stream: TcpStream) -> io::Result<()> {
    for line in BufReader::new(stream).lines() {
        let line = line? + "\n";
        for (other, stream) in everybody(room).iter().filter(|(other, _)| *other != address) {
            if (&mut &*stream).write_all(line.as_bytes()).is_err() {
                writeln!(io::stderr(), "{other} does not listen any more")?;
            }
        }
    }
    Ok(())
}

fn everybody(room: &Room) -> std::sync::MutexGuard<'_, Vec<(SocketAddr, TcpStream)>> {
    room.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says every line of `input`, then goodbye; writes what the others say to `output`.
pub fn join(address: &str, name: &str, input: impl BufRead, mut output: impl Write + Send) -> io::Result<()> {
    let stream = TcpStream::connect(address)?;
    let mut heard = BufReader::new(stream.try_clone()?);
    thread::scope(|scope| {
        let listens = scope.spawn(move || io::copy(&mut heard, &mut output));
        for line in input.lines() {
            (&mut &stream).write_all(format!("{name}: {}\n", line?).as_bytes())?;
        }
        stream.shutdown(Shutdown::Write)?;
        listens.join().map_err(|_| io::Error::other("a thread panicked"))?.map(drop)
    })
}
