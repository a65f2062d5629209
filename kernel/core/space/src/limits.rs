//! What a process may have.

use abi::resource::RLIM_INFINITY;

/// The resource limits that memory knows, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `RLIMIT_AS`.
    pub address_space: u64,
    /// `RLIMIT_DATA`, for the program break.
    pub data: u64,
    /// The same for mappings: when the soft limit is zero, the hard one is what counts, as on Linux.
    pub mapped_data: u64,
    /// `RLIMIT_STACK`.
    pub stack: u64,
    /// `RLIMIT_MEMLOCK`.
    pub locked: u64,
    /// Whether the process may lock without limit and map the lowest pages (`CAP_IPC_LOCK`, `CAP_SYS_RAWIO`).
    pub privileged: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            address_space: RLIM_INFINITY,
            data: RLIM_INFINITY,
            mapped_data: RLIM_INFINITY,
            stack: 8 << 20,
            locked: 8 << 20,
            privileged: false,
        }
    }
}
