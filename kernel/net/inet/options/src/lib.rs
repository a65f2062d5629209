//! What programs say of sockets of the internet protocols and of what they send, as far as that needs no socket: compiled to be small, unlike the sockets themselves (`inet`).
//!
//! | module | what |
//! |---|---|
//! | [`address`] | addresses as programs write them, and which are the machine's own |
//! | [`options`] | options of the levels of IP that all have |
//! | [`device`] | interfaces that sockets are bound to, or send by |
//! | [`membership`] | groups |
//! | [`control`] | what goes along with datagrams |
//! | [`letter`] | datagrams that came, and those that did not arrive |
//! | [`judge`] | what filters want of packets |
//!
//! Sideways: `ip`, and `link` for the interfaces that options name.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod address;
pub mod control;
pub mod device;
pub mod judge;
pub mod letter;
pub mod membership;
pub mod options;
