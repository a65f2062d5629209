//! Sending and receiving through sockets, with addresses and what else goes along.

use super::io::{broken_pipe, check_range, segments};
use super::open::add;
use super::socket::{ADDRESS_LEN, own_credentials, read_address, socket_file, write_address};
use crate::Caller;
use crate::argument::{BytesPtr, Fd, Hex};
use abi::fcntl::IOV_MAX;
use abi::socket::{
    CmsgHdr, MSG_CMSG_CLOEXEC, MSG_CTRUNC, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_NOSIGNAL, MSG_PEEK, MSG_WAITALL,
    MSG_WAITFORONE, MmsgHdr, MsgHdr, SCM_CREDENTIALS, SCM_MAX_FD, SCM_RIGHTS, SO_MARK, SOL_SOCKET, Ucred,
};
use abi::time::Timespec;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use usermem::{Segment, Sink, Source, UserPtr, UserSlice};
use vfs::{Direction, File, Incoming, Outgoing, capability};
use zerocopy::{FromBytes, IntoBytes};

calls! {
    44 "sendto" = sendto(Fd, BytesPtr, usize, u32, Hex, i32);
    45 "recvfrom" = recvfrom(Fd, Hex, usize, u32, Hex, UserPtr<i32>);
    46 "sendmsg" = sendmsg(Fd, UserPtr<MsgHdr>, u32);
    47 "recvmsg" = recvmsg(Fd, UserPtr<MsgHdr>, u32);
    299 "recvmmsg" = recvmmsg(Fd, UserPtr<MmsgHdr>, u32, u32, UserPtr<Timespec>) partial "the time is only looked at between messages, as on Linux";
    307 "sendmmsg" = sendmmsg(Fd, UserPtr<MmsgHdr>, u32, u32);
}

const HEADER: usize = size_of::<CmsgHdr>();

/// Sends; a stream goes on until everything went, unless it may not wait.
fn send(caller: &Caller<'_>, file: &File, from: &mut Source<'_>, mut message: Outgoing) -> Result<u64> {
    let socket = file.socket()?;
    let flags = message.flags;
    let address = message.address.clone();
    let mut done = 0;
    let result = loop {
        let sent = file.retry(Direction::Write, flags & MSG_DONTWAIT != 0, || {
            message.address.clone_from(&address);
            socket.send(file, from, &mut message)
        });
        match sent {
            Ok(sent) => {
                done += sent;
                if !socket.is_stream() || from.left() == 0 || sent == 0 {
                    break Ok(done);
                }
            }
            Err(_) if done > 0 => break Ok(done),
            Err(error) => break Err(error),
        }
    };
    if flags & MSG_NOSIGNAL != 0 {
        return result.map(|count| count as u64);
    }
    broken_pipe(caller, file, result)
}

/// Receives; with `MSG_WAITALL`, a stream goes on until there is no more room.
fn receive(file: &File, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
    let socket = file.socket()?;
    let attempt = |into: &mut Sink<'_>| {
        file.retry(Direction::Read, flags & (MSG_DONTWAIT | MSG_ERRQUEUE) != 0, || {
            socket.receive(file, into, flags)
        })
    };
    let mut received = attempt(into)?;
    if flags & MSG_WAITALL == 0 || flags & MSG_PEEK != 0 || !socket.is_stream() || received.count == 0 {
        return Ok(received);
    }
    while into.left() > 0 && received.rights.is_empty() {
        match attempt(into) {
            Ok(more) if more.count > 0 => {
                received.count += more.count;
                received.rights = more.rights;
            }
            _ => break,
        }
    }
    Ok(received)
}

/// The address of a message, with what paths in it mean.
fn target(caller: &Caller<'_>, address: Hex, len: i32) -> Result<Option<(Arc<vfs::Context>, Vec<u8>)>> {
    if address.0 == 0 || len == 0 {
        return Ok(None);
    }
    Ok(Some((caller.process().view(), read_address(address, len)?)))
}

fn sendto(
    caller: &mut Caller<'_>,
    (fd, buffer, len, flags, address, address_len): (Fd, BytesPtr, usize, u32, Hex, i32),
) -> Result<u64> {
    check_range(buffer.0, len)?;
    let file = socket_file(caller, fd)?;
    let message = Outgoing {
        flags,
        address: target(caller, address, address_len)?,
        ..Outgoing::default()
    };
    send(caller, &file, &mut Source::user(buffer.0, len), message)
}

fn recvfrom(
    caller: &mut Caller<'_>,
    (fd, buffer, len, flags, address, address_len): (Fd, Hex, usize, u32, Hex, UserPtr<i32>),
) -> Result<u64> {
    check_range(buffer.0, len)?;
    let file = socket_file(caller, fd)?;
    let received = receive(&file, &mut Sink::user(buffer.0, len), flags)?;
    if address.0 != 0 {
        write_address(&received.address, address, address_len)?;
    }
    Ok(received.count as u64)
}

