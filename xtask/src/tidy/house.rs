//! The floors of the house, and the arrows between crates.
//!
//! A kernel crate uses the floors below its own. It never uses a floor above, and a crate of its own floor only where `tidy.toml` says why.
//! Programs of the user's machine use the lowest floor (data and formats) and each other.

use super::Finding;
use super::config::Config;
use super::manifest::Package;

/// Where a crate lives, by its folder: the first entry that fits.
const PLACES: [(&str, Place); 15] = [
    ("kernel/base/", Place::Floor(0)),
    ("kernel/abi/", Place::Floor(0)),
    ("kernel/wire/", Place::Floor(0)),
    ("kernel/hal/", Place::Floor(1)),
    ("kernel/arch/", Place::Floor(1)),
    ("kernel/sim/", Place::Floor(1)),
    ("kernel/core/", Place::Floor(2)),
    ("kernel/fs/", Place::Floor(3)),
    ("kernel/net/", Place::Floor(3)),
    ("kernel/drivers/", Place::Floor(3)),
    ("kernel/syscall/", Place::Floor(4)),
    ("kernel/chiton/", Place::Floor(5)),
    ("host/", Place::Host),
    ("guest/", Place::Guest),
    ("", Place::Tools),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the kernel, on this floor.
    Floor(u8),
    /// On the user's machine.
    Host,
    /// A program that runs on the kernel (and on Linux): it knows neither.
    Guest,
    /// Tests and developer verbs: they may use whatever the host uses.
    Tools,
}

/// The stand-in for the machine, which tests on every floor may use.
const SIM: &str = "chiton-sim";

fn place(package: &Package) -> Place {
    PLACES
        .iter()
        .find(|(folder, _)| package.folder.starts_with(folder))
        .map_or(Place::Tools, |(_, place)| *place)
}

/// The package that a file belongs to: the one with the longest folder that contains it.
pub(super) fn owner<'a>(packages: &'a [Package], path: &str) -> Option<&'a Package> {
    packages
        .iter()
        .filter(|package| path.starts_with(&package.folder))
        .max_by_key(|package| package.folder.len())
}

/// Checks every arrow, and that each exception is needed.
pub(super) fn check(packages: &[Package], config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        for name in &package.uses {
            let Some(used) = packages.iter().find(|other| other.name == *name) else {
                continue;
            };
            let listed = config.sideways.get(&package.name).is_some_and(|to| to.contains(name));
            findings.extend(forbidden(package, used, listed).map(|why| arrow(package, used, why)));
        }
        for name in &package.tests_use {
            let Some(used) = packages.iter().find(|other| other.name == *name) else {
                continue;
            };
            if used.name != SIM {
                findings.extend(forbidden(package, used, true).map(|why| arrow(package, used, why)));
            }
        }
    }
    for (from, to) in &config.sideways {
        let uses = packages
            .iter()
            .find(|package| package.name == *from)
            .map(|package| package.uses.as_slice());
        for name in to.iter().filter(|name| !uses.unwrap_or_default().contains(name)) {
            findings.push(Finding::new(
                "tidy.toml",
                0,
                format!("[sideways] {from} does not use {name} any more"),
            ));
        }
    }
    findings
}

fn arrow(from: &Package, to: &Package, why: &str) -> Finding {
    Finding::new(
        &from.manifest_path,
        0,
        format!("{} must not use {}: {why}", from.name, to.name),
    )
}

