//! Running something on a pseudo-terminal, with somebody typing.
//!
//! `setsid --ctty` makes the pseudo-terminal the program's controlling one, so that Ctrl-C and changes of the size reach it as they would a person's.
//! Both sides run so: the program itself on Linux, and `chiton run` for the guest. What the terminal shows (echo and line ends included) is the
//! standard output that is compared.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::execute::{Outcome, collect};

/// What a program prints, unless a step says otherwise, when it is ready for the next thing to be typed.
pub const READY: &str = "ready";

/// A terminal and what happens on it.
#[derive(Debug, Clone, Default)]
pub struct Terminal {
    /// Rows and columns.
    pub size: (u16, u16),
    /// Whether standard error is the terminal too.
    pub errors: bool,
    /// One after the other.
    pub steps: Vec<Step>,
}

/// One thing that a person does, and when.
#[derive(Debug, Clone)]
pub struct Step {
    /// What the terminal has to show first, behind what the step before waited for.
    pub after: String,
    /// What is done then.
    pub typed: Typed,
}

impl Step {
    /// Typed as soon as the terminal shows something.
    #[must_use]
    pub fn text(after: &str, typed: impl Into<Vec<u8>>) -> Self {
        Self {
            after: after.to_owned(),
            typed: Typed::Text(typed.into()),
        }
    }

    /// The terminal's size changes when the program says that it is ready.
    #[must_use]
    pub fn size(size: (u16, u16)) -> Self {
        Self {
            after: READY.to_owned(),
            typed: Typed::Size(size),
        }
    }
}

/// Something that a person does at a terminal.
#[derive(Debug, Clone)]
pub enum Typed {
    /// Types these bytes.
    Text(Vec<u8>),
    /// Changes the size to these rows and columns.
    Size((u16, u16)),
}

/// Runs the command on a terminal.
///
/// # Errors
/// When there is no terminal to be had, or the command cannot be started or takes too long.
pub fn run(command: &Command, terminal: &Terminal, timeout: Duration) -> Result<Outcome, String> {
    let (master, slave) = open(terminal.size).map_err(|error| format!("no pseudo-terminal: {error}"))?;
    let mut on_terminal = Command::new("setsid");
    on_terminal
        .arg("--ctty")
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear();
    on_terminal.envs(std::env::vars_os().filter(|(key, _)| ["HOME", "PATH"].iter().any(|kept| key == kept)));
    on_terminal.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    if let Some(dir) = command.get_current_dir() {
        on_terminal.current_dir(dir);
    }
    let copy = |file: &OwnedFd| file.try_clone().map(Stdio::from).map_err(|error| error.to_string());
    on_terminal
        .stdin(copy(&slave)?)
        .stdout(copy(&slave)?)
        .stderr(if terminal.errors { copy(&slave)? } else { Stdio::piped() });
    let mut child = on_terminal
        .spawn()
        .map_err(|error| format!("setsid cannot be started: {error}"))?;
    // The terminal hangs up when the last one has closed it: the program must be that one.
    drop((on_terminal, slave));

    let stderr = collect(child.stderr.take());
    let shown = Arc::new(Mutex::new(Vec::new()));
    let reader = watch(
        master.try_clone().map_err(|error| error.to_string())?,
        Arc::clone(&shown),
    );
    let mut typist = Typist {
        terminal,
        master: File::from(master),
        done: 0,
        seen: 0,
    };
    let begin = Instant::now();
    let status = loop {
        typist.go_on(&shown)?;
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if begin.elapsed() < timeout => thread::sleep(Duration::from_millis(5)),
            Ok(None) | Err(_) => {
                // Only this child; it may be gone already.
                child.kill().ok();
                child.wait().ok();
                let shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
                return Err(format!(
                    "still running; the terminal shows:\n{}",
                    String::from_utf8_lossy(&shown)
                ));
            }
        }
    };
    reader.join().ok();
    let stdout = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let code = status
        .code()
        .or(status.signal().map(|signal| 128 + signal))
        .unwrap_or(-1);
    Ok(Outcome {
        stdout,
        stderr: stderr.join().unwrap_or_default(),
        code,
    })
}

fn open(size: (u16, u16)) -> std::io::Result<(OwnedFd, OwnedFd)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?
        .into_string()
        .map_err(std::io::Error::other)?;
    let slave = rustix::fs::open(
        name,
        rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?;
    resize(&slave, size)?;
    Ok((master, slave))
}

fn resize(terminal: impl std::os::fd::AsFd, (rows, columns): (u16, u16)) -> std::io::Result<()> {
    Ok(tcsetwinsize(
        terminal,
        Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        },
    )?)
}

/// Collects what the terminal shows until it hangs up.
fn watch(master: OwnedFd, shown: Arc<Mutex<Vec<u8>>>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut master = File::from(master);
        let mut piece = [0; 4096];
        while let Ok(len @ 1..) = master.read(&mut piece) {
            shown
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(&piece[..len]);
        }
    })
}

struct Typist<'a> {
    terminal: &'a Terminal,
    master: File,
    done: usize,
    /// How much of what is shown has been waited for.
    seen: usize,
}

impl Typist<'_> {
    /// Does the next thing if the terminal shows what it waits for.
    fn go_on(&mut self, shown: &Mutex<Vec<u8>>) -> Result<(), String> {
        let Some(step) = self.terminal.steps.get(self.done) else {
            return Ok(());
        };
        let shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(end) = end_of(&shown, self.seen, step.after.as_bytes()) else {
            return Ok(());
        };
        drop(shown);
        self.seen = end;
        self.done += 1;
        match &step.typed {
            Typed::Text(bytes) => self.master.write_all(bytes),
            Typed::Size(size) => resize(&self.master, *size),
        }
        .map_err(|error| format!("the terminal does not take what is typed: {error}"))
    }
}

/// Where a piece of text ends, from some place on.
fn end_of(shown: &[u8], from: usize, text: &[u8]) -> Option<usize> {
    let rest = shown.get(from..)?;
    let at = rest.windows(text.len()).position(|window| window == text)?;
    Some(from + at + text.len())
}
