//! Walking a path, component by component.
//!
//! The walk stops before the last component: what happens with that one is the caller's business (open it, make it, remove it). A symbolic link
//! puts its target in front of what is left of the path.

use crate::context::Context;
use crate::name::{HASH_START, hash_step};
use crate::{Kind, Link, Path, Permission};
use abi::fcntl::{NAME_MAX, PATH_MAX, ResolveFlags};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

/// Most symbolic links on one walk.
const MAX_LINKS: u32 = 40;

/// The last component of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    /// There is none: the path led to the place itself (`/`, or a link that jumps).
    Here,
    /// `.`
    Dot,
    /// `..`
    DotDot,
    /// A name: where in the text it is, its hash, and whether a slash follows.
    Name(Range<usize>, u32, bool),
}

/// A walk on its way.
pub(crate) struct Walk<'a> {
    context: &'a Context,
    /// Where it has come to.
    pub(crate) at: Path,
    text: Text<'a>,
    position: usize,
    links: u32,
    resolve: ResolveFlags,
    /// What `/` and `..` do not leave, under `RESOLVE_BENEATH` and `RESOLVE_IN_ROOT`.
    fence: Option<Path>,
}

enum Text<'a> {
    Given(&'a [u8]),
    Made(Vec<u8>),
}

impl Text<'_> {
    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Given(bytes) => bytes,
            Self::Made(bytes) => bytes,
        }
    }
}

fn fenced() -> Error {
    Error::new(Errno::EXDEV, "the path leaves where it has to stay")
}

impl<'a> Walk<'a> {
    /// Begins at `base` (unless the path begins with a slash).
    pub(crate) fn new(context: &'a Context, base: &Path, path: &'a [u8], resolve: ResolveFlags) -> Result<Self> {
        let scoped = resolve.intersects(ResolveFlags::BENEATH | ResolveFlags::IN_ROOT);
        let fence = scoped.then(|| base.clone());
        let absolute = path.first() == Some(&b'/');
        if absolute && resolve.contains(ResolveFlags::BENEATH) {
            return Err(fenced());
        }
        let at = if absolute && !scoped { &context.root } else { base };
        Ok(Self {
            context,
            at: at.clone(),
            text: Text::Given(path),
            position: 0,
            links: 0,
            resolve,
            fence,
        })
    }

    /// The name that a [`Last::Name`] stands for.
    #[inline]
    pub(crate) fn name(&self, range: &Range<usize>) -> &[u8] {
        self.text.bytes().get(range.clone()).unwrap_or_default()
    }

    /// Walks up to the last component.
    pub(crate) fn go_to_parent(&mut self) -> Result<Last> {
        loop {
            let Some((range, hash)) = self.component()? else {
                return Ok(Last::Here);
            };
            let len = range.len();
            let after = self.position;
            self.skip_slashes();
            let last = self.position == self.text.bytes().len();
            let slash = self.position != after;
            self.check_way()?;
            let name = self.name(&range);
            let dots = if name.first() == Some(&b'.') && len <= 2 {
                if len == 1 {
                    1
                } else if name.get(1) == Some(&b'.') {
                    2
                } else {
                    0
                }
            } else {
                0
            };
            if last {
                return Ok(match dots {
                    1 => Last::Dot,
                    2 => Last::DotDot,
                    _ => Last::Name(range, hash, slash),
                });
            }
            match dots {
                1 => {}
                2 => self.up()?,
                _ => self.enter_name(&range, hash)?,
            }
        }
    }

    /// Goes through a component that is not the last one.
    #[inline]
    fn enter_name(&mut self, range: &Range<usize>, hash: u32) -> Result<()> {
        let child = self.look_up(range, hash)?;
        match child.dentry.kind() {
            Some(Kind::Directory) => self.move_to(child),
            Some(Kind::Symlink) => self.follow(&child),
            Some(_) => Err(Error::new(Errno::ENOTDIR, "a component on the way is not a directory")),
            None => Err(Error::new(Errno::ENOENT, "a component on the way does not exist")),
        }
    }

    /// The next component and its hash; nothing at the end.
    #[inline]
    fn component(&mut self) -> Result<Option<(Range<usize>, u32)>> {
        self.skip_slashes();
        let text = self.text.bytes();
        let start = self.position;
        let mut hash = HASH_START;
        let mut end = start;
        for byte in text.get(start..).unwrap_or_default() {
            if *byte == b'/' {
                break;
            }
            hash = hash_step(hash, *byte);
            end += 1;
        }
        if end - start > NAME_MAX {
            return Err(Error::new(Errno::ENAMETOOLONG, "a component is too long"));
        }
        self.position = end;
        Ok((end > start).then_some((start..end, hash)))
    }

    #[inline]
    fn skip_slashes(&mut self) {
        let text = self.text.bytes();
        while text.get(self.position) == Some(&b'/') {
            self.position += 1;
        }
    }

