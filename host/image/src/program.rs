//! Takes a program and everything it needs to start.
//!
//! A program is an ELF file, whose interpreter and libraries come along, or a `#!` script, whose interpreter is taken in
//! the same way (for `#! /usr/bin/env NAME` also `NAME`, found in `PATH`). Whatever could not be executed in the guest is
//! an error here, before any machine is started, with the reason and a way out.

use std::collections::HashSet;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::elf::Fault;
use crate::error::{Error, Result};
use crate::files::Taken;
use crate::host::Host;
use crate::libraries::{Libraries, is_file};
use crate::runtime;
use crate::tree::{Content, Kind, Node, Tree};

/// As deep as Linux follows scripts whose interpreters are scripts.
const MAX_SCRIPTS: usize = 5;
/// As much of a script's first line as Linux reads.
const MAX_LINE: usize = 256;

/// Takes programs into a tree.
#[derive(Debug)]
pub struct Taker {
    /// The links and directories taken over so far.
    pub host: Host,
    libraries: Libraries,
    /// `PATH` as the guest will have it, after that the host's.
    search: Vec<PathBuf>,
    /// Directories that must be in the guest's search path, because a script names a program in them without a path.
    pub search_also: Vec<PathBuf>,
    /// Every program taken: the path by which it was asked for, and where it really is.
    programs: Vec<(PathBuf, PathBuf)>,
    /// Files that came with all that belongs to them, by their real paths.
    complete: HashSet<PathBuf>,
}

impl Taker {
    /// A taker that searches programs in `search` and libraries also in `ld_library_path`.
    pub fn new(search: Vec<PathBuf>, ld_library_path: Option<&str>) -> Taker {
        Taker {
            host: Host::new(),
            libraries: Libraries::new(ld_library_path),
            search,
            search_also: Vec::new(),
            programs: Vec::new(),
            complete: HashSet::new(),
        }
    }

    /// Where the program called `name` is: as a path (relative to `directory`), else in the search path. A file of the
    /// tree comes before one of the host.
    ///
    /// # Errors
    /// There is none, or it may not be executed.
    pub fn find(&self, tree: &Tree, name: &Path, directory: &Path) -> Result<PathBuf> {
        if name.as_os_str().is_empty() {
            return Err(Error::not_found(
                "the program has no name",
                "Give its path, or a name in PATH",
            ));
        }
        // A dot or two name directories, which `PATH` says nothing about.
        let is_path = name.as_os_str().as_bytes().contains(&b'/') || name.file_name().is_none();
        let candidates: Vec<PathBuf> = if is_path {
            vec![directory.join(name).components().collect()]
        } else {
            self.search.iter().map(|entry| entry.join(name)).collect()
        };
        let mut refused = None;
        for path in candidates {
            match executable(tree, &path) {
                Some(true) => match runtime::shims::behind(&path, directory) {
                    None => return Ok(path),
                    Some(Some(program)) => return Ok(program),
                    Some(None) => {}
                },
                // A directory that `PATH` leads to is not what was meant.
                Some(false) if is_path || !path.is_dir() => refused = refused.or(Some(path)),
                Some(false) => {}
                None => {}
            }
        }
        if let Some(path) = refused {
            return Err(not_a_program(&path));
        }
        let place = if is_path { "does not exist" } else { "is not in PATH" };
        let cure = if is_path {
            "Check the path"
        } else {
            "Install it, or give its path"
        };
        Err(Error::not_found(
            format!("the program {} {place}", name.display()),
            cure,
        ))
    }

    /// Like [`Taker::find`], but only in the tree, by a search path of the guest. A name with a slash is not looked for.
    pub fn find_in_tree(&self, tree: &Tree, name: &str, search: &str) -> Option<PathBuf> {
        let mut entries = search
            .split(':')
            .filter(|entry| entry.starts_with('/') && !name.contains('/'));
        entries.find_map(|entry| self.find_in_tree_at(tree, Path::new(entry), name))
    }

    /// The program of the tree that a name means in a directory of it.
    pub fn find_in_tree_at(&self, tree: &Tree, directory: &Path, name: &str) -> Option<PathBuf> {
        let path: PathBuf = directory.join(name).components().collect();
        let (_, node) = tree.resolve(&path)?;
        (matches!(node.kind, Kind::File(_)) && node.attributes.mode & 0o111 != 0).then_some(path)
    }

    /// Notes files that came with all that belongs to them, from a package or a whole root: nothing of the host is added to programs among them.
    pub fn note_complete(&mut self, taken: &[Taken]) {
        self.complete.extend(taken.iter().map(|file| file.path.clone()));
    }

    /// Takes the program at `path` with all it needs, and returns its real path.
    ///
    /// # Errors
    /// It cannot be executed, or something that it needs is missing.
    pub fn take_program(&mut self, tree: &mut Tree, path: &Path) -> Result<PathBuf> {
        self.take_nested(tree, path, 0)
    }