/// Why `from` may not use `to`, if it may not. `listed` says that `tidy.toml` allows this pair on one floor.
fn forbidden(from: &Package, to: &Package, listed: bool) -> Option<&'static str> {
    match (place(from), place(to)) {
        (Place::Floor(from), Place::Floor(to)) if from < to => Some("that is a floor above it"),
        (Place::Floor(from), Place::Floor(to)) if from == to && !listed => {
            Some("both are on one floor, and tidy.toml gives no reason for it")
        }
        (Place::Floor(_), Place::Floor(_)) => None,
        (Place::Floor(_), _) => Some("the kernel uses nothing from outside the kernel"),
        (Place::Host | Place::Tools, Place::Floor(floor)) if floor > 0 => {
            Some("outside the kernel only data and formats (base, abi, wire) may be used")
        }
        (Place::Host, Place::Tools | Place::Guest) => Some("the command does not depend on its tests"),
        (Place::Guest, _) => Some("a guest program is a Linux program and knows nothing of us"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{check, owner};
    use crate::tidy::config::Config;
    use crate::tidy::manifest::Package;

    fn package(folder: &str, uses: &[&str], tests_use: &[&str]) -> Package {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Package {
            name: format!(
                "chiton-{}",
                folder.trim_end_matches('/').rsplit('/').next().unwrap_or(folder)
            ),
            folder: folder.to_owned(),
            manifest_path: format!("{folder}Cargo.toml"),
            manifest_text: String::new(),
            uses: own(uses),
            tests_use: own(tests_use),
        }
    }

    fn house(from: Package) -> Vec<Package> {
        let others = [
            "kernel/abi/",
            "kernel/hal/",
            "kernel/sim/",
            "kernel/core/task/",
            "kernel/core/vfs/",
            "kernel/fs/tmpfs/",
            "kernel/syscall/",
            "host/image/",
            "tests/",
        ];
        let mut packages: Vec<Package> = others.iter().map(|folder| package(folder, &[], &[])).collect();
        packages.push(from);
        packages
    }

    fn findings(from: Package) -> usize {
        check(&house(from), &Config::default()).len()
    }

    #[test]
    fn a_crate_uses_the_floors_below() {
        assert_eq!(
            findings(package("kernel/core/pipe/", &["chiton-hal", "chiton-abi"], &[])),
            0
        );
        assert_eq!(findings(package("kernel/core/pipe/", &["chiton-tmpfs"], &[])), 1);
        assert_eq!(findings(package("kernel/base/ring/", &["chiton-hal"], &[])), 1);
        assert_eq!(findings(package("kernel/fs/proc/", &["chiton-syscall"], &[])), 1);
    }

    #[test]
    fn a_neighbour_needs_a_reason() {
        let pipe = || package("kernel/core/pipe/", &["chiton-task"], &[]);
        assert_eq!(findings(pipe()), 1);
        let mut config = Config::default();
        config
            .sideways
            .insert("chiton-pipe".to_owned(), vec!["chiton-task".to_owned()]);
        assert_eq!(check(&house(pipe()), &config).len(), 0);
    }

    #[test]
    fn a_reason_that_nothing_needs_is_removed() {
        let mut config = Config::default();
        config
            .sideways
            .insert("chiton-task".to_owned(), vec!["chiton-vfs".to_owned()]);
        assert_eq!(check(&house(package("kernel/core/pipe/", &[], &[])), &config).len(), 1);
    }

    #[test]
    fn tests_may_use_neighbours_and_the_stand_in_machine_but_no_floor_above() {
        assert_eq!(
            findings(package("kernel/core/pipe/", &[], &["chiton-task", "chiton-sim"])),
            0
        );
        assert_eq!(findings(package("kernel/base/ring/", &[], &["chiton-sim"])), 0);
        assert_eq!(findings(package("kernel/core/pipe/", &[], &["chiton-tmpfs"])), 1);
    }

    #[test]
    fn the_host_knows_formats_and_the_kernel_does_not_know_the_host() {
        assert_eq!(findings(package("host/cli/", &["chiton-image", "chiton-abi"], &[])), 0);
        assert_eq!(findings(package("host/cli/", &["chiton-vfs"], &[])), 1);
        assert_eq!(findings(package("host/cli/", &["chiton-tests"], &[])), 1);
        assert_eq!(findings(package("kernel/core/pipe/", &["chiton-image"], &[])), 1);
        assert_eq!(findings(package("xtask/", &["chiton-image"], &[])), 0);
        assert_eq!(findings(package("guest/hello/", &["chiton-abi"], &[])), 1);
    }

    #[test]
    fn a_file_belongs_to_the_innermost_package() {
        let packages = house(package("kernel/core/vfs/macros/", &[], &[]));
        assert_eq!(
            owner(&packages, "kernel/core/vfs/macros/src/lib.rs").map(|owner| owner.name.as_str()),
            Some("chiton-macros")
        );
        assert_eq!(
            owner(&packages, "kernel/core/vfs/src/lib.rs").map(|owner| owner.name.as_str()),
            Some("chiton-vfs")
        );
    }
}
