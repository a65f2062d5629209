//! The requests that a terminal knows.

use crate::discipline::Discipline;
use crate::terminal::Terminal;
use abi::ioctl::{
    FIONREAD, TCFLSH, TCGETS, TCSBRK, TCSETS, TCSETSF, TCSETSW, TCXONC, TIOCGPGRP, TIOCGSID, TIOCGWINSZ, TIOCNOTTY,
    TIOCOUTQ, TIOCSCTTY, TIOCSPGRP, TIOCSWINSZ, Termios, WinSize,
};
use abi::{Errno, Error, Result};
use usermem::UserPtr;

const TCSBRKP: u32 = 0x5425;
const TIOCGETD: u32 = 0x5424;
const TCGETS2: u32 = 0x802c_542a;
const TCSETS2: u32 = 0x402c_542b;
const TCSETSW2: u32 = 0x402c_542c;
const TCSETSF2: u32 = 0x402c_542d;
/// What `struct termios2` has behind `struct termios`: the speeds.
const SPEEDS: [u32; 2] = [38400; 2];

pub(crate) fn ioctl(terminal: &Terminal, request: u32, argument: u64) -> Result<u64> {
    match request {
        TCGETS => UserPtr::<Termios>::new(argument).write(&terminal.look(|discipline| *discipline.termios()))?,
        TCGETS2 => {
            UserPtr::<Termios>::new(argument).write(&terminal.look(|discipline| *discipline.termios()))?;
            let behind = argument.wrapping_add(size_of::<Termios>() as u64);
            UserPtr::<[u32; 2]>::new(behind).write(&SPEEDS)?;
        }
        TCSETS | TCSETSW | TCSETSF | TCSETS2 | TCSETSW2 | TCSETSF2 => {
            let termios = UserPtr::<Termios>::new(argument).read()?;
            let flush = matches!(request, TCSETSF | TCSETSF2);
            terminal.with(|discipline| {
                if flush {
                    discipline.flush_input();
                }
                discipline.set_termios(termios);
            });
        }
        TIOCGWINSZ => UserPtr::<WinSize>::new(argument).write(&terminal.size())?,
        TIOCSWINSZ => terminal.set_size(UserPtr::<WinSize>::new(argument).read()?),
        FIONREAD => UserPtr::<i32>::new(argument).write(&(terminal.look(Discipline::pending) as i32))?,
        TIOCOUTQ | TIOCGETD => UserPtr::<i32>::new(argument).write(&0)?,
        // All output has gone out when a write returns.
        TCSBRK | TCSBRKP => {}
        TCFLSH => flush(terminal, argument)?,
        TCXONC => flow(terminal, argument)?,
        TIOCGPGRP => UserPtr::<i32>::new(argument).write(&stored(terminal.foreground())?)?,
        TIOCGSID => UserPtr::<i32>::new(argument).write(&stored(terminal.session())?)?,
        TIOCSPGRP => {
            let group = UserPtr::<i32>::new(argument).read()?;
            if group <= 0 {
                return Err(Error::new(Errno::EINVAL, "no process group has such a number"));
            }
            terminal.set_foreground(terminal.session(), group);
        }
        TIOCSCTTY | TIOCNOTTY => {}
        _ => return Err(Error::new(Errno::ENOTTY, "a terminal does not know the request")),
    }
    Ok(0)
}

/// A process group or session, if the terminal has one.
fn stored(number: i32) -> Result<i32> {
    if number > 0 {
        Ok(number)
    } else {
        Err(Error::new(Errno::ENOTTY, "the terminal is nobody's"))
    }
}

fn flush(terminal: &Terminal, which: u64) -> Result<()> {
    match which {
        0 | 2 => terminal.with(Discipline::flush_input),
        1 => {}
        _ => return Err(Errno::EINVAL.into()),
    }
    Ok(())
}

fn flow(terminal: &Terminal, action: u64) -> Result<()> {
    match action {
        0 => terminal.with(|discipline| discipline.set_stopped(true)),
        1 => terminal.with(|discipline| discipline.set_stopped(false)),
        // Asking the keyboard to stop and go on: nothing here types that fast.
        2 | 3 => {}
        _ => return Err(Errno::EINVAL.into()),
    }
    Ok(())
}
