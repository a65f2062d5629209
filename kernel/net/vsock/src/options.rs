//! Options: those that sockets of every family have, and how much is kept and how long a connection may take to begin.

use crate::connection::Connection;
use crate::header::Kind;
use crate::socket::VsockSocket;
use abi::socket::{AF_VSOCK, SO_ACCEPTCONN, SO_ERROR, SOCK_SEQPACKET, SOCK_STREAM, SOL_SOCKET};
use abi::time::Timeval;
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use ipc::options::{Sort, UNKNOWN, number};
use zerocopy::{FromBytes, IntoBytes};

const BUFFER_SIZE: u32 = 0;
const BUFFER_MIN_SIZE: u32 = 1;
const BUFFER_MAX_SIZE: u32 = 2;
const CONNECT_TIMEOUT_OLD: u32 = 6;
const CONNECT_TIMEOUT: u32 = 8;

const LEVEL: u32 = AF_VSOCK as u32;
const SECOND: u64 = 1_000_000_000;
/// Linux counts the time to connect in ticks.
const TICK: u64 = SECOND / 250;
const PATIENCE: u64 = 2 * SECOND;
const SHORT: Error = Error::new(Errno::EINVAL, "the value, or the room for it, is too short");

/// How much is kept for a program, between which bounds that may be set, and how long a connection may take to begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    size: u64,
    least: u64,
    most: u64,
    pub(crate) patience: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            size: 262_144,
            least: 128,
            most: 262_144,
            patience: PATIENCE,
        }
    }
}

impl Settings {
    /// Bytes that are kept, as the other side is told.
    pub(crate) fn room(&self) -> u32 {
        u32::try_from(self.size).unwrap_or(u32::MAX)
    }

    fn set_size(&mut self, size: u64) {
        self.size = size.min(self.most).max(self.least);
    }
}

pub(crate) fn get(socket: &VsockSocket, level: u32, name: u32) -> Result<Vec<u8>> {
    if level == SOL_SOCKET {
        return get_general(socket, name);
    }
    if level != LEVEL {
        return Err(UNKNOWN);
    }
    let settings = *socket.settings.lock();
    let size = |size: u64| Ok(size.to_ne_bytes().to_vec());
    match name {
        BUFFER_SIZE => size(settings.size),
        BUFFER_MIN_SIZE => size(settings.least),
        BUFFER_MAX_SIZE => size(settings.most),
        CONNECT_TIMEOUT | CONNECT_TIMEOUT_OLD => Ok(Timeval::from_nanos(settings.patience).as_bytes().to_vec()),
        _ => Err(UNKNOWN),
    }
}

/// The same, where there are `room` bytes: what does not fit is not given in part.
pub(crate) fn get_into(socket: &VsockSocket, level: u32, name: u32, room: usize) -> Result<Vec<u8>> {
    let value = get(socket, level, name)?;
    if level == LEVEL && room < value.len() {
        return Err(SHORT);
    }
    Ok(value)
}

/// What the options of all families depend on.
const fn sort(socket: &VsockSocket) -> Sort {
    Sort {
        family: AF_VSOCK,
        kind: match socket.kind {
            Kind::Stream => SOCK_STREAM,
            Kind::Sequence => SOCK_SEQPACKET,
        },
        protocol: 0,
    }
}

fn get_general(socket: &VsockSocket, name: u32) -> Result<Vec<u8>> {
    match name {
        SO_ACCEPTCONN => number(i32::from(socket.listener.get().is_some())),
        SO_ERROR => number(socket.take_error().map_or(0, |errno| i32::from(errno.0))),
        _ => socket.options.get(sort(socket), name),
    }
}

pub(crate) fn set(socket: &VsockSocket, level: u32, name: u32, value: &[u8]) -> Result<()> {
    if level == SOL_SOCKET {
        return socket.options.set(sort(socket), name, value);
    }
    if level != LEVEL {
        return Err(UNKNOWN);
    }
    let size = || value.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes)).ok_or(SHORT);
    let mut settings = socket.settings.lock();
    match name {
        BUFFER_SIZE => settings.set_size(size()?),
        BUFFER_MIN_SIZE => {
            settings.least = size()?;
            let now = settings.size;
            settings.set_size(now);
        }
        BUFFER_MAX_SIZE => {
            settings.most = size()?;
            let now = settings.size;
            settings.set_size(now);
        }
        CONNECT_TIMEOUT | CONNECT_TIMEOUT_OLD => {
            settings.patience = patience_of(value)?;
            return Ok(());
        }
        _ => return Err(UNKNOWN),
    }
    let room = settings.room();
    drop(settings);
    if let Some(remote) = socket.remote() {
        remote.change(|connection: &mut Connection| connection.set_room(room));
    }
    Ok(())
}

fn patience_of(value: &[u8]) -> Result<u64> {
    let (time, _) = Timeval::read_from_prefix(value).map_err(|_| SHORT)?;
    let micros = u64::try_from(time.usec.max(0))
        .ok()
        .filter(|micros| *micros < 1_000_000);
    let seconds = u64::try_from(time.sec)
        .ok()
        .filter(|seconds| *seconds < u64::MAX / SECOND);
    let (Some(seconds), Some(micros)) = (seconds, micros) else {
        return Err(Error::new(Errno::ERANGE, "no time is so long"));
    };
    let nanos = seconds * SECOND + (micros * 1000).next_multiple_of(TICK);
    Ok(if nanos == 0 { PATIENCE } else { nanos })
}
