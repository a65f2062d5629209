//! Futexes: sleeping on a word of user memory.
#![no_std]
#![forbid(unsafe_code)]
