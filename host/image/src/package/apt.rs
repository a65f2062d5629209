//! Packages that are not installed: apt says which, fetches them, and dpkg-deb unpacks them beside the system, which stays as it is.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{Wanted, remembered};
use crate::error::{Error, Result};

/// Where the parts of an unpacked package are in its directory.
pub(crate) const FILES: &str = "files";
pub(crate) const CONTROL: &str = "control";
pub(crate) const OWNERS: &str = "owners";

/// Which packages apt would install for these, each with its version; what it answered before is remembered below `cache`.
///
/// # Errors
/// There is no apt, or no such package, or they cannot be put together.
pub(crate) fn plan(wanted: &[&Wanted], cache: &Path) -> Result<Vec<(String, String)>> {
    let names: Vec<String> = wanted.iter().map(|wanted| wanted.to_string()).collect();
    let place = remembered::place(cache, &names);
    if let Some(answer) = remembered::recall(&place) {
        return Ok(answer);
    }
    let output = Command::new("apt-get")
        .args([
            "--simulate",
            "--quiet",
            "--no-install-recommends",
            "--allow-downgrades",
            "install",
        ])
        .args(&names)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .map_err(|error| no_apt(&error, &names))?;
    if !output.status.success() {
        return Err(explain(&String::from_utf8_lossy(&output.stderr), &names));
    }
    let answer = to_install(&String::from_utf8_lossy(&output.stdout));
    remembered::keep(&place, &answer);
    Ok(answer)
}

/// The `Inst` lines of a simulation.
fn to_install(text: &str) -> Vec<(String, String)> {
    let package = |line: &str| {
        let rest = line.strip_prefix("Inst ")?;
        let name = rest.split([' ', ':']).next()?;
        let version = rest.split_once('(')?.1.split([' ', ')']).next()?;
        Some((name.to_string(), version.to_string()))
    };
    text.lines().filter_map(package).collect()
}

/// The directories of these packages below `cache`, fetched and unpacked where they are not there yet.
///
/// # Errors
/// A package cannot be fetched or unpacked.
pub(crate) fn fetch(packages: &[(String, String)], cache: &Path) -> Result<Vec<PathBuf>> {
    let place = |(name, version): &(String, String)| cache.join(format!("{name}_{version}"));
    let missing: Vec<&(String, String)> = packages.iter().filter(|package| !place(package).is_dir()).collect();
    if !missing.is_empty() {
        let number = RandomState::new().build_hasher().finish();
        let workplace = cache.join(format!(".{number:016x}"));
        fs::create_dir_all(&workplace).map_err(|error| Error::io("create", &workplace, &error))?;
        let done = fetch_into(&missing, &workplace, &place);
        fs::remove_dir_all(&workplace).ok();
        done?;
    }
    Ok(packages.iter().map(place).collect())
}

fn fetch_into(
    missing: &[&(String, String)],
    workplace: &Path,
    place: &dyn Fn(&(String, String)) -> PathBuf,
) -> Result<()> {
    let names: Vec<String> = missing
        .iter()
        .map(|(name, version)| format!("{name}={version}"))
        .collect();
    let output = Command::new("apt-get")
        .args(["--quiet", "download"])
        .args(&names)
        .current_dir(workplace)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .map_err(|error| no_apt(&error, &names))?;
    if !output.status.success() {
        return Err(explain(&String::from_utf8_lossy(&output.stderr), &names));
    }
    let entries = fs::read_dir(workplace).map_err(|error| Error::io("read", workplace, &error))?;
    let archives = entries.flatten().map(|entry| entry.path());
    for archive in archives.filter(|path| path.extension().is_some_and(|extension| extension == "deb")) {
        let package = (field(&archive, "Package")?, field(&archive, "Version")?);
        unpack(&archive, &archive.with_extension("d"), &place(&package))?;
    }
    match missing.iter().find(|package| !place(package).is_dir()) {
        None => Ok(()),
        Some((name, version)) => Err(Error::new(
            format!("apt-get has not fetched the package {name} in version {version}"),
            "Run apt-get update, and try again",
        )),
    }
}

/// Unpacks an archive, and moves the result to its place at once.
fn unpack(archive: &Path, workplace: &Path, place: &Path) -> Result<()> {
    fs::create_dir_all(workplace).map_err(|error| Error::io("create", workplace, &error))?;
    dpkg_deb(&["--extract".as_ref(), archive.as_ref(), workplace.join(FILES).as_ref()])?;
    dpkg_deb(&["--control".as_ref(), archive.as_ref(), workplace.join(CONTROL).as_ref()])?;
    let list = dpkg_deb(&["--contents".as_ref(), archive.as_ref()])?;
    let owners = workplace.join(OWNERS);
    fs::write(&owners, strange_owners(&list)).map_err(|error| Error::io("write", &owners, &error))?;
    match fs::rename(workplace, place) {
        // Somebody else was faster.
        Err(_) if place.is_dir() => Ok(()),
        result => result.map_err(|error| Error::io("create", place, &error)),
    }
}

/// `PATH<tab>USER<tab>GROUP` for what does not belong to root, from lines like `-rw-r----- root/adm 0 2024-01-01 00:00 ./path`.
fn strange_owners(list: &str) -> String {
    let owner = |line: &str| {
        let mut words = line.split_whitespace();
        let (user, group) = words.nth(1)?.split_once('/')?;
        let path = line.split_once(" ./")?.1.split(" -> ").next()?.trim_end_matches('/');
        (user != "root" || group != "root").then(|| format!("/{path}\t{user}\t{group}\n"))
    };
    list.lines().filter_map(owner).collect()
}

