//! The options that sockets of every family have (`SOL_SOCKET`).
//!
//! Most are numbers that only whoever set them asks for. Linger and time limits have an effect, through [`Options::linger`] and [`Options::timeout`].

use crate::channel::CAPACITY;
use abi::socket::{
    SO_BINDTODEVICE, SO_BROADCAST, SO_BUSY_POLL, SO_DEBUG, SO_DONTROUTE, SO_INCOMING_CPU, SO_KEEPALIVE, SO_LINGER,
    SO_MARK, SO_NO_CHECK, SO_OOBINLINE, SO_PRIORITY, SO_RCVBUF, SO_RCVBUFFORCE, SO_RCVLOWAT, SO_RCVTIMEO, SO_REUSEADDR,
    SO_REUSEPORT, SO_SNDBUF, SO_SNDBUFFORCE, SO_SNDLOWAT, SO_SNDTIMEO, SO_TIMESTAMP, SO_ZEROCOPY,
};
use abi::time::Timeval;
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use lock::SpinLock;
use lock::atomic::{AtomicU64, Ordering};
use sortedmap::SortedMap;
use vfs::Direction;
use zerocopy::{FromBytes, IntoBytes};

/// The answer to an option that is not there.
pub const UNKNOWN: Error = Error::new(Errno::ENOPROTOOPT, "no such option");
const SHORT: Error = Error::new(Errno::EINVAL, "the value is too short");

/// What was set.
#[derive(Default)]
pub struct Options {
    /// Nanoseconds that a receiver and a sender wait; 0 for ever.
    receive_timeout: AtomicU64,
    send_timeout: AtomicU64,
    /// Numbers by level and name.
    numbers: SpinLock<SortedMap<(u32, u32), i32>>,
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
        asked.then(|| self.kept(abi::socket::SOL_SOCKET, SO_LINGER).unwrap_or(0))
    }

    /// Whether a flag is set.
    #[must_use]
    pub fn is_set(&self, level: u32, name: u32) -> bool {
        self.kept(level, name).is_some_and(|value| value != 0)
    }

    /// The number kept under a name.
    #[must_use]
    pub fn kept(&self, level: u32, name: u32) -> Option<i32> {
        self.numbers.lock().get(&(level, name)).copied()
    }

    /// Keeps a number under a name.
    pub fn keep(&self, level: u32, name: u32, value: i32) {
        self.numbers.lock().insert((level, name), value);
    }

    /// Takes over what another socket has: who accepts inherits from who listens.
    pub fn inherit(&self, other: &Self) {
        let numbers = other.numbers.lock().clone();
        *self.numbers.lock() = numbers;
        for (to, from) in [
            (&self.receive_timeout, &other.receive_timeout),
            (&self.send_timeout, &other.send_timeout),
        ] {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// The value of an option of the level `SOL_SOCKET`.
    ///
    /// # Errors
    /// `ENOPROTOOPT`.
    pub fn get(&self, name: u32) -> Result<Vec<u8>> {
        let kept = |otherwise: i32| self.kept(abi::socket::SOL_SOCKET, name).unwrap_or(otherwise);
        match name {
            SO_RCVTIMEO => time_of(&self.receive_timeout),
            SO_SNDTIMEO => time_of(&self.send_timeout),
            SO_SNDBUF | SO_RCVBUF => number(kept(CAPACITY as i32)),
            SO_RCVLOWAT | SO_SNDLOWAT => number(kept(1)),
            SO_LINGER => Ok([i32::from(self.linger().is_some()), kept(0)].as_bytes().to_vec()),
            SO_INCOMING_CPU => number(kept(-1)),
            SO_BINDTODEVICE => Ok(Vec::new()),
            SO_DEBUG | SO_REUSEADDR | SO_DONTROUTE | SO_BROADCAST | SO_KEEPALIVE | SO_OOBINLINE | SO_PRIORITY
            | SO_REUSEPORT | SO_MARK | SO_NO_CHECK | SO_TIMESTAMP | SO_ZEROCOPY | SO_BUSY_POLL => number(kept(0)),
            _ => Err(UNKNOWN),
        }
    }

    /// Sets an option of the level `SOL_SOCKET`.
    ///
    /// # Errors
    /// `ENOPROTOOPT`; `EINVAL`, `EDOM` for a value that makes no sense.
    pub fn set(&self, name: u32, value: &[u8]) -> Result<()> {
        const SMALLEST_BUFFER: i32 = 2304;
        let level = abi::socket::SOL_SOCKET;
        if matches!(name, SO_RCVTIMEO | SO_SNDTIMEO) {
            return self.set_timeout(name, value);
        }
        let number = number_of(value)?;
        let kept = match name {
            SO_LINGER => {
                let seconds = number_of(value.get(4..).unwrap_or_default())?;
                self.keep(LINGER_ON, SO_LINGER, i32::from(number != 0));
                seconds
            }
            SO_SNDBUF | SO_RCVBUF | SO_SNDBUFFORCE | SO_RCVBUFFORCE => {
                number.clamp(0, CAPACITY as i32).saturating_mul(2).max(SMALLEST_BUFFER)
            }
            SO_RCVLOWAT => number.max(1),
            SO_PRIORITY | SO_MARK | SO_INCOMING_CPU | SO_BUSY_POLL => number,
            SO_DEBUG | SO_REUSEADDR | SO_DONTROUTE | SO_BROADCAST | SO_KEEPALIVE | SO_OOBINLINE | SO_REUSEPORT
            | SO_NO_CHECK | SO_TIMESTAMP => i32::from(number != 0),
            _ => return Err(UNKNOWN),
        };
        let name = match name {
            SO_SNDBUFFORCE => SO_SNDBUF,
            SO_RCVBUFFORCE => SO_RCVBUF,
            name => name,
        };
        self.keep(level, name, kept);
        Ok(())
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
            SO_RCVTIMEO => &self.receive_timeout,
            _ => &self.send_timeout,
        };
        timeout.store(nanos, Ordering::Relaxed);
        Ok(())
    }
}

/// A level that no program can name, for the switch of `SO_LINGER`.
const LINGER_ON: u32 = u32::MAX;
