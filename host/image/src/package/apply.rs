//! Does in the tree what a maintainer script or a declaration asks for, where that leaves everything else as it is.

use std::path::{Path, PathBuf};

use super::accounts::Accounts;
use super::apache;
use super::script::Action;
use crate::error::Result;
use crate::tree::{Attributes, Kind, Node, Tree};

/// Does it. `installed` says whether the package is installed on this machine, so that its accounts have numbers here.
///
/// # Errors
/// A file is in the way of a directory.
pub(crate) fn apply(tree: &mut Tree, accounts: &mut Accounts, action: &Action, installed: bool) -> Result<()> {
    match action {
        Action::Directory(path) => tree.insert_missing(path, Node::directory(Attributes::made_up(0o755))),
        Action::Touch(path) => tree.insert_missing(path, Node::text(0o644, "")),
        Action::Link { target, path } => {
            let parent = path.parent().unwrap_or(Path::new("/"));
            if tree.resolve(&parent.join(target)).is_none() || tree.resolve(path).is_some() {
                return Ok(());
            }
            tree.insert(path, Node::symlink(target))
        }
        Action::Copy { from, to } => {
            let Some((_, node)) = tree.resolve(from) else {
                return Ok(());
            };
            let is_file = matches!(node.kind, Kind::File(_));
            let node = node.clone();
            let into = tree.resolve(to).filter(|(_, place)| place.entries().is_some());
            let place = match (into, from.file_name()) {
                (Some((place, _)), Some(name)) => place.join(name),
                _ => to.clone(),
            };
            if is_file {
                tree.insert_missing(&place, node)
            } else {
                Ok(())
            }
        }
        Action::Mode { path, mode } => {
            tree.change(path, |attributes| attributes.mode = *mode);
            Ok(())
        }
        Action::Owner {
            path,
            user,
            group,
            recursive,
        } => {
            let uid = accounts.user(user);
            let gid = group.as_deref().and_then(|group| accounts.group(group));
            let mut paths = vec![path.clone()];
            if *recursive {
                paths.extend(below(tree, path));
            }
            for path in paths {
                tree.change(&path, |attributes| {
                    attributes.uid = uid.unwrap_or(attributes.uid);
                    attributes.gid = gid.unwrap_or(attributes.gid);
                });
            }
            Ok(())
        }
        Action::User {
            name,
            home,
            shell,
            group,
        } => {
            accounts.add_user(name, home, shell.as_deref(), group.as_deref(), installed);
            Ok(())
        }
        Action::Home { path, user } => {
            let (uid, gid) = accounts.numbers(user).unwrap_or_default();
            let attributes = Attributes {
                uid,
                gid,
                ..Attributes::made_up(0o755)
            };
            tree.insert_missing(path, Node::directory(attributes))
        }
        Action::Member { user, group } => {
            accounts.join(user, group);
            Ok(())
        }
        Action::Group(name) => {
            accounts.add_group(name, installed);
            Ok(())
        }
        Action::ApachePart { kind, name } => apache::enable(tree, kind, name),
    }
}

/// The paths below a directory.
fn below(tree: &Tree, path: &Path) -> Vec<PathBuf> {
    let Some((real, _)) = tree.resolve(path) else {
        return Vec::new();
    };
    let mut paths = Vec::new();
    tree.walk(&mut |path, node| {
        if path != real && path.starts_with(&real) && !matches!(node.kind, Kind::Symlink(_)) {
            paths.push(path.to_path_buf());
        }
    });
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::script::actions;

    #[test]
    fn gaps_are_filled_and_files_stay() {
        let mut tree = Tree::new();
        let mut insert = |path: &str, text: &str| tree.insert(Path::new(path), Node::text(0o644, text)).unwrap();
        insert("/usr/share/x/index", "page");
        insert("/etc/x/available", "conf");
        insert("/var/www/old", "old");
        let mut accounts = Accounts::of_texts("web:x:33:33::/:/\n", "adm:x:4:\n", ["", ""]);
        let script = "mkdir -p /var/log/x\ntouch /var/log/x/log\nchown -R web:adm /var/log/x\nchmod 700 /var/log/x\n\
            ln -s /etc/x/available /etc/x/enabled\nln -s /nowhere /etc/x/dangling\ncp /usr/share/x/index /var/www/new\n\
            cp /usr/share/x/index /var/www/old\nchmod 600 /not/there\n";
        for action in actions(script) {
            apply(&mut tree, &mut accounts, &action, false).unwrap();
        }
        let attributes = |path: &str| tree.get(Path::new(path)).unwrap().attributes.clone();
        assert_eq!(
            (attributes("/var/log/x").uid, attributes("/var/log/x").mode),
            (33, 0o700)
        );
        assert_eq!(
            (attributes("/var/log/x/log").gid, attributes("/var/log/x/log").mode),
            (4, 0o644)
        );
        assert_eq!(tree.text(Path::new("/etc/x/enabled")), "conf");
        assert_eq!(tree.text(Path::new("/var/www/new")), "page");
        assert_eq!(tree.text(Path::new("/var/www/old")), "old");
        assert!(tree.get(Path::new("/etc/x/dangling")).is_none() && tree.get(Path::new("/not/there")).is_none());
    }
}
