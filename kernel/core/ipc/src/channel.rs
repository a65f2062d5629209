//! One direction between two sockets of one machine: bytes or messages, with what goes with them. Local sockets are made of these, and so is what talks to
//! itself over the internet protocols.

mod urgent;

use crate::filter::{About, Filter};
use abi::socket::{MSG_PEEK, MSG_TRUNC, Ucred};
use abi::{Errno, Error, Result};
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use lock::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use lock::{Once, SpinLock};
use pipe::Ring;
use task::{SleepLock, WaitQueue};
use urgent::Urgent;
use usermem::{Sink, Source};
use vfs::{Direction, Events, File, Incoming, Outgoing};

/// Bytes that wait at most (`net.core.wmem_default`).
pub const CAPACITY: usize = 212_992;
/// What a message counts besides its bytes.
const OVERHEAD: usize = 512;

/// Who waits at a socket.
#[derive(Default)]
pub struct Ear {
    /// For something to read.
    pub readable: WaitQueue,
    /// For room to write.
    pub writable: WaitQueue,
}

impl Ear {
    /// Wakes all of them.
    pub fn wake_all(&self) {
        self.readable.wake_all();
        self.writable.wake_all();
    }
}

/// A message with what goes with it.
struct Message {
    bytes: Vec<u8>,
    rights: Vec<Arc<File>>,
    credentials: Option<Ucred>,
    from: Vec<u8>,
}

/// Open files that go with the bytes of one write in a stream.
struct Mark {
    start: u64,
    end: u64,
    rights: Vec<Arc<File>>,
}

/// Bytes that wait.
struct Stream {
    ring: Ring,
    /// The place of the first of them in all that was ever sent.
    first: u64,
    marks: VecDeque<Mark>,
    urgent: Urgent,
}

impl Stream {
    /// Whether nothing goes with the bytes.
    #[inline]
    fn is_plain(&self) -> bool {
        self.marks.is_empty() && self.urgent.is_none()
    }
}

/// What goes with the bytes of one write in a stream.
pub enum Along {
    /// Nothing.
    Nothing,
    /// Open files.
    Files(Vec<Arc<File>>),
    /// The last byte is urgent, if all of them find room; whether the sockets are local ones.
    Urgent(bool),
}

/// What waits to be received.
enum Content {
    Bytes(Stream),
    Messages(VecDeque<Message>, usize),
}

const NO_RESET: u8 = 0;
const RESET: u8 = 1;
const TOLD: u8 = 2;

/// The writer sends nothing any more.
const WRITER_GONE: u8 = 1;
/// Nobody receives any more.
const READER_GONE: u8 = 2;

/// One direction.
pub struct Channel {
    content: SleepLock<Content>,
    /// What waits, for those who only look: bytes with overhead.
    len: AtomicUsize,
    state: AtomicU8,
    /// Whether the other side went without having read everything, and whether somebody was told: `NO_RESET`, `RESET`, `TOLD`.
    reset: AtomicU8,
    reader: Arc<Ear>,
    writer: Once<Arc<Ear>>,
    /// Further senders that found no room.
    refused: SpinLock<Vec<Weak<Ear>>>,
    has_refused: AtomicBool,
    /// What messages are wanted, if the receiver says so.
    filter: SpinLock<Option<Arc<Filter>>>,
    has_filter: AtomicBool,
    /// Bytes that wait at most.
    capacity: AtomicUsize,
    /// What sender and receiver asked their buffers to be; 0 if they did not.
    rooms: [AtomicUsize; 2],
    /// What is known of an urgent byte, for those who only look: `urgent::NONE` and so on.
    urgent: AtomicU8,
}

impl Channel {
    /// An empty one, for bytes or for messages, and who waits to receive.
    pub fn new(stream: bool, reader: &Arc<Ear>) -> Arc<Self> {
        let content = if stream {
            Content::Bytes(Stream {
                ring: Ring::new(CAPACITY / 4096),
                first: 0,
                marks: VecDeque::new(),
                urgent: Urgent::default(),
            })
        } else {
            Content::Messages(VecDeque::new(), 0)
        };
        Arc::new(Self {
            content: SleepLock::new(content),
            len: AtomicUsize::new(0),
            state: AtomicU8::new(0),
            reset: AtomicU8::new(NO_RESET),
            reader: Arc::clone(reader),
            writer: Once::new(),
            refused: SpinLock::new(Vec::new()),
            has_refused: AtomicBool::new(false),
            filter: SpinLock::new(None),
            has_filter: AtomicBool::new(false),
            capacity: AtomicUsize::new(CAPACITY),
            rooms: [AtomicUsize::new(0), AtomicUsize::new(0)],
            urgent: AtomicU8::new(urgent::NONE),
        })
    }

