//! Sockets: making, naming and connecting them, their options.

use super::open::add;
use super::pipe::known_flags;
use crate::Caller;
use crate::argument::{Fd, Hex};
use abi::fcntl::OpenFlags;
use abi::socket::{
    AF_NETLINK, AF_PACKET, AF_UNIX, AF_VSOCK, SHUT_RDWR, SO_ATTACH_FILTER, SO_BINDTODEVICE, SO_BINDTOIFINDEX, SO_DEBUG,
    SO_LINGER, SO_MARK, SO_MAX_PACING_RATE, SO_PEERNAME, SO_PRIORITY, SO_RCVBUFFORCE, SO_SNDBUFFORCE, SOCK_DGRAM,
    SOCK_RAW, SOCK_TYPE_MASK, SOL_SOCKET, Ucred,
};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use ipc::Style;
use usermem::{UserPtr, UserSlice};
use vfs::{Direction, File, Socket, capability};

const IPPROTO_IPV6: u32 = 41;
const IPV6_PATHMTU: u32 = 61;

calls! {
    41 "socket" = socket(u32, u32, u32) partial "AF_UNIX, AF_INET, AF_INET6, AF_PACKET, AF_VSOCK and AF_NETLINK (routes, lists of sockets); other families answer EAFNOSUPPORT";
    42 "connect" = connect(Fd, Hex, i32);
    43 "accept" = accept(Fd, Hex, UserPtr<i32>);
    48 "shutdown" = shutdown(Fd, u32);
    49 "bind" = bind(Fd, Hex, i32);
    50 "listen" = listen(Fd, i32);
    51 "getsockname" = getsockname(Fd, Hex, UserPtr<i32>);
    52 "getpeername" = getpeername(Fd, Hex, UserPtr<i32>);
    53 "socketpair" = socketpair(u32, u32, u32, UserPtr<[i32; 2]>);
    54 "setsockopt" = setsockopt(Fd, u32, u32, Hex, i32);
    55 "getsockopt" = getsockopt(Fd, u32, u32, Hex, UserPtr<i32>);
    288 "accept4" = accept4(Fd, Hex, UserPtr<i32>, u32);
}

/// A level of options that depend on what stood where their value goes; of the others of `AF_VSOCK` on whether there is room for all of it.
const SOL_PACKET: u32 = 263;
const SOL_VSOCK: u32 = AF_VSOCK as u32;
const MOST_GIVEN: usize = 16;
/// Bytes of `struct sockaddr_storage`.
pub(super) const ADDRESS_LEN: usize = 128;

/// The open file behind a descriptor, which must be a socket.
pub(super) fn socket_file(caller: &Caller<'_>, fd: Fd) -> Result<Arc<File>> {
    let file = caller.process().files().get(fd.0)?;
    file.socket()?;
    Ok(file)
}

/// Who the caller is to the other side.
pub(super) fn own_credentials(caller: &Caller<'_>) -> Ucred {
    let who = caller.process().credentials();
    Ucred {
        pid: caller.process().pid,
        uid: who.euid,
        gid: who.egid,
    }
}

/// An address that a program gives.
pub(super) fn read_address(address: Hex, len: i32) -> Result<Vec<u8>> {
    let len = usize::try_from(len)
        .ok()
        .filter(|len| *len <= ADDRESS_LEN)
        .ok_or(Error::new(Errno::EINVAL, "no address is so long"))?;
    UserSlice::new(address.0, len).to_vec()
}

/// Tells a program an address, as much as it has room for, and how long it is.
pub(super) fn write_address(bytes: &[u8], address: Hex, len: UserPtr<i32>) -> Result<()> {
    let room = len.read()?;
    let room = usize::try_from(room).map_err(|_| Error::new(Errno::EINVAL, "the room is negative"))?;
    UserSlice::new(address.0, room).write(bytes)?;
    len.write(&(bytes.len() as i32))
}

/// The kind of a socket, and its flags.
fn kind_and_flags(kind: u32) -> Result<(u32, OpenFlags)> {
    let flags = known_flags(kind & !SOCK_TYPE_MASK, OpenFlags::CLOEXEC | OpenFlags::NONBLOCK)?;
    Ok((kind & SOCK_TYPE_MASK, flags))
}

