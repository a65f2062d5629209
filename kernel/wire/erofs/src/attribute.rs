//! Extended attributes: behind the inode, or shared between inodes in an area of their own.

use crate::field::{u16_at, u32_at};
use crate::{Error, Image, Inode};

const HEADER: usize = 12;
const ENTRY: usize = 4;

/// The first part of an attribute's name, which the image stores as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// `user.`
    User,
    /// `system.posix_acl_access`, complete.
    PosixAclAccess,
    /// `system.posix_acl_default`, complete.
    PosixAclDefault,
    /// `trusted.`
    Trusted,
    /// `security.`
    Security,
}

impl Namespace {
    fn from_raw(raw: u8) -> Option<Self> {
        match raw {
            1 => Some(Self::User),
            2 => Some(Self::PosixAclAccess),
            3 => Some(Self::PosixAclDefault),
            4 => Some(Self::Trusted),
            6 => Some(Self::Security),
            _ => None,
        }
    }

    /// What the name begins with.
    #[must_use]
    pub fn prefix(self) -> &'static [u8] {
        match self {
            Self::User => b"user.",
            Self::PosixAclAccess => b"system.posix_acl_access",
            Self::PosixAclDefault => b"system.posix_acl_default",
            Self::Trusted => b"trusted.",
            Self::Security => b"security.",
        }
    }
}

/// An extended attribute. Its name is the namespace's prefix followed by `name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// The first part of the name.
    pub namespace: Namespace,
    /// The rest of the name.
    pub name: &'a [u8],
    /// The value.
    pub value: &'a [u8],
}

impl<'a> Image<'a> {
    /// The extended attributes of an inode, first the shared ones. Attributes of a namespace that is not known are left out; after an error the list ends.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the list lies outside the image.
    pub fn attributes(&self, inode: &Inode) -> Result<Attributes<'a>, Error> {
        let (offset, len) = inode.attributes;
        if len == 0 {
            return Ok(Attributes {
                image: *self,
                shared: &[],
                inline: &[],
            });
        }
        let area = self.slice(offset, len)?;
        let shared = usize::from(*area.get(4).ok_or(Error::Corrupt)?);
        let (shared, inline) = area
            .get(HEADER..)
            .and_then(|rest| rest.split_at_checked(shared * 4))
            .ok_or(Error::Corrupt)?;
        Ok(Attributes {
            image: *self,
            shared,
            inline,
        })
    }

    /// The value of the attribute with that full name.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the list is not well-formed.
    pub fn attribute(&self, inode: &Inode, name: &[u8]) -> Result<Option<&'a [u8]>, Error> {
        for attribute in self.attributes(inode)? {
            let attribute = attribute?;
            if name.strip_prefix(attribute.namespace.prefix()) == Some(attribute.name) {
                return Ok(Some(attribute.value));
            }
        }
        Ok(None)
    }
}

/// The extended attributes of an inode.
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    image: Image<'a>,
    /// Numbers of shared attributes, four bytes each.
    shared: &'a [u8],
    inline: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// The next attribute and whether its namespace is known.
    fn step(&mut self) -> Result<Option<Attribute<'a>>, Error> {
        if let Some((number, rest)) = self.shared.split_first_chunk() {
            self.shared = rest;
            let offset = (u32::from_le_bytes(*number) as usize).checked_mul(4);
            let offset = offset.and_then(|offset| offset.checked_add(self.image.shared_attributes));
            let area = offset
                .and_then(|offset| self.image.bytes.get(offset..))
                .ok_or(Error::Corrupt)?;
            return Ok(parse(area)?.0);
        }
        let (attribute, len) = parse(self.inline)?;
        // The padding of the last one may be missing.
        self.inline = self.inline.get(len.next_multiple_of(4)..).unwrap_or_default();
        Ok(attribute)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.shared.is_empty() || self.inline.len() >= ENTRY {
            match self.step() {
                Ok(Some(attribute)) => return Some(Ok(attribute)),
                Ok(None) => {}
                Err(error) => {
                    (self.shared, self.inline) = (&[], &[]);
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// The attribute at the start of `area`, if its namespace is known, and its length.
fn parse(area: &[u8]) -> Result<(Option<Attribute<'_>>, usize), Error> {
    let [name_len, namespace, ..] = u32_at(area, 0)?.to_le_bytes();
    let (name_end, value_len) = (ENTRY + usize::from(name_len), usize::from(u16_at(area, 2)?));
    let end = name_end + value_len;
    let (Some(name), Some(value)) = (area.get(ENTRY..name_end), area.get(name_end..end)) else {
        return Err(Error::Corrupt);
    };
    let attribute = Namespace::from_raw(namespace).map(|namespace| Attribute { namespace, name, value });
    Ok((attribute, end))
}
