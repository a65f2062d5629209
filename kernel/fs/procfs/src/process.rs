//! A process's directory, and a thread's.

use crate::tree::{Found, Listed, Row, Scope, Table, directory, file, link, private, scope_of, setting};
use crate::{files, mounts, network, status};
use abi::{Errno, Error, Result};
use alloc::format;
use alloc::vec::Vec;
use core::fmt::Write;
use vfs::{Kind, Link};

pub(crate) static TABLE: Table = Table {
    id: 2,
    rows: &ROWS,
    listed: None,
};

static THREAD: Table = Table {
    id: 3,
    rows: &THREAD_ROWS,
    listed: None,
};

static THREADS: Table = Table {
    id: 4,
    rows: &[],
    listed: Some(&Listed {
        numbers: |scope| Ok(scope.process()?.threads()),
        find: |scope, number| {
            if !scope.process()?.threads().contains(&number) {
                return Ok(None);
            }
            Ok(scope_of(scope, number).map(|scope| Found::Directory(scope, &THREAD)))
        },
        kind: |_| Kind::Directory,
        names: None,
    }),
};

static ROWS: [Row; 26] = rows(directory(b"task", &THREADS));
static THREAD_ROWS: [Row; 26] = rows(file(b"children", |_| Ok(Vec::new())));

/// The rows that processes and threads share, and one that they do not.
const fn rows(own: Row) -> [Row; 26] {
    [
        own,
        private(b"auxv", |scope| Ok(scope.process()?.auxiliary_vector())),
        file(b"cgroup", |_| Ok(b"0::/\n".to_vec())),
        file(b"cmdline", |scope| Ok(scope.process()?.command_line())),
        setting(b"comm", name, set_name),
        link(b"cwd", |scope| Ok(Link::Jump(scope.process()?.working_directory()))),
        private(b"environ", |scope| Ok(scope.process()?.environment())),
        link(b"exe", executable),
        directory(b"fd", &files::FILES),
        directory(b"fdinfo", &files::INFOS),
        file(b"limits", limits),
        file(b"maps", maps),
        file(b"mountinfo", mounts::mount_info),
        file(b"mounts", mounts::mounts),
        directory(b"net", &network::NET),
        file(b"oom_score", oom_score),
        setting(b"oom_score_adj", oom_adjustment, set_oom_adjustment),
        link(b"root", |scope| Ok(Link::Jump(scope.process()?.root()))),
        file(b"schedstat", status::schedule),
        file(b"smaps", status::detailed_maps),
        file(b"stat", status::stat),
        file(b"statm", status::memory),
        file(b"status", status::status),
        file(b"wchan", |_| Ok(b"0".to_vec())),
        file(b"uid_map", identity_map),
        file(b"gid_map", identity_map),
    ]
}

fn identity_map(_scope: &Scope) -> Result<Vec<u8>> {
    Ok(b"         0          0 4294967295\n".to_vec())
}

fn name(scope: &Scope) -> Result<Vec<u8>> {
    let mut name = scope.process()?.status().name;
    name.push(b'\n');
    Ok(name)
}

fn set_name(scope: &Scope, bytes: &[u8]) -> Result<()> {
    let name = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    scope.process()?.set_name(name.get(..15).unwrap_or(name))
}

/// As Linux shows it: 0 for a process that is not to be killed, 666 for one that has nothing, up to 1999.
fn oom_score(scope: &Scope) -> Result<Vec<u8>> {
    let status = scope.process()?.status();
    let total = frames::usage().total.max(1) as i64;
    let weight = i64::from(status.oom_adjustment) * total / 1000;
    let points = status.vm_resident as i64 + weight;
    let score = match status.oom_adjustment {
        -1000 => 0,
        _ => ((1000 + points * 1000 / total) * 2 / 3).max(0),
    };
    Ok(format!("{score}\n").into_bytes())
}

fn oom_adjustment(scope: &Scope) -> Result<Vec<u8>> {
    Ok(format!("{}\n", scope.process()?.status().oom_adjustment).into_bytes())
}

fn set_oom_adjustment(scope: &Scope, bytes: &[u8]) -> Result<()> {
    let wrong = || Error::new(Errno::EINVAL, "the adjustment is a number from -1000 to 1000");
    let text = core::str::from_utf8(bytes).map_err(|_| wrong())?;
    let adjustment: i32 = text.trim().parse().map_err(|_| wrong())?;
    if !(-1000..=1000).contains(&adjustment) {
        return Err(wrong());
    }
    scope.process()?.set_oom_adjustment(adjustment)
}

fn executable(scope: &Scope) -> Result<Link> {
    let none = || Error::new(Errno::ENOENT, "the process runs no file");
    Ok(Link::Jump(scope.process()?.executable().ok_or_else(none)?))
}

/// Column in which the path begins.
const PATH_COLUMN: usize = 73;

fn maps(scope: &Scope) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    for mapping in scope.process()?.mappings() {
        map_line(&mapping, &mut text);
    }
    Ok(text)
}

/// The line of a mapping, as `maps` and `smaps` have it.
pub(crate) fn map_line(mapping: &crate::Mapping, text: &mut Vec<u8>) {
    let rights = core::str::from_utf8(&mapping.rights).unwrap_or("----");
    let mut line = format!(
        "{:08x}-{:08x} {rights} {:08x} {:02x}:{:02x} {} ",
        mapping.start,
        mapping.end,
        mapping.offset,
        abi::stat::major(mapping.device),
        abi::stat::minor(mapping.device),
        mapping.inode
    )
    .into_bytes();
    if !mapping.name.is_empty() {
        line.resize(line.len().max(PATH_COLUMN), b' ');
        // A newline in a path would look like another mapping.
        for byte in &mapping.name {
            if *byte == b'\n' {
                line.extend_from_slice(b"\\012");
            } else {
                line.push(*byte);
            }
        }
    }
    text.extend_from_slice(&line);
    text.push(b'\n');
}

/// Names and units of the limits, in their order.
const LIMITS: [(&str, &str); 16] = [
    ("Max cpu time", "seconds"),
    ("Max file size", "bytes"),
    ("Max data size", "bytes"),
    ("Max stack size", "bytes"),
    ("Max core file size", "bytes"),
    ("Max resident set", "bytes"),
    ("Max processes", "processes"),
    ("Max open files", "files"),
    ("Max locked memory", "bytes"),
    ("Max address space", "bytes"),
    ("Max file locks", "locks"),
    ("Max pending signals", "signals"),
    ("Max msgqueue size", "bytes"),
    ("Max nice priority", ""),
    ("Max realtime priority", ""),
    ("Max realtime timeout", "us"),
];

fn limits(scope: &Scope) -> Result<Vec<u8>> {
    let mut text = format!(
        "{:<25} {:<20} {:<20} {:<10}\n",
        "Limit", "Soft Limit", "Hard Limit", "Units"
    );
    let shown = |value: u64| {
        if value == abi::resource::RLIM_INFINITY {
            "unlimited".into()
        } else {
            format!("{value}")
        }
    };
    for ((name, unit), limit) in LIMITS.iter().zip(scope.process()?.limits()) {
        // A line without a unit has none of the padding for it either.
        let end = if unit.is_empty() {
            "\n".into()
        } else {
            format!("{unit:<10}\n")
        };
        let written = write!(
            text,
            "{name:<25} {:<20} {:<20} {end}",
            shown(limit.soft),
            shown(limit.hard)
        );
        written.map_err(|_| Errno::ENOMEM)?;
    }
    Ok(text.into_bytes())
}
