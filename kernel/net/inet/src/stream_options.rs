//! Options of TCP sockets.

use crate::TCP;
use crate::options::{self, Row};
use crate::ports::Holder;
use crate::stream::TcpSocket;
use abi::socket::{SO_ACCEPTCONN, SO_DOMAIN, SO_ERROR, SO_PROTOCOL, SO_TYPE, SOCK_STREAM, SOL_SOCKET};
use abi::{Errno, Error, Result};
use alloc::vec;
use alloc::vec::Vec;
use ipc::options::number;

const TCP_INFO: u32 = 11;
const TCP_CONGESTION: u32 = 13;
/// Bytes of `struct tcp_info`.
const INFO_LEN: usize = 232;
/// What congestion control is called that there is.
const CUBIC: &[u8] = b"cubic";

/// `TCP_*`: NODELAY, MAXSEG, CORK, KEEPIDLE, KEEPINTVL, KEEPCNT, SYNCNT, LINGER2, DEFER_ACCEPT, WINDOW_CLAMP, QUICKACK, USER_TIMEOUT, FASTOPEN, NOTSENT_LOWAT,
/// FASTOPEN_CONNECT.
const ROWS: [Row; 15] = [
    (1, 0, i32::MIN, i32::MAX),
    (2, 536, 88, 32767),
    (3, 0, i32::MIN, i32::MAX),
    (4, 7200, 1, 32767),
    (5, 75, 1, 32767),
    (6, 9, 1, 127),
    (7, 6, 1, 127),
    (8, 60, i32::MIN + 1, i32::MAX),
    (9, 0, 0, i32::MAX),
    (10, 65536, 0, i32::MAX),
    (12, 1, i32::MIN, i32::MAX),
    (18, 0, 0, i32::MAX),
    (23, 0, 0, i32::MAX),
    (25, 0, 0, i32::MAX),
    (30, 0, 0, 1),
];

pub(crate) fn get(socket: &TcpSocket, level: u32, name: u32) -> Result<Vec<u8>> {
    match (level, name) {
        (SOL_SOCKET, SO_TYPE) => number(SOCK_STREAM as i32),
        (SOL_SOCKET, SO_DOMAIN) => number(i32::from(socket.family)),
        (SOL_SOCKET, SO_PROTOCOL) => number(TCP as i32),
        (SOL_SOCKET, SO_ACCEPTCONN) => number(i32::from(socket.is_listening())),
        (SOL_SOCKET, SO_ERROR) => number(socket.take_error().map_or(0, |errno| i32::from(errno.0))),
        (SOL_SOCKET, _) => socket.options.get(name),
        (TCP, TCP_INFO) => Ok(info(socket)),
        (TCP, TCP_CONGESTION) => {
            let mut name = CUBIC.to_vec();
            name.resize(16, 0);
            Ok(name)
        }
        (TCP, _) => options::get_row(&socket.options, &ROWS, level, name),
        _ => options::get(&socket.options, socket.family, level, name),
    }
}

pub(crate) fn set(socket: &TcpSocket, level: u32, name: u32, value: &[u8]) -> Result<()> {
    match (level, name) {
        (SOL_SOCKET, _) => socket.options.set(name, value),
        (TCP, TCP_CONGESTION) => {
            let asked = value.split(|byte| *byte == 0).next().unwrap_or_default();
            if asked == CUBIC {
                Ok(())
            } else {
                Err(Error::new(Errno::ENOENT, "no such congestion control"))
            }
        }
        (TCP, _) => options::set_row(&socket.options, &ROWS, level, name, value),
        _ => {
            let is_bound = socket.ends.lock().own.is_some();
            options::set(&socket.options, socket.family, is_bound, (level, name), value)
        }
    }
}

/// `struct tcp_info`, as far as there is something to tell without packets: the state, and the size of a segment on loopback.
fn info(socket: &TcpSocket) -> Vec<u8> {
    const ESTABLISHED: u8 = 1;
    const SYN_SENT: u8 = 2;
    const CLOSE: u8 = 7;
    const CLOSE_WAIT: u8 = 8;
    const LISTEN: u8 = 10;
    const SEGMENT: u32 = 32768;
    let state = match (socket.incoming.get(), socket.ends.lock().progress) {
        _ if socket.is_listening() => LISTEN,
        (Some(channel), _) if channel.reader_gone() || channel.is_reset() => CLOSE,
        (Some(channel), _) if channel.writer_gone() => CLOSE_WAIT,
        (Some(_), _) => ESTABLISHED,
        (None, crate::connect::Progress::Waiting) => SYN_SENT,
        (None, _) => CLOSE,
    };
    let mut info = vec![0; INFO_LEN];
    info[0] = state;
    for at in [16, 20] {
        info[at..at + 4].copy_from_slice(&SEGMENT.to_ne_bytes());
    }
    info
}
