//! How are programs run, heard, and ended?

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The command that is tested.
pub const SMOLSOCK: &str = env!("CARGO_BIN_EXE_smolsock");
/// The stack at 192.0.2.2, the kernel at 192.0.2.1.
pub const TAP: [&str; 6] = ["--tap", "tap0", "--ip", "192.0.2.2/24", "--kernel-ip", "192.0.2.1/24"];
/// A safety net, not a measure.
const PATIENCE: Duration = Duration::from_secs(240);

/// A program that runs. Dropped, it is ended.
pub struct Running {
    what: String,
    child: Child,
    out: Heard,
    err: Heard,
}

/// What a program has written, and the thread that listens.
struct Heard {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

/// What a program has left.
pub struct Ended {
    what: String,
    /// Its exit code; `None`: a signal ended it.
    pub code: Option<i32>,
    pub out: Vec<u8>,
    pub err: String,
}

/// Starts a program without input.
pub fn start(program: impl AsRef<OsStr>, args: &[&str]) -> Running {
    start_with(program, args, Stdio::null())
}

/// Starts a program with this input.
pub fn start_with(program: impl AsRef<OsStr>, args: &[&str], input: Stdio) -> Running {
    let what = format!("{} {}", Path::new(program.as_ref()).display(), args.join(" "));
    let mut command = Command::new(program);
    command.args(args).stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{what}: {error}"));
    let out = Heard::listen(child.stdout.take().expect("a pipe"));
    let err = Heard::listen(child.stderr.take().expect("a pipe"));
    Running { what, child, out, err }
}

/// Starts `smolsock` and waits until it says that it serves.
pub fn serve(args: &[&str]) -> Running {
    let server = start(SMOLSOCK, &[&["serve"], args, &TAP].concat());
    server.wait_for("Ctrl-C ends it");
    server
}

/// Runs a program to its end.
pub fn run(program: impl AsRef<OsStr>, args: &[&str]) -> Ended {
    start(program, args).wait()
}

/// Runs a program to its end with these bytes as its input.
pub fn run_with(program: impl AsRef<OsStr>, args: &[&str], input: &[u8]) -> Ended {
    let mut running = start_with(program, args, Stdio::piped());
    running.say(input);
    running.wait()
}

impl Running {
    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has written `text`.
    pub fn wait_for(&self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.out.text().contains(text) && !self.err.text().contains(text) {
            assert!(
                Instant::now() < end,
                "{}: has not said {text:?}: {}{}",
                self.what,
                self.out.text(),
                self.err.text()
            );
            let is_over = self.out.is_over() && self.err.is_over();
            let said = || format!("{}{}", self.out.text(), self.err.text());
            assert!(!is_over || said().contains(text), "{}: ended without {text:?}: {}", self.what, said());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Gives it input, and the end of that. A program that does not want it is no failure here.
    pub fn say(&mut self, input: &[u8]) {
        if let Some(mut pipe) = self.child.stdin.take() {
            let input = input.to_vec();
            thread::spawn(move || drop(pipe.write_all(&input)));
        }
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&self) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(pid), Signal::SIGINT).expect("it runs");
    }

    /// Presses Ctrl-C, and waits for the end.
    pub fn end(self) -> Ended {
        self.interrupt();
        self.wait()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Ended {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it was started here") {
                break status;
            }
            let said = || format!("{}{}", self.out.text(), self.err.text());
            assert!(Instant::now() < end, "{}: does not end: {}", self.what, said());
            thread::sleep(Duration::from_millis(5));
        };
        let (out, err) = (self.out.take(), self.err.take());
        let err = String::from_utf8_lossy(&err).into_owned();
        Ended { what: std::mem::take(&mut self.what), code: status.code(), out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, or it ends now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Heard {
    fn listen(mut pipe: impl Read + Send + 'static) -> Heard {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&bytes);
        let thread = thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(len @ 1..) = pipe.read(&mut buffer) {
                shared.lock().expect("nobody panics with it").extend_from_slice(&buffer[..len]);
            }
        });
        Heard { bytes, thread: Some(thread) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().expect("nobody panics with it")).into_owned()
    }

    fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn take(&mut self) -> Vec<u8> {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it only reads");
        }
        std::mem::take(&mut self.bytes.lock().expect("nobody panics with it"))
    }
}

impl Ended {
    /// What it wrote to standard output.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    /// It did; gives it back.
    pub fn succeeded(self) -> Ended {
        self.ended_with(0)
    }

    /// It ended with this code; gives it back.
    pub fn ended_with(self, code: i32) -> Ended {
        assert_eq!(self.code, Some(code), "{}: {}{}", self.what, self.text(), self.err);
        self
    }

    /// It said this; gives it back.
    pub fn said(self, text: &str) -> Ended {
        let said = self.text() + &self.err;
        assert!(said.contains(text), "{}: has not said {text:?}: {said}", self.what);
        self
    }
}

/// A folder that goes with its case.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("smolsock-live-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    /// A path in it.
    pub fn at(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("text").to_owned()
    }

    /// Writes a file of so many bytes without a pattern, and gives them.
    pub fn write(&self, name: &str, len: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ len as u64;
        let mut next = || {
            // xorshift64*
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()
        };
        let mut bytes: Vec<u8> = std::iter::repeat_with(&mut next).take(len.div_ceil(8)).flatten().collect();
        bytes.truncate(len);
        std::fs::write(self.at(name), &bytes).expect("a file");
        bytes
    }

    /// The bytes of a file.
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.at(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
