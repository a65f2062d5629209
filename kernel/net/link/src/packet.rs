//! Packet sockets (`AF_PACKET`, `packet(7)`): frames as they are, for programs.
//!
//! A raw socket passes frames with their Ethernet headers; a datagram socket passes what is behind, and says and is told addresses beside. A socket keeps what has come
//! until it is fetched, up to a limit; what comes beyond that is dropped and counted.

use crate::filter::About;
use crate::interface::flag;
use crate::packet_options::{self, Membership};
use crate::ring::Ring;
use crate::{ETHERNET, Frame, Interface, Part, interface};
use abi::fcntl::OpenFlags;
use abi::ioctl::FIONREAD;
use abi::socket::{AF_PACKET, MSG_PEEK, MSG_TRUNC, SOCK_DGRAM, SOCK_RAW};
use abi::stat::S_IFSOCK;
use abi::{Errno, Error, Result};
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use frames::Page;
use hal::Access;
use ipc::options::Options;
use lock::SpinLock;
use task::WaitQueue;
use usermem::{Sink, Source, UserPtr};
use vfs::{Context, Direction, Events, File, FileLike, Incoming, Outgoing, Socket};

/// The kind of hardware address: Ethernet.
const ARPHRD_ETHER: u16 = 1;
/// That of loopback.
const ARPHRD_LOOPBACK: u16 = 772;
/// Every protocol (`ETH_P_ALL`).
const ALL: u16 = 3;
/// Bytes of `struct sockaddr_ll`, and of the part before the hardware address.
const ADDRESS: usize = 20;
const ADDRESS_HEAD: usize = 12;
const HEADER: usize = ETHERNET as usize;
/// Bytes of frames that a socket keeps.
pub(crate) const CAPACITY: usize = 212_992;
/// What a frame takes besides its bytes.
const OVERHEAD: usize = 256;

/// Whose a frame is (`sll_pkttype`).
const TO_US: u8 = 0;
const TO_ALL: u8 = 1;
const TO_SOME: u8 = 2;
const TO_OTHERS: u8 = 3;
const FROM_US: u8 = 4;

static SOCKETS: SpinLock<Vec<Weak<PacketSocket>>> = SpinLock::new(Vec::new());
/// How many there are.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// What a socket listens to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding {
    /// An interface; 0 for all.
    pub(crate) index: i32,
    /// A protocol, in host order; 0 for none.
    pub(crate) protocol: u16,
}

/// A frame that waits to be fetched.
struct Arrived {
    bytes: Vec<u8>,
    address: [u8; ADDRESS],
}

#[derive(Default)]
struct Inbox {
    frames: VecDeque<Arrived>,
    /// What they take.
    used: usize,
}

/// A packet socket.
pub struct PacketSocket {
    pub(crate) raw: bool,
    pub(crate) options: Options,
    pub(crate) binding: SpinLock<Binding>,
    pub(crate) ring: SpinLock<Option<Arc<Ring>>>,
    pub(crate) memberships: SpinLock<Vec<Membership>>,
    /// Bytes that are left free before each frame in a ring.
    pub(crate) reserved: AtomicU32,
    /// Frames that came, and those of them that were lost, since somebody asked.
    pub(crate) came: AtomicU32,
    pub(crate) lost: AtomicU32,
    inbox: SpinLock<Inbox>,
    readable: WaitQueue,
    writable: WaitQueue,
}

/// Makes a packet socket; `protocol` is in network order, `flags` may have `O_NONBLOCK`.
///
/// # Errors
/// `ESOCKTNOSUPPORT`.
pub fn socket(kind: u32, protocol: u16, flags: OpenFlags) -> Result<Arc<File>> {
    if kind != SOCK_RAW && kind != SOCK_DGRAM {
        return Err(Error::new(Errno::ESOCKTNOSUPPORT, "frames are raw, or datagrams"));
    }
    let socket = Arc::new(PacketSocket {
        raw: kind == SOCK_RAW,
        options: Options::default(),
        ring: SpinLock::new(None),
        memberships: SpinLock::default(),
        reserved: AtomicU32::new(0),
        came: AtomicU32::new(0),
        lost: AtomicU32::new(0),
        binding: SpinLock::new(Binding {
            index: 0,
            protocol: u16::from_be(protocol),
        }),
        inbox: SpinLock::default(),
        readable: WaitQueue::new(),
        writable: WaitQueue::new(),
    });
    COUNT.fetch_add(1, Ordering::Relaxed);
    let mut sockets = SOCKETS.lock();
    sockets.retain(|socket| socket.strong_count() > 0);
    sockets.push(Arc::downgrade(&socket));
    drop(sockets);
    let place = vfs::anonymous_place(b"socket:", S_IFSOCK | 0o777);
    Ok(vfs::anonymous_file(
        place,
        OpenFlags::RDWR | flags & OpenFlags::NONBLOCK,
        socket,
    ))
}

