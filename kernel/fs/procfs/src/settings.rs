//! `/proc/sys/net`: directories and files made of the paths of [`sysctl`].
//!
//! A place in the tree is a number: how many parts of the path lead to it, whose it is if a star is among them, and the first line that begins so.

use crate::network::interfaces;
use crate::source::source;
use crate::sysctl::line_of;
use crate::tree::{Found, Listed, Row, Scope, Table, What, setting};
use abi::{Errno, Result};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use sysctl::{Whose, Wrong};
use vfs::Kind;

pub(crate) static TREE: Table = Table {
    id: 12,
    rows: &[],
    listed: Some(&Listed {
        numbers: |scope| {
            Ok(Place::of(scope.number)
                .children()
                .into_iter()
                .map(Place::number)
                .collect())
        },
        find: |scope, number| {
            let place = Place::of(number);
            let scope = Scope {
                number,
                process: None,
                device: scope.device,
            };
            Ok(Some(if !place.is_file() {
                Found::Directory(scope, &TREE)
            } else if sysctl::is_read_only(place.line) {
                Found::Setting(scope, &READ_ONLY)
            } else {
                Found::Setting(scope, &WRITABLE)
            }))
        },
        kind: |number| match Place::of(number).is_file() {
            true => Kind::Regular,
            false => Kind::Directory,
        },
        names: Some((
            |_, number| Place::of(number).name(),
            |scope, name| {
                let children = Place::of(scope.number).children();
                let found = children.into_iter().find(|child| child.name().as_bytes() == name);
                found.map(Place::number)
            },
        )),
    }),
};

static WRITABLE: Row = setting(b"", read, write);
static READ_ONLY: Row = Row {
    name: b"",
    mode: 0o444,
    what: What::Setting(read, write),
};

/// What a star stands for: all, those to come, and from here on the interfaces by their numbers.
const ALL: u32 = 0;
const DEFAULT: u32 = 1;
const INTERFACES: u32 = 2;

#[derive(Clone, Copy)]
struct Place {
    depth: u32,
    whose: u32,
    line: usize,
}

impl Place {
    const fn of(number: u32) -> Self {
        Self {
            depth: number >> 28,
            whose: number >> 12 & 0xffff,
            line: number as usize & 0xfff,
        }
    }

    const fn number(self) -> u32 {
        self.depth << 28 | (self.whose & 0xffff) << 12 | self.line as u32
    }

    fn part(line: usize, depth: u32) -> Option<&'static [u8]> {
        sysctl::path(line).split(|byte| *byte == b'/').nth(depth as usize)
    }

    fn is_file(self) -> bool {
        self.depth > 0 && Self::part(self.line, self.depth).is_none()
    }

    fn name(self) -> String {
        let part = Self::part(self.line, self.depth.wrapping_sub(1)).unwrap_or_default();
        match self.whose {
            _ if part != b"*" => String::from_utf8_lossy(part).into_owned(),
            ALL => "all".to_owned(),
            DEFAULT => "default".to_owned(),
            interface => crate::network::name_of(interface - INTERFACES),
        }
    }

    /// What is in a directory.
    fn children(self) -> Vec<Self> {
        let mut all = Vec::new();
        let mut before = None;
        for line in self.line..sysctl::LINES {
            if (0..self.depth).any(|depth| Self::part(line, depth) != Self::part(self.line, depth)) {
                break;
            }
            let part = Self::part(line, self.depth);
            if before == Some(part) {
                continue;
            }
            before = Some(part);
            let mut add = |whose| {
                all.push(Self {
                    depth: self.depth + 1,
                    whose,
                    line,
                });
            };
            if part == Some(b"*") {
                add(ALL);
                add(DEFAULT);
                interfaces().iter().for_each(|(index, _)| add(index + INTERFACES));
            } else {
                add(self.whose);
            }
        }
        all
    }

    const fn whose(self) -> Whose {
        match self.whose {
            ALL => Whose::All,
            DEFAULT => Whose::Default,
            interface => Whose::Interface(interface - INTERFACES),
        }
    }
}

fn read(scope: &Scope) -> Result<Vec<u8>> {
    let place = Place::of(scope.number);
    // What nobody has set depends on the memory that there is.
    line_of(sysctl::text(place.line, place.whose()).unwrap_or_else(|| {
        let text = source().map(|source| source.network_limit(sysctl::path(place.line)));
        text.unwrap_or_default().into_bytes()
    }))
}

fn write(scope: &Scope, text: &[u8]) -> Result<()> {
    let place = Place::of(scope.number);
    if place.whose() == Whose::Default && sysctl::path(place.line).contains(&b'*') {
        interfaces()
            .iter()
            .for_each(|(index, _)| sysctl::keep(place.line, *index));
    }
    sysctl::set(place.line, place.whose(), text).map_err(|wrong| {
        let errno = match wrong {
            Wrong::Value => Errno::EINVAL,
            Wrong::Name => Errno::ENOENT,
            Wrong::ReadOnly => Errno::EACCES,
        };
        errno.into()
    })
}
