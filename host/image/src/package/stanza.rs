//! What Debian's control files say about packages: `/var/lib/dpkg/status`, and the `control` file of an archive.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::certificates;

/// The architectures whose programs run here.
const ARCHITECTURES: [&str; 2] = ["amd64", "all"];

/// Where a package's files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// On this machine, as dpkg has installed them.
    Installed,
    /// In a directory: `files`, `control`, `owners`.
    Unpacked(PathBuf),
}

/// One package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// What it needs, each by any of several packages.
    pub(crate) depends: Vec<Vec<String>>,
    /// The virtual packages that it stands for.
    pub(crate) provides: Vec<String>,
    /// Whether it wants to know the certificates of authorities.
    pub(crate) recommends_authorities: bool,
    pub(crate) place: Place,
}

/// Packages by name.
pub(crate) type Pool = BTreeMap<String, Package>;

/// The packages of a status file that are installed.
pub(crate) fn installed(status: &str) -> Pool {
    let stanzas = status.split("\n\n");
    let packages = stanzas.filter_map(|text| {
        let is_installed = text.lines().any(|line| {
            line.strip_prefix("Status: ")
                .is_some_and(|status| status.ends_with(" installed"))
        });
        is_installed.then(|| package(text, Place::Installed)).flatten()
    });
    packages.map(|package| (package.name.clone(), package)).collect()
}

/// The package that a stanza describes; `None` if it is of another architecture.
pub(crate) fn package(text: &str, place: Place) -> Option<Package> {
    let mut package = Package {
        name: String::new(),
        version: String::new(),
        depends: Vec::new(),
        provides: Vec::new(),
        recommends_authorities: false,
        place,
    };
    for (key, value) in fields(text) {
        match key {
            "Package" => package.name = value,
            "Version" => package.version = value,
            "Architecture" if !ARCHITECTURES.contains(&value.as_str()) => return None,
            "Depends" | "Pre-Depends" => package.depends.extend(relations(&value)),
            "Recommends" => {
                package.recommends_authorities = relations(&value).flatten().any(|name| name == certificates::PACKAGE);
            }
            "Provides" => package.provides = relations(&value).flatten().collect(),
            _ => {}
        }
    }
    (!package.name.is_empty()).then_some(package)
}

/// Fields with their continuation lines.
fn fields(text: &str) -> Vec<(&str, String)> {
    let mut fields: Vec<(&str, String)> = Vec::new();
    for line in text.lines() {
        if let (true, Some((_, value))) = (line.starts_with([' ', '\t']), fields.last_mut()) {
            value.push_str(line);
        } else if let Some((key, value)) = line.split_once(':') {
            fields.push((key, value.trim().to_string()));
        }
    }
    fields
}

/// `a (>= 1) | b, c:any` as names.
fn relations(value: &str) -> impl Iterator<Item = Vec<String>> {
    let name = |text: &str| {
        text.trim()
            .split([' ', ':', '(', '['])
            .next()
            .unwrap_or_default()
            .to_string()
    };
    value
        .split(',')
        .map(move |options| {
            options
                .split('|')
                .map(name)
                .filter(|name| !name.is_empty())
                .collect::<Vec<_>>()
        })
        .filter(|options| !options.is_empty())
}

/// The packages that `wanted` need, themselves included, each once, what is needed before what needs it where that can be.
/// The error is a pair: who needs what is not in the pool (the two are the same if it is one of `wanted`).
pub(crate) fn closure<'a>(pool: &'a Pool, wanted: &[String]) -> Result<Vec<&'a Package>, (String, String)> {
    let mut chosen = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for name in wanted {
        let package = find(pool, std::slice::from_ref(name)).ok_or_else(|| (name.clone(), name.clone()))?;
        visit(pool, package, &mut seen, &mut chosen)?;
    }
    Ok(chosen)
}

fn visit<'a>(
    pool: &'a Pool,
    package: &'a Package,
    seen: &mut std::collections::BTreeSet<&'a str>,
    chosen: &mut Vec<&'a Package>,
) -> Result<(), (String, String)> {
    if !seen.insert(&package.name) {
        return Ok(());
    }
    for options in &package.depends {
        let needed = find(pool, options).ok_or_else(|| (package.name.clone(), options.join(" or ")))?;
        visit(pool, needed, seen, chosen)?;
    }
    chosen.push(package);
    Ok(())
}

/// The first alternative that is there, by its name or under another one.
fn find<'a>(pool: &'a Pool, options: &[String]) -> Option<&'a Package> {
    let by_name = options.iter().find_map(|name| pool.get(name));
    by_name.or_else(|| {
        let stands_for = |package: &&Package| package.provides.iter().any(|name| options.contains(name));
        pool.values().find(stands_for)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Package: server\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2-3\n\
        Depends: libc6 (>= 2.34), mta-agent | mail-agent,\n awk:any\nPre-Depends: base (= 1)\nDescription: x\n y: z\n\n\
        Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36\nDepends: libgcc\n\n\
        Package: libgcc\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12\nDepends: libc6\n\n\
        Package: exim\nStatus: install ok installed\nArchitecture: amd64\nVersion: 4\nProvides: mail-agent (= 1), smtp\n\n\
        Package: mawk\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\nProvides: awk\n\n\
        Package: base\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n\
        Package: other\nStatus: install ok installed\nArchitecture: i386\nVersion: 1\n\n\
        Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n\n\
        Package: broken\nStatus: install ok installed\nArchitecture: all\nVersion: 1\nDepends: gone | other\n";

    fn names(wanted: &str) -> Result<String, (String, String)> {
        let pool = installed(STATUS);
        let wanted: Vec<String> = wanted.split(' ').map(str::to_string).collect();
        let names = closure(&pool, &wanted)?
            .into_iter()
            .map(|package| package.name.as_str());
        Ok(names.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn what_is_installed_is_read() {
        let pool = installed(STATUS);
        assert!(!pool.contains_key("gone") && !pool.contains_key("other"));
        assert_eq!(pool["server"].version, "1:2-3");
        assert_eq!(pool["server"].depends.len(), 4);
        assert_eq!(pool["exim"].provides, ["mail-agent", "smtp"]);
    }

    #[test]
    fn dependencies_come_once_with_alternatives_circles_and_other_names() {
        assert_eq!(names("server").unwrap(), "libgcc libc6 exim mawk base server");
        assert_eq!(names("libgcc libc6").unwrap(), "libc6 libgcc");
        assert_eq!(names("smtp").unwrap(), "exim");
        assert_eq!(names("nothing"), Err(("nothing".into(), "nothing".into())));
        assert_eq!(names("broken"), Err(("broken".into(), "gone or other".into())));
    }
}
