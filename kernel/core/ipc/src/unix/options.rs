//! Options of sockets.

use super::{UnixSocket, channel};
use abi::socket::{
    AF_UNIX, SO_ACCEPTCONN, SO_BROADCAST, SO_DEBUG, SO_DOMAIN, SO_DONTROUTE, SO_ERROR, SO_KEEPALIVE, SO_LINGER,
    SO_OOBINLINE, SO_PASSCRED, SO_PEERCRED, SO_PRIORITY, SO_PROTOCOL, SO_RCVBUF, SO_RCVBUFFORCE, SO_RCVLOWAT,
    SO_RCVTIMEO, SO_REUSEADDR, SO_REUSEPORT, SO_SNDBUF, SO_SNDBUFFORCE, SO_SNDLOWAT, SO_SNDTIMEO, SO_TYPE, SOL_SOCKET,
    Ucred,
};
use abi::time::Timeval;
use abi::{Errno, Error, Result};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use lock::SpinLock;
use lock::atomic::{AtomicU64, Ordering};
use vfs::Direction;
use zerocopy::{FromBytes, IntoBytes};

const UNKNOWN: Error = Error::new(Errno::ENOPROTOOPT, "no such option");

/// What was set.
#[derive(Default)]
pub(super) struct Options {
    /// Nanoseconds that a receiver and a sender wait; 0 for ever.
    receive_timeout: AtomicU64,
    send_timeout: AtomicU64,
    /// Numbers that only whoever set them asks for.
    numbers: SpinLock<BTreeMap<u32, i32>>,
}

impl Options {
    pub(super) fn timeout(&self, direction: Direction) -> Option<u64> {
        let timeout = match direction {
            Direction::Read => &self.receive_timeout,
            Direction::Write => &self.send_timeout,
        };
        Some(timeout.load(Ordering::Relaxed)).filter(|nanos| *nanos > 0)
    }
}

fn number(value: i32) -> Result<Vec<u8>> {
    Ok(value.to_ne_bytes().to_vec())
}

fn time_of(nanos: &AtomicU64) -> Result<Vec<u8>> {
    Ok(Timeval::from_nanos(nanos.load(Ordering::Relaxed)).as_bytes().to_vec())
}

pub(super) fn get(socket: &UnixSocket, level: u32, name: u32) -> Result<Vec<u8>> {
    if level != SOL_SOCKET {
        return Err(Error::new(Errno::EOPNOTSUPP, "no such level of options"));
    }
    let set = |otherwise: i32| socket.options.numbers.lock().get(&name).copied().unwrap_or(otherwise);
    match name {
        SO_TYPE => number(socket.style.number() as i32),
        SO_DOMAIN => number(i32::from(AF_UNIX)),
        SO_PROTOCOL => number(0),
        SO_ACCEPTCONN => number(i32::from(socket.listener.get().is_some())),
        SO_ERROR => {
            let reset = socket.incoming.get().is_some_and(|channel| channel.take_reset());
            number(if reset { i32::from(Errno::ECONNRESET.0) } else { 0 })
        }
        SO_PASSCRED => number(i32::from(socket.tells_sender.load(Ordering::Relaxed))),
        SO_PEERCRED => {
            const NOBODY: Ucred = Ucred {
                pid: 0,
                uid: u32::MAX,
                gid: u32::MAX,
            };
            Ok(socket.peer.lock().unwrap_or(NOBODY).as_bytes().to_vec())
        }
        SO_RCVTIMEO => time_of(&socket.options.receive_timeout),
        SO_SNDTIMEO => time_of(&socket.options.send_timeout),
        SO_SNDBUF | SO_RCVBUF => number(set(channel::CAPACITY as i32)),
        SO_RCVLOWAT | SO_SNDLOWAT => number(set(1)),
        SO_LINGER => Ok([set(0), 0].as_bytes().to_vec()),
        SO_DEBUG | SO_REUSEADDR | SO_DONTROUTE | SO_BROADCAST | SO_KEEPALIVE | SO_OOBINLINE | SO_PRIORITY
        | SO_REUSEPORT => number(set(0)),
        _ => Err(UNKNOWN),
    }
}

pub(super) fn set(socket: &UnixSocket, level: u32, name: u32, value: &[u8]) -> Result<()> {
    const SMALLEST_BUFFER: i32 = 2304;
    if level != SOL_SOCKET {
        return Err(UNKNOWN);
    }
    let short = || Error::new(Errno::EINVAL, "the value is too short");
    if matches!(name, SO_RCVTIMEO | SO_SNDTIMEO) {
        let (time, _) = Timeval::read_from_prefix(value).map_err(|_| short())?;
        if !(0..1_000_000).contains(&time.usec) {
            return Err(Error::new(Errno::EDOM, "the microseconds are more than a second"));
        }
        let seconds = u64::try_from(time.sec).unwrap_or(0);
        let nanos = seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(time.usec as u64 * 1000);
        let timeout = match name {
            SO_RCVTIMEO => &socket.options.receive_timeout,
            _ => &socket.options.send_timeout,
        };
        timeout.store(nanos, Ordering::Relaxed);
        return Ok(());
    }
    let number = i32::from_ne_bytes(*value.first_chunk().ok_or_else(short)?);
    let kept = match name {
        SO_PASSCRED => {
            socket.tells_sender.store(number != 0, Ordering::Relaxed);
            return Ok(());
        }
        SO_SNDBUF | SO_RCVBUF | SO_SNDBUFFORCE | SO_RCVBUFFORCE => number
            .clamp(0, channel::CAPACITY as i32)
            .saturating_mul(2)
            .max(SMALLEST_BUFFER),
        SO_RCVLOWAT => number.max(1),
        SO_PRIORITY => number,
        SO_DEBUG | SO_REUSEADDR | SO_DONTROUTE | SO_BROADCAST | SO_KEEPALIVE | SO_OOBINLINE | SO_LINGER
        | SO_REUSEPORT => i32::from(number != 0),
        _ => return Err(UNKNOWN),
    };
    let name = match name {
        SO_SNDBUFFORCE => SO_SNDBUF,
        SO_RCVBUFFORCE => SO_RCVBUF,
        name => name,
    };
    socket.options.numbers.lock().insert(name, kept);
    Ok(())
}
