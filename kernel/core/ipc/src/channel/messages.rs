//! Messages that wait in one direction, with what goes with each.

use super::CAPACITY;
use abi::Result;
use abi::socket::{MSG_PEEK, MSG_TRUNC, Ucred};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use room::Account;
use usermem::Sink;
use vfs::{File, Incoming};

/// What a message counts besides its bytes.
const OVERHEAD: usize = 512;

/// A message with what goes with it.
pub(super) struct Message {
    pub(super) bytes: Vec<u8>,
    pub(super) rights: Vec<Arc<File>>,
    pub(super) credentials: Option<Ucred>,
    pub(super) from: Vec<u8>,
}

/// Messages that wait.
pub(super) struct Messages {
    waiting: VecDeque<Message>,
    /// Their bytes, with overhead, and where those count.
    total: usize,
    account: &'static Account,
}

impl Messages {
    pub(super) fn new(account: &'static Account) -> Self {
        Self {
            waiting: VecDeque::new(),
            total: 0,
            account,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Bytes of the first.
    pub(super) fn next_len(&self) -> usize {
        self.waiting.front().map_or(0, |message| message.bytes.len())
    }

    fn count(&mut self, total: usize) {
        self.account.change(self.total, total);
        self.total = total;
    }

    /// Takes all of them, to be let go without a lock.
    pub(super) fn take_all(&mut self) -> VecDeque<Message> {
        self.count(0);
        core::mem::take(&mut self.waiting)
    }

    pub(super) fn push(&mut self, message: Message) {
        self.count(self.total + message.bytes.len() + OVERHEAD);
        self.waiting.push_back(message);
    }

    /// What they count: from many senders only some may wait (`net.unix.max_dgram_qlen`), however short they are.
    pub(super) fn weight(&self, has_many_senders: bool) -> usize {
        let is_full = has_many_senders && self.waiting.len() > sysctl::MAX_DGRAM_QLEN.get() as usize;
        if is_full { self.total.max(CAPACITY) } else { self.total }
    }

    /// The message that lies behind so many bytes, and how many of them are its own.
    fn behind(&self, skip: usize) -> Option<(&Message, usize)> {
        let mut skip = skip;
        for message in &self.waiting {
            let len = message.bytes.len();
            if skip < len || len == 0 && skip == 0 {
                return Some((message, skip));
            }
            skip -= len;
        }
        None
    }

    /// Takes the first, or looks at the one behind so many bytes.
    #[inline(never)]
    pub(super) fn take(&mut self, into: &mut Sink<'_>, flags: u32, skip: usize) -> Option<Result<Incoming>> {
        let (message, skip) = self.behind(skip)?;
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
        } else if let Some(message) = self.waiting.pop_front() {
            self.count(self.total - message.bytes.len() - OVERHEAD);
            received.rights = message.rights;
            received.address = message.from;
        }
        Some(stored.map(|_| received))
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        self.count(0);
    }
}
