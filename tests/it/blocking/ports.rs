//! Does a program that was written for `std::net` move over by its imports and one line?

use std::fs;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use smolsock::blocking::{self, Net};

use super::nets;

#[expect(dead_code, reason = "`main` is for the command line")]
#[path = "../../../examples/chat_smolsock.rs"]
pub mod chat_smolsock;
#[expect(dead_code, reason = "`main` is for the command line")]
#[path = "../../../examples/chat_std.rs"]
pub mod chat_std;
#[expect(dead_code, reason = "`main` is for the command line")]
#[path = "../../../examples/echo_smolsock.rs"]
pub mod echo_smolsock;
#[expect(dead_code, reason = "`main` is for the command line")]
#[path = "../../../examples/echo_std.rs"]
pub mod echo_std;

#[test]
fn only_imports_and_one_line_differ() {
    for program in ["echo", "chat"] {
        let changes = changes(program);
        let (gone, come): (Vec<&String>, Vec<&String>) = changes.iter().partition(|line| line.starts_with('-'));
        assert!(gone.iter().all(|line| line.starts_with("-use std::net::")), "{program}: {gone:?}");
        let come: Vec<&String> = come.into_iter().filter(|line| *line != "+" && !line.starts_with("+use ")).collect();
        assert_eq!(come.len(), 1, "{program}: {come:?}");
        assert!(come[0].contains("let _net = Net::"), "{program}: {come:?}");
        assert!(changes.len() <= 6, "{program}: {changes:?}");
    }
}

#[test]
fn the_manual_shows_what_differs() {
    let page = read("src/manual/blocking.md");
    for program in ["echo", "chat"] {
        let block = format!("```diff\n{}\n```", changes(program).join("\n"));
        assert!(page.contains(&block), "src/manual/blocking.md has no block for {program}:\n{block}");
    }
}

#[test]
fn the_echo_server_serves_128_clients_on_either() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let server = thread::spawn(move || echo_std::serve(&listener, CLIENTS));
    echo_std::load(&address, CLIENTS).expect("every client hears its lines");
    server.join().expect("no panic").expect("no error");

    on_installed(|| {
        let listener = blocking::TcpListener::bind("127.0.0.1:7").expect("a free port");
        let server = thread::spawn(move || echo_smolsock::serve(&listener, CLIENTS));
        echo_smolsock::load("127.0.0.1:7", CLIENTS).expect("every client hears its lines");
        server.join().expect("no panic").expect("no error");
    });
}

#[test]
fn the_chat_carries_what_everybody_says_on_either() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    chat(|| chat_std::serve(&listener, 2), |name, input, output| chat_std::join(&address, name, input, output));

    on_installed(|| {
        let listener = blocking::TcpListener::bind("127.0.0.1:6667").expect("a free port");
        let join = |name: &str, input, output| chat_smolsock::join("127.0.0.1:6667", name, input, output);
        chat(|| chat_smolsock::serve(&listener, 2), join);
    });
}

#[test]
fn the_nets_of_two_programs_are_not_mixed_up() {
    on_installed(|| {
        let (other, _) = nets();
        assert_eq!(other.install().expect_err("one is").kind(), io::ErrorKind::ResourceBusy);
    });
    let _one_at_a_time = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    let none = blocking::UdpSocket::bind("0.0.0.0:0").expect_err("none is installed");
    assert_eq!(none.kind(), io::ErrorKind::NetworkDown);
}

/// Runs `programs` on a net that is installed for as long.
fn on_installed(programs: impl FnOnce()) {
    let _net = installed(nets().0);
    programs();
}

/// Installs a net, for as long as what this gives is kept. Waits until no other test has one installed.
pub fn installed(net: Net) -> (blocking::Installed, MutexGuard<'static, ()>) {
    let one_at_a_time = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    (net.install().expect("none is installed"), one_at_a_time)
}

static INSTALLED: Mutex<()> = Mutex::new(());

/// Two guests: one repeats a greeting until the other has heard it and answered.
pub fn chat(
    serve: impl FnOnce() -> io::Result<()> + Send,
    join: impl Fn(&str, BufReader<Says>, Ear) -> io::Result<()> + Sync,
) {
    let (alice, bob) = (Ear::default(), Ear::default());
    let hears = |ear: &Ear, text: &'static str| {
        let ear = ear.clone();
        move || ear.has(text)
    };
    let alice_heard = hears(&alice, "bob: hello\n");
    let alice_says = Says::new(move |said| match (said, alice_heard()) {
        (0, false) => Some(""),
        (0, true) => Some("good day\n"),
        _ => None,
    });
    let bob_heard = hears(&bob, "alice: good day\n");
    let bob_says = Says::new(move |_| if bob_heard() { None } else { Some("hello\n") });
    thread::scope(|scope| {
        let server = scope.spawn(serve);
        let guests = [
            scope.spawn(|| join("alice", BufReader::new(alice_says), alice.clone())),
            scope.spawn(|| join("bob", BufReader::new(bob_says), bob.clone())),
        ];
        for guest in guests {
            guest.join().expect("no panic").expect("no error");
        }
        server.join().expect("no panic").expect("no error");
    });
    assert!(!alice.has("alice: ") && !bob.has("bob: "), "nobody hears what they said themselves");
}

/// Lines that depend on what was heard: asked with how many there were, `""` waits a little, `None` is the end.
pub struct Says {
    next: Box<dyn FnMut(usize) -> Option<&'static str> + Send>,
    said: usize,
}

impl Says {
    fn new(next: impl FnMut(usize) -> Option<&'static str> + Send + 'static) -> Self {
        Self { next: Box::new(next), said: 0 }
    }
}

impl Read for Says {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            thread::sleep(Duration::from_millis(5));
            match (self.next)(self.said) {
                Some("") => {}
                Some(text) => {
                    self.said += 1;
                    buffer[..text.len()].copy_from_slice(text.as_bytes());
                    return Ok(text.len());
                }
                None => return Ok(0),
            }
        }
    }
}

/// What one guest hears.
#[derive(Clone, Default)]
pub struct Ear(Arc<Mutex<Vec<u8>>>);

impl Ear {
    fn has(&self, text: &str) -> bool {
        let heard = self.0.lock().expect("no panic");
        String::from_utf8_lossy(&heard).contains(text)
    }
}

impl Write for Ear {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines of a program that differ, as diff(1) marks them.
fn changes(program: &str) -> Vec<String> {
    let [before, after] = ["std", "smolsock"].map(|form| read(&format!("examples/{program}_{form}.rs")));
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    // Length of the longest common part behind each pair of places.
    let mut common = vec![vec![0; after.len() + 1]; before.len() + 1];
    for (i, old) in before.iter().enumerate().rev() {
        for (j, new) in after.iter().enumerate().rev() {
            let longer = common[i + 1][j].max(common[i][j + 1]);
            common[i][j] = if old == new { common[i + 1][j + 1] + 1 } else { longer };
        }
    }
    let (mut i, mut j, mut changes) = (0, 0, Vec::new());
    while i < before.len() || j < after.len() {
        if i < before.len() && j < after.len() && before[i] == after[j] {
            (i, j) = (i + 1, j + 1);
        } else if i < before.len() && (j == after.len() || common[i + 1][j] >= common[i][j + 1]) {
            changes.push(format!("-{}", before[i]));
            i += 1;
        } else {
            changes.push(format!("+{}", after[j]));
            j += 1;
        }
    }
    changes
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

const CLIENTS: usize = 128;
