//! Builds the root image of a virtual machine from files of the host.
//!
//! A caller makes a [`Tree`], puts the user's files into it, lets a [`Taker`] add the program with all it needs and
//! [`skeleton::add`] the rest, and writes it with [`write`].
//!
//! | module | holds |
//! |---|---|
//! | `tree` | the plan of an image: names, attributes, where the bytes come from |
//! | `files` | what the user asks for by path |
//! | `host` | host paths with the links on their way |
//! | `program`, `libraries`, `elf`, `ld_cache` | what a program needs |
//! | `runtime` | what a program opens once it runs: standard libraries, data |
//! | `package` | Debian packages, installed or fetched |
//! | `skeleton` | what every Linux system has |
//! | `cache` | images kept between runs |
//! | `erofs` | the image format, written and read |
#![forbid(unsafe_code)]

pub mod cache;
mod elf;
mod erofs;
mod error;
pub mod files;
mod host;
mod ld_cache;
mod libraries;
pub mod package;
mod program;
mod runtime;
pub mod skeleton;
mod tree;

pub use cache::Cache;
pub use erofs::{Entry, EntryKind, Image, is_image, write};
pub use error::{Error, Kind as ErrorKind, Result, in_words};
pub use host::Host;
pub use program::Taker;
pub use tree::{Attributes, Content, HostFile, Kind, Node, Tree};
