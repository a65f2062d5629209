//! Datagrams that are put together from several sends (`MSG_MORE`, `UDP_CORK`): the first says where to and how, the last has it sent.

use crate::control::Manner;
use abi::socket::MSG_MORE;
use abi::{Errno, Error, Result};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::SocketAddr;
use ip::{Route, Via};
use lock::SpinLock;
use lock::atomic::{AtomicBool, Ordering};
use usermem::Source;

/// A datagram that is to go.
#[derive(Debug)]
pub struct Prepared {
    /// What it says.
    pub bytes: Vec<u8>,
    /// The own address.
    pub own: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// How.
    pub manner: Manner,
    /// By which way, and what is said of it.
    pub route: Route,
    /// See [`Prepared::route`].
    pub via: Via,
    /// The bytes of each of several that it is sent as.
    pub piece: Option<usize>,
}

/// What waits for more.
#[derive(Default)]
pub struct Cork {
    /// Whether something waits, or is to wait.
    is_on: AtomicBool,
    /// Whether everything is to wait (`UDP_CORK`).
    is_asked: AtomicBool,
    waiting: SpinLock<Option<Box<Prepared>>>,
}

impl core::fmt::Debug for Cork {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Cork")
    }
}

impl Cork {
    /// Whether a send with some flags is not simply a datagram.
    #[inline]
    pub fn concerns(&self, flags: u32) -> bool {
        flags & MSG_MORE != 0 || self.is_on.load(Ordering::Relaxed)
    }

    /// Says whether everything is to wait; what waited, if it does so no more.
    pub fn ask(&self, is_asked: bool) -> Option<Box<Prepared>> {
        self.is_asked.store(is_asked, Ordering::Relaxed);
        if is_asked {
            self.is_on.store(true, Ordering::Relaxed);
            return None;
        }
        self.take()
    }

    #[inline]
    fn take(&self) -> Option<Box<Prepared>> {
        let waiting = self.waiting.lock().take();
        self.is_on
            .store(self.is_asked.load(Ordering::Relaxed), Ordering::Relaxed);
        waiting
    }

    /// Goes to another address than the first send said.
    pub fn redirect(&self, to: SocketAddr, (route, via): (Route, Via)) {
        if let Some(waiting) = &mut *self.waiting.lock() {
            (waiting.to, waiting.route, waiting.via) = (to, route, via);
        }
    }

    /// Adds what a program sends to what waits, which `prepare` begins if there is nothing; the whole, if it is to go. What becomes too long is lost.
    ///
    /// # Errors
    /// `EMSGSIZE`, `EFAULT`, and what `prepare` says.
    pub fn add(
        &self,
        from: &mut Source<'_>,
        flags: u32,
        longest: impl Fn(&Prepared) -> usize,
        prepare: impl FnOnce() -> Result<Prepared>,
    ) -> Result<Option<Box<Prepared>>> {
        let mut waiting = match self.take() {
            Some(waiting) => waiting,
            None => Box::new(prepare()?),
        };
        if waiting.bytes.len() + from.left() > longest(&waiting) {
            return Err(Error::new(Errno::EMSGSIZE, "the datagram does not fit into a packet"));
        }
        let len = from.left();
        from.append(&mut waiting.bytes, len)?;
        if flags & MSG_MORE == 0 && !self.is_asked.load(Ordering::Relaxed) {
            return Ok(Some(waiting));
        }
        *self.waiting.lock() = Some(waiting);
        self.is_on.store(true, Ordering::Relaxed);
        Ok(None)
    }
}
