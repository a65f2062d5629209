//! A terminal as a file.

use crate::discipline::{Discipline, Effect};
use abi::fcntl::OpenFlags;
use abi::ioctl::WinSize;
use abi::signal::Signal;
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use lock::{Once, SpinLock};
use task::WaitQueue;
use usermem::{Sink, Source};
use vfs::{Direction, Events, File, FileLike};

/// Bytes handled under one hold of the lock.
const STEP: usize = 512;

static SIGNALLER: Once<fn(i32, Signal)> = Once::new();

/// Registers what sends a signal to a process group. The first registration counts.
pub fn set_signaller(signaller: fn(i32, Signal)) {
    let _first = SIGNALLER.set(signaller);
}

/// A terminal: a line discipline between a keyboard and a screen.
pub struct Terminal {
    discipline: SpinLock<Discipline>,
    size: SpinLock<WinSize>,
    screen: fn(&[u8]),
    /// Asks the keyboard for what did not fit before.
    keyboard: fn(),
    foreground: AtomicI32,
    session: AtomicI32,
    hung_up: AtomicBool,
    readable: WaitQueue,
    writable: WaitQueue,
}

impl Terminal {
    /// A terminal whose output goes to `screen`, and that calls `keyboard` when it can take more input.
    #[must_use]
    pub const fn new(discipline: Discipline, screen: fn(&[u8]), keyboard: fn()) -> Self {
        Self {
            discipline: SpinLock::new(discipline),
            size: SpinLock::new(WinSize {
                rows: 0,
                cols: 0,
                xpixel: 0,
                ypixel: 0,
            }),
            screen,
            keyboard,
            foreground: AtomicI32::new(0),
            session: AtomicI32::new(0),
            hung_up: AtomicBool::new(false),
            readable: WaitQueue::new(),
            writable: WaitQueue::new(),
        }
    }

    /// Whether it can take a typed byte.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.discipline.lock().has_room()
    }

    /// Takes a typed byte.
    pub fn input(&self, byte: u8) {
        let mut shown = Vec::new();
        let mut discipline = self.discipline.lock();
        let stopped = discipline.is_stopped();
        let effect: Effect = discipline.input(byte, &mut shown);
        (self.screen)(&shown);
        let restarted = stopped && !discipline.is_stopped();
        drop(discipline);
        if effect.readable {
            self.readable.wake(1, Events::READABLE.bits());
        }
        if restarted {
            self.writable.wake_all();
        }
        if let Some(signal) = effect.signal {
            self.signal(signal);
        }
    }

    /// The keyboard is gone: reading is at the end from now on.
    pub fn hang_up(&self) {
        self.hung_up.store(true, Ordering::Release);
        self.readable.wake_all();
    }

    fn signal(&self, signal: Signal) {
        let group = self.foreground.load(Ordering::Relaxed);
        if let Some(signaller) = SIGNALLER.get().filter(|_| group > 0) {
            signaller(group, signal);
        }
    }

    /// Its size in characters.
    #[must_use]
    pub fn size(&self) -> WinSize {
        *self.size.lock()
    }

    /// Changes its size, and tells the foreground.
    pub fn set_size(&self, size: WinSize) {
        let before = core::mem::replace(&mut *self.size.lock(), size);
        if before != size {
            self.signal(Signal::WINCH);
        }
    }

    /// Makes a process group of a session the foreground: the one that keys signal.
    pub fn set_foreground(&self, session: i32, group: i32) {
        self.session.store(session, Ordering::Relaxed);
        self.foreground.store(group, Ordering::Relaxed);
    }

    /// The process group that keys signal; 0 for none.
    #[must_use]
    pub fn foreground(&self) -> i32 {
        self.foreground.load(Ordering::Relaxed)
    }

    /// The session that it belongs to; 0 for none.
    #[must_use]
    pub fn session(&self) -> i32 {
        self.session.load(Ordering::Relaxed)
    }

    /// Does something with the discipline, and lets waiters look again.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Discipline) -> T) -> T {
        let result = work(&mut self.discipline.lock());
        self.readable.wake_all();
        self.writable.wake_all();
        (self.keyboard)();
        result
    }

    pub(crate) fn look<T>(&self, work: impl FnOnce(&Discipline) -> T) -> T {
        work(&self.discipline.lock())
    }
}

impl FileLike for Terminal {
    fn read(&self, file: &File, into: &mut Sink<'_>) -> Result<usize> {
        if into.left() == 0 {
            return Ok(0);
        }
        (self.keyboard)();
        let patient = !file.flags().contains(OpenFlags::NONBLOCK);
        let mut done = 0;
        let mut chunk = [0; STEP];
        loop {
            let mut discipline = self.discipline.lock();
            let want = into.left().min(STEP);
            if done == 0 && discipline.available(into.left(), patient).is_none() {
                let over = self.hung_up.load(Ordering::Acquire);
                return if over { Ok(0) } else { Err(Errno::EAGAIN.into()) };
            }
            let (taken, line_goes_on) = discipline.take(chunk.get_mut(..want).unwrap_or_default());
            let more = line_goes_on || (discipline.termios().lflag & abi::ioctl::ICANON == 0 && taken == want);
            drop(discipline);
            match into.put(chunk.get(..taken).unwrap_or_default()) {
                Ok(put) => done += put,
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
            if !more || into.left() == 0 {
                break;
            }
        }
        // What did not fit before may now.
        (self.keyboard)();
        if self.look(Discipline::is_readable) {
            self.readable.wake(1, Events::READABLE.bits());
        }
        Ok(done)
    }

    fn write(&self, _file: &File, from: &mut Source<'_>) -> Result<usize> {
        let mut done = 0;
        let mut chunk = [0; STEP];
        let mut screen = Vec::with_capacity((from.left() + 16).min(2 * STEP));
        while from.left() > 0 {
            if self.discipline.lock().is_stopped() {
                return if done > 0 { Ok(done) } else { Err(Errno::EAGAIN.into()) };
            }
            let taken = match from.take(&mut chunk) {
                Ok(taken) => taken,
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            };
            let mut discipline = self.discipline.lock();
            screen.clear();
            discipline.output(chunk.get(..taken).unwrap_or_default(), &mut screen);
            (self.screen)(&screen);
            drop(discipline);
            done += taken;
        }
        Ok(done)
    }

    fn writes_everything(&self) -> bool {
        true
    }

    fn ioctl(&self, _file: &File, request: u32, argument: u64) -> Result<u64> {
        crate::request::ioctl(self, request, argument)
    }

    fn ready(&self, _file: &File) -> Events {
        (self.keyboard)();
        let over = self.hung_up.load(Ordering::Acquire);
        let discipline = self.discipline.lock();
        let mut events = Events::empty();
        events.set(Events::READABLE, discipline.is_readable() || over);
        events.set(Events::HUP, over);
        events.set(Events::WRITABLE, !discipline.is_stopped());
        events
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        Some(match direction {
            Direction::Read => &self.readable,
            Direction::Write => &self.writable,
        })
    }

    fn timeout(&self, direction: Direction) -> Option<u64> {
        match direction {
            Direction::Read => self.look(Discipline::read_timeout),
            Direction::Write => None,
        }
    }

    fn timed_out(&self, _direction: Direction) -> Result<usize> {
        Ok(0)
    }
}
