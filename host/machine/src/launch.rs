//! The QEMU process: its channels, and its end in every case.
//!
//! QEMU gets socket pairs for the serial port and the three output ports. It dies with us: through the parent-death
//! signal if we are killed, which is why a small launcher (our own program, see [`enter_launcher`]) sets that signal and
//! then becomes QEMU; through [`Drop`] otherwise. It has its own process group, so that Ctrl-C reaches only us.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use rustix::io::FdFlags;
use rustix::process::Signal;

use crate::spec::{MachineSpec, Ports};

/// A QEMU that runs, with our ends of its channels.
pub(crate) struct Machine {
    child: Child,
    /// Serial port: standard input there, kernel messages back.
    pub(crate) serial: UnixStream,
    /// Standard output, standard error, control lines. The first also takes standard input, for the device.
    pub(crate) outputs: [UnixStream; 3],
    /// What QEMU itself has to say.
    pub(crate) stderr: ChildStderr,
}

impl Machine {
    /// Starts the machine. `launcher` is a program and first arguments that call [`enter_launcher`].
    pub(crate) fn start(spec: &MachineSpec, launcher: Option<&[OsString]>) -> io::Result<Machine> {
        let (serial, serial_there) = pair()?;
        let (out, out_there) = pair()?;
        let (err, mut err_there) = pair()?;
        if same_place()? {
            err_there = again(&out_there)?;
        }
        let (control, control_there) = pair()?;
        let bulk = [again(&out_there)?, again(&err_there)?];
        let debug = [&out_there, &err_there, &control_there].map(AsRawFd::as_raw_fd);
        let arguments = spec.arguments(Ports::Sockets {
            serial: serial_there.as_raw_fd(),
            debug,
            bulk: bulk.each_ref().map(AsRawFd::as_raw_fd),
        });

        let mut command = match launcher.and_then(<[OsString]>::split_first) {
            Some((program, first)) => {
                let mut command = Command::new(program);
                command.args(first).arg(&spec.qemu);
                command
            }
            None => Command::new(&spec.qemu),
        };
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = command.spawn()?;
        let stderr = child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Machine {
            child,
            serial,
            outputs: [out, err, control],
            stderr,
        })
    }

    /// Waits for QEMU to end by itself.
    pub(crate) fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }

    /// Ends QEMU now.
    pub(crate) fn kill(&mut self) {
        // Either fails only when there is nothing left to end.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether our standard output and error lead to the same terminal or file. The guest's then share a socket, so that what
/// it writes appears in the order in which it was written; the second socket is closed from the start.
fn same_place() -> io::Result<bool> {
    let (out, err) = (rustix::fs::fstat(io::stdout())?, rustix::fs::fstat(io::stderr())?);
    Ok((out.st_dev, out.st_ino, out.st_rdev) == (err.st_dev, err.st_ino, err.st_rdev))
}

/// Our end, which no child inherits, and QEMU's end, which it does.
fn pair() -> io::Result<(UnixStream, UnixStream)> {
    let (here, there) = UnixStream::pair()?;
    here.set_nonblocking(true)?;
    rustix::io::fcntl_setfd(&there, FdFlags::empty())?;
    Ok((here, there))
}

/// The same end once more for QEMU.
fn again(there: &UnixStream) -> io::Result<UnixStream> {
    let again = there.try_clone()?;
    rustix::io::fcntl_setfd(&again, FdFlags::empty())?;
    Ok(again)
}

/// Becomes the program `command` names, bound to die with the parent process.
///
/// # Errors
/// Returns only if the program cannot be started.
pub fn enter_launcher(command: &[OsString]) -> io::Result<Infallible> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let Some((program, arguments)) = command.split_first() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    Err(Command::new(Path::new(program)).args(arguments).exec())
}
