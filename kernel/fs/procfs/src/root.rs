//! The top of `/proc`.

use crate::source::{SystemV, source};
use crate::tree::{Found, Listed, Row, Scope, Table, directory, file, link, scope_of};
use crate::{cpuinfo, mounts, process, sysctl, system};
use abi::{Errno, Result};
use alloc::format;
use alloc::vec::Vec;
use vfs::{Kind, Link};

pub(crate) static TABLE: Table = Table {
    id: 1,
    rows: &ROWS,
    listed: Some(&PROCESSES),
};

static ROWS: [Row; 23] = [
    link(b"self", this_process),
    link(b"thread-self", this_thread),
    link(b"mounts", |_| Ok(Link::Static(b"self/mounts"))),
    link(b"net", |_| Ok(Link::Static(b"self/net"))),
    file(b"cmdline", system::command_line),
    file(b"cpuinfo", cpuinfo::content),
    file(b"devices", system::devices),
    // There is no disk.
    file(b"diskstats", |_| Ok(Vec::new())),
    file(b"filesystems", mounts::file_systems),
    file(b"interrupts", system::interrupts),
    file(b"loadavg", system::load),
    file(b"meminfo", system::memory),
    file(b"modules", |_| Ok(Vec::new())),
    file(b"partitions", |_| Ok(b"major minor  #blocks  name\n\n".to_vec())),
    file(b"stat", system::stat),
    file(b"swaps", |_| {
        Ok(b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n".to_vec())
    }),
    directory(b"sys", &sysctl::TABLE),
    directory(b"sysvipc", &SYSTEM_V),
    directory(b"tty", &TERMINALS),
    file(b"uptime", system::uptime),
    file(b"version", system::version),
    file(b"vmstat", system::memory_counts),
    file(b"zoneinfo", |_| Ok(Vec::new())),
];

static SYSTEM_V: Table = Table {
    id: 41,
    rows: &[
        file(b"msg", |_| Ok(system_v(SystemV::Messages))),
        file(b"sem", |_| Ok(system_v(SystemV::Semaphores))),
        file(b"shm", |_| Ok(system_v(SystemV::Segments))),
    ],
    listed: None,
};

fn system_v(which: SystemV) -> Vec<u8> {
    source().map(|source| source.system_v(which)).unwrap_or_default()
}

static TERMINALS: Table = Table {
    id: 40,
    rows: &[
        file(b"drivers", |_| Ok(TERMINAL_DRIVERS.to_vec())),
        file(b"ldiscs", |_| Ok(b"n_tty       0\n".to_vec())),
    ],
    listed: None,
};

/// What drives terminals, as `ps` reads it to find their names: name, prefix of the files, major number, minor numbers, sort.
const TERMINAL_DRIVERS: &[u8] = b"\
/dev/tty             /dev/tty        5       0 system:/dev/tty
/dev/console         /dev/console    5       1 system:console
/dev/ptmx            /dev/ptmx       5       2 system
pty_slave            /dev/pts      136 0-1048575 pty:slave
pty_master           /dev/ptm      128 0-1048575 pty:master
";

static PROCESSES: Listed = Listed {
    numbers: |_| Ok(source().map(|source| source.processes()).unwrap_or_default()),
    find: |scope, number| Ok(scope_of(scope, number).map(|scope| Found::Directory(scope, &process::TABLE))),
    kind: |_| Kind::Directory,
    names: None,
};

fn current() -> Result<(u32, u32)> {
    source()
        .and_then(|source| source.current())
        .ok_or_else(|| Errno::ENOENT.into())
}

fn this_process(_scope: &Scope) -> Result<Link> {
    Ok(Link::Text(format!("{}", current()?.0).into_bytes().into()))
}

fn this_thread(_scope: &Scope) -> Result<Link> {
    let (process, thread) = current()?;
    Ok(Link::Text(format!("{process}/task/{thread}").into_bytes().into()))
}
