//! Options of local sockets: what those of all families have, and who the other side is.

use super::UnixSocket;
use crate::options::{Sort, number, number_of};
use abi::socket::{
    AF_UNIX, SO_ACCEPTCONN, SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_ERROR, SO_OOBINLINE, SO_PASSCRED, SO_PEERCRED,
    SOL_SOCKET, Ucred,
};
use abi::{Errno, Result};
use alloc::vec::Vec;
use lock::atomic::Ordering;
use zerocopy::IntoBytes;

pub(super) const fn sort(socket: &UnixSocket) -> Sort {
    Sort {
        family: AF_UNIX,
        kind: socket.style.number(),
        protocol: 0,
    }
}

pub(super) fn get(socket: &UnixSocket, level: u32, name: u32) -> Result<Vec<u8>> {
    sort(socket).check_level(level, false)?;
    match name {
        SO_ACCEPTCONN => number(i32::from(socket.listener.get().is_some())),
        SO_ERROR => {
            let reset = socket.incoming.get().is_some_and(|channel| channel.take_reset());
            number(if reset { i32::from(Errno::ECONNRESET.0) } else { 0 })
        }
        SO_PEERCRED => {
            const NOBODY: Ucred = Ucred {
                pid: 0,
                uid: u32::MAX,
                gid: u32::MAX,
            };
            Ok(socket.peer.lock().unwrap_or(NOBODY).as_bytes().to_vec())
        }
        _ => socket.options.get(sort(socket), name),
    }
}

pub(super) fn set(socket: &UnixSocket, level: u32, name: u32, value: &[u8]) -> Result<()> {
    sort(socket).check_level(level, true)?;
    socket.options.set(sort(socket), name, value)?;
    if let (SO_ATTACH_FILTER | SO_DETACH_FILTER, Some(incoming)) = (name, socket.incoming.get()) {
        incoming.set_filter(socket.options.filter());
    }
    if let ((SOL_SOCKET, SO_OOBINLINE), Some(incoming)) = ((level, name), socket.incoming.get()) {
        incoming.set_urgent_inline(number_of(value)? != 0);
    }
    if (level, name) == (SOL_SOCKET, SO_PASSCRED) {
        let is_on = number_of(value)? != 0;
        socket.tells_sender.store(is_on, Ordering::Relaxed);
    }
    Ok(())
}
