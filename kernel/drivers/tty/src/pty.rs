//! Pseudo-terminals: a terminal whose screen and keyboard are a file, the master.
//!
//! What the master writes is typed; what is written to the terminal, and echo, the master reads. Both ways have an end: who writes waits. Opening the master makes the pair, and closing
//! it hangs the terminal up. When the last has closed the terminal, the master reads what is left and then `EIO`, until somebody opens it again.
//!
//! Behaviour is that of `drivers/tty/pty.c` of Linux 6.12.

use crate::line::Line;
use crate::open::{STEP, in_steps};
use crate::terminal::{TYPED_CAPACITY, Terminal};
use abi::ioctl::{Termios2, packet};
use abi::stat::makedev;
use abi::time::Timespec;
use abi::{Errno, Error, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use lock::SpinLock;
use lock::atomic::{AtomicBool, Ordering};
use sortedmap::SortedMap;
use task::WaitQueue;
use usermem::{Sink, Source};
use vfs::{Direction, Events, File, FileLike};

/// The major number of pseudo-terminals.
const MAJOR: u32 = 136;
/// How many there may be (`kernel.pty.max`).
const MOST: u32 = 4096;

static PAIRS: SpinLock<SortedMap<u32, Arc<Terminal>>> = SpinLock::new(SortedMap::new());

/// Whose a pseudo-terminal's file is, and who may use it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Owner {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permissions.
    pub mode: u32,
    /// When it was made.
    pub made: Timespec,
    /// When it was last read.
    pub atime: Timespec,
    /// When it was last written.
    pub mtime: Timespec,
}

/// The master's side of a pseudo-terminal.
pub(crate) struct Pair {
    number: u32,
    owner: SpinLock<Owner>,
    /// Nobody may open the terminal yet (`TIOCSPTLCK`).
    pub(crate) locked: AtomicBool,
    /// The master hears of more than bytes (`TIOCPKT`).
    pub(crate) packets: AtomicBool,
    /// Somebody has had the terminal open.
    pub(crate) was_open: AtomicBool,
    master_gone: AtomicBool,
    pub(crate) readable: WaitQueue,
    pub(crate) writable: WaitQueue,
}

impl Pair {
    pub(crate) fn is_master_gone(&self) -> bool {
        self.master_gone.load(Ordering::Acquire)
    }
}

/// The master of a pseudo-terminal, open.
pub(crate) struct Master {
    pub(crate) terminal: Arc<Terminal>,
}

/// Makes a pseudo-terminal that belongs to somebody; returns its master.
///
/// # Errors
/// `ENOSPC` when there are as many as there may be.
pub fn open_master(owner: Owner) -> Result<Arc<dyn FileLike>> {
    let mut pairs = PAIRS.lock();
    let number = (0..MOST).find(|number| !pairs.contains_key(number)).ok_or(Error::new(
        Errno::ENOSPC,
        "there are as many pseudo-terminals as there may be",
    ))?;
    let pair = Pair {
        number,
        owner: SpinLock::new(owner),
        locked: AtomicBool::new(true),
        packets: AtomicBool::new(false),
        was_open: AtomicBool::new(false),
        master_gone: AtomicBool::new(false),
        readable: WaitQueue::new(),
        writable: WaitQueue::new(),
    };
    let terminal = Arc::new(Terminal::new(
        Line::Pair(Box::new(pair)),
        makedev(MAJOR, number),
        Termios2::default(),
    ));
    pairs.insert(number, Arc::clone(&terminal));
    Ok(Arc::new(Master { terminal }))
}

/// The pseudo-terminal with a number, while its master is open.
#[must_use]
pub fn find(number: u32) -> Option<Arc<Terminal>> {
    PAIRS.lock().get(&number).cloned()
}

/// The pseudo-terminal with a device number.
#[must_use]
pub fn find_device(device: u64) -> Option<Arc<Terminal>> {
    PAIRS
        .lock()
        .values()
        .find(|terminal| terminal.device == device)
        .cloned()
}

/// The numbers of all pseudo-terminals, in ascending order.
#[must_use]
pub fn numbers() -> Vec<u32> {
    PAIRS.lock().keys().copied().collect()
}

/// Lets a pseudo-terminal be opened (`TIOCSPTLCK`).
pub fn unlock(terminal: &Terminal) {
    if let Line::Pair(pair) = &terminal.line {
        pair.locked.store(false, Ordering::Relaxed);
    }
}

