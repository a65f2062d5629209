//! Netlink sockets: requests that come, answers that wait, groups.

use crate::reply::{Reply, Told};
use crate::{diag, route};
use abi::fcntl::OpenFlags;
use abi::ioctl::FIONREAD;
use abi::socket::{AF_NETLINK, MSG_PEEK, MSG_TRUNC, SO_PASSCRED, SOCK_DGRAM, SOCK_RAW, SOL_SOCKET, Ucred};
use abi::stat::S_IFSOCK;
use abi::{Errno, Error, Result};
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use ipc::filter::About;
use ipc::options::{Options, Sort, UNKNOWN, number, number_of};
use lock::SpinLock;
use lock::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use netlink_view::{flag, kind, messages, word16, word32};
use task::WaitQueue;
use usermem::{Sink, Source, UserPtr};
use vfs::{Context, Credentials, Direction, Events, File, FileLike, Incoming, Outgoing, Socket, capability};

/// Protocols (`NETLINK_*`).
pub(crate) const ROUTE: u32 = 0;
const SOCK_DIAG: u32 = 4;
const KOBJECT_UEVENT: u32 = 15;
const GENERIC: u32 = 16;

/// Bytes of `struct sockaddr_nl`.
const ADDRESS: usize = 12;
/// Bytes of answers that wait, beyond which there are no further ones.
const CAPACITY: usize = 212_992;
/// The longest request.
const LONGEST: usize = 65536;

const SOL_NETLINK: u32 = 270;
const ADD_MEMBERSHIP: u32 = 1;
const DROP_MEMBERSHIP: u32 = 2;
const LIST_MEMBERSHIPS: u32 = 9;
const CAP_ACK: u32 = 10;
const EXT_ACK: u32 = 11;
/// Options that are switches: PKTINFO, BROADCAST_ERROR, NO_ENOBUFS, LISTEN_ALL_NSID, CAP_ACK, EXT_ACK, GET_STRICT_CHK.
const SWITCHES: [u32; 7] = [3, 4, 5, 8, CAP_ACK, EXT_ACK, 12];

static SOCKETS: SpinLock<Vec<Weak<NetlinkSocket>>> = SpinLock::new(Vec::new());

#[derive(Default)]
struct Inbox {
    datagrams: VecDeque<(Vec<u8>, u32)>,
    /// Bytes of them.
    used: usize,
}

/// A netlink socket.
pub(crate) struct NetlinkSocket {
    kind: u32,
    protocol: u32,
    /// Its address among those of its protocol; 0 as long as it has none.
    port: AtomicU32,
    /// The groups whose news it gets, one bit each.
    groups: AtomicU64,
    /// News were lost, and it was not told yet.
    missed: AtomicBool,
    inbox: SpinLock<Inbox>,
    readable: WaitQueue,
    options: Options,
}

/// Makes a netlink socket; `flags` may have `O_NONBLOCK`.
///
/// # Errors
/// `ESOCKTNOSUPPORT`, `EPROTONOSUPPORT`.
pub fn socket(kind: u32, protocol: u32, flags: OpenFlags) -> Result<Arc<File>> {
    if kind != SOCK_RAW && kind != SOCK_DGRAM {
        return Err(Error::new(Errno::ESOCKTNOSUPPORT, "netlink has datagrams"));
    }
    if ![ROUTE, SOCK_DIAG, KOBJECT_UEVENT, GENERIC].contains(&protocol) {
        return Err(Error::new(Errno::EPROTONOSUPPORT, "no such protocol of netlink"));
    }
    route::watch();
    let socket = Arc::new(NetlinkSocket {
        kind,
        protocol,
        port: AtomicU32::new(0),
        groups: AtomicU64::new(0),
        missed: AtomicBool::new(false),
        inbox: SpinLock::default(),
        readable: WaitQueue::new(),
        options: Options::default(),
    });
    let mut all = SOCKETS.lock();
    all.retain(|socket| socket.strong_count() > 0);
    all.push(Arc::downgrade(&socket));
    drop(all);
    let place = vfs::anonymous_place(b"socket:", S_IFSOCK | 0o777);
    Ok(vfs::anonymous_file(
        place,
        OpenFlags::RDWR | flags & OpenFlags::NONBLOCK,
        socket,
    ))
}

