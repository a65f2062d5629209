//! Pipes.

use crate::ring::Ring;
use abi::fcntl::OpenFlags;
use abi::ioctl::FIONREAD;
use abi::stat::S_IFIFO;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use lock::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use task::{SleepLock, WaitQueue};
use usermem::{Sink, Source, UserPtr};
use vfs::{Direction, Events, File, FileLike};

/// A write of at most this many bytes goes in one piece.
pub const PIPE_BUF: usize = 4096;
/// The largest capacity that a program without privilege may set (`/proc/sys/fs/pipe-max-size`).
pub const MAX_CAPACITY: usize = 1 << 20;
const DEFAULT_PAGES: usize = 16;

/// A pipe, which its ends share.
pub(crate) struct Pipe {
    ring: SleepLock<Ring>,
    /// The ring's length, room and capacity, for those who only look.
    len: AtomicUsize,
    room: AtomicUsize,
    capacity: AtomicUsize,
    pub(crate) readers: AtomicU32,
    pub(crate) writers: AtomicU32,
    /// How many readers and writers there ever were.
    pub(crate) readers_ever: AtomicU32,
    pub(crate) writers_ever: AtomicU32,
    pub(crate) readable: WaitQueue,
    pub(crate) writable: WaitQueue,
    /// Whether it is a fifo: opening one end of those waits for the other.
    pub(crate) named: bool,
}

impl Pipe {
    pub(crate) fn new(named: bool) -> Arc<Self> {
        Arc::new(Self {
            named,
            ring: SleepLock::new(Ring::new(DEFAULT_PAGES, &room::PIPES)),
            len: AtomicUsize::new(0),
            room: AtomicUsize::new(DEFAULT_PAGES * 4096),
            capacity: AtomicUsize::new(DEFAULT_PAGES * 4096),
            readers: AtomicU32::new(0),
            writers: AtomicU32::new(0),
            readers_ever: AtomicU32::new(0),
            writers_ever: AtomicU32::new(0),
            readable: WaitQueue::new(),
            writable: WaitQueue::new(),
        })
    }

    #[inline]
    fn room(&self) -> usize {
        self.room.load(Ordering::Relaxed)
    }

    /// The same, but no more than may wait.
    fn room_now(&self) -> usize {
        let (room, len) = (self.room(), self.len.load(Ordering::Relaxed));
        if room::PIPES.is_beyond(len + room.max(PIPE_BUF)) {
            return room.min(room::PIPES.each().saturating_sub(len));
        }
        room
    }

    /// Notes how full the ring is, for those who only look.
    #[inline]
    fn note(&self, ring: &Ring) {
        let room = if ring.packets.is_empty() {
            ring.room()
        } else {
            ring.room_beside_packets()
        };
        self.len.store(ring.len(), Ordering::Relaxed);
        self.room.store(room, Ordering::Relaxed);
    }

    fn has_writer(&self) -> bool {
        self.writers.load(Ordering::Acquire) > 0
    }

    fn has_reader(&self) -> bool {
        self.readers.load(Ordering::Acquire) > 0
    }

    #[inline]
    fn read(&self, into: &mut Sink<'_>) -> Result<usize> {
        if into.left() == 0 {
            return Ok(0);
        }
        // Asked before the ring: what the last writer wrote is in it by then.
        let open = self.has_writer();
        if self.len.load(Ordering::SeqCst) == 0 {
            return if open { Err(Errno::EAGAIN.into()) } else { Ok(0) };
        }
        self.read_some(open, into)
    }

    #[inline(never)]
    fn read_some(&self, open: bool, into: &mut Sink<'_>) -> Result<usize> {
        let mut ring = self.ring.lock();
        if ring.is_empty() {
            return if open { Err(Errno::EAGAIN.into()) } else { Ok(0) };
        }
        let read = if ring.packets.is_empty() {
            ring.drain(into, usize::MAX)
        } else {
            read_packet(&mut ring, into)
        };
        let (left, room) = (ring.len(), ring.room());
        self.note(&ring);
        drop(ring);
        if room >= PIPE_BUF {
            self.writable.wake(1, Events::WRITABLE.bits());
        }
        if left > 0 {
            self.readable.wake(1, Events::READABLE.bits());
        }
        read
    }

