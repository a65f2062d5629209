//! Options of TCP sockets.

use crate::TCP;
use crate::options::{self, IPPROTO_IP, IPPROTO_IPV6, Row};
use crate::ports::Holder;
use crate::remote::Remote;
use crate::stream::TcpSocket;
use abi::ioctl::{FIONREAD, SIOCATMARK, TIOCOUTQ};
use abi::socket::{
    SO_ACCEPTCONN, SO_DOMAIN, SO_ERROR, SO_KEEPALIVE, SO_OOBINLINE, SO_PROTOCOL, SO_RCVBUF, SO_SNDBUF, SO_TYPE,
    SOCK_STREAM, SOL_SOCKET,
};
use abi::{Errno, Error, Result};
use alloc::vec;
use alloc::vec::Vec;
use ipc::options::{Options, number};
use lock::atomic::Ordering;
use tcp::Settings;
use usermem::UserPtr;

const TCP_INFO: u32 = 11;
const TCP_MAXSEG: u32 = 2;
const TCP_QUICKACK: u32 = 12;
const TCP_CONGESTION: u32 = 13;
/// Bytes of `struct tcp_info`.
const INFO_LEN: usize = 232;
/// What the kinds of congestion control are called that there are.
const CUBIC: &[u8] = b"cubic";
const RENO: &[u8] = b"reno";
const TCP_DEFER_ACCEPT: u32 = 9;

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
            let is_reno = socket.options.is_set(TCP, TCP_CONGESTION);
            let mut name = if is_reno { RENO } else { CUBIC }.to_vec();
            name.resize(16, 0);
            Ok(name)
        }
        (TCP, TCP_MAXSEG) if let Some(remote) = socket.remote() => number(remote.look(tcp::Connection::mss) as i32),
        (TCP, _) => options::get_row(&socket.options, &ROWS, level, name),
        _ => options::get(&socket.options, socket.family, level, name),
    }
}

pub(crate) fn set(socket: &TcpSocket, level: u32, name: u32, value: &[u8]) -> Result<()> {
    keep(socket, level, name, value)?;
    if let (SOL_SOCKET, SO_OOBINLINE, Some(incoming)) = (level, name, socket.incoming.get()) {
        incoming.set_urgent_inline(socket.options.is_set(level, name));
    }
    if let Some(remote) = socket.remote() {
        set_manner(socket, &remote);
        if (level, name) == (TCP, TCP_QUICKACK) {
            remote.set_quick(value.iter().any(|byte| *byte != 0));
        }
        remote.set(settings(&socket.options));
    }
    Ok(())
}

fn keep(socket: &TcpSocket, level: u32, name: u32, value: &[u8]) -> Result<()> {
    match (level, name) {
        (SOL_SOCKET, _) => socket.options.set(name, value),
        (TCP, TCP_CONGESTION) => {
            let asked = value.split(|byte| *byte == 0).next().unwrap_or_default();
            if asked != CUBIC && asked != RENO {
                return Err(Error::new(Errno::ENOENT, "no such congestion control"));
            }
            socket.options.keep(TCP, TCP_CONGESTION, i32::from(asked == RENO));
            Ok(())
        }
        (TCP, _) => options::set_row(&socket.options, &ROWS, level, name, value),
        _ => {
            let is_bound = socket.ends.lock().own.is_some();
            options::set(&socket.options, socket.family, is_bound, (level, name), value)
        }
    }
}

/// What a connection over the network is told of what was set.
#[cold]
#[inline(never)]
pub(crate) fn settings(options: &Options) -> Settings {
    let kept = |level, name, otherwise: u32| options.kept(level, name).map_or(otherwise, |value| value as u32);
    let tcp = |name, otherwise| kept(TCP, name, otherwise);
    let is_reno = tcp(TCP_CONGESTION, 0) != 0;
    Settings {
        no_delay: tcp(1, 0) != 0,
        cork: tcp(3, 0) != 0,
        reno: is_reno,
        urgent_inline: options.is_set(SOL_SOCKET, SO_OOBINLINE),
        ecn: false,
        keep_idle: if options.is_set(SOL_SOCKET, SO_KEEPALIVE) {
            tcp(4, 7200)
        } else {
            0
        },
        keep_interval: tcp(5, 75),
        keep_count: tcp(6, 9) as u8,
        syn_count: tcp(7, 6) as u8,
        user_timeout: tcp(18, 0),
        fin_timeout: tcp(8, 60),
        max_segment: tcp(2, 0) as u16,
        send_buffer: kept(SOL_SOCKET, SO_SNDBUF, 0),
        receive_buffer: kept(SOL_SOCKET, SO_RCVBUF, 0),
    }
}

/// Whether a connection is accepted only when bytes have come.
pub(crate) fn defers(options: &Options) -> bool {
    options.kept(TCP, TCP_DEFER_ACCEPT).unwrap_or(0) > 0
}

/// Has packets go as was set: hops and type of service.
#[cold]
#[inline(never)]
pub(crate) fn set_manner(socket: &TcpSocket, remote: &Remote) {
    let (level, hops, service) = if remote.name.1.is_ipv4() {
        (IPPROTO_IP, 2, 1)
    } else {
        (IPPROTO_IPV6, 16, 67)
    };
    let kept = |name, otherwise| {
        socket
            .options
            .kept(level, name)
            .filter(|value| *value >= 0)
            .unwrap_or(otherwise)
    };
    remote.hops.store(kept(hops, 64) as u8, Ordering::Relaxed);
    remote.service.store(kept(service, 0) as u8 & !3, Ordering::Relaxed);
}

/// A request of `ioctl` for a connection over the network.
#[cold]
#[inline(never)]
pub(crate) fn request(remote: &Remote, request: u32, argument: u64) -> Result<u64> {
    let answer = match request {
        FIONREAD => remote.look(tcp::Connection::before_urgent),
        TIOCOUTQ => remote.look(tcp::Connection::unsent),
        SIOCATMARK => usize::from(remote.look(tcp::Connection::is_at_mark)),
        _ => return Err(Error::new(Errno::ENOTTY, "a socket does not know the request")),
    };
    UserPtr::<i32>::new(argument).write(&(answer as i32))?;
    Ok(0)
}

/// A request of `ioctl` for a connection within the machine, or none.
pub(crate) fn request_here(socket: &TcpSocket, request: u32, argument: u64) -> Result<u64> {
    let (incoming, outgoing) = (socket.incoming.get(), socket.outgoing.get());
    let answer = match request {
        FIONREAD => incoming.map_or(0, |channel| channel.next_len()),
        TIOCOUTQ => outgoing.map_or(0, |channel| channel.next_len()),
        SIOCATMARK => usize::from(incoming.is_some_and(|channel| channel.is_at_urgent())),
        _ => return Err(Error::new(Errno::ENOTTY, "a socket does not know the request")),
    };
    UserPtr::<i32>::new(argument).write(&(answer as i32))?;
    Ok(0)
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
        (Some(_), _) if socket.is_over() => CLOSE,
        (Some(channel), _) if channel.writer_gone() => CLOSE_WAIT,
        (Some(_), _) => ESTABLISHED,
        (None, crate::connect::Progress::Waiting) => SYN_SENT,
        (None, _) => CLOSE,
    };
    let mut info = vec![0; INFO_LEN];
    if let Some(remote) = socket.remote() {
        remote.look(|connection| connection.info(time::now(), &mut info));
        return info;
    }
    info[0] = state;
    for at in [16, 20] {
        info[at..at + 4].copy_from_slice(&SEGMENT.to_ne_bytes());
    }
    info
}
