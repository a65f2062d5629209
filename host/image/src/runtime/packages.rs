//! Which data files belong to a program, from dpkg's lists.
//!
//! The package that owns the program is the start; from there to the packages it depends on, as long as they come from
//! the same source package or carry the same name (`python3.11-minimal` → `libpython3.11-minimal`). Debian splits
//! interpreters into a minimal package and the rest that depends on it, so the rest is a start as well. Of all these,
//! files count that are neither programs, nor documentation, nor shared libraries (which are found by who needs them).
//!
//! Reading every list takes some 30 ms, so the answer is kept for all programs at once in an index file: a line per
//! program with the packages that have data for it. It is made anew when dpkg's status file changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::layouts::is_build_product;
use super::stem;

const STATUS: &str = "/var/lib/dpkg/status";
const LISTS: &str = "/var/lib/dpkg/info";
/// Changes whenever the rules below do.
const FORMAT: u32 = 2;
/// Endings of the packages that hold only the core of an interpreter.
const CORE: [&str; 2] = ["-minimal", "-base"];
const PROGRAMS: [&str; 4] = ["/usr/bin/", "/usr/sbin/", "/usr/games/", "/usr/local/bin/"];
const NOT_DATA: [&str; 27] = [
    "/usr/include/",
    "/usr/share/applications/",
    "/usr/share/bash-completion/",
    "/usr/share/binfmts/",
    "/usr/share/bug/",
    "/usr/share/doc/",
    "/usr/share/doc-base/",
    "/usr/share/fish/",
    "/usr/share/gdb/auto-load/",
    "/usr/share/icons/",
    "/usr/share/info/",
    "/usr/share/initramfs-tools/",
    "/usr/share/lintian/",
    "/usr/share/locale/",
    "/usr/share/man/",
    "/usr/share/menu/",
    "/usr/share/metainfo/",
    "/usr/share/pixmaps/",
    "/usr/share/zsh/",
    "/usr/lib/debug/",
    "/usr/lib/systemd/",
    "/usr/lib/udev/",
    "/usr/libexec/coreutils/",
    "/etc/cron",
    "/etc/init",
    "/etc/logrotate.d/",
    "/var/",
];
const LIBRARY_DIRECTORIES: [&str; 2] = ["/usr/lib/x86_64-linux-gnu/", "/usr/lib/"];

/// The data files for the program at `real`, or `None` if dpkg does not own it. `index` is where answers are kept.
pub(super) fn files_for(real: &Path, index: Option<&Path>) -> Option<Vec<PathBuf>> {
    let stamp = stamp()?;
    let text = index
        .and_then(|index| fs::read_to_string(index).ok())
        .filter(|text| text.starts_with(&stamp));
    let text = text.unwrap_or_else(|| {
        let text = stamp + &make_index(&Database::read());
        if let Some(index) = index {
            store(index, &text);
        }
        text
    });
    let key = format!("\n{}\t", real.to_str()?);
    let line = &text[text.find(&key)? + key.len()..];
    let packages = line.lines().next().unwrap_or_default().split_whitespace();
    let mut files: Vec<PathBuf> = packages
        .flat_map(|package| data_files(&list(package)))
        .map(PathBuf::from)
        .collect();
    add_byte_code(&mut files);
    Some(files)
}

/// The index's first line, which changes with dpkg's state.
fn stamp() -> Option<String> {
    let meta = fs::metadata(STATUS).ok()?;
    Some(format!(
        "{FORMAT} {} {} {}\n",
        meta.mtime(),
        meta.mtime_nsec(),
        meta.size()
    ))
}

/// Keeps the index; without a place for it, it is only made again next time.
fn store(index: &Path, text: &str) {
    let unfinished = index.with_extension(std::process::id().to_string());
    index.parent().map(fs::create_dir_all);
    if fs::write(&unfinished, text).is_ok() {
        fs::rename(&unfinished, index).ok();
    }
}

/// What is known about the installed packages.
#[derive(Default)]
struct Database {
    packages: HashMap<String, Package>,
}