    /// Writes bytes, as packets or not.
    fn write(&self, from: &mut Source<'_>, packets: bool) -> Result<usize> {
        if !self.has_reader() {
            return Err(Error::new(Errno::EPIPE, "nobody reads the pipe"));
        }
        let wanted = from.left();
        if wanted == 0 {
            return Ok(0);
        }
        let mut ring = self.ring.lock();
        let written = if packets || !ring.packets.is_empty() {
            write_beside_packets(&mut ring, from, packets)
        } else {
            let needed = if wanted <= PIPE_BUF { wanted } else { 1 };
            if ring.room() < needed {
                return Err(Errno::EAGAIN.into());
            }
            ring.fill_whole(from)
        };
        let (len, room) = (ring.len(), ring.room());
        self.note(&ring);
        drop(ring);
        if len > 0 {
            self.readable.wake(1, Events::READABLE.bits());
        }
        if room >= PIPE_BUF {
            self.writable.wake(1, Events::WRITABLE.bits());
        }
        written
    }

    fn capacity(&self) -> usize {
        self.capacity.load(Ordering::Relaxed)
    }

    fn set_capacity(&self, bytes: usize) -> Result<usize> {
        let pages = bytes.max(1).div_ceil(4096).next_power_of_two();
        let mut ring = self.ring.lock();
        if !ring.resize(pages)? {
            return Err(Error::new(Errno::EBUSY, "the pipe holds more than that"));
        }
        self.capacity.store(ring.capacity(), Ordering::Relaxed);
        self.note(&ring);
        drop(ring);
        self.writable.wake_all();
        Ok(pages * 4096)
    }
}

/// Reads up to the end of the first packet; what the reader has no room for of it is gone.
#[cold]
fn read_packet(ring: &mut Ring, into: &mut Sink<'_>) -> Result<usize> {
    let mut done = 0;
    while let Some(part) = ring.packets.first().filter(|_| into.left() > 0) {
        match ring.drain(into, part.len) {
            Ok(read) if part.is_packet => {
                ring.discard(part.len - read);
                ring.packets.take(part.len);
                return Ok(done + read);
            }
            Ok(read) => {
                ring.packets.take(read);
                done += read;
            }
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(done)
}

/// Writes packets of at most a page, or bytes behind packets. As on Linux, what fits into the page of bytes that are no packet goes there, and is none either.
#[cold]
fn write_beside_packets(ring: &mut Ring, from: &mut Source<'_>, packets: bool) -> Result<usize> {
    let mut piece = alloc::vec![0; from.left().min(PIPE_BUF)];
    let mut done = 0;
    while from.left() > 0 {
        let odd = from.left() % PIPE_BUF;
        let joins = packets && odd > 0 && ring.fits_behind_last(odd);
        let wanted = if joins { odd } else { from.left().min(PIPE_BUF) };
        let room = if ring.packets.is_empty() {
            ring.room()
        } else {
            ring.room_beside_packets()
        };
        if room < wanted || !ring.may_take(wanted) {
            break;
        }
        let taken = match from.take(piece.get_mut(..wanted).unwrap_or_default()) {
            Ok(taken) => taken,
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        };
        let before = ring.len();
        let added = ring.fill(&mut Source::kernel(piece.get(..taken).unwrap_or_default()))?;
        if packets && !joins {
            ring.packets.add_packet(before, added);
        } else if !ring.packets.is_empty() {
            ring.packets.add_bytes(added);
        }
        done += added;
    }
    if done == 0 { Err(Errno::EAGAIN.into()) } else { Ok(done) }
}

/// An end of a pipe as an open file has it; of a fifo that was opened to read and write, both ends.
pub struct End {
    pipe: Arc<Pipe>,
    reads: bool,
    writes: bool,
    /// How many writers there had been when the end was opened: a reader hears of a hang-up only after one came.
    writers_before: u32,
    /// Whether what is written are packets.
    packets: AtomicBool,
}

impl End {
    pub(crate) fn new(pipe: &Arc<Pipe>, flags: OpenFlags) -> Self {
        let (reads, writes) = (flags.readable(), flags.writable());
        let writers_before = pipe.writers_ever.load(Ordering::Relaxed);
        if reads {
            pipe.readers.fetch_add(1, Ordering::AcqRel);
            pipe.readers_ever.fetch_add(1, Ordering::AcqRel);
            pipe.writable.wake_all();
        }
        if writes {
            pipe.writers.fetch_add(1, Ordering::AcqRel);
            pipe.writers_ever.fetch_add(1, Ordering::AcqRel);
            pipe.readable.wake_all();
        }
        Self {
            pipe: Arc::clone(pipe),
            reads,
            writes,
            writers_before,
            packets: AtomicBool::new(flags.contains(OpenFlags::DIRECT)),
        }
    }

    /// Bytes that it holds at most (`F_GETPIPE_SZ`).
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.pipe.capacity()
    }

    /// Changes how many bytes it holds at most (`F_SETPIPE_SZ`); returns how many that are.
    ///
    /// # Errors
    /// `EBUSY` when more than that is in it; `EPERM` beyond [`MAX_CAPACITY`] without privilege; `EINVAL` beyond what can be.
    pub fn set_capacity(&self, bytes: usize, privileged: bool) -> Result<usize> {
        if bytes > 1 << 30 || bytes == 0 {
            return Err(Error::new(Errno::EINVAL, "no pipe has such a capacity"));
        }
        if bytes > MAX_CAPACITY && !privileged {
            return Err(Error::new(Errno::EPERM, "only the superuser makes such pipes"));
        }
        self.pipe.set_capacity(bytes)
    }

    /// Bytes that fit now.
    #[must_use]
    pub fn room(&self) -> usize {
        self.pipe.room_now()
    }

    /// The first bytes that are in it, which stay there (`tee`).
    ///
    /// # Errors
    /// None, for bytes of the kernel's.
    pub fn peek(&self, most: usize) -> Result<Vec<u8>> {
        let ring = self.pipe.ring.lock();
        let len = most.min(ring.len());
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len).map_err(|_| Error::from(Errno::ENOMEM))?;
        bytes.resize(len, 0);
        ring.peek(&mut Sink::kernel(&mut bytes), len)?;
        Ok(bytes)
    }

    /// Whether the other file is an end of the same pipe.
    #[must_use]
    pub fn shares_pipe(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.pipe, &other.pipe)
    }
}

