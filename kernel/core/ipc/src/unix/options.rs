//! Options of local sockets: what those of all families have, and who the other side is.

use super::UnixSocket;
use crate::options::{UNKNOWN, number, number_of};
use abi::socket::{
    AF_UNIX, SO_ACCEPTCONN, SO_DOMAIN, SO_ERROR, SO_PASSCRED, SO_PEERCRED, SO_PROTOCOL, SO_TYPE, SOL_SOCKET, Ucred,
};
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use lock::atomic::Ordering;
use zerocopy::IntoBytes;

pub(super) fn get(socket: &UnixSocket, level: u32, name: u32) -> Result<Vec<u8>> {
    if level != SOL_SOCKET {
        return Err(Error::new(Errno::EOPNOTSUPP, "no such level of options"));
    }
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
        _ => socket.options.get(name),
    }
}

pub(super) fn set(socket: &UnixSocket, level: u32, name: u32, value: &[u8]) -> Result<()> {
    if level != SOL_SOCKET {
        return Err(UNKNOWN);
    }
    if name == SO_PASSCRED {
        let is_on = number_of(value)? != 0;
        socket.tells_sender.store(is_on, Ordering::Relaxed);
        return Ok(());
    }
    socket.options.set(name, value)
}
