//! One run of a virtual machine, from start to outcome.
//!
//! A single loop polls every channel and moves what is there; nothing is parsed but control lines and kernel messages. It waits for nobody who does not take our output, so that signals are heard meanwhile: what was not
//! taken is kept, and no more is fetched before it is gone.
//! The guest writes its output before its `exit` line, and QEMU hands each byte over at once; so when the line arrives,
//! everything is in our sockets already, and QEMU can be ended without waiting for it.
//!
//! A QEMU that KVM lets down prints why, pauses the machine and stays: what it says is listened to for that.
//!
//! A signal that would end us is passed on to the program, as `docker run` does, and the machine is ended when that does not end in time, or when another signal comes.
//!
//! A terminal in raw mode gives Ctrl-C to the guest; Ctrl-] three times within a second ends the machine.
//!
//! Input is held back until the guest has set up its serial port, because setting it up empties it: until the control
//! line `ready`, or the first message on the port itself. A guest that says neither gets its input after a while.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGABRT, SIGINT};

use crate::channels::{ALL, CHUNK, Until, give, take, takers, timespec, write};
use crate::launch::Machine;
use crate::messages::Messages;
use crate::signals::Signals;
use crate::spec::MachineSpec;
use crate::stdin::Input;
use crate::symbols::Symbols;
use crate::terminal::{self, RawMode, WayOut};

/// How long input waits for a guest that does not show itself.
const HOLD: Duration = Duration::from_secs(1);
/// How long a guest that said `panic` may still talk.
const LAST_WORDS: Duration = Duration::from_secs(3);
/// Input is not read while this much waits for the guest.
const MAX_PENDING: usize = 64 * 1024;

/// What QEMU says before it pauses a machine that nobody will ever let go on.
const STANDSTILLS: [&str; 3] = ["KVM internal error", "kvm run failed", "KVM: entry failed"];

/// How to run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A program and first arguments that call [`crate::enter_launcher`].
    pub launcher: Option<Vec<OsString>>,
    /// End the machine after this time.
    pub timeout: Option<Duration>,
    /// How long the program may take to end after it was sent a signal.
    pub patience: Duration,
    /// Print the boot phases that the kernel reports.
    pub bootchart: bool,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The program ended with this code.
    Exited(u8),
    /// The kernel panicked, with this text.
    Panicked(String),
    /// The guest ended without saying why; what QEMU said.
    Died(String),
    /// QEMU could not start; what it said.
    NotStarted(String),
    /// The time ran out.
    TimedOut,
    /// We were told to stop by this signal.
    Stopped(i32),
    /// Nobody reads our standard output any more.
    OutputClosed,
    /// Our standard output or error cannot be written, for this reason.
    OutputFailed(String),
}

/// Runs the machine until it ends.
///
/// # Errors
/// The host refuses something that every host has: sockets, signals, polling.
pub fn run(spec: &MachineSpec, options: &Options) -> io::Result<Outcome> {
    let signals = Signals::register()?;
    let machine = match Machine::start(spec, options.launcher.as_deref()) {
        Ok(machine) => machine,
        Err(error) => return Ok(Outcome::NotStarted(format!("{}: {error}", spec.qemu.display()))),
    };
    let raw = RawMode::enter()?;
    let way_out = raw.is_some().then(WayOut::default);
    let messages = Messages::new(Symbols::new(spec.kernel.clone()), raw.is_some());
    let now = Instant::now();
    let mut session = Session {
        machine,
        signals,
        messages,
        open: Open {
            stdin: true,
            serial: true,
            outputs: [true; 3],
            stderr: true,
        },
        way_out,
        input: Input::new(spec.has_streams_device()),
        awake: false,
        unwritten: Default::default(),
        listening: false,
        hold_until: now + HOLD,
        deadline: options.timeout.map(|timeout| now + timeout),
        patience: options.patience,
        stopping: None,
        control: Vec::new(),
        complaints: Vec::new(),
        panicked: None,
        phases: Vec::new(),
    };
    let outcome = session.until_end();
    session.machine.kill();
    session.messages.finish();
    drop(raw);
    if options.bootchart {
        session.print_phases();
    }
    outcome
}

