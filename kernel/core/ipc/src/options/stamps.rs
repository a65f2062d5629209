//! Times: when something came, and when something that was sent left (`SO_TIMESTAMP`, `SO_TIMESTAMPING`).

use super::rows::NO_VALUE;
use super::socket::UNSUPPORTED;
use super::{Options, number_of};
use abi::socket::{
    SO_MARK, SO_TIMESTAMP, SO_TIMESTAMP_NEW, SO_TIMESTAMPING, SO_TIMESTAMPING_NEW, SO_TIMESTAMPNS, SO_TIMESTAMPNS_NEW,
    SO_TXTIME, SOL_SOCKET,
};
use abi::time::{Timespec, Timeval};
use abi::{Errno, Error, Result};
use lock::atomic::{AtomicU64, Ordering};
use vfs::Control;
use zerocopy::IntoBytes;

/// Ways to tell when something came, of which one is on at most.
pub(super) const STAMPS: [u32; 4] = [SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW];

/// Of what `SO_TIMESTAMPING` says: when something that was sent left, was put where it waits to leave, and had arrived.
pub const LEFT: u32 = 1 << 1;
/// See [`LEFT`].
pub const QUEUED: u32 = 1 << 8;
/// See [`LEFT`].
pub const ARRIVED: u32 = 1 << 9;
/// What is sent has numbers, and is not told with its times.
const NUMBERS: i32 = 1 << 7;
const TIMES_ONLY: i32 = 1 << 11;
/// The times of sending that can be asked for: those, and what only a card knows.
const TIMES_OF_SENDING: u32 = 1 | LEFT | QUEUED | ARRIVED;

/// When bytes of a stream came last, for a receiver who may want to know: 0 while he does not, 1 while none have come since.
#[derive(Debug, Default)]
pub struct Came(AtomicU64);

impl Came {
    /// He does.
    pub fn ask(&self) {
        let _ = self.0.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Bytes came.
    #[inline]
    pub fn note(&self) {
        if self.0.load(Ordering::Relaxed) != 0 {
            self.0.store(time::wall_now(), Ordering::Relaxed);
        }
    }

    /// When the last came, if he asked before they did.
    #[must_use]
    pub fn last(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|came| *came > 1)
    }
}

impl Options {
    fn stamping(&self) -> i32 {
        self.kept(SOL_SOCKET, SO_TIMESTAMPING).unwrap_or(0)
    }

    /// Which way to tell when something came is on: the option's name, or 0.
    #[must_use]
    pub fn stamp(&self) -> u32 {
        self.kept(SOL_SOCKET, SO_TIMESTAMP).unwrap_or(0) as u32
    }

    /// Whether it is told when something came.
    #[must_use]
    pub fn tells_times(&self) -> bool {
        self.has_extras() && (self.stamp() != 0 || self.is_set(SOL_SOCKET, SO_TIMESTAMPING))
    }

    /// What is told of when something came (`SCM_TIMESTAMP` and so on), in nanoseconds: kinds and their bytes.
    #[cold]
    #[inline(never)]
    pub fn times(&self, came: u64, mut tell: impl FnMut(u32, &[u8])) {
        const CAME: i32 = 1 << 3;
        let time = Timespec::from_nanos(came);
        match self.stamp() {
            0 => {}
            name @ (SO_TIMESTAMP | SO_TIMESTAMP_NEW) => tell(name, Timeval::from_nanos(came).as_bytes()),
            name => tell(name, time.as_bytes()),
        }
        if self.stamping() & CAME != 0 {
            self.time_of_sending(came, tell);
        }
    }

    /// What is told of when something that was sent left.
    pub fn time_of_sending(&self, left: u64, mut tell: impl FnMut(u32, &[u8])) {
        const BY_SOFTWARE: i32 = 1 << 4;
        if self.stamping() & BY_SOFTWARE != 0 {
            let nothing = Timespec::default();
            let times = [Timespec::from_nanos(left), nothing, nothing];
            tell(SO_TIMESTAMPING, times.as_bytes());
        }
    }

    /// Which times are told of what is sent, given what goes along with it.
    #[must_use]
    pub fn times_of_sending(&self, along: Option<u32>) -> u32 {
        along.unwrap_or_else(|| self.stamping() as u32) & TIMES_OF_SENDING
    }

    /// Whether they are told with what was sent.
    #[must_use]
    pub fn shows_sent(&self) -> bool {
        self.stamping() & TIMES_ONLY == 0
    }

    fn numbers_times(&self) -> bool {
        self.stamping() & NUMBERS != 0
    }

    /// Whether an option's value asks for numbers where there were none.
    #[must_use]
    pub fn begins_numbers(&self, name: u32, value: &[u8]) -> bool {
        let is_asked = || number_of(value).is_ok_and(|flags| flags & NUMBERS != 0);
        matches!(name, SO_TIMESTAMPING | SO_TIMESTAMPING_NEW) && is_asked() && !self.numbers_times()
    }

    /// The number of a datagram whose times are told.
    #[must_use]
    pub fn next_stamped(&self) -> u32 {
        if self.numbers_times() {
            self.stamped.fetch_add(1, Ordering::Relaxed)
        } else {
            0
        }
    }

    /// The number of a byte of a stream, given how many were sent with it.
    #[must_use]
    pub fn stamped(&self, sent: u32) -> u32 {
        if self.numbers_times() {
            sent.wrapping_sub(self.stamped.load(Ordering::Relaxed)).wrapping_sub(1)
        } else {
            0
        }
    }

    /// Bytes of a stream are counted from here.
    pub fn count_from(&self, sent: u32) {
        self.stamped.store(sent, Ordering::Relaxed);
    }

    /// What goes along with a message at the general level: which times of its sending are to be told, if it says so.
    ///
    /// # Errors
    /// `EINVAL`.
    pub fn along(&self, control: &[Control]) -> Result<Option<u32>> {
        let mut times = None;
        for Control { level, kind, body } in control {
            if *level != SOL_SOCKET {
                continue;
            }
            let number = <[u8; 4]>::try_from(body.as_slice()).map(u32::from_ne_bytes);
            match (*kind, number) {
                (SO_MARK, Ok(_)) => {}
                (SO_TIMESTAMPING | SO_TIMESTAMPING_NEW, Ok(asked)) if asked & !TIMES_OF_SENDING == 0 => {
                    times = Some(asked)
                }
                (SO_TXTIME, _) if body.len() == 8 && self.kept(SOL_SOCKET, SO_TXTIME).is_some() => {}
                _ => return Err(Error::new(Errno::EINVAL, "no such thing goes along with a message")),
            }
        }
        Ok(times)
    }
}

/// What `SO_TIMESTAMPING` may say.
pub(super) fn check_stamping(flags: i32) -> Result<()> {
    const ALL: i32 = (1 << 19) - 1;
    const STATISTICS: i32 = 1 << 12;
    const TCP_NUMBERS: i32 = 1 << 16;
    // Of a card's own clock, which none has.
    const OWN_CLOCK: i32 = 1 << 15;
    let is_wrong = flags & !ALL != 0
        || flags & TCP_NUMBERS != 0 && flags & NUMBERS == 0
        || flags & STATISTICS != 0 && flags & TIMES_ONLY == 0;
    match is_wrong {
        true => Err(NO_VALUE),
        false if flags & OWN_CLOCK != 0 => Err(UNSUPPORTED),
        false => Ok(()),
    }
}
