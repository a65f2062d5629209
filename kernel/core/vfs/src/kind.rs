//! What sort of file an inode is.

use abi::stat::{
    DT_BLK, DT_CHR, DT_DIR, DT_FIFO, DT_LNK, DT_REG, DT_SOCK, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT,
    S_IFREG, S_IFSOCK,
};

/// The sort of a file: it never changes during the file's life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// Bytes.
    Regular = 1,
    /// Names.
    Directory,
    /// The text of a path.
    Symlink,
    /// A device read and written as a stream.
    Character,
    /// A device read and written in blocks.
    Block,
    /// A named pipe.
    Fifo,
    /// A name for a socket.
    Socket,
    /// None of them: what an anonymous file has.
    Anonymous,
}

impl Kind {
    /// The bits in a mode.
    #[must_use]
    pub const fn mode(self) -> u32 {
        match self {
            Self::Regular => S_IFREG,
            Self::Directory => S_IFDIR,
            Self::Symlink => S_IFLNK,
            Self::Character => S_IFCHR,
            Self::Block => S_IFBLK,
            Self::Fifo => S_IFIFO,
            Self::Socket => S_IFSOCK,
            Self::Anonymous => 0,
        }
    }

    /// From the bits in a mode.
    #[must_use]
    pub const fn from_mode(mode: u32) -> Option<Self> {
        match mode & S_IFMT {
            S_IFREG => Some(Self::Regular),
            S_IFDIR => Some(Self::Directory),
            S_IFLNK => Some(Self::Symlink),
            S_IFCHR => Some(Self::Character),
            S_IFBLK => Some(Self::Block),
            S_IFIFO => Some(Self::Fifo),
            S_IFSOCK => Some(Self::Socket),
            _ => None,
        }
    }

    /// The type in a directory entry.
    #[must_use]
    pub const fn entry_type(self) -> u8 {
        match self {
            Self::Regular => DT_REG,
            Self::Directory => DT_DIR,
            Self::Symlink => DT_LNK,
            Self::Character => DT_CHR,
            Self::Block => DT_BLK,
            Self::Fifo => DT_FIFO,
            Self::Socket => DT_SOCK,
            Self::Anonymous => 0,
        }
    }

    /// Whether it is a device of either sort.
    #[must_use]
    pub const fn is_device(self) -> bool {
        matches!(self, Self::Character | Self::Block)
    }

    /// Whether it stands for something else than bytes or names of its file system.
    #[must_use]
    pub const fn is_special(self) -> bool {
        matches!(self, Self::Character | Self::Block | Self::Fifo | Self::Socket)
    }

    pub(crate) const fn from_raw(raw: u8) -> Option<Self> {
        match raw {
            1 => Some(Self::Regular),
            2 => Some(Self::Directory),
            3 => Some(Self::Symlink),
            4 => Some(Self::Character),
            5 => Some(Self::Block),
            6 => Some(Self::Fifo),
            7 => Some(Self::Socket),
            8 => Some(Self::Anonymous),
            _ => None,
        }
    }
}