#[derive(Default, Debug, PartialEq)]
struct Package {
    source: String,
    /// Alternatives of each dependency.
    depends: Vec<Vec<String>>,
    /// Contents of its list file.
    list: String,
}

impl Database {
    fn read() -> Database {
        let mut database = Database::default();
        database.add_status(&fs::read_to_string(STATUS).unwrap_or_default());
        for (name, package) in &mut database.packages {
            package.list = list(name);
        }
        database
    }

    fn add_status(&mut self, text: &str) {
        for stanza in text.split("\n\n") {
            let mut name = "";
            let mut package = Package::default();
            let mut installed = false;
            for (key, value) in stanza.lines().filter_map(|line| line.split_once(": ")) {
                match key {
                    "Package" => name = value,
                    "Status" => installed = value.ends_with(" installed"),
                    "Source" => package.source = value.split(' ').next().unwrap_or_default().to_string(),
                    "Depends" | "Pre-Depends" => package.depends.extend(dependencies(value)),
                    _ => {}
                }
            }
            if package.source.is_empty() {
                package.source = name.to_string();
            }
            if installed {
                self.packages.insert(name.to_string(), package);
            }
        }
    }

    /// The package, its bigger brother, and what they depend on within the family.
    fn family(&self, owner: &str) -> BTreeSet<&str> {
        let brother = CORE.iter().find_map(|ending| owner.strip_suffix(ending));
        let mut todo: Vec<&str> = [Some(owner), brother].into_iter().flatten().collect();
        let mut found = BTreeSet::new();
        while let Some((name, package)) = todo.pop().and_then(|name| self.packages.get_key_value(name)) {
            if !found.insert(name.as_str()) {
                continue;
            }
            let of_family = |other: &&String| {
                let same_name = stem(owner).len() > 2 && stem(other.trim_start_matches("lib")) == stem(owner);
                self.packages
                    .get(*other)
                    .is_some_and(|found| found.source == package.source || same_name)
            };
            todo.extend(
                package
                    .depends
                    .iter()
                    .filter_map(|options| options.iter().find(of_family))
                    .map(String::as_str),
            );
        }
        found
    }
}

/// `a (>= 1) | b, c:any` as names.
fn dependencies(value: &str) -> impl Iterator<Item = Vec<String>> {
    let name = |text: &str| {
        text.trim()
            .split([' ', ':', '('])
            .next()
            .unwrap_or_default()
            .to_string()
    };
    value
        .split(',')
        .map(move |options| options.split('|').map(name).collect())
}

/// A line for each program: its path, and the packages with data for it.
fn make_index(database: &Database) -> String {
    let has_data: HashMap<&str, bool> = database
        .packages
        .iter()
        .map(|(name, package)| (name.as_str(), !data_files(&package.list).is_empty()))
        .collect();
    let mut lines = BTreeMap::new();
    for (name, package) in &database.packages {
        let is_program = |path: &String| is_in(path, &PROGRAMS) || super::is_embedded(Path::new(path));
        let programs: Vec<String> = merged(&package.list).filter(is_program).collect();
        if programs.is_empty() {
            continue;
        }
        let family = database.family(name);
        let packages: Vec<&str> = family.into_iter().filter(|name| has_data[name]).collect();
        programs
            .into_iter()
            .for_each(|program| drop(lines.insert(program, packages.join(" "))));
    }
    let lines: Vec<String> = lines
        .into_iter()
        .map(|(program, packages)| format!("{program}\t{packages}"))
        .collect();
    format!("\n{}\n", lines.join("\n"))
}

/// The list file of a package.
fn list(package: &str) -> String {
    let read = |name: String| fs::read_to_string(Path::new(LISTS).join(name)).ok();
    read(format!("{package}.list"))
        .or_else(|| read(format!("{package}:amd64.list")))
        .unwrap_or_default()
}

/// The files of a list, where they are since `/bin`, `/sbin` and `/lib` became links into `/usr`.
fn merged(list: &str) -> impl Iterator<Item = String> {
    list.lines().map(|path| {
        let moved = ["/bin/", "/sbin/", "/lib/", "/lib64/"]
            .iter()
            .any(|root| path.starts_with(root));
        if moved { format!("/usr{path}") } else { path.to_string() }
    })
}