impl Terminal {
    /// The number of a pseudo-terminal.
    #[must_use]
    pub fn number(&self) -> u32 {
        match &self.line {
            Line::Pair(pair) => pair.number,
            Line::Console { .. } => 0,
        }
    }

    /// Whose a pseudo-terminal's file is.
    #[must_use]
    pub fn owner(&self) -> Owner {
        match &self.line {
            Line::Pair(pair) => *pair.owner.lock(),
            Line::Console { .. } => Owner::default(),
        }
    }

    /// Says whose a pseudo-terminal's file is.
    pub fn change_owner(&self, change: impl FnOnce(&mut Owner)) {
        if let Line::Pair(pair) = &self.line {
            change(&mut pair.owner.lock());
        }
    }
}

impl Master {
    pub(crate) fn pair(&self) -> Option<&Pair> {
        match &self.terminal.line {
            Line::Pair(pair) => Some(pair),
            Line::Console { .. } => None,
        }
    }

    fn has_packets(&self) -> bool {
        self.pair().is_some_and(|pair| pair.packets.load(Ordering::Relaxed))
    }

    /// Whether the terminal was open, and nobody has it open any more.
    fn is_slave_gone(&self) -> bool {
        let was_open = self.pair().is_some_and(|pair| pair.was_open.load(Ordering::Acquire));
        was_open && self.terminal.opens.load(Ordering::Acquire) == 0
    }

    /// Takes what the terminal shows; nothing if there is nothing.
    fn take(&self, into: &mut [u8]) -> usize {
        self.terminal.change(|state| {
            let len = state.shown.len().min(into.len());
            for (to, from) in into.iter_mut().zip(state.shown.drain(..len)) {
                *to = from;
            }
            len
        })
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let Some(pair) = self.pair() else { return };
        pair.master_gone.store(true, Ordering::Release);
        pair.packets.store(false, Ordering::Relaxed);
        let number = pair.number;
        let removed = PAIRS.lock().remove(&number);
        drop(removed);
        self.terminal.hang_up_for(false);
    }
}

impl FileLike for Master {
    fn read(&self, _file: &File, into: &mut Sink<'_>) -> Result<usize> {
        if into.left() == 0 {
            return Ok(0);
        }
        let mut done = 0;
        // Looked at first: what was shown before the end is read before it.
        let gone = self.is_slave_gone();
        if self.has_packets() {
            let news = core::mem::take(&mut self.terminal.state.lock().news);
            if news != 0 {
                return into.put(&[news]);
            }
        }
        let mut chunk = [0; STEP];
        while into.left() > 0 {
            let header = usize::from(done == 0 && self.has_packets());
            let want = into.left().min(STEP) - header;
            if want == 0 && !self.terminal.state.lock().shown.is_empty() {
                return into.put(&[packet::DATA]);
            }
            let taken = self.take(chunk.get_mut(..want).unwrap_or_default());
            if taken == 0 {
                break;
            }
            let put = if header > 0 { into.put(&[packet::DATA]) } else { Ok(0) };
            let put = put.and_then(|first| Ok(first + into.put(chunk.get(..taken).unwrap_or_default())?));
            match put {
                Ok(put) => done += put,
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
        }
        self.terminal.writable.wake_all();
        if done > 0 {
            return Ok(done);
        }
        Err(if gone {
            Error::new(Errno::EIO, "nobody has the terminal open")
        } else {
            Errno::EAGAIN.into()
        })
    }

    fn write(&self, _file: &File, from: &mut Source<'_>) -> Result<usize> {
        let room = || TYPED_CAPACITY.saturating_sub(self.terminal.state.lock().typed.len());
        in_steps(from, room, |bytes| self.terminal.input(bytes))
    }

    fn writes_everything(&self) -> bool {
        true
    }

    fn ioctl(&self, file: &File, request: u32, argument: u64) -> Result<u64> {
        crate::request::master(self, file, request, argument)
    }

    fn ready(&self, _file: &File) -> Events {
        let gone = self.is_slave_gone();
        let state = self.terminal.state.lock();
        let news = state.news != 0 && self.has_packets();
        let mut events = Events::empty();
        events.set(Events::READABLE, !state.shown.is_empty() || news);
        events.set(Events::PRI, news);
        events.set(Events::WRITABLE, state.typed.len() < TYPED_CAPACITY);
        events.set(Events::HUP, gone);
        events
    }

    fn tells_owner(&self) -> bool {
        true
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        let pair = self.pair()?;
        Some(match direction {
            Direction::Read => &pair.readable,
            Direction::Write => &pair.writable,
        })
    }
}
