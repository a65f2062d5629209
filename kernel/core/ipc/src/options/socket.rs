//! The level of sockets (`SOL_SOCKET`): what every kind of socket has, and where kinds differ.

use super::rows::{NO_VALUE, Row, Rule, get_row, set_number};
use super::stamps::{STAMPS, check_stamping};
use super::{LINGER_ON, Options, UNKNOWN, number, number_of, time_of};
use crate::filter::Filter;
use abi::socket::{
    AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, SO_ACCEPTCONN, SO_ATTACH_BPF, SO_ATTACH_FILTER,
    SO_ATTACH_REUSEPORT_CBPF, SO_ATTACH_REUSEPORT_EBPF, SO_BPF_EXTENSIONS, SO_BROADCAST, SO_BSDCOMPAT, SO_BUF_LOCK,
    SO_BUSY_POLL, SO_BUSY_POLL_BUDGET, SO_CNX_ADVICE, SO_COOKIE, SO_DEBUG, SO_DETACH_FILTER, SO_DETACH_REUSEPORT_BPF,
    SO_DOMAIN, SO_DONTROUTE, SO_ERROR, SO_INCOMING_CPU, SO_INCOMING_NAPI_ID, SO_KEEPALIVE, SO_LINGER, SO_LOCK_FILTER,
    SO_MARK, SO_MAX_PACING_RATE, SO_MEMINFO, SO_NETNS_COOKIE, SO_NO_CHECK, SO_NOFCS, SO_OOBINLINE, SO_PASSCRED,
    SO_PASSSEC, SO_PEEK_OFF, SO_PEERCRED, SO_PEERGROUPS, SO_PREFER_BUSY_POLL, SO_PRIORITY, SO_PROTOCOL, SO_RCVBUF,
    SO_RCVBUFFORCE, SO_RCVLOWAT, SO_RCVMARK, SO_RCVPRIORITY, SO_RCVTIMEO, SO_RCVTIMEO_NEW, SO_RESERVE_MEM,
    SO_REUSEADDR, SO_REUSEPORT, SO_RXQ_OVFL, SO_SELECT_ERR_QUEUE, SO_SNDBUF, SO_SNDBUFFORCE, SO_SNDLOWAT, SO_SNDTIMEO,
    SO_SNDTIMEO_NEW, SO_TIMESTAMP, SO_TIMESTAMPING, SO_TIMESTAMPING_NEW, SO_TXREHASH, SO_TXTIME, SO_TYPE,
    SO_WIFI_STATUS, SO_ZEROCOPY, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, SOL_SOCKET,
};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use lock::atomic::{AtomicU64, Ordering};
use zerocopy::IntoBytes;

pub(super) const UNSUPPORTED: Error = Error::new(Errno::EOPNOTSUPP, "this kind of socket has no such option");

/// The most that a buffer is that was doubled.
const MOST_BUFFER: i32 = i32::MAX / 2;
const LEAST_SEND_BUFFER: i32 = 4608;
const LEAST_RECEIVE_BUFFER: i32 = 2304;
/// The most that a stream may be asked to wait for: half of the largest buffer that it has by itself.
const MOST_LOW_WATER: i32 = 1 << 24;

