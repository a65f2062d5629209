//! Names, files and lines for addresses of the kernel.

use std::cell::OnceCell;
use std::path::PathBuf;

use addr2line::Loader;

/// The kernel's symbols, read when the first address is asked for.
pub(crate) struct Symbols {
    kernel: PathBuf,
    loader: OnceCell<Option<Loader>>,
}

impl Symbols {
    pub(crate) fn new(kernel: PathBuf) -> Symbols {
        Symbols {
            kernel,
            loader: OnceCell::new(),
        }
    }

    /// What a line of a backtrace (`  at 0xffffffff80123456`) means: the functions at the address, innermost first, one to
    /// a line. `None` if the line is none, or nothing is known about the address.
    pub(crate) fn explain(&self, line: &str) -> Option<Vec<String>> {
        let digits = line.trim_end().strip_prefix("  at 0x")?;
        let digits = digits.split_whitespace().next()?;
        let address = u64::from_str_radix(digits, 16).ok()?;
        let loader = self.loader.get_or_init(|| Loader::new(&self.kernel).ok()).as_ref()?;
        // A return address belongs to the call before it.
        let call = address.checked_sub(1)?;
        let mut lines = Vec::new();
        let mut frames = loader.find_frames(call).ok()?;
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
            let name = loader.find_symbol(call)?;
            lines.push(addr2line::demangle_auto(name.into(), None).into_owned());
        }
        Some(lines)
    }
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
        assert_eq!(symbols.explain("hello"), None);
        assert_eq!(symbols.explain("  at 0xnumber"), None);
        assert_eq!(symbols.explain("  at 0x1000"), None);
    }

    #[test]
    fn paths_are_short() {
        assert_eq!(short("/home/x/kernel/chiton/kernel/core/a.rs"), "kernel/core/a.rs");
        assert_eq!(short("/rustc/59807/library/core/src/fmt.rs"), "library/core/src/fmt.rs");
        assert_eq!(short("src/main.rs"), "src/main.rs");
    }
}
