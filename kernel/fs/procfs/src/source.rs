//! What `/proc` asks of the process layer, which implements it and registers with [`register`].

use abi::resource::{RLIM_NLIMITS, Rlimit};
use abi::{Errno, Result};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use lock::Once;
use vfs::{Credentials, File, Path};

/// What System V has that `/proc/sysvipc` tells of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SystemV {
    /// Message queues.
    Messages,
    /// Sets of semaphores.
    Semaphores,
    /// Segments of shared memory.
    Segments,
}

/// All processes, and what belongs to none of them.
pub trait ProcSource: Send + Sync {
    /// The numbers of all processes, in ascending order.
    fn processes(&self) -> Vec<u32>;

    /// The process or thread with that number.
    fn find(&self, number: u32) -> Option<Arc<dyn Process>>;

    /// Process and thread number of who asks; nothing before the first program.
    fn current(&self) -> Option<(u32, u32)>;

    /// What System V has of a kind, one line for each.
    fn system_v(&self, _which: SystemV) -> Vec<u8> {
        Vec::new()
    }

    /// The host name.
    fn hostname(&self) -> Vec<u8>;

    /// Changes the host name.
    ///
    /// # Errors
    /// `EPERM`.
    fn set_hostname(&self, _name: &[u8]) -> Result<()> {
        Err(Errno::EPERM.into())
    }

    /// A file of `/proc/net`.
    fn network(&self, _name: &str) -> Vec<u8> {
        Vec::new()
    }

    /// A setting of the network that depends on the memory, by its path below `/proc/sys/net`.
    fn network_limit(&self, _path: &[u8]) -> String {
        String::new()
    }

    /// The numbers and names of the network's interfaces.
    fn interfaces(&self) -> Vec<(u32, String)> {
        Vec::new()
    }

    /// One thing about an interface, by the name of its file.
    fn interface(&self, _number: u32, _what: &str) -> String {
        String::new()
    }

    /// Counts since boot.
    fn activity(&self) -> Activity {
        Activity::default()
    }

    /// Page faults that were answered.
    fn faults(&self) -> u64 {
        0
    }
}

/// Counts since boot.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    /// Processes and threads made.
    pub forks: u64,
    /// Threads that run or could.
    pub running: u32,
    /// Threads in all.
    pub threads: u32,
    /// The number given last.
    pub last_number: u32,
    /// Times of switching between threads.
    pub switches: u64,
    /// For each CPU, nanoseconds in programs, in the kernel, and idle.
    pub cpu_times: Vec<[u64; 3]>,
    /// Load averages, times 2048.
    pub loads: [u64; 3],
}

/// One mapping of an address space.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    /// First address.
    pub start: u64,
    /// First address behind it.
    pub end: u64,
    /// `r`, `w`, `x` and `s` (or `p`), or `-` for each.
    pub rights: [u8; 4],
    /// Where in its file it begins.
    pub offset: u64,
    /// Device number of its file.
    pub device: u64,
    /// Inode number of its file.
    pub inode: u64,
    /// Path, or a word in brackets.
    pub name: Vec<u8>,
}

/// A process or thread.
pub trait Process: Send + Sync {
    /// What `stat`, `status` and `statm` show.
    fn status(&self) -> Status;

    /// Who it is.
    fn credentials(&self) -> Arc<Credentials>;

    /// The numbers of its threads, in ascending order.
    fn threads(&self) -> Vec<u32>;

    /// Its arguments, each with a zero behind it.
    fn command_line(&self) -> Vec<u8>;

    /// Its environment, each string with a zero behind it.
    fn environment(&self) -> Vec<u8>;

    /// Its auxiliary vector, as the program got it.
    fn auxiliary_vector(&self) -> Vec<u8>;

    /// Its mappings, in ascending order.
    fn mappings(&self) -> Vec<Mapping>;

    /// How many pages of a range are in memory.
    fn resident(&self, range: Range<u64>) -> u64;

    /// The file that it runs.
    fn executable(&self) -> Option<Path>;

    /// Its root directory.
    fn root(&self) -> Path;

    /// Its working directory.
    fn working_directory(&self) -> Path;

    /// Its open descriptors, in ascending order.
    fn descriptors(&self) -> Vec<u32>;

    /// The file behind a descriptor, and whether it is closed by `exec`.
    fn file(&self, descriptor: u32) -> Option<(Arc<File>, bool)>;

    /// Its limits.
    fn limits(&self) -> [Rlimit; RLIM_NLIMITS];

    /// Changes its name.
    ///
    /// # Errors
    /// `EINVAL` for a process that is not the caller's own.
    fn set_name(&self, _name: &[u8]) -> Result<()> {
        Err(Errno::EINVAL.into())
    }

    /// Changes how willingly it is ended when memory runs out.
    ///
    /// # Errors
    /// `EACCES` for less willingly without privilege.
    fn set_oom_adjustment(&self, _adjustment: i32) -> Result<()> {
        Err(Errno::EACCES.into())
    }
}

/// What `stat`, `status` and `statm` show of a process or thread. Memory is in pages, times are in nanoseconds.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names are those of proc(5)")]
pub struct Status {
    pub name: Vec<u8>,
    /// `R`, `S`, `D`, `T`, `Z`.
    pub state: u8,
    pub process: u32,
    pub thread: u32,
    pub parent: u32,
    pub group: u32,
    pub session: u32,
    pub terminal: u64,
    pub terminal_group: i32,
    pub umask: u32,
    pub thread_count: u32,
    pub descriptor_slots: u32,
    pub user_time: u64,
    pub system_time: u64,
    pub children_user_time: u64,
    pub children_system_time: u64,
    /// Since boot.
    pub start_time: u64,
    pub minor_faults: u64,
    pub children_minor_faults: u64,
    pub major_faults: u64,
    pub nice: i32,
    pub cpu: u32,
    pub affinity: u64,
    pub voluntary_switches: u64,
    pub involuntary_switches: u64,
    pub vm_size: u64,
    pub vm_peak: u64,
    pub vm_resident: u64,
    pub vm_resident_peak: u64,
    pub vm_file: u64,
    pub vm_shared: u64,
    pub vm_data: u64,
    pub vm_stack: u64,
    pub vm_text: u64,
    pub vm_libraries: u64,
    pub vm_locked: u64,
    pub vm_tables: u64,
    pub pending: u64,
    pub shared_pending: u64,
    /// How many signals are pending for its user, and how many may be.
    pub queued: (u64, u64),
    pub blocked: u64,
    pub ignored: u64,
    pub caught: u64,
    pub no_new_privileges: bool,
    pub oom_adjustment: i32,
    pub exit_signal: u32,
    pub program_break: u64,
    pub stack_start: u64,
    pub code: (u64, u64),
    pub arguments: (u64, u64),
    pub environment: (u64, u64),
}

static SOURCE: Once<Arc<dyn ProcSource>> = Once::new();

/// Registers the process layer. The first registration counts.
pub fn register(source: Arc<dyn ProcSource>) {
    drop(SOURCE.set(source));
}

pub(crate) fn source() -> Option<&'static Arc<dyn ProcSource>> {
    SOURCE.get()
}