/// Those that are numbers and alike for all.
const ROWS: [Row; 27] = [
    (SO_DEBUG, 0, Rule::Flag),
    (SO_REUSEADDR, 0, Rule::Flag),
    (SO_DONTROUTE, 0, Rule::Flag),
    (SO_BROADCAST, 0, Rule::Flag),
    (SO_KEEPALIVE, 0, Rule::Flag),
    (SO_OOBINLINE, 0, Rule::Flag),
    (SO_NO_CHECK, 0, Rule::Flag),
    (SO_PRIORITY, 0, Rule::Any),
    (SO_REUSEPORT, 0, Rule::Flag),
    (SO_PASSCRED, 0, Rule::Flag),
    (SO_PASSSEC, 0, Rule::Flag),
    (SO_SNDLOWAT, 1, Rule::Fixed),
    (SO_MARK, 0, Rule::Any),
    (SO_RXQ_OVFL, 0, Rule::Flag),
    (SO_WIFI_STATUS, 0, Rule::Flag),
    (SO_PEEK_OFF, -1, Rule::Any),
    (SO_NOFCS, 0, Rule::Flag),
    (SO_LOCK_FILTER, 0, Rule::Flag),
    (SO_SELECT_ERR_QUEUE, 0, Rule::Flag),
    (SO_BUSY_POLL, 0, Rule::Within(0, i32::MAX)),
    (SO_BPF_EXTENSIONS, 64, Rule::Fixed),
    (SO_INCOMING_CPU, -1, Rule::Any),
    (SO_INCOMING_NAPI_ID, 0, Rule::Fixed),
    (SO_ZEROCOPY, 0, Rule::Within(0, 1)),
    (SO_PREFER_BUSY_POLL, 0, Rule::Flag),
    (SO_BUF_LOCK, 0, Rule::Within(0, 3)),
    (SO_TXREHASH, 1, Rule::Resettable(0, 1)),
];
const LATE_ROWS: [Row; 3] = [
    (SO_RESERVE_MEM, 0, Rule::Within(0, 0)),
    (SO_RCVMARK, 0, Rule::Flag),
    (SO_RCVPRIORITY, 0, Rule::Flag),
];

fn rows(name: u32) -> &'static [Row] {
    if name > SO_TXREHASH || name == SO_RESERVE_MEM {
        &LATE_ROWS
    } else {
        &ROWS
    }
}

/// What a socket is, as far as its options depend on that.
#[derive(Clone, Copy, Debug)]
pub struct Sort {
    /// `AF_*`.
    pub family: u16,
    /// `SOCK_*`.
    pub kind: u32,
    /// The protocol's number.
    pub protocol: u32,
}

impl Sort {
    const fn is_inet(self) -> bool {
        matches!(self.family, AF_INET | AF_INET6)
    }

    const fn is_tcp(self) -> bool {
        self.is_inet() && self.kind == SOCK_STREAM
    }

    const fn sends_without_copy(self) -> bool {
        const UDP: u32 = 17;
        self.is_tcp() || self.is_inet() && self.kind != SOCK_RAW && self.protocol == UDP
    }

    /// Whether it has an option that not all have.
    fn has(self, name: u32) -> bool {
        match name {
            SO_PASSCRED | SO_PASSSEC => matches!(self.family, AF_UNIX | AF_NETLINK),
            SO_PEEK_OFF => self.family == AF_UNIX || self.is_inet() && self.kind != SOCK_RAW,
            SO_TXREHASH => self.is_tcp(),
            _ => true,
        }
    }

    /// Whether there is a level of options.
    ///
    /// # Errors
    /// `EOPNOTSUPP`, `ENOPROTOOPT`.
    #[cold]
    #[inline(never)]
    pub fn check_level(self, level: u32, sets: bool) -> Result<()> {
        const IP: u32 = 0;
        const IPV6: u32 = 41;
        let known = match (self.family, level) {
            (_, SOL_SOCKET) | (AF_NETLINK, 270) | (AF_PACKET, 263) => true,
            (AF_INET | AF_INET6, 255) => self.kind == SOCK_RAW,
            (AF_INET6, 58) => self.kind == SOCK_RAW && self.protocol == 58,
            (AF_INET, IP) | (AF_INET6, IPV6) => true,
            (AF_INET6, IP) => self.kind != SOCK_RAW,
            (AF_INET | AF_INET6, 17 | 136) => self.kind == SOCK_DGRAM && matches!(self.protocol, 17 | 136),
            (AF_INET | AF_INET6, _) => self.kind != SOCK_RAW && level == self.protocol,
            _ => false,
        };
        match self.family {
            _ if known => Ok(()),
            AF_UNIX => Err(Error::new(Errno::EOPNOTSUPP, "no such level of options")),
            AF_INET if !sets => Err(Error::new(Errno::EOPNOTSUPP, "no such level of options")),
            _ => Err(UNKNOWN),
        }
    }
}

