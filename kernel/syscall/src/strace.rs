//! `--strace`: each call with its arguments and its result, as `strace -f` shows them.

use crate::table::{Entry, TABLE};
use crate::{Caller, entry};
use abi::Result;
use alloc::format;
use alloc::string::String;

/// The call that a program asked for, traced.
pub(crate) fn dispatch(caller: &mut Caller<'_>) -> Result<u64> {
    let number = caller.frame.number() as usize;
    match TABLE.get(number) {
        Some(Some(entry)) => traced(entry, caller),
        _ => {
            unknown(number, caller);
            entry::unknown(caller)
        }
    }
}

/// Does a call and prints it. Its arguments are shown when it is over, with what it stored; those of calls that do not return, or that replace the program
/// and its memory, when they begin.
#[cold]
fn traced(entry: &Entry, caller: &mut Caller<'_>) -> Result<u64> {
    let registers = caller.frame.arguments();
    let mut text = format!("[pid {:5}] {}(", caller.thread.tid(), entry.name);
    let early = entry.name.starts_with("exit") || entry.name.starts_with("exec") || entry.name == "rt_sigreturn";
    if early {
        (entry.show)(&registers, None, &mut text);
    }
    if entry.name.starts_with("exit") {
        trace::line(&format!("{text}) = ?"));
    }
    let result = (entry.call)(caller);
    if !early {
        (entry.show)(&registers, result.ok(), &mut text);
    }
    text.push_str(") = ");
    push_result(&mut text, &result);
    trace::line(&text);
    result
}

fn push_result(text: &mut String, result: &Result<u64>) {
    match result {
        Ok(value) if *value > 0xffff_ffff => text.push_str(&format!("{value:#x}")),
        Ok(value) => text.push_str(&format!("{value}")),
        Err(error) => {
            let (errno, why) = (error.errno, error.why());
            let value = if errno.0 >= 512 { "?" } else { "-1" };
            text.push_str(&format!("{value} {} ({})", errno.name(), errno.text()));
            if !why.is_empty() {
                text.push_str(&format!(" /* {why} */"));
            }
        }
    }
}

/// Prints a call that nobody implements.
#[cold]
fn unknown(number: usize, caller: &Caller<'_>) {
    let [a, b, c, d, e, f] = caller.frame.arguments();
    let name = abi::numbers::name(number).map_or_else(|| format!("syscall_{number}"), String::from);
    let tid = caller.thread.tid();
    trace::line(&format!(
        "[pid {tid:5}] {name}({a:#x}, {b:#x}, {c:#x}, {d:#x}, {e:#x}, {f:#x}) = -1 ENOSYS (Function not implemented)"
    ));
}