/// Whether a file is a netlink socket.
///
/// # Errors
/// `ENOTSOCK`, `EINVAL` for sockets of other families.
pub fn check(file: &File) -> Result<()> {
    file.socket()?;
    netlink_of(file)
        .map(drop)
        .ok_or(Error::new(Errno::EINVAL, "the socket is not one of netlink"))
}

/// Gives a netlink socket a datagram of the kernel's own, if there is room.
pub fn post(file: &File, datagram: &[u8]) {
    if let Some(socket) = netlink_of(file) {
        socket.take_in(datagram.to_vec(), 0);
    }
}

fn netlink_of(file: &File) -> Option<&NetlinkSocket> {
    file.downcast::<NetlinkSocket>()
}

fn sockets() -> Vec<Arc<NetlinkSocket>> {
    let all = SOCKETS.lock();
    all.iter().filter_map(Weak::upgrade).collect()
}

/// Whether anybody wants a group's news.
pub(crate) fn has_members(protocol: u32, group: u32) -> bool {
    sockets().iter().any(|socket| socket.is_member(protocol, group))
}

/// Tells news to the members of a group.
pub(crate) fn tell(protocol: u32, group: u32, datagram: &[u8]) {
    for socket in sockets().iter().filter(|socket| socket.is_member(protocol, group)) {
        if !socket.take_in(datagram.to_vec(), group) {
            socket.missed.store(true, Ordering::SeqCst);
            socket.readable.wake_all();
        }
    }
}

fn bit_of(group: u32) -> Result<u64> {
    let bit = 1u64.checked_shl(group.wrapping_sub(1));
    bit.ok_or(Error::new(Errno::EINVAL, "no such group"))
}

/// Which process asks, and as whom; nobody where no program runs.
pub(crate) fn asking() -> Option<(u32, Arc<Credentials>)> {
    let process = task::current::exists().then(process::current).flatten()?;
    Some((process.pid, process.credentials()))
}

impl NetlinkSocket {
    fn is_member(&self, protocol: u32, group: u32) -> bool {
        let groups = self.groups.load(Ordering::Relaxed);
        self.protocol == protocol && bit_of(group).is_ok_and(|bit| groups & bit != 0)
    }

    /// Keeps a datagram for the program; whether there was room.
    fn take_in(&self, datagram: Vec<u8>, group: u32) -> bool {
        let Some(datagram) = self.wanted(datagram) else {
            return true;
        };
        let mut inbox = self.inbox.lock();
        if inbox.used > CAPACITY {
            return false;
        }
        inbox.used += datagram.len();
        inbox.datagrams.push_back((datagram, group));
        drop(inbox);
        self.readable.wake(usize::MAX, Events::READABLE.bits());
        true
    }

    /// As much of a datagram as the program's filter lets through; nothing if that is none of it.
    fn wanted(&self, mut datagram: Vec<u8>) -> Option<Vec<u8>> {
        if let Some(filter) = self.options.filter() {
            let wanted = filter.run(&datagram, &About::default());
            datagram.truncate(wanted as usize);
            return Some(datagram).filter(|_| wanted > 0);
        }
        Some(datagram)
    }

    /// Takes an address, any free one for 0: the process's number if nobody has it, else one beyond those of processes.
    fn claim(&self, wanted: u32) -> Result<u32> {
        let taken: Vec<u32> = {
            let all = sockets();
            let others = all.iter().filter(|other| other.protocol == self.protocol);
            others.map(|other| other.port.load(Ordering::Relaxed)).collect()
        };
        let port = if wanted != 0 {
            wanted
        } else {
            let own = asking().map_or(1, |(number, _)| number);
            let beyond = (0..u32::MAX / 2).map(|step| u32::MAX - 4096 - step);
            let free = core::iter::once(own).chain(beyond).find(|port| !taken.contains(port));
            free.unwrap_or(own)
        };
        let is_new = self.port.load(Ordering::Relaxed) == 0;
        if taken.contains(&port) || !is_new {
            return Err(Error::new(Errno::EADDRINUSE, "somebody else has the port"));
        }
        self.port.store(port, Ordering::Relaxed);
        Ok(port)
    }

    fn own_port(&self) -> Result<u32> {
        match self.port.load(Ordering::Relaxed) {
            0 => self.claim(0),
            port => Ok(port),
        }
    }

