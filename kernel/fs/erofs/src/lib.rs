//! The read-only root: an EROFS image in memory, mapped where it lies.
#![no_std]
#![forbid(unsafe_code)]
