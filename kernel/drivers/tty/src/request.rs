//! The requests that a terminal knows, through itself or through its master.

use crate::job;
use crate::line::Line;
use crate::pty::{Master, Pair};
use crate::terminal::{State, Terminal};
use abi::fcntl::OpenFlags;
use abi::ioctl::{
    CLOCAL, CREAD, CS8, CSIZE, EXTPROC, FIONREAD, IXON, PARENB, TCFLSH, TCGETA, TCGETS, TCGETS2, TCSBRK, TCSBRKP,
    TCSETA, TCSETAF, TCSETAW, TCSETS, TCSETS2, TCSETSF, TCSETSF2, TCSETSW, TCSETSW2, TCXONC, TIOCCBRK, TIOCEXCL,
    TIOCGDEV, TIOCGETD, TIOCGEXCL, TIOCGLCKTRMIOS, TIOCGPGRP, TIOCGPKT, TIOCGPTLCK, TIOCGPTN, TIOCGPTPEER, TIOCGSID,
    TIOCGSOFTCAR, TIOCGWINSZ, TIOCNOTTY, TIOCNXCL, TIOCOUTQ, TIOCPKT, TIOCSBRK, TIOCSCTTY, TIOCSETD, TIOCSIG,
    TIOCSLCKTRMIOS, TIOCSPGRP, TIOCSPTLCK, TIOCSSOFTCAR, TIOCSTI, TIOCSWINSZ, TIOCVHANGUP, Termio, Termios, Termios2,
    VSTART, VSTOP, WinSize, packet,
};
use abi::resource::RLIMIT_NOFILE;
use abi::signal::Signal;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use lock::Once;
use lock::atomic::Ordering;
use usermem::UserPtr;
use vfs::{File, capability};

/// What of the bytes that a master finds Linux counts (`FIONREAD`): those in its discipline.
const COUNTED: usize = 4095;

/// Opens the terminal of a pair by number, whatever leads to it.
pub type OpenPeer = fn(u32, OpenFlags) -> Result<Arc<File>>;

static PEER: Once<OpenPeer> = Once::new();

/// Registers what opens the terminal that belongs to a master (`TIOCGPTPEER`). The first registration counts.
pub fn set_peer(open: OpenPeer) {
    let _first = PEER.set(open);
}

const UNKNOWN: Error = Error::new(Errno::ENOTTY, "a terminal does not know the request");
const NOT_ALLOWED: Error = Error::new(Errno::EPERM, "only the superuser may");

fn store(argument: u64, value: impl Into<i64>) -> Result<u64> {
    let value: i64 = value.into();
    UserPtr::<i32>::new(argument).write(&(value as i32))?;
    Ok(0)
}

fn number(argument: u64) -> Result<i32> {
    UserPtr::<i32>::new(argument).read()
}

/// A request through the terminal itself.
pub(crate) fn slave(terminal: &Arc<Terminal>, file: &File, request: u32, argument: u64) -> Result<u64> {
    match request {
        FIONREAD => {
            let pending = terminal.state.lock().discipline.pending();
            store(argument, pending as i64)
        }
        TCFLSH => {
            job::check_background(terminal, Signal::TTOU)?;
            flush(terminal, argument)
        }
        TCXONC => {
            job::check_background(terminal, Signal::TTOU)?;
            flow(terminal, argument)
        }
        TIOCSTI => type_in(terminal, argument),
        TIOCEXCL | TIOCNXCL => {
            terminal.exclusive.store(request == TIOCEXCL, Ordering::Relaxed);
            Ok(0)
        }
        TIOCGEXCL => store(argument, terminal.exclusive.load(Ordering::Relaxed)),
        TIOCNOTTY => job::give_up(terminal).map(|()| 0),
        TIOCVHANGUP if job::has_capability(capability::SYS_ADMIN) => {
            terminal.hang_up_for(false);
            Ok(0)
        }
        TIOCVHANGUP => Err(NOT_ALLOWED),
        TIOCGPTPEER => Err(Error::new(Errno::EIO, "only a master has a peer")),
        _ => common(terminal, file, request, argument, false),
    }
}

/// A request through the master.
pub(crate) fn master(master: &Master, file: &File, request: u32, argument: u64) -> Result<u64> {
    let (terminal, Some(pair)) = (&master.terminal, master.pair()) else {
        return Err(UNKNOWN);
    };
    match request {
        TIOCGPTN => store(argument, terminal.number()),
        TIOCSPTLCK => {
            pair.locked.store(number(argument)? != 0, Ordering::Relaxed);
            Ok(0)
        }
        TIOCGPTLCK => store(argument, pair.locked.load(Ordering::Relaxed)),
        TIOCPKT => {
            let on = number(argument)? != 0;
            set_packets(terminal, pair, on);
            Ok(0)
        }
        TIOCGPKT => store(argument, pair.packets.load(Ordering::Relaxed)),
        TIOCSIG => {
            let signal = Signal::new(argument as u32).filter(|signal| KEYS.contains(signal));
            let signal = signal.ok_or(Error::new(Errno::EINVAL, "no key raises that signal"))?;
            terminal.signal_foreground(signal);
            Ok(0)
        }
        TIOCGPTPEER => peer(terminal, argument),
        FIONREAD => {
            let shown = terminal.state.lock().shown.len();
            store(argument, shown.min(COUNTED) as i64)
        }
        TCFLSH => flush_master(terminal, argument),
        TCXONC | TIOCEXCL | TIOCNXCL => Ok(0),
        TIOCGEXCL => store(argument, false),
        TIOCNOTTY => Err(UNKNOWN),
        TIOCVHANGUP | TIOCSTI => Err(NOT_ALLOWED),
        _ => common(terminal, file, request, argument, true),
    }
}

