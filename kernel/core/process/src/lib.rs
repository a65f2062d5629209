//! Processes: identity, descriptors, limits and credentials.
#![no_std]
#![forbid(unsafe_code)]
