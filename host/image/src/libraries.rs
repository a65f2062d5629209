//! Finds the shared libraries of a program as its own loader will find them in the guest, and takes them into the tree.
//!
//! glibc's order: `DT_RPATH` of the object and of whoever loaded it (unless there is a `DT_RUNPATH`), `LD_LIBRARY_PATH`,
//! `DT_RUNPATH`, `ld.so.cache`, the default directories. musl's: `LD_LIBRARY_PATH`, either path of the object and of its
//! loaders, the directories of `/etc/ld-musl-x86_64.path`. In every directory a file that is already in the tree comes
//! before one of the host, so that what the user gave with `--file` wins; among the directories that are the same for every program, those come
//! first that have the library in the tree.
//!
//! Directories for special processors (`glibc-hwcaps`) are not searched: the plain library always exists beside them.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use crate::elf::{Elf, Fault};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::ld_cache;
use crate::runtime;
use crate::tree::{Content, Kind, Tree};

const GLIBC_DIRECTORIES: [&str; 6] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
];
const MUSL_DIRECTORIES: &str = "/lib:/usr/local/lib:/usr/lib";
/// What `$LIB` may stand for; the loader knows which, so all are tried.
const LIB: [&str; 3] = ["lib/x86_64-linux-gnu", "lib64", "lib"];
/// Which library opens another one itself, when a thread ends by `pthread_exit` or is cancelled, and aborts if that is not there.
const GLIBC: &str = "libc.so.6";
const GLIBC_OPENS: &str = "libgcc_s.so.1";
/// Names that musl's loader provides itself.
const MUSL_OWN: [&str; 7] = [
    "libc.",
    "libpthread.",
    "librt.",
    "libm.",
    "libdl.",
    "libutil.",
    "libxnet.",
];

/// Finds libraries, remembering what it has seen between programs.
#[derive(Debug, Default)]
pub(crate) struct Libraries {
    /// `LD_LIBRARY_PATH` as the guest will have it.
    environment: Vec<PathBuf>,
    /// Whether a library was found there.
    pub(crate) environment_used: bool,
    cache: OnceCell<HashMap<String, PathBuf>>,
    files: HashMap<PathBuf, Elf>,
    /// Libraries that embed an interpreter, by their real paths.
    pub(crate) interpreters: Vec<PathBuf>,
    /// What was found by name alone: goes into the image's `ld.so.cache`.
    by_name: BTreeMap<String, PathBuf>,
}

/// An object that a loader has opened.
struct Loaded {
    /// Directory for `$ORIGIN`.
    origin: PathBuf,
    /// The name for messages.
    name: PathBuf,
    loader: Option<usize>,
    elf: Elf,
}

#[derive(Clone, Copy, PartialEq)]
enum Libc {
    Glibc,
    Musl,
}

impl Libraries {
    pub(crate) fn new(ld_library_path: Option<&str>) -> Libraries {
        Libraries {
            environment: directories(ld_library_path.unwrap_or_default()),
            ..Libraries::default()
        }
    }

    /// The host file's ELF facts.
    pub(crate) fn elf(&mut self, host: &Path) -> std::result::Result<Elf, Fault> {
        if let Some(elf) = self.files.get(host) {
            return Ok(elf.clone());
        }
        let elf = Elf::read(host)?;
        self.files.insert(host.to_path_buf(), elf.clone());
        Ok(elf)
    }

    /// Takes everything that the object at guest path `real` needs, its interpreter included. `shown` names it in messages.
    ///
    /// # Errors
    /// The interpreter or a library does not exist.
    pub(crate) fn take_all(
        &mut self,
        tree: &mut Tree,
        host: &mut Host,
        real: &Path,
        shown: &Path,
        elf: Elf,
    ) -> Result<()> {
        let libc = self.take_interpreter(tree, host, shown, &elf)?;
        let mut names: HashSet<String> = HashSet::new();
        let mut loaded = vec![Loaded {
            origin: parent(real),
            name: shown.to_path_buf(),
            loader: None,
            elf,
        }];
        let mut queue = VecDeque::from([0]);
        while let Some(index) = queue.pop_front() {
            for needed in loaded[index].elf.needed.clone() {
                if !names.insert(needed.clone())
                    || libc == Libc::Musl && MUSL_OWN.iter().any(|own| needed.starts_with(own))
                {
                    continue;
                }
                let Some((opened, elf)) = self.find(tree, host, libc, &loaded, index, &needed)? else {
                    return Err(missing(&needed, &loaded[index].name));
                };
                let name = opened.clone();
                queue.push_back(loaded.len());
                loaded.push(Loaded {
                    origin: parent(&opened),
                    name,
                    loader: Some(index),
                    elf,
                });
            }
        }
        if names.contains(GLIBC) && !names.contains(GLIBC_OPENS) {
            // Wherever it is missing on the host, the C library says so when it wants it.
            self.find_by_name(tree, host, libc, GLIBC_OPENS)?;
        }
        Ok(())
    }

