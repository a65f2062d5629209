//! Bytes that wait in one direction of a stream, with the open files that go with some of them.

use super::CAPACITY;
use super::urgent::Urgent;
use abi::Result;
use abi::socket::MSG_PEEK;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use pipe::Ring;
use room::Account;
use usermem::Sink;
use vfs::{Direction, File, Incoming};

/// Open files that go with the bytes of one write in a stream.
pub(super) struct Mark {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) rights: Vec<Arc<File>>,
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

/// Bytes that wait.
pub(super) struct Stream {
    pub(super) ring: Ring,
    /// The place of the first of them in all that was ever sent.
    pub(super) first: u64,
    pub(super) marks: VecDeque<Mark>,
    pub(super) urgent: Urgent,
    /// What sender and receiver asked their buffers to be; 0 if they did not.
    rooms: [usize; 2],
}

impl Stream {
    pub(super) fn new(account: &'static Account) -> Self {
        Self {
            ring: Ring::new(CAPACITY / 4096, account),
            first: 0,
            marks: VecDeque::new(),
            urgent: Urgent::default(),
            rooms: [0; 2],
        }
    }

    /// Whether nothing goes with the bytes.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.marks.is_empty() && self.urgent.is_none()
    }

    /// The place behind the last byte in all that was ever sent.
    #[inline]
    pub(super) fn end(&self) -> u64 {
        self.first + self.ring.len() as u64
    }

    /// The last bytes, as many of them as have not been received.
    pub(super) fn last(&self, count: usize) -> Vec<u8> {
        let count = count.min(self.ring.len());
        let mut bytes = vec![0; count];
        // Bytes of the kernel's own can always be written.
        let _ = self
            .ring
            .peek_behind(self.ring.len() - count, &mut Sink::kernel(&mut bytes), count);
        bytes
    }

    /// How large the sender or the receiver wants its buffer: there is room for what both have together. The capacity, if it changes: what does not fit yet keeps the room that it has.
    pub(super) fn set_room(&mut self, who: Direction, bytes: usize) -> Option<usize> {
        const UNASKED: usize = 131_072;
        let [send, receive] = &mut self.rooms;
        *(if who == Direction::Write { send } else { receive }) = bytes;
        let rooms = self.rooms.map(|asked| if asked == 0 { UNASKED } else { asked });
        let wanted = (rooms[0] + rooms[1]).min(CAPACITY).next_multiple_of(4096);
        let fits = self.ring.resize(wanted / 4096).is_ok_and(|fits| fits);
        fits.then_some(wanted)
    }

    /// Takes bytes, but not beyond those of a write that open files go with; the files come with the first byte of it.
    pub(super) fn take(&mut self, into: &mut Sink<'_>, flags: u32, skip: usize) -> Result<Incoming> {
        let Self {
            ring,
            first,
            marks,
            urgent,
            ..
        } = self;
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
}
