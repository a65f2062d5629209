//! A terminal: the line discipline between a line and its readers.

use crate::discipline::{Discipline, Effects};
use crate::line::Line;
use abi::ioctl::{Termios, Termios2, WinSize, packet};
use abi::signal::Signal;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use lock::SpinLock;
use lock::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use process::signals::{self, Info};
use task::WaitQueue;
use vfs::Events;

/// Bytes typed into a pseudo-terminal that wait for the discipline.
pub(crate) const TYPED_CAPACITY: usize = 16384;
/// Bytes shown by a pseudo-terminal that wait for its master.
pub(crate) const SHOWN_CAPACITY: usize = 20480;
/// As many of them stay when output is thrown away: Linux has handed them to the master's discipline.
const SHOWN_KEPT: usize = 4095;

/// What the lock of a terminal is about.
pub(crate) struct State {
    pub(crate) discipline: Discipline,
    /// Typed, not yet seen by the discipline (pseudo-terminals).
    pub(crate) typed: VecDeque<u8>,
    /// Shown, not yet read by the master (pseudo-terminals).
    pub(crate) shown: VecDeque<u8>,
    /// What a master in packet mode has not been told.
    pub(crate) news: u8,
}

/// Whom a terminal belongs to.
#[derive(Clone, Copy, Default)]
pub(crate) struct Control {
    /// The session; 0 for none.
    pub(crate) session: u32,
    /// The process group in the foreground; 0 for none.
    pub(crate) foreground: u32,
}

/// A terminal.
pub struct Terminal {
    pub(crate) state: SpinLock<State>,
    pub(crate) line: Line,
    pub(crate) device: u64,
    size: SpinLock<WinSize>,
    /// Bits of the settings that nobody may change (`TIOCSLCKTRMIOS`), in the settings' own form.
    pub(crate) locked: SpinLock<Termios>,
    pub(crate) control: SpinLock<Control>,
    /// Nobody else may open it (`TIOCEXCL`).
    pub(crate) exclusive: AtomicBool,
    /// How many have it open.
    pub(crate) opens: AtomicUsize,
    /// Goes up when it hangs up: who opened it before has no terminal any more.
    pub(crate) generation: AtomicU32,
    /// Nothing is typed any more: reading is at the end.
    input_over: AtomicBool,
    pub(crate) readable: WaitQueue,
    pub(crate) writable: WaitQueue,
}

impl Terminal {
    pub(crate) fn new(line: Line, device: u64, termios: Termios2) -> Self {
        let mut discipline = Discipline::new();
        discipline.set_termios(termios);
        Self {
            state: SpinLock::new(State {
                discipline,
                typed: VecDeque::new(),
                shown: VecDeque::new(),
                news: 0,
            }),
            line,
            device,
            size: SpinLock::new(WinSize::default()),
            locked: SpinLock::new(Termios::NONE),
            control: SpinLock::new(Control::default()),
            exclusive: AtomicBool::new(false),
            opens: AtomicUsize::new(0),
            generation: AtomicU32::new(0),
            input_over: AtomicBool::new(false),
            readable: WaitQueue::new(),
            writable: WaitQueue::new(),
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
            self.signal_foreground(Signal::WINCH);
        }
    }

    /// The process group in the foreground; 0 for none.
    #[must_use]
    pub fn foreground(&self) -> u32 {
        self.control.lock().foreground
    }

    pub(crate) fn signal_foreground(&self, signal: Signal) {
        let group = self.foreground();
        if group != 0 {
            signals::send_group(group, Info::kernel(signal));
        }
    }

