//! /proc: the kernel's state as files.
#![no_std]
#![forbid(unsafe_code)]
