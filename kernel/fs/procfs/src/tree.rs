//! Trees of generated files: tables of rows, and the inodes and files that are made of them when they are looked up.

use crate::source::{Process, source};
use abi::fcntl::OpenFlags;
use abi::{Errno, Error, Result};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use lock::SpinLock;
use usermem::{Sink, Source};
use vfs::{Attributes, DirectoryEntry, Emit, File, FileLike, Inode, Kind, Link, SetAttributes};

/// Whose file it is: a process's (with its number), or nobody's.
#[derive(Clone)]
pub(crate) struct Scope {
    pub(crate) number: u32,
    pub(crate) process: Option<Arc<dyn Process>>,
    pub(crate) device: u64,
}

impl Scope {
    /// The process.
    pub(crate) fn process(&self) -> Result<&Arc<dyn Process>> {
        self.process
            .as_ref()
            .ok_or_else(|| Error::new(Errno::ESRCH, "the process is gone"))
    }
}

/// Makes a file's content.
pub(crate) type Generate = fn(&Scope) -> Result<Vec<u8>>;
/// Takes what was written to a file.
pub(crate) type Accept = fn(&Scope, &[u8]) -> Result<()>;

/// What a name stands for.
pub(crate) enum What {
    /// A file with that content.
    File(Generate),
    /// A file that is written, too.
    Setting(Generate, Accept),
    /// A symbolic link.
    Link(fn(&Scope) -> Result<Link>),
    /// A directory with a fixed table.
    Table(&'static Table),
}

/// A name in a fixed table.
pub(crate) struct Row {
    pub(crate) name: &'static [u8],
    pub(crate) mode: u32,
    pub(crate) what: What,
}

pub(crate) const fn file(name: &'static [u8], content: Generate) -> Row {
    Row {
        name,
        mode: 0o444,
        what: What::File(content),
    }
}

pub(crate) const fn private(name: &'static [u8], content: Generate) -> Row {
    Row {
        name,
        mode: 0o400,
        what: What::File(content),
    }
}

pub(crate) const fn setting(name: &'static [u8], content: Generate, accept: Accept) -> Row {
    Row {
        name,
        mode: 0o644,
        what: What::Setting(content, accept),
    }
}

pub(crate) const fn link(name: &'static [u8], target: fn(&Scope) -> Result<Link>) -> Row {
    Row {
        name,
        mode: 0o777,
        what: What::Link(target),
    }
}

pub(crate) const fn directory(name: &'static [u8], table: &'static Table) -> Row {
    Row {
        name,
        mode: 0o555,
        what: What::Table(table),
    }
}

/// A directory: a fixed table, and perhaps names that come and go.
pub(crate) struct Table {
    /// Tells tables apart in inode numbers.
    pub(crate) id: u64,
    pub(crate) rows: &'static [Row],
    pub(crate) listed: Option<&'static Listed>,
}

/// The name of a number, and the number of a name.
pub(crate) type Names = (fn(&Scope, u32) -> String, fn(&Scope, &[u8]) -> Option<u32>);

/// Names that are numbers, or stand for them.
pub(crate) struct Listed {
    /// All of them, in ascending order.
    pub(crate) numbers: fn(&Scope) -> Result<Vec<u32>>,
    /// What one of them is; nothing if it is not there.
    pub(crate) find: fn(&Scope, u32) -> Result<Option<Found>>,
    /// What one of them is, for listings.
    pub(crate) kind: fn(u32) -> Kind,
    /// What they are called, if not by their numbers.
    pub(crate) names: Option<Names>,
}

/// What a number turned out to be.
pub(crate) enum Found {
    /// A directory of a process or thread.
    Directory(Scope, &'static Table),
    /// A file of the directory's process.
    File(fn(&Scope, u32) -> Result<Vec<u8>>),
    /// A link of the directory's process, with its permissions.
    Link(u32, fn(&Scope, u32) -> Result<Link>),
    /// A file that is written, too.
    Setting(Scope, &'static Row),
}

enum Body {
    Directory(&'static Table),
    Row(&'static Row),
    NumberedFile(u32, fn(&Scope, u32) -> Result<Vec<u8>>),
    NumberedLink(u32, u32, fn(&Scope, u32) -> Result<Link>),
}

/// An inode of a generated tree.
pub(crate) struct Node {
    scope: Scope,
    body: Body,
    ino: u64,
}

impl Node {
    /// The root directory of a tree.
    pub(crate) fn root(device: u64, table: &'static Table) -> Arc<dyn Inode> {
        let scope = Scope {
            number: 0,
            process: None,
            device,
        };
        Arc::new(Self {
            scope,
            body: Body::Directory(table),
            ino: 1,
        })
    }

    fn table(&self) -> Result<&'static Table> {
        match self.body {
            Body::Directory(table) => Ok(table),
            _ => Err(Error::new(Errno::ENOTDIR, "names are looked up in directories")),
        }
    }

    fn ino_of(scope: &Scope, table: &Table, index: u64) -> u64 {
        2 + (u64::from(scope.number) << 24 | table.id << 16 | index)
    }

    fn row(&self, table: &'static Table, index: usize, row: &'static Row) -> Arc<dyn Inode> {
        let body = match row.what {
            What::Table(table) => Body::Directory(table),
            _ => Body::Row(row),
        };
        Arc::new(Self {
            scope: self.scope.clone(),
            body,
            ino: Self::ino_of(&self.scope, table, index as u64),
        })
    }

    fn numbered(&self, table: &'static Table, name: &[u8]) -> Result<Option<Arc<dyn Inode>>> {
        let Some(listed) = table.listed else { return Ok(None) };
        let number = match listed.names {
            Some(names) => (names.1)(&self.scope, name),
            None => parse_number(name),
        };
        let Some(number) = number else { return Ok(None) };
        let ino = Self::ino_of(&self.scope, table, 1 << 8 | u64::from(number) << 32);
        let node = match (listed.find)(&self.scope, number)? {
            None => return Ok(None),
            Some(Found::Directory(scope, table)) => Self {
                ino: Self::ino_of(&scope, table, 0xff),
                scope,
                body: Body::Directory(table),
            },
            Some(Found::Setting(scope, row)) => Self {
                ino: Self::ino_of(&scope, table, 0xfe),
                scope,
                body: Body::Row(row),
            },
            Some(Found::File(content)) => Self {
                scope: self.scope.clone(),
                body: Body::NumberedFile(number, content),
                ino,
            },
            Some(Found::Link(mode, target)) => Self {
                scope: self.scope.clone(),
                body: Body::NumberedLink(number, mode, target),
                ino,
            },
        };
        Ok(Some(Arc::new(node)))
    }

    fn mode(&self) -> u32 {
        match &self.body {
            Body::Directory(table) if table.listed.is_some_and(|listed| (listed.kind)(0) == Kind::Symlink) => 0o500,
            Body::Directory(_) => 0o555,
            Body::Row(row) => row.mode,
            Body::NumberedFile(..) => 0o400,
            Body::NumberedLink(_, mode, _) => *mode,
        }
    }

    fn content(&self) -> Result<Vec<u8>> {
        match &self.body {
            Body::Row(Row {
                what: What::File(content) | What::Setting(content, _),
                ..
            }) => content(&self.scope),
            Body::NumberedFile(number, content) => content(&self.scope, *number),
            _ => Err(Error::new(Errno::EINVAL, "the file has no bytes")),
        }
    }
}

/// A decimal number as the kernel writes it: no sign, no leading zero.
pub(crate) fn parse_number(name: &[u8]) -> Option<u32> {
    if name.len() > 1 && name.first() == Some(&b'0') || !name.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(name).ok()?.parse().ok()
}

impl Inode for Node {
    fn kind(&self) -> Kind {
        match &self.body {
            Body::Directory(_) => Kind::Directory,
            Body::Row(row) => match row.what {
                What::Link(_) => Kind::Symlink,
                What::Table(_) => Kind::Directory,
                What::File(_) | What::Setting(..) => Kind::Regular,
            },
            Body::NumberedFile(..) => Kind::Regular,
            Body::NumberedLink(..) => Kind::Symlink,
        }
    }

    fn attributes(&self) -> Attributes {
        let mode = self.kind().mode() | self.mode();
        let mut attributes = Attributes::new(self.ino, self.scope.device, mode).with_times(vfs::now());
        if let Some(process) = &self.scope.process {
            let credentials = process.credentials();
            (attributes.uid, attributes.gid) = (credentials.euid, credentials.egid);
        }
        if self.kind() == Kind::Directory {
            attributes.nlink = 2;
        }
        attributes.blksize = 1024;
        attributes
    }

    fn set_attributes(&self, changes: &SetAttributes) -> Result<()> {
        // Opening a file with `O_TRUNC` cuts it before it is written, which changes nothing.
        let cut_only = changes.mode.is_none() && changes.uid.is_none() && changes.gid.is_none();
        if self.kind() == Kind::Regular && cut_only {
            Ok(())
        } else {
            Err(Error::new(Errno::EPERM, "the file's attributes are fixed"))
        }
    }

    fn is_volatile(&self) -> bool {
        self.kind() == Kind::Directory
    }

    fn lookup(&self, name: &[u8]) -> Result<Option<Arc<dyn Inode>>> {
        let table = self.table()?;
        match table.rows.iter().enumerate().find(|(_, row)| row.name == name) {
            Some((index, row)) => Ok(Some(self.row(table, index, row))),
            // As on Linux, a name that is not there cannot be made either: the search itself fails.
            None => match self.numbered(table, name)? {
                Some(found) => Ok(Some(found)),
                None => Err(Error::new(Errno::ENOENT, "there is no such entry")),
            },
        }
    }

    fn readlink(&self) -> Result<Link> {
        match &self.body {
            Body::Row(Row {
                what: What::Link(target),
                ..
            }) => target(&self.scope),
            Body::NumberedLink(number, _, target) => target(&self.scope, *number),
            _ => Err(Error::new(Errno::EINVAL, "the file is not a symbolic link")),
        }
    }

    fn read_directory(&self, cursor: u64, emit: &mut Emit<'_>) -> Result<()> {
        /// Cursors of numbered names lie above those of the table.
        const NUMBERED: u64 = 1 << 16;
        let table = self.table()?;
        for (index, row) in table.rows.iter().enumerate().skip(cursor as usize) {
            let kind = match row.what {
                What::Link(_) => Kind::Symlink,
                What::Table(_) => Kind::Directory,
                What::File(_) | What::Setting(..) => Kind::Regular,
            };
            let entry = DirectoryEntry {
                name: row.name,
                ino: Self::ino_of(&self.scope, table, index as u64),
                kind,
                next: index as u64 + 1,
            };
            if !emit(&entry) {
                return Ok(());
            }
        }
        let Some(listed) = table.listed else { return Ok(()) };
        for number in (listed.numbers)(&self.scope)? {
            if NUMBERED + u64::from(number) < cursor {
                continue;
            }
            let name = listed
                .names
                .map_or_else(|| alloc::format!("{number}"), |names| (names.0)(&self.scope, number));
            let entry = DirectoryEntry {
                name: name.as_bytes(),
                ino: Self::ino_of(&self.scope, table, 1 << 8 | u64::from(number) << 32),
                kind: (listed.kind)(number),
                next: NUMBERED + u64::from(number) + 1,
            };
            if !emit(&entry) {
                break;
            }
        }
        Ok(())
    }

    fn open(&self, _flags: OpenFlags) -> Result<Option<Arc<dyn FileLike>>> {
        if self.kind() != Kind::Regular {
            return Ok(None);
        }
        let accept = match &self.body {
            Body::Row(Row {
                what: What::Setting(_, accept),
                ..
            }) => Some(*accept),
            _ => None,
        };
        let node = Self {
            scope: self.scope.clone(),
            body: match &self.body {
                Body::Row(row) => Body::Row(row),
                Body::NumberedFile(number, content) => Body::NumberedFile(*number, *content),
                Body::Directory(table) => Body::Directory(table),
                Body::NumberedLink(number, mode, target) => Body::NumberedLink(*number, *mode, *target),
            },
            ino: self.ino,
        };
        Ok(Some(Arc::new(Generated {
            node,
            accept,
            content: SpinLock::new(None),
        })))
    }
}

/// An open generated file. The content is made when it is read from the start, and kept for the reads that follow.
struct Generated {
    node: Node,
    accept: Option<Accept>,
    content: SpinLock<Option<Arc<Vec<u8>>>>,
}

impl FileLike for Generated {
    fn is_positioned(&self) -> bool {
        true
    }

    fn read_at(&self, _file: &File, offset: u64, into: &mut Sink<'_>) -> Result<usize> {
        let known = self.content.lock().clone().filter(|_| offset > 0);
        let content = match known {
            Some(content) => content,
            None => {
                let made = Arc::new(self.node.content()?);
                *self.content.lock() = Some(Arc::clone(&made));
                made
            }
        };
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        into.put(content.get(start..).unwrap_or_default())
    }

    fn write_at(&self, _file: &File, _offset: u64, from: &mut Source<'_>) -> Result<usize> {
        let accept = self
            .accept
            .ok_or_else(|| Error::new(Errno::EIO, "the file is not written"))?;
        let mut bytes = alloc::vec![0; from.left().min(4096)];
        let taken = from.take(&mut bytes)?;
        if taken == 0 {
            return Ok(0);
        }
        accept(&self.node.scope, bytes.get(..taken).unwrap_or_default())?;
        Ok(taken)
    }

    fn length(&self, _file: &File) -> u64 {
        0
    }
}

/// The scope of a process or thread.
pub(crate) fn scope_of(scope: &Scope, number: u32) -> Option<Scope> {
    Some(Scope {
        number,
        process: Some(source()?.find(number)?),
        device: scope.device,
    })
}
