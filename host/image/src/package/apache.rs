//! The parts of Debian's Apache: `a2enmod`, `a2enconf` and `a2ensite` switch one on by a link from `NAME-enabled` to `NAME-available`.

use std::path::Path;

use crate::error::Result;
use crate::tree::{Node, Tree};

const PLACE: &str = "/etc/apache2";

/// Switches a part on (`kind` is `mods`, `conf` or `sites`), and the modules that a module needs.
///
/// # Errors
/// A file is in the way of a directory.
pub(crate) fn enable(tree: &mut Tree, kind: &str, name: &str) -> Result<()> {
    for suffix in ["load", "conf"] {
        let file = format!("{name}.{suffix}");
        let available = Path::new(PLACE).join(format!("{kind}-available")).join(&file);
        let enabled = Path::new(PLACE).join(format!("{kind}-enabled")).join(&file);
        if tree.resolve(&available).is_none() || tree.get(&enabled).is_some() {
            continue;
        }
        let text = tree.text(&available);
        let target = format!("../{kind}-available/{file}");
        tree.insert_missing(&enabled, Node::symlink(Path::new(&target)))?;
        let needed = text.lines().find_map(|line| line.strip_prefix("# Depends:"));
        for other in needed.unwrap_or_default().split_whitespace() {
            enable(tree, kind, other)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_comes_with_what_it_needs() {
        let mut tree = Tree::new();
        let mut insert = |path: &str, text: &str| {
            let path = Path::new(PLACE).join(path);
            tree.insert(&path, Node::text(0o644, text)).unwrap();
        };
        insert("mods-available/a.load", "# Depends: b a\nLoadModule a\n");
        insert("mods-available/a.conf", "of a\n");
        insert("mods-available/b.load", "# Depends: a\nLoadModule b\n");
        insert("sites-available/c.conf", "of c\n");
        enable(&mut tree, "mods", "a").unwrap();
        enable(&mut tree, "mods", "unknown").unwrap();
        enable(&mut tree, "sites", "c").unwrap();
        let text = |path: &str| tree.text(&Path::new(PLACE).join(path));
        assert_eq!(text("mods-enabled/a.conf"), "of a\n");
        assert!(text("mods-enabled/b.load").ends_with("LoadModule b\n"));
        assert_eq!(text("sites-enabled/c.conf"), "of c\n");
        assert!(tree.get(&Path::new(PLACE).join("mods-enabled/unknown.load")).is_none());
    }
}