    /// Answers the requests of a datagram.
    fn answer(&self, datagram: &[u8]) -> Result<()> {
        let port = self.own_port()?;
        let may_change = asking().is_none_or(|(_, who)| who.has(capability::NET_ADMIN));
        for message in messages(datagram) {
            let header = message.header;
            if header.flags & flag::REQUEST == 0 {
                continue;
            }
            let mut reply = Reply::new(header, port, self.protocol != ROUTE || route::asks(header.kind));
            let outcome = match self.protocol {
                _ if header.kind < kind::FIRST_OWN => Ok(()),
                ROUTE => route::answer(&message, may_change, &mut reply),
                SOCK_DIAG => diag::answer(&message, &mut reply),
                GENERIC => Err(Error::new(Errno::ENOENT, "there is no such family")),
                _ => Ok(()),
            };
            let told = Told {
                capped: self.options.is_set(SOL_NETLINK, CAP_ACK),
                in_words: self.options.is_set(SOL_NETLINK, EXT_ACK),
            };
            let outcome = outcome.map_err(|error| error.errno);
            for datagram in reply.end(&message, outcome, told) {
                let Some(datagram) = self.wanted(datagram) else {
                    continue;
                };
                let mut inbox = self.inbox.lock();
                inbox.used += datagram.len();
                inbox.datagrams.push_back((datagram, 0));
            }
        }
        self.readable.wake(usize::MAX, Events::READABLE.bits());
        Ok(())
    }

    fn fetch(&self, peek: bool) -> Result<(Vec<u8>, u32)> {
        if self.missed.swap(false, Ordering::Relaxed) {
            return Err(Error::new(Errno::ENOBUFS, "news were lost"));
        }
        let mut inbox = self.inbox.lock();
        if peek {
            return inbox.datagrams.front().cloned().ok_or(Errno::EAGAIN.into());
        }
        let (datagram, group) = inbox.datagrams.pop_front().ok_or(Error::from(Errno::EAGAIN))?;
        inbox.used -= datagram.len();
        Ok((datagram, group))
    }

    fn groups(&self) -> u32 {
        self.groups.load(Ordering::Relaxed) as u32
    }
}

fn address(port: u32, groups: u32) -> Vec<u8> {
    let mut address = [0; ADDRESS];
    address[..2].copy_from_slice(&AF_NETLINK.to_ne_bytes());
    address[4..8].copy_from_slice(&port.to_ne_bytes());
    address[8..].copy_from_slice(&groups.to_ne_bytes());
    address.to_vec()
}

/// The port and the groups in a `struct sockaddr_nl`.
fn parse_address(bytes: &[u8]) -> Result<(u32, u32)> {
    if bytes.len() < ADDRESS || word16(bytes, 0) != AF_NETLINK {
        return Err(Error::new(Errno::EINVAL, "the address is not one of netlink"));
    }
    Ok((word32(bytes, 4), word32(bytes, 8)))
}

impl FileLike for NetlinkSocket {
    fn read(&self, file: &File, into: &mut Sink<'_>) -> Result<usize> {
        Ok(self.receive(file, into, 0)?.count)
    }

    fn write(&self, file: &File, from: &mut Source<'_>) -> Result<usize> {
        self.send(file, from, &mut Outgoing::default())
    }

    fn ioctl(&self, _file: &File, request: u32, argument: u64) -> Result<u64> {
        if request != FIONREAD {
            return Err(Error::new(Errno::ENOTTY, "a socket does not know the request"));
        }
        let next = self.inbox.lock().datagrams.front().map_or(0, |first| first.0.len());
        UserPtr::<i32>::new(argument).write(&(next as i32))?;
        Ok(0)
    }

    fn ready(&self, _file: &File) -> Events {
        let missed = self.missed.load(Ordering::Relaxed);
        let mut events = Events::WRITABLE;
        events.set(Events::READABLE, missed || !self.inbox.lock().datagrams.is_empty());
        events.set(Events::ERR, missed);
        events
    }

    fn queue(&self, _direction: Direction) -> Option<&WaitQueue> {
        Some(&self.readable)
    }

    fn timeout(&self, direction: Direction) -> Option<u64> {
        self.options.timeout(direction)
    }

    fn socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }
}

impl NetlinkSocket {
    const fn sort(&self) -> Sort {
        Sort {
            family: AF_NETLINK,
            kind: self.kind,
            protocol: self.protocol,
        }
    }
}

