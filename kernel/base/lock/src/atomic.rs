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
                #[track_caller]
                pub fn load(&self, order: Ordering) -> $value {
                    step(Step::Act);
                    self.0.load(order)
                }
                #[track_caller]
                pub fn store(&self, value: $value, order: Ordering) {
                    step(Step::Act);
                    self.0.store(value, order);
                }
                #[track_caller]
                pub fn swap(&self, value: $value, order: Ordering) -> $value {
                    step(Step::Act);
                    self.0.swap(value, order)
                }
                #[track_caller]
                pub fn compare_exchange(
                    &self,
                    old: $value,
                    new: $value,
                    done: Ordering,
                    failed: Ordering,
                ) -> Result<$value, $value> {
                    step(Step::Act);
                    self.0.compare_exchange(old, new, done, failed)
                }
                #[track_caller]
                pub fn compare_exchange_weak(
                    &self,
                    old: $value,
                    new: $value,
                    done: Ordering,
                    failed: Ordering,
                ) -> Result<$value, $value> {
                    step(Step::Act);
                    self.0.compare_exchange_weak(old, new, done, failed)
                }
                #[track_caller]
                pub fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                    step(Step::Act);
                    self.0.fetch_or(value, order)
                }
                #[track_caller]
                pub fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                    step(Step::Act);
                    self.0.fetch_and(value, order)
                }
                #[track_caller]
                pub fn fetch_update(
                    &self,
                    done: Ordering,
                    failed: Ordering,
                    change: impl FnMut($value) -> Option<$value>,
                ) -> Result<$value, $value> {
                    step(Step::Act);
                    self.0.fetch_update(done, failed, change)
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
                #[track_caller]
                pub fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                    step(Step::Act);
                    self.0.fetch_add(value, order)
                }
                #[track_caller]
                pub fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                    step(Step::Act);
                    self.0.fetch_sub(value, order)
                }
                #[track_caller]
                pub fn fetch_max(&self, value: $value, order: Ordering) -> $value {
                    step(Step::Act);
                    self.0.fetch_max(value, order)
                }
                #[track_caller]
                pub fn fetch_min(&self, value: $value, order: Ordering) -> $value {
                    step(Step::Act);
                    self.0.fetch_min(value, order)
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
