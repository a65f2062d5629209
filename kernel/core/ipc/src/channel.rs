//! One direction between two sockets of one machine: bytes or messages, with what goes with them. Local sockets are made of these, and so is what talks to
//! itself over the internet protocols.
//!
//! | module | what |
//! |---|---|
//! | `stream` | bytes that wait, and open files that go with them |
//! | `urgent` | the byte of them that is urgent |
//! | `messages` | messages that wait |
//! | `ear` | who waits at a socket |
//! | `end` | how a direction ends |
//! | `held` | what a filter keeps back of a stream |
//! | `refused` | further senders that found no room |

mod ear;
mod end;
mod held;
mod messages;
mod refused;
mod stream;
mod urgent;

use crate::filter::{About, Filter};
use crate::options::Came;
use abi::socket::MSG_PEEK;
use abi::{Errno, Error, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use held::Held;
use lock::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use lock::{Once, SpinLock};
use messages::{Message, Messages};
use refused::Refused;
use room::Account;
use stream::{Mark, Stream};
use task::SleepLock;
use usermem::{Sink, Source};
use vfs::{Direction, Events, Incoming, Outgoing};

pub use ear::Ear;
pub use stream::Along;

/// Bytes that wait at most (`net.core.wmem_default`).
pub const CAPACITY: usize = 212_992;

/// What waits to be received.
enum Content {
    Bytes(Stream),
    Messages(Messages),
}

const NO_RESET: u8 = 0;
const RESET: u8 = 1;
const TOLD: u8 = 2;

/// The writer sends nothing any more.
const WRITER_GONE: u8 = 1;
/// Nobody receives any more.
const READER_GONE: u8 = 2;
/// The receiver of a stream has a filter, or had one that kept something back.
const FILTERED: u8 = 4;
const GONE: u8 = WRITER_GONE | READER_GONE;

/// One direction.
pub struct Channel {
    content: SleepLock<Content>,
    /// Where what waits counts.
    account: &'static Account,
    /// What waits, for those who only look: bytes with overhead.
    len: AtomicUsize,
    state: AtomicU8,
    /// Whether the other side went without having read everything, and whether somebody was told: `NO_RESET`, `RESET`, `TOLD`.
    reset: AtomicU8,
    reader: Arc<Ear>,
    writer: Once<Arc<Ear>>,
    /// Further senders that found no room.
    refused: Refused,
    /// What messages are wanted, if the receiver says so.
    filter: SpinLock<Option<Arc<Filter>>>,
    has_filter: AtomicBool,
    /// What it keeps back of a stream.
    held: SpinLock<Option<Box<Held>>>,
    /// Bytes that wait at most.
    capacity: AtomicUsize,
    /// When the last bytes of a stream came.
    pub came: Came,
    /// What is known of an urgent byte, for those who only look: `urgent::NONE` and so on.
    urgent: AtomicU8,
}

impl Channel {
    /// An empty one between sockets of the internet protocols, for bytes or for messages, and who waits to receive.
    pub fn new(stream: bool, reader: &Arc<Ear>) -> Arc<Self> {
        Self::counted(stream, reader, &room::STREAMS)
    }

    /// The same between local sockets.
    pub fn local(stream: bool, reader: &Arc<Ear>) -> Arc<Self> {
        Self::counted(stream, reader, &room::LOCAL)
    }

    fn counted(stream: bool, reader: &Arc<Ear>, account: &'static Account) -> Arc<Self> {
        let content = if stream {
            Content::Bytes(Stream::new(account))
        } else {
            Content::Messages(Messages::new(account))
        };
        Arc::new(Self {
            content: SleepLock::new(content),
            account,
            len: AtomicUsize::new(0),
            state: AtomicU8::new(0),
            reset: AtomicU8::new(NO_RESET),
            reader: Arc::clone(reader),
            writer: Once::new(),
            refused: Refused::default(),
            filter: SpinLock::new(None),
            has_filter: AtomicBool::new(false),
            held: SpinLock::new(None),
            capacity: AtomicUsize::new(CAPACITY),
            came: Came::default(),
            urgent: AtomicU8::new(urgent::NONE),
        })
    }

    /// Says who writes, if that is one socket.
    pub fn set_writer(&self, writer: &Arc<Ear>) {
        let _ = self.writer.set(Arc::clone(writer));
    }

    /// Whether whoever wants to sends messages, not one socket.
    fn has_many_writers(&self) -> bool {
        self.writer.get().is_none()
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
            Content::Messages(messages) => messages.next_len(),
        }
    }

    /// Bytes of a stream that have not been received, the urgent one included.
    pub fn left(&self) -> usize {
        match &*self.content.lock() {
            Content::Bytes(stream) => stream.ring.len(),
            Content::Messages(_) => 0,
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

    /// Whether a writer should be told that there is room: as on Linux, from a quarter full on it is not. The same of what may wait here now.
    #[inline]
    pub fn is_writable(&self) -> bool {
        let quarters = self.len.load(Ordering::Relaxed) * 4;
        quarters <= self.capacity.load(Ordering::Relaxed) && !self.account.is_beyond(quarters)
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
            Content::Bytes(stream) => stream.end(),
            Content::Messages(_) => 0,
        }
    }

    /// The last bytes that were sent, as many of them as have not been received.
    pub fn last(&self, count: usize) -> Vec<u8> {
        match &*self.content.lock() {
            Content::Bytes(stream) => stream.last(count),
            Content::Messages(_) => Vec::new(),
        }
    }

    /// Bytes that wait at most.
    pub fn capacity(&self) -> usize {
        self.capacity.load(Ordering::Relaxed)
    }

    /// How large the sender or the receiver of a stream wants its buffer: there is room for what both have together.
    #[cold]
    pub fn set_room(&self, who: Direction, bytes: usize) {
        if let Content::Bytes(stream) = &mut *self.content.lock()
            && let Some(capacity) = stream.set_room(who, bytes)
        {
            self.capacity.store(capacity, Ordering::Relaxed);
        }
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
                    Some(stream.take(into, flags, skip))
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
            Content::Messages(messages) => match messages.take(into, flags, skip) {
                Some(received) => {
                    self.len
                        .store(messages.weight(self.has_many_writers()), Ordering::Relaxed);
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
            if self.refused.has_some() {
                self.refused.wake();
            }
        }
        if !self.is_empty() {
            self.reader.readable.wake(1, Events::READABLE.bits());
        }
    }

    /// Somebody found no room and waits at his own ear.
    pub fn remember_refused(&self, ear: &Arc<Ear>) {
        self.refused.remember(ear);
    }

    /// Sends bytes of a stream.
    ///
    /// # Errors
    /// `EPIPE`, `EAGAIN`, `EFAULT`.
    pub fn write(&self, from: &mut Source<'_>, along: Along) -> Result<usize> {
        if self.state.load(Ordering::Acquire) & GONE != 0 {
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
        if self.state.load(Ordering::Acquire) & GONE != 0 {
            return Err(Error::new(Errno::EPIPE, "nobody receives any more"));
        }
        if stream.ring.room() == 0 {
            return Err(Errno::EAGAIN.into());
        }
        let place = stream.end();
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
        self.came.note();
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
        if waits + len > CAPACITY || waits >= CAPACITY || self.account.is_beyond(waits * 4) {
            return Err(Errno::EAGAIN.into());
        }
        if len > room::ALWAYS && room::is_scarce() {
            return Err(Error::new(Errno::ENOBUFS, "hardly any memory is left"));
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
        let mut content = self.content.lock();
        let Content::Messages(messages) = &mut *content else {
            return Err(Errno::EINVAL.into());
        };
        messages.push(Message {
            bytes,
            rights: core::mem::take(&mut message.rights),
            credentials: message.credentials,
            from: sender.to_vec(),
        });
        self.len
            .store(messages.weight(self.has_many_writers()), Ordering::Relaxed);
        drop(content);
        self.reader.readable.wake(1, Events::READABLE.bits());
        Ok(len)
    }
}
