//! Files that send a signal when they are ready: owners (`F_SETOWN`), the signal (`F_SETSIG`), and the switch (`O_ASYNC`).
//!
//! What a file has in this way is kept beside it, by the file's address, until it is closed for good: hardly any file has an owner. While the switch is on, a
//! sleeper that never sleeps stands in the file's queues and passes each wake-up on as a signal. Where a socket has an owner it stands in the first of them in any case: what is urgent (`SIGURG`) is told
//! whatever the switch says.
//!
//! Lock order: the table is taken alone; a signal is sent without any lock of this module.

use abi::signal::{SI_KERNEL, Signal};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use lock::SpinLock;
use process::signals::{Fields, Info};
use process::{Process, registry, signals};
use sortedmap::SortedMap;
use task::Wake;
use vfs::{Direction, Events, File, Watcher};

/// Who is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// Nobody.
    #[default]
    Nobody,
    /// One thread.
    Thread(u32),
    /// A process.
    Process(u32),
    /// The processes of a group.
    Group(u32),
}

/// A user, as `kill` looks at one.
#[derive(Clone, Copy, Debug, Default)]
struct User {
    uid: u32,
    euid: u32,
}

impl User {
    fn of_caller() -> Self {
        let who = process::current().map(|process| process.credentials());
        who.map_or_else(Self::default, |who| Self {
            uid: who.uid,
            euid: who.euid,
        })
    }

    fn may_signal(self, target: &Process) -> bool {
        let other = target.credentials();
        self.euid == 0
            || [self.uid, self.euid]
                .iter()
                .any(|id| [other.uid, other.suid].contains(id))
    }
}

/// What is known of a file's owner.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    owner: Owner,
    /// Who said so: nobody is signalled whom they may not signal.
    set_by: User,
    /// The signal instead of `SIGIO`, and the descriptor that it names.
    signal: Option<(Signal, i32)>,
    is_on: bool,
    /// Whether it stands where those wait who read.
    is_there: bool,
}

/// What stands in the queues of a file.
struct Teller {
    state: SpinLock<State>,
}

static TELLERS: SpinLock<SortedMap<usize, Arc<Teller>>> = SpinLock::new(SortedMap::new());

fn key(file: &File) -> usize {
    core::ptr::from_ref(file).addr()
}

fn known(file: &File) -> Option<Arc<Teller>> {
    TELLERS.lock().get(&key(file)).cloned()
}

fn known_or_new(file: &File) -> Arc<Teller> {
    let mut is_new = false;
    let teller = Arc::clone(TELLERS.lock().get_or_insert_with(key(file), || {
        is_new = true;
        Arc::new(Teller {
            state: SpinLock::new(State::default()),
        })
    }));
    if is_new {
        file.add_watcher(Arc::clone(&teller) as _);
    }
    teller
}

/// Who is told when a file is ready.
#[must_use]
pub fn owner(file: &File) -> Owner {
    known(file).map_or(Owner::Nobody, |teller| teller.state.lock().owner)
}

/// Says who is told when a file is ready.
///
/// # Errors
/// `ESRCH` for somebody who is not there.
pub fn set_owner(file: &File, owner: Owner) -> Result<()> {
    let exists = match owner {
        Owner::Nobody => true,
        Owner::Thread(tid) => registry::thread(tid).is_some(),
        Owner::Process(pid) => registry::process(pid).is_some(),
        Owner::Group(group) => registry::processes().iter().any(|process| process.group() == group),
    };
    if !exists {
        return Err(Error::new(Errno::ESRCH, "the owner is not there"));
    }
    let teller = known_or_new(file);
    let mut state = teller.state.lock();
    (state.owner, state.set_by) = (owner, User::of_caller());
    drop(state);
    if file.socket().is_ok_and(vfs::Socket::is_stream) {
        teller.stand(file);
    }
    Ok(())
}

/// The signal that is sent instead of `SIGIO`.
#[must_use]
pub fn signal(file: &File) -> Option<Signal> {
    known(file)?.state.lock().signal.map(|(signal, _)| signal)
}

