//! What hangs on a task: the upper layers' own thread, found again at the cost of a comparison.

// UNSAFETY: `Any` asks the object for its type through a call; a system call cannot afford that, so the type is noted beside a bare pointer.
#![expect(
    unsafe_code,
    reason = "the payload is found through a pointer whose type is noted beside it"
)]

use alloc::sync::Arc;
use core::any::{Any, TypeId};
use core::ptr::NonNull;

/// What hangs on a task of a program.
pub struct Payload {
    /// The address of a function that names the type: cheaper to compare than the name, and no two types share one.
    kind: fn() -> TypeId,
    pointer: NonNull<()>,
    _holder: Option<Arc<dyn Any + Send + Sync>>,
}

// SAFETY: the pointer leads to what the holder holds, which may go between CPUs.
unsafe impl Send for Payload {}
// SAFETY: as above.
unsafe impl Sync for Payload {}

impl Payload {
    /// Holds something.
    #[must_use]
    pub fn new<T: Any + Send + Sync>(value: Arc<T>) -> Self {
        Self {
            kind: TypeId::of::<T>,
            pointer: NonNull::from(&*value).cast(),
            _holder: Some(value),
        }
    }

    /// Holds nothing: a `()`.
    #[must_use]
    pub fn none() -> Self {
        Self {
            kind: TypeId::of::<()>,
            pointer: NonNull::dangling(),
            _holder: None,
        }
    }

    /// What is held, if it is a `T`.
    #[inline]
    #[must_use]
    pub fn get<T: Any>(&self) -> Option<&T> {
        // The same type may have two such functions, but what one function says is one type.
        if !core::ptr::fn_addr_eq(self.kind, TypeId::of::<T> as fn() -> TypeId) && (self.kind)() != TypeId::of::<T>() {
            return None;
        }
        // SAFETY: the pointer was taken from an `Arc<T>` (its type was noted) that the holder keeps alive, or leads to a `()`, which needs no memory.
        Some(unsafe { self.pointer.cast::<T>().as_ref() })
    }
}
