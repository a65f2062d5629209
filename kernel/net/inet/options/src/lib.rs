//! What programs say of sockets of the internet protocols and of what they send, as far as that needs no socket: compiled to be small, unlike the sockets themselves (`inet`); what is asked for with every datagram is compiled there.
//!
//! | module | what |
//! |---|---|
//! | [`address`] | addresses as programs write them, and which are the machine's own |
//! | [`options`] | options of the levels of IP that all have |
//! | [`device`] | interfaces that sockets are bound to, or send by |
//! | [`membership`] | groups |
//! | [`control`] | what goes along with datagrams |
//! | [`extras`] | what they have in their headers besides |
//! | [`letter`] | datagrams that came, and those that did not arrive |
//! | [`inbox`] | datagrams that wait to be fetched |
//! | [`troubles`] | the queue of errors |
//! | [`cork`] | datagrams that are put together |
//! | [`left`] | what is left of connections within the machine that are over |
//! | [`judge`] | what filters want of packets |
//!
//! Sideways: `ip`, and `link` for the interfaces that options name.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use abi::fcntl::OpenFlags;
use abi::stat::S_IFSOCK;
use alloc::sync::Arc;
use vfs::{File, FileLike};

pub mod address;
pub mod control;
pub mod cork;
pub mod device;
pub mod extras;
pub mod inbox;
pub mod judge;
pub mod left;
pub mod letter;
pub mod membership;
pub mod options;
pub mod troubles;

/// Opens a socket; `flags` may have `O_NONBLOCK`.
pub fn open(socket: Arc<impl FileLike>, flags: OpenFlags) -> Arc<File> {
    let place = vfs::anonymous_place(b"socket:", S_IFSOCK | 0o777);
    vfs::anonymous_file(place, OpenFlags::RDWR | flags & OpenFlags::NONBLOCK, socket)
}
