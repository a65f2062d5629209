//! A program's registers in a signal's frame: what `struct sigcontext` says.

use crate::thread::{UserFrame, sanitise};

/// `struct sigcontext`, as words.
pub type SignalContext = [u64; 32];

/// What a frame says besides the registers.
#[derive(Clone, Copy, Debug, Default)]
pub struct ContextNotes {
    /// The machine's number of the last trap.
    pub trap: u32,
    /// Its error code.
    pub error: u32,
    /// The address of the last page fault.
    pub address: u64,
    /// The signals that were held back.
    pub mask: u64,
    /// Where the vector state lies.
    pub vectors: u64,
}

/// Flags that a handler may change for what it interrupted: CF PF AF ZF SF TF DF OF RF AC.
const RESTORED_FLAGS: u64 = 0x5_0dd5;
/// Flags that are clear when a handler begins: TF DF RF.
const HANDLER_CLEARS: u64 = 0x1_0500;

const CALL: u64 = 2;

impl UserFrame {
    /// The registers as a signal's frame shows them.
    #[must_use]
    pub fn to_context(&self, notes: &ContextNotes) -> SignalContext {
        let segments = self.cs & 0xffff | (self.ss & 0xffff) << 48;
        let mut context = [0; 32];
        let words = [
            self.r8,
            self.r9,
            self.r10,
            self.r11,
            self.r12,
            self.r13,
            self.r14,
            self.r15,
            self.rdi,
            self.rsi,
            self.rbp,
            self.rbx,
            self.rdx,
            self.rax,
            self.rcx,
            self.sp,
            self.ip,
            self.flags,
            segments,
            u64::from(notes.error),
            u64::from(notes.trap),
            notes.mask,
            notes.address,
            notes.vectors,
        ];
        context.iter_mut().zip(words).for_each(|(place, word)| *place = word);
        context
    }

    /// Takes the registers that a signal's frame says, as far as a program may set them.
    pub fn set_context(&mut self, context: &SignalContext) {
        let flags;
        [
            self.r8,
            self.r9,
            self.r10,
            self.r11,
            self.r12,
            self.r13,
            self.r14,
            self.r15,
            self.rdi,
            self.rsi,
            self.rbp,
            self.rbx,
            self.rdx,
            self.rax,
            self.rcx,
            self.sp,
            self.ip,
            flags,
            ..,
        ] = *context;
        self.flags = self.flags & !RESTORED_FLAGS | flags & RESTORED_FLAGS;
        self.forget_call();
        sanitise(self);
    }

    /// Where a signal's frame says that the vector state lies.
    #[must_use]
    pub fn vectors_of(context: &SignalContext) -> u64 {
        context[23]
    }

    /// Makes the program go on in a handler, with its stack and its arguments.
    pub fn enter_handler(&mut self, handler: u64, stack_pointer: u64, arguments: [u64; 3]) {
        [self.rdi, self.rsi, self.rdx] = arguments;
        self.rax = 0;
        self.ip = handler;
        self.sp = stack_pointer;
        self.flags &= !HANDLER_CLEARS;
        self.forget_call();
        sanitise(self);
    }

    /// Whether the frame is that of a system call that has not been dealt with.
    #[inline]
    #[must_use]
    pub fn is_call(&self) -> bool {
        self.original_rax != u64::MAX
    }

    /// From here on the frame is not that of a system call.
    pub fn forget_call(&mut self) {
        self.original_rax = u64::MAX;
    }

    /// Goes back to the system-call instruction, so that the call is made again.
    pub fn repeat_call(&mut self) {
        self.call_instead(self.original_rax);
    }

    /// Goes back to the system-call instruction, for another call with the same arguments.
    pub fn call_instead(&mut self, number: u64) {
        self.rax = number;
        self.ip = self.ip.wrapping_sub(CALL);
        self.forget_call();
    }
}