/// Which channels may still bring something.
struct Open {
    stdin: bool,
    serial: bool,
    outputs: [bool; 3],
    stderr: bool,
}

struct Session {
    machine: Machine,
    signals: Signals,
    messages: Messages,
    open: Open,
    /// How the user of a terminal in raw mode ends the machine.
    way_out: Option<WayOut>,
    input: Input,
    /// Whether the guest has shown a sign of life.
    awake: bool,
    /// Of the guest's standard output and error, what ours have not taken yet.
    unwritten: [Vec<u8>; 2],
    /// Whether the guest's serial port takes input.
    listening: bool,
    hold_until: Instant,
    deadline: Option<Instant>,
    /// How long the program may take to end, and the signal that it was sent.
    patience: Duration,
    stopping: Option<i32>,
    /// The unfinished control line.
    control: Vec<u8>,
    /// What QEMU said.
    complaints: Vec<u8>,
    panicked: Option<String>,
    phases: Vec<(String, u64)>,
}

/// What a channel is, for the loop.
#[derive(Clone, Copy)]
enum Source {
    Stdin,
    Serial,
    Output(usize),
    /// Our standard output or error takes something.
    Taker(usize),
    Stderr,
    Resize,
    Stop(usize),
}

impl Session {
    fn until_end(&mut self) -> io::Result<Outcome> {
        loop {
            if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                let late = self.stopping.map_or(Outcome::TimedOut, |signal| {
                    let text = "chiton: the program was sent the signal and has not ended in time, so the machine was ended. --stop-timeout gives more.";
                    self.messages.say(text);
                    Outcome::Stopped(signal)
                });
                return Ok(self.panicked.take().map_or(late, Outcome::Panicked));
            }
            for source in self.wait()? {
                if let Some(outcome) = self.handle(source)? {
                    let failure = self.drain();
                    return Ok(failure
                        .filter(|_| matches!(outcome, Outcome::Exited(_)))
                        .unwrap_or(outcome));
                }
            }
            if !self.open.serial && !self.open.stderr && self.open.outputs.iter().all(|open| !open) {
                return self.after_end();
            }
        }
    }

    /// Waits for something to do.
    fn wait(&self) -> io::Result<Vec<Source>> {
        let now = Instant::now();
        let held = !self.listening && now < self.hold_until;
        let (stdin, takers) = (io::stdin(), takers());
        let mut list = vec![(Source::Resize, self.signals.resize.as_fd(), PollFlags::IN)];
        let stops = self.signals.stop.iter().enumerate();
        list.extend(stops.map(|(index, (_, stop))| (Source::Stop(index), stop.as_fd(), PollFlags::IN)));
        let outputs = self
            .machine
            .outputs
            .iter()
            .enumerate()
            .filter(|(index, _)| self.open.outputs[*index] && !self.has_unwritten(*index));
        let flags = |write| match write {
            true => PollFlags::IN | PollFlags::OUT,
            false => PollFlags::IN,
        };
        list.extend(outputs.map(|(index, output)| {
            let write = index == 0 && !self.input.device.is_empty();
            (Source::Output(index), output.as_fd(), flags(write))
        }));
        let stuck = (0..takers.len()).filter(|index| self.has_unwritten(*index));
        list.extend(stuck.map(|index| (Source::Taker(index), takers[index], PollFlags::OUT)));
        if self.open.serial {
            let write = !held && !self.input.line.is_empty();
            list.push((Source::Serial, self.machine.serial.as_fd(), flags(write)));
        }
        if self.open.stderr {
            list.push((Source::Stderr, self.machine.stderr.as_fd(), PollFlags::IN));
        }
        if self.open.stdin && self.input.len() < MAX_PENDING {
            list.push((Source::Stdin, stdin.as_fd(), PollFlags::IN));
        }
        let mut fds: Vec<PollFd<'_>> = list
            .iter()
            .map(|(_, fd, flags)| PollFd::from_borrowed_fd(*fd, *flags))
            .collect();

        let hold = (held && !self.input.line.is_empty()).then_some(self.hold_until);
        let next = self.deadline.into_iter().chain(hold).min();
        let timeout = next.map(|next| timespec(next.saturating_duration_since(now)));
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(fds
            .iter()
            .zip(&list)
            .filter(|(fd, _)| !fd.revents().is_empty())
            .map(|(_, (source, ..))| *source)
            .collect())
    }

    /// Does what a channel is ready for; an outcome ends the run.
    fn handle(&mut self, source: Source) -> io::Result<Option<Outcome>> {
        match source {
            Source::Stop(index) => return Ok(self.stop(index)),
            Source::Resize => {
                drop(self.signals.resize.read(&mut [0; 64]));
                if let Some((rows, columns)) = terminal::size() {
                    self.input.window(rows, columns);
                }
            }
            Source::Stdin => return Ok(self.read_stdin()),
            Source::Stderr => {
                self.open.stderr = take(&mut self.machine.stderr, 1, |bytes| self.complaints.extend(bytes));
                return Ok(self.stuck());
            }
            Source::Serial => self.serial(),
            Source::Output(2) => return self.control(),
            Source::Output(index) => {
                if index == 0 {
                    give(&mut self.machine.outputs[0], &mut self.input.device);
                }
                self.fetch(index, 1);
                return Ok(self.pass_on(index));
            }
            Source::Taker(index) => return Ok(self.pass_on(index)),
        }
        Ok(None)
    }

    /// A signal came that would end us: the first is the program's.
    fn stop(&mut self, index: usize) -> Option<Outcome> {
        let (signal, came) = &mut self.signals.stop[index];
        let signal = *signal;
        drop(came.read(&mut [0; 64]));
        if self.stopping.is_some() || self.patience.is_zero() {
            return Some(Outcome::Stopped(signal));
        }
        self.stopping = Some(signal);
        self.input.signal(u8::try_from(signal).unwrap_or_default());
        let late = Instant::now() + self.patience;
        self.deadline = Some(self.deadline.map_or(late, |deadline| deadline.min(late)));
        None
    }

    fn read_stdin(&mut self) -> Option<Outcome> {
        let mut chunk = [0; CHUNK];
        match rustix::io::read(io::stdin(), &mut chunk) {
            Err(Errno::INTR | Errno::AGAIN) => {}
            Ok(count) if count > 0 => {
                let bytes = &chunk[..count];
                if self
                    .way_out
                    .as_mut()
                    .is_some_and(|way_out| way_out.asked(bytes, Instant::now()))
                {
                    return Some(Outcome::Stopped(SIGINT));
                }
                self.input.input(bytes);
            }
            Ok(_) | Err(_) => {
                self.open.stdin = false;
                self.input.end();
            }
        }
        None
    }

    fn serial(&mut self) {
        let mut heard = false;
        let messages = &mut self.messages;
        self.open.serial = take(&mut self.machine.serial, 1, |bytes| {
            heard = true;
            messages.take(bytes);
        });
        self.awake |= heard;
        self.listening |= heard;
        let held = !self.listening && Instant::now() < self.hold_until;
        if !held {
            give(&mut self.machine.serial, &mut self.input.line);
        }
    }

    fn has_unwritten(&self, index: usize) -> bool {
        self.unwritten.get(index).is_some_and(|unwritten| !unwritten.is_empty())
    }

    /// Fetches the guest's standard output or error.
    fn fetch(&mut self, index: usize, rounds: usize) {
        let unwritten = &mut self.unwritten[index];
        self.open.outputs[index] = take(&mut self.machine.outputs[index], rounds, |bytes| {
            unwritten.extend(bytes)
        });
        self.awake |= !unwritten.is_empty();
    }

    /// Passes on what ours takes now.
    fn pass_on(&mut self, index: usize) -> Option<Outcome> {
        let result = write(takers()[index], &mut self.unwritten[index], Until::Now);
        outcome_of(result)
    }

    fn control(&mut self) -> io::Result<Option<Outcome>> {
        let control = &mut self.control;
        self.open.outputs[2] = take(&mut self.machine.outputs[2], 1, |bytes| control.extend(bytes));
        while let Some(end) = self.control.iter().position(|byte| *byte == b'\n') {
            self.awake = true;
            let line: Vec<u8> = self.control.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line[..end]).into_owned();
            if let Some(outcome) = self.control_line(&line) {
                return Ok(Some(outcome));
            }
        }
        Ok(None)
    }

    fn control_line(&mut self, line: &str) -> Option<Outcome> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "exit" if self.panicked.is_none() => return rest.trim().parse().ok().map(Outcome::Exited),
            "ready" => self.listening = true,
            "panic" => {
                self.panicked = Some(rest.to_string());
                let last = Instant::now() + LAST_WORDS;
                self.deadline = Some(self.deadline.map_or(last, |deadline| deadline.min(last)));
            }
            "boot" => {
                let (name, time) = rest.rsplit_once(' ').unwrap_or((rest, ""));
                self.phases
                    .extend(time.parse().ok().map(|time| (name.to_string(), time)));
            }
            _ => {}
        }
        None
    }

    /// Takes what the guest wrote before it ended. An outcome says that it could not be passed on.
    fn drain(&mut self) -> Option<Outcome> {
        let failures = [0, 1].map(|index| {
            self.fetch(index, ALL);
            let result = write(
                takers()[index],
                &mut self.unwritten[index],
                Until::Stopped(&self.signals, self.deadline),
            );
            outcome_of(result)
        });
        let messages = &mut self.messages;
        take(&mut self.machine.serial, ALL, |bytes| messages.take(bytes));
        failures.into_iter().flatten().next()
    }

    /// Whether QEMU has said that the machine stands still for good.
    fn stuck(&mut self) -> Option<Outcome> {
        let said = String::from_utf8_lossy(&self.complaints);
        let line = said
            .lines()
            .find(|line| STANDSTILLS.iter().any(|start| line.contains(start)))?;
        let why = format!("KVM of this machine gave up ({})", line.trim().trim_end_matches('.'));
        Some(match (self.panicked.take(), self.awake) {
            (Some(text), _) => Outcome::Panicked(text),
            (None, true) => Outcome::Died(why),
            (None, false) => Outcome::NotStarted(why),
        })
    }

    /// Every channel is closed: QEMU has ended by itself.
    fn after_end(&mut self) -> io::Result<Outcome> {
        self.drain();
        let status = self.machine.wait()?;
        if let Some(text) = self.panicked.take() {
            return Ok(Outcome::Panicked(text));
        }
        let said = in_one_line(&self.complaints);
        if !self.awake && status.code() == Some(1) {
            return Ok(Outcome::NotStarted(said));
        }
        let how = match (status.signal(), status.code()) {
            (Some(signal), _) => format!("QEMU was ended by signal {signal}"),
            (None, Some(0)) => "the virtual machine stopped or reset itself".to_string(),
            (None, code) => format!("QEMU ended with code {}", code.unwrap_or(-1)),
        };
        let how = if said.is_empty() {
            how
        } else {
            format!("{how} and said: {said}")
        };
        // A QEMU that gave up by itself before the guest did anything.
        Ok(if !self.awake && status.signal() == Some(SIGABRT) {
            Outcome::NotStarted(how)
        } else {
            Outcome::Died(how)
        })
    }

    fn print_phases(&mut self) {
        let mut before = 0;
        for (name, time) in std::mem::take(&mut self.phases) {
            let micros = |nanos: u64| format!("{}.{:03}", nanos / 1000, nanos % 1000);
            let step = time.saturating_sub(before);
            self.messages.say(&format!(
                "boot {:>14} us  {:>+14} us  {name}",
                micros(time),
                micros(step)
            ));
            before = time;
        }
    }
}

/// What QEMU said, without its line ends and its last full stop.
fn in_one_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("; ").trim_end_matches('.').to_string()
}

/// Why the run ends, if what was written cannot be.
fn outcome_of(written: io::Result<()>) -> Option<Outcome> {
    let error = written.err()?;
    Some(match error.kind() {
        io::ErrorKind::BrokenPipe => Outcome::OutputClosed,
        kind => Outcome::OutputFailed(kind.to_string()),
    })
}
