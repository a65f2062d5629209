//! `/sys`: the few files that programs read to find out about CPUs and memory.

use crate::system::memory;
use crate::tree::{Row, Scope, Table, directory, file};
use crate::{cpus, network};
use abi::Result;
use alloc::vec::Vec;

pub(crate) const fn table(id: u64, rows: &'static [Row]) -> Table {
    Table { id, rows, listed: None }
}

pub(crate) static TABLE: Table = table(
    1,
    &[
        directory(b"block", &EMPTY),
        directory(b"bus", &EMPTY),
        directory(b"class", &CLASSES),
        directory(b"devices", &DEVICES),
        directory(b"fs", &FS),
        directory(b"kernel", &KERNEL),
    ],
);

static EMPTY: Table = table(2, &[]);
static CLASSES: Table = table(14, &[directory(b"net", &network::INTERFACES)]);
static DEVICES: Table = table(3, &[directory(b"system", &SYSTEM)]);
static SYSTEM: Table = table(4, &[directory(b"cpu", &cpus::TABLE), directory(b"node", &NODES)]);
static NODES: Table = table(
    6,
    &[
        file(b"has_cpu", |_| Ok(b"0\n".to_vec())),
        file(b"has_memory", |_| Ok(b"0\n".to_vec())),
        file(b"has_normal_memory", |_| Ok(b"0\n".to_vec())),
        directory(b"node0", &NODE),
        file(b"online", |_| Ok(b"0\n".to_vec())),
        file(b"possible", |_| Ok(b"0\n".to_vec())),
    ],
);
static NODE: Table = table(
    15,
    &[
        file(b"cpulist", cpus::list_of_all),
        file(b"cpumap", cpus::mask_of_all),
        file(b"distance", |_| Ok(b"10\n".to_vec())),
        file(b"meminfo", memory_of_node),
    ],
);
static FS: Table = table(7, &[directory(b"cgroup", &EMPTY)]);
static KERNEL: Table = table(8, &[directory(b"mm", &MEMORY)]);
static MEMORY: Table = table(9, &[directory(b"transparent_hugepage", &HUGE_PAGES)]);
static HUGE_PAGES: Table = table(
    10,
    &[
        file(b"defrag", |_| {
            Ok(b"always defer defer+madvise [madvise] never\n".to_vec())
        }),
        file(b"enabled", |_| Ok(b"[always] madvise never\n".to_vec())),
        file(b"hpage_pmd_size", |_| Ok(b"2097152\n".to_vec())),
        file(b"shmem_enabled", |_| {
            Ok(b"always within_size advise [never] deny force\n".to_vec())
        }),
    ],
);

/// The memory of the machine's one node: the lines of `/proc/meminfo` that are about pages, with the node's name before each.
fn memory_of_node(scope: &Scope) -> Result<Vec<u8>> {
    let mut told = Vec::new();
    for line in memory(scope)?.split_inclusive(|byte| *byte == b'\n') {
        let total_only = [
            b"Swap".as_slice(),
            b"Commit",
            b"Vmalloc",
            b"Hugepagesize",
            b"Buffers",
            b"MemAvailable",
        ];
        if !total_only.iter().any(|name| line.starts_with(name)) {
            told.extend_from_slice(b"Node 0 ");
            told.extend_from_slice(line);
        }
    }
    Ok(told)
}