/// The style of a local socket.
fn unix_style(kind: u32, protocol: u32) -> Result<Style> {
    if protocol != 0 && protocol != u32::from(AF_UNIX) {
        return Err(Error::new(Errno::EPROTONOSUPPORT, "local sockets have one protocol"));
    }
    // As on Linux, a raw one is a datagram one.
    let kind = if kind == SOCK_RAW { SOCK_DGRAM } else { kind };
    Style::new(kind).ok_or(Error::new(Errno::ESOCKTNOSUPPORT, "no such kind of socket"))
}

const NO_FAMILY: Error = Error::new(Errno::EAFNOSUPPORT, "no such family of sockets");

fn socket(caller: &mut Caller<'_>, (family, kind, protocol): (u32, u32, u32)) -> Result<u64> {
    let (kind, flags) = kind_and_flags(kind)?;
    if inet::has_family(family) {
        let owner = caller.process().credentials();
        let made = inet::socket(family, kind, protocol, &owner, flags)?;
        return add(caller, made, flags.contains(OpenFlags::CLOEXEC));
    }
    if family == u32::from(AF_PACKET) {
        if !caller.process().credentials().has(capability::NET_RAW) {
            return Err(Error::new(Errno::EPERM, "frames are for those with CAP_NET_RAW"));
        }
        let made = packet_socket::socket(kind, protocol as u16, flags)?;
        return add(caller, made, flags.contains(OpenFlags::CLOEXEC));
    }
    if family == u32::from(AF_VSOCK) {
        let made = vsock::socket(kind, protocol, flags)?;
        return add(caller, made, flags.contains(OpenFlags::CLOEXEC));
    }
    if family == u32::from(AF_NETLINK) {
        let made = netlink::socket(kind, protocol, flags)?;
        return add(caller, made, flags.contains(OpenFlags::CLOEXEC));
    }
    if family != u32::from(AF_UNIX) {
        return Err(NO_FAMILY);
    }
    let made = ipc::socket(unix_style(kind, protocol)?, own_credentials(caller), flags);
    add(caller, made, flags.contains(OpenFlags::CLOEXEC))
}

fn socketpair(
    caller: &mut Caller<'_>,
    (family, kind, protocol, out): (u32, u32, u32, UserPtr<[i32; 2]>),
) -> Result<u64> {
    let (kind, flags) = kind_and_flags(kind)?;
    if inet::has_family(family) || family == u32::from(AF_VSOCK) {
        return Err(Error::new(Errno::EOPNOTSUPP, "the family has no pairs"));
    }
    if family != u32::from(AF_UNIX) {
        return Err(NO_FAMILY);
    }
    let pair = ipc::socket_pair(unix_style(kind, protocol)?, own_credentials(caller), flags);
    super::pipe::give_pair(caller, pair, flags.contains(OpenFlags::CLOEXEC), out)
}

fn bind(caller: &mut Caller<'_>, (fd, address, len): (Fd, Hex, i32)) -> Result<u64> {
    let file = socket_file(caller, fd)?;
    let address = read_address(address, len)?;
    file.socket()?.bind(&caller.process().view(), &address)?;
    Ok(0)
}

fn connect(caller: &mut Caller<'_>, (fd, address, len): (Fd, Hex, i32)) -> Result<u64> {
    let file = socket_file(caller, fd)?;
    let address = read_address(address, len)?;
    let socket = file.socket()?;
    let view = caller.process().view();
    match file.retry(Direction::Write, false, || socket.connect(&view, &address)) {
        Err(error)
            if matches!(error.errno, Errno::EINPROGRESS | Errno::EALREADY)
                && !file.flags().contains(OpenFlags::NONBLOCK) =>
        {
            let waited = file.retry(Direction::Write, false, || socket.connected());
            // Who was to wait no longer finds the connection on its way.
            waited.map_err(|other| if other.errno == Errno::EAGAIN { error } else { other })?;
        }
        outcome => outcome?,
    }
    Ok(0)
}