impl FileLike for End {
    #[inline]
    fn read(&self, _file: &File, into: &mut Sink<'_>) -> Result<usize> {
        self.pipe.read(into)
    }

    #[inline]
    fn write(&self, _file: &File, from: &mut Source<'_>) -> Result<usize> {
        self.pipe.write(from, self.packets.load(Ordering::Relaxed))
    }

    fn set_flags(&self, _file: &File, flags: OpenFlags) -> Result<()> {
        self.packets.store(flags.contains(OpenFlags::DIRECT), Ordering::Relaxed);
        Ok(())
    }

    fn writes_everything(&self) -> bool {
        true
    }

    fn ioctl(&self, _file: &File, request: u32, argument: u64) -> Result<u64> {
        if request != FIONREAD {
            return Err(Error::new(Errno::ENOTTY, "a pipe does not know the request"));
        }
        UserPtr::<i32>::new(argument).write(&(self.pipe.len.load(Ordering::Relaxed) as i32))?;
        Ok(0)
    }

    fn ready(&self, _file: &File) -> Events {
        let pipe = &self.pipe;
        let mut events = Events::empty();
        if self.reads {
            events.set(Events::READABLE, pipe.len.load(Ordering::Relaxed) > 0);
            let came = pipe.writers_ever.load(Ordering::Relaxed) != self.writers_before;
            events.set(Events::HUP, !pipe.has_writer() && came);
        }
        if self.writes {
            events.set(Events::WRITABLE, pipe.room_now() >= PIPE_BUF);
            events.set(Events::ERR, !pipe.has_reader());
        }
        events
    }

    fn tells_owner(&self) -> bool {
        true
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        // Somebody who polls the reading end for writing hears of a hang-up there, and the other way round.
        match direction {
            Direction::Read if self.reads => Some(&self.pipe.readable),
            Direction::Write if self.writes => Some(&self.pipe.writable),
            _ => None,
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let pipe = &self.pipe;
        if self.reads && pipe.readers.fetch_sub(1, Ordering::AcqRel) == 1 {
            pipe.writable.wake_all();
        }
        if self.writes && pipe.writers.fetch_sub(1, Ordering::AcqRel) == 1 {
            pipe.readable.wake_all();
        }
        if !pipe.has_reader() && !pipe.has_writer() {
            let mut ring = pipe.ring.lock();
            ring.clear();
            pipe.note(&ring);
        }
    }
}

/// Makes a pipe; `flags` may have `O_NONBLOCK` and, for packets, `O_DIRECT`. The reading end comes first.
///
/// # Errors
/// What there is no memory for.
pub fn pipe(flags: OpenFlags) -> Result<(Arc<File>, Arc<File>)> {
    let pipe = Pipe::new(false);
    let place = vfs::anonymous_place(b"pipe:", S_IFIFO | 0o600);
    if let Some(attachment) = place.inode()?.attachment() {
        drop(attachment.set(Arc::clone(&pipe) as _));
    }
    let kept = flags & OpenFlags::NONBLOCK;
    let writes = OpenFlags::WRONLY | flags & OpenFlags::DIRECT;
    let ends = [OpenFlags::empty(), writes].map(|mode| Arc::new(End::new(&pipe, mode)));
    let [reader, writer] = ends;
    Ok((
        vfs::anonymous_file(place.clone(), kept, reader),
        vfs::anonymous_file(place, kept | writes, writer),
    ))
}
