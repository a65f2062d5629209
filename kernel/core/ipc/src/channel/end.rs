//! How a direction ends: nothing is sent any more, nobody receives any more, or what waits is forgotten.

use super::urgent::Urgent;
use super::{Channel, Content, READER_GONE, RESET, WRITER_GONE};
use alloc::collections::VecDeque;
use lock::atomic::Ordering;

impl Channel {
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
        self.refused.wake();
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
            Content::Messages(messages) => !messages.is_empty(),
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
            Content::Messages(waiting) => messages = waiting.take_all(),
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
            Content::Messages(waiting) => waiting.take_all(),
            Content::Bytes(_) => return false,
        };
        self.len.store(0, Ordering::Relaxed);
        drop(content);
        self.refused.wake();
        !forgotten.is_empty()
    }
}
