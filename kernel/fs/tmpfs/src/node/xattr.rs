//! Extended attributes.

use super::Node;
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use sortedmap::SortedMap;
use vfs::Replace;

fn check_xattr_name(name: &[u8]) -> Result<()> {
    let known = [&b"user."[..], b"security.", b"trusted."];
    if known
        .iter()
        .any(|prefix| name.starts_with(prefix) && name.len() > prefix.len())
    {
        Ok(())
    } else {
        Err(Error::new(Errno::EOPNOTSUPP, "the attribute's name space is not kept"))
    }
}

impl Node {
    fn xattrs<T>(&self, work: impl FnOnce(&mut SortedMap<Vec<u8>, Vec<u8>>) -> Result<T>) -> Result<T> {
        let mut known = SortedMap::new();
        if let Some(lower) = self.lower.as_ref().filter(|_| self.meta.lock().xattrs.is_none()) {
            for name in lower
                .xattr_names()
                .split(|byte| *byte == 0)
                .filter(|name| !name.is_empty())
            {
                known.insert(name.to_vec(), lower.xattr(name)?);
            }
        }
        work(self.meta.lock().xattrs.get_or_insert(known))
    }

    /// An attribute's value.
    pub(super) fn get_xattr(&self, name: &[u8]) -> Result<Vec<u8>> {
        check_xattr_name(name)?;
        let none = || Error::new(Errno::ENODATA, "the file has no such attribute");
        match (&self.meta.lock().xattrs, &self.lower) {
            (Some(xattrs), _) => return xattrs.get(name).cloned().ok_or_else(none),
            (None, None) => return Err(none()),
            (None, Some(_)) => {}
        }
        self.lower
            .as_ref()
            .map_or_else(|| Err(none()), |lower| lower.xattr(name))
    }

    /// Sets an attribute.
    pub(super) fn put_xattr(&self, name: &[u8], value: &[u8], replace: Replace) -> Result<()> {
        check_xattr_name(name)?;
        self.xattrs(|xattrs| {
            let there = xattrs.contains_key(name);
            match replace {
                Replace::Never if there => return Err(Errno::EEXIST.into()),
                Replace::Always if !there => return Err(Errno::ENODATA.into()),
                _ => {}
            }
            let size: usize = xattrs.iter().map(|(name, value)| name.len() + value.len()).sum();
            if size + name.len() + value.len() > 1 << 16 {
                return Err(Error::new(Errno::ENOSPC, "the attributes of a file have 64 KiB"));
            }
            xattrs.insert(name.to_vec(), value.to_vec());
            Ok(())
        })?;
        self.change(|_| {});
        Ok(())
    }

    /// Removes an attribute.
    pub(super) fn drop_xattr(&self, name: &[u8]) -> Result<()> {
        check_xattr_name(name)?;
        self.xattrs(|xattrs| xattrs.remove(name).map(drop).ok_or_else(|| Errno::ENODATA.into()))?;
        self.change(|_| {});
        Ok(())
    }

    /// The names of all attributes.
    pub(super) fn list_xattrs(&self) -> Vec<u8> {
        match (&self.meta.lock().xattrs, &self.lower) {
            (Some(xattrs), _) => xattrs.keys().flat_map(|name| [name, &b"\0"[..]].concat()).collect(),
            (None, Some(lower)) => lower.xattr_names(),
            (None, None) => Vec::new(),
        }
    }
}