    /// An `ld.so.cache` that names exactly the libraries found by name, or `None` if there are none.
    pub(crate) fn cache_file(&self) -> Option<Vec<u8>> {
        let pairs: Vec<(String, String)> = self
            .by_name
            .iter()
            .map(|(name, path)| (name.clone(), path.to_string_lossy().into_owned()))
            .collect();
        (!pairs.is_empty()).then(|| ld_cache::build(&pairs))
    }

    /// Whether a library whose name begins like this was found.
    pub(crate) fn has(&self, beginning: &str) -> bool {
        self.by_name
            .range(beginning.to_string()..)
            .next()
            .is_some_and(|(name, _)| name.starts_with(beginning))
    }

    fn take_interpreter(&mut self, tree: &mut Tree, host: &mut Host, shown: &Path, elf: &Elf) -> Result<Libc> {
        let Some(interpreter) = &elf.interpreter else {
            return Ok(Libc::Glibc);
        };
        let musl = interpreter
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("ld-musl-"));
        if is_file(tree, interpreter).is_none() && host.take_if_file(tree, interpreter)?.is_none() {
            let cause = format!(
                "{} needs the interpreter {}, which does not exist",
                shown.display(),
                interpreter.display()
            );
            let cure = format!(
                "Install the C library it belongs to{}, or give one with --file FILE:{}",
                if musl { " (package musl)" } else { "" },
                interpreter.display()
            );
            return Err(Error::not_executable(cause, cure));
        }
        if musl {
            host.take_if_file(tree, Path::new("/etc/ld-musl-x86_64.path"))?;
        }
        Ok(if musl { Libc::Musl } else { Libc::Glibc })
    }

    /// Looks for one needed name and takes the file: the path by which the loader opens it, and its facts.
    fn find(
        &mut self,
        tree: &mut Tree,
        host: &mut Host,
        libc: Libc,
        loaded: &[Loaded],
        index: usize,
        needed: &str,
    ) -> Result<Option<(PathBuf, Elf)>> {
        if needed.contains('/') {
            for path in expand(needed, &loaded[index].origin) {
                if let Some(elf) = self.open(tree, host, &path)? {
                    return Ok(Some((path, elf)));
                }
            }
            return Ok(None);
        }
        for directory in self.own_directories(libc, loaded, index) {
            let path = directory.join(needed);
            if let Some(elf) = self.open(tree, host, &path)? {
                self.environment_used |= self.environment.contains(&directory);
                return Ok(Some((path, elf)));
            }
        }
        self.find_by_name(tree, host, libc, needed)
    }

    /// Looks in the directories that are the same for every program.
    fn find_by_name(
        &mut self,
        tree: &mut Tree,
        host: &mut Host,
        libc: Libc,
        needed: &str,
    ) -> Result<Option<(PathBuf, Elf)>> {
        let mut candidates = Vec::new();
        if libc == Libc::Glibc {
            candidates.extend(self.by_name.get(needed).cloned());
            let cache = self
                .cache
                .get_or_init(|| ld_cache::parse(&fs::read("/etc/ld.so.cache").unwrap_or_default()));
            candidates.extend(cache.get(needed).cloned());
            candidates.extend(
                GLIBC_DIRECTORIES
                    .iter()
                    .map(|directory| Path::new(directory).join(needed)),
            );
        } else {
            let text = fs::read_to_string("/etc/ld-musl-x86_64.path").unwrap_or(MUSL_DIRECTORIES.into());
            candidates.extend(
                directories(&text.replace('\n', ":"))
                    .into_iter()
                    .map(|directory| directory.join(needed)),
            );
        }
        // A library of the tree comes before one of the host wherever it is: a whole root brings its own, perhaps in other directories.
        candidates.sort_by_key(|path| is_file(tree, path).is_none());
        for path in candidates {
            if let Some(elf) = self.open(tree, host, &path)? {
                if libc == Libc::Glibc {
                    self.by_name.insert(needed.to_string(), path.clone());
                }
                return Ok(Some((path, elf)));
            }
        }
        Ok(None)
    }

    /// The directories that this object and the environment ask for, in the loader's order.
    fn own_directories(&self, libc: Libc, loaded: &[Loaded], index: usize) -> Vec<PathBuf> {
        let chain: Vec<&Loaded> = std::iter::successors(Some(&loaded[index]), |object| {
            object.loader.map(|loader| &loaded[loader])
        })
        .collect();
        let paths = |object: &Loaded, path: &Option<String>| -> Vec<PathBuf> {
            let parts = path
                .as_deref()
                .unwrap_or_default()
                .split(':')
                .filter(|part| !part.is_empty());
            parts.flat_map(|part| expand(part, &object.origin)).collect()
        };
        let mut list = Vec::new();
        if libc == Libc::Musl {
            list.extend(self.environment.iter().cloned());
            for object in &chain {
                let path = if object.elf.runpath.is_some() {
                    &object.elf.runpath
                } else {
                    &object.elf.rpath
                };
                list.extend(paths(object, path));
            }
            return list;
        }
        let this = &loaded[index];
        if this.elf.runpath.is_none() {
            let old = chain.iter().filter(|object| object.elf.runpath.is_none());
            list.extend(old.flat_map(|object| paths(object, &object.elf.rpath)));
        }
        list.extend(self.environment.iter().cloned());
        list.extend(paths(this, &this.elf.runpath));
        list
    }

    /// If an ELF file for this machine is at the guest path, in the tree or on the host, takes it.
    fn open(&mut self, tree: &mut Tree, host: &mut Host, path: &Path) -> Result<Option<Elf>> {
        let source = match is_file(tree, path) {
            Some(source) => source,
            None if fs::metadata(path).is_ok_and(|meta| meta.is_file()) => path.to_path_buf(),
            None => return Ok(None),
        };
        let elf = match self.elf(&source) {
            Ok(elf) => elf,
            Err(Fault::Truncated(how)) => return Err(crate::program::truncated(&source, &how)),
            Err(_) => return Ok(None),
        };
        if is_file(tree, path).is_none() {
            let real = host.take(tree, path)?;
            if runtime::is_embedded(&real) {
                self.interpreters.push(real);
            }
        }
        Ok(Some(elf))
    }
}

