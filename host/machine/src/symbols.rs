//! Names, files and lines for addresses of the kernel.
//!
//! The lines of a backtrace are `  ip 0xADDRESS`, where the CPU was, and `  at 0xADDRESS +DISTANCE` for every word of its stack that may be a return address
//! (decision 0025). [`Frames`] knows which are.

use std::cell::{Cell, OnceCell};
use std::path::PathBuf;

use addr2line::Loader;

use crate::frames::{Frames, Place};

/// The kernel's symbols, read when the first address is asked for.
pub(crate) struct Symbols {
    kernel: PathBuf,
    loader: OnceCell<Option<Loader>>,
    frames: OnceCell<Option<Frames>>,
    /// Where the next return address lies, as far as it is known.
    next: Cell<Option<u64>>,
}

/// What a line is.
#[derive(Debug, PartialEq)]
pub(crate) enum Line {
    /// Not one of a backtrace, or nothing is known of it.
    Other,
    /// A word of the stack that nobody returns to.
    Stale,
    /// The functions at the address, innermost first; a guess, if it is not known how they were reached.
    Functions(Vec<String>, bool),
}

impl Symbols {
    pub(crate) fn new(kernel: PathBuf) -> Symbols {
        Symbols {
            kernel,
            loader: OnceCell::new(),
            frames: OnceCell::new(),
            next: Cell::new(None),
        }
    }

    /// What a line of a backtrace means. The lines are to come in their order.
    pub(crate) fn explain(&self, line: &str) -> Line {
        let Some((address, distance)) = parsed(line) else {
            return Line::Other;
        };
        let expected = self.next.get();
        if distance
            .zip(expected)
            .is_some_and(|(distance, expected)| distance < expected)
        {
            return Line::Stale;
        }
        // A return address belongs to the call before it.
        let place = match distance {
            None => Place { address, stack: 0 },
            Some(distance) => Place {
                address: address.saturating_sub(1),
                stack: distance + 8,
            },
        };
        let Some(names) = self.names(place.address) else {
            return Line::Other;
        };
        let frames = self.frames.get_or_init(|| Frames::new(&self.kernel)).as_ref();
        self.next.set(frames.and_then(|frames| frames.return_address(place)));
        Line::Functions(names, distance.is_some() && distance != expected)
    }

    fn names(&self, address: u64) -> Option<Vec<String>> {
        let loader = self.loader.get_or_init(|| Loader::new(&self.kernel).ok()).as_ref()?;
        let mut lines = Vec::new();
        let mut frames = loader.find_frames(address).ok()?;
        while let Ok(Some(frame)) = frames.next() {
            let name = frame
                .function
                .as_ref()
                .and_then(|function| function.demangle().ok().map(|name| name.into_owned()));
            let place = frame
                .location
                .and_then(|place| Some(format!("{}:{}", short(place.file?), place.line?)));
            lines.extend(
                name.map(|name| format!("{name}{}", place.map_or(String::new(), |place| format!(" ({place})")))),
            );
        }
        if lines.is_empty() {
            let name = loader.find_symbol(address)?;
            lines.push(addr2line::demangle_auto(name.into(), None).into_owned());
        }
        Some(lines)
    }
}

/// The address of a line of a backtrace, and how far above the stack pointer it lay.
fn parsed(line: &str) -> Option<(u64, Option<u64>)> {
    let number = |digits: &str| u64::from_str_radix(digits, 16).ok();
    let line = line.trim_end();
    if let Some(digits) = line.strip_prefix("  ip 0x") {
        return Some((number(digits)?, None));
    }
    let (address, distance) = line.strip_prefix("  at 0x")?.split_once(" +0x")?;
    Some((number(address)?, Some(number(distance)?)))
}

/// A source path without the part that differs from machine to machine.
fn short(path: &str) -> &str {
    let start = ["/library/", "/kernel/"]
        .iter()
        .filter_map(|root| path.rfind(root))
        .min();
    start.map_or(path, |start| &path[start + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_of_a_backtrace_are_explained() {
        let symbols = Symbols::new("/bin/true".into());
        for line in [
            "hello",
            "  at 0xnumber +0x8",
            "  at 0x1000",
            "  at 0x1000 +0x8",
            "  ip 0x1000",
        ] {
            assert_eq!(symbols.explain(line), Line::Other, "{line}");
        }
    }

    #[test]
    fn lines_have_an_address_and_a_distance() {
        assert_eq!(parsed("  ip 0xffffffff80123456\r"), Some((0xffff_ffff_8012_3456, None)));
        assert_eq!(
            parsed("  at 0xffffffff80123456 +0x1f8"),
            Some((0xffff_ffff_8012_3456, Some(0x1f8)))
        );
        assert_eq!(parsed("  at 0xffffffff80123456"), None);
    }

    #[test]
    fn paths_are_short() {
        assert_eq!(short("/home/x/kernel/chiton/kernel/core/a.rs"), "kernel/core/a.rs");
        assert_eq!(short("/rustc/59807/library/core/src/fmt.rs"), "library/core/src/fmt.rs");
        assert_eq!(short("src/main.rs"), "src/main.rs");
    }
}