    /// Takes the libraries of the file at `path` of the tree if it is a program or a library.
    ///
    /// # Errors
    /// As [`Taker::take_program`], if it is one.
    pub fn take_needs(&mut self, tree: &mut Tree, path: &Path) -> Result<()> {
        let Some(source) = is_file(tree, path) else {
            return Ok(());
        };
        match self.libraries.elf(&source) {
            Ok(elf) => self.libraries.take_all(tree, &mut self.host, path, path, elf),
            Err(Fault::NotElf | Fault::Malformed(_)) => Ok(()),
            Err(fault) => Err(describe(&source, fault)),
        }
    }

    /// Notes a file that was taken by its path, so that it gets its standard library and data as well if it is a program.
    pub fn note_program(&mut self, tree: &Tree, path: &Path) {
        if executable(tree, path) == Some(true) {
            self.programs.push((path.to_path_buf(), path.to_path_buf()));
        }
    }

    /// Takes the standard libraries and data of every program taken so far, and reports the files.
    ///
    /// # Errors
    /// A file is in the way of another one in the tree.
    pub fn take_runtimes(&mut self, tree: &mut Tree) -> Result<Vec<Taken>> {
        let mut taken = Vec::new();
        let embedded = self
            .libraries
            .interpreters
            .iter()
            .map(|real| (real.clone(), real.clone()));
        self.programs.extend(embedded);
        for (path, real) in self.programs.iter().filter(|(_, real)| !self.complete.contains(real)) {
            taken.extend(runtime::take(tree, &mut self.host, path, real)?);
        }
        if self.libraries.has("libtinfo") || self.libraries.has("libncurses") {
            runtime::take_terminals(tree, &mut self.host)?;
        }
        Ok(taken)
    }

    /// Whether a library was found through `LD_LIBRARY_PATH`, so that the guest needs it too.
    pub fn needs_library_path(&self) -> bool {
        self.libraries.environment_used
    }

    /// Adds the loader's cache of what was found, if the tree has none.
    ///
    /// # Errors
    /// `/etc` is not a directory in the tree.
    pub fn finish(&mut self, tree: &mut Tree) -> Result<()> {
        match self.libraries.cache_file() {
            Some(bytes) => tree.insert_missing(Path::new("/etc/ld.so.cache"), Node::text(0o644, bytes)),
            None => Ok(()),
        }
    }

    fn take_nested(&mut self, tree: &mut Tree, path: &Path, depth: usize) -> Result<PathBuf> {
        if depth > MAX_SCRIPTS {
            let cause = format!(
                "{} is a script whose interpreters are scripts, too many deep",
                path.display()
            );
            return Err(Error::not_executable(
                cause,
                "Give the interpreter and the script as arguments",
            ));
        }
        let real = match tree.resolve(path) {
            Some((
                real,
                Node {
                    kind: Kind::File(_), ..
                },
            )) => real,
            _ => self.host.take(tree, path)?,
        };
        self.programs.push((path.to_path_buf(), real.clone()));
        let source = match tree.get(&real).map(|node| &node.kind) {
            Some(Kind::File(Content::Host(file))) => file.path.clone(),
            _ => return Err(not_a_program(path)),
        };
        match self.libraries.elf(&source) {
            Ok(elf) => self.libraries.take_all(tree, &mut self.host, &real, path, elf)?,
            Err(Fault::NotElf) => self.take_script(tree, path, &source, depth)?,
            Err(fault) => return Err(describe(path, fault)),
        }
        Ok(real)
    }

    fn take_script(&mut self, tree: &mut Tree, path: &Path, source: &Path, depth: usize) -> Result<()> {
        let Some((interpreter, argument)) = script_line(source)? else {
            let cause = format!(
                "{} is neither an ELF program nor a script that starts with #!",
                path.display()
            );
            return Err(Error::not_executable(
                cause,
                "Give it a #! line, or run its interpreter with it as an argument",
            ));
        };
        if executable(tree, &interpreter) != Some(true) {
            let cause = format!(
                "{} needs the interpreter {}, which does not exist",
                path.display(),
                interpreter.display()
            );
            return Err(Error::not_executable(
                cause,
                "Install it, or correct the script's first line",
            ));
        }
        self.take_nested(tree, &interpreter, depth + 1)?;
        if let Some(name) = program_of_env(&interpreter, argument.as_deref()) {
            let found = self.find(tree, Path::new(&name), Path::new("/")).map_err(|_| {
                let cause = format!("{} needs {name}, which is not in PATH", path.display());
                Error::not_executable(cause, format!("Install {name}, or correct the script's first line"))
            })?;
            self.search_also.extend(found.parent().map(Path::to_path_buf));
            self.take_nested(tree, &found, depth + 1)?;
        }
        Ok(())
    }
}

