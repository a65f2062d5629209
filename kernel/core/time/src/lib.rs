//! What time it is, and what happens later.
#![no_std]
#![forbid(unsafe_code)]