impl Socket for NetlinkSocket {
    fn send(&self, _file: &File, from: &mut Source<'_>, message: &mut Outgoing) -> Result<usize> {
        if let Some((_, bytes)) = &message.address {
            let (port, groups) = parse_address(bytes)?;
            if port != 0 || groups != 0 {
                return Err(Error::new(Errno::ECONNREFUSED, "only the kernel listens"));
            }
        }
        let len = from.left();
        if len > LONGEST {
            return Err(Error::new(Errno::EMSGSIZE, "no request is so long"));
        }
        if self.inbox.lock().used > CAPACITY {
            return Err(Error::new(Errno::ENOBUFS, "answers wait to be read"));
        }
        let mut bytes = alloc::vec![0; len];
        from.take(&mut bytes)?;
        self.answer(&bytes)?;
        Ok(len)
    }

    fn receive(&self, _file: &File, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        let (datagram, group) = self.fetch(flags & MSG_PEEK != 0)?;
        let fits = datagram.len().min(into.left());
        if fits > 0 {
            into.put(&datagram[..fits])?;
        }
        let cut = fits < datagram.len();
        let tells_sender = self.options.is_set(SOL_SOCKET, SO_PASSCRED);
        Ok(Incoming {
            count: if flags & MSG_TRUNC != 0 { datagram.len() } else { fits },
            flags: if cut { MSG_TRUNC } else { 0 },
            address: address(0, if group == 0 { 0 } else { 1 << (group - 1).min(31) }),
            credentials: tells_sender.then(Ucred::default),
            ..Incoming::default()
        })
    }

    fn is_stream(&self) -> bool {
        false
    }

    fn shut_down(&self, _how: u32) -> Result<()> {
        Err(Error::new(Errno::EOPNOTSUPP, "a netlink socket has no directions"))
    }

    fn bind(&self, _view: &Context, address: &[u8]) -> Result<()> {
        let (port, groups) = parse_address(address)?;
        match self.port.load(Ordering::Relaxed) {
            0 => self.claim(port).map(drop)?,
            own if port != 0 && port != own => {
                return Err(Error::new(Errno::EINVAL, "the socket has another port"));
            }
            _ => {}
        }
        let others = self.groups.load(Ordering::Relaxed) & !0xffff_ffff;
        self.groups.store(others | u64::from(groups), Ordering::Relaxed);
        Ok(())
    }

    fn connect(&self, _view: &Context, address: &[u8]) -> Result<()> {
        parse_address(address)?;
        self.own_port().map(drop)
    }

    fn address(&self) -> Result<Vec<u8>> {
        Ok(address(self.port.load(Ordering::Relaxed), self.groups()))
    }

    fn peer_address(&self) -> Result<Vec<u8>> {
        Ok(address(0, 0))
    }

    fn check_level(&self, level: u32, sets: bool) -> Result<()> {
        self.sort().check_level(level, sets)
    }

    fn option(&self, level: u32, name: u32) -> Result<Vec<u8>> {
        match (level, name) {
            (SOL_SOCKET, name) => self.options.get(self.sort(), name),
            (SOL_NETLINK, LIST_MEMBERSHIPS) => Ok(self.groups.load(Ordering::Relaxed).to_ne_bytes().to_vec()),
            (SOL_NETLINK, name) if SWITCHES.contains(&name) => number(self.options.kept(level, name).unwrap_or(0)),
            _ => Err(UNKNOWN),
        }
    }

    fn set_option(&self, level: u32, name: u32, value: &[u8]) -> Result<()> {
        match (level, name) {
            (SOL_SOCKET, name) => self.options.set(self.sort(), name, value)?,
            (SOL_NETLINK, ADD_MEMBERSHIP) => {
                self.groups
                    .fetch_or(bit_of(number_of(value)? as u32)?, Ordering::Relaxed);
            }
            (SOL_NETLINK, DROP_MEMBERSHIP) => {
                self.groups
                    .fetch_and(!bit_of(number_of(value)? as u32)?, Ordering::Relaxed);
            }
            (SOL_NETLINK, name) if SWITCHES.contains(&name) => {
                self.options.keep(level, name, i32::from(number_of(value)? != 0));
            }
            _ => return Err(UNKNOWN),
        }
        Ok(())
    }
}