/// The next number that tells sockets apart.
static NEXT_COOKIE: AtomicU64 = AtomicU64::new(1);

impl Options {
    /// A number that no other socket has.
    fn cookie(&self) -> u64 {
        if self.cookie.load(Ordering::Relaxed) == 0 {
            let fresh = NEXT_COOKIE.fetch_add(1, Ordering::Relaxed);
            let _ = self
                .cookie
                .compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed);
        }
        self.cookie.load(Ordering::Relaxed)
    }

    /// Where the next look begins that takes nothing away (`SO_PEEK_OFF`), if that was asked for.
    #[must_use]
    pub fn peek_offset(&self) -> Option<usize> {
        let offset = self.kept(SOL_SOCKET, SO_PEEK_OFF)?;
        usize::try_from(offset).ok()
    }

    /// Somebody looked at so many bytes, or took them away.
    #[cold]
    pub fn move_peek_offset(&self, by: isize) {
        if let Some(offset) = self.peek_offset() {
            let moved = offset.saturating_add_signed(by).min(i32::MAX as usize);
            self.keep(SOL_SOCKET, SO_PEEK_OFF, moved as i32);
        }
    }

    /// The program of an option, if the filters of the socket may be others.
    ///
    /// # Errors
    /// `EINVAL`, `EPERM`, `EFAULT`.
    pub fn program(&self, value: &[u8]) -> Result<Arc<Filter>> {
        const PROGRAM: usize = 16;
        if value.len() != PROGRAM {
            return Err(Error::new(Errno::EINVAL, "the value names no program"));
        }
        self.check_lock()?;
        Ok(Arc::new(Filter::of_option(value)?))
    }

    fn check_lock(&self) -> Result<()> {
        if self.is_set(SOL_SOCKET, SO_LOCK_FILTER) {
            return Err(Error::new(Errno::EPERM, "the filter stays as it is"));
        }
        Ok(())
    }

    /// Programs of the newer kind come by a call that there is not.
    fn refuse_newer(&self, value: &[u8]) -> Error {
        if value.len() != size_of::<u32>() {
            return NO_VALUE;
        }
        self.check_lock()
            .err()
            .unwrap_or(Error::new(Errno::EOPNOTSUPP, "there are no programs of that kind"))
    }

    fn set_filter(&self, name: u32, value: &[u8]) -> Result<()> {
        let filter = match name {
            SO_ATTACH_FILTER => Some(self.program(value)?),
            _ => None,
        };
        self.check_lock()?;
        let takes_away = filter.is_none();
        let old = core::mem::replace(&mut *self.filter.lock(), filter);
        if takes_away && old.is_none() {
            return Err(Error::new(Errno::ENOENT, "there is no filter"));
        }
        drop(old);
        Ok(())
    }

    /// How much may wait in each direction, as programs are told: to be received, to be sent.
    fn room(&self, sort: Sort) -> [i32; 2] {
        let usual = match sort.is_tcp() {
            true => [sysctl::TCP_RMEM.number(1), sysctl::TCP_WMEM.number(1)],
            false => [sysctl::RMEM_DEFAULT.get(), sysctl::WMEM_DEFAULT.get()],
        };
        let [receive, send] = [SO_RCVBUF, SO_SNDBUF].map(|name| self.kept(SOL_SOCKET, name));
        [receive.unwrap_or(usual[0]), send.unwrap_or(usual[1])]
    }

    /// The value of an option of the level `SOL_SOCKET`.
    ///
    /// # Errors
    /// `ENOPROTOOPT`, `EOPNOTSUPP`.
    #[cold]
    #[inline(never)]
    pub fn get(&self, sort: Sort, name: u32) -> Result<Vec<u8>> {
        if !sort.has(name) {
            return Err(UNSUPPORTED);
        }
        let kept = |otherwise: i32| self.kept(SOL_SOCKET, name).unwrap_or(otherwise);
        let pair = |second: i32| Ok([kept(0), second].as_bytes().to_vec());
        match name {
            SO_TYPE => number(sort.kind as i32),
            SO_DOMAIN => number(i32::from(sort.family)),
            SO_PROTOCOL => number(sort.protocol as i32),
            SO_ERROR | SO_ACCEPTCONN | SO_BSDCOMPAT => number(0),
            // Nobody is known who is not on this machine.
            SO_PEERCRED => Ok([0, -1, -1].as_bytes().to_vec()),
            SO_RCVTIMEO | SO_RCVTIMEO_NEW => time_of(&self.receive_timeout),
            SO_SNDTIMEO | SO_SNDTIMEO_NEW => time_of(&self.send_timeout),
            SO_SNDBUF => number(self.room(sort)[1]),
            SO_RCVBUF => number(self.room(sort)[0]),
            SO_RCVLOWAT => number(kept(1)),
            SO_REUSEADDR if sort.is_inet() && sort.kind == SOCK_RAW => number(kept(1)),
            SO_LINGER => Ok([i32::from(self.linger().is_some()), kept(0)].as_bytes().to_vec()),
            _ if STAMPS.contains(&name) => number(i32::from(self.stamp() == name)),
            SO_TIMESTAMPING | SO_TIMESTAMPING_NEW => Ok([self.kept(SOL_SOCKET, SO_TIMESTAMPING).unwrap_or(0), 0]
                .as_bytes()
                .to_vec()),
            SO_MAX_PACING_RATE => match self.rate.load(Ordering::Relaxed) {
                0 => Ok(u64::MAX.to_ne_bytes().to_vec()),
                rate => Ok((rate - 1).to_ne_bytes().to_vec()),
            },
            SO_TXTIME => pair(self.kept(SOL_SOCKET, SO_TXTIME + TXTIME_FLAGS).unwrap_or(0)),
            SO_COOKIE => Ok(self.cookie().to_ne_bytes().to_vec()),
            // There is one.
            SO_NETNS_COOKIE => Ok(1_u64.to_ne_bytes().to_vec()),
            SO_MEMINFO => {
                // What waits is counted elsewhere (`ss -m` shows it); nothing else of this is apart here.
                let [receive, send] = self.room(sort);
                Ok([0, receive, 0, send, 0, 0, 0, 0, 0].as_bytes().to_vec())
            }
            SO_ATTACH_FILTER => Ok(self.filter().map_or(Vec::new(), |filter| filter.to_bytes())),
            SO_PEERGROUPS => Err(Error::new(Errno::ENODATA, "nobody is known on the other side")),
            _ => get_row(self, rows(name), SOL_SOCKET, name),
        }
    }

    /// Sets an option of the level `SOL_SOCKET`.
    ///
    /// # Errors
    /// `ENOPROTOOPT`, `EOPNOTSUPP`; `EINVAL`, `EDOM` for a value that makes no sense.
    #[cold]
    #[inline(never)]
    pub fn set(&self, sort: Sort, name: u32, value: &[u8]) -> Result<()> {
        let number = number_of(value)?;
        if !sort.has(name) {
            return Err(UNSUPPORTED);
        }
        let doubled = |least: i32| number.clamp(0, MOST_BUFFER).saturating_mul(2).max(least);
        // Less than nothing is more than everything.
        let up_to = |setting: sysctl::Setting, least| {
            let most = setting.get().min(MOST_BUFFER);
            (if number < 0 { most } else { number.min(most) } * 2).max(least)
        };
        let keep = |name, value| self.keep(SOL_SOCKET, name, value);
        let tells_times = STAMPS.contains(&name) || matches!(name, SO_TIMESTAMPING | SO_TIMESTAMPING_NEW);
        if tells_times || matches!(name, SO_ATTACH_FILTER | SO_PEEK_OFF | SO_RXQ_OVFL) {
            self.has_extras.store(true, Ordering::Relaxed);
        }
        match name {
            SO_RCVTIMEO | SO_SNDTIMEO | SO_RCVTIMEO_NEW | SO_SNDTIMEO_NEW => return self.set_timeout(name, value),
            SO_LINGER => {
                let seconds = number_of(value.get(4..).unwrap_or_default())?;
                self.keep(LINGER_ON, SO_LINGER, i32::from(number != 0));
                keep(SO_LINGER, seconds);
            }
            SO_SNDBUF => keep(SO_SNDBUF, up_to(sysctl::WMEM_MAX, LEAST_SEND_BUFFER)),
            SO_RCVBUF => keep(SO_RCVBUF, up_to(sysctl::RMEM_MAX, LEAST_RECEIVE_BUFFER)),
            SO_SNDBUFFORCE => keep(SO_SNDBUF, doubled(LEAST_SEND_BUFFER)),
            SO_RCVBUFFORCE => keep(SO_RCVBUF, doubled(LEAST_RECEIVE_BUFFER)),
            SO_RCVLOWAT => {
                let wanted = if number < 0 { i32::MAX } else { number.max(1) };
                keep(
                    name,
                    if sort.is_tcp() {
                        wanted.min(MOST_LOW_WATER)
                    } else {
                        wanted
                    },
                );
            }
            SO_REUSEPORT if number != 0 && !sort.is_inet() => return Err(UNSUPPORTED),
            SO_ZEROCOPY if !sort.sends_without_copy() => return Err(UNSUPPORTED),
            SO_RESERVE_MEM if number >= 0 => return Err(UNSUPPORTED),
            SO_LOCK_FILTER if number == 0 && self.is_set(SOL_SOCKET, SO_LOCK_FILTER) => {
                return Err(Error::new(Errno::EPERM, "the filter stays as it is"));
            }
            SO_ATTACH_FILTER | SO_DETACH_FILTER => self.set_filter(name, value)?,
            SO_ATTACH_BPF | SO_ATTACH_REUSEPORT_EBPF => return Err(self.refuse_newer(value)),
            SO_ATTACH_REUSEPORT_CBPF => {
                self.program(value)?;
                return Err(NO_VALUE);
            }
            SO_DETACH_REUSEPORT_BPF => return Err(NO_VALUE),
            _ if STAMPS.contains(&name) => keep(SO_TIMESTAMP, if number != 0 { name as i32 } else { 0 }),
            SO_TIMESTAMPING | SO_TIMESTAMPING_NEW => {
                check_stamping(number)?;
                if !sort.is_tcp() && self.begins_numbers(name, value) {
                    self.stamped.store(0, Ordering::Relaxed);
                }
                keep(SO_TIMESTAMPING, number);
            }
            SO_MAX_PACING_RATE => {
                let rate = match value.first_chunk::<8>() {
                    Some(wide) if value.len() == 8 => u64::from_ne_bytes(*wide),
                    _ if number == -1 => u64::MAX,
                    _ => u64::from(number as u32),
                };
                self.rate.store(rate.wrapping_add(1), Ordering::Relaxed);
            }
            SO_TXTIME => {
                let flags = number_of(value.get(4..).unwrap_or_default())?;
                if value.len() != 8 || flags & !3 != 0 || number < 0 {
                    return Err(NO_VALUE);
                }
                keep(SO_TXTIME, number);
                keep(SO_TXTIME + TXTIME_FLAGS, flags);
            }
            SO_BUSY_POLL_BUDGET if (0..=0xffff).contains(&number) => {}
            SO_BUSY_POLL_BUDGET => return Err(NO_VALUE),
            SO_CNX_ADVICE | SO_BSDCOMPAT => {}
            _ => return set_number(self, rows(name), SOL_SOCKET, name, number),
        }
        Ok(())
    }
}

/// Beside a name: where the second number of an option is kept.
const TXTIME_FLAGS: u32 = 0x1000;
