//! What is on every Debian system though the packages of an image do not name it: packages of data that all rely on, what the installer or
//! programs of other packages make of it, and the certificates of authorities.

use std::path::Path;

use super::script::{self, Action};
use super::stanza::Package;
use super::{certificates, pam};
use crate::error::Result;
use crate::host::Host;
use crate::tree::{Node, Tree};

/// Packages of data alone, which no other package names because each system has them.
const PACKAGES: [&str; 3] = ["base-files", "netbase", "ncurses-base"];
/// The library that checks passwords, and what only recommendations add to it: its modules, how all are asked, and who reads passwords for others.
const PASSWORDS: &str = "libpam0g";
const MODULES: [&str; 3] = ["libpam-modules", "libpam-modules-bin", "libpam-runtime"];
/// Settings of a package that each system has, whose programs few servers want.
const SETTINGS: [&str; 1] = ["/etc/login.defs"];
/// What `base-files` makes by functions of its own, in the plain words that are understood.
const BASE: &str = "
cp /usr/share/base-files/profile /etc/profile
cp /usr/share/base-files/motd /etc/motd
cp /usr/share/base-files/dot.profile /root/.profile
cp /usr/share/base-files/dot.bashrc /root/.bashrc
mkdir /mnt /srv /opt /media /var/mail /var/opt /etc/opt /usr/local/bin /usr/local/sbin /usr/local/lib /usr/local/share /usr/local/etc
chown root:mail /var/mail
chmod 2775 /var/mail
ln -s ../mail /var/spool/mail
touch /var/log/wtmp /var/log/btmp /var/log/lastlog /run/utmp
chown root:utmp /var/log/wtmp /var/log/btmp /var/log/lastlog /run/utmp
chmod 664 /var/log/wtmp /var/log/lastlog /run/utmp
chmod 660 /var/log/btmp
";
/// What the installer, or a first start, writes for the library that checks passwords.
const ENVIRONMENT: [(&str, &str); 2] = [("/etc/default/locale", "LANG=C.UTF-8\n"), ("/etc/environment", "")];

/// The names of packages that are taken without what they need, which only their scripts use; before the others.
pub(crate) fn packages(chosen: &[&Package]) -> Vec<&'static str> {
    let wants_certificates = chosen.iter().any(|package| package.recommends_authorities);
    let checks_passwords = chosen.iter().any(|package| package.name == PASSWORDS);
    let names = PACKAGES
        .into_iter()
        .chain(MODULES.into_iter().filter(|_| checks_passwords))
        .chain(wants_certificates.then_some(certificates::PACKAGE));
    names
        .filter(|name| !chosen.iter().any(|package| package.name == *name))
        .collect()
}

/// What is made before the scripts of the packages.
pub(crate) fn actions() -> Vec<Action> {
    script::actions(BASE)
}

/// Fills what is missing of all this in a tree with the packages.
///
/// # Errors
/// A file is in the way of a directory.
pub(crate) fn fill(tree: &mut Tree, host: &mut Host, chosen: &[&Package]) -> Result<()> {
    for path in SETTINGS.map(Path::new) {
        if tree.resolve(path).is_none() {
            host.take_if_file(tree, path)?;
        }
    }
    pam::configure(tree)?;
    if tree.resolve(Path::new("/etc/pam.d")).is_some() {
        for (path, text) in ENVIRONMENT {
            tree.insert_missing(Path::new(path), Node::text(0o644, text))?;
        }
    }
    match chosen.iter().find(|package| package.name == certificates::PACKAGE) {
        Some(package) => certificates::gather(tree, host, package),
        None => Ok(()),
    }
}
