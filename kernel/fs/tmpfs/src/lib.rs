//! A file system in memory, alone or as the writable layer over a read-only one.
#![no_std]
#![forbid(unsafe_code)]
