//! What waits either way: bytes that programs give and read, how many of them there may be, and how that follows the speed of whoever reads.

use crate::Seq;
use crate::connection::{Connection, FIRST_WINDOW, MILLI};
use alloc::vec::Vec;

/// What waits to be sent before anybody knows how fast it goes.
const FIRST_BUFFER: usize = 87_040;

impl Connection {
    pub(crate) fn first_limit(&self) -> u32 {
        match self.settings.receive_buffer {
            0 => FIRST_WINDOW,
            asked => (asked / 2).clamp(1152, self.largest_window()),
        }
    }

    /// The largest window that can be told.
    const fn largest_window(&self) -> u32 {
        0xffff << self.settings.machine.scale
    }

    /// Bytes that wait to be read.
    #[must_use]
    pub const fn readable(&self) -> usize {
        self.queue.len()
    }

    /// Bytes that wait to be sent or acknowledged.
    #[must_use]
    pub const fn unsent(&self) -> usize {
        self.out.len()
    }

    fn buffer(&self) -> usize {
        let buffer = match self.settings.send_buffer {
            0 => FIRST_BUFFER
                .max(2 * self.congestion.window as usize)
                .min(self.settings.machine.largest_send as usize),
            asked => asked as usize / 2,
        };
        buffer.min(self.most as usize)
    }

    /// Bytes that were not even sent once.
    pub(crate) fn not_sent(&self) -> u32 {
        self.out_end().since(self.nxt.min(self.out_end()))
    }

    /// Bytes that fit into what waits to be sent.
    #[must_use]
    pub fn room(&self) -> usize {
        if self.not_sent() >= self.settings.not_sent {
            return 0;
        }
        self.buffer().saturating_sub(self.out.len())
    }

    /// Whether a program should be told that there is room.
    #[must_use]
    pub fn has_much_room(&self) -> bool {
        self.room() * 3 >= self.buffer() && self.not_sent() < self.settings.not_sent.div_ceil(2)
    }

    /// Gives bytes to be sent; with `more`, others follow soon (`MSG_MORE`).
    pub fn push(&mut self, now: u64, bytes: Vec<u8>, more: bool) {
        if self.may_send() {
            self.more = more;
            if self.out.len() == 0 {
                self.begin_again(now);
            }
            self.out.push(bytes);
        }
    }

    /// What is sent last of all that was given is urgent.
    pub fn push_urgent(&mut self) {
        if self.may_send() {
            self.out_urgent = Some(self.out_end());
        }
    }

    fn begin_again(&mut self, now: u64) {
        self.progress = now;
        if self.settings.machine.slows_after_idle
            && self.sent.is_empty()
            && now.saturating_sub(self.heard) > self.rtt.timeout()
        {
            self.congestion.idle();
        }
    }

    /// The place behind what waits to be sent.
    pub(crate) fn out_end(&self) -> Seq {
        self.out_start + self.out.len() as u32
    }

    /// Puts back what was not needed of a piece.
    pub fn give_back(&mut self, piece: Vec<u8>, gone: usize) {
        self.queue.give_back(piece, gone);
    }

    /// A program has read so many bytes.
    pub fn has_read(&mut self, now: u64, count: usize) {
        self.read.0 = self.read.0.saturating_add(count as u32);
        self.tune(now);
        if self.owes_acknowledgement() {
            self.acknowledge = true;
        }
        self.offer_window();
    }

    /// The place in the whole stream of what is read next.
    pub(crate) const fn read_offset(&self) -> u64 {
        self.received - self.queue.len() as u64
    }

    /// Copies what waits to be read; it stays.
    pub fn peek(&self, from: usize, into: &mut Vec<u8>, most: usize) {
        let mut slices: [&[u8]; 16] = [&[]; 16];
        let (used, _) = self.queue.slices(from, most, &mut slices);
        slices[..used].iter().for_each(|slice| into.extend_from_slice(slice));
    }

    /// Lets more come where a program reads fast.
    fn tune(&mut self, now: u64) {
        let (count, since) = self.read;
        if now.saturating_sub(since) < self.rtt.smooth_nanos().max(MILLI) {
            return;
        }
        if self.settings.receive_buffer == 0 && self.settings.machine.tunes && self.most > self.limit {
            // Who sends twice as much each time is not to find the window closed.
            let times = if count > self.read_before + self.read_before / 4 {
                4
            } else {
                2
            };
            self.limit = self
                .limit
                .max(count.saturating_mul(times))
                .min(self.settings.machine.largest_receive / 2)
                .min(self.largest_window());
        }
        self.read_before = count;
        self.read = (0, now);
    }

    /// Room for what comes.
    pub(crate) fn free(&self) -> u32 {
        let used = self.queue.len() + self.assembler.memory();
        let limit = self.limit.min(self.most);
        u32::try_from(used).map_or(0, |used| limit.saturating_sub(used))
    }

    /// Bytes that it keeps, with what lies empty in their places.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.out.memory() + self.queue.memory() + self.assembler.memory()
    }

    /// How much may wait either way, besides what else limits that: less than everything where memory is short.
    pub const fn keep_at_most(&mut self, bytes: u32) {
        self.most = bytes;
    }

    /// Tells the other side when there is much more room than it knows.
    fn offer_window(&mut self) {
        let known = if self.edge.after(self.expected) {
            self.edge.since(self.expected)
        } else {
            0
        };
        let free = self.free();
        if !self.has_ended() && free >= known.saturating_mul(2) && free - known >= self.mss.min(self.limit / 2) {
            self.acknowledge = true;
        }
    }
}
