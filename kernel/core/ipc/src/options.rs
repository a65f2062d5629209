//! The options that sockets of every family have (`SOL_SOCKET`).
//!
//! Most are numbers that only whoever set them asks for. Linger and time limits have an effect, through [`Options::linger`] and [`Options::timeout`]; `socket` says what there is, `rows` what numbers may be, `stamps` what there is to tell of times.

mod rows;
mod socket;
mod stamps;

use crate::filter::Filter;
use abi::socket::{SO_LINGER, SO_RCVTIMEO, SO_RCVTIMEO_NEW, SOL_SOCKET};
use abi::time::Timeval;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use lock::SpinLock;
use lock::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use sortedmap::SortedMap;
use vfs::Direction;
use zerocopy::{FromBytes, IntoBytes};

pub use rows::{NO_VALUE, Row, Rule, get_row, set_number, set_row};
pub use socket::Sort;
pub use stamps::{ARRIVED, Came, LEFT, QUEUED};

/// The answer to an option that is not there.
pub const UNKNOWN: Error = Error::new(Errno::ENOPROTOOPT, "no such option");
/// The answer to a value that is too short.
pub const SHORT: Error = Error::new(Errno::EINVAL, "the value is too short");

/// What was set.
#[derive(Default)]
pub struct Options {
    /// Nanoseconds that a receiver and a sender wait; 0 for ever.
    receive_timeout: AtomicU64,
    send_timeout: AtomicU64,
    /// Bytes in a second at most, and one more; 0 if nobody said so (`SO_MAX_PACING_RATE`).
    rate: AtomicU64,
    cookie: AtomicU64,
    /// The number of the next datagram whose times of sending are told; of a stream, where they are counted from.
    stamped: AtomicU32,
    /// The interface that it is bound to; 0 for none.
    device: AtomicU32,
    /// Whether something was said of the way that what it sends takes, or of its headers.
    has_way: AtomicBool,
    /// Whether something was said at the levels of IP: perhaps that more is to be told of what comes.
    has_details: AtomicBool,
    /// Whether there is something that who delivers or receives has to look for: a filter, times, an offset, lost ones.
    has_extras: AtomicBool,
    filter: SpinLock<Option<Arc<Filter>>>,
    /// The program that chooses who of several sockets gets what comes (`SO_ATTACH_REUSEPORT_CBPF`).
    chooser: SpinLock<Option<Arc<Filter>>>,
    /// Numbers by level and name.
    numbers: SpinLock<SortedMap<(u32, u32), i32>>,
    /// Whether there are any: most sockets have none, and each datagram asks for several.
    has_numbers: AtomicBool,
}

/// A number as the value of an option.
///
/// # Errors
/// None; it is the end of an answer.
pub fn number(value: i32) -> Result<Vec<u8>> {
    Ok(value.to_ne_bytes().to_vec())
}

/// The number that a program gives as the value of an option.
///
/// # Errors
/// `EINVAL` for a value that is too short.
pub fn number_of(value: &[u8]) -> Result<i32> {
    Ok(i32::from_ne_bytes(*value.first_chunk().ok_or(SHORT)?))
}

fn time_of(nanos: &AtomicU64) -> Result<Vec<u8>> {
    Ok(Timeval::from_nanos(nanos.load(Ordering::Relaxed)).as_bytes().to_vec())
}

impl Options {
    /// How long who waits in a direction waits at most, in nanoseconds.
    #[must_use]
    pub fn timeout(&self, direction: Direction) -> Option<u64> {
        let timeout = match direction {
            Direction::Read => &self.receive_timeout,
            Direction::Write => &self.send_timeout,
        };
        Some(timeout.load(Ordering::Relaxed)).filter(|nanos| *nanos > 0)
    }

    /// Seconds that `close` may take to send what is left; nothing if it was not asked for.
    #[must_use]
    pub fn linger(&self) -> Option<i32> {
        let asked = self.kept(LINGER_ON, SO_LINGER).unwrap_or(0) != 0;
        asked.then(|| self.kept(SOL_SOCKET, SO_LINGER).unwrap_or(0))
    }

    /// Whether a flag is set.
    #[inline]
    #[must_use]
    pub fn is_set(&self, level: u32, name: u32) -> bool {
        self.kept(level, name).is_some_and(|value| value != 0)
    }

