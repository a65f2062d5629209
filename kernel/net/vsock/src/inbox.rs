//! What a connection has received and no program has taken yet.
//!
//! Bytes are copied out of the device's page into pieces of their own, each filled before the next begins, so that a peer who sends single bytes takes no more memory than one who sends pages.
//! In a connection of messages their ends are kept beside; how many there may be is limited too, since a message may be empty.

use abi::Errno;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use frames::Page;

/// Bytes of a piece.
const PIECE: usize = 4096;
/// Messages that wait at most, whatever there is room for: who sends more of them does it to take memory.
const MOST_MESSAGES: usize = 16_384;

/// Bytes of a packet, in a page that may change meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub struct Payload<'a> {
    /// The page; none for no bytes.
    pub page: Option<&'a Page>,
    /// Where in it.
    pub offset: usize,
    /// How many: no more than lie in the page.
    pub len: usize,
}

/// A message that is all there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its bytes.
    pub len: usize,
    /// Whether it ends a record.
    pub ends_record: bool,
}

/// The bytes, and where messages end.
#[derive(Debug, Default)]
pub struct Inbox {
    pieces: VecDeque<Vec<u8>>,
    /// How much of the first piece has been taken.
    start: usize,
    len: usize,
    messages: VecDeque<Message>,
    /// Bytes of a message that is not all there.
    partial: usize,
}

impl Inbox {
    /// Bytes that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first message, if all of it is there.
    #[must_use]
    pub fn message(&self) -> Option<Message> {
        self.messages.front().copied()
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// `ENOMEM`; nothing was added then that counts, and the connection is to end.
    pub fn push(&mut self, payload: Payload<'_>) -> Result<(), Errno> {
        let Some(page) = payload.page else { return Ok(()) };
        let mut done = 0;
        while done < payload.len {
            let spare = self.pieces.back().map_or(0, |piece| piece.capacity() - piece.len());
            if spare == 0 {
                let mut piece = Vec::new();
                piece.try_reserve_exact(PIECE).map_err(|_| Errno::ENOMEM)?;
                self.pieces.push_back(piece);
                continue;
            }
            let Some(piece) = self.pieces.back_mut() else { break };
            let (old, now) = (piece.len(), spare.min(payload.len - done));
            piece.resize(old + now, 0);
            page.read(payload.offset + done, &mut piece[old..]);
            done += now;
        }
        self.len += done;
        Ok(())
    }

    /// Bytes of a message were added, and it may end with them.
    ///
    /// # Errors
    /// `ENOBUFS` for more messages than may wait.
    pub fn push_message(&mut self, len: usize, ends: bool, ends_record: bool) -> Result<(), Errno> {
        self.partial += len;
        if !ends {
            return Ok(());
        }
        if self.messages.len() >= MOST_MESSAGES || self.messages.try_reserve(1).is_err() {
            return Err(Errno::ENOBUFS);
        }
        let len = core::mem::take(&mut self.partial);
        self.messages.push_back(Message { len, ends_record });
        Ok(())
    }

    /// Takes the first piece out, and how much of it has been taken before; what comes meanwhile lies behind it. It goes back with [`Inbox::give_back`].
    pub fn take(&mut self) -> Option<(Vec<u8>, usize)> {
        let piece = self.pieces.pop_front()?;
        Some((piece, core::mem::take(&mut self.start)))
    }

    /// The piece that was taken last goes back, read up to `from`.
    pub fn give_back(&mut self, piece: Vec<u8>, from: usize) {
        if from < piece.len() {
            self.pieces.push_front(piece);
            self.start = from;
        }
    }

    /// So many bytes have been read for good.
    pub fn consumed(&mut self, len: usize) {
        self.len = self.len.saturating_sub(len);
    }

    /// The first message has been read.
    pub fn end_message(&mut self) {
        self.messages.pop_front();
    }

    /// Forgets everything; how many bytes that were.
    pub fn clear(&mut self) -> usize {
        core::mem::take(self).len
    }
}