fn field(archive: &Path, name: &str) -> Result<String> {
    dpkg_deb(&["--field".as_ref(), archive.as_ref(), name.as_ref()]).map(|text| text.trim().to_string())
}

fn dpkg_deb(arguments: &[&std::ffi::OsStr]) -> Result<String> {
    let cannot = |how: String| {
        let archive = Path::new(arguments.get(1).copied().unwrap_or_default());
        let cause = format!("the package {} cannot be unpacked: {how}", archive.display());
        Error::new(cause, "Free some space, or set XDG_CACHE_HOME to a directory with more")
    };
    let output: Output = Command::new("dpkg-deb")
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .map_err(|error| cannot(format!("dpkg-deb: {}", crate::error::in_words(&error))))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', ", ");
        return Err(cannot(said.trim_start_matches("dpkg-deb: error: ").to_string()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn no_apt(error: &io::Error, names: &[String]) -> Error {
    let names = names.join(", ");
    if error.kind() == io::ErrorKind::NotFound {
        return Error::new(
            format!("not installed: {names}, and there is no apt-get on this machine to fetch packages"),
            "Give files with --file, or a whole root with --rootfs",
        );
    }
    let cause = format!("apt-get cannot be started: {}", crate::error::in_words(error));
    Error::new(cause, "Check that it works by itself")
}

/// What apt complains of, in our words.
fn explain(errors: &str, names: &[String]) -> Error {
    let lines: Vec<&str> = errors.lines().filter_map(|line| line.strip_prefix("E: ")).collect();
    let quoted = |line: &str, at: usize| line.split('\'').nth(at).unwrap_or_default().to_string();
    for line in &lines {
        if let Some(name) = line.strip_prefix("Unable to locate package ") {
            let cure = "Check its name with apt-cache search, or refresh the package lists with apt-get update";
            return Error::new(format!("there is no package {name}"), cure);
        }
        if line.starts_with("Version '") && line.ends_with("was not found") {
            let (version, name) = (quoted(line, 1), quoted(line, 3));
            let cause = format!("the package {name} is not to be had in version {version}");
            return Error::new(cause, format!("See which there are with apt-cache policy {name}"));
        }
        if line.ends_with("has no installation candidate")
            || line.starts_with("Can't select candidate version from package")
        {
            let name = line
                .split(['\'', ' '])
                .find(|word| names.iter().any(|name| name.split('=').next() == Some(word)));
            let name = name.unwrap_or("of that name");
            let cause = format!("the package {name} stands for others, or is not to be had");
            return Error::new(cause, format!("Name one of those that apt-cache showpkg {name} lists"));
        }
        if line.starts_with("Failed to fetch") {
            let reason = line.split_whitespace().skip(4).collect::<Vec<_>>().join(" ");
            let cause = format!(
                "the package archive cannot be reached: {}",
                reason.trim_end_matches('.')
            );
            return Error::new(
                cause,
                "Check the network of this machine, or install the package where there is one",
            );
        }
    }
    let said = lines.first().copied().unwrap_or("nothing").trim_end_matches(['.', ',']);
    let cause = format!("apt-get cannot get {}: {said}", names.join(", "));
    Error::new(cause, "Try apt-get install --simulate with the same names to see more")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simulation_is_read() {
        let text = "Reading package lists...\nInst libx:amd64 (1:2.0-1 Debian:12/stable [amd64])\n\
            Inst lighttpd [1.4.1-1] (1.4.69-1 Debian:12.5/stable [amd64]) []\nConf lighttpd (1.4.69-1 Debian)\nRemv other [1]\n";
        let pair = |name: &str, version: &str| (name.to_string(), version.to_string());
        assert_eq!(
            to_install(text),
            [pair("libx", "1:2.0-1"), pair("lighttpd", "1.4.69-1")]
        );
    }

    #[test]
    fn complaints_become_sentences() {
        let says = |text: &str, name: &str| explain(text, &[name.to_string()]).cause;
        assert_eq!(
            says("N: x\nE: Unable to locate package nosuch\n", "nosuch"),
            "there is no package nosuch"
        );
        assert_eq!(
            says("E: Version '9' for 'nginx' was not found\n", "nginx=9"),
            "the package nginx is not to be had in version 9"
        );
        assert!(says("E: Package 'awk' has no installation candidate\n", "awk").contains("awk stands for others"));
        let failed = "E: Failed to fetch http://deb/x.deb  Temporary failure resolving 'deb'\nE: Unable to fetch\n";
        assert_eq!(
            says(failed, "x"),
            "the package archive cannot be reached: Temporary failure resolving 'deb'"
        );
        assert!(says("E: Unable to correct problems, you have held broken packages.", "x").contains("held broken"));
    }

    #[test]
    fn owners_that_are_not_root() {
        let list = "drwxr-xr-x root/root 0 2024-01-01 00:00 ./\ndrwxr-s--- www-data/adm 0 2024-01-01 00:00 ./var/log/x/\n\
            lrwxrwxrwx root/root 0 2024-01-01 00:00 ./a -> b\n";
        assert_eq!(strange_owners(list), "/var/log/x\twww-data\tadm\n");
    }
}