/// The pieces of a message.
fn pieces(header: &MsgHdr) -> Result<Vec<Segment>> {
    if header.iov_len as usize > IOV_MAX {
        return Err(Error::new(Errno::EMSGSIZE, "there are too many segments"));
    }
    segments(UserPtr::new(header.iov), header.iov_len as usize)
}

/// Reads what goes along with a message: open files, and who sends, and `more` for the socket to understand.
fn read_control(caller: &Caller<'_>, header: &MsgHdr, message: &mut Outgoing, more: bool) -> Result<()> {
    const MOST: u64 = 20480;
    if header.control == 0 || header.control_len < HEADER as u64 {
        return Ok(());
    }
    if header.control_len > MOST {
        return Err(Error::new(Errno::ENOBUFS, "too much goes along with the message"));
    }
    let bytes = UserSlice::new(header.control, header.control_len as usize).to_vec()?;
    let mut rest = bytes.as_slice();
    while let Ok((head, body)) = CmsgHdr::read_from_prefix(rest) {
        let invalid = Error::new(Errno::EINVAL, "what goes along with the message has no such length");
        let len = usize::try_from(head.len)
            .ok()
            .filter(|len| (HEADER..=rest.len()).contains(len))
            .ok_or(invalid)?;
        let body = &body[..len - HEADER];
        let control = vfs::Control {
            level: head.level,
            kind: head.kind,
            body: body.to_vec(),
        };
        if head.level == SOL_SOCKET {
            match head.kind {
                SCM_RIGHTS => read_rights(caller, body, message)?,
                SCM_CREDENTIALS => message.credentials = Some(read_credentials(caller, body)?),
                SO_MARK if more && !may_mark(caller) => {
                    return Err(Error::new(Errno::EPERM, "marks need CAP_NET_ADMIN"));
                }
                _ if more => message.control.push(control),
                _ => return Err(Error::new(Errno::EINVAL, "no such thing goes along with a message")),
            }
        } else {
            message.control.push(control);
        }
        rest = rest.get(len.next_multiple_of(8)..).unwrap_or_default();
    }
    Ok(())
}

fn may_mark(caller: &Caller<'_>) -> bool {
    let who = caller.process().credentials();
    who.has(capability::NET_ADMIN) || who.has(capability::NET_RAW)
}

fn read_rights(caller: &Caller<'_>, body: &[u8], message: &mut Outgoing) -> Result<()> {
    let files = caller.process().files();
    for number in body.chunks_exact(4) {
        if message.rights.len() >= SCM_MAX_FD {
            return Err(Error::new(Errno::EINVAL, "too many files go along with the message"));
        }
        let fd = i32::from_ne_bytes(number.try_into().unwrap_or_default());
        message.rights.push(files.get(fd)?);
    }
    Ok(())
}

fn read_credentials(caller: &Caller<'_>, body: &[u8]) -> Result<Ucred> {
    let claimed = Ucred::read_from_bytes(body).map_err(|_| Error::new(Errno::EINVAL, "no credentials"))?;
    let who = caller.process().credentials();
    let pid = claimed.pid == caller.process().pid || who.has(capability::SYS_ADMIN);
    let uid = [who.uid, who.euid, who.suid].contains(&claimed.uid) || who.has(capability::SETUID);
    let gid = [who.gid, who.egid, who.sgid].contains(&claimed.gid) || who.has(capability::SETGID);
    if pid && uid && gid {
        Ok(claimed)
    } else {
        Err(Error::new(Errno::EPERM, "the credentials are somebody else's"))
    }
}

fn send_message(caller: &Caller<'_>, file: &File, header: &MsgHdr, flags: u32) -> Result<u64> {
    let pieces = pieces(header)?;
    let mut message = Outgoing {
        flags,
        address: target(
            caller,
            Hex(header.name),
            (header.name_len as usize).min(ADDRESS_LEN) as i32,
        )?,
        credentials: Some(own_credentials(caller)),
        ..Outgoing::default()
    };
    read_control(caller, header, &mut message, file.socket()?.takes_along())?;
    send(caller, file, &mut Source::segments(&pieces), message)
}

fn sendmsg(caller: &mut Caller<'_>, (fd, header, flags): (Fd, UserPtr<MsgHdr>, u32)) -> Result<u64> {
    let file = socket_file(caller, fd)?;
    send_message(caller, &file, &header.read()?, flags)
}

/// Writes what came along with a message where there is room for it.
struct Control {
    at: u64,
    left: usize,
    /// Something found no room.
    cut: bool,
}