    /// Says who writes, if that is one socket.
    pub fn set_writer(&self, writer: &Arc<Ear>) {
        let _ = self.writer.set(Arc::clone(writer));
    }

    /// Whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len.load(Ordering::SeqCst) == 0
    }

    /// Bytes that the next to receive would find: all of a stream, or the first message's.
    pub fn next_len(&self) -> usize {
        match &*self.content.lock() {
            Content::Bytes(stream) => stream.before_urgent(),
            Content::Messages(messages, _) => messages.front().map_or(0, |message| message.bytes.len()),
        }
    }

    /// Whether the other side went without having read everything, and nobody was told yet.
    pub fn is_reset(&self) -> bool {
        self.reset.load(Ordering::Relaxed) == RESET
    }

    /// The same, and from now on somebody was.
    pub fn take_reset(&self) -> bool {
        self.is_reset() && self.reset.swap(TOLD, Ordering::Relaxed) == RESET
    }

    /// Whether there was a reset, told or not.
    pub fn was_reset(&self) -> bool {
        self.reset.load(Ordering::Relaxed) != NO_RESET
    }

    /// Whether nothing is sent any more.
    pub fn writer_gone(&self) -> bool {
        self.state.load(Ordering::Acquire) & WRITER_GONE != 0
    }

    /// Whether nobody receives any more.
    pub fn reader_gone(&self) -> bool {
        self.state.load(Ordering::Acquire) & READER_GONE != 0
    }

    /// Whether a writer should be told that there is room: as on Linux, from a quarter full on it is not.
    pub fn is_writable(&self) -> bool {
        self.len.load(Ordering::Relaxed) * 4 <= self.capacity.load(Ordering::Relaxed)
    }

    /// Says which messages the receiver wants.
    pub fn set_filter(&self, filter: Option<Arc<Filter>>) {
        self.has_filter.store(filter.is_some(), Ordering::Relaxed);
        let old = core::mem::replace(&mut *self.filter.lock(), filter);
        drop(old);
    }

    /// How many bytes of a stream were ever sent.
    pub fn sent(&self) -> u64 {
        match &*self.content.lock() {
            Content::Bytes(stream) => stream.first + stream.ring.len() as u64,
            Content::Messages(..) => 0,
        }
    }

    /// The last bytes that were sent, as many of them as have not been received.
    pub fn last(&self, count: usize) -> Vec<u8> {
        let content = self.content.lock();
        let mut bytes = Vec::new();
        if let Content::Bytes(stream) = &*content {
            let count = count.min(stream.ring.len());
            bytes.resize(count, 0);
            let skip = stream.ring.len() - count;
            // Bytes of the kernel's own can always be written.
            let _ = stream.ring.peek_behind(skip, &mut Sink::kernel(&mut bytes), count);
        }
        bytes
    }

    /// Bytes that wait at most.
    pub fn capacity(&self) -> usize {
        self.capacity.load(Ordering::Relaxed)
    }

    /// How large the sender or the receiver of a stream wants its buffer: there is room for what both have together.
    #[cold]
    pub fn set_room(&self, who: Direction, bytes: usize) {
        const UNASKED: usize = 131_072;
        let [send, receive] = &self.rooms;
        let room = if who == Direction::Write { send } else { receive };
        room.store(bytes, Ordering::Relaxed);
        let rooms = [send, receive].map(|room| match room.load(Ordering::Relaxed) {
            0 => UNASKED,
            asked => asked,
        });
        let wanted = (rooms[0] + rooms[1]).min(CAPACITY).next_multiple_of(4096);
        if let Content::Bytes(stream) = &mut *self.content.lock()
            // What does not fit yet keeps the room that it has.
            && stream.ring.resize(wanted / 4096).is_ok_and(|fits| fits)
        {
            self.capacity.store(wanted, Ordering::Relaxed);
        }
    }

    /// The writer sends nothing any more.
    pub fn end_writing(&self) {
        self.end(WRITER_GONE);
    }

    /// Nobody receives any more.
    pub fn end_reading(&self) {
        self.end(READER_GONE);
    }

    fn end(&self, who: u8) {
        self.state.fetch_or(who, Ordering::AcqRel);
        self.reader.wake_all();
        if let Some(writer) = self.writer.get() {
            writer.wake_all();
        }
        self.wake_refused();
    }

    /// The writer is gone, and what it had sent does not matter any more: the reader hears of a reset.
    pub fn reset_reader(&self) {
        self.reset.store(RESET, Ordering::Relaxed);
    }

    /// The reader is gone for good: forgets what waits; the other direction hears if it had not read everything.
    pub fn abandon(&self, other: Option<&Self>) {
        let mut content = self.content.lock();
        let is_unread = match &*content {
            Content::Bytes(stream) => !stream.ring.is_empty(),
            Content::Messages(messages, _) => !messages.is_empty(),
        };
        if let Some(other) = other.filter(|_| is_unread) {
            other.reset_reader();
        }
        self.end_reading();
        let (mut marks, mut messages) = (VecDeque::new(), VecDeque::new());
        match &mut *content {
            Content::Bytes(stream) => {
                stream.ring.clear();
                stream.urgent = Urgent::default();
                core::mem::swap(&mut marks, &mut stream.marks);
            }
            Content::Messages(waiting, _) => core::mem::swap(&mut messages, waiting),
        }
        self.len.store(0, Ordering::Relaxed);
        drop(content);
        // Files that go with them are let go without the lock.
        drop((marks, messages));
    }

    /// Forgets the messages that wait; whether there were any.
    pub fn forget(&self) -> bool {
        let mut content = self.content.lock();
        let forgotten = match &mut *content {
            Content::Messages(waiting, total) => {
                *total = 0;
                core::mem::take(waiting)
            }
            Content::Bytes(_) => return false,
        };
        self.len.store(0, Ordering::Relaxed);
        drop(content);
        self.wake_refused();
        !forgotten.is_empty()
    }

    /// What an empty channel answers to who wants to receive; `ended` if the writer had gone before it was seen to be empty. A reset comes before the writer goes, and what was sent before it
    /// is received first.
    fn nothing(&self, ended: bool, flags: u32) -> Result<()> {
        if self.urgent.load(Ordering::Relaxed) != urgent::NONE && flags & MSG_PEEK == 0 {
            self.pass_urgent();
        }
        if ended && self.take_reset() {
            Err(Error::new(
                Errno::ECONNRESET,
                "the other side went without reading everything",
            ))
        } else if ended || self.reader_gone() {
            Ok(())
        } else {
            Err(Errno::EAGAIN.into())
        }
    }

    /// Reads a stream's bytes, without what goes with them.
    ///
    /// # Errors
    /// As [`Channel::receive`].
    #[inline]
    pub fn read(&self, into: &mut Sink<'_>) -> Result<usize> {
        if into.left() == 0 {
            return Ok(0);
        }
        let ended = self.writer_gone();
        if self.len.load(Ordering::SeqCst) == 0 {
            return self.nothing(ended, 0).map(|()| 0);
        }
        self.read_some(into)
    }

    #[inline(never)]
    fn read_some(&self, into: &mut Sink<'_>) -> Result<usize> {
        let mut content = self.content.lock();
        if let Content::Bytes(stream) = &mut *content
            && stream.is_plain()
            && !stream.ring.is_empty()
        {
            let count = stream.ring.drain(into, usize::MAX)?;
            stream.first += count as u64;
            self.len.store(stream.ring.len(), Ordering::Release);
            drop(content);
            self.told_room();
            return Ok(count);
        }
        drop(content);
        Ok(self.receive(into, 0)?.count)
    }

    /// Receives, with what goes with the bytes; `flags` are `MSG_*`.
    ///
    /// # Errors
    /// `EAGAIN`, `ECONNRESET`, `EFAULT`.
    pub fn receive(&self, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        self.receive_from(into, flags, 0)
    }

    /// The same; what is only looked at begins behind so many bytes.
    ///
    /// # Errors
    /// As [`Channel::receive`].
    pub fn receive_from(&self, into: &mut Sink<'_>, flags: u32, skip: usize) -> Result<Incoming> {
        // Asked before looking: what the writer sent before it went is there by then.
        let ended = self.writer_gone();
        if self.len.load(Ordering::SeqCst) == 0 {
            return self.nothing(ended, flags).map(|()| Incoming::default());
        }
        let mut content = self.content.lock();
        let received = match &mut *content {
            Content::Bytes(stream) => {
                if flags & MSG_PEEK == 0 {
                    stream.pass_urgent();
                }
                let received = if stream.waiting() > skip {
                    Some(take_bytes(stream, into, flags, skip))
                } else {
                    None
                };
                self.len.store(stream.seen(), Ordering::Relaxed);
                if !stream.urgent.is_none() || self.urgent.load(Ordering::Relaxed) != urgent::NONE {
                    self.urgent.store(stream.urgent.state(), Ordering::Relaxed);
                }
                match received {
                    Some(received) => received,
                    None => {
                        drop(content);
                        return self.nothing(ended, flags).map(|()| Incoming::default());
                    }
                }
            }
            Content::Messages(messages, total) => match take_message(messages, total, into, flags, skip) {
                Some(received) => {
                    self.len.store(self.weight(messages, *total), Ordering::Relaxed);
                    received
                }
                None => {
                    drop(content);
                    return self.nothing(ended, flags).map(|()| Incoming::default());
                }
            },
        };
        drop(content);
        if flags & MSG_PEEK == 0 {
            self.told_room();
        }
        received
    }

    /// Something was received: tells who writes, and others who receive, if something is left.
    #[inline]
    fn told_room(&self) {
        if self.is_writable() {
            if let Some(writer) = self.writer.get() {
                writer.writable.wake(1, Events::WRITABLE.bits());
            }
            if self.has_refused.load(Ordering::Relaxed) {
                self.wake_refused();
            }
        }
        if !self.is_empty() {
            self.reader.readable.wake(1, Events::READABLE.bits());
        }
    }

    #[inline]
    fn wake_refused(&self) {
        let mut refused = self.refused.lock();
        let woken = core::mem::take(&mut *refused);
        self.has_refused.store(false, Ordering::Relaxed);
        drop(refused);
        for ear in woken.iter().filter_map(Weak::upgrade) {
            ear.writable.wake_all();
        }
    }

    /// Somebody found no room and waits at his own ear.
    pub fn remember_refused(&self, ear: &Arc<Ear>) {
        let mut refused = self.refused.lock();
        if !refused.iter().any(|other| Weak::as_ptr(other) == Arc::as_ptr(ear)) {
            refused.push(Arc::downgrade(ear));
        }
        drop(refused);
        // Whoever is remembered looks once more whether there is room: the other side looks the other way round.
        self.has_refused.store(true, Ordering::SeqCst);
    }

    /// Sends bytes of a stream.
    ///
    /// # Errors
    /// `EPIPE`, `EAGAIN`, `EFAULT`.
    pub fn write(&self, from: &mut Source<'_>, along: Along) -> Result<usize> {
        if self.state.load(Ordering::Acquire) != 0 {
            return Err(Error::new(Errno::EPIPE, "nobody receives any more"));
        }
        if from.left() == 0 {
            return Ok(0);
        }
        let mut content = self.content.lock();
        let Content::Bytes(stream) = &mut *content else {
            return Err(Errno::EINVAL.into());
        };
        // Who went meanwhile has thrown away what was there, and nobody would do so again with the files that go with these bytes.
        if self.state.load(Ordering::Acquire) != 0 {
            return Err(Error::new(Errno::EPIPE, "nobody receives any more"));
        }
        if stream.ring.room() == 0 {
            return Err(Errno::EAGAIN.into());
        }
        let place = stream.first + stream.ring.len() as u64;
        let written = stream.ring.fill(from)?;
        let mut events = Events::READABLE;
        match along {
            Along::Files(rights) if !rights.is_empty() => {
                let (start, end) = (place, place + written as u64);
                stream.marks.push_back(Mark { start, end, rights });
            }
            Along::Urgent(is_local) if from.left() == 0 && written > 0 => {
                stream.set_urgent(is_local)?;
                self.urgent.store(stream.urgent.state(), Ordering::Relaxed);
                events |= Events::PRI | Events::URGENT;
            }
            _ => {}
        }
        let len = stream.seen();
        self.len.store(len, Ordering::Relaxed);
        drop(content);
        self.reader.readable.wake(1, events.bits());
        // Others wait at the same socket to write, and there is room left.
        if len < self.capacity()
            && let Some(writer) = self.writer.get()
        {
            writer.writable.wake(1, Events::WRITABLE.bits());
        }
        Ok(written)
    }

    /// Sends a message.
    ///
    /// # Errors
    /// `EMSGSIZE`, `EAGAIN`, `EFAULT`.
    pub fn send(&self, from: &mut Source<'_>, message: &mut Outgoing, sender: &[u8]) -> Result<usize> {
        let len = from.left();
        if len > CAPACITY - 32 {
            return Err(Error::new(Errno::EMSGSIZE, "the message is longer than the buffer"));
        }
        let waits = self.len.load(Ordering::Relaxed);
        if waits + len > CAPACITY || waits >= CAPACITY {
            return Err(Errno::EAGAIN.into());
        }
        let mut bytes = from.to_vec()?;
        if self.has_filter.load(Ordering::Relaxed) {
            let filter = self.filter.lock().clone();
            let wanted = filter.map_or(u32::MAX, |filter| filter.run(&bytes, &About::default()));
            if wanted == 0 {
                return Ok(len);
            }
            bytes.truncate(wanted as usize);
        }
        let taken = bytes.len();
        let mut content = self.content.lock();
        let Content::Messages(messages, total) = &mut *content else {
            return Err(Errno::EINVAL.into());
        };
        messages.push_back(Message {
            bytes,
            rights: core::mem::take(&mut message.rights),
            credentials: message.credentials,
            from: sender.to_vec(),
        });
        *total += taken + OVERHEAD;
        self.len.store(self.weight(messages, *total), Ordering::Relaxed);
        drop(content);
        self.reader.readable.wake(1, Events::READABLE.bits());
        Ok(len)
    }

    /// What so many bytes of messages count: from many senders only some messages may wait (`net.unix.max_dgram_qlen`), however short they are.
    fn weight(&self, messages: &VecDeque<Message>, total: usize) -> usize {
        let is_full = self.writer.get().is_none() && messages.len() > sysctl::MAX_DGRAM_QLEN.get() as usize;
        if is_full { total.max(CAPACITY) } else { total }
    }
}

