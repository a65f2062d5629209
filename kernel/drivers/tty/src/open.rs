//! A terminal that somebody has open: reading, writing, waiting.
//!
//! Reading waits here and not in [`File`], because what it waits for changes on the way: the first byte, then `VMIN` bytes with `VTIME` between them. Whether the reader
//! is in the background is looked at once, when it begins, as in Linux.

use crate::discipline::Patience;
use crate::job;
use crate::line::Line;
use crate::terminal::Terminal;
use abi::fcntl::OpenFlags;
use abi::ioctl::TOSTOP;
use abi::signal::Signal;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use lock::atomic::Ordering;
use task::{WaitQueue, wait_until};
use usermem::{Sink, Source};
use vfs::{Direction, Events, File, FileLike, capability};

/// Bytes handled under one hold of the lock.
pub(crate) const STEP: usize = 512;

/// Gives written bytes to somebody in steps, as far as there is room; how many went.
///
/// # Errors
/// `EAGAIN` when there is no room at all, `EFAULT`.
pub(crate) fn in_steps(from: &mut Source<'_>, room: impl Fn() -> usize, mut give: impl FnMut(&[u8])) -> Result<usize> {
    let mut done = 0;
    let mut chunk = [0; STEP];
    while from.left() > 0 {
        let room = room();
        if room == 0 {
            return if done > 0 { Ok(done) } else { Err(Errno::EAGAIN.into()) };
        }
        match from.take(chunk.get_mut(..room.min(STEP)).unwrap_or_default()) {
            Ok(taken) => {
                give(chunk.get(..taken).unwrap_or_default());
                done += taken;
            }
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(done)
}

const GONE: Error = Error::new(Errno::EIO, "the other end of the terminal is gone");

/// An open terminal.
pub(crate) struct Open {
    pub(crate) terminal: Arc<Terminal>,
    generation: u32,
}

/// Opens a terminal. It becomes the controlling one of a session's leader that has none, unless the flags say no or it `is_console`.
///
/// # Errors
/// `EIO` for a pseudo-terminal that is locked or whose master is gone; `EBUSY` for one that somebody has for himself.
pub fn open(terminal: &Arc<Terminal>, flags: OpenFlags, is_console: bool) -> Result<Arc<dyn FileLike>> {
    // Looked at before the master is: if that goes meanwhile, this one has hung up.
    let generation = terminal.generation.load(Ordering::Acquire);
    if let Line::Pair(pair) = &terminal.line
        && (pair.locked.load(Ordering::Relaxed) || pair.is_master_gone())
    {
        return Err(Error::new(
            Errno::EIO,
            "the pseudo-terminal is locked, or its master gone",
        ));
    }
    if terminal.exclusive.load(Ordering::Relaxed) && !job::has_capability(capability::SYS_ADMIN) {
        return Err(Error::new(Errno::EBUSY, "somebody has the terminal for himself"));
    }
    terminal.opens.fetch_add(1, Ordering::AcqRel);
    if let Line::Pair(pair) = &terminal.line {
        pair.was_open.store(true, Ordering::Release);
    }
    let open = Arc::new(Open {
        terminal: Arc::clone(terminal),
        generation,
    });
    if !is_console && !flags.contains(OpenFlags::NOCTTY) && flags.readable() {
        job::acquire(terminal);
    }
    Ok(open)
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.terminal.opens.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        match &self.terminal.line {
            Line::Console { .. } => self.terminal.exclusive.store(false, Ordering::Relaxed),
            Line::Pair(pair) => {
                pair.readable.wake_all();
                pair.writable.wake_all();
            }
        }
    }
}

impl Open {
    /// Whether the terminal has hung up since it was opened.
    pub(crate) fn is_hung_up(&self) -> bool {
        self.generation != self.terminal.generation.load(Ordering::Acquire)
    }

    /// Waits for something to read. Nothing is the end: of the input, of the time, or of a terminal that was hung up.
    fn wait_for_input(&self, file: &File, timeout: Option<u64>) -> Result<Option<()>> {
        let terminal = &*self.terminal;
        let look = || {
            terminal.refill();
            // First whether it is over: what came before the end is read before it.
            let over = self.is_hung_up() || terminal.is_input_over();
            let found = terminal.state.lock().discipline.has_input();
            (found || over).then_some(found)
        };
        let deadline = timeout.map(|nanos| time::now().saturating_add(nanos));
        let found = match look() {
            Some(found) => Ok(found),
            None if timeout == Some(0) => Ok(false),
            None if file.flags().contains(OpenFlags::NONBLOCK) => return Err(Errno::EAGAIN.into()),
            None => wait_until(&[&terminal.readable], deadline, look),
        };
        match found {
            Ok(true) => Ok(Some(())),
            Ok(false) if self.is_hung_up() && matches!(terminal.line, Line::Pair(_)) => Err(GONE),
            Ok(false) => Ok(None),
            Err(error) if error.errno == Errno::ETIMEDOUT => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes what is there, up to what the reader and `most` let; says how much, and whether the line that was read goes on.
    fn take(&self, into: &mut Sink<'_>, most: usize) -> Result<(usize, bool)> {
        let mut chunk = [0; STEP];
        let room = chunk.get_mut(..most.min(into.left()).min(STEP)).unwrap_or_default();
        let taken = self.terminal.change(|state| state.discipline.take(room));
        let Some((taken, goes_on)) = taken else {
            return Ok((0, false));
        };
        into.put(chunk.get(..taken).unwrap_or_default())?;
        Ok((taken, goes_on))
    }

    fn read_on(&self, file: &File, into: &mut Sink<'_>, done: &mut usize) -> Result<()> {
        let state = self.terminal.state.lock();
        let (patience, lines): (Patience, bool) = (state.discipline.patience(), state.discipline.reads_lines());
        drop(state);
        let mut timeout = patience.first;
        while into.left() > 0 && *done < patience.most {
            let ready = self.terminal.state.lock().discipline.has_input();
            if !ready {
                if *done >= patience.least && !lines {
                    break;
                }
                if self.wait_for_input(file, timeout)?.is_none() {
                    break;
                }
            }
            let (taken, goes_on) = self.take(into, patience.most - *done)?;
            *done += taken;
            if lines && (!goes_on) {
                break;
            }
            timeout = patience.further;
        }
        Ok(())
    }
}

impl FileLike for Open {
    fn read(&self, file: &File, into: &mut Sink<'_>) -> Result<usize> {
        if self.is_hung_up() {
            return Ok(0);
        }
        job::check_background(&self.terminal, Signal::TTIN)?;
        let mut done = 0;
        let result = self.read_on(file, into, &mut done);
        // What did not fit before may now, and others may find what is left.
        self.terminal.refill();
        if self.terminal.state.lock().discipline.is_readable() {
            self.terminal.readable.wake(1, Events::READABLE.bits());
        }
        match result {
            Err(error) if done == 0 => Err(error),
            _ => Ok(done),
        }
    }

    fn write(&self, _file: &File, from: &mut Source<'_>) -> Result<usize> {
        let terminal = &*self.terminal;
        if self.is_hung_up() {
            return Err(GONE);
        }
        if terminal.state.lock().discipline.termios().lflag & TOSTOP != 0 {
            job::check_background(terminal, Signal::TTOU)?;
        }
        let mut scratch = Vec::with_capacity((from.left() + 16).min(2 * STEP));
        let room = || {
            let state = terminal.state.lock();
            if state.discipline.is_stopped() {
                0
            } else {
                terminal.output_room(&state)
            }
        };
        in_steps(from, room, |bytes| terminal.write(bytes, &mut scratch))
    }

    fn writes_everything(&self) -> bool {
        true
    }

    fn ioctl(&self, file: &File, request: u32, argument: u64) -> Result<u64> {
        if self.is_hung_up() {
            let errno = if request == abi::ioctl::TIOCSPGRP {
                Errno::ENOTTY
            } else {
                Errno::EIO
            };
            return Err(Error::new(errno, "the terminal has hung up"));
        }
        crate::request::slave(&self.terminal, file, request, argument)
    }

    fn ready(&self, _file: &File) -> Events {
        if self.is_hung_up() {
            return Events::READABLE | Events::WRITABLE | Events::ERR | Events::HUP;
        }
        self.terminal.refill();
        let over = self.terminal.is_input_over();
        let state = self.terminal.state.lock();
        let mut events = Events::empty();
        events.set(Events::READABLE, state.discipline.is_readable() || over);
        events.set(Events::HUP, over);
        let writable = !state.discipline.is_stopped() && self.terminal.output_room(&state) > 0;
        events.set(Events::WRITABLE, writable);
        events
    }

    fn tells_owner(&self) -> bool {
        true
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        Some(match direction {
            Direction::Read => &self.terminal.readable,
            Direction::Write => &self.terminal.writable,
        })
    }
}