fn data_files(list: &str) -> Vec<String> {
    let files: BTreeSet<String> = merged(list).collect();
    // A list names directories too; one that has entries is not a file.
    let directories: BTreeSet<&str> = files
        .iter()
        .filter_map(|path| path.rsplit_once('/'))
        .map(|(parent, _)| parent)
        .collect();
    let wanted = files
        .iter()
        .filter(|path| !directories.contains(path.as_str()) && is_data(path));
    wanted.cloned().collect()
}

fn is_data(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_library = name.starts_with("lib")
        && name.contains(".so")
        && LIBRARY_DIRECTORIES
            .iter()
            .any(|directory| path.strip_prefix(directory).is_some_and(|rest| rest == name));
    // Perl's own headers, for building extensions.
    let is_header = path.contains("/CORE/") && name.ends_with(".h");
    let is_top = path.matches('/').count() < 3 && !path.starts_with("/etc/");
    !is_top
        && !is_header
        && !is_in(path, &PROGRAMS)
        && !is_in(path, &NOT_DATA)
        && !is_library
        && !is_build_product(name)
}

fn is_in(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| path.starts_with(place))
}

/// Python's byte code is made at installation and in no list; without it, every start would compile the modules again.
fn add_byte_code(files: &mut Vec<PathBuf>) {
    let sources = files
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"));
    let directories: BTreeSet<PathBuf> = sources
        .filter_map(|path| Some(path.parent()?.join("__pycache__")))
        .collect();
    for directory in directories {
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.path());
        files.extend(names.filter(|path| !is_build_product(&path.to_string_lossy())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANZAS: &str = "Package: python3.11-minimal\nStatus: install ok installed\nSource: python3.11\n\
        Depends: libpython3.11-minimal (= 3), libexpat1 (>= 2)\n\nPackage: python3.11\nStatus: install ok installed\n\
        Depends: python3.11-minimal, libpython3.11-stdlib, media-types | mime-support\n\n\
        Package: libpython3.11-stdlib\nStatus: install ok installed\nSource: python3.11 (3.11.2)\n\n\
        Package: libpython3.11-minimal\nStatus: install ok installed\nSource: python3.11\n\n\
        Package: media-types\nStatus: install ok installed\n\nPackage: gone\nStatus: deinstall ok config-files\n";

    #[test]
    fn an_interpreter_has_its_whole_family() {
        let mut database = Database::default();
        database.add_status(STANZAS);
        let family: Vec<&str> = database.family("python3.11-minimal").into_iter().collect();
        assert_eq!(
            family,
            [
                "libpython3.11-minimal",
                "libpython3.11-stdlib",
                "python3.11",
                "python3.11-minimal"
            ]
        );
        assert!(!database.packages.contains_key("gone"));
    }

    #[test]
    fn programs_documents_and_libraries_are_no_data() {
        let list = "/.\n/usr\n/bin\n/bin/x\n/usr/lib\n/usr/lib/x\n/usr/lib/x/data\n/usr/share/doc/x/copyright\n\
            /usr/lib/x86_64-linux-gnu/libx.so.1\n/usr/lib/x86_64-linux-gnu/x/libx.so\n/etc/x.conf\n/usr/lib/x/y.a\n";
        assert_eq!(
            data_files(list),
            ["/etc/x.conf", "/usr/lib/x/data", "/usr/lib/x86_64-linux-gnu/x/libx.so"]
        );
    }

    #[test]
    fn the_index_answers_for_this_machine() {
        if !Path::new(STATUS).exists() {
            return;
        }
        let scratch = tempfile::tempdir().unwrap();
        let index = scratch.path().join("index");
        let echo = fs::canonicalize("/bin/echo").unwrap();
        assert_eq!(files_for(&echo, Some(&index)), Some(Vec::new()));
        assert!(index.is_file());
        assert_eq!(files_for(Path::new("/nowhere/program"), Some(&index)), None);
    }
}
