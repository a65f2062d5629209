//! Files: inodes, directory entries, mounts, open files and paths.
//!
//! A file system provides [`Inode`]s. Names that were looked up are remembered as a tree of [`Dentry`]s, one tree for each mounted file system;
//! a [`Mount`] says where a tree is seen, and a [`Path`] is an entry reached through a mount. A [`Context`] is a process's view: its methods are
//! the calls that name files. Opening gives a [`File`], which reads and writes its inode or has a behaviour of its own ([`FileLike`]).
//!
//! | module | what |
//! |---|---|
//! | `walk` | going along a path: dots, symbolic links, mounts, limits |
//! | `context`, `open`, `change`, `rename` | the calls that name files |
//! | `inode`, `attributes`, `kind` | what a file system provides |
//! | `dentry`, `children`, `name` | the tree of remembered names |
//! | `mount`, `path`, `root` | where trees are seen; a place's path; the root of everything |
//! | `file`, `file_like`, `position` | open files |
//! | [`locks`] | advisory locks |
//! | `socket` | what sockets can do besides |
//! | `running` | files that run are not written |
//! | `notify` | telling who watches files |
//! | `special` | who opens devices and fifos |
//! | `anonymous` | open files that are in no directory |
//! | `credentials` | who asks, and whether they may |
//!
//! Sideways: files sleep (`task`) and have times (`time`).
//!
//! Invariants: no spin lock is held across a call into a file system (only the rename lock is), nor across a copy of user memory. A remembered name
//! is as the file system has it, except where the directory says that its names come and go by themselves.
//! Lock order: renames → a mount's children → its place; a directory's children → an entry's place.
//! It does not do: caching of pages (file systems own theirs), several mount namespaces.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod anonymous;
mod attributes;
mod change;
mod children;
mod context;
mod credentials;
mod dentry;
mod file;
mod file_like;
mod inode;
mod kind;
pub mod locks;
mod mount;
mod name;
mod notify;
mod open;
mod path;
mod position;
mod rename;
mod root;
mod running;
mod socket;
mod special;
mod walk;

pub use anonymous::{anonymous_device, anonymous_file, anonymous_place};
pub use attributes::{Attributes, SetAttributes, now};
pub use change::NewTime;
pub use context::Context;
pub use credentials::{Credentials, Permission, capability, securebits};
pub use dentry::Dentry;
pub use file::{File, Watcher};
pub use file_like::{Direction, Events, FileLike, downcast_file_like};
pub use inode::{Attachment, DirectoryEntry, Emit, FileSystem, Inode, Link, NewNode, Replace, downcast_inode};
pub use kind::Kind;
pub use mount::{Mount, MountFlags, mount_at, new_device, unmount};
pub use name::Name;
pub use notify::{FileWatch, happening, unwatch, watch};
pub use open::{How, open_nameless};
pub use path::Path;
pub use root::{root, set_root, shrink};
pub use running::Running;
pub use socket::{Control, Incoming, Listing, Outgoing, Socket};
pub use special::{OpenSpecial, register_devices, register_fifos};
