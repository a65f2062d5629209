//! Message queues of System V (`msgget(2)`): messages with a type, taken in order or by type.

use crate::keyed::{Rights, Table, seconds};
use abi::{Errno, Error, Result};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use lock::SpinLock;
use task::WaitQueue;

/// Most queues.
pub const MOST_QUEUES: usize = 32_000;
/// Longest message.
pub const LONGEST: usize = 8192;
/// Most bytes of a queue, unless somebody says otherwise.
pub const MOST_BYTES: u64 = 16_384;

/// A message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its type.
    pub kind: i64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What changes of a queue.
#[derive(Debug)]
pub struct State {
    /// Who may use it.
    pub rights: Rights,
    /// The messages in their order.
    pub all: VecDeque<Message>,
    /// How many bytes those have, and may have.
    pub bytes: u64,
    /// See `bytes`.
    pub most_bytes: u64,
    /// When a message was sent last, received last, and the queue changed last.
    pub times: [u64; 3],
    /// Who sent last, and who received last.
    pub pids: [u32; 2],
    removed: bool,
}

/// A queue.
#[derive(Debug)]
pub struct Queue {
    /// Its number.
    pub id: u32,
    /// What changes.
    pub state: SpinLock<State>,
    senders: WaitQueue,
    receivers: WaitQueue,
}

/// Which message somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The first.
    Any,
    /// The first of a type.
    Kind(i64),
    /// The first of another type.
    Except(i64),
    /// The first of the lowest type up to one.
    UpTo(i64),
    /// The one at a place, which stays.
    Copy(usize),
}

static QUEUES: SpinLock<Table<Queue>> = SpinLock::new(Table::new());
const REMOVED: Error = Error::new(Errno::EIDRM, "the queue was removed");

/// The queue with a number.
///
/// # Errors
/// `EINVAL`.
pub fn find(id: u32) -> Result<Arc<Queue>> {
    QUEUES.lock().find(id)
}

/// All queues, and the highest number.
#[must_use]
pub fn all() -> (Vec<Arc<Queue>>, u32) {
    let queues = QUEUES.lock();
    (queues.all(), queues.last())
}

/// The queue with a key, or a new one; whether it is new.
///
/// # Errors
/// Those of `msgget(2)` but for what permissions refuse.
pub fn get(rights: Rights, flags: u32) -> Result<(Arc<Queue>, bool)> {
    QUEUES.lock().get(rights.key, flags, MOST_QUEUES, |id| Queue {
        id,
        state: SpinLock::new(State {
            rights,
            all: VecDeque::new(),
            bytes: 0,
            most_bytes: MOST_BYTES,
            times: [0, 0, seconds()],
            pids: [0; 2],
            removed: false,
        }),
        senders: WaitQueue::new(),
        receivers: WaitQueue::new(),
    })
}

/// Removes a queue: who waits is told.
pub fn remove(queue: &Queue) {
    drop(QUEUES.lock().remove(queue.id));
    queue.state.lock().removed = true;
    queue.wake_all();
}

impl State {
    fn place_of(&self, wanted: Wanted) -> Option<usize> {
        let mut all = self.all.iter();
        match wanted {
            Wanted::Any => (!self.all.is_empty()).then_some(0),
            Wanted::Kind(kind) => all.position(|message| message.kind == kind),
            Wanted::Except(kind) => all.position(|message| message.kind != kind),
            Wanted::UpTo(most) => {
                let lowest = all.map(|message| message.kind).min().filter(|kind| *kind <= most)?;
                self.all.iter().position(|message| message.kind == lowest)
            }
            Wanted::Copy(at) => (at < self.all.len()).then_some(at),
        }
    }
}

impl Queue {
    /// Has all who wait look again.
    pub fn wake_all(&self) {
        self.senders.wake_all();
        self.receivers.wake_all();
    }

    /// Sends a message; nothing when it has to wait and may not.
    ///
    /// # Errors
    /// `EIDRM`, `EAGAIN`; `ERESTARTSYS` when a signal comes.
    pub fn send(&self, message: Message, pid: u32, waits: bool) -> Result<()> {
        let mut message = Some(message);
        let sent = task::watch_until(&[&self.senders], None, || {
            let mut state = self.state.lock();
            if state.removed {
                return Some(Err(REMOVED));
            }
            let len = message.as_ref().map_or(0, |message| message.bytes.len()) as u64;
            if state.bytes + len > state.most_bytes || state.all.len() as u64 >= state.most_bytes {
                return (!waits).then_some(Err(Errno::EAGAIN.into()));
            }
            state.bytes += len;
            state.all.extend(message.take());
            (state.pids[0], state.times[0]) = (pid, seconds());
            Some(Ok(()))
        })?;
        self.receivers.wake_all();
        sent
    }

    /// Receives a message of at most `room` bytes; a longer one is cut, or refused unless `cuts`.
    ///
    /// # Errors
    /// `EIDRM`, `ENOMSG`, `E2BIG`; `ERESTARTSYS` when a signal comes.
    pub fn receive(&self, wanted: Wanted, room: usize, cuts: bool, pid: u32, waits: bool) -> Result<Message> {
        let received = task::watch_until(&[&self.receivers], None, || {
            let mut state = self.state.lock();
            if state.removed {
                return Some(Err(REMOVED));
            }
            let Some(at) = state.place_of(wanted) else {
                return (!waits).then_some(Err(Error::new(Errno::ENOMSG, "there is no such message")));
            };
            if !cuts && state.all.get(at).is_some_and(|message| message.bytes.len() > room) {
                return Some(Err(Error::new(Errno::E2BIG, "the message is longer")));
            }
            if matches!(wanted, Wanted::Copy(_)) {
                return state.all.get(at).cloned().map(Ok);
            }
            let message = state.all.remove(at)?;
            state.bytes -= message.bytes.len() as u64;
            (state.pids[1], state.times[1]) = (pid, seconds());
            Some(Ok(message))
        })?;
        self.senders.wake_all();
        received
    }
}

/// `/proc/sysvipc/msg`.
#[must_use]
pub fn listing() -> Vec<u8> {
    let mut text = alloc::string::String::from(
        "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n",
    );
    for queue in all().0 {
        let state = queue.state.lock();
        let Rights { key, mode, .. } = state.rights;
        let who = state.rights.columns();
        let ([sent, received, changed], [sender, receiver]) = (state.times, state.pids);
        text += &alloc::format!(
            "{key:10} {:10}  {mode:4o}  {:10} {:10} {sender:5} {receiver:5} {who} {sent:10} {received:10} {changed:10}\n",
            queue.id,
            state.bytes,
            state.all.len()
        );
    }
    text.into_bytes()
}
