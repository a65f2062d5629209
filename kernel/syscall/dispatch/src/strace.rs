//! `--strace`: each call with its arguments and its result, as `strace -f` shows them.

use crate::entry;
use crate::table::{CALLS, SHOWN};
use abi::Result;
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use syscall::argument::Show;
use syscall::{Call, Caller};

/// The call that a program asked for, traced.
pub(crate) fn dispatch(caller: &mut Caller<'_>) -> Result<u64> {
    let number = caller.frame.number() as usize;
    match (CALLS.get(number), SHOWN.get(number)) {
        (Some(call), Some(Some(shown))) => traced(number, *call, shown, caller),
        _ => {
            unknown(number, caller);
            entry::unknown(caller)
        }
    }
}

/// Does a call and prints it. Its arguments are shown when it is over, with what it stored; those of calls that do not return, or that replace the program
/// and its memory, when they begin.
#[cold]
fn traced(number: usize, call: Call, shown: &[Show], caller: &mut Caller<'_>) -> Result<u64> {
    let registers = caller.frame.arguments();
    let name = name(number);
    let mut text = format!("[pid {:5}] {name}(", caller.thread.tid());
    let early = name.starts_with("exit") || name.starts_with("exec") || name == "rt_sigreturn";
    if early {
        push_arguments(&mut text, shown, &registers, None);
    }
    if name.starts_with("exit") {
        trace::line(&format!("{text}) = ?"));
    }
    let result = call(caller);
    if !early {
        push_arguments(&mut text, shown, &registers, result.as_ref().ok().copied());
    }
    text.push_str(") = ");
    push_result(&mut text, &result);
    trace::line(&text);
    result
}

/// Linux's name of a call.
fn name(number: usize) -> Cow<'static, str> {
    abi::numbers::name(number).map_or_else(|| format!("syscall_{number}").into(), Cow::from)
}

/// Shows arguments, separated by commas; with the call's result, if it is over and did not fail.
fn push_arguments(text: &mut String, shown: &[Show], registers: &[u64; 6], result: Option<u64>) {
    for (index, (show, register)) in shown.iter().zip(registers).enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        // A text in memory takes everything.
        let _ = show(*register, result, text);
    }
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
    let name = name(number);
    let tid = caller.thread.tid();
    trace::line(&format!(
        "[pid {tid:5}] {name}({a:#x}, {b:#x}, {c:#x}, {d:#x}, {e:#x}, {f:#x}) = -1 ENOSYS (Function not implemented)"
    ));
}
