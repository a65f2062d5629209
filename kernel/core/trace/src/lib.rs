//! Kernel messages and boot marks.
#![no_std]
#![forbid(unsafe_code)]
