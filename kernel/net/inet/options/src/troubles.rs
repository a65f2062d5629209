//! A socket's queue of errors (`MSG_ERRQUEUE`): what did not arrive, when what was sent left (`SO_TIMESTAMPING`), and which calls are done with memory that they were to send without a copy (`MSG_ZEROCOPY`). Filled where nothing may sleep.
//!
//! Everything is copied when it is sent. That is said at once, in the form that Linux has for it on loopback, so that who waits to use the memory again goes on.

use crate::control;
use crate::inbox::put_bytes;
use crate::letter::{Cause, Letter, Trouble};
use abi::socket::{MSG_ERRQUEUE, SO_ZEROCOPY, SOL_SOCKET};
use abi::{Errno, Result};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use ipc::options::{ARRIVED, Options, QUEUED};
use lock::SpinLock;
use lock::atomic::{AtomicU32, AtomicUsize, Ordering};
use usermem::Sink;
use vfs::Incoming;

/// Errors that are kept at most.
const MOST: usize = 64;

/// The queue.
#[derive(Default)]
pub struct Troubles {
    queue: SpinLock<VecDeque<Trouble>>,
    count: AtomicUsize,
    /// Calls that were to send without a copy.
    without_copy: AtomicU32,
}

impl Troubles {
    /// Tells of something.
    pub fn put(&self, trouble: Trouble) {
        let mut queue = self.queue.lock();
        if queue.len() < MOST {
            queue.push_back(trouble);
        }
        self.count.store(queue.len(), Ordering::SeqCst);
    }

    /// Whether something is to be told.
    #[inline]
    #[must_use]
    pub fn has_some(&self) -> bool {
        self.count.load(Ordering::SeqCst) > 0
    }

    /// The oldest, and what the next that somebody said is about.
    ///
    /// # Errors
    /// `EAGAIN`.
    pub fn take(&self) -> Result<(Trouble, Option<Errno>)> {
        let mut queue = self.queue.lock();
        let trouble = queue.pop_front();
        self.count.store(queue.len(), Ordering::SeqCst);
        let next = queue.front().filter(|next| matches!(next.cause, Cause::Message(..)));
        Ok((trouble.ok_or(Errno::EAGAIN)?, next.map(|next| next.errno)))
    }

    /// A call that was to send without a copy has sent. Neighbours in the queue become one.
    #[cold]
    pub fn note_copied(&self) {
        let number = self.without_copy.fetch_add(1, Ordering::Relaxed);
        if let Some(last) = self.queue.lock().back_mut()
            && let Cause::Copied { last } = &mut last.cause
            && last.wrapping_add(1) == number
        {
            *last = number;
            return;
        }
        self.put(of_nobody(Errno(0), Cause::Copied { last: number }, number, Vec::new()));
    }

    /// Something that was sent, with these bytes, has left, or come to where another time is asked for.
    #[cold]
    pub fn note_time(&self, time: u32, number: u32, bytes: Vec<u8>) {
        let info = match time {
            QUEUED => 1,
            ARRIVED => 2,
            _ => 0,
        };
        self.put(of_nobody(Errno::ENOMSG, Cause::Time { number }, info, bytes));
    }
}

/// Something to tell that nobody else says.
fn of_nobody(errno: Errno, cause: Cause, info: u32, bytes: Vec<u8>) -> Trouble {
    let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    Trouble {
        errno,
        cause,
        info,
        offender: nobody,
        letter: Letter {
            came: time::wall_now(),
            ..Letter::plain(bytes, SocketAddr::new(nobody, 0), nobody, 0)
        },
    }
}

/// Whether a socket wants to hear when calls are done that were to send without a copy.
#[must_use]
pub fn is_without_copy(options: &Options) -> bool {
    options.is_set(SOL_SOCKET, SO_ZEROCOPY)
}

/// Gives a program something of the queue.
///
/// # Errors
/// `EFAULT`.
pub fn give(trouble: &Trouble, family: u16, options: &Options, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
    let (count, cut) = put_bytes(&trouble.letter.bytes, into, flags)?;
    let address = match trouble.cause {
        Cause::Copied { .. } | Cause::Time { .. } => Vec::new(),
        _ => crate::address::show(family, trouble.letter.from),
    };
    Ok(Incoming {
        count,
        flags: MSG_ERRQUEUE | cut,
        address,
        control: control::of_trouble(trouble, family, options),
        ..Incoming::default()
    })
}
