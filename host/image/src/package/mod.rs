//! Debian packages in an image: `--package NAME[=VERSION]`.
//!
//! A package that is installed on this machine is taken as it is here: the files that dpkg lists, and what lies beside them in directories of
//! `/etc` that are the package's own, where an administrator's changes are. Another one is fetched by apt and unpacked into the cache; nothing is
//! ever installed. Either way the packages that it needs come along (`Depends` and `Pre-Depends`), and `dash`, since the C library runs commands with
//! `/bin/sh` and no package says so. Documentation and translations stay behind.
//!
//! No maintainer script runs. What scripts would have made is read off them as far as it is in plain words (`script`), and what packages declare
//! for boot is made now (`declared`).
//!
//! | module | holds |
//! |---|---|
//! | `stanza` | control files, and which packages need which |
//! | `apt`, `remembered` | what apt would install, fetching and unpacking |
//! | `own` | which directories hold an administrator's changes |
//! | `script`, `loops`, `temporary`, `declared` | what would be made at installation and at boot |
//! | `apply` | making it |
//! | `people`, `accounts` | users and groups |
//! | `apache` | the parts of Apache that are switched on |
//! | `everywhere` | what each Debian system has though no package names it |
//! | `pam`, `certificates`, `der` | what programs of packages make of the files of all packages |

mod accounts;
mod apache;
mod apply;
mod apt;
mod certificates;
mod declared;
mod der;
mod everywhere;
mod loops;
mod own;
mod pam;
mod people;
mod remembered;
mod script;
mod stanza;
mod temporary;

use std::fmt;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::cache;
use crate::error::{Error, Result};
use crate::files::{Taken, take_below};
use crate::host::{self, Host};
use crate::tree::{Attributes, FIXED_TIME, Kind, Node, Tree};
use accounts::Accounts;
use own::Own;
use script::Action;
use stanza::{Package, Place, Pool};

const STATUS: &str = "/var/lib/dpkg/status";
const INFO: &str = "/var/lib/dpkg/info";
const SHELL: &str = "dash";
/// What a program in a machine does not read.
const LEFT_BEHIND: [&str; 9] = [
    "/usr/share/bug/",
    "/usr/share/common-licenses/",
    "/usr/share/doc/",
    "/usr/share/doc-base/",
    "/usr/share/info/",
    "/usr/share/lintian/",
    "/usr/share/locale/",
    "/usr/share/man/",
    "/usr/share/menu/",
];
/// Directories that are links into `/usr` on every Debian of today, although packages still name them.
const MERGED: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// A package by name, in any version or one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    name: String,
    version: Option<String>,
}

impl Wanted {
    /// Reads `NAME[=VERSION]`.
    ///
    /// # Errors
    /// It cannot be the name of a package.
    pub fn parse(text: &str) -> Result<Wanted> {
        let (name, version) = text
            .split_once('=')
            .map_or((text, None), |(name, version)| (name, Some(version)));
        let name = name.strip_suffix(":amd64").unwrap_or(name);
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_name = name.len() > 1
            && name.bytes().next().is_some_and(letter)
            && name.bytes().all(|byte| letter(byte) || b"+-.".contains(&byte));
        let is_version = version.is_none_or(|version| {
            !version.is_empty()
                && version
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b".+-:~".contains(&byte))
        });
        if !is_name || !is_version {
            return Err(Error::new(
                format!("{text} cannot be the name of a Debian package"),
                "Write it as NAME or NAME=VERSION, as apt-get has them",
            ));
        }
        Ok(Wanted {
            name: name.to_string(),
            version: version.map(str::to_string),
        })
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}={version}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// What came with packages.
#[derive(Debug, Default)]
pub struct Packages {
    /// Their files.
    pub taken: Vec<Taken>,
    /// Each with its version and where it is from, for people.
    pub names: Vec<String>,
}

