//! `/sys`: the few files that programs read to find out about CPUs and memory.

use crate::network;
use crate::status::ranges;
use crate::tree::{Row, Scope, Table, directory, file};
use abi::Result;
use alloc::format;
use alloc::vec::Vec;

const fn table(id: u64, rows: &'static [Row]) -> Table {
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
static SYSTEM: Table = table(4, &[directory(b"cpu", &CPU), directory(b"node", &NODE)]);
static CPU: Table = table(
    5,
    &[
        file(b"kernel_max", |_| Ok(b"63\n".to_vec())),
        file(b"offline", |_| Ok(b"\n".to_vec())),
        file(b"online", all_cpus),
        file(b"possible", all_cpus),
        file(b"present", all_cpus),
    ],
);
static NODE: Table = table(
    6,
    &[
        file(b"online", |_| Ok(b"0\n".to_vec())),
        file(b"possible", |_| Ok(b"0\n".to_vec())),
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

/// All CPUs are online once the machine has started them.
fn all_cpus(_scope: &Scope) -> Result<Vec<u8>> {
    let count = hal::cpu::count().clamp(1, 64);
    Ok(format!("{}\n", ranges(u64::MAX >> (64 - count))).into_bytes())
}
