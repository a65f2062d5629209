//! A process's open files.

use crate::tree::{Found, Listed, Scope, Table};
use abi::fcntl::OpenFlags;
use abi::{Errno, Error, Result};
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use vfs::{File, Kind, Link};

pub(crate) static FILES: Table = Table {
    id: 6,
    rows: &[],
    listed: Some(&Listed {
        numbers: descriptors,
        find: |scope, number| {
            let Some((file, _)) = scope.process()?.file(number) else {
                return Ok(None);
            };
            let flags = file.flags();
            let mut mode = 0o100;
            if flags.readable() {
                mode |= 0o400;
            }
            if flags.writable() {
                mode |= 0o200;
            }
            Ok(Some(Found::Link(mode, |scope, number| {
                Ok(Link::Jump(open_file(scope, number)?.0.path().clone()))
            })))
        },
        kind: |_| Kind::Symlink,
        names: None,
    }),
};

pub(crate) static INFOS: Table = Table {
    id: 7,
    rows: &[],
    listed: Some(&Listed {
        numbers: descriptors,
        find: |scope, number| {
            let there = scope.process()?.file(number).is_some();
            Ok(there.then_some(Found::File(info)))
        },
        kind: |_| Kind::Regular,
        names: None,
    }),
};

fn descriptors(scope: &Scope) -> Result<Vec<u32>> {
    Ok(scope.process()?.descriptors())
}

fn open_file(scope: &Scope, number: u32) -> Result<(Arc<File>, bool)> {
    scope
        .process()?
        .file(number)
        .ok_or_else(|| Error::new(Errno::ENOENT, "the descriptor is closed"))
}

fn info(scope: &Scope, number: u32) -> Result<Vec<u8>> {
    let (file, closes) = open_file(scope, number)?;
    let mut flags = file.flags();
    flags.set(OpenFlags::CLOEXEC, closes);
    let mut text = format!(
        "pos:\t{}\nflags:\t0{:o}\nmnt_id:\t{}\nino:\t{}\n",
        file.position(),
        flags.bits(),
        file.path().mount.id(),
        file.attributes().ino
    )
    .into_bytes();
    if let Some(behaviour) = file.behaviour() {
        text.extend(behaviour.describe(&file));
    }
    Ok(text)
}
