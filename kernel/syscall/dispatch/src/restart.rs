//! `restart_syscall`: the one call that makes another by its number.

use crate::table::CALLS;
use abi::{Errno, Error, Result};
use syscall::Caller;

syscall::calls! {
    219 "restart_syscall" = restart_syscall();
}

/// Goes on with a call that a signal without a handler interrupted: the call finds in [`syscall::calls::signal::deadline`] when it ends.
fn restart_syscall(caller: &mut Caller<'_>, (): ()) -> Result<u64> {
    let number = caller.thread.signals.restart.lock().map(|restart| restart.number);
    match number.and_then(|number| CALLS.get(number as usize)) {
        Some(call) => call(caller),
        None => Err(Error::new(Errno::EINTR, "no call was interrupted")),
    }
}