/// Signals that keys raise.
const KEYS: [Signal; 3] = [Signal::INT, Signal::QUIT, Signal::TSTP];

/// What is the same through both.
fn common(terminal: &Arc<Terminal>, file: &File, request: u32, argument: u64, through_master: bool) -> Result<u64> {
    match request {
        TCGETS | TCGETS2 | TCGETA => settings(terminal, request, argument),
        TCSETS | TCSETSW | TCSETSF | TCSETS2 | TCSETSW2 | TCSETSF2 | TCSETA | TCSETAW | TCSETAF => {
            change_settings(terminal, request, argument)
        }
        TIOCGLCKTRMIOS => {
            let locked = *terminal.locked.lock();
            UserPtr::<Termios>::new(argument).write(&locked).map(|()| 0)
        }
        TIOCSLCKTRMIOS if job::has_capability(capability::SYS_ADMIN) => {
            let locked = UserPtr::<Termios>::new(argument).read()?;
            *terminal.locked.lock() = locked;
            Ok(0)
        }
        TIOCSLCKTRMIOS => Err(NOT_ALLOWED),
        TIOCGWINSZ => UserPtr::<WinSize>::new(argument).write(&terminal.size()).map(|()| 0),
        TIOCSWINSZ => {
            terminal.set_size(UserPtr::<WinSize>::new(argument).read()?);
            Ok(0)
        }
        TIOCGSOFTCAR => {
            let local = terminal.state.lock().discipline.termios().cflag & CLOCAL != 0;
            store(argument, local)
        }
        TIOCSSOFTCAR => {
            let local = number(argument)? != 0;
            let mut termios = *terminal.state.lock().discipline.termios();
            termios.cflag = termios.cflag & !CLOCAL | if local { CLOCAL } else { 0 };
            set_termios(terminal, termios);
            Ok(0)
        }
        TIOCGETD | TIOCOUTQ => store(argument, 0),
        TIOCSETD => {
            job::check_background(terminal, Signal::TTOU)?;
            match number(argument)? {
                0 => Ok(0),
                _ => Err(Error::new(Errno::EINVAL, "there is one line discipline only")),
            }
        }
        // All output has gone out when a write returns, and a line without wires has no breaks.
        TCSBRK | TCSBRKP | TIOCSBRK | TIOCCBRK => job::check_background(terminal, Signal::TTOU).map(|()| 0),
        TIOCGDEV => {
            let (major, minor) = (abi::stat::major(terminal.device), abi::stat::minor(terminal.device));
            store(argument, minor & 0xff | major << 8 | (minor & !0xff) << 12)
        }
        TIOCSCTTY => job::take(terminal, file.is_readable(), argument == 1).map(|()| 0),
        TIOCGPGRP => store(argument, job::foreground_of(terminal, through_master)?),
        TIOCGSID => store(argument, job::session_of(terminal, through_master)?),
        TIOCSPGRP => job::set_foreground(terminal, || number(argument)).map(|()| 0),
        _ => Err(UNKNOWN),
    }
}

fn settings(terminal: &Terminal, request: u32, argument: u64) -> Result<u64> {
    let termios = *terminal.state.lock().discipline.termios();
    match request {
        TCGETS => UserPtr::<Termios>::new(argument).write(&termios.short())?,
        TCGETS2 => UserPtr::<Termios2>::new(argument).write(&termios)?,
        _ => UserPtr::<Termio>::new(argument).write(&termios.old())?,
    }
    Ok(0)
}

fn change_settings(terminal: &Terminal, request: u32, argument: u64) -> Result<u64> {
    job::check_background(terminal, Signal::TTOU)?;
    let termios = *terminal.state.lock().discipline.termios();
    let wanted = match request {
        TCSETS | TCSETSW | TCSETSF => termios.with_short(&UserPtr::<Termios>::new(argument).read()?),
        TCSETA | TCSETAW | TCSETAF => termios.with_old(&UserPtr::<Termio>::new(argument).read()?),
        _ => UserPtr::<Termios2>::new(argument).read()?,
    };
    if matches!(request, TCSETSF | TCSETSF2 | TCSETAF) {
        terminal.change(|state| terminal.flush_input(state));
    }
    set_termios(terminal, wanted.with_speeds());
    Ok(0)
}