/// Whether there is a regular file at `path` (in the tree, else on the host) that may be executed; `None` if there is none.
fn executable(tree: &Tree, path: &Path) -> Option<bool> {
    if let Some((_, node)) = tree.resolve(path) {
        return matches!(node.kind, Kind::File(_)).then_some(node.attributes.mode & 0o111 != 0);
    }
    let meta = fs::metadata(path).ok()?;
    Some(meta.is_file() && meta.mode() & 0o111 != 0)
}

/// The interpreter and its argument, if the file starts with `#!`.
fn script_line(path: &Path) -> Result<Option<(PathBuf, Option<String>)>> {
    let mut line = [0; MAX_LINE];
    let count = File::open(path)
        .and_then(|file| file.read_at(&mut line, 0))
        .map_err(|error| Error::io("read", path, &error))?;
    Ok(parse_line(&line[..count]))
}

fn parse_line(head: &[u8]) -> Option<(PathBuf, Option<String>)> {
    let rest = head.strip_prefix(b"#!")?;
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let line = String::from_utf8_lossy(&rest[..end])
        .trim_matches([' ', '\t', '\r', '\0'])
        .to_string();
    let (interpreter, argument) = line.split_once([' ', '\t']).unwrap_or((&line, ""));
    let argument = argument.trim_start().to_string();
    (!interpreter.is_empty()).then(|| {
        (
            PathBuf::from(interpreter),
            Some(argument).filter(|text| !text.is_empty()),
        )
    })
}

/// The program that `env` starts: the first word that is neither an option nor `NAME=VALUE`.
fn program_of_env(interpreter: &Path, argument: Option<&str>) -> Option<String> {
    if interpreter.file_name()? != "env" {
        return None;
    }
    let words = argument?
        .split_whitespace()
        .map(|word| word.strip_prefix("-S").unwrap_or(word));
    let mut words = words.filter(|word| !word.is_empty() && !word.starts_with('-') && !word.contains('='));
    words.next().map(str::to_string)
}

fn not_a_program(path: &Path) -> Error {
    if path.is_dir() {
        return Error::not_executable(
            format!("{} is a directory", path.display()),
            "Give the path of a program",
        );
    }
    let cause = format!("{} is not an executable file", path.display());
    if path.exists() && !path.is_file() {
        return Error::not_executable(cause, "Give the path of a program");
    }
    Error::not_executable(cause, format!("Make it one with chmod +x {}", path.display()))
}

pub(crate) fn truncated(path: &Path, how: &str) -> Error {
    let cause = format!("{} is cut short: {how}", path.display());
    Error::not_executable(cause, "Copy, download or build it again")
}

fn describe(path: &Path, fault: Fault) -> Error {
    let shown = path.display();
    match fault {
        Fault::Truncated(how) => truncated(path, &how),
        Fault::Machine(name) => Error::not_executable(
            format!("{shown} is a program for {name}, and Chiton runs x86-64"),
            "Use a build for x86-64",
        ),
        Fault::Malformed(how) => Error::not_executable(
            format!("{shown} cannot be executed: {how}"),
            "Give the path of a linked program",
        ),
        Fault::NotElf => Error::not_executable(format!("{shown} is not an ELF file"), "Give the path of a program"),
        Fault::Io(error) => Error {
            kind: crate::error::Kind::NotExecutable,
            ..Error::io("read", path, &error)
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines_of_scripts() {
        let parse = |text: &str| parse_line(text.as_bytes());
        assert_eq!(parse("#!/bin/sh\necho"), Some((PathBuf::from("/bin/sh"), None)));
        assert_eq!(
            parse("#! /bin/sh  -e x \n"),
            Some((PathBuf::from("/bin/sh"), Some("-e x".into())))
        );
        assert_eq!(parse("echo"), None);
        assert_eq!(parse("#!\n"), None);
    }

    #[test]
    fn env_starts_its_first_plain_word() {
        let env = Path::new("/usr/bin/env");
        assert_eq!(program_of_env(env, Some("python3")), Some("python3".into()));
        assert_eq!(program_of_env(env, Some("-S A=b perl -w")), Some("perl".into()));
        assert_eq!(program_of_env(Path::new("/bin/sh"), Some("x")), None);
    }

    #[test]
    fn a_dynamic_program_brings_its_loader() {
        let mut tree = Tree::new();
        let mut taker = Taker::new(vec!["/bin".into()], None);
        let path = taker.find(&tree, Path::new("true"), Path::new("/")).unwrap();
        taker.take_program(&mut tree, &path).unwrap();
        taker.finish(&mut tree).unwrap();
        assert!(tree.resolve(Path::new("/lib64/ld-linux-x86-64.so.2")).is_some());
        assert!(tree.get(Path::new("/etc/ld.so.cache")).is_some());
    }

    #[test]
    fn a_program_that_is_nowhere() {
        let taker = Taker::new(vec!["/bin".into()], None);
        let error = taker
            .find(&Tree::new(), Path::new("no-such-program"), Path::new("/"))
            .unwrap_err();
        assert_eq!(error.kind, crate::error::Kind::NotFound);
    }
}
