//! Who is whose child, and what becomes of children whose parent ends.
//!
//! Whether a process has ended, who its parent is and whom it has for children change together, under one lock for all processes. So a child that ends while its parent does is told to
//! the one or to the other who waits for it, a process that ends adopts nobody, and a child that nobody wants to know of is gone at the moment at which it has ended.
//!
//! The application seldom knows that it is the first process: unless it says that it collects orphans (`PR_SET_CHILD_SUBREAPER`), the kernel does so in its place, and it never hears of
//! them.
//!
//! The parent's signal is sent and the child can be waited for at once, as on Linux: who has waited has been signalled, and who has been signalled finds the child. Sleepers are woken afterwards, without the lock. Lock order: family → a
//! process's children, parent, status and actions, one at a time; what sending a signal takes.

use crate::exit::{Status, child_info};
use crate::registry;
use crate::shared::Process;
use crate::signals;
use abi::signal::{SA_NOCLDWAIT, SIG_IGN, Signal};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::iter;
use lock::SpinLock;
use lock::atomic::Ordering;

static FAMILY: SpinLock<()> = SpinLock::new(());

/// Enters a new process among its maker's children, or `beside` its maker.
///
/// # Errors
/// `EINVAL` beside the first process, which has no parent.
pub fn enter(child: &Arc<Process>, maker: &Arc<Process>, beside: bool) -> Result<()> {
    let family = FAMILY.lock();
    let parent = if beside {
        maker.parent()
    } else {
        Some(Arc::clone(maker))
    };
    if let Some(parent) = &parent {
        child.set_parent(parent);
        if beside && maker.is_adopted.load(Ordering::Acquire) {
            child.is_adopted.store(true, Ordering::Release);
        } else {
            parent.children.lock().push(Arc::clone(child));
        }
    }
    drop(family);
    match parent {
        Some(_) => Ok(()),
        None => Err(Error::new(Errno::EINVAL, "the first process has no parent")),
    }
}

/// A process that has ended, as its parent is to hear of it.
pub(crate) struct News {
    pub(crate) child: Arc<Process>,
    /// Who hears of it, if anybody does.
    pub(crate) parent: Option<Arc<Process>>,
    /// Nobody waits for it: it is among no one's children any more.
    pub(crate) is_gone: bool,
}

/// What the end of a process changed.
pub(crate) struct Ended {
    /// Its own news.
    pub(crate) own: News,
    /// Its children, which have another parent now.
    pub(crate) orphans: Vec<Arc<Process>>,
    /// The news of those that have ended already.
    pub(crate) news: Vec<News>,
}

/// A process has ended. Its children go to the next that collects orphans: a subreaper above it, or the first process, or the kernel in its place.
pub(crate) fn end(process: &Arc<Process>, status: Status) -> Ended {
    let family = FAMILY.lock();
    let orphans = core::mem::take(&mut *process.children.lock());
    let mut news = Vec::new();
    if !orphans.is_empty()
        && let Some(reaper) = reaper_of(process)
    {
        let is_kernels = reaper.pid == 1 && !reaper.subreaper.load(Ordering::Relaxed);
        for orphan in &orphans {
            orphan.set_parent(&reaper);
            orphan.exit_signal.store(u32::from(Signal::CHLD.0), Ordering::Relaxed);
            orphan.is_adopted.store(is_kernels, Ordering::Release);
            let ended = orphan.status().map(|status| tell(orphan, status));
            if !is_kernels && ended.as_ref().is_none_or(|news| !news.is_gone) {
                reaper.children.lock().push(Arc::clone(orphan));
            }
            news.extend(ended);
        }
    }
    let own = tell(process, status);
    if own.is_gone
        && let Some(parent) = &own.parent
    {
        leave(parent, process);
    }
    // From here on it can be waited for.
    *process.status.lock() = Some(status);
    drop(family);
    Ended { own, orphans, news }
}

/// Who collects the children of a process that has ended.
fn reaper_of(process: &Process) -> Option<Arc<Process>> {
    let collects = |above: &Arc<Process>| above.pid == 1 || above.subreaper.load(Ordering::Relaxed);
    iter::successors(process.parent(), |above| above.parent())
        .find(|above| collects(above) && above.status().is_none())
        .or_else(|| registry::process(1))
}

/// Sends a parent the signal that a child has ended, and finds out whether it wants to know more.
fn tell(child: &Arc<Process>, status: Status) -> News {
    let parent = child.parent().filter(|_| !child.is_adopted.load(Ordering::Acquire));
    let is_gone = match &parent {
        None => true,
        Some(parent) => {
            let action = parent.signals.action(Signal::CHLD);
            let unwanted = action.handler == SIG_IGN || action.flags & SA_NOCLDWAIT != 0;
            let signal = Signal::new(child.exit_signal.load(Ordering::Relaxed));
            if let Some(signal) = signal {
                signals::send(parent, child_info(signal, child, status));
            }
            signal == Some(Signal::CHLD) && unwanted
        }
    };
    News {
        child: Arc::clone(child),
        parent,
        is_gone,
    }
}

/// Calls `look` with a process's children, none of which is about to end.
pub fn with_children<T>(parent: &Process, look: impl FnOnce(&[Arc<Process>]) -> T) -> T {
    let _family = FAMILY.lock();
    look(&parent.children.lock())
}

fn leave(parent: &Process, child: &Arc<Process>) -> bool {
    let mut children = parent.children.lock();
    let at = children.iter().position(|other| Arc::ptr_eq(other, child));
    at.map(|at| children.remove(at)).is_some()
}

/// Takes a child out of its parent's children; whether it was there.
pub(crate) fn take(parent: &Process, child: &Arc<Process>) -> bool {
    let _family = FAMILY.lock();
    leave(parent, child)
}
