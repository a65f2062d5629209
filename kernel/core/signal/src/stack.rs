//! The alternate stack: `sigaltstack(2)`, and which stack a handler gets.

use abi::signal::{MINSIGSTKSZ, SA_ONSTACK, SS_AUTODISARM, SS_DISABLE, SS_ONSTACK, SigAction, SigStack};
use abi::{Errno, Error, Result};

/// No alternate stack.
pub const NONE: SigStack = SigStack {
    sp: 0,
    flags: SS_DISABLE,
    pad: 0,
    size: 0,
};

/// Whether a stack pointer lies in the stack.
fn covers(stack: &SigStack, sp: u64) -> bool {
    sp > stack.sp && sp - stack.sp <= stack.size
}

/// Whether the program runs on the alternate stack. One that is forgotten when a handler begins is never known to be in use.
fn is_used(stack: &SigStack, sp: u64) -> bool {
    stack.flags & SS_AUTODISARM == 0 && covers(stack, sp)
}

/// What `sigaltstack` shows.
#[must_use]
pub fn show(stack: &SigStack, sp: u64) -> SigStack {
    let state = if stack.size == 0 {
        SS_DISABLE
    } else if is_used(stack, sp) {
        SS_ONSTACK
    } else {
        0
    };
    SigStack {
        flags: state | stack.flags & SS_AUTODISARM,
        ..*stack
    }
}

/// What the alternate stack becomes when a program asks for another.
///
/// # Errors
/// `EPERM` while it is in use, `EINVAL`, `ENOMEM` when it is too small.
pub fn change(current: &SigStack, asked: SigStack, sp: u64) -> Result<SigStack> {
    if is_used(current, sp) {
        return Err(Error::new(Errno::EPERM, "the alternate stack is in use"));
    }
    match asked.flags & !SS_AUTODISARM {
        SS_DISABLE => Ok(SigStack {
            flags: asked.flags,
            ..NONE
        }),
        0 | SS_ONSTACK if asked.size < MINSIGSTKSZ => Err(Error::new(Errno::ENOMEM, "the stack is too small")),
        0 | SS_ONSTACK => Ok(SigStack { pad: 0, ..asked }),
        _ => Err(Error::new(Errno::EINVAL, "unknown flags")),
    }
}

/// Bytes below a stack pointer that a function may use without saying so.
const RED_ZONE: u64 = 128;

/// Where the frame of a handler goes: the place of the vector state, and of what lies below it. `None` where an alternate stack is too small.
#[must_use]
pub fn place(stack: &SigStack, action: &SigAction, sp: u64, vectors: u64, frame: u64) -> Option<(u64, u64)> {
    const VECTOR_ALIGNMENT: u64 = 64;
    const STACK_ALIGNMENT: u64 = 16;
    let nested = is_used(stack, sp);
    let mut top = sp.wrapping_sub(RED_ZONE);
    let entering = action.flags & SA_ONSTACK != 0 && stack.size != 0 && !is_used(stack, top);
    if entering {
        top = stack.sp.wrapping_add(stack.size);
    }
    let vectors = top.wrapping_sub(vectors) & !(VECTOR_ALIGNMENT - 1);
    // At the first instruction of a function the stack is aligned but for the return address.
    let bottom = (vectors.wrapping_sub(frame) & !(STACK_ALIGNMENT - 1)).wrapping_sub(8);
    let fits = !(nested || entering) || covers(stack, bottom);
    fits.then_some((vectors, bottom))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: SigStack = SigStack {
        sp: 0x10000,
        flags: 0,
        pad: 0,
        size: 0x4000,
    };

    fn action(flags: u64) -> SigAction {
        SigAction {
            flags,
            ..SigAction::default()
        }
    }

    #[test]
    fn a_frame_is_aligned_and_leaves_the_red_zone() {
        for sp in 0x7000_0000..0x7000_0100 {
            let (vectors, bottom) = place(&NONE, &action(0), sp, 836, 440).unwrap();
            assert_eq!((vectors % 64, bottom % 16), (0, 8));
            assert!(vectors + 836 <= sp - 128 && bottom + 440 <= vectors);
        }
    }

    #[test]
    fn a_handler_goes_to_the_alternate_stack_unless_it_runs_there() {
        let (_, bottom) = place(&STACK, &action(SA_ONSTACK), 0x7000_0000, 836, 440).unwrap();
        assert!(covers(&STACK, bottom) && bottom > 0x13000);
        let (_, nested) = place(&STACK, &action(SA_ONSTACK), bottom, 836, 440).unwrap();
        assert!(nested < bottom);
        let (_, own) = place(&STACK, &action(0), 0x7000_0000, 836, 440).unwrap();
        assert!(!covers(&STACK, own));
    }

    #[test]
    fn what_does_not_fit_the_alternate_stack_is_refused() {
        let small = SigStack { size: 1024, ..STACK };
        assert_eq!(place(&small, &action(SA_ONSTACK), 0x7000_0000, 836, 440), None);
        assert_eq!(place(&STACK, &action(0), STACK.sp + 200, 836, 440), None);
    }

    #[test]
    fn the_stack_in_use_cannot_be_changed() {
        assert_eq!(change(&STACK, NONE, STACK.sp + 1).unwrap_err().errno, Errno::EPERM);
        assert_eq!(change(&STACK, NONE, STACK.sp).unwrap().flags, SS_DISABLE);
        assert_eq!(show(&STACK, STACK.sp + STACK.size).flags, SS_ONSTACK);
        let forgotten = SigStack {
            flags: SS_AUTODISARM,
            ..STACK
        };
        assert_eq!(show(&forgotten, STACK.sp + 8).flags, SS_AUTODISARM);
    }
}
