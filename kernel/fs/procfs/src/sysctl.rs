//! `/proc/sys`.

use crate::settings;
use crate::source::source;
use crate::tree::{Row, Scope, Table, directory, file, setting};
use abi::{Errno, Result};
use alloc::format;
use alloc::vec::Vec;
use lock::Once;

pub(crate) const fn table(id: u64, rows: &'static [Row]) -> Table {
    Table { id, rows, listed: None }
}

pub(crate) static TABLE: Table = table(
    8,
    &[
        directory(b"fs", &FS),
        directory(b"kernel", &KERNEL),
        directory(b"net", &settings::TREE),
        directory(b"vm", &VM),
    ],
);

static FS: Table = table(
    9,
    &[
        file(b"file-max", |_| line("9223372036854775807")),
        file(b"file-nr", |_| line("0\t0\t9223372036854775807")),
        directory(b"mqueue", &MESSAGE_QUEUES),
        file(b"nr_open", |_| line("1048576")),
        file(b"pipe-max-size", |_| line("1048576")),
        file(b"pipe-user-pages-hard", |_| line("0")),
        file(b"pipe-user-pages-soft", |_| line("16384")),
        file(b"protected_hardlinks", |_| line("1")),
        file(b"protected_symlinks", |_| line("0")),
    ],
);

static KERNEL: Table = table(
    10,
    &[
        file(b"cap_last_cap", |_| line("40")),
        setting(b"hostname", hostname, set_hostname),
        file(b"domainname", |_| line("(none)")),
        file(b"ngroups_max", |_| line("65536")),
        file(b"osrelease", |_| line(abi::uts::RELEASE)),
        file(b"ostype", |_| line("Linux")),
        file(b"overflowgid", |_| line("65534")),
        file(b"overflowuid", |_| line("65534")),
        file(b"pid_max", |_| line("4194304")),
        directory(b"random", &RANDOM),
        file(b"randomize_va_space", |_| line("2")),
        file(b"sched_rr_timeslice_ms", |_| line("100")),
        file(b"core_pattern", |_| line("core")),
        file(b"threads-max", threads_max),
        file(b"msgmax", |_| line("8192")),
        file(b"msgmnb", |_| line("16384")),
        file(b"msgmni", |_| line("32000")),
        directory(b"pty", &PTY),
        file(b"sem", |_| line("32000\t1024000000\t500\t32000")),
        file(b"shmall", |_| line("18446744073692774399")),
        file(b"shmmax", |_| line("18446744073692774399")),
        file(b"shmmni", |_| line("4096")),
        file(b"version", |_| line(abi::uts::VERSION)),
    ],
);

static PTY: Table = table(
    42,
    &[file(b"max", |_| line("4096")), file(b"reserve", |_| line("1024"))],
);

static MESSAGE_QUEUES: Table = table(
    16,
    &[
        file(b"msg_default", |_| line("10")),
        file(b"msg_max", |_| line("10")),
        file(b"msgsize_default", |_| line("8192")),
        file(b"msgsize_max", |_| line("8192")),
        file(b"queues_max", |_| line("256")),
    ],
);

static RANDOM: Table = table(
    11,
    &[
        file(b"boot_id", boot_id),
        file(b"entropy_avail", |_| line("256")),
        file(b"poolsize", |_| line("256")),
        file(b"uuid", |_| line_of(uuid())),
    ],
);

static VM: Table = table(
    14,
    &[
        file(b"max_map_count", |_| line("65530")),
        file(b"mmap_min_addr", |_| line("65536")),
        file(b"nr_hugepages", |_| line("0")),
        file(b"overcommit_memory", |_| line("0")),
        file(b"overcommit_ratio", |_| line("50")),
        file(b"swappiness", |_| line("60")),
    ],
);

pub(crate) fn line(text: &str) -> Result<Vec<u8>> {
    line_of(text.as_bytes().to_vec())
}

pub(crate) fn line_of(mut text: Vec<u8>) -> Result<Vec<u8>> {
    text.push(b'\n');
    Ok(text)
}

fn hostname(_scope: &Scope) -> Result<Vec<u8>> {
    line_of(source().map(|source| source.hostname()).unwrap_or_default())
}

fn set_hostname(_scope: &Scope, bytes: &[u8]) -> Result<()> {
    let name = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    source()
        .ok_or(Errno::EPERM)?
        .set_hostname(name.get(..64).unwrap_or(name))
}

/// As many threads as would fill an eighth of the memory with their stacks.
fn threads_max(_scope: &Scope) -> Result<Vec<u8>> {
    line(&format!("{}", (frames::usage().total / 32).max(20)))
}

/// A random number in the form of a version 4 UUID.
fn uuid() -> Vec<u8> {
    let mut bytes = [0; 16];
    random::fill(&mut bytes);
    let number = u128::from_be_bytes(bytes);
    let number = number & !(0xf << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{number:032x}");
    let mut text = Vec::with_capacity(36);
    for (at, byte) in hex.bytes().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            text.push(b'-');
        }
        text.push(byte);
    }
    text
}

fn boot_id(_scope: &Scope) -> Result<Vec<u8>> {
    static BOOT_ID: Once<Vec<u8>> = Once::new();
    line_of(BOOT_ID.get_or_init(uuid).clone())
}