/// The host file behind the regular file at this guest path of the tree.
pub(crate) fn is_file(tree: &Tree, path: &Path) -> Option<PathBuf> {
    match &tree.resolve(path)?.1.kind {
        Kind::File(Content::Host(file)) => Some(file.path.clone()),
        _ => None,
    }
}

fn missing(library: &str, by: &Path) -> Error {
    let cause = format!(
        "{} needs the library {library}, which is not on this machine",
        by.display()
    );
    let cure = "Install the package that has it, or name its directory with -e LD_LIBRARY_PATH=DIRECTORY";
    Error::not_executable(cause, cure)
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("/")).to_path_buf()
}

fn directories(list: &str) -> Vec<PathBuf> {
    list.split([':', ';'])
        .map(str::trim)
        .filter(|part| part.starts_with('/'))
        .map(PathBuf::from)
        .collect()
}

/// Replaces `$ORIGIN`, `$LIB` and `$PLATFORM`, with and without braces.
fn expand(text: &str, origin: &Path) -> Vec<PathBuf> {
    let replace = |text: &str, name: &str, value: &str| {
        text.replace(&format!("${{{name}}}"), value)
            .replace(&format!("${name}"), value)
    };
    let text = replace(text, "ORIGIN", &origin.to_string_lossy());
    let text = replace(&text, "PLATFORM", "x86_64");
    let libs = if text.contains("$LIB") || text.contains("${LIB}") {
        &LIB[..]
    } else {
        &LIB[..1]
    };
    let absolute = libs
        .iter()
        .map(|lib| replace(&text, "LIB", lib))
        .filter(|path| path.starts_with('/'));
    absolute.map(|path| normal(Path::new(&path))).collect()
}

/// Drops `.` and empty components; `..` stays for the file system to follow.
fn normal(path: &Path) -> PathBuf {
    path.components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_search_paths_expand() {
        let expanded = expand("$ORIGIN/../lib", Path::new("/opt/x/bin"));
        assert_eq!(expanded, [PathBuf::from("/opt/x/bin/../lib")]);
        assert_eq!(expand("/a/${LIB}/b", Path::new("/")).len(), 3);
        assert_eq!(expand("/a/$PLATFORM", Path::new("/")), [PathBuf::from("/a/x86_64")]);
        assert!(expand("relative", Path::new("/")).is_empty());
    }

    #[test]
    fn a_missing_library_is_named_with_its_user() {
        let mut libraries = Libraries::new(None);
        let elf = Elf {
            needed: vec!["libnowhere.so.3".into()],
            ..Elf::default()
        };
        let path = Path::new("/bin/example");
        let error = libraries
            .take_all(&mut Tree::new(), &mut Host::new(), path, path, elf)
            .unwrap_err();
        assert!(error.cause.contains("libnowhere.so.3") && error.cause.contains("/bin/example"));
    }
}
