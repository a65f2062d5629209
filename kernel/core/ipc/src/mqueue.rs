//! Message queues with names: `mq_open(3)`.
//!
//! A queue is there as long as it has a name or is open. Messages are kept by priority, and in their order within one. Who asked to be told of a message (`mq_notify`) is told
//! once, when one comes into an empty queue for which nobody waits. What a user's queues may hold counts against `RLIMIT_MSGQUEUE` of who makes them.

use abi::fcntl::OpenFlags;
use abi::stat::S_IFREG;
use abi::{Errno, Error, Result};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Reverse;
use lock::SpinLock;
use lock::atomic::{AtomicUsize, Ordering};
use sortedmap::SortedMap;
use task::{Until, WaitQueue};
use usermem::Sink;
use vfs::{Direction, Events, File, FileLike};

/// Priorities are below this.
pub const PRIORITIES: u32 = 32_768;

/// What a message costs besides its bytes, as Linux counts it: its head, and its place in the order.
const HEAD: u64 = 48 + 48;

/// Why somebody is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// A message came.
    Message,
    /// Nobody is to be told any more.
    Removed,
}

/// Who is told of a message: the process, and how.
pub type Notice = (u32, Box<dyn Fn(Reason) + Send + Sync>);

#[derive(Default)]
struct State {
    /// By priority, the highest first.
    messages: SortedMap<Reverse<u32>, VecDeque<Vec<u8>>>,
    count: usize,
    bytes: usize,
    notice: Option<Notice>,
}

/// A queue.
pub struct Queue {
    /// Most messages.
    pub most: usize,
    /// Longest message.
    pub longest: usize,
    /// Whose it is: user, group, permissions.
    pub owner: (u32, u32, u32),
    state: SpinLock<State>,
    receiving: AtomicUsize,
    readable: WaitQueue,
    writable: WaitQueue,
}

static NAMED: SpinLock<SortedMap<Vec<u8>, Arc<Queue>>> = SpinLock::new(SortedMap::new());
/// What the queues of each user may hold.
static HELD: SpinLock<SortedMap<u32, u64>> = SpinLock::new(SortedMap::new());

/// The queue with a name.
#[must_use]
pub fn find(name: &[u8]) -> Option<Arc<Queue>> {
    NAMED.lock().get(name).cloned()
}

/// Makes a queue with a name that none has.
///
/// # Errors
/// `EMFILE` when the user's queues hold more than `limit` with it; `EEXIST`.
pub fn make(name: &[u8], (most, longest): (usize, usize), owner: (u32, u32, u32), limit: u64) -> Result<Arc<Queue>> {
    let queue = Arc::new(Queue {
        most,
        longest,
        owner,
        state: SpinLock::default(),
        receiving: AtomicUsize::new(0),
        readable: WaitQueue::new(),
        writable: WaitQueue::new(),
    });
    let fits = {
        let mut held = HELD.lock();
        let sum = held.get_or_insert_with(owner.0, || 0);
        *sum += queue.cost();
        *sum <= limit
    };
    if !fits {
        return Err(Error::new(Errno::EMFILE, "the user's queues hold too much"));
    }
    let mut named = NAMED.lock();
    if named.contains_key(name) {
        return Err(Error::new(Errno::EEXIST, "a queue has that name"));
    }
    named.insert(name.to_vec(), Arc::clone(&queue));
    Ok(queue)
}

/// Takes a queue's name away.
pub fn unlink(name: &[u8]) {
    let gone = NAMED.lock().remove(name);
    drop(gone);
}

impl Drop for Queue {
    fn drop(&mut self) {
        if let Some(sum) = HELD.lock().get_mut(&self.owner.0) {
            *sum = sum.saturating_sub(self.cost());
        }
    }
}

impl Queue {
    fn cost(&self) -> u64 {
        self.most as u64 * (HEAD + self.longest as u64)
    }