fn set_termios(terminal: &Terminal, mut wanted: Termios2) {
    if matches!(terminal.line, Line::Pair(_)) {
        wanted.cflag = wanted.cflag & !(CSIZE | PARENB) | CS8 | CREAD;
    }
    let locked = *terminal.locked.lock();
    terminal.change(|state| {
        let before = *state.discipline.termios();
        keep_locked(&mut wanted, &before, &locked);
        state.discipline.set_termios(wanted);
        tell_of_settings(terminal, state, &before, &wanted);
    });
    terminal.wake_everybody();
    terminal.refill();
}

/// Leaves what is locked as it was.
fn keep_locked(wanted: &mut Termios2, before: &Termios2, locked: &Termios) {
    let keep = |wanted: u32, before: u32, locked: u32| wanted & !locked | before & locked;
    wanted.iflag = keep(wanted.iflag, before.iflag, locked.iflag);
    wanted.oflag = keep(wanted.oflag, before.oflag, locked.oflag);
    wanted.cflag = keep(wanted.cflag, before.cflag, locked.cflag);
    wanted.lflag = keep(wanted.lflag, before.lflag, locked.lflag);
    if locked.line != 0 {
        wanted.line = before.line;
    }
    let keys = wanted.cc.iter_mut().zip(before.cc).zip(locked.cc);
    for ((key, before), _) in keys.filter(|(_, locked)| *locked != 0) {
        *key = before;
    }
}

/// Whether the usual keys stop and start output.
fn has_usual_flow(termios: &Termios2) -> bool {
    let key = |index: usize| termios.cc.get(index).copied();
    termios.iflag & IXON != 0 && key(VSTOP) == Some(0x13) && key(VSTART) == Some(0x11)
}

fn tell_of_settings(terminal: &Terminal, state: &mut State, before: &Termios2, now: &Termios2) {
    let flow = has_usual_flow(now);
    if has_usual_flow(before) != flow {
        let news = if flow { packet::DO_STOP } else { packet::NO_STOP };
        terminal.tell(state, news);
    }
    if (before.lflag | now.lflag) & EXTPROC != 0 {
        terminal.tell(state, packet::IOCTL);
    }
}

fn flush(terminal: &Terminal, which: u64) -> Result<u64> {
    if which > 2 {
        return Err(Error::new(Errno::EINVAL, "there are two queues to flush"));
    }
    terminal.change(|state| {
        if which != 1 {
            terminal.flush_input(state);
        }
        if which != 0 {
            terminal.flush_output(state);
        }
    });
    terminal.wake_everybody();
    terminal.refill();
    Ok(0)
}

/// The master's input is what the terminal shows, and its output what is typed.
fn flush_master(terminal: &Terminal, which: u64) -> Result<u64> {
    if which > 2 {
        return Err(Error::new(Errno::EINVAL, "there are two queues to flush"));
    }
    terminal.change(|state| {
        if which != 1 {
            state.shown.clear();
        }
        if which != 0 {
            state.typed.clear();
        }
    });
    terminal.wake_everybody();
    Ok(0)
}

fn flow(terminal: &Terminal, action: u64) -> Result<u64> {
    match action {
        0 | 1 => {
            terminal.change(|state| state.discipline.hold(action == 0));
        }
        2 | 3 => terminal.change(|state| {
            let index = if action == 2 { VSTOP } else { VSTART };
            let key = state.discipline.termios().cc.get(index).copied().unwrap_or(0);
            if key != 0 {
                terminal.show(state, &[key]);
            }
        }),
        _ => return Err(Error::new(Errno::EINVAL, "there are four ways to stop and start")),
    }
    terminal.wake_everybody();
    Ok(0)
}

/// `TIOCSTI`: types a byte.
fn type_in(terminal: &Terminal, argument: u64) -> Result<u64> {
    let own = process::current().is_none_or(|process| process.is_controlled_by(terminal));
    if !own && !job::has_capability(capability::SYS_ADMIN) {
        return Err(Error::new(Errno::EPERM, "it is not the process's terminal"));
    }
    let byte = UserPtr::<u8>::new(argument).read()?;
    terminal.input(&[byte]);
    Ok(0)
}

fn set_packets(terminal: &Terminal, pair: &Pair, on: bool) {
    let mut state = terminal.state.lock();
    if on && !pair.packets.load(Ordering::Relaxed) {
        state.news = 0;
    }
    pair.packets.store(on, Ordering::Relaxed);
}

/// `TIOCGPTPEER`: opens the terminal; the answer is a descriptor.
fn peer(terminal: &Terminal, flags: u64) -> Result<u64> {
    let open = PEER.get().ok_or(UNKNOWN)?;
    let process = process::current().ok_or(UNKNOWN)?;
    let flags = OpenFlags::from_bits_truncate(flags as u32);
    let file = open(terminal.number(), flags)?;
    let close_on_exec = flags.contains(OpenFlags::CLOEXEC);
    let descriptor = process
        .files()
        .add(file, close_on_exec, 0, process.limit(RLIMIT_NOFILE))?;
    Ok(descriptor as u64)
}
