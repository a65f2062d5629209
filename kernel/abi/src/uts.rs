//! `uname(2)`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The release that programs see; the only thing that tells Chiton from Linux.
pub const RELEASE: &str = "6.12.0-chiton";
/// The version that programs see.
pub const VERSION: &str = "#1 SMP";
/// Bytes in each field, with its closing zero.
pub const FIELD: usize = 65;

/// `struct new_utsname`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Utsname {
    /// Always `Linux`.
    pub sysname: [u8; FIELD],
    /// The host name.
    pub nodename: [u8; FIELD],
    /// [`RELEASE`].
    pub release: [u8; FIELD],
    /// [`VERSION`].
    pub version: [u8; FIELD],
    /// The architecture.
    pub machine: [u8; FIELD],
    /// The NIS domain.
    pub domainname: [u8; FIELD],
}
