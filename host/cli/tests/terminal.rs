//! The terminal, through a pseudo-terminal: raw mode, keys, size, and the way back.
#![forbid(unsafe_code)]

mod support;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize};
use support::{CONTROL, Guest, OUT, Scratch, has_qemu};

struct Terminal {
    ours: File,
    theirs: File,
}

impl Terminal {
    fn open() -> Terminal {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let theirs = OpenOptions::new().read(true).write(true).open(path).unwrap();
        let terminal = Terminal {
            ours: ours.into(),
            theirs,
        };
        terminal.resize(24, 80);
        terminal
    }

    fn resize(&self, rows: u16, columns: u16) {
        tcsetwinsize(
            &self.ours,
            Winsize {
                ws_row: rows,
                ws_col: columns,
                ws_xpixel: 0,
                ws_ypixel: 0,
            },
        )
        .unwrap();
    }

    fn settings(&self) -> Termios {
        tcgetattr(&self.theirs).unwrap()
    }

    fn is_raw(&self) -> bool {
        !self
            .settings()
            .local_modes
            .intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    /// Starts the command with this as its controlling terminal.
    fn start(&self, command: &Command) -> Child {
        let mut session = Command::new("setsid");
        session
            .arg("--ctty")
            .arg("--wait")
            .arg(command.get_program())
            .args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => session.env(key, value),
                None => session.env_remove(key),
            };
        }
        let stream = || self.theirs.try_clone().unwrap();
        session
            .stdin(stream())
            .stdout(stream())
            .stderr(stream())
            .spawn()
            .unwrap()
    }

    /// Reads until the text has come.
    fn expect(&mut self, wanted: &[u8]) -> Vec<u8> {
        let mut all = Vec::new();
        let mut chunk = [0; 1024];
        while !all.windows(wanted.len()).any(|window| window == wanted) {
            let count = self.ours.read(&mut chunk).unwrap();
            all.extend(&chunk[..count]);
        }
        all
    }
}

#[test]
fn keys_go_through_as_they_are_and_the_terminal_comes_back() {
    if !has_qemu() {
        return;
    }
    let scratch = Scratch::new();
    let mut terminal = Terminal::open();
    let before = terminal.settings();
    let guest = Guest::default()
        .say(OUT, "up")
        .copy_input()
        .say(CONTROL, "exit 5\n")
        .exit(5);
    let mut child = terminal.start(scratch.run(guest).args(["--stop-timeout", "1", "/bin/true"]));

    terminal.expect(b"up");
    assert!(terminal.is_raw());
    // Ctrl-C, Ctrl-D, Ctrl-Z, the framing's own byte: nothing is special on this side.
    terminal.ours.write_all(b"a\x03\x04\x1a\x10b\r").unwrap();
    let heard = terminal.expect(b"b\r");
    assert!(heard.ends_with(b"a\x03\x04\x1a\x10b\r"), "{heard:?}");

    terminal.resize(50, 300);
    terminal.expect(b"W\x32\0\x2c\x01");

    Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(143));
    let after = terminal.settings();
    assert_eq!(after.local_modes, before.local_modes);
    assert_eq!(after.input_modes, before.input_modes);
    assert_eq!(after.output_modes, before.output_modes);
}

#[test]
fn the_terminal_comes_back_after_a_panic_of_the_guest() {
    if !has_qemu() {
        return;
    }
    let scratch = Scratch::new();
    let mut terminal = Terminal::open();
    let guest = Guest::default().say(CONTROL, "panic oh\n").exit(1);
    let mut child = terminal.start(scratch.run(guest).arg("/bin/true"));
    terminal.expect(b"the kernel panicked: oh");
    assert_eq!(child.wait().unwrap().code(), Some(120));
    let started = Instant::now();
    while terminal.is_raw() {
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}
