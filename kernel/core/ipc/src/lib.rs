//! What programs talk through: pipes, eventfd, sockets between processes.
#![no_std]
#![forbid(unsafe_code)]