/// Gives a frame that came to those who want it.
pub(crate) fn deliver(interface: &Interface, frame: &Frame) {
    if !has_any() {
        return;
    }
    let mut header = [0; HEADER];
    if frame.read(0, &mut header) < HEADER {
        return;
    }
    let whose = match header {
        _ if header[..6] == interface.card.mac() => TO_US,
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, ..] => TO_ALL,
        [first, ..] if first & 1 == 1 => TO_SOME,
        _ => TO_OTHERS,
    };
    spread(interface, frame, &header, whose, None);
}

/// Shows a frame that goes to those who see everything.
pub(crate) fn deliver_outgoing(interface: &Interface, frame: &Frame, from: Option<&PacketSocket>) {
    let mut header = [0; HEADER];
    if has_any() && frame.read(0, &mut header) == HEADER {
        spread(interface, frame, &header, FROM_US, from);
    }
}

/// Whether there are any: what stays within the machine is shown to them.
#[inline]
#[must_use]
pub fn has_any() -> bool {
    COUNT.load(Ordering::Relaxed) > 0
}

/// Shows what stays within the machine, an Ethernet header before it, as it goes and as it comes.
#[cold]
#[inline(never)]
pub fn show_loopback(bytes: &[u8]) {
    let loopback = interface::loopback();
    let (Some(frame), Some(header)) = (Frame::copy_of(bytes), bytes.first_chunk()) else {
        return;
    };
    for whose in [FROM_US, TO_US] {
        spread(&loopback, &frame, header, whose, None);
    }
}

/// Those who wait to send may try again.
pub(crate) fn wake_senders() {
    for socket in sockets() {
        socket.writable.wake(usize::MAX, Events::WRITABLE.bits());
    }
}

fn sockets() -> Vec<Arc<PacketSocket>> {
    let all = SOCKETS.lock();
    all.iter().filter_map(Weak::upgrade).collect()
}

fn spread(interface: &Interface, frame: &Frame, header: &[u8; HEADER], whose: u8, from: Option<&PacketSocket>) {
    let protocol = u16::from_be_bytes([header[12], header[13]]);
    let wants = |socket: &Arc<PacketSocket>| {
        let Binding {
            index,
            protocol: wanted,
        } = *socket.binding.lock();
        let protocol = wanted == ALL || wanted == protocol && whose != FROM_US;
        let own = from.is_some_and(|from| core::ptr::eq(from, Arc::as_ptr(socket)));
        protocol && wanted != 0 && (index == 0 || index == interface.index) && !own
    };
    for socket in sockets().iter().filter(|socket| wants(socket)) {
        let skip = if socket.raw { 0 } else { ETHERNET };
        let mut bytes = alloc::vec![0; frame.len().saturating_sub(skip) as usize];
        frame.read(skip, &mut bytes);
        let about = About {
            protocol,
            whose,
            interface: interface.index as u32,
            network: ETHERNET - skip,
        };
        let len = bytes.len();
        if let Some(filter) = socket.options.filter() {
            bytes.truncate(filter.run(&bytes, &about) as usize);
            if bytes.is_empty() {
                continue;
            }
        }
        let mut address = address_of(interface.index, protocol, whose);
        if interface.is_loopback() {
            address[8..10].copy_from_slice(&ARPHRD_LOOPBACK.to_ne_bytes());
        }
        address[11] = 6;
        address[ADDRESS_HEAD..ADDRESS_HEAD + 6].copy_from_slice(&header[6..12]);
        socket.take_in(Arrived { bytes, address }, len);
    }
}

/// A `struct sockaddr_ll` without a hardware address.
fn address_of(index: i32, protocol: u16, whose: u8) -> [u8; ADDRESS] {
    let mut address = [0; ADDRESS];
    address[..2].copy_from_slice(&AF_PACKET.to_ne_bytes());
    address[2..4].copy_from_slice(&protocol.to_be_bytes());
    address[4..8].copy_from_slice(&index.to_ne_bytes());
    address[8..10].copy_from_slice(&ARPHRD_ETHER.to_ne_bytes());
    address[10] = whose;
    address
}

