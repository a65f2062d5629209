//! `/proc` and `/sys`: generated files.
//!
//! Tables say which names there are and which function makes a file's content; nothing exists before somebody looks it up. What the files tell
//! of processes comes from the process layer, which implements [`ProcSource`] and registers it.
//!
//! | module | what |
//! |---|---|
//! | `source` | what is asked of the process layer |
//! | `tree` | tables, and the inodes and files made of them |
//! | `root` | the top of `/proc` |
//! | `process`, `status`, `files`, `mounts` | a process's directory |
//! | `system`, `cpuinfo` | files about the machine |
//! | `sysctl` | `/proc/sys`; `settings` what of it is the network's |
//! | `sysfs`, `cpus` | `/sys`, and what it says of CPUs |
//! | `network` | what there is of the network in all three |
//!
//! Invariants: content is made without locks of this crate held. It does not do: files that are written to change the machine, but for the few in `sysctl`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod cpuinfo;
mod cpus;
mod files;
mod mounts;
mod network;
mod process;
mod root;
mod settings;
mod source;
mod status;
mod sysctl;
mod sysfs;
mod system;
mod tree;

use abi::stat::{PROC_SUPER_MAGIC, Statfs};
use alloc::sync::Arc;
use tree::{Node, Table};
use vfs::{FileSystem, Inode};

pub use source::{Activity, Mapping, ProcSource, Process, Status, SystemV, register};
pub use system::set_command_line;

/// A mounted tree of generated files.
pub struct Generated {
    name: &'static str,
    magic: i64,
    device: u64,
    table: &'static Table,
}

impl Generated {
    fn new(name: &'static str, magic: i64, table: &'static Table) -> Arc<Self> {
        Arc::new(Self {
            name,
            magic,
            device: vfs::new_device(),
            table,
        })
    }
}

/// The file system of `/proc`.
#[must_use]
pub fn procfs() -> Arc<Generated> {
    Generated::new("proc", PROC_SUPER_MAGIC, &root::TABLE)
}

/// The file system of `/sys`.
#[must_use]
pub fn sysfs() -> Arc<Generated> {
    Generated::new("sysfs", 0x6265_6572, &sysfs::TABLE)
}

impl FileSystem for Generated {
    fn name(&self) -> &'static str {
        self.name
    }

    fn root(&self) -> Arc<dyn Inode> {
        Node::root(self.device, self.table)
    }

    fn statfs(&self) -> Statfs {
        Statfs {
            kind: self.magic,
            bsize: 4096,
            fsid: [self.device as i32, 0],
            namelen: 255,
            frsize: 4096,
            ..Statfs::default()
        }
    }
}
