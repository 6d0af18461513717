//! Which net do sockets belong to that are made as in `std::net`, without a word about it?

use std::io;
use std::sync::{PoisonError, RwLock};

use super::Net;

static CURRENT: RwLock<Option<Net>> = RwLock::new(None);

impl Net {
    /// Makes this the net of the whole process: [`TcpListener::bind`](super::TcpListener::bind),
    /// [`TcpStream::connect`](super::TcpStream::connect) and [`UdpSocket::bind`](super::UdpSocket::bind) use it, as those
    /// of `std::net` use the kernel, until what this returns is dropped. That waits for connections as dropping the
    /// last handle of a net does, so it belongs into a variable of `main`.
    ///
    /// # Errors
    /// `ResourceBusy`: another net is installed.
    pub fn install(self) -> io::Result<Installed> {
        let mut current = CURRENT.write().unwrap_or_else(PoisonError::into_inner);
        if current.is_some() {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "another net is installed in this process"));
        }
        *current = Some(self);
        Ok(Installed(()))
    }

    /// The net that is [installed](Self::install).
    ///
    /// # Errors
    /// `NetworkDown`: none is.
    pub fn current() -> io::Result<Self> {
        let current = CURRENT.read().unwrap_or_else(PoisonError::into_inner);
        current.clone().ok_or_else(|| {
            io::Error::new(io::ErrorKind::NetworkDown, "no net is installed in this process: call Net::install first")
        })
    }
}

/// Keeps a net installed; see [`Net::install`].
#[derive(Debug)]
#[must_use = "the net is taken away again when this is dropped: keep it in a variable of `main`"]
pub struct Installed(());

impl Drop for Installed {
    fn drop(&mut self) {
        let net = CURRENT.write().unwrap_or_else(PoisonError::into_inner).take();
        // Not under the lock: this may wait for the net's connections.
        drop(net);
    }
}
