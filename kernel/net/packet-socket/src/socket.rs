//! What a packet socket is to its program: a file and a socket.
//!
//! A raw socket passes frames with their Ethernet headers; a datagram socket passes what is behind, and says and is told addresses beside. A socket keeps what has come
//! until it is fetched, up to a limit; what comes beyond that is dropped and counted.

use crate::fanout::{Group, Rollover, flow};
use crate::inbox::{Inbox, Room, Terms};
use crate::membership::Membership;
use crate::options::{self, COPY_THRESHOLD, RESERVE, SOL_PACKET, VNET_HDR_SIZE};
use crate::outlet::Outlet;
use crate::ring::Packet;
use crate::spread::{self, Seen};
use crate::{address, send};
use abi::fcntl::OpenFlags;
use abi::ioctl::{FIONREAD, TIOCOUTQ};
use abi::socket::{MSG_DONTWAIT, MSG_ERRQUEUE, MSG_PEEK, MSG_TRUNC, SO_RCVBUF, SOCK_DGRAM, SOCK_RAW, SOL_SOCKET};
use abi::stat::S_IFSOCK;
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};
use frames::Page;
use hal::Access;
use ipc::filter::About;
use ipc::options::Options;
use link::header::Header;
use link::interface::{self, Interface, flag};
use link::{Checksum, ETHERNET, view};
use lock::SpinLock;
use task::WaitQueue;
use time::Expire;
use usermem::{Sink, Source, UserPtr};
use vfs::{Context, Direction, Events, File, FileLike, Incoming, Listing, Outgoing, Socket};

const HEADER: usize = ETHERNET as usize;
/// That a checksum is right, in what a card says of a frame.
const VALID: u8 = 2;

/// What a socket listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    /// An interface; 0 for all.
    pub(crate) index: i32,
    /// A protocol, in host order; 0 for none.
    pub(crate) protocol: u16,
    /// Whether it does: there is a protocol, and the interface is on.
    pub(crate) is_listening: bool,
}

/// A packet socket.
pub struct PacketSocket {
    pub(crate) me: Weak<Self>,
    pub(crate) raw: bool,
    /// What mappings of it are found by.
    pub(crate) ids: (u64, u64),
    pub(crate) options: Options,
    binding: SpinLock<Binding>,
    pub(crate) memberships: SpinLock<Vec<(Membership, u32)>>,
    pub(crate) inbox: SpinLock<Inbox>,
    pub(crate) outlet: SpinLock<Option<Outlet>>,
    group: SpinLock<Option<Arc<Group>>>,
    rollover: SpinLock<Option<Rollover>>,
    /// What the next call is told: an errno.
    pub(crate) error: AtomicU32,
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
    let place = vfs::anonymous_place(b"socket:", S_IFSOCK | 0o777);
    let attributes = place.inode()?.attributes();
    let protocol = u16::from_be(protocol);
    let socket = Arc::new_cyclic(|me| PacketSocket {
        me: Weak::clone(me),
        raw: kind == SOCK_RAW,
        ids: (attributes.dev, attributes.ino),
        options: Options::default(),
        binding: SpinLock::new(Binding {
            index: 0,
            protocol,
            is_listening: protocol != 0,
        }),
        memberships: SpinLock::default(),
        inbox: SpinLock::default(),
        outlet: SpinLock::new(None),
        group: SpinLock::new(None),
        rollover: SpinLock::new(None),
        error: AtomicU32::new(0),
        readable: WaitQueue::new(),
        writable: WaitQueue::new(),
    });
    spread::add(&socket);
    Ok(vfs::anonymous_file(
        place,
        OpenFlags::RDWR | flags & OpenFlags::NONBLOCK,
        socket,
    ))
}

/// A block of a ring has waited long enough.
struct Retire {
    socket: Weak<PacketSocket>,
    block: u64,
}

impl Expire for Retire {
    fn expire(self: Arc<Self>) {
        if let Some(socket) = self.socket.upgrade()
            && socket.inbox.lock().retire(self.block)
        {
            socket.wake_readers();
        }
    }
}

impl PacketSocket {
    pub(crate) fn binding(&self) -> Binding {
        *self.binding.lock()
    }