    /// The number kept under a name.
    #[inline]
    #[must_use]
    pub fn kept(&self, level: u32, name: u32) -> Option<i32> {
        if self.has_numbers.load(Ordering::Relaxed) {
            self.look_up(level, name)
        } else {
            None
        }
    }

    fn look_up(&self, level: u32, name: u32) -> Option<i32> {
        self.numbers.lock().get(&(level, name)).copied()
    }

    /// Keeps a number under a name.
    pub fn keep(&self, level: u32, name: u32, value: i32) {
        self.numbers.lock().insert((level, name), value);
        self.has_numbers.store(true, Ordering::Relaxed);
    }

    /// Whether there is something that who delivers or receives has to look for.
    #[inline]
    #[must_use]
    pub fn has_extras(&self) -> bool {
        self.has_extras.load(Ordering::Relaxed)
    }

    /// The interface that it is bound to (`SO_BINDTODEVICE`).
    #[inline]
    #[must_use]
    pub fn device(&self) -> Option<u32> {
        Some(self.device.load(Ordering::Relaxed)).filter(|index| *index != 0)
    }

    /// Binds it to an interface; 0 for none.
    pub fn bind_to_device(&self, index: u32) {
        self.device.store(index, Ordering::Relaxed);
        self.note_way();
    }

    /// Whether something was said at the levels of IP.
    #[inline]
    #[must_use]
    pub fn has_details(&self) -> bool {
        self.has_details.load(Ordering::Relaxed)
    }

    /// Something was.
    pub fn note_details(&self) {
        self.has_details.store(true, Ordering::Relaxed);
    }

    /// Whether something was said of the way that what it sends takes, or of its headers.
    #[inline]
    #[must_use]
    pub fn has_way(&self) -> bool {
        self.has_way.load(Ordering::Relaxed)
    }

    /// Something was.
    pub fn note_way(&self) {
        self.has_way.store(true, Ordering::Relaxed);
    }

    /// The program that says what of a packet is wanted.
    #[must_use]
    pub fn filter(&self) -> Option<Arc<Filter>> {
        if self.has_extras() {
            self.filter.lock().clone()
        } else {
            None
        }
    }

    /// The program that chooses who of several sockets gets what comes.
    #[must_use]
    pub fn chooser(&self) -> Option<Arc<Filter>> {
        self.chooser.lock().clone()
    }

    /// Has another program choose, or none; the one before.
    pub fn set_chooser(&self, chooser: Option<Arc<Filter>>) -> Option<Arc<Filter>> {
        core::mem::replace(&mut *self.chooser.lock(), chooser)
    }

    /// Takes over what another socket has: who accepts inherits from who listens.
    pub fn inherit(&self, other: &Self) {
        let numbers = other.numbers.lock().clone();
        self.has_numbers.store(!numbers.is_empty(), Ordering::Relaxed);
        *self.numbers.lock() = numbers;
        let filter = other.filter();
        *self.filter.lock() = filter;
        self.has_extras.store(other.has_extras(), Ordering::Relaxed);
        self.has_way.store(other.has_way(), Ordering::Relaxed);
        self.has_details.store(other.has_details(), Ordering::Relaxed);
        self.device.store(other.device().unwrap_or(0), Ordering::Relaxed);
        for (to, from) in [
            (&self.rate, &other.rate),
            (&self.receive_timeout, &other.receive_timeout),
            (&self.send_timeout, &other.send_timeout),
        ] {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    fn set_timeout(&self, name: u32, value: &[u8]) -> Result<()> {
        let (time, _) = Timeval::read_from_prefix(value).map_err(|_| SHORT)?;
        if !(0..1_000_000).contains(&time.usec) {
            return Err(Error::new(Errno::EDOM, "the microseconds are more than a second"));
        }
        let seconds = u64::try_from(time.sec).unwrap_or(0);
        let nanos = seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(time.usec as u64 * 1000);
        let timeout = match name {
            SO_RCVTIMEO | SO_RCVTIMEO_NEW => &self.receive_timeout,
            _ => &self.send_timeout,
        };
        timeout.store(nanos, Ordering::Relaxed);
        Ok(())
    }
}

/// A level that no program can name, for the switch of `SO_LINGER`.
const LINGER_ON: u32 = u32::MAX;