/// Takes packages, and what they need, into the tree.
///
/// # Errors
/// There is no such package, or it cannot be fetched.
pub fn take(tree: &mut Tree, host: &mut Host, wanted: &[Wanted]) -> Result<Packages> {
    if wanted.is_empty() {
        return Ok(Packages::default());
    }
    let mut pool = pool(wanted)?;
    let mut names: Vec<String> = wanted.iter().map(|wanted| wanted.name.clone()).collect();
    names.extend(pool.contains_key(SHELL).then(|| SHELL.to_string()));
    let mut chosen = stanza::closure(&pool, &names).map_err(|(who, what)| incomplete(&who, &what))?;
    let alone = everywhere::packages(&chosen);
    if alone.iter().any(|name| !pool.contains_key(*name))
        && chosen.iter().any(|package| package.place != Place::Installed)
    {
        // On a machine with few packages, what all rely on may have to be fetched as well.
        let missing = alone.iter().filter(|name| !pool.contains_key(**name));
        let missing: Vec<Wanted> = missing
            .map(|name| Wanted {
                name: (*name).to_string(),
                version: None,
            })
            .collect();
        add_fetched(&mut pool, &missing.iter().collect::<Vec<_>>())?;
        chosen = stanza::closure(&pool, &names).map_err(|(who, what)| incomplete(&who, &what))?;
    }
    let chosen: Vec<&Package> = alone.iter().filter_map(|name| pool.get(*name)).chain(chosen).collect();
    merge(tree)?;
    let own = Own::of(&chosen);
    let mut taken = Vec::new();
    for package in &chosen {
        match &package.place {
            Place::Installed => take_installed(tree, host, package, &own, &mut taken)?,
            Place::Unpacked(directory) => take_unpacked(tree, &directory.join(apt::FILES), Path::new("/"), &mut taken)?,
        }
    }
    make(tree, &chosen)?;
    everywhere::fill(tree, host, &chosen)?;
    let name = |package: &&Package| {
        let fetched = if package.place == Place::Installed {
            ""
        } else {
            ", fetched"
        };
        format!("{} ({}{fetched})", package.name, package.version)
    };
    Ok(Packages {
        taken,
        names: chosen.iter().map(name).collect(),
    })
}

/// The packages that there are: those of this machine, and over them what had to be fetched.
fn pool(wanted: &[Wanted]) -> Result<Pool> {
    let mut pool = stanza::installed(&fs::read_to_string(STATUS).unwrap_or_default());
    let is_there = |wanted: &&Wanted| {
        let by_name = pool.get(&wanted.name);
        match (&wanted.version, by_name) {
            (None, None) => pool.values().any(|package| package.provides.contains(&wanted.name)),
            (None, Some(_)) => true,
            (Some(version), package) => package.is_some_and(|package| package.version == *version),
        }
    };
    let missing: Vec<&Wanted> = wanted.iter().filter(|wanted| !is_there(wanted)).collect();
    if missing.is_empty() {
        return Ok(pool);
    }
    add_fetched(&mut pool, &missing)?;
    Ok(pool)
}

/// Fetches packages, and what they need, over those that are in the pool.
fn add_fetched(pool: &mut Pool, missing: &[&Wanted]) -> Result<()> {
    let directory = cache::directory_of_user()?.join("packages");
    let fetched = apt::plan(missing, &directory)?;
    for place in apt::fetch(&fetched, &directory)? {
        let control = place.join(apt::CONTROL).join("control");
        let text = fs::read_to_string(&control).map_err(|error| Error::io("read", &control, &error))?;
        if let Some(package) = stanza::package(&text, Place::Unpacked(place)) {
            pool.insert(package.name.clone(), package);
        }
    }
    Ok(())
}

/// That packages cannot be put together, in words.
fn incomplete(who: &str, what: &str) -> Error {
    if who == what {
        let cause = format!("the package {who} stands for others, of which none is installed");
        return Error::new(cause, format!("Name one of those that apt-cache showpkg {who} lists"));
    }
    let cause = format!("the package {who} needs {what}, which is not installed");
    Error::new(cause, "Mend this machine with apt-get --fix-broken install")
}

/// Makes `/bin` and its like links into `/usr`, where nothing of that name is.
fn merge(tree: &mut Tree) -> Result<()> {
    for name in MERGED {
        let path = Path::new("/").join(name);
        let merged = fs::symlink_metadata(&path).map_or(true, |meta| meta.is_symlink());
        if merged && tree.get(&path).is_none() {
            let target = Path::new("usr").join(name);
            tree.insert_missing(
                &Path::new("/").join(&target),
                Node::directory(Attributes::made_up(0o755)),
            )?;
            tree.insert(&path, Node::symlink(&target))?;
        }
    }
    Ok(())
}

fn is_left_behind(path: &str) -> bool {
    LEFT_BEHIND.iter().any(|place| path.starts_with(place))
}

