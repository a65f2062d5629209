//! The calls that programs make seldom, or whose work is so much that how fast the call itself is does not matter: compiled to be small.
//!
//! Each file begins with the list of its calls, in the form that the crate `syscall` describes. The files share helpers with each other and with the calls there.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod control;
mod directory;
mod execute;
mod identity;
mod limits;
mod link;
mod machine;
mod mount;
mod pidfd;
mod policy;
mod post;
mod queue;
mod segment;
mod semaphore;
mod splice;
mod system;
mod timer;
mod wait;
mod watch;
mod xattr;

pub use execute::replace as replace_program;
use syscall::Entry;
pub use system::{host_name, set_host_name};

/// The rows of all families.
pub const FAMILIES: &[&[Entry]] = &[
    control::ROWS,
    directory::ROWS,
    execute::ROWS,
    identity::ROWS,
    limits::ROWS,
    link::ROWS,
    machine::ROWS,
    mount::ROWS,
    pidfd::ROWS,
    policy::ROWS,
    post::ROWS,
    queue::ROWS,
    segment::ROWS,
    semaphore::ROWS,
    splice::ROWS,
    system::ROWS,
    timer::ROWS,
    wait::ROWS,
    watch::ROWS,
    xattr::ROWS,
];
