//! `/etc/passwd` and `/etc/group` of an image with packages: Debian's own accounts, and those that the packages add.
//!
//! The accounts that every Debian system has come from the package base-passwd of this machine; they keep their numbers for ever. Those that a
//! package adds have the number that they have on this machine, if the package is installed here, and the next free one otherwise.

use std::fs;
use std::path::Path;

use crate::error::Result;
use crate::tree::{Node, Tree};

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";
const MASTERS: [&str; 2] = [
    "/usr/share/base-passwd/passwd.master",
    "/usr/share/base-passwd/group.master",
];
/// The numbers of accounts that packages add.
const OF_PACKAGES: std::ops::Range<u32> = 100..1000;
const NOGROUP: u32 = 65534;

/// The accounts of an image, as lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accounts {
    users: Vec<String>,
    groups: Vec<String>,
    /// The accounts of this machine.
    here: [String; 2],
}

impl Accounts {
    /// The accounts of the tree, or Debian's if it has none.
    pub(crate) fn of(tree: &Tree) -> Accounts {
        let base = |path: &str, master: &str| -> Vec<String> {
            let text = tree.text(Path::new(path));
            if !text.is_empty() {
                return text.lines().map(str::to_string).collect();
            }
            let text = fs::read_to_string(master).unwrap_or_default();
            text.lines().map(|line| line.replacen(":*:", ":x:", 1)).collect()
        };
        Accounts {
            users: base(PASSWD, MASTERS[0]),
            groups: base(GROUP, MASTERS[1]),
            here: [PASSWD, GROUP].map(|path| fs::read_to_string(path).unwrap_or_default()),
        }
    }

    #[cfg(test)]
    pub(crate) fn of_texts(users: &str, groups: &str, here: [&str; 2]) -> Accounts {
        let lines = |text: &str| text.lines().map(str::to_string).collect();
        Accounts {
            users: lines(users),
            groups: lines(groups),
            here: here.map(str::to_string),
        }
    }

    /// The number of a user, by name or number.
    pub(crate) fn user(&self, name: &str) -> Option<u32> {
        number(&self.users, name).or_else(|| name.parse().ok())
    }

    /// The number of a group, by name or number.
    pub(crate) fn group(&self, name: &str) -> Option<u32> {
        number(&self.groups, name).or_else(|| name.parse().ok())
    }

    /// The numbers of a user and of its group.
    pub(crate) fn numbers(&self, name: &str) -> Option<(u32, u32)> {
        let user = line_of(&self.users, name)?;
        Some((field(user, 2)?, field(user, 3)?))
    }

    /// Puts a user into a group, if both are there.
    pub(crate) fn join(&mut self, user: &str, group: &str) {
        let is_own = self.numbers(user).is_none_or(|(_, gid)| Some(gid) == self.group(group));
        let line = self
            .groups
            .iter_mut()
            .find(|line| line.split(':').next() == Some(group));
        if let Some(line) = line.filter(|_| !is_own) {
            let members = line.rsplit(':').next().unwrap_or_default();
            if !members.split(',').any(|member| member == user) {
                let comma = if members.is_empty() { "" } else { "," };
                *line += &format!("{comma}{user}");
            }
        }
    }

    /// Adds a group, with this machine's number if `installed`.
    pub(crate) fn add_group(&mut self, name: &str, installed: bool) {
        if number(&self.groups, name).is_some() {
            return;
        }
        let here = installed.then(|| line(&self.here[1], name)).flatten();
        // A group of its own user has the number of that, as adduser does it.
        let wanted = number(&self.users, name).filter(|wanted| !taken(&self.groups, *wanted));
        let group = here.or_else(|| {
            let id = wanted.or_else(|| OF_PACKAGES.clone().find(|id| !taken(&self.groups, *id)))?;
            Some(format!("{name}:x:{id}:"))
        });
        self.groups.extend(group);
    }

