//! The names in `/dev`.

use abi::stat::makedev;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use vfs::{Attributes, DirectoryEntry, Emit, Inode, Kind, Link};

enum What {
    Device(u32, u32),
    Link(&'static [u8]),
    Directory,
}

struct Row {
    name: &'static [u8],
    mode: u32,
    what: What,
}

const fn device(name: &'static [u8], mode: u32, major: u32, minor: u32) -> Row {
    Row {
        name,
        mode,
        what: What::Device(major, minor),
    }
}

const fn link(name: &'static [u8], target: &'static [u8]) -> Row {
    Row {
        name,
        mode: 0o777,
        what: What::Link(target),
    }
}

const fn directory(name: &'static [u8], mode: u32) -> Row {
    Row {
        name,
        mode,
        what: What::Directory,
    }
}

static ROWS: [Row; 16] = [
    device(b"console", 0o600, 5, 1),
    link(b"fd", b"/proc/self/fd"),
    device(b"full", 0o666, 1, 7),
    directory(b"mqueue", 0o1777),
    device(b"null", 0o666, 1, 3),
    device(b"ptmx", 0o666, 5, 2),
    directory(b"pts", 0o755),
    device(b"random", 0o666, 1, 8),
    directory(b"shm", 0o1777),
    link(b"stderr", b"/proc/self/fd/2"),
    link(b"stdin", b"/proc/self/fd/0"),
    link(b"stdout", b"/proc/self/fd/1"),
    device(b"tty", 0o666, 5, 0),
    device(b"urandom", 0o666, 1, 9),
    device(b"vsock", 0o666, 10, 258),
    device(b"zero", 0o666, 1, 5),
];

impl Row {
    const fn kind(&self) -> Kind {
        match self.what {
            What::Device(..) => Kind::Character,
            What::Link(_) => Kind::Symlink,
            What::Directory => Kind::Directory,
        }
    }
}

/// `/dev` itself, or an entry of it.
struct Node {
    /// Nothing is the directory.
    row: Option<&'static Row>,
    ino: u64,
}

const ROOT_INO: u64 = 1;

/// The directory `/dev`, read only.
#[must_use]
pub fn root() -> Arc<dyn Inode> {
    Arc::new(Node {
        row: None,
        ino: ROOT_INO,
    })
}

fn ino_of(index: usize) -> u64 {
    ROOT_INO + 1 + index as u64
}

impl Inode for Node {
    fn kind(&self) -> Kind {
        self.row.map_or(Kind::Directory, Row::kind)
    }

    fn attributes(&self) -> Attributes {
        let permissions = self.row.map_or(0o755, |row| row.mode);
        let mut attributes = Attributes::new(self.ino, 0, self.kind().mode() | permissions).with_times(vfs::now());
        match self.row.map(|row| &row.what) {
            Some(What::Device(major, minor)) => attributes.rdev = makedev(*major, *minor),
            Some(What::Link(target)) => attributes.size = target.len() as u64,
            Some(What::Directory) => attributes.nlink = 2,
            None => {
                let directories = ROWS.iter().filter(|row| row.kind() == Kind::Directory);
                attributes.nlink = 2 + directories.count() as u32;
            }
        }
        attributes
    }

    fn lookup(&self, name: &[u8]) -> Result<Option<Arc<dyn Inode>>> {
        match self.row {
            None => {}
            Some(row) if row.kind() == Kind::Directory => return Ok(None),
            Some(_) => return Err(Error::new(Errno::ENOTDIR, "names are looked up in directories")),
        }
        let found = ROWS.iter().enumerate().find(|(_, row)| row.name == name);
        Ok(found.map(|(index, row)| {
            Arc::new(Self {
                row: Some(row),
                ino: ino_of(index),
            }) as _
        }))
    }

    fn readlink(&self) -> Result<Link> {
        match self.row.map(|row| &row.what) {
            Some(What::Link(target)) => Ok(Link::Static(target)),
            _ => Err(Error::new(Errno::EINVAL, "the file is not a symbolic link")),
        }
    }

    fn read_directory(&self, cursor: u64, emit: &mut Emit<'_>) -> Result<()> {
        if self.row.is_some() {
            return Ok(());
        }
        for (index, row) in ROWS.iter().enumerate().skip(cursor as usize) {
            let entry = DirectoryEntry {
                name: row.name,
                ino: ino_of(index),
                kind: row.kind(),
                next: index as u64 + 1,
            };
            if !emit(&entry) {
                break;
            }
        }
        Ok(())
    }
}
