//! The console: how a program's standard streams reach the host.
//!
//! *Plain*: the serial line is a terminal, and everything goes through it. *Split*: the command on the host has a place for standard output, one for
//! standard error, and sends standard input over the serial line in frames; each stream is a terminal or not, as it is on the host.
//!
//! Frames: byte 0x10 escapes. 0x10 `D` is a 0x10, 0x10 `E` the end of the input, 0x10 `W` and four bytes the terminal's rows and columns, 0x10 `S` and a byte a signal for the application, from
//! who wants the machine to end. After 0x10 `V` everything comes through the faster device ([`crate::bulk`]), in the same frames, but signals, which nothing that nobody reads is to hold up.

use crate::bulk::{self, Bulk, Writing};
use crate::line::Line;
use crate::stream::{Input, Output};
use crate::terminal::Terminal;
use abi::ioctl::{IUTF8, Termios2, WinSize};
use abi::signal::Signal;
use abi::stat::makedev;
use alloc::sync::Arc;
use hal::console::Stream;
use lock::atomic::{AtomicBool, AtomicU8, Ordering};
use lock::{Once, SpinLock};
use process::Process;
use process::signals::{self, Info};
use vfs::FileLike;

const ESCAPE: u8 = 0x10;
/// Input that is taken from its way at once.
const STEP: usize = 512;
/// The number of `/dev/console`.
pub const DEVICE: u64 = makedev(5, 1);

/// How the console is set up.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Whether the streams are separate.
    pub split: bool,
    /// Which of standard input, output and error are terminals.
    pub terminals: [bool; 3],
    /// Rows and columns.
    pub size: (u16, u16),
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            split: false,
            terminals: [true; 3],
            size: (0, 0),
        }
    }
}

/// Where a decoder is in a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Frame {
    Bytes,
    Escaped,
    Signal,
    Size([u8; 4], usize),
}

/// What came out of the frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Event {
    Byte(u8),
    End,
    Size(u16, u16),
    Signal(u8),
    Moved,
}

impl Frame {
    /// Takes a byte of the line; says what it completes.
    fn decode(&mut self, byte: u8) -> Option<Event> {
        match (*self, byte) {
            (Self::Bytes, ESCAPE) => *self = Self::Escaped,
            (Self::Bytes, byte) => return Some(Event::Byte(byte)),
            (Self::Escaped, b'S') => *self = Self::Signal,
            (Self::Signal, number) => {
                *self = Self::Bytes;
                return Some(Event::Signal(number));
            }
            (Self::Escaped, b'W') => *self = Self::Size([0; 4], 0),
            (Self::Escaped, kind) => {
                *self = Self::Bytes;
                return match kind {
                    b'D' => Some(Event::Byte(ESCAPE)),
                    b'E' => Some(Event::End),
                    b'V' => Some(Event::Moved),
                    _ => None,
                };
            }
            (Self::Size(mut bytes, count), byte) => {
                if let Some(place) = bytes.get_mut(count) {
                    *place = byte;
                }
                if count < 3 {
                    *self = Self::Size(bytes, count + 1);
                } else {
                    *self = Self::Bytes;
                    let [r0, r1, c0, c1] = bytes;
                    return Some(Event::Size(u16::from_le_bytes([r0, r1]), u16::from_le_bytes([c0, c1])));
                }
            }
        }
        None
    }
}

/// What comes from the host.
struct Incoming {
    frame: Frame,
    /// Where it comes from, if no longer over the line.
    device: Option<Arc<dyn Bulk>>,
    /// What comes over the line then.
    signals: Frame,
}

impl Incoming {
    /// Gives what has come; how many bytes.
    fn fetch(&self, into: &mut [u8]) -> usize {
        match &self.device {
            Some(device) => device.read(into),
            None => into
                .iter_mut()
                .map_while(|to| hal::console::read().map(|byte| *to = byte))
                .count(),
        }
    }
}

