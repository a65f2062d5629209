//! The device files.
#![no_std]
#![forbid(unsafe_code)]