    /// Adds a user, with this machine's numbers if `installed`.
    pub(crate) fn add_user(
        &mut self,
        name: &str,
        home: &str,
        shell: Option<&str>,
        group: Option<&str>,
        installed: bool,
    ) {
        let shell = shell
            .filter(|shell| !shell.contains(':'))
            .unwrap_or("/usr/sbin/nologin");
        if number(&self.users, name).is_some() || name.is_empty() || name.contains(':') || home.contains(':') {
            return;
        }
        let here = installed.then(|| line(&self.here[0], name)).flatten();
        let user = here.or_else(|| {
            let gid = group.and_then(|group| self.group(group)).unwrap_or(NOGROUP);
            let own = Some(gid).filter(|gid| OF_PACKAGES.contains(gid) && !taken(&self.users, *gid));
            let uid = own.or_else(|| OF_PACKAGES.clone().find(|id| !taken(&self.users, *id)))?;
            Some(format!("{name}:x:{uid}:{gid}::{home}:{shell}"))
        });
        self.users.extend(user);
    }

    /// Puts the accounts into the tree.
    ///
    /// # Errors
    /// `/etc` is not a directory there.
    pub(crate) fn store(&self, tree: &mut Tree) -> Result<()> {
        for (path, lines) in [(PASSWD, &self.users), (GROUP, &self.groups)] {
            if !lines.is_empty() {
                tree.insert(Path::new(path), Node::text(0o644, lines.join("\n") + "\n"))?;
            }
        }
        Ok(())
    }
}

/// The line of an account.
fn line(text: &str, name: &str) -> Option<String> {
    text.lines()
        .find(|line| line.split(':').next() == Some(name))
        .map(str::to_string)
}

fn line_of<'a>(lines: &'a [String], name: &str) -> Option<&'a str> {
    let line = lines.iter().find(|line| line.split(':').next() == Some(name));
    line.map(String::as_str)
}

fn field(line: &str, at: usize) -> Option<u32> {
    line.split(':').nth(at)?.parse().ok()
}

fn number(lines: &[String], name: &str) -> Option<u32> {
    field(line_of(lines, name)?, 2)
}

fn taken(lines: &[String], id: u32) -> bool {
    let is = |line: &String| line.split(':').nth(2).and_then(|text| text.parse().ok()) == Some(id);
    lines.iter().any(is)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_have_their_numbers_here_or_free_ones() {
        let here = ["redis:x:107:115::/var/lib/redis:/bin/sh\n", "redis:x:115:\n"];
        let mut accounts = Accounts::of_texts(
            "root:x:0:0::/root:/bin/sh\nown:x:101:1::/:/\n",
            "root:x:0:\nadm:x:4:\n",
            here,
        );
        accounts.add_group("redis", true);
        accounts.add_user("redis", "/x", None, Some("redis"), true);
        assert_eq!(
            (accounts.user("redis"), accounts.group("redis")),
            (Some(107), Some(115))
        );
        accounts.add_group("epmd", false);
        accounts.add_user("epmd", "/run/epmd", None, Some("epmd"), false);
        assert_eq!((accounts.user("epmd"), accounts.group("epmd")), (Some(100), Some(100)));
        accounts.add_user("alone", "/", Some("/bin/sh"), None, false);
        assert_eq!(accounts.user("alone"), Some(102));
        accounts.add_user("root", "/y", None, None, false);
        assert_eq!(
            (accounts.user("root"), accounts.user("33"), accounts.user("nobody")),
            (Some(0), Some(33), None)
        );
        for (user, group) in [
            ("alone", "adm"),
            ("epmd", "adm"),
            ("alone", "adm"),
            ("epmd", "epmd"),
            ("x", "adm"),
        ] {
            accounts.join(user, group);
        }
        let mut tree = Tree::new();
        accounts.store(&mut tree).unwrap();
        let text = tree.text(Path::new("/etc/passwd"));
        assert!(text.contains("\nalone:x:102:65534::/:/bin/sh\n"), "{text}");
        let text = tree.text(Path::new("/etc/group"));
        assert!(
            text.contains("\nadm:x:4:alone,epmd\n") && text.contains("epmd:x:100:\n"),
            "{text}"
        );
    }
}