    /// How many messages there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.state.lock().count
    }

    /// Sends a message; `waits` until there is room, or until the time given.
    ///
    /// # Errors
    /// `EAGAIN`, `ETIMEDOUT`; `ERESTARTSYS` when a signal comes.
    pub fn send(&self, bytes: Vec<u8>, priority: u32, waits: bool, until: Option<Until>) -> Result<()> {
        let mut message = Some(bytes);
        let notice = task::wait_for(Some(&self.writable), until, || {
            let mut state = self.state.lock();
            if state.count >= self.most {
                return (!waits).then_some(Err(Error::from(Errno::EAGAIN)));
            }
            let bytes = message.take()?;
            state.count += 1;
            state.bytes += bytes.len();
            state
                .messages
                .get_or_insert_with(Reverse(priority), VecDeque::new)
                .push_back(bytes);
            let alone = state.count == 1 && self.receiving.load(Ordering::SeqCst) == 0;
            Some(Ok(if alone { state.notice.take() } else { None }))
        })??;
        self.readable.wake(1, Events::READABLE.bits());
        if let Some((_, tell)) = notice {
            tell(Reason::Message);
        }
        Ok(())
    }

    /// Receives the first message of the highest priority, with that.
    ///
    /// # Errors
    /// As [`Queue::send`].
    pub fn receive(&self, waits: bool, until: Option<Until>) -> Result<(Vec<u8>, u32)> {
        let try_take = || {
            let mut state = self.state.lock();
            let (Reverse(priority), first) = state.messages.first_mut()?;
            let priority = *priority;
            let bytes = first.pop_front()?;
            if first.is_empty() {
                state.messages.remove(&Reverse(priority));
            }
            state.count -= 1;
            state.bytes -= bytes.len();
            Some((bytes, priority))
        };
        let received = match try_take() {
            Some(message) => message,
            None if !waits => return Err(Errno::EAGAIN.into()),
            None => {
                self.receiving.fetch_add(1, Ordering::SeqCst);
                let outcome = task::wait_for(Some(&self.readable), until, try_take);
                self.receiving.fetch_sub(1, Ordering::SeqCst);
                outcome?
            }
        };
        self.writable.wake(1, Events::WRITABLE.bits());
        Ok(received)
    }

    /// Asks for a notice, or takes that of a process back, which is told so.
    ///
    /// # Errors
    /// `EBUSY` when somebody has asked already.
    pub fn notify(&self, pid: u32, notice: Option<Notice>) -> Result<()> {
        let mut state = self.state.lock();
        let removed = match (&state.notice, notice) {
            (Some(_), Some(_)) => return Err(Error::new(Errno::EBUSY, "somebody is told already")),
            (None, Some(notice)) => state.notice.replace(notice),
            (Some((of, _)), None) if *of == pid => state.notice.take(),
            _ => None,
        };
        drop(state);
        if let Some((_, tell)) = removed {
            tell(Reason::Removed);
        }
        Ok(())
    }
}

/// A queue as an open file has it.
pub struct QueueFile {
    /// The queue.
    pub queue: Arc<Queue>,
    /// Who opened it: a notice goes with that.
    pid: u32,
}

impl FileLike for QueueFile {
    fn read(&self, _file: &File, into: &mut Sink<'_>) -> Result<usize> {
        let (bytes, pid) = {
            let state = self.queue.state.lock();
            (state.bytes, state.notice.as_ref().map_or(0, |notice| notice.0))
        };
        into.put(alloc::format!("QSIZE:{bytes:<10} NOTIFY:0     SIGNO:0     NOTIFY_PID:{pid:<6}\n").as_bytes())
    }

    fn ready(&self, _file: &File) -> Events {
        let count = self.queue.count();
        let mut events = Events::empty();
        events.set(Events::IN, count > 0);
        events.set(Events::OUT, count < self.queue.most);
        events
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        Some(match direction {
            Direction::Read => &self.queue.readable,
            Direction::Write => &self.queue.writable,
        })
    }
}

impl Drop for QueueFile {
    fn drop(&mut self) {
        let _ = self.queue.notify(self.pid, None);
    }
}

/// Opens a queue for a process.
#[must_use]
pub fn open(name: &[u8], queue: Arc<Queue>, flags: OpenFlags, pid: u32) -> Arc<File> {
    let mut full = b"/".to_vec();
    full.extend_from_slice(name);
    let place = vfs::anonymous_place(&full, S_IFREG | queue.owner.2);
    let kept = flags & (OpenFlags::from_bits_retain(3) | OpenFlags::NONBLOCK);
    vfs::anonymous_file(place, kept, Arc::new(QueueFile { queue, pid }))
}