/// Takes an installed package as it is on this machine.
fn take_installed(
    tree: &mut Tree,
    host: &mut Host,
    package: &Package,
    own: &Own,
    taken: &mut Vec<Taken>,
) -> Result<()> {
    for path in info(&package.name, "list").lines() {
        if path == "/." || is_left_behind(path) {
            continue;
        }
        // What an administrator removed is missing here too.
        let Some((real, meta)) = host.follow_if_there(tree, Path::new(path))? else {
            continue;
        };
        if meta.is_file() && (meta.mode() & 0o444 == 0o444 || File::open(&real).is_ok()) {
            tree.insert(&real, host::node(&real, &meta))?;
            taken.push(Taken {
                path: real,
                named: false,
            });
        } else if meta.is_dir() && own.has(path) {
            take_below(tree, &real, &real, &|_| true, meta.dev(), taken)?;
        }
    }
    Ok(())
}

/// Takes the files of an unpacked package, which belong to root unless the archive says otherwise.
fn take_unpacked(tree: &mut Tree, directory: &Path, guest: &Path, taken: &mut Vec<Taken>) -> Result<()> {
    let entries = fs::read_dir(directory).map_err(|error| Error::io("read", directory, &error))?;
    for entry in entries.flatten() {
        let (path, place) = (entry.path(), guest.join(entry.file_name()));
        let Ok(meta) = entry.metadata() else { continue };
        let attributes = Attributes {
            uid: 0,
            gid: 0,
            ..Attributes::of(&meta)
        };
        if meta.is_dir() {
            if is_left_behind(&format!("{}/", place.display())) {
                continue;
            }
            let attributes = Attributes {
                mtime: FIXED_TIME,
                mtime_nsec: 0,
                ..attributes
            };
            tree.insert_missing(&place, Node::directory(attributes))?;
            take_unpacked(tree, &path, &place, taken)?;
        } else if meta.is_symlink() {
            let target = fs::read_link(&path).map_err(|error| Error::io("read", &path, &error))?;
            let kind = Kind::Symlink(target);
            tree.insert(&place, Node { attributes, kind })?;
        } else if meta.is_file() {
            let kind = Node::host_file(&path, &meta).kind;
            tree.insert(&place, Node { attributes, kind })?;
            let (path, _) = tree.resolve(&place).unwrap_or((place, tree.root()));
            taken.push(Taken { path, named: false });
        }
    }
    Ok(())
}

/// Makes what installing and booting would have made.
fn make(tree: &mut Tree, chosen: &[&Package]) -> Result<()> {
    let mut accounts = Accounts::of(tree);
    for action in everywhere::actions() {
        apply::apply(tree, &mut accounts, &action, false)?;
    }
    for package in chosen {
        let installed = package.place == Place::Installed;
        let scripts = ["preinst", "postinst"].map(|kind| match &package.place {
            Place::Installed => info(&package.name, kind),
            Place::Unpacked(directory) => {
                fs::read_to_string(directory.join(apt::CONTROL).join(kind)).unwrap_or_default()
            }
        });
        let files = match &package.place {
            Place::Installed => info(&package.name, "list"),
            Place::Unpacked(directory) => declarations(&directory.join(apt::FILES)),
        };
        let declared = |directory: &str, end: &str, read: fn(&str) -> Vec<Action>| -> Vec<Action> {
            let paths = files
                .lines()
                .map(|path| path.strip_prefix("/usr").unwrap_or(path))
                .filter(|path| path.starts_with(directory) && path.ends_with(end));
            paths.flat_map(|path| read(&tree.text(Path::new(path)))).collect()
        };
        let actions: Vec<Action> = declared("/lib/sysusers.d/", ".conf", declared::sysusers)
            .into_iter()
            .chain(scripts.iter().flat_map(|script| script::actions(script)))
            .chain(declared("/lib/tmpfiles.d/", ".conf", declared::tmpfiles))
            .chain(declared("/lib/systemd/system/", ".service", declared::service))
            .collect();
        for action in &actions {
            apply::apply(tree, &mut accounts, action, installed)?;
        }
    }
    for package in chosen {
        if let Place::Unpacked(directory) = &package.place {
            let owners = fs::read_to_string(directory.join(apt::OWNERS)).unwrap_or_default();
            for line in owners.lines() {
                let mut parts = line.split('\t');
                if let (Some(path), Some(user), Some(group)) = (parts.next(), parts.next(), parts.next()) {
                    let owner = Action::Owner {
                        path: path.into(),
                        user: user.to_string(),
                        group: Some(group.to_string()),
                        recursive: false,
                    };
                    apply::apply(tree, &mut accounts, &owner, false)?;
                }
            }
        }
    }
    accounts.store(tree)
}