fn listen(caller: &mut Caller<'_>, (fd, backlog): (Fd, i32)) -> Result<u64> {
    socket_file(caller, fd)?.socket()?.listen(backlog as u32)?;
    Ok(0)
}

fn accept(caller: &mut Caller<'_>, (fd, address, len): (Fd, Hex, UserPtr<i32>)) -> Result<u64> {
    accept4(caller, (fd, address, len, 0))
}

fn accept4(caller: &mut Caller<'_>, (fd, address, len, flags): (Fd, Hex, UserPtr<i32>, u32)) -> Result<u64> {
    let flags = known_flags(flags, OpenFlags::CLOEXEC | OpenFlags::NONBLOCK)?;
    let file = socket_file(caller, fd)?;
    let listening = file.socket()?;
    let (accepted, peer) = file.retry(Direction::Read, false, || listening.accept(flags))?;
    if address.0 != 0 {
        write_address(&peer, address, len)?;
    }
    if file.lingers() {
        accepted.set_lingers();
    }
    add(caller, accepted, flags.contains(OpenFlags::CLOEXEC))
}

fn shutdown(caller: &mut Caller<'_>, (fd, how): (Fd, u32)) -> Result<u64> {
    let file = socket_file(caller, fd)?;
    if how > SHUT_RDWR {
        return Err(Error::new(Errno::EINVAL, "no such direction"));
    }
    file.socket()?.shut_down(how)?;
    Ok(0)
}

fn getsockname(caller: &mut Caller<'_>, (fd, address, len): (Fd, Hex, UserPtr<i32>)) -> Result<u64> {
    let name = socket_file(caller, fd)?.socket()?.address()?;
    write_address(&name, address, len)?;
    Ok(0)
}

fn getpeername(caller: &mut Caller<'_>, (fd, address, len): (Fd, Hex, UserPtr<i32>)) -> Result<u64> {
    let name = socket_file(caller, fd)?.socket()?.peer_address()?;
    write_address(&name, address, len)?;
    Ok(0)
}

fn setsockopt(caller: &mut Caller<'_>, (fd, level, name, value, len): (Fd, u32, u32, Hex, i32)) -> Result<u64> {
    const MOST: i32 = 4096;
    let file = socket_file(caller, fd)?;
    if len < 0 {
        return Err(Error::new(Errno::EINVAL, "the length is negative"));
    }
    let socket = file.socket()?;
    socket.check_level(level, true)?;
    let room = len.min(MOST) as usize;
    let value = match (level, value.0) {
        (IPPROTO_IPV6, 0) => without_value(name, room)?,
        _ => UserSlice::new(value.0, room).to_vec()?,
    };
    if level == SOL_SOCKET {
        check_privilege(caller, socket, name, &value)?;
    }
    socket.set_option(level, name, &value)?;
    if (level, name) == (SOL_SOCKET, SO_LINGER) {
        file.set_lingers();
    }
    Ok(0)
}

/// The value of an option of the newer protocol that was given none: as on Linux, a number is 0, and headers are wrong.
fn without_value(name: u32, len: usize) -> Result<Vec<u8>> {
    const HEADERS: [u32; 5] = [50, 54, 55, 57, 59];
    if len > 0 && HEADERS.contains(&name) {
        return Err(Error::new(Errno::EINVAL, "there is no value"));
    }
    Ok(alloc::vec![0; len])
}

/// Whether the caller may set an option of the level of sockets to a value.
fn check_privilege(caller: &Caller<'_>, socket: &dyn Socket, name: u32, value: &[u8]) -> Result<()> {
    let number = value.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
    let errno = match name {
        SO_DEBUG if number != 0 => Errno::EACCES,
        SO_PRIORITY if !(0..=6).contains(&number) => Errno::EPERM,
        SO_MARK | SO_RCVBUFFORCE | SO_SNDBUFFORCE => Errno::EPERM,
        SO_BINDTODEVICE | SO_BINDTOIFINDEX if is_bound_to_device(socket) => Errno::EPERM,
        _ => return Ok(()),
    };
    let who = caller.process().credentials();
    let for_packets = who.has(capability::NET_RAW);
    let may = match name {
        SO_BINDTODEVICE | SO_BINDTOIFINDEX => for_packets,
        SO_MARK | SO_PRIORITY => for_packets || who.has(capability::NET_ADMIN),
        _ => who.has(capability::NET_ADMIN),
    };
    if may {
        Ok(())
    } else {
        Err(Error::new(errno, "the option needs CAP_NET_ADMIN"))
    }
}