    /// Checks that where the walk is can be walked through.
    #[inline]
    fn check_way(&self) -> Result<()> {
        if !self.at.dentry.is_directory() {
            return Err(Error::new(Errno::ENOTDIR, "a component on the way is not a directory"));
        }
        if self.context.credentials.goes_anywhere() {
            return Ok(());
        }
        self.context
            .credentials
            .check_inode(&**self.at.inode()?, Permission::EXECUTE)
    }

    /// Looks a name up where the walk is. The answer may be a name that does not exist, and is seen through mounts.
    #[inline]
    pub(crate) fn look_up(&self, range: &Range<usize>, hash: u32) -> Result<Path> {
        let mut child = Path {
            mount: Arc::clone(&self.at.mount),
            dentry: self.at.dentry.child(hash, self.name(range))?,
        };
        child.cover();
        Ok(child)
    }

    /// Goes to a place that was looked up.
    pub(crate) fn move_to(&mut self, place: Path) -> Result<()> {
        if self.resolve.contains(ResolveFlags::NO_XDEV) && !Arc::ptr_eq(&place.mount, &self.at.mount) {
            return Err(Error::new(Errno::EXDEV, "the path crosses a mount"));
        }
        self.at = place;
        Ok(())
    }

    /// Goes one directory up, but not above the root.
    pub(crate) fn up(&mut self) -> Result<()> {
        let floor = self.fence.as_ref().unwrap_or(&self.context.root);
        if self.at == *floor {
            return if self.resolve.contains(ResolveFlags::BENEATH) {
                Err(fenced())
            } else {
                Ok(())
            };
        }
        let mut above = self.at.parent();
        above.cover();
        self.move_to(above)
    }

    /// Puts a symbolic link's target in front of what is left of the path.
    pub(crate) fn follow(&mut self, link: &Path) -> Result<()> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Error::new(Errno::ELOOP, "too many symbolic links"));
        }
        if self.resolve.contains(ResolveFlags::NO_SYMLINKS) {
            return Err(Error::new(Errno::ELOOP, "the caller wants no symbolic links"));
        }
        match link.inode()?.readlink()? {
            Link::Static(target) => self.splice(target),
            Link::Text(target) => self.splice(&target),
            Link::Jump(place) => {
                if self.resolve.contains(ResolveFlags::NO_MAGICLINKS) {
                    return Err(Error::new(Errno::ELOOP, "the caller wants no jumping links"));
                }
                if self.fence.is_some() {
                    return Err(fenced());
                }
                self.move_to(place)
            }
        }
    }

    fn splice(&mut self, target: &[u8]) -> Result<()> {
        if target.is_empty() {
            return Err(Error::new(Errno::ENOENT, "the symbolic link is empty"));
        }
        let rest = self.text.bytes().get(self.position..).unwrap_or_default();
        if target.len() + rest.len() + 1 > 2 * PATH_MAX {
            return Err(Error::new(
                Errno::ENAMETOOLONG,
                "the path through the symbolic link is too long",
            ));
        }
        let mut text = Vec::with_capacity(target.len() + rest.len() + 1);
        text.extend_from_slice(target);
        // The slash that followed the link was skipped; it matters even when nothing else is left.
        if self.position > 0 && self.text.bytes().get(self.position - 1) == Some(&b'/') {
            text.push(b'/');
        }
        text.extend_from_slice(rest);
        if target.first() == Some(&b'/') {
            if self.resolve.contains(ResolveFlags::BENEATH) {
                return Err(fenced());
            }
            let root = self.fence.as_ref().unwrap_or(&self.context.root).clone();
            self.move_to(root)?;
        }
        self.text = Text::Made(text);
        self.position = 0;
        Ok(())
    }

    pub(crate) fn ends_in_slash(&self) -> bool {
        self.text.bytes().last() == Some(&b'/')
    }

    /// Walks to the very end. The last component may be a name that does not exist; a symbolic link at the end is followed if `follow` or
    /// if a slash stands behind it. The flag tells whether a slash did.
    pub(crate) fn go_to_end(mut self, follow: bool) -> Result<(Path, bool)> {
        loop {
            match self.go_to_parent()? {
                Last::Here => {
                    let slash = self.ends_in_slash();
                    return Ok((self.at, slash));
                }
                Last::Dot => return Ok((self.at, true)),
                Last::DotDot => {
                    self.up()?;
                    return Ok((self.at, true));
                }
                Last::Name(range, hash, slash) => {
                    let child = self.look_up(&range, hash)?;
                    if child.dentry.kind() == Some(Kind::Symlink) && (follow || slash) {
                        self.follow(&child)?;
                        continue;
                    }
                    self.move_to(child)?;
                    return Ok((self.at, slash));
                }
            }
        }
    }
}