/// Says which signal is sent instead of `SIGIO`, and which descriptor it names.
pub fn set_signal(file: &File, signal: Option<(Signal, i32)>) {
    known_or_new(file).state.lock().signal = signal;
}

/// Switches the signals on or off; whether the file ever sends any.
pub fn switch(file: &File, is_on: bool) -> bool {
    if !file.behaviour().is_some_and(|like| like.tells_owner()) {
        return false;
    }
    let queues = [Direction::Read, Direction::Write].map(|direction| file.queue(direction));
    let same = matches!(queues, [Some(one), Some(other)] if core::ptr::eq(one, other));
    let teller = match known(file) {
        Some(teller) => teller,
        None if !is_on => return true,
        None => known_or_new(file),
    };
    let was_on = core::mem::replace(&mut teller.state.lock().is_on, is_on);
    if was_on == is_on {
        return true;
    }
    // Who stands where those wait who read stays there.
    if is_on {
        teller.stand(file);
    }
    if let [_, Some(queue)] = queues
        && !same
    {
        let wake: Arc<dyn Wake> = teller;
        if is_on {
            queue.add_shared(wake);
        } else {
            queue.remove(&wake);
        }
    }
    true
}

impl Teller {
    /// Stands where those wait who read.
    fn stand(self: &Arc<Self>, file: &File) {
        if !core::mem::replace(&mut self.state.lock().is_there, true)
            && let Some(queue) = file.queue(Direction::Read)
        {
            queue.add_shared(Arc::clone(self) as _);
        }
    }
}

impl Wake for Teller {
    fn wake(self: Arc<Self>, events: u32) -> bool {
        let state = *self.state.lock();
        if events != u32::MAX && events & Events::URGENT.bits() != 0 {
            tell(&state, Info::kernel(Signal::URG));
        }
        if state.is_on {
            let info = match state.signal {
                None => Info::kernel(Signal::IO),
                Some((signal, fd)) => about(signal, fd, events),
            };
            tell(&state, info);
        }
        false
    }
}

fn tell(state: &State, info: Info) {
    let send = |process: &Arc<Process>| {
        if state.set_by.may_signal(process) {
            signals::send(process, info);
        }
    };
    match state.owner {
        Owner::Nobody => {}
        Owner::Thread(tid) => {
            let thread = registry::thread(tid);
            if let Some(thread) = thread.filter(|thread| state.set_by.may_signal(&thread.process)) {
                thread.send(info);
            }
        }
        Owner::Process(pid) => registry::process(pid).iter().for_each(send),
        Owner::Group(group) => {
            let all = registry::processes();
            all.iter().filter(|process| process.group() == group).for_each(send);
        }
    }
}

/// A chosen signal tells what happened to which descriptor (`si_band`, `si_fd`).
fn about(signal: Signal, fd: i32, events: u32) -> Info {
    const POLL_IN: i32 = 1;
    const POLL_OUT: i32 = 2;
    const IN: u32 = 0x41;
    const OUT: u32 = 0x304;
    let (code, band) = if events & IN != 0 {
        (POLL_IN, IN)
    } else {
        (POLL_OUT, OUT)
    };
    let mut raw = [0; 32];
    raw[..8].copy_from_slice(&u64::from(band).to_ne_bytes());
    raw[8..12].copy_from_slice(&fd.to_ne_bytes());
    Info {
        signal,
        code: if signal == Signal::IO { SI_KERNEL } else { code },
        errno: 0,
        fields: Fields::Raw(raw),
    }
}

impl Watcher for Teller {
    fn closed(self: Arc<Self>, file: &File) {
        self.state.lock().is_on = false;
        let wake: Arc<dyn Wake> = Arc::clone(&self) as _;
        for direction in [Direction::Read, Direction::Write] {
            if let Some(queue) = file.queue(direction) {
                queue.remove(&wake);
            }
        }
        let removed = TELLERS.lock().remove(&key(file));
        drop(removed);
    }
}
