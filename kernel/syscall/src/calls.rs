//! The calls, by family. Each file begins with the list of its calls.

use crate::table::Entry;

/// Enters the calls of a family: the row `0 "read" = read(Fd, Hex, usize);` says that number 0 is called `read`, and that `read(caller, (fd, buffer, length))` does it with
/// arguments of these types. A note before the closing semicolon says what is missing from a call that is not complete. Expands to one type
/// for each call that implements [`crate::Syscall`], and the constant `ROWS` of their [`Entry`]s.
macro_rules! calls {
    ($($number:literal $name:literal = $function:ident($($kind:ty),*) $(partial $note:literal)?;)*) => {
        /// The calls of this family.
        pub(super) const ROWS: &[crate::table::Entry] = &[$(crate::table::Entry::of::<row::$function>()),*];

        /// A type for each call.
        #[expect(non_camel_case_types, reason = "each type is named like the function that does the call")]
        mod row {
            use super::*;
            $(
                #[doc = $name]
                pub(super) struct $function;

                impl crate::Syscall for $function {
                    const NAME: &'static str = $name;
                    const NUMBER: usize = $number;
                    $(const SUPPORT: crate::Support = crate::Support::Partial($note);)?
                    type Args = ($($kind,)*);

                    #[inline]
                    fn call(caller: &mut crate::Caller<'_>, args: Self::Args) -> abi::Result<u64> {
                        super::$function(caller, args)
                    }
                }
            )*
        }
    };
}

mod advisory;
mod clone;
mod control;
mod descriptor;
mod directory;
mod epoll;
mod execute;
mod identity;
mod io;
mod limits;
mod link;
mod machine;
mod mapping;
mod memory_file;
mod message;
mod mount;
mod open;
mod owner;
mod pidfd;
mod pipe;
mod policy;
mod poll;
mod post;
mod queue;
mod segment;
mod semaphore;
mod send;
mod signal;
mod sleep;
mod socket;
mod splice;
mod status;
mod synchronize;
mod system;
mod thread;
mod timer;
mod wait;
mod watch;
mod xattr;

pub(crate) use execute::replace as replace_program;
pub(crate) use system::{host_name, set_host_name};

/// The rows of all families.
pub(crate) const FAMILIES: &[&[Entry]] = &[
    advisory::ROWS,
    clone::ROWS,
    control::ROWS,
    descriptor::ROWS,
    directory::ROWS,
    epoll::ROWS,
    execute::ROWS,
    identity::ROWS,
    io::ROWS,
    limits::ROWS,
    link::ROWS,
    machine::ROWS,
    mapping::ROWS,
    memory_file::ROWS,
    message::ROWS,
    mount::ROWS,
    open::ROWS,
    pidfd::ROWS,
    pipe::ROWS,
    policy::ROWS,
    poll::ROWS,
    post::ROWS,
    queue::ROWS,
    segment::ROWS,
    semaphore::ROWS,
    send::ROWS,
    signal::ROWS,
    sleep::ROWS,
    socket::ROWS,
    splice::ROWS,
    status::ROWS,
    synchronize::ROWS,
    system::ROWS,
    thread::ROWS,
    timer::ROWS,
    wait::ROWS,
    watch::ROWS,
    xattr::ROWS,
];
