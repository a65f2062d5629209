//! Where well-known interpreters keep their libraries, relative to their prefix, and what of it is never needed to run.

use std::path::{Path, PathBuf};

use super::{name, prefix, stem};

/// A Java development kit: the run-time image, and what Debian keeps in `/etc` of it.
const JAVA: &[&str] = &["lib", "conf", "/etc/java-*-openjdk"];
/// Erlang/OTP, and what its start scripts call.
const ERLANG: &[&str] = &[
    "bin",
    "erts-*",
    "lib",
    "releases",
    "/usr/bin/basename",
    "/usr/bin/dirname",
    "/usr/bin/sed",
];

/// Files and directories below the prefix, or anywhere; `*` stands for anything, `@` for the version in the program's name.
const LAYOUTS: [(&str, &[&str]); 14] = [
    ("python", &["lib/python@", "lib64/python@"]),
    (
        "perl",
        &[
            "lib/perl5",
            "lib64/perl5",
            "lib/perl",
            "share/perl",
            "share/perl5",
            "lib/5.*",
            "lib/site_perl",
        ],
    ),
    ("ruby", &["lib/ruby", "lib64/ruby", "share/ruby"]),
    ("node", &["lib/node_modules"]),
    ("lua", &["share/lua", "lib/lua", "lib64/lua"]),
    ("php", &["lib/php", "lib64/php", "etc/php*"]),
    ("tclsh", &["lib/tcl*", "lib64/tcl*", "share/tcl*"]),
    ("java", JAVA),
    ("javac", JAVA),
    ("jshell", JAVA),
    ("erl", ERLANG),
    ("erlc", ERLANG),
    ("escript", ERLANG),
    ("guile", &["share/guile", "lib/guile", "lib64/guile"]),
];

/// Configuration that packages generate when they are installed, and so do not list.
const CONFIGURATION: [(&str, &str); 1] = [("php", "/etc/php")];

/// Directories of standard libraries that only developers of the interpreter need, or that are packages on top of it.
const DISPENSABLE: [&str; 7] = [
    "test",
    "tests",
    "idlelib",
    "turtledemo",
    "ensurepip",
    "site-packages",
    "dist-packages",
];

/// The directories of the interpreter at `program`; none if it is not well known.
pub(super) fn directories(program: &Path) -> Vec<PathBuf> {
    let file_name = name(program);
    let (Some(prefix), Some((_, patterns))) = (
        prefix(program),
        LAYOUTS.iter().find(|(known, _)| *known == stem(&file_name)),
    ) else {
        return Vec::new();
    };
    let version = file_name[stem(&file_name).len()..].trim_end_matches(|c: char| !c.is_ascii_digit());
    let version = if version.contains('.') {
        version.to_string()
    } else {
        format!("{version}*")
    };
    let expand = |pattern: &&str| {
        let pattern = prefix.join(pattern.replace('@', &version));
        glob::glob(&pattern.to_string_lossy()).into_iter().flatten().flatten()
    };
    patterns.iter().flat_map(expand).collect()
}

/// Generated configuration of the interpreter at `program`.
pub(super) fn configuration(program: &Path) -> Vec<PathBuf> {
    let file_name = name(program);
    let known = CONFIGURATION.iter().filter(|(known, _)| *known == stem(&file_name));
    known.map(|(_, directory)| PathBuf::from(directory)).collect()
}

/// The root of the virtual environment that `program` lies in.
pub(super) fn virtual_environment(program: &Path) -> Option<PathBuf> {
    prefix(program).filter(|root| root.join("pyvenv.cfg").is_file())
}

/// Whether a file or directory of a standard library can be left out.
pub(super) fn is_dispensable(path: &Path) -> bool {
    let file_name = name(path);
    let of_environment = || {
        path.ancestors()
            .nth(3)
            .is_some_and(|root| root.join("pyvenv.cfg").is_file())
    };
    let directory = DISPENSABLE.contains(&file_name.as_str()) && !(file_name == "site-packages" && of_environment());
    directory && is_library(path) || file_name.starts_with("config-") || is_build_product(&file_name)
}

/// Whether the path is an entry of an interpreter's library, so that `test` means its own tests.
fn is_library(path: &Path) -> bool {
    path.components()
        .any(|part| stem(&part.as_os_str().to_string_lossy()) == "python")
}

/// Static libraries, and byte code for optimisation levels that nobody asked for.
pub(super) fn is_build_product(file_name: &str) -> bool {
    file_name.ends_with(".a") || file_name.ends_with(".opt-1.pyc") || file_name.ends_with(".opt-2.pyc")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_library_beside_an_interpreter() {
        let scratch = tempfile::tempdir().unwrap();
        let base = scratch.path();
        for directory in ["bin", "lib/python3.11", "lib/python3.12", "lib/other"] {
            fs::create_dir_all(base.join(directory)).unwrap();
        }
        assert_eq!(directories(&base.join("bin/python3.11")), [base.join("lib/python3.11")]);
        assert_eq!(directories(&base.join("bin/python3")).len(), 2);
        assert!(directories(&base.join("bin/echo")).is_empty());
    }

    #[test]
    fn packages_stay_out_except_those_of_an_environment() {
        let scratch = tempfile::tempdir().unwrap();
        let packages = scratch.path().join("lib/python3.11/site-packages");
        assert!(is_dispensable(&packages));
        fs::write(scratch.path().join("pyvenv.cfg"), "").unwrap();
        assert!(!is_dispensable(&packages));
        assert!(is_dispensable(Path::new("/usr/lib/python3.11/test")));
        assert!(!is_dispensable(Path::new("/usr/lib/ruby/test")));
    }
}