/// What a `struct sockaddr_ll` of a program says: interface, protocol, hardware address.
fn parse_address(bytes: &[u8]) -> Result<(i32, u16, [u8; 6])> {
    let head = bytes
        .first_chunk::<ADDRESS_HEAD>()
        .ok_or(Error::new(Errno::EINVAL, "the address is too short"))?;
    if u16::from_ne_bytes([head[0], head[1]]) != AF_PACKET {
        return Err(Error::new(Errno::EINVAL, "the address is of another family"));
    }
    let mut hardware = [0; 6];
    for (to, from) in hardware.iter_mut().zip(&bytes[ADDRESS_HEAD..]) {
        *to = *from;
    }
    let index = i32::from_ne_bytes([head[4], head[5], head[6], head[7]]);
    Ok((index, u16::from_be_bytes([head[2], head[3]]), hardware))
}

impl PacketSocket {
    /// Keeps a frame, or what is wanted of one of `len` bytes.
    fn take_in(&self, arrived: Arrived, len: usize) {
        self.came.fetch_add(1, Ordering::Relaxed);
        let ring = self.ring.lock();
        if let Some(ring) = &*ring {
            let link = if self.raw { HEADER } else { 0 };
            if !ring.put(&arrived.bytes, len, link, &arrived.address) {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
            self.readable.wake(usize::MAX, Events::READABLE.bits());
            return;
        }
        drop(ring);
        let mut inbox = self.inbox.lock();
        let room = arrived.bytes.len() + OVERHEAD;
        if inbox.used + room > CAPACITY {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        inbox.used += room;
        inbox.frames.push_back(arrived);
        drop(inbox);
        self.readable.wake(usize::MAX, Events::READABLE.bits());
    }

    /// The next frame; it stays if it is only looked at.
    fn fetch(&self, peek: bool) -> Result<Arrived> {
        let mut inbox = self.inbox.lock();
        if peek {
            let first = inbox.frames.front().ok_or(Error::from(Errno::EAGAIN))?;
            return Ok(Arrived {
                bytes: first.bytes.clone(),
                address: first.address,
            });
        }
        let arrived = inbox.frames.pop_front().ok_or(Error::from(Errno::EAGAIN))?;
        inbox.used -= arrived.bytes.len() + OVERHEAD;
        Ok(arrived)
    }

    /// The frame that a program's bytes make.
    fn frame(&self, from: &mut Source<'_>, interface: &Interface, protocol: u16, to: [u8; 6]) -> Result<Frame> {
        let header = if self.raw { 0 } else { HEADER };
        let len = from.left();
        let most = interface.mtu() as usize + HEADER;
        if len + header > most {
            return Err(Error::new(Errno::EMSGSIZE, "longer than the interface takes"));
        }
        if len + header < HEADER {
            return Err(Error::new(Errno::EINVAL, "shorter than a header"));
        }
        let mut frame = Frame::default();
        let mut done = 0;
        while done < len || frame.parts.is_empty() {
            let page = Page::zeroed_for_kernel().map_err(|_| Error::new(Errno::ENOBUFS, "no memory for a frame"))?;
            let skip = if frame.parts.is_empty() { header } else { 0 };
            if skip > 0 {
                page.write(0, &to);
                page.write(6, &interface.card.mac());
                page.write(12, &protocol.to_be_bytes());
            }
            let wanted = (len - done).min(4096 - skip);
            if from.take_page(&page, skip, wanted)? < wanted {
                return Err(Error::new(Errno::EFAULT, "the bytes end early"));
            }
            frame.parts.push(Part::new(page, 0, (skip + wanted) as u32));
            done += wanted;
        }
        Ok(frame)
    }
}

impl FileLike for PacketSocket {
    fn read(&self, file: &File, into: &mut Sink<'_>) -> Result<usize> {
        Ok(self.receive(file, into, 0)?.count)
    }

    fn write(&self, file: &File, from: &mut Source<'_>) -> Result<usize> {
        self.send(file, from, &mut Outgoing::default())
    }

    fn ioctl(&self, _file: &File, request: u32, argument: u64) -> Result<u64> {
        if request != FIONREAD {
            return Err(Error::new(Errno::ENOTTY, "a packet socket does not know the request"));
        }
        let next = self.inbox.lock().frames.front().map_or(0, |first| first.bytes.len());
        UserPtr::<i32>::new(argument).write(&(next as i32))?;
        Ok(0)
    }

    fn ready(&self, _file: &File) -> Events {
        let mut events = Events::empty();
        let index = self.binding.lock().index;
        let has_room = interface::by_index(index).is_none_or(|interface| interface.has_room());
        events.set(Events::WRITABLE, has_room);
        let in_ring = self.ring.lock().as_ref().is_some_and(|ring| ring.is_readable());
        events.set(Events::READABLE, in_ring || !self.inbox.lock().frames.is_empty());
        events
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        Some(match direction {
            Direction::Read => &self.readable,
            Direction::Write => &self.writable,
        })
    }

    fn page(&self, _file: &File, index: u64, _access: Access) -> Result<Page> {
        let ring = self.ring.lock().clone();
        let page = ring.and_then(|ring| ring.page(index));
        page.ok_or(Error::new(Errno::ENODEV, "the socket has no such ring"))
    }

    fn timeout(&self, direction: Direction) -> Option<u64> {
        self.options.timeout(direction)
    }

    fn socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }
}

impl Socket for PacketSocket {
    fn send(&self, _file: &File, from: &mut Source<'_>, message: &mut Outgoing) -> Result<usize> {
        let bound = *self.binding.lock();
        let (index, protocol, to) = match &message.address {
            Some((_, address)) => parse_address(address)?,
            None if self.raw => (bound.index, bound.protocol, [0; 6]),
            None => return Err(Error::new(Errno::ENOTCONN, "a datagram needs an address")),
        };
        let interface = interface::by_index(index).ok_or(Error::new(Errno::ENXIO, "no such interface"))?;
        if interface.flags() & flag::UP == 0 {
            return Err(Error::new(Errno::ENETDOWN, "the interface is off"));
        }
        if !interface.has_room() {
            return Err(Error::new(Errno::EAGAIN, "the interface takes no more now"));
        }
        let len = from.left();
        let frame = self.frame(from, &interface, protocol, to)?;
        if interface.is_loopback() {
            // Others see it go, and everybody sees it come; the protocols take nothing from there that has no right way.
            let mut header = [0; HEADER];
            frame.read(0, &mut header);
            spread(&interface, &frame, &header, FROM_US, Some(self));
            spread(&interface, &frame, &header, TO_US, None);
            return Ok(len);
        }
        interface
            .send(frame, Some(self))
            .map_err(|_| Error::new(Errno::ENOBUFS, "the interface takes no more now"))?;
        Ok(len)
    }

