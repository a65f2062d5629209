//! The only way from the kernel to a program's memory.
#![no_std]
#![forbid(unsafe_code)]
