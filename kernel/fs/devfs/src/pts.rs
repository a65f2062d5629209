//! `/dev/pts`: a file for each pseudo-terminal, as long as its master is open, and `ptmx`, which makes them.
//!
//! The directory has no state of its own: which pseudo-terminals there are, and whose, the tty crate knows. There is one such file system, wherever it is mounted.

use crate::MASTERS;
use abi::fcntl::OpenFlags;
use abi::stat::{S_IFCHR, S_IFDIR, Statfs};
use abi::{Errno, Error, Result};
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use lock::Once;
use process::session::ControllingTerminal;
use tty::Terminal;
use vfs::{
    Attributes, Context, Credentials, DirectoryEntry, Emit, File, FileLike, FileSystem, Inode, Kind, Mount, MountFlags,
    Path, SetAttributes,
};

const MAGIC: i64 = 0x1cd1;
const ROOT_INO: u64 = 1;
const MASTERS_INO: u64 = 2;
/// Number of the first terminal's inode.
const FIRST_INO: u64 = 3;
/// The group of terminals, which `write` and `wall` run as.
const GROUP: u32 = 5;
const OPTIONS: &[u8] = b"gid=5,mode=620,ptmxmode=666";

/// The file system.
struct Devpts {
    device: u64,
}

static MOUNT: Once<Arc<Mount>> = Once::new();
static DEVICE: Once<u64> = Once::new();

fn device() -> u64 {
    *DEVICE.get_or_init(vfs::new_device)
}

/// The file system of pseudo-terminals.
#[must_use]
pub fn pts() -> Arc<dyn FileSystem> {
    Arc::new(Devpts { device: device() })
}

/// The mount that stands for `/dev/pts` wherever a terminal is opened without a path.
#[must_use]
pub fn pts_mount(flags: MountFlags) -> Arc<Mount> {
    Arc::clone(MOUNT.get_or_init(|| Mount::new(pts(), flags, b"devpts")))
}

impl FileSystem for Devpts {
    fn name(&self) -> &'static str {
        "devpts"
    }

    fn root(&self) -> Arc<dyn Inode> {
        Arc::new(Node {
            what: What::Root,
            device: self.device,
        })
    }

    fn statfs(&self) -> Statfs {
        Statfs {
            kind: MAGIC,
            bsize: 4096,
            namelen: 255,
            frsize: 4096,
            ..Statfs::default()
        }
    }

    fn options(&self) -> Vec<u8> {
        OPTIONS.to_vec()
    }
}

enum What {
    Root,
    Masters,
    Terminal(Arc<Terminal>),
}

/// A file of `/dev/pts`, or the directory.
struct Node {
    what: What,
    device: u64,
}

/// The number that a name stands for, as `/dev/pts` writes it.
fn number(name: &[u8]) -> Option<u32> {
    let text = core::str::from_utf8(name).ok()?;
    let number: u32 = text.parse().ok()?;
    (format!("{number}") == text).then_some(number)
}

impl Inode for Node {
    fn kind(&self) -> Kind {
        match self.what {
            What::Root => Kind::Directory,
            What::Masters | What::Terminal(_) => Kind::Character,
        }
    }

    fn attributes(&self) -> Attributes {
        let made = |ino, mode| Attributes::new(ino, self.device, mode).with_times(vfs::now());
        match &self.what {
            What::Root => Attributes {
                nlink: 2,
                ..made(ROOT_INO, S_IFDIR | 0o755)
            },
            What::Masters => Attributes {
                rdev: MASTERS,
                blksize: 1024,
                ..made(MASTERS_INO, S_IFCHR | 0o666)
            },
            What::Terminal(terminal) => {
                let owner = terminal.owner();
                Attributes {
                    uid: owner.uid,
                    gid: owner.gid,
                    rdev: terminal.device(),
                    blksize: 1024,
                    atime: owner.atime,
                    mtime: owner.mtime,
                    ctime: owner.made,
                    btime: owner.made,
                    ..made(FIRST_INO + u64::from(terminal.number()), S_IFCHR | owner.mode)
                }
            }
        }
    }

    fn set_attributes(&self, changes: &SetAttributes) -> Result<()> {
        let What::Terminal(terminal) = &self.what else {
            return Ok(());
        };
        terminal.change_owner(|owner| {
            owner.mode = changes.mode.map_or(owner.mode, |mode| mode & 0o7777);
            owner.uid = changes.uid.unwrap_or(owner.uid);
            owner.gid = changes.gid.unwrap_or(owner.gid);
            owner.atime = changes.atime.unwrap_or(owner.atime);
            owner.mtime = changes.mtime.unwrap_or(owner.mtime);
            owner.made = vfs::now();
        });
        Ok(())
    }

    fn is_volatile(&self) -> bool {
        matches!(self.what, What::Root)
    }

    fn is_gone(&self) -> bool {
        match &self.what {
            What::Terminal(terminal) => {
                tty::pty::find(terminal.number()).is_none_or(|other| !Arc::ptr_eq(terminal, &other))
            }
            What::Root | What::Masters => false,
        }
    }

    fn lookup(&self, name: &[u8]) -> Result<Option<Arc<dyn Inode>>> {
        if !matches!(self.what, What::Root) {
            return Err(Error::new(Errno::ENOTDIR, "names are looked up in directories"));
        }
        let what = if name == b"ptmx" {
            Some(What::Masters)
        } else {
            number(name).and_then(tty::pty::find).map(What::Terminal)
        };
        let device = self.device;
        Ok(what.map(|what| Arc::new(Self { what, device }) as _))
    }

    fn read_directory(&self, cursor: u64, emit: &mut Emit<'_>) -> Result<()> {
        if !matches!(self.what, What::Root) {
            return Err(Error::new(Errno::ENOTDIR, "only directories are listed"));
        }
        let masters = DirectoryEntry {
            name: b"ptmx",
            ino: MASTERS_INO,
            kind: Kind::Character,
            next: 1,
        };
        if cursor == 0 && !emit(&masters) {
            return Ok(());
        }
        for number in tty::pty::numbers() {
            let next = u64::from(number) + 2;
            let name = format!("{number}");
            let entry = DirectoryEntry {
                name: name.as_bytes(),
                ino: FIRST_INO + u64::from(number),
                kind: Kind::Character,
                next,
            };
            if next > cursor && !emit(&entry) {
                break;
            }
        }
        Ok(())
    }

    fn open(&self, flags: OpenFlags) -> Result<Option<Arc<dyn FileLike>>> {
        match &self.what {
            What::Terminal(terminal) => tty::open(terminal, flags, false).map(Some),
            What::Root | What::Masters => Ok(None),
        }
    }
}

/// Makes a pseudo-terminal that belongs to the running process; what is opened is its master.
pub(crate) fn open_master() -> Result<Arc<dyn FileLike>> {
    let uid = process::current().map_or(0, |process| process.credentials().fsuid);
    let now = vfs::now();
    tty::pty::open_master(tty::pty::Owner {
        uid,
        gid: GROUP,
        mode: 0o620,
        made: now,
        atime: now,
        mtime: now,
    })
}

/// Opens a terminal by its number, for who has its master.
pub(crate) fn open_peer(number: u32, flags: OpenFlags) -> Result<Arc<File>> {
    let mount = pts_mount(MountFlags::empty());
    let root = Path {
        dentry: Arc::clone(mount.root()),
        mount,
    };
    let view = Context::new(root.clone(), Arc::new(Credentials::root()));
    let place = view.resolve(&root, format!("{number}").as_bytes(), true)?;
    view.open_place(&place, flags)
}