/// Whether a socket is bound to an interface: who may do that once may not do it again.
fn is_bound_to_device(socket: &dyn Socket) -> bool {
    let bound = socket.option(SOL_SOCKET, SO_BINDTOIFINDEX).unwrap_or_default();
    bound.iter().any(|byte| *byte != 0)
}

/// How much of a value is shown where there is so much room, as Linux does that: numbers of the older protocol as one byte where there is no room for four, rates as four where there is none for eight.
fn shown_of(level: u32, name: u32, value: &[u8], room: usize) -> usize {
    const IPPROTO_IP: u32 = 0;
    const IP_MULTICAST_IF: u32 = 32;
    let is_small = value.len() == 4 && value.get(1..).is_some_and(|rest| rest == [0; 3]);
    match (level, name) {
        (IPPROTO_IP, name) if name != IP_MULTICAST_IF && is_small && (1..4).contains(&room) => 1,
        (SOL_SOCKET, SO_MAX_PACING_RATE) if room < 8 => room.min(4),
        _ => value.len().min(room),
    }
}

fn getsockopt(caller: &mut Caller<'_>, (fd, level, name, out, len): (Fd, u32, u32, Hex, UserPtr<i32>)) -> Result<u64> {
    let file = socket_file(caller, fd)?;
    let socket = file.socket()?;
    let room = len.read()?;
    if level != SOL_SOCKET {
        socket.check_level(level, false)?;
    }
    // As on Linux, any room is enough there.
    let room = if level == IPPROTO_IPV6 { room & i32::MAX } else { room };
    let room = usize::try_from(room).map_err(|_| Error::new(Errno::EINVAL, "the room is negative"))?;
    let value = match (level, name) {
        (SOL_PACKET | SOL_VSOCK, _) => {
            let given = UserSlice::new(out.0, room.min(MOST_GIVEN)).to_vec()?;
            socket.option_of(level, name, &given)?
        }
        (SOL_SOCKET, SO_PEERNAME) => {
            let nobody = |_| Error::new(Errno::ENOTCONN, "the socket has no peer");
            let name = socket.peer_address().map_err(nobody)?;
            if name.len() < room {
                return Err(Error::new(Errno::EINVAL, "more than an address was asked for"));
            }
            name
        }
        // Counted in instructions.
        (SOL_SOCKET, SO_ATTACH_FILTER) => {
            const INSTRUCTION: usize = 8;
            let program = socket.option(level, name)?;
            let count = program.len() / INSTRUCTION;
            if (1..count).contains(&room) {
                return Err(Error::new(Errno::EINVAL, "there is no room for the program"));
            }
            if room > 0 {
                UserSlice::new(out.0, program.len()).write(&program)?;
            }
            len.write(&(count as i32))?;
            return Ok(0);
        }
        (IPPROTO_IPV6, IPV6_PATHMTU) => {
            let info = socket.option(level, name)?;
            if info.len() > room {
                return Err(Error::new(
                    Errno::EINVAL,
                    "there is no room for a length and an address",
                ));
            }
            info
        }
        (SOL_SOCKET, SO_BINDTODEVICE) => {
            const NAME: usize = 16;
            let name = socket.option(level, name)?;
            if !name.is_empty() && room < NAME {
                return Err(Error::new(
                    Errno::EINVAL,
                    "there is no room for the name of an interface",
                ));
            }
            name
        }
        _ => socket.option(level, name)?,
    };
    let shown = shown_of(level, name, &value, room);
    UserSlice::new(out.0, shown).write(&value)?;
    len.write(&(shown as i32))?;
    Ok(0)
}
