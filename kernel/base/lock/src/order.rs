//! Which locks may be taken while others are held: checked in debug builds, nothing at all in others.
//!
//! Locks that are made at one place for one type of data are one *class*. Whenever a lock is taken while others are held, the checker notes "this class after that one". If the
//! opposite has ever been seen, directly or over others, two CPUs could wait for each other, and the checker panics with both chains: it takes one run in which each order
//! happens once, not the one in a million in which they meet. Two locks of one class are taken only if the class says in which order ([`Class::by_address`]).
//!
//! It also panics where a lock is held that may not be: when the task sleeps ([`may_sleep`]), and when user memory is touched ([`may_touch_user_memory`]), because what is to be done
//! about a fault may sleep, or take locks that come first. A lock that sleeps ([`Class::over_sleep`]) may be held there, and goes with its task from CPU to CPU
//! ([`put_away`], [`take_back`]).
//!
//! Invariants: what is held is noted per CPU (per host thread on the host), and touched with interrupts off. A lock that was only tried makes no order for itself, since nobody waits for
//! it, but for those after it. The order that is wanted is written in `ARCHITECTURE.md`; [`observed`] tells the one that was seen. It does not do: orders between a lock and what is no lock, such
//! as an answer from another CPU.

#[cfg(not(debug_assertions))]
mod absent;
#[cfg(debug_assertions)]
mod checked;
#[cfg(debug_assertions)]
mod graph;
#[cfg(debug_assertions)]
mod held;
#[cfg(all(test, debug_assertions))]
mod tests;

#[cfg(not(debug_assertions))]
pub use absent::*;
#[cfg(debug_assertions)]
pub use checked::*;
