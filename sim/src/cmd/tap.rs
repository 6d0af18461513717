//! How does an interface come to be there, and go?

use std::io::{self, Write};
use std::process::Command;

use nix::unistd::geteuid;
use smolsock::addr::Cidr;
use smolsock::device::tap::{OpenError, Tap};

use super::Failure;
use super::net::{parsed, rtnetlink};

/// Up or down.
#[derive(clap::Subcommand)]
pub(super) enum Act {
    /// Make an interface that stays; without the rights to, print the commands that do
    Up(Up),
    /// Remove one; without the rights to, print the command that does
    Down {
        /// Its name
        name: String,
    },
}

/// Which interface, for whom.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sudo smolsock tap up tap0 --ip 192.0.2.1/24        for the user who called sudo
  smolsock serve echo --tap tap0 --ip 192.0.2.2/24   then needs no root
  sudo smolsock tap down tap0

Exit code: 0 it is there, 1 it could not be made, and the commands were printed.")]
pub(super) struct Up {
    /// Its name: at most 15 bytes
    name: String,
    /// The kernel's address on it, with its prefix; again for more
    #[arg(long = "ip", value_name = "CIDR", value_parser = parsed::<Cidr>)]
    addresses: Vec<Cidr>,
    /// Who may use it without being root [default: who called sudo]
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Bare IP packets (a TUN) instead of Ethernet frames
    #[arg(long)]
    tun: bool,
}

/// Does it, or says how.
pub(super) fn tap(act: &Act, out: &mut impl Write) -> Result<u8, Failure> {
    match act {
        Act::Up(up) => make(up, out),
        Act::Down { name } => match rtnetlink::delete(name) {
            Ok(()) => Ok(0),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                writeln!(out, "sudo ip link del dev {name}")?;
                Ok(1)
            }
            Err(error) => Err(Failure::Refused(format!("cannot remove {name}: {error}"))),
        },
    }
}

fn make(up: &Up, out: &mut impl Write) -> Result<u8, Failure> {
    let is_bad = up.name.is_empty() || up.name.len() > 15 || up.name.contains(|c: char| c.is_whitespace() || c == '/');
    if is_bad {
        return Err(Failure::Refused(OpenError::Name(up.name.clone()).to_string()));
    }
    let sudo_user = std::env::var("SUDO_USER").ok().filter(|user| geteuid().is_root() && user != "root");
    let user = up.user.clone().or(sudo_user);
    match up.build(user.as_deref()) {
        Ok(()) => {
            let whose = user.map_or_else(String::new, |user| format!(", for {user}"));
            writeln!(out, "{} is up{whose}; `smolsock tap down {}` removes it", up.name, up.name)?;
            Ok(0)
        }
        Err(NotMade::NoRight) => {
            up.commands(user.as_deref()).iter().try_for_each(|command| writeln!(out, "sudo {command}"))?;
            Ok(1)
        }
        Err(NotMade::Because(why)) => Err(Failure::Refused(why)),
    }
}

enum NotMade {
    NoRight,
    Because(String),
}

impl Up {
    fn build(&self, user: Option<&str>) -> Result<(), NotMade> {
        let because = |error: &dyn std::fmt::Display| NotMade::Because(format!("cannot make {}: {error}", self.name));
        match user {
            Some(_) => self.run_ip(user)?,
            None => {
                let options = if self.tun { Tap::options().ip() } else { Tap::options() };
                let tap = options.open(&self.name).map_err(|error| match error {
                    OpenError::NoAccess(_) | OpenError::NotPermitted(_) => NotMade::NoRight,
                    other => because(&other),
                })?;
                tap.set_persistent(true).map_err(|error| because(&error))?;
            }
        }
        let denied = |error: io::Error| match error.kind() {
            io::ErrorKind::PermissionDenied => NotMade::NoRight,
            _ => because(&error),
        };
        let mut addresses = self.addresses.iter();
        addresses.try_for_each(|cidr| rtnetlink::add_address(&self.name, *cidr)).map_err(denied)?;
        rtnetlink::set_up(&self.name).map_err(denied)
    }

    /// An owner is given by the program that all systems have for it.
    fn run_ip(&self, user: Option<&str>) -> Result<(), NotMade> {
        if !geteuid().is_root() {
            return Err(NotMade::NoRight);
        }
        let words = self.ip_tuntap(user);
        let output = Command::new("ip").args(words.split(' ').skip(1)).output();
        let output =
            output.map_err(|error| NotMade::Because(format!("`ip`, of iproute2, is wanted for --user: {error}")))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(NotMade::Because(format!("`{words}`: {}", said.trim())))
    }

    fn commands(&self, user: Option<&str>) -> Vec<String> {
        let name = &self.name;
        let mut commands = vec![self.ip_tuntap(user)];
        commands.extend(self.addresses.iter().map(|cidr| format!("ip addr add {cidr} dev {name}")));
        commands.push(format!("ip link set dev {name} up"));
        commands
    }

    fn ip_tuntap(&self, user: Option<&str>) -> String {
        let mode = if self.tun { "tun" } else { "tap" };
        let owner = user.map_or_else(String::new, |user| format!(" user {user}"));
        format!("ip tuntap add dev {} mode {mode}{owner}", self.name)
    }
}
