//! A connection behind a lock, with who waits for it, a deadline, and the way that its packets go.
//!
//! Programs copy from and to their memory without that lock: what they send lies in pages first, and what they read is taken out, copied, and what is left of it put back. Readers come one after the other, and so do
//! writers. Whatever changes a connection ends with [`Remote::with`], which sets the deadline, wakes who waits, and takes a connection that is over out of the table; and then with [`Remote::run`], which sends what is
//! owed.
//!
//! **Sending** is done by one at a time for each connection, so that its packets stay in order; who comes meanwhile leaves it to the one who is there, who looks again before it goes. A packet to the machine itself is
//! given to the other end at once, without any lock held; that end may owe something then, and its turn comes next. So nobody sends for more than the two ends of one connection.
//! If the device has no room the packet stays here, and the connection in the list of those who wait for room.
//!
//! Lock order: a connection's lock, then that of the timers. The device's lock, the table's and the list's are taken without it.

use crate::connection::{Connection, PAGE, Packet, Piece, State};
use crate::header::{Header, Kind, NO_RECEIVE, NO_SEND};
use crate::inbox::Payload;
use crate::table::{self, Name};
use crate::way::{self, Way};
use abi::socket::{MSG_EOR, MSG_PEEK, MSG_TRUNC};
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use frames::Page;
use ipc::channel::Ear;
use lock::SpinLock;
use task::SleepLock;
use time::{Expire, TimerId};
use usermem::{Sink, Source};
use vfs::{Events, Incoming};

/// A connection.
pub(crate) struct Remote {
    pub(crate) name: Name,
    pub(crate) way: Way,
    kind: Kind,
    own: Weak<Self>,
    ear: Arc<Ear>,
    inside: SpinLock<Inside>,
    reading: SleepLock<()>,
    writing: SleepLock<()>,
}

struct Inside {
    connection: Connection,
    /// A packet that the device had no room for.
    held: Option<Packet>,
    /// Somebody sends.
    is_sending: bool,
    timer: Option<(u64, TimerId)>,
    /// Whether it is in the table.
    is_known: bool,
}

/// What who waits sees of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
struct View {
    state: State,
    shutdowns: [u32; 2],
    readable: bool,
    bytes: usize,
    has_room: bool,
}

impl Inside {
    fn view(&self) -> View {
        View {
            state: self.connection.state(),
            shutdowns: self.connection.shutdowns(),
            readable: self.connection.has_data(),
            bytes: self.connection.readable(),
            has_room: self.connection.room_to_send() > 0,
        }
    }
}