struct Console {
    setup: Setup,
    terminal: Option<Arc<Terminal>>,
    input: Arc<Input>,
    incoming: SpinLock<Incoming>,
    /// A signal that came before there was an application.
    early: AtomicU8,
    /// Somebody has been told that something came, and whoever takes it has not looked since.
    asked: AtomicBool,
}

static CONSOLE: Once<Console> = Once::new();

fn to_serial(bytes: &[u8]) {
    hal::console::write(Stream::Serial, bytes);
}

fn to_output(bytes: &[u8]) {
    Writing::begin(Stream::Output, bytes.len()).put(bytes);
}

fn to_error(bytes: &[u8]) {
    Writing::begin(Stream::Error, bytes.len()).put(bytes);
}

/// Nobody on the host sees a terminal's output.
fn to_nobody(_bytes: &[u8]) {}

/// Sets the console up. The first call counts.
pub fn set_up(setup: Setup) {
    let [_, output, error] = setup.terminals;
    let screen = match (setup.split, output, error) {
        (false, ..) => to_serial,
        (true, true, _) => to_output,
        (true, false, true) => to_error,
        (true, false, false) => to_nobody,
    };
    let is_terminal = !setup.split || setup.terminals.contains(&true);
    let terminal = is_terminal.then(|| {
        let mut termios = Termios2::default();
        termios.iflag |= IUTF8;
        let line = Line::Console {
            screen,
            keyboard: take_input,
        };
        Arc::new(Terminal::new(line, DEVICE, termios))
    });
    if let Some(terminal) = &terminal {
        terminal.set_size(size_of_screen(setup.size));
        if setup.split && !setup.terminals.first().is_some_and(|input| *input) {
            terminal.end_input();
        }
    }
    drop(CONSOLE.set(Console {
        setup,
        terminal,
        input: Arc::new(Input::new(take_input)),
        incoming: SpinLock::new(Incoming {
            frame: Frame::Bytes,
            device: None,
            signals: Frame::Bytes,
        }),
        early: AtomicU8::new(0),
        asked: AtomicBool::new(false),
    }));
}

fn size_of_screen((rows, cols): (u16, u16)) -> WinSize {
    WinSize {
        rows,
        cols,
        ..WinSize::default()
    }
}

/// Takes what the host has sent. The kernel calls it when the serial line or the faster device interrupts; whoever reads calls it too, because what did not fit
/// stays there.
pub fn take_input() {
    let Some(console) = CONSOLE.get() else { return };
    loop {
        // Another CPU that is at it takes everything, and looks here when it is done: it may have found the line empty before this one was called, and the line interrupts once for a
        // byte.
        console.asked.store(true, Ordering::SeqCst);
        let Some(mut incoming) = console.incoming.try_lock() else {
            return;
        };
        console.asked.store(false, Ordering::SeqCst);
        console.take_all(&mut incoming);
        drop(incoming);
        if !console.asked.swap(false, Ordering::SeqCst) {
            return;
        }
    }
}

impl Console {
    /// Where what is typed goes, if input is a terminal.
    fn typed(&self) -> Option<&Terminal> {
        let types = !self.setup.split || self.setup.terminals.first().is_some_and(|input| *input);
        self.terminal.as_deref().filter(|_| types)
    }

    fn take_all(&self, incoming: &mut Incoming) {
        let terminal = self.typed();
        let mut came = false;
        let mut chunk = [0; STEP];
        if incoming.device.is_some() {
            while let Some(byte) = hal::console::read() {
                if let Some(Event::Signal(number)) = incoming.signals.decode(byte) {
                    self.pass_on(number);
                }
            }
        }
        while terminal.map_or_else(|| self.input.has_room(), Terminal::has_room) {
            let count = incoming.fetch(&mut chunk);
            if count == 0 {
                break;
            }
            self.take(incoming, chunk.get(..count).unwrap_or_default());
            came = true;
        }
        if came && terminal.is_none() {
            self.input.wake();
        }
    }