impl Control {
    fn put(&mut self, level: u32, kind: u32, body: &[u8]) -> Result<()> {
        let len = HEADER + body.len();
        if self.left < HEADER {
            self.cut = true;
            return Ok(());
        }
        let shown = len.min(self.left);
        self.cut |= shown < len;
        let head = CmsgHdr {
            len: shown as u64,
            level,
            kind,
        };
        usermem::write_bytes(self.at, head.as_bytes())?;
        usermem::write_bytes(self.at + HEADER as u64, &body[..shown - HEADER])?;
        let space = len.next_multiple_of(8).min(self.left);
        self.at += space as u64;
        self.left -= space;
        Ok(())
    }

    /// Gives the program descriptors for files that came along, as many as there is room for.
    fn put_rights(&mut self, caller: &Caller<'_>, rights: Vec<Arc<File>>, close_on_exec: bool) -> Result<()> {
        if rights.is_empty() {
            return Ok(());
        }
        let room = self.left.saturating_sub(HEADER) / 4;
        self.cut |= rights.len() > room;
        let mut numbers: Vec<i32> = Vec::new();
        for file in rights.into_iter().take(room) {
            match add(caller, file, close_on_exec) {
                Ok(fd) => numbers.push(fd as i32),
                Err(_) => {
                    self.cut = true;
                    break;
                }
            }
        }
        if numbers.is_empty() {
            return Ok(());
        }
        self.put(SOL_SOCKET, SCM_RIGHTS, numbers.as_bytes())
    }
}

fn receive_message(caller: &Caller<'_>, file: &File, out: UserPtr<MsgHdr>, flags: u32) -> Result<u64> {
    let mut header = out.read()?;
    let pieces = pieces(&header)?;
    let received = receive(file, &mut Sink::segments(&pieces), flags)?;
    let mut control = Control {
        at: header.control,
        left: if header.control == 0 {
            0
        } else {
            header.control_len as usize
        },
        cut: false,
    };
    if let Some(credentials) = received.credentials {
        control.put(SOL_SOCKET, SCM_CREDENTIALS, credentials.as_bytes())?;
    }
    for other in &received.control {
        control.put(other.level, other.kind, &other.body)?;
    }
    control.put_rights(caller, received.rights, flags & MSG_CMSG_CLOEXEC != 0)?;
    if header.name != 0 {
        UserSlice::new(header.name, header.name_len as usize).write(&received.address)?;
        header.name_len = received.address.len() as u32;
    }
    header.control_len = control.at - header.control;
    header.flags = received.flags | (flags & MSG_CMSG_CLOEXEC);
    if control.cut {
        header.flags |= MSG_CTRUNC;
    }
    out.write(&header)?;
    Ok(received.count as u64)
}

fn recvmsg(caller: &mut Caller<'_>, (fd, header, flags): (Fd, UserPtr<MsgHdr>, u32)) -> Result<u64> {
    let file = socket_file(caller, fd)?;
    receive_message(caller, &file, header, flags)
}

/// Does something with each of many messages until one fails, or `enough` says so; an error counts only for the first.
fn each(
    messages: UserPtr<MmsgHdr>,
    count: u32,
    mut one: impl FnMut(UserPtr<MsgHdr>) -> Result<u64>,
    mut enough: impl FnMut() -> bool,
) -> Result<u64> {
    let mut done = 0;
    for at in 0..u64::from(count).min(IOV_MAX as u64) {
        let message = messages.at(at);
        match one(message.cast()) {
            Ok(len) => UserPtr::<u32>::new(message.address() + size_of::<MsgHdr>() as u64).write(&(len as u32))?,
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        }
        done += 1;
        if enough() {
            break;
        }
    }
    Ok(done)
}

fn sendmmsg(caller: &mut Caller<'_>, (fd, messages, count, flags): (Fd, UserPtr<MmsgHdr>, u32, u32)) -> Result<u64> {
    let file = socket_file(caller, fd)?;
    let send = |header: UserPtr<MsgHdr>| send_message(caller, &file, &header.read()?, flags);
    each(messages, count, send, || false)
}

fn recvmmsg(
    caller: &mut Caller<'_>,
    (fd, messages, count, flags, timeout): (Fd, UserPtr<MmsgHdr>, u32, u32, UserPtr<Timespec>),
) -> Result<u64> {
    let file = socket_file(caller, fd)?;
    let timeout = timeout.non_null().map(UserPtr::read).transpose()?;
    let deadline = super::poll::after(timeout)?;
    let mut first = true;
    let receive = |header: UserPtr<MsgHdr>| {
        let is_first = core::mem::take(&mut first);
        let waits = is_first || flags & MSG_WAITFORONE == 0;
        let flags = flags & !MSG_WAITFORONE | if waits { 0 } else { MSG_DONTWAIT };
        receive_message(caller, &file, header, flags).inspect_err(|error| {
            if !is_first
                && error.errno != Errno::EAGAIN
                && let Ok(socket) = file.socket()
            {
                socket.keep_error(error.errno);
            }
        })
    };
    each(messages, count, receive, || {
        deadline.is_some_and(|deadline| time::now() >= deadline)
    })
}
