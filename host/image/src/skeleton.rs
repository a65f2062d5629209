//! The files that programs expect on any Linux system: added where the user's own files leave a gap.

use std::path::Path;

use crate::error::Result;
use crate::tree::{Attributes, Node, Tree};

const DIRECTORIES: [(&str, u16); 12] = [
    ("/dev", 0o755),
    ("/etc", 0o755),
    ("/home", 0o755),
    ("/proc", 0o555),
    ("/root", 0o700),
    ("/run", 0o755),
    ("/run/lock", 0o1777),
    ("/sys", 0o555),
    ("/tmp", 0o1777),
    ("/usr", 0o755),
    ("/var", 0o755),
    ("/var/tmp", 0o1777),
];

const FILES: [(&str, &str); 3] = [
    (
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/usr/sbin/nologin\n\
         www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    ),
    (
        "/etc/group",
        "root:x:0:\ndaemon:x:1:\ntty:x:5:\nwww-data:x:33:\nnogroup:x:65534:\n",
    ),
    (
        "/etc/nsswitch.conf",
        "passwd: files\ngroup: files\nshadow: files\ngshadow: files\nhosts: files dns\nnetworks: files\n\
         services: files\nprotocols: files\nethers: files\nrpc: files\n",
    ),
];

/// Names of old that Debian still has, and where they lead.
const LINKS: [(&str, &str); 3] = [
    ("/etc/mtab", "../proc/self/mounts"),
    ("/var/lock", "/run/lock"),
    ("/var/run", "/run"),
];

/// The shells that Debian's packages add to `/etc/shells`, where they are in the image.
const SHELLS: [&str; 9] = ["sh", "bash", "rbash", "dash", "zsh", "ksh", "mksh", "fish", "tcsh"];

/// The group that may read passwords.
const SHADOW: u32 = 42;

/// Where the kernel says whom the network told it to ask for names.
const RESOLVER: &str = "/proc/net/pnp";

/// Adds what is missing, for a machine called `hostname`.
///
/// # Errors
/// A file of the user is where a directory must be.
pub fn add(tree: &mut Tree, hostname: &str) -> Result<()> {
    for (path, mode) in DIRECTORIES {
        tree.insert_missing(Path::new(path), Node::directory(Attributes::made_up(mode)))?;
    }
    for (path, target) in LINKS {
        tree.insert_missing(Path::new(path), Node::symlink(Path::new(target)))?;
    }
    for (path, text) in FILES {
        tree.insert_missing(Path::new(path), Node::text(0o644, text))?;
    }
    shells(tree)?;
    shadow(tree, "/etc/passwd", "/etc/shadow", ":*:19000:0:99999:7:::\n")?;
    shadow(tree, "/etc/group", "/etc/gshadow", ":*::\n")?;
    tree.insert_missing(Path::new("/etc/resolv.conf"), Node::symlink(Path::new(RESOLVER)))?;
    let hosts = format!("127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {hostname}\n");
    tree.insert_missing(Path::new("/etc/hosts"), Node::text(0o644, hosts))?;
    tree.insert_missing(Path::new("/etc/hostname"), Node::text(0o644, format!("{hostname}\n")))
}

/// The shells that a user may have.
fn shells(tree: &mut Tree) -> Result<()> {
    let mut text = String::new();
    for name in SHELLS {
        for path in ["/bin", "/usr/bin"].map(|directory| format!("{directory}/{name}")) {
            if tree.resolve(Path::new(&path)).is_some() {
                text += &(path + "\n");
            }
        }
    }
    if text.is_empty() {
        return Ok(());
    }
    tree.insert_missing(Path::new("/etc/shells"), Node::text(0o644, text))
}

/// Passwords of accounts that say to have theirs in the other file: none, so that nobody comes in by one.
fn shadow(tree: &mut Tree, accounts: &str, path: &str, rest: &str) -> Result<()> {
    let text = tree.text(Path::new(accounts));
    let names = text.lines().filter_map(|line| line.split_once(":x:"));
    let lines: String = names.map(|(name, _)| format!("{name}{rest}")).collect();
    let mut node = Node::text(0o640, lines);
    node.attributes.gid = SHADOW;
    tree.insert_missing(Path::new(path), node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_and_nothing_is_replaced() {
        let mut tree = Tree::new();
        tree.insert(Path::new("/etc/passwd"), Node::text(0o600, "mine"))
            .unwrap();
        tree.insert(Path::new("/usr/bin/dash"), Node::text(0o755, "")).unwrap();
        add(&mut tree, "shell").unwrap();
        assert_eq!(tree.get(Path::new("/etc/passwd")).unwrap(), &Node::text(0o600, "mine"));
        assert_eq!(
            tree.get(Path::new("/etc/hostname")).unwrap(),
            &Node::text(0o644, "shell\n")
        );
        assert_eq!(tree.get(Path::new("/tmp")).unwrap().attributes.mode, 0o1777);
        assert_eq!(
            tree.get(Path::new("/var/lock")).unwrap(),
            &Node::symlink(Path::new("/run/lock"))
        );
        assert_eq!(tree.text(Path::new("/etc/shells")), "/usr/bin/dash\n");
        assert_eq!(tree.text(Path::new("/etc/shadow")), "");
        let passwords = tree.get(Path::new("/etc/gshadow")).unwrap();
        assert_eq!((passwords.attributes.mode, passwords.attributes.gid), (0o640, 42));
        assert!(
            tree.text(Path::new("/etc/gshadow"))
                .starts_with("root:*::\ndaemon:*::\n")
        );
    }
}
