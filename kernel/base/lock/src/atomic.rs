//! Atomic words that the simulated machine sees.
//!
//! On a bare machine these are the types of `core`. On the host each operation is a point at which the simulated machine may go on with another CPU
//! ([`crate::step`]), so that tests try the orders in which CPUs can come by a word. What they do not try is how a CPU's own stores and loads pass each
//! other: on the simulated machine every operation is in one order for all.

pub use core::sync::atomic::{AtomicPtr, Ordering};

#[cfg(target_os = "none")]
pub use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU32, AtomicU64, AtomicUsize};

#[cfg(not(target_os = "none"))]
pub use stepping::{AtomicBool, AtomicI32, AtomicU8, AtomicU32, AtomicU64, AtomicUsize};

#[cfg(not(target_os = "none"))]
mod stepping {
    use crate::step::{Step, step};
    use core::sync::atomic::Ordering;

    /// `steps! { fn load(order: Ordering) -> u8; }` makes methods that are a step and then `core`'s of the same name.
    macro_rules! steps {
        ($(fn $name:ident($($argument:ident: $of:ty),*) $(-> $answer:ty)?;)*) => {$(
            #[track_caller]
            pub fn $name(&self, $($argument: $of),*) $(-> $answer)? {
                step(Step::Act);
                self.0.$name($($argument),*)
            }
        )*};
    }

    /// `stepping!(Name, u8)` makes `struct Name` around `core`'s type of the same name, with its methods, each of which is a step.
    macro_rules! stepping {
        ($name:ident, $value:ty) => {
            #[doc = concat!("`core`'s `", stringify!($name), "`, seen by the simulated machine.")]
            #[derive(Default)]
            #[repr(transparent)]
            pub struct $name(core::sync::atomic::$name);

            #[expect(missing_docs, reason = "they are the methods of `core`'s type")]
            #[allow(clippy::missing_errors_doc, reason = "they are the methods of `core`'s type")]
            impl $name {
                pub const fn new(value: $value) -> Self {
                    Self(core::sync::atomic::$name::new(value))
                }
                pub fn get_mut(&mut self) -> &mut $value {
                    self.0.get_mut()
                }
                pub fn into_inner(self) -> $value {
                    self.0.into_inner()
                }
                steps! {
                    fn load(order: Ordering) -> $value;
                    fn store(value: $value, order: Ordering);
                    fn swap(value: $value, order: Ordering) -> $value;
                    fn compare_exchange(old: $value, new: $value, done: Ordering, failed: Ordering) -> Result<$value, $value>;
                    fn compare_exchange_weak(old: $value, new: $value, done: Ordering, failed: Ordering) -> Result<$value, $value>;
                    fn fetch_or(value: $value, order: Ordering) -> $value;
                    fn fetch_and(value: $value, order: Ordering) -> $value;
                    fn fetch_update(done: Ordering, failed: Ordering, change: impl FnMut($value) -> Option<$value>) -> Result<$value, $value>;
                }
            }

            impl core::fmt::Debug for $name {
                fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                    self.0.fmt(f)
                }
            }
        };
    }

    /// `counting!(Name, u8)` adds the arithmetic of numbers to a type that [`stepping`] made.
    macro_rules! counting {
        ($($name:ident, $value:ty;)*) => {$(
            stepping!($name, $value);

            #[expect(missing_docs, reason = "they are the methods of `core`'s type")]
            impl $name {
                steps! {
                    fn fetch_add(value: $value, order: Ordering) -> $value;
                    fn fetch_sub(value: $value, order: Ordering) -> $value;
                    fn fetch_max(value: $value, order: Ordering) -> $value;
                    fn fetch_min(value: $value, order: Ordering) -> $value;
                }
            }
        )*};
    }

    stepping!(AtomicBool, bool);
    counting! {
        AtomicU8, u8;
        AtomicU32, u32;
        AtomicI32, i32;
        AtomicU64, u64;
        AtomicUsize, usize;
    }
}
