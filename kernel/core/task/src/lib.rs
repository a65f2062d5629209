//! Threads: the scheduler, and everything one sleeps on.
#![no_std]
#![forbid(unsafe_code)]