    fn receive(&self, _file: &File, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        let arrived = self.fetch(flags & MSG_PEEK != 0)?;
        let fits = arrived.bytes.len().min(into.left());
        if fits > 0 {
            into.put(&arrived.bytes[..fits])?;
        }
        let cut = fits < arrived.bytes.len();
        Ok(Incoming {
            count: if flags & MSG_TRUNC != 0 {
                arrived.bytes.len()
            } else {
                fits
            },
            flags: if cut { MSG_TRUNC } else { 0 },
            address: arrived.address.to_vec(),
            ..Incoming::default()
        })
    }

    fn is_stream(&self) -> bool {
        false
    }

    fn shut_down(&self, _how: u32) -> Result<()> {
        Err(Error::new(Errno::EOPNOTSUPP, "a packet socket has no directions"))
    }

    fn bind(&self, _view: &Context, address: &[u8]) -> Result<()> {
        let (index, protocol, _) = parse_address(address)?;
        if index != 0 && interface::by_index(index).is_none() {
            return Err(Error::new(Errno::ENODEV, "no such interface"));
        }
        let mut binding = self.binding.lock();
        binding.index = index;
        if protocol != 0 {
            binding.protocol = protocol;
        }
        Ok(())
    }

    fn address(&self) -> Result<Vec<u8>> {
        let Binding { index, protocol } = *self.binding.lock();
        let mut address = address_of(index, protocol, 0);
        if let Some(interface) = interface::by_index(index) {
            address[11] = 6;
            address[ADDRESS_HEAD..ADDRESS_HEAD + 6].copy_from_slice(&interface.card.mac());
            if interface.is_loopback() {
                address[8..10].copy_from_slice(&ARPHRD_LOOPBACK.to_ne_bytes());
            }
        } else {
            address[8..10].fill(0);
        }
        Ok(address.to_vec())
    }

    fn peer_address(&self) -> Result<Vec<u8>> {
        Err(Error::new(Errno::EOPNOTSUPP, "a packet socket has no peer"))
    }

    fn check_level(&self, level: u32, sets: bool) -> Result<()> {
        packet_options::sort(self).check_level(level, sets)
    }

    fn option(&self, level: u32, name: u32) -> Result<Vec<u8>> {
        packet_options::get(self, level, name, &[])
    }

    fn option_of(&self, level: u32, name: u32, given: &[u8]) -> Result<Vec<u8>> {
        packet_options::get(self, level, name, given)
    }

    fn set_option(&self, level: u32, name: u32, value: &[u8]) -> Result<()> {
        packet_options::set(self, level, name, value)
    }
}

impl Drop for PacketSocket {
    fn drop(&mut self) {
        COUNT.fetch_sub(1, Ordering::Relaxed);
        for membership in self.memberships.get_mut().drain(..) {
            // An interface that is gone asks for nothing.
            let _ = membership.ask(false);
        }
    }
}
