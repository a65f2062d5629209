//! Restartable sequences (`rseq(2)`): short pieces of a program that begin again when the thread loses its CPU in the middle of them.
//!
//! A thread registers an area in its memory. The kernel keeps the number of the CPU there, and looks, whenever the thread was made to give its CPU up, went to another one or
//! is about to run a signal's handler, whether the thread was within the sequence that the area names: then it goes on at the sequence's abort address. A thread that makes a call
//! is outside of all sequences, so that one that sleeps in a call costs nothing: only a new CPU is told ([`task::Work::CPU`]). Threads without an area pay one look at a word
//! where they lose their CPU.
//!
//! What is wrong with an area or with a sequence is found when nobody is there to be answered: the thread gets `SIGSEGV`.

use crate::signals::Info;
use crate::thread::Thread;
use abi::signal::Signal;
use abi::{Errno, Error, Result};
use hal::thread::UserFrame;
use lock::atomic::{AtomicU32, AtomicU64, Ordering};
use task::Work;
use usermem::UserPtr;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The length and the alignment that the area had first; the C library still uses it.
pub const FIRST_LENGTH: u32 = 32;
/// How much of the area means something to this kernel.
pub const FEATURES: u32 = 28;

/// Offsets in the area.
const CPU: u64 = 0;
const SEQUENCE: u64 = 8;
const FLAGS: u64 = 16;
const NODE: u64 = 20;
/// What the CPU's number is where no area is registered.
const NOT_REGISTERED: u32 = u32::MAX;

/// The area of a thread.
#[derive(Debug, Default)]
pub struct Area {
    address: AtomicU64,
    length: AtomicU32,
    signature: AtomicU32,
}

/// `struct rseq_cs`: a sequence.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Sequence {
    version: u32,
    flags: u32,
    start: u64,
    length: u64,
    abort: u64,
}

const fn invalid(why: &'static str) -> Error {
    Error::new(Errno::EINVAL, why)
}

impl Area {
    /// Whether there is one.
    #[must_use]
    #[inline]
    pub fn is_registered(&self) -> bool {
        self.address.load(Ordering::Relaxed) != 0
    }

    /// Forgets it: another program runs.
    pub fn forget(&self) {
        self.address.store(0, Ordering::Relaxed);
    }

    /// Takes over the area of the thread that made this one in a copy of its memory.
    pub fn inherit(&self, maker: &Self) {
        for (own, other) in [(&self.length, &maker.length), (&self.signature, &maker.signature)] {
            own.store(other.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.address
            .store(maker.address.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    fn is(&self, address: u64, length: u32) -> bool {
        (
            self.address.load(Ordering::Relaxed),
            self.length.load(Ordering::Relaxed),
        ) == (address, length)
    }

    fn check_signature(&self, signature: u32) -> Result<()> {
        if self.signature.load(Ordering::Relaxed) == signature {
            Ok(())
        } else {
            Err(Error::new(
                Errno::EPERM,
                "the area was registered with another signature",
            ))
        }
    }
}

/// Registers an area for the running thread.
///
/// # Errors
/// `EINVAL` for an area of another shape, or when there is another already; `EBUSY` for the same one; `EPERM` for the same one with another signature; `EFAULT`.
pub fn register(thread: &Thread, address: u64, length: u32, signature: u32) -> Result<()> {
    let area = &thread.rseq;
    if area.is_registered() {
        if !area.is(address, length) {
            return Err(invalid("the thread has another area"));
        }
        area.check_signature(signature)?;
        return Err(Error::new(Errno::EBUSY, "the area is registered already"));
    }
    if length < FIRST_LENGTH || !address.is_multiple_of(u64::from(FIRST_LENGTH)) {
        return Err(invalid("the area is too short, or lies askew"));
    }
    if address
        .checked_add(u64::from(length))
        .is_none_or(|end| end > address::USER_END)
    {
        return Err(Error::new(Errno::EFAULT, "the area is not the program's"));
    }
    area.length.store(length, Ordering::Relaxed);
    area.signature.store(signature, Ordering::Relaxed);
    area.address.store(address, Ordering::Relaxed);
    task::with_current(|task| task.note_work(Work::CPU));
    Ok(())
}

/// Takes the running thread's area back.
///
/// # Errors
/// `EINVAL` when it has another or none, `EPERM` for another signature, `EFAULT`.
pub fn unregister(thread: &Thread, address: u64, length: u32, signature: u32) -> Result<()> {
    let area = &thread.rseq;
    if !area.is_registered() || !area.is(address, length) {
        return Err(invalid("the thread has no such area"));
    }
    area.check_signature(signature)?;
    UserPtr::new(address + CPU).write(&[0, NOT_REGISTERED])?;
    UserPtr::new(address + NODE).write(&[0u32; 2])?;
    area.forget();
    Ok(())
}

/// The running thread is on another CPU than before, or has just registered its area: says which in the area.
pub fn tell_cpu(thread: &Thread) {
    let address = thread.rseq.address.load(Ordering::Relaxed);
    if address == 0 {
        return;
    }
    let cpu = hal::cpu::current() as u32;
    // The number within the process is the CPU's own: no two threads have it at one time.
    let told = UserPtr::new(address + CPU)
        .write(&[cpu; 2])
        .and_then(|()| UserPtr::new(address + NODE).write(&[0, cpu]));
    if told.is_err() {
        thread.force(Info::kernel(Signal::SEGV));
    }
}

/// The running thread lost its CPU, or is about to run a handler: where it was within a sequence, it goes on at the sequence's abort address.
#[inline]
pub fn interrupt(thread: &Thread, frame: &mut UserFrame) {
    let address = thread.rseq.address.load(Ordering::Relaxed);
    if address != 0 && abort(thread, frame, address).is_err() {
        thread.force(Info::kernel(Signal::SEGV));
    }
}

#[inline(never)]
fn abort(thread: &Thread, frame: &mut UserFrame, area: u64) -> Result<()> {
    let named = UserPtr::<u64>::new(area + SEQUENCE);
    let at = named.read()?;
    if at == 0 {
        return Ok(());
    }
    let sequence = UserPtr::<Sequence>::new(at).read()?;
    check(&sequence, thread.rseq.signature.load(Ordering::Relaxed))?;
    let inside = frame.instruction_pointer().wrapping_sub(sequence.start) < sequence.length;
    if inside {
        let flags = UserPtr::<u32>::new(area + FLAGS).read()?;
        if flags != 0 || sequence.flags != 0 {
            return Err(invalid("a sequence that is not to be restarted"));
        }
    }
    named.write(&0)?;
    if inside {
        frame.set_instruction_pointer(sequence.abort);
        frame.forget_call();
    }
    Ok(())
}

/// Refuses a sequence that could be used to go where the program did not mean to.
fn check(sequence: &Sequence, signature: u32) -> Result<()> {
    const SIGNATURE: u64 = 4;
    let end = sequence.start.checked_add(sequence.length);
    let is_program = |address: u64| address < address::USER_END;
    if sequence.version > 0
        || !is_program(sequence.start)
        || !is_program(sequence.abort)
        || !end.is_some_and(is_program)
        || sequence.abort.wrapping_sub(sequence.start) < sequence.length
    {
        return Err(invalid("a sequence that makes no sense"));
    }
    if UserPtr::<u32>::new(sequence.abort.wrapping_sub(SIGNATURE)).read()? != signature {
        return Err(invalid("the abort address does not bear the signature"));
    }
    Ok(())
}