/// Takes bytes, but not beyond those of a write that open files go with; the files come with the first byte of it.
fn take_bytes(stream: &mut Stream, into: &mut Sink<'_>, flags: u32, skip: usize) -> Result<Incoming> {
    let Stream {
        ring,
        first,
        marks,
        urgent,
    } = stream;
    let most = marks.front().map_or(usize::MAX, |mark| (mark.end - *first) as usize);
    let most = most.min(urgent.ahead_of(*first));
    let mut received = Incoming::default();
    if flags & MSG_PEEK != 0 {
        let skip = skip + usize::from(urgent.is_left_out_at(*first));
        received.count = ring.peek_behind(skip, into, most)?;
        if let Some(mark) = marks.front()
            && *first + received.count as u64 > mark.start
        {
            received.rights.clone_from(&mark.rights);
        }
        return Ok(received);
    }
    received.count = ring.drain_some(into, most)?;
    *first += received.count as u64;
    urgent.was_passed(*first);
    if marks.front().is_some_and(|mark| *first > mark.start)
        && let Some(mark) = marks.pop_front()
    {
        received.rights = mark.rights;
    }
    Ok(received)
}

/// The message that lies behind so many bytes, and how many of them are its own.
fn message_behind(messages: &VecDeque<Message>, skip: usize) -> Option<(&Message, usize)> {
    let mut skip = skip;
    for message in messages {
        let len = message.bytes.len();
        if skip < len || len == 0 && skip == 0 {
            return Some((message, skip));
        }
        skip -= len;
    }
    None
}

#[inline(never)]
fn take_message(
    messages: &mut VecDeque<Message>,
    total: &mut usize,
    into: &mut Sink<'_>,
    flags: u32,
    skip: usize,
) -> Option<Result<Incoming>> {
    let (message, skip) = message_behind(messages, skip)?;
    let bytes = message.bytes.get(skip..).unwrap_or_default();
    let stored = into.put(bytes);
    let cut = bytes.len() > *stored.as_ref().unwrap_or(&0);
    let mut received = Incoming {
        flags: if cut { MSG_TRUNC } else { 0 },
        credentials: message.credentials,
        ..Incoming::default()
    };
    if let Ok(stored) = stored {
        received.count = if flags & MSG_TRUNC != 0 { bytes.len() } else { stored };
    }
    if flags & MSG_PEEK != 0 {
        received.rights.clone_from(&message.rights);
        received.address.clone_from(&message.from);
    } else if let Some(message) = messages.pop_front() {
        *total -= message.bytes.len() + OVERHEAD;
        received.rights = message.rights;
        received.address = message.from;
    }
    Some(stored.map(|_| received))
}