    /// Whether it can take a typed byte.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.state.lock().discipline.has_room()
    }

    /// Nothing is typed any more.
    pub fn end_input(&self) {
        self.input_over.store(true, Ordering::SeqCst);
        self.readable.wake_all();
    }

    pub(crate) fn is_input_over(&self) -> bool {
        self.input_over.load(Ordering::Acquire)
    }

    /// Takes typed bytes.
    pub fn input(&self, bytes: &[u8]) {
        self.change(|state| state.typed.extend(bytes));
    }

    /// Does something with the state, and then what follows from it: typed bytes that fit now are taken, echo is shown, waiters look again, the foreground gets its signals.
    pub(crate) fn change<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut effects = Effects::default();
        let mut state = self.state.lock();
        let stopped = state.discipline.is_stopped();
        let news = state.news;
        let shown = state.shown.len();
        let was_full = self.output_room(&state) == 0;
        let result = work(&mut state);
        let typed = state.typed.len();
        self.take_typed(&mut state, &mut effects);
        self.show_echo(&mut state);
        // Output that was stopped goes on, or a key has thrown away what the master had not read.
        let goes_on = stopped && !state.discipline.is_stopped() || was_full && self.output_room(&state) > 0;
        self.note_flow(&mut state, stopped);
        let tell = state.news & !news != 0 || state.shown.len() > shown;
        let room = state.typed.len() < typed;
        drop(state);
        if effects.readable {
            self.readable.wake(1, Events::READABLE.bits());
        }
        if goes_on {
            self.writable.wake_all();
        }
        if let Line::Pair(pair) = &self.line {
            if tell {
                pair.readable.wake_all();
            }
            if room {
                pair.writable.wake_all();
            }
        }
        for signal in effects.signals {
            self.signal_foreground(signal);
        }
        result
    }

    /// Lets the discipline take what was typed, as far as it fits.
    fn take_typed(&self, state: &mut State, effects: &mut Effects) {
        while state.discipline.has_room() {
            let Some(byte) = state.typed.pop_front() else { break };
            state.discipline.input(byte, effects);
            if core::mem::take(&mut effects.flushed) {
                self.flush_output(state);
                self.tell(state, packet::FLUSH_READ);
            }
        }
    }

    /// Shows what was typed, unless output is stopped or nobody takes it.
    fn show_echo(&self, state: &mut State) {
        if state.discipline.has_echo() && !state.discipline.is_stopped() && self.output_room(state) > 0 {
            let echo = state.discipline.take_echo();
            self.show(state, &echo);
        }
    }

    /// Puts bytes on the line.
    pub(crate) fn show(&self, state: &mut State, bytes: &[u8]) {
        match &self.line {
            Line::Console { screen, .. } => screen(bytes),
            Line::Pair(_) => state.shown.extend(bytes),
        }
    }

    /// How many bytes the line takes; output may go beyond by what processing adds to it.
    pub(crate) fn output_room(&self, state: &State) -> usize {
        match &self.line {
            Line::Console { .. } => usize::MAX,
            Line::Pair(_) => SHOWN_CAPACITY.saturating_sub(state.shown.len()),
        }
    }

    /// Throws away what was written and has not gone far yet.
    pub(crate) fn flush_output(&self, state: &mut State) {
        if matches!(self.line, Line::Pair(_)) {
            state.shown.truncate(SHOWN_KEPT);
            self.tell(state, packet::FLUSH_WRITE);
        }
    }

    /// Throws away what was typed and has not been read.
    pub(crate) fn flush_input(&self, state: &mut State) {
        state.typed.clear();
        state.discipline.flush_input();
        self.tell(state, packet::FLUSH_READ);
    }

    /// Notes something for a master in packet mode.
    pub(crate) fn tell(&self, state: &mut State, news: u8) {
        if let Line::Pair(pair) = &self.line
            && pair.packets.load(Ordering::Relaxed)
        {
            let opposite = match news {
                packet::STOP => packet::START,
                packet::START => packet::STOP,
                packet::DO_STOP => packet::NO_STOP,
                packet::NO_STOP => packet::DO_STOP,
                _ => 0,
            };
            state.news = state.news & !opposite | news;
        }
    }

    fn note_flow(&self, state: &mut State, was_stopped: bool) {
        match (was_stopped, state.discipline.is_stopped()) {
            (false, true) => self.tell(state, packet::STOP),
            (true, false) => self.tell(state, packet::START),
            _ => {}
        }
    }

    /// Asks the line for what did not fit before.
    pub(crate) fn refill(&self) {
        if let Line::Console { keyboard, .. } = &self.line {
            keyboard();
        }
    }

    /// Prepares written bytes and puts them on the line.
    pub(crate) fn write(&self, bytes: &[u8], scratch: &mut Vec<u8>) {
        let mut state = self.state.lock();
        self.show_echo(&mut state);
        scratch.clear();
        state.discipline.output(bytes, scratch);
        self.show(&mut state, scratch);
        drop(state);
        if let Line::Pair(pair) = &self.line {
            pair.readable.wake_all();
        }
    }

    /// Lets everybody look again who waits for it, or for its master.
    pub(crate) fn wake_everybody(&self) {
        self.readable.wake_all();
        self.writable.wake_all();
        if let Line::Pair(pair) = &self.line {
            pair.readable.wake_all();
            pair.writable.wake_all();
        }
    }
}
