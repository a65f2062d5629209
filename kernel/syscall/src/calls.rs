//! The calls that programs make all the time, by family. Each file begins with the list of its calls. (The others are in the crate `seldom`.)

use crate::Entry;

/// Enters the calls of a family: the row `0 "read" = read(Fd, Hex, usize);` says that number 0 is called `read`, and that `read(caller, (fd, buffer, length))` does it with
/// arguments of these types. A note before the closing semicolon says what is missing from a call that is not complete. Expands to the constant `ROWS` of
/// their [`Entry`]s, with a function for each that decodes the arguments.
#[macro_export]
macro_rules! calls {
    ($($number:literal $name:literal = $function:ident($($kind:ty),*) $(partial $note:literal)?;)*) => {
        /// The calls of this family.
        pub(super) const ROWS: &[$crate::Entry] = &[$($crate::Entry {
            name: $name,
            number: $number,
            support: $crate::support!($($note)?),
            call: row::$function,
            shown: <($($kind,)*) as $crate::argument::Arguments>::SHOWN,
        }),*];

        /// Each call from registers.
        mod row {
            use super::*;
            $(
                pub(super) fn $function(caller: &mut $crate::Caller<'_>) -> abi::Result<u64> {
                    let arguments = <($($kind,)*) as $crate::argument::Arguments>::decode(&caller.frame.arguments())?;
                    super::$function(caller, arguments)
                }
            )*
        }
    };
}

/// How much of a call there is, from its note in the list.
#[doc(hidden)]
#[macro_export]
macro_rules! support {
    () => {
        $crate::Support::Full
    };
    ($note:literal) => {
        $crate::Support::Partial($note)
    };
}

mod advisory;
mod clone;
mod descriptor;
mod epoll;
pub mod io;
mod mapping;
mod memory_file;
mod message;
pub mod open;
mod owner;
pub mod pipe;
pub mod poll;
pub mod send;
pub mod signal;
pub mod sleep;
mod socket;
pub mod status;
mod synchronize;
pub mod thread;

/// The rows of all families.
pub const FAMILIES: &[&[Entry]] = &[
    advisory::ROWS,
    clone::ROWS,
    descriptor::ROWS,
    epoll::ROWS,
    io::ROWS,
    mapping::ROWS,
    memory_file::ROWS,
    message::ROWS,
    open::ROWS,
    pipe::ROWS,
    poll::ROWS,
    send::ROWS,
    signal::ROWS,
    sleep::ROWS,
    socket::ROWS,
    status::ROWS,
    synchronize::ROWS,
    thread::ROWS,
];
