//! The files that a program opens by itself once it runs: an interpreter's standard library, a program's data.
//!
//! Three sources, tried in this order:
//! 1. A Python virtual environment around the program: its packages, and the configuration that names its Python.
//! 2. dpkg, if it owns the program (module `packages`): the data files of the owning package, and of the packages it
//!    depends on that belong to the same source or language. `/bin/echo` brings nothing, because its package has only
//!    programs; `python3` brings its standard library.
//! 3. Else the usual layout of well-known interpreters under their prefix (module `layouts`), which also serves
//!    interpreters built by pyenv and its relatives, and systems without dpkg.
//!
//! A library that embeds an interpreter (`libpython3.11.so`, say, which gdb is linked with) counts as one.
//!
//! Packages that were installed on top of an interpreter (`dist-packages`, `site-packages`) do not come along, because
//! they can be hundreds of megabytes of RAM in the guest; `--file` adds them. Those of a virtual environment do.

mod layouts;
mod packages;
pub(crate) mod shims;

use std::path::{Path, PathBuf};

use crate::cache;
use crate::error::Result;
use crate::files::{Taken, take_below};
use crate::host::Host;
use crate::tree::{Node, Tree};

/// Takes the files for the program that is called `path` and really is `real`. Reports what was taken.
///
/// # Errors
/// A file is in the way of another one in the tree.
pub(crate) fn take(tree: &mut Tree, host: &mut Host, path: &Path, real: &Path) -> Result<Vec<Taken>> {
    let mut taken = Vec::new();
    if let Some(root) = layouts::virtual_environment(path) {
        for name in ["pyvenv.cfg", "lib", "lib64"] {
            take_whole(tree, host, &root.join(name), &mut taken)?;
        }
    }
    let index = cache::directory_of_user()
        .ok()
        .map(|directory| directory.join("programs-of-packages"));
    match packages::files_for(real, index.as_deref()) {
        Some(files) => {
            for file in files {
                // What a package lists and somebody removed is missing on the host too. A link to a directory is taken as it is.
                if let Some((real, meta)) = host.follow_if_there(tree, &file)?
                    && meta.is_file()
                {
                    tree.insert(&real, crate::host::node(&real, &meta))?;
                    taken.push(Taken {
                        path: real,
                        named: false,
                    });
                }
            }
            for directory in layouts::configuration(real) {
                take_whole(tree, host, &directory, &mut taken)?;
            }
        }
        None => {
            for directory in layouts::directories(real) {
                take_whole(tree, host, &directory, &mut taken)?;
            }
        }
    }
    Ok(taken)
}

/// Places of terminal descriptions, and the terminals that everybody may meet besides the present one.
const TERMINFO: [&str; 4] = [
    "/etc/terminfo",
    "/lib/terminfo",
    "/usr/share/terminfo",
    "/usr/lib/terminfo",
];
const TERMINALS: [&str; 8] = [
    "dumb",
    "linux",
    "screen",
    "screen-256color",
    "tmux-256color",
    "vt100",
    "xterm",
    "xterm-256color",
];

/// Takes the descriptions of common terminals and of the one we are on, for programs that draw on the screen.
///
/// # Errors
/// A file is in the way of another one in the tree.
pub(crate) fn take_terminals(tree: &mut Tree, host: &mut Host) -> Result<()> {
    let present = std::env::var("TERM")
        .ok()
        .filter(|name| !name.is_empty() && !name.contains('/'));
    for name in TERMINALS.into_iter().chain(present.as_deref()) {
        let path = |place: &str| {
            Path::new(place)
                .join(&name[..name.chars().next().map_or(0, char::len_utf8)])
                .join(name)
        };
        for place in TERMINFO.map(path) {
            if host.take_if_file(tree, &place)?.is_some() {
                break;
            }
        }
    }
    Ok(())
}

/// Takes a file, or a directory with what is below it, if it exists.
fn take_whole(tree: &mut Tree, host: &mut Host, path: &Path, taken: &mut Vec<Taken>) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    if !path.exists() {
        return Ok(());
    }
    let (real, meta) = host.follow(tree, path)?;
    let node: Node = crate::host::node(&real, &meta);
    tree.insert(&real, node)?;
    if meta.is_dir() {
        return take_below(
            tree,
            &real,
            &real,
            &|path| !layouts::is_dispensable(path),
            meta.dev(),
            taken,
        );
    }
    taken.push(Taken {
        path: real,
        named: false,
    });
    Ok(())
}

/// Languages whose interpreters come as libraries too.
const EMBEDDED: [&str; 5] = ["libpython", "libperl", "libruby", "libtcl", "libguile"];

/// Whether a library embeds an interpreter.
pub(crate) fn is_embedded(library: &Path) -> bool {
    EMBEDDED.contains(&stem(&name(library)))
}

/// A path's last component as text.
fn name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The letters at the beginning of a name: `python` of `python3.11`.
fn stem(name: &str) -> &str {
    let end = name.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(name.len());
    &name[..end]
}

/// The parent of a program's directory: `/usr` of `/usr/bin/x`.
fn prefix(program: &Path) -> Option<PathBuf> {
    program.parent()?.parent().map(Path::to_path_buf)
}