    /// Takes bytes out of their frames.
    fn take(&self, incoming: &mut Incoming, mut rest: &[u8]) {
        while !rest.is_empty() {
            let plain = if !self.setup.split {
                rest.len()
            } else if incoming.frame == Frame::Bytes {
                rest.iter().position(|byte| *byte == ESCAPE).unwrap_or(rest.len())
            } else {
                0
            };
            let (bytes, after) = rest.split_at(plain);
            self.give(bytes);
            rest = after;
            if let Some((byte, after)) = rest.split_first() {
                rest = after;
                if let Some(event) = incoming.frame.decode(*byte) {
                    self.happen(event, incoming);
                }
            }
        }
    }

    fn give(&self, bytes: &[u8]) {
        match self.typed() {
            _ if bytes.is_empty() => {}
            Some(terminal) => terminal.input(bytes),
            None => self.input.push(bytes),
        }
    }

    fn happen(&self, event: Event, incoming: &mut Incoming) {
        match event {
            Event::Byte(byte) => self.give(&[byte]),
            Event::End => match self.typed() {
                Some(terminal) => terminal.end_input(),
                None => self.input.close(),
            },
            Event::Size(rows, cols) => {
                if let Some(terminal) = &self.terminal {
                    terminal.set_size(size_of_screen((rows, cols)));
                }
            }
            Event::Signal(number) => self.pass_on(number),
            Event::Moved => {
                incoming.device = bulk::open();
                if incoming.device.is_none() {
                    trace::error!("the host sends input through a device that does not work");
                    self.happen(Event::End, incoming);
                }
            }
        }
    }
}

impl Console {
    /// A signal for the application came: there may be none yet.
    fn pass_on(&self, number: u8) {
        self.early.store(number, Ordering::SeqCst);
        if let Some(application) = process::registry::process(1) {
            self.deliver(&application);
        }
    }

    /// Keys are for all of the application's group, as at a terminal; unlike what others send, this acts on the application whatever it does with signals.
    fn deliver(&self, application: &Arc<Process>) {
        let number = self.early.swap(0, Ordering::SeqCst);
        let Some(signal) = Signal::new(number.into()) else {
            return;
        };
        if [Signal::INT, Signal::QUIT].contains(&signal) {
            signals::send_group(application.group(), Info::kernel(signal));
        } else {
            signals::send(application, Info::kernel(signal));
        }
    }
}

/// There is an application: it gets the terminal, if there is one, and what was sent to it.
pub fn begin(application: &Arc<Process>) {
    let Some(console) = CONSOLE.get() else { return };
    if let Some(terminal) = &console.terminal {
        terminal.control(application, 0);
    }
    console.deliver(application);
    // What came since it could be found.
    application.threads().iter().for_each(|thread| thread.look_again());
}

/// The terminal that `/dev/console` is; nothing if no stream is one.
#[must_use]
pub fn terminal() -> Option<Arc<Terminal>> {
    CONSOLE.get()?.terminal.clone()
}

/// The serial line as a file that is only written: `/dev/console` where no stream is a terminal.
#[must_use]
pub fn serial() -> Arc<dyn FileLike> {
    Arc::new(Output { stream: Stream::Serial })
}

/// What standard input (0), output (1) or error (2) is, if it is no terminal.
#[must_use]
pub fn stream(number: usize) -> Option<Arc<dyn FileLike>> {
    let console = CONSOLE.get()?;
    if !console.setup.split || *console.setup.terminals.get(number)? {
        return None;
    }
    Some(match number {
        0 => Arc::clone(&console.input) as _,
        1 => Arc::new(Output { stream: Stream::Output }),
        _ => Arc::new(Output { stream: Stream::Error }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn frames_carry_bytes_ends_and_sizes() {
        let mut frame = Frame::Bytes;
        let line = b"a\x10Db\x10W\x18\x00\x50\x01\x10\x10c\x10V\x10E";
        let events: Vec<Event> = line.iter().filter_map(|byte| frame.decode(*byte)).collect();
        assert_eq!(
            events,
            [
                Event::Byte(b'a'),
                Event::Byte(0x10),
                Event::Byte(b'b'),
                Event::Size(24, 0x150),
                Event::Byte(b'c'),
                Event::Moved,
                Event::End
            ]
        );
    }
}