    /// A number that no other socket has while it lives.
    pub(crate) fn number(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    /// An option that is a number; 0 if nobody has set it.
    pub(crate) fn number_of(&self, name: u32) -> i32 {
        self.options.kept(SOL_PACKET, name).unwrap_or(0)
    }

    pub(crate) fn group(&self) -> Option<Arc<Group>> {
        self.group.lock().clone()
    }

    pub(crate) fn set_group(&self, group: Arc<Group>) {
        if group.rolls_over() {
            *self.rollover.lock() = Some(Rollover::default());
        }
        *self.group.lock() = Some(group);
    }

    pub(crate) fn with_rollover<T>(&self, change: impl FnOnce(&mut Rollover) -> T) -> Option<T> {
        self.rollover.lock().as_mut().map(change)
    }

    pub(crate) fn has_ring(&self) -> bool {
        self.inbox.lock().ring.is_some() || self.outlet.lock().is_some()
    }

    /// Bytes that may wait.
    fn most(&self) -> usize {
        let set = self.options.kept(SOL_SOCKET, SO_RCVBUF);
        set.unwrap_or_else(|| sysctl::RMEM_DEFAULT.get()) as usize
    }

    /// How much more it can take, with a frame of so many bytes.
    pub(crate) fn room(&self, len: usize) -> Room {
        self.inbox.lock().room(self.most(), len)
    }

    pub(crate) fn wake_senders(&self) {
        self.writable.wake(usize::MAX, Events::WRITABLE.bits());
    }

    fn wake_readers(&self) {
        self.readable.wake(usize::MAX, Events::READABLE.bits());
    }

    /// What happened to an interface may be that it went off, or on again.
    pub(crate) fn interface_changed(&self, interface: &Interface) {
        let is_up = interface.flags() & flag::UP != 0;
        let mut binding = self.binding.lock();
        if binding.index == interface.index {
            let went_off = binding.is_listening && !is_up;
            binding.is_listening = is_up && binding.protocol != 0;
            drop(binding);
            if went_off {
                self.fail(Errno::ENETDOWN);
            }
        } else {
            drop(binding);
        }
        self.wake_senders();
    }

    fn fail(&self, errno: Errno) {
        self.error.store(u32::from(errno.0), Ordering::Release);
        let events = (Events::READABLE | Events::ERR).bits();
        self.readable.wake(usize::MAX, events);
    }

    fn take_error(&self) -> Result<()> {
        match self.error.swap(0, Ordering::AcqRel) {
            0 => Ok(()),
            errno => Err(Errno(errno as u16).into()),
        }
    }

    /// Takes a frame, if the filter wants it.
    pub(crate) fn offer(&self, seen: &Seen<'_>) {
        let link = if self.raw { HEADER } else { 0 };
        let mut bytes = seen.bytes.get(HEADER - link..).unwrap_or_default();
        let len = bytes.len();
        if let Some(filter) = self.options.filter() {
            let about = About {
                protocol: seen.protocol,
                whose: seen.whose,
                interface: seen.interface.index as u32,
                network: link as u32,
                start: 0,
            };
            let wanted = filter.run(bytes, &about) as usize;
            if wanted == 0 {
                return;
            }
            bytes = &bytes[..len.min(wanted)];
        }
        let mut says = Header {
            checksum: seen.frame.checksum,
            segmentation: seen.frame.segmentation,
            buffers: 0,
        }
        .to_bytes();
        if seen.frame.checksum == Checksum::Valid {
            says[0] |= VALID;
        }
        let terms = Terms {
            most: self.most(),
            reserved: self.number_of(RESERVE) as usize,
            copies: self.number_of(COPY_THRESHOLD) != 0,
        };
        let mut inbox = self.inbox.lock();
        let wants_flow = inbox.ring.as_ref().is_some_and(|ring| ring.wants_flows());
        let packet = Packet {
            bytes,
            len,
            link,
            address: seen.address,
            status: seen.status,
            says,
            offload: self.number_of(VNET_HDR_SIZE) as usize,
            now: time::wall_now(),
            flow: if wants_flow { flow(seen.bytes) } else { 0 },
        };
        let put = inbox.take(packet, terms);
        if put.first
            && let Some((block, patience)) = inbox.ring.as_ref().and_then(|ring| ring.block())
        {
            let retire = Retire {
                socket: Weak::clone(&self.me),
                block,
            };
            let timer = time::add(time::now().saturating_add(patience), Arc::new(retire));
            // The one before it may have gone because it was full.
            inbox.timer.replace(timer).map(time::cancel);
        }
        drop(inbox);
        if put.told {
            self.wake_readers();
        }
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
        let answer = match request {
            FIONREAD => self.inbox.lock().next_len() as i32,
            TIOCOUTQ => 0,
            _ => return Err(Error::new(Errno::ENOTTY, "a packet socket does not know the request")),
        };
        UserPtr::<i32>::new(argument).write(&answer)?;
        Ok(0)
    }

    fn ready(&self, _file: &File) -> Events {
        let mut events = Events::empty();
        let index = self.binding().index;
        let has_room = interface::by_index(index).is_none_or(|interface| interface.has_room());
        let in_ring = || self.outlet.lock().as_ref().is_some_and(Outlet::is_writable);
        events.set(Events::WRITABLE, has_room || in_ring());
        events.set(Events::READABLE, self.inbox.lock().is_readable());
        events.set(Events::ERR, self.error.load(Ordering::Acquire) != 0);
        events
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        Some(match direction {
            Direction::Read => &self.readable,
            Direction::Write => &self.writable,
        })
    }

    fn may_map(&self, _file: &File, offset: u64, length: u64) -> Result<()> {
        let coming = self.inbox.lock().ring.as_ref().map_or(0, |ring| ring.len());
        let going = self.outlet.lock().as_ref().map_or(0, |outlet| outlet.memory.len());
        if offset != 0 || coming + going == 0 || length.next_multiple_of(4096) != (coming + going) as u64 {
            return Err(Error::new(Errno::EINVAL, "the rings are mapped whole"));
        }
        Ok(())
    }

    fn page(&self, _file: &File, index: u64, _access: Access) -> Result<Page> {
        let index = index as usize;
        let inbox = self.inbox.lock();
        let coming = inbox.ring.as_ref().map_or(0, |ring| ring.len() / 4096);
        let page = inbox.ring.as_ref().and_then(|ring| ring.page(index));
        drop(inbox);
        let page = page.or_else(|| {
            let outlet = self.outlet.lock();
            outlet.as_ref()?.memory.page(index.checked_sub(coming)?)
        });
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
    fn send(&self, file: &File, from: &mut Source<'_>, message: &mut Outgoing) -> Result<usize> {
        let has_ring = self.outlet.lock().is_some();
        if !has_ring {
            return send::one(self, from, message);
        }
        let waits = message.flags & MSG_DONTWAIT == 0 && !file.flags().contains(OpenFlags::NONBLOCK);
        send::all(self, message, waits)
    }

    fn receive(&self, _file: &File, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        if flags & !(MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_ERRQUEUE) != 0 {
            return Err(Error::new(Errno::EINVAL, "frames are not received like that"));
        }
        if flags & MSG_ERRQUEUE != 0 {
            return Err(Errno::EAGAIN.into());
        }
        self.take_error()?;
        let arrived = self.inbox.lock().fetch(flags & MSG_PEEK != 0);
        let arrived = arrived.ok_or(Error::from(Errno::EAGAIN))?;
        let before = self.number_of(VNET_HDR_SIZE) as usize;
        if into.left() < before {
            return Err(Error::new(Errno::EINVAL, "no room for what a card says of a frame"));
        }
        if before > 0 {
            into.put(&arrived.offload[..before])?;
        }
        let fits = arrived.bytes.len().min(into.left());
        if fits > 0 && into.put(&arrived.bytes[..fits])? < fits {
            return Err(Error::new(Errno::EFAULT, "the bytes do not fit where they should"));
        }
        let cut = fits < arrived.bytes.len();
        let whole = if flags & MSG_TRUNC != 0 {
            arrived.bytes.len()
        } else {
            fits
        };
        Ok(Incoming {
            count: before + whole,
            flags: if cut { MSG_TRUNC } else { 0 },
            address: arrived.address.to_vec(),
            control: self.control(&arrived),
            ..Incoming::default()
        })
    }

    fn takes_along(&self) -> bool {
        true
    }

    fn is_stream(&self) -> bool {
        false
    }

    fn shut_down(&self, _how: u32) -> Result<()> {
        Err(Error::new(Errno::EOPNOTSUPP, "a packet socket has no directions"))
    }

    fn bind(&self, _view: &Context, address: &[u8]) -> Result<()> {
        let address = address::parse_own(address)?;
        if self.group().is_some() {
            return Err(Error::new(Errno::EINVAL, "the socket shares what comes"));
        }
        let interface = match address.index {
            0 => None,
            index => Some(interface::by_index(index).ok_or(Error::new(Errno::ENODEV, "no such interface"))?),
        };
        let is_up = interface.is_none_or(|interface| interface.flags() & flag::UP != 0);
        let mut binding = self.binding.lock();
        binding.index = address.index;
        if address.protocol != 0 {
            binding.protocol = address.protocol;
        }
        binding.is_listening = binding.protocol != 0 && is_up;
        let fails = binding.protocol != 0 && !is_up;
        drop(binding);
        if fails {
            self.fail(Errno::ENETDOWN);
        }
        Ok(())
    }

    fn address(&self) -> Result<Vec<u8>> {
        let Binding { index, protocol, .. } = self.binding();
        let interface = interface::by_index(index);
        let station = interface.as_ref().map_or([0; 6], |interface| interface.card.mac());
        let mut bytes = address::show(interface.as_deref(), protocol, 0, station).to_vec();
        bytes.truncate(address::HEAD + usize::from(bytes[11]));
        Ok(bytes)
    }

    fn peer_address(&self) -> Result<Vec<u8>> {
        Err(Error::new(Errno::EOPNOTSUPP, "a packet socket has no peer"))
    }

    fn listing(&self) -> Listing {
        Listing {
            state: self.binding().is_listening.into(),
            queues: [self.inbox.lock().used() as u32, 0],
            ..Listing::default()
        }
    }

    fn check_level(&self, level: u32, sets: bool) -> Result<()> {
        options::sort(self).check_level(level, sets)
    }

    fn option(&self, level: u32, name: u32) -> Result<Vec<u8>> {
        options::get(self, level, name, &[])
    }

    fn option_of(&self, level: u32, name: u32, given: &[u8]) -> Result<Vec<u8>> {
        options::get(self, level, name, given)
    }

    fn set_option(&self, level: u32, name: u32, value: &[u8]) -> Result<()> {
        options::set(self, level, name, value)
    }
}

impl Drop for PacketSocket {
    fn drop(&mut self) {
        view::remove_one();
        if let Some(group) = self.group.get_mut().take() {
            group.leave(self);
        }
        for (membership, _) in self.memberships.get_mut().drain(..) {
            // An interface that is gone asks for nothing.
            let _ = membership.ask(false);
        }
    }
}
