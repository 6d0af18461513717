//! How does a case come to a network of its own?

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::process::{Command, ExitCode};

use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::geteuid;

/// Whether cases can run.
pub enum Arranged {
    /// In this process.
    Here,
    /// They have, in another one, with this result.
    Elsewhere(ExitCode),
    /// They cannot.
    Not(String),
}

/// Becomes root of a user namespace, if this is nobody who may make networks.
pub fn arrange() -> Arranged {
    if let Err(error) = OpenOptions::new().read(true).write(true).open("/dev/net/tun") {
        return Arranged::Not(format!("/dev/net/tun: {error}"));
    }
    if geteuid().is_root() {
        // It may still lack the right, in a container.
        return match std::thread::spawn(|| unshare(CloneFlags::CLONE_NEWNET)).join() {
            Ok(Ok(())) => Arranged::Here,
            Ok(Err(error)) => Arranged::Not(format!("no right to make a network: {error}")),
            Err(_) => Arranged::Not("a thread panicked".to_owned()),
        };
    }
    let unshare = |program: &std::ffi::OsStr| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net"]).arg(program);
        command
    };
    if !unshare("true".as_ref()).output().is_ok_and(|output| output.status.success()) {
        return Arranged::Not("neither root, nor a user namespace (`unshare --user --net`)".to_owned());
    }
    let itself = std::env::current_exe().expect("this program");
    let status = unshare(itself.as_os_str()).args(std::env::args_os().skip(1)).status();
    match status.expect("it was there a moment ago").success() {
        true => Arranged::Elsewhere(ExitCode::SUCCESS),
        false => Arranged::Elsewhere(ExitCode::FAILURE),
    }
}

/// Whether this is the root of a user namespace, of one user.
pub fn is_of_a_user() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").expect("every process has one");
    map.split_whitespace().nth(2) != Some("4294967295")
}

/// A network namespace that this process keeps open. It goes with its last process and descriptor.
pub struct Space(File);

impl Space {
    /// A new one, in which this thread is from now on, and the processes that it starts. Its loopback is up, and IPv6
    /// addresses are good at once.
    pub fn enter_new() -> Space {
        unshare(CloneFlags::CLONE_NEWNET).expect("the right to make a network");
        for conf in ["all", "default"] {
            // A kernel without IPv6 has none of these.
            let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{conf}/accept_dad"), "0");
        }
        super::process::run("ip", &["link", "set", "lo", "up"]).succeeded();
        Space(File::open("/proc/thread-self/ns/net").expect("the namespace of this thread"))
    }

    /// A new one beside that of this thread.
    pub fn beside() -> Space {
        std::thread::scope(|scope| scope.spawn(Space::enter_new).join()).expect("the right to make a network")
    }

    /// Where others find it.
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }

    /// Does `work` in there.
    pub fn within<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        let moved = || {
            setns(&self.0, CloneFlags::CLONE_NEWNET).expect("a namespace of this process");
            work()
        };
        std::thread::scope(|scope| scope.spawn(moved).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