/// The declarations among the files of an unpacked package, one path to a line.
fn declarations(files: &Path) -> String {
    let mut list = String::new();
    for directory in [
        "usr/lib/sysusers.d",
        "usr/lib/tmpfiles.d",
        "lib/systemd/system",
        "usr/lib/systemd/system",
    ] {
        for entry in fs::read_dir(files.join(directory)).into_iter().flatten().flatten() {
            list += &format!("/{directory}/{}\n", entry.file_name().to_string_lossy());
        }
    }
    list
}

/// A file that dpkg keeps about an installed package.
fn info(package: &str, kind: &str) -> String {
    let read = |name: String| fs::read_to_string(PathBuf::from(INFO).join(name)).ok();
    read(format!("{package}.{kind}"))
        .or_else(|| read(format!("{package}:amd64.{kind}")))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_packages() {
        assert_eq!(Wanted::parse("nginx-light").unwrap().to_string(), "nginx-light");
        assert_eq!(
            Wanted::parse("g++:amd64=4:12.2.0-3~x").unwrap().to_string(),
            "g++=4:12.2.0-3~x"
        );
        for bad in ["", "x", "-o", "a b", "Upper", "a=", "a=1 2", "--help", "a/b"] {
            assert!(Wanted::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_installed_package_with_what_it_needs() {
        if !Path::new(STATUS).exists() {
            return;
        }
        let mut tree = Tree::new();
        let wanted = [Wanted::parse("gzip").unwrap()];
        let packages = take(&mut tree, &mut Host::new(), &wanted).unwrap();
        assert!(
            packages.names.iter().any(|name| name.starts_with("libc6 (")),
            "{:?}",
            packages.names
        );
        for path in ["/bin/gzip", "/lib64/ld-linux-x86-64.so.2", "/bin/sh"] {
            assert!(tree.resolve(Path::new(path)).is_some(), "{path}");
        }
        assert!(tree.text(Path::new("/etc/passwd")).contains("\nwww-data:x:33:33:"));
        assert!(
            tree.resolve(Path::new("/usr/share/man"))
                .is_none_or(|(_, node)| node.entries().is_some_and(|names| names.is_empty()))
        );
    }

    #[test]
    fn an_unpacked_package_belongs_to_root() {
        let scratch = tempfile::tempdir().unwrap();
        let files = scratch.path().join(apt::FILES);
        for name in ["etc/x", "usr/share/doc/x", "usr/lib/tmpfiles.d", "lib/x"] {
            fs::create_dir_all(files.join(name)).unwrap();
        }
        fs::create_dir_all(scratch.path().join(apt::CONTROL)).unwrap();
        fs::write(files.join("etc/x/conf"), "a").unwrap();
        fs::write(files.join("lib/x/data"), "b").unwrap();
        fs::write(files.join("usr/share/doc/x/copyright"), "c").unwrap();
        fs::write(files.join("usr/lib/tmpfiles.d/x.conf"), "d /run/x 0700 3 4\n").unwrap();
        fs::write(scratch.path().join(apt::OWNERS), "/etc/x/conf\t7\t8\n").unwrap();
        fs::write(
            scratch.path().join(apt::CONTROL).join("postinst"),
            "ln -s ../x/conf /etc/x/link\n",
        )
        .unwrap();
        let place = Place::Unpacked(scratch.path().to_path_buf());
        let package = stanza::package("Package: xx\nVersion: 1\nArchitecture: all\n", place).unwrap();
        let (mut tree, mut taken) = (Tree::new(), Vec::new());
        merge(&mut tree).unwrap();
        take_unpacked(&mut tree, &files, Path::new("/"), &mut taken).unwrap();
        make(&mut tree, &[&package]).unwrap();
        let attributes = |path: &str| tree.resolve(Path::new(path)).unwrap().1.attributes.clone();
        assert_eq!(
            (
                attributes("/usr/lib/x/data").uid,
                attributes("/etc/x/conf").uid,
                attributes("/etc/x/conf").gid
            ),
            (0, 7, 8)
        );
        assert_eq!(
            (
                attributes("/run/x").mode,
                attributes("/run/x").uid,
                attributes("/run/x").gid
            ),
            (0o700, 3, 4)
        );
        assert_eq!(tree.text(Path::new("/etc/x/link")), "a");
        assert!(tree.resolve(Path::new("/usr/share/doc/x")).is_none());
        assert!(taken.iter().any(|file| file.path == Path::new("/usr/lib/x/data")));
    }
}
