//! What happens when no memory is left for what a program touched: names and inodes that can be found again make room; if that is not enough, one process is killed.
//!
//! The victim is the process that has most in memory, as Linux chooses it: `oom_score_adj` counts thousandths of the machine's memory for or against it, and -1000 keeps it alive.
//! Of equals it is the youngest. The first process is the application, with which everything ends: it is chosen only when it has more than all others together, or nobody else is left.
//! Who touched the memory waits for the victim's to come free.

use alloc::string::String;
use alloc::sync::Arc;
use lock::atomic::Ordering;
use process::exit::{Status, begin_end};
use process::{Process, Thread, registry};

/// How long somebody waits for a victim's memory before looking again, and how often it looks before there is another victim.
const WAIT: u64 = 2_000_000;
const LOOKS: u32 = 500;
/// Frames that have to be free for a thread to try again without a victim. (Free frames may be other CPUs' for the moment: who has tried in vain does not count.)
const ENOUGH: u64 = 8;

/// Makes room for a thread that touched memory; `tried` says that it was not enough before. False when the thread's own process is the victim, or nobody can be killed.
pub(crate) fn make_room(thread: &Thread, tried: bool) -> bool {
    if is_ending(&thread.process) {
        return false;
    }
    if !tried && frames::has_headroom(ENOUGH) {
        return true;
    }
    if !registry::processes().iter().any(is_ending) {
        let Some(victim) = choose() else { return false };
        kill(&victim);
    }
    for _ in 0..LOOKS {
        if is_ending(&thread.process) {
            return false;
        }
        if !registry::processes().iter().any(is_ending) {
            return true;
        }
        // Signals wait: the program is in the middle of an instruction.
        task::wait::rest_until(time::now() + WAIT);
    }
    // Whoever was to end does not: somebody else has to.
    choose().is_some_and(|victim| {
        kill(&victim);
        !is_ending(&thread.process)
    })
}

/// Whether a process is about to give its memory back.
fn is_ending(process: &Arc<Process>) -> bool {
    process.is_ending() && process.status().is_none()
}

/// How much a process has, in pages, with what `oom_score_adj` adds or takes off; nothing for one that is not to be killed.
fn badness(process: &Process) -> Option<u64> {
    let adjustment = process.oom_adjustment.load(Ordering::Relaxed);
    if adjustment <= NEVER || process.status().is_some() || process.is_ending() {
        return None;
    }
    let weight = i64::from(adjustment) * frames::usage().total as i64 / 1000;
    Some(process.space().counters().resident.saturating_add_signed(weight).max(1))
}

const NEVER: i32 = -1000;

fn choose() -> Option<Arc<Process>> {
    const APPLICATION: u32 = 1;
    let mut chosen: Option<(u64, Arc<Process>)> = None;
    let mut others = 0;
    let mut application = None;
    for process in registry::processes() {
        let Some(points) = badness(&process) else { continue };
        if process.pid == APPLICATION {
            application = Some((points, process));
            continue;
        }
        others += points;
        if chosen.as_ref().is_none_or(|(most, _)| points >= *most) {
            chosen = Some((points, process));
        }
    }
    match (application, chosen) {
        (Some((points, application)), _) if points > others => Some(application),
        (_, Some((_, chosen))) => Some(chosen),
        (application, None) => application.map(|(_, process)| process),
    }
}

fn kill(victim: &Arc<Process>) {
    let counters = victim.space().counters();
    let name = victim.name();
    trace::error!(
        "out of memory: process {} ({}) is killed, which has {} KiB in memory and {} KiB mapped; the machine has {} KiB",
        victim.pid,
        String::from_utf8_lossy(name.split(|&byte| byte == 0).next().unwrap_or(b"")),
        counters.resident * 4,
        counters.total * 4,
        frames::usage().total * 4
    );
    begin_end(victim, Status::Signaled(abi::signal::Signal::KILL));
}