impl Remote {
    /// A connection that is not in the table yet.
    pub(crate) fn new(name: Name, way: Way, kind: Kind, ear: &Arc<Ear>, connection: Connection) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            name,
            way,
            kind,
            own: Weak::clone(own),
            ear: Arc::clone(ear),
            inside: SpinLock::new(Inside {
                connection,
                held: None,
                is_sending: false,
                timer: None,
                is_known: true,
            }),
            reading: SleepLock::default(),
            writing: SleepLock::default(),
        })
    }

    /// Looks at the connection.
    pub(crate) fn look<T>(&self, what: impl FnOnce(&Connection) -> T) -> T {
        what(&self.inside.lock().connection)
    }

    /// Changes the connection.
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Connection) -> T) -> T {
        let mut guard = self.inside.lock();
        let inside = &mut *guard;
        let before = inside.view();
        let result = change(&mut inside.connection);
        self.set_timer(inside);
        let after = inside.view();
        let is_over = inside.is_known && after.state == State::Closed;
        let mut timer = None;
        if is_over {
            inside.is_known = false;
            timer = inside.timer.take();
        }
        drop(guard);
        if is_over {
            table::remove(self);
        }
        if let Some((_, timer)) = timer {
            time::cancel(timer);
        }
        self.tell(before, after);
        result
    }

    fn tell(&self, before: View, after: View) {
        if (before.state, before.shutdowns) != (after.state, after.shutdowns) {
            return self.ear.wake_all();
        }
        if after.readable && (after.bytes > before.bytes || !before.readable) {
            self.ear.readable.wake(1, Events::READABLE.bits());
        }
        if after.has_room && !before.has_room {
            self.ear.writable.wake(1, Events::WRITABLE.bits());
        }
    }

    fn set_timer(&self, inside: &mut Inside) {
        let wanted = inside.connection.deadline();
        if inside.timer.map(|(deadline, _)| deadline) == wanted {
            return;
        }
        if let Some((_, timer)) = inside.timer.take() {
            time::cancel(timer);
        }
        if let (Some(deadline), Some(own)) = (wanted, self.own.upgrade()) {
            inside.timer = Some((deadline, time::add(deadline, own)));
        }
    }

    /// Sends what is owed, and what the other end owes because of that if it is of this machine.
    pub(crate) fn run(&self) {
        let mut next = self.send_all();
        while let Some(other) = next {
            next = other.send_all();
        }
    }

    fn send_all(&self) -> Option<Arc<Self>> {
        let mut other = None;
        let mut is_first = true;
        loop {
            let mut inside = self.inside.lock();
            if is_first && inside.is_sending {
                return None;
            }
            is_first = false;
            let before = inside.view();
            let packet = inside.held.take().or_else(|| inside.connection.poll());
            inside.is_sending = packet.is_some();
            let after = inside.view();
            drop(inside);
            self.tell(before, after);
            let Some(packet) = packet else { break };
            match self.way {
                Way::Local => other = table::deliver(packet).or(other),
                Way::Device => {
                    if let Err(packet) = self.give_device(packet) {
                        let mut inside = self.inside.lock();
                        inside.held = Some(packet);
                        inside.is_sending = false;
                        break;
                    }
                }
            }
        }
        if self.way == Way::Device {
            way::kick();
        }
        other
    }

    /// Gives the device a packet. If it has no room the connection is in the list of those who wait for some, and the device will say when it has.
    fn give_device(&self, packet: Packet) -> core::result::Result<(), Packet> {
        way::send(packet).or_else(|packet| {
            if let Some(own) = self.own.upgrade() {
                way::wait_for_room(own);
            }
            way::send(packet)
        })
    }

    /// A packet came.
    pub(crate) fn receive(&self, header: &Header, payload: Payload<'_>) {
        self.with(|connection| connection.receive(header, payload));
    }

    /// Changes the connection and sends what follows from that.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Connection)) {
        self.with(change);
        self.run();
    }

    /// Whether a program may send; whether a message of `len` bytes fits.
    fn check_send(connection: &Connection, len: usize, kind: Kind) -> Result<usize> {
        let [own, peer] = connection.shutdowns();
        if own & NO_SEND != 0 || peer & NO_RECEIVE != 0 {
            return Err(Error::new(Errno::EPIPE, "nothing more is sent or received"));
        }
        if connection.state() != State::Open {
            return Err(Error::new(Errno::ENOTCONN, "the socket is not connected"));
        }
        let room = connection.room_to_send();
        if kind == Kind::Sequence && room > 0 && len > connection.longest_message() {
            return Err(Error::new(
                Errno::EMSGSIZE,
                "the other side never has room for the message",
            ));
        }
        Ok(room)
    }

    /// Takes what fits of what a program sends: of messages all or nothing.
    pub(crate) fn write(&self, from: &mut Source<'_>, flags: u32) -> Result<usize> {
        let _writing = self.writing.lock();
        let wanted = from.left();
        let result = loop {
            let room = match self.look(|connection| Self::check_send(connection, wanted, self.kind)) {
                Ok(room) => room,
                Err(error) => break Err(error),
            };
            let len = match self.kind {
                Kind::Stream => from.left().min(room),
                Kind::Sequence if room < wanted => 0,
                Kind::Sequence => wanted,
            };
            if from.left() == 0 {
                break Ok(());
            }
            if len == 0 {
                if self.look(|connection| connection.unsent() == 0) {
                    self.change(Connection::ask_for_credit);
                }
                // What it asked for may be there by now.
                let room = self.look(Connection::room_to_send);
                let needed = if self.kind == Kind::Stream { 1 } else { wanted };
                if room >= needed {
                    continue;
                }
                break Err(Errno::EAGAIN.into());
            }
            match Self::copy(from, len) {
                Ok(pieces) => self.change(|connection| connection.push(pieces, flags & MSG_EOR != 0)),
                Err(error) => break Err(error),
            }
        };
        let done = wanted - from.left();
        match result {
            Err(error) if done == 0 || self.kind == Kind::Sequence => Err(error),
            _ => Ok(done),
        }
    }

    /// Bytes of a program in pages.
    fn copy(from: &mut Source<'_>, len: usize) -> Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        let no_memory = |_| Error::new(Errno::ENOMEM, "no memory for what is sent");
        pieces.try_reserve_exact(len.div_ceil(PAGE)).map_err(no_memory)?;
        let mut left = len;
        while left > 0 {
            let page = Page::zeroed()?;
            let now = left.min(PAGE);
            let mut taken = 0;
            while taken < now {
                taken += from.take_page(&page, taken, now - taken)?;
            }
            pieces.push(Piece { page, len: now });
            left -= now;
        }
        Ok(pieces)
    }

    /// Gives a program what has come; `flags` are `MSG_*`.
    pub(crate) fn read(&self, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        let reading = self.reading.lock();
        let result = match self.kind {
            Kind::Stream => self.read_bytes(into, usize::MAX, flags, false).map(|count| Incoming {
                count,
                ..Incoming::default()
            }),
            Kind::Sequence => self.read_message(into, flags),
        };
        drop(reading);
        self.run();
        result
    }

    /// What a connection without anything to read answers.
    fn nothing(&self) -> Result<()> {
        let mut inside = self.inside.lock();
        // Something may have come since, and with it the end.
        if inside.connection.has_data() {
            return Err(Errno::EAGAIN.into());
        }
        if let Some(errno) = inside.connection.take_error() {
            return Err(errno.into());
        }
        let [own, peer] = inside.connection.shutdowns();
        match own & NO_RECEIVE != 0 || peer & NO_SEND != 0 {
            true => Ok(()),
            false => Err(Errno::EAGAIN.into()),
        }
    }

    /// Copies at most `most` of the bytes, which are gone then unless they are only looked at.
    fn read_bytes(&self, into: &mut Sink<'_>, most: usize, flags: u32, is_message: bool) -> Result<usize> {
        let mut seen = Vec::new();
        let (mut done, mut failed) = (0, None);
        while into.left() > 0 && done < most && failed.is_none() {
            let Some((piece, from)) = self.inside.lock().connection.take() else {
                break;
            };
            let part = piece.get(from..).unwrap_or_default();
            let part = &part[..part.len().min(most - done)];
            let put = into.put(part);
            failed = put.as_ref().err().copied();
            let used = put.unwrap_or(0);
            done += used;
            if flags & MSG_PEEK != 0 {
                seen.push((piece, from));
            } else {
                self.inside.lock().connection.give_back(piece, from + used);
            }
        }
        let mut inside = self.inside.lock();
        for (piece, from) in seen.into_iter().rev() {
            inside.connection.give_back(piece, from);
        }
        drop(inside);
        if is_message {
            return failed.map_or(Ok(done), Err);
        }
        if flags & MSG_PEEK == 0 && done > 0 {
            self.with(|connection| connection.consumed(done, false));
        }
        match failed {
            Some(error) if done == 0 => Err(error),
            None if done == 0 && into.left() > 0 => self.nothing().map(|()| 0),
            _ => Ok(done),
        }
    }

    fn read_message(&self, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        let Some(message) = self.look(Connection::message) else {
            return self.nothing().map(|()| Incoming::default());
        };
        let copied = self.read_bytes(into, message.len, flags, true);
        let done = *copied.as_ref().unwrap_or(&0);
        if flags & MSG_PEEK == 0 {
            self.skip(message.len - done);
            self.with(|connection| connection.consumed(message.len, true));
        }
        let mut incoming = Incoming {
            count: copied?,
            ..Incoming::default()
        };
        if message.len > done {
            incoming.flags |= MSG_TRUNC;
        }
        if message.ends_record {
            incoming.flags |= MSG_EOR;
        }
        if flags & MSG_TRUNC != 0 {
            incoming.count = message.len;
        }
        Ok(incoming)
    }

    /// Drops what a program had no room for.
    fn skip(&self, len: usize) {
        let mut left = len;
        let mut inside = self.inside.lock();
        while left > 0 {
            let Some((piece, from)) = inside.connection.take() else {
                return;
            };
            let now = left.min(piece.len() - from);
            inside.connection.give_back(piece, from + now);
            left -= now;
        }
    }
}

impl Expire for Remote {
    fn expire(self: Arc<Self>) {
        self.inside.lock().timer = None;
        let now = time::now();
        self.change(|connection| connection.expire(now));
    }
}
