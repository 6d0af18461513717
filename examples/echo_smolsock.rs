//! A threaded echo server, and many clients at once that try it.
//!
//! `echo serve ADDRESS CLIENTS` ends when so many clients have come and gone, `echo load ADDRESS CLIENTS` when all have
//! heard what they said.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::thread;

use smolsock::blocking::{Net, TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let _net = Net::tap("tap0", &["192.0.2.1/24", "2001:db8::1/64"])?.install()?;
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", address, clients] => serve(&TcpListener::bind(address)?, number(clients)?),
        ["load", address, clients] => load(address, number(clients)?),
        _ => Err(io::Error::other("usage: echo serve|load ADDRESS CLIENTS")),
    }
}

/// A thread for each client; ends when `clients` have come and gone.
pub fn serve(listener: &TcpListener, clients: usize) -> io::Result<()> {
    let mut threads = Vec::new();
    for stream in listener.incoming().take(clients) {
        let stream = stream?;
        threads.push(thread::spawn(move || io::copy(&mut &stream, &mut &stream)));
    }
    for thread in threads {
        thread.join().map_err(|_| io::Error::other("a thread panicked"))??;
    }
    Ok(())
}

/// `clients` at once, each in a thread, say a few lines and wait for the echo of each.
pub fn load(address: &str, clients: usize) -> io::Result<()> {
    let client = |name: usize| {
        let address = address.to_owned();
        thread::spawn(move || talk(&address, name))
    };
    let threads: Vec<_> = (0..clients).map(client).collect();
    for thread in threads {
        thread.join().map_err(|_| io::Error::other("a thread panicked"))??;
    }
    writeln!(io::stdout(), "{clients} clients heard every line")
}

fn talk(address: &str, name: usize) -> io::Result<()> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut heard = BufReader::new(stream.try_clone()?);
    for number in 0..LINES {
        let line = format!("client {name} says line {number}\n");
        (&stream).write_all(line.as_bytes())?;
        let mut echo = String::new();
        heard.read_line(&mut echo)?;
        if echo != line {
            return Err(io::Error::other(format!("said {line:?}, heard {echo:?}")));
        }
    }
    Ok(())
}

fn number(text: &str) -> io::Result<usize> {
    text.parse().map_err(|_| io::Error::other(format!("{text}: not a number of clients")))
}

const LINES: usize = 8;
