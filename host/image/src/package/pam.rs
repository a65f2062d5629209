//! `/etc/pam.d/common-*`, which Debian's `pam-auth-update` makes of the profiles of all packages when one is installed, and which every service includes.
//!
//! A profile says which modules are asked first (`Primary`: one that knows the answer jumps over the refusal after them) and which afterwards
//! (`Additional`). They are made from the profiles in the image, not taken from this machine, since those here may name modules that the image lacks.

use std::collections::HashMap;
use std::path::Path;

use crate::error::Result;
use crate::tree::{Node, Tree};

const PROFILES: &str = "/usr/share/pam-configs";
const KINDS: [(&str, &str); 5] = [
    ("account", "Account"),
    ("auth", "Auth"),
    ("password", "Password"),
    ("session", "Session"),
    ("session-noninteractive", "Session"),
];

/// The fields of a profile; those of many lines with a line for each module.
type Profile = HashMap<String, String>;

/// Makes the files that are missing, of the templates and profiles in the tree.
///
/// # Errors
/// A file is in the way of a directory.
pub(crate) fn configure(tree: &mut Tree) -> Result<()> {
    let names = tree.resolve(Path::new(PROFILES)).and_then(|(_, node)| node.entries());
    let paths: Vec<_> = names
        .into_iter()
        .flat_map(|names| names.keys())
        .map(|name| Path::new(PROFILES).join(name))
        .collect();
    let mut profiles: Vec<Profile> = paths
        .iter()
        .rev()
        .map(|path| profile(&tree.text(path)))
        .filter(|profile| profile.get("Default").is_some_and(|text| text == "yes"))
        .collect();
    profiles.sort_by_key(|profile| {
        let priority = profile.get("Priority").and_then(|text| text.parse::<i64>().ok());
        std::cmp::Reverse(priority.unwrap_or(0))
    });
    for (kind, field) in KINDS {
        let template = tree.text(&Path::new("/usr/share/pam").join(format!("common-{kind}")));
        if !template.is_empty() {
            let asked: Vec<&Profile> = profiles
                .iter()
                .filter(|profile| kind != "session-noninteractive" || !profile.contains_key("Session-Interactive-Only"))
                .collect();
            let path = Path::new("/etc/pam.d").join(format!("common-{kind}"));
            tree.insert_missing(&path, Node::text(0o644, filled(&template, &asked, field)))?;
        }
    }
    Ok(())
}

/// Reads `Field: value`, and lines that go on below.
fn profile(text: &str) -> Profile {
    let mut profile = Profile::new();
    let mut last = String::new();
    for line in text.lines() {
        match line.split_once(':') {
            Some((key, value)) if !line.starts_with([' ', '\t']) => {
                last = key.strip_suffix("-Final").unwrap_or(key).to_string();
                profile.insert(last.clone(), value.trim().to_string());
            }
            _ => {
                if let Some(lines) = profile.get_mut(&last).filter(|_| !line.trim().is_empty()) {
                    lines.push('\n');
                    lines.push_str(line.trim());
                }
            }
        }
    }
    profile
}

/// The template with the modules of the profiles at its two places.
fn filled(template: &str, profiles: &[&Profile], field: &str) -> String {
    let mut text = String::new();
    for line in template.lines() {
        let block = [("_primary", "Primary"), ("_additional", "Additional")]
            .into_iter()
            .find(|(end, _)| line.starts_with('$') && line.trim_end().ends_with(end));
        match block {
            Some((_, block)) => text += &modules(profiles, field, block),
            None => {
                text += line;
                text.push('\n');
            }
        }
    }
    text
}

/// The lines of one block. A jump to its `end` is a number of lines.
fn modules(profiles: &[&Profile], field: &str, block: &str) -> String {
    let of_block = profiles
        .iter()
        .filter(|profile| profile.get(&format!("{field}-Type")).is_some_and(|text| text == block));
    let mut lines = Vec::new();
    for (at, profile) in of_block.enumerate() {
        let first = (at == 0).then(|| profile.get(&format!("{field}-Initial"))).flatten();
        let text = first.or_else(|| profile.get(field)).map_or("", String::as_str);
        lines.extend(text.lines().filter(|line| !line.is_empty()));
    }
    let kind = field.to_ascii_lowercase();
    if lines.is_empty() && block == "Primary" {
        return format!("{kind}\t[default=1]\t\t\tpam_permit.so\n");
    }
    // There is nothing behind the second block to jump to.
    let past = usize::from(block == "Primary");
    let line = |(at, line): (usize, &&str)| {
        let (control, rest) = line.split_at(line.find(']').map_or(0, |end| end + 1));
        let control = control.replace("=end", &format!("={}", lines.len() - at - 1 + past));
        format!("{kind}\t{control}{rest}\n")
    };
    lines.iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_of_all_profiles_in_their_order() {
        let mut tree = Tree::new();
        let mut insert = |path: &str, text: &str| tree.insert(Path::new(path), Node::text(0o644, text)).unwrap();
        insert(
            "/usr/share/pam-configs/unix",
            "Name: Unix\nDefault: yes\nPriority: 256\nAuth-Type: Primary\nAuth:\n\t[success=end default=ignore]\tpam_unix.so try_first_pass\n\
             Auth-Initial:\n\t[success=end default=ignore]\tpam_unix.so\nSession-Type: Additional\nSession:\n\trequired\tpam_unix.so\n",
        );
        insert(
            "/usr/share/pam-configs/sss",
            "Name: S\nDefault: yes\nPriority: 128\nAuth-Type: Primary\nAuth:\n\t[success=end default=ignore]\tpam_sss.so use_first_pass\n\
             Session-Interactive-Only: yes\nSession-Type: Additional\nSession-Final:\n\toptional\tpam_sss.so\n",
        );
        insert(
            "/usr/share/pam-configs/never",
            "Name: N\nDefault: no\nAuth-Type: Primary\nAuth:\n\trequired\tpam_n.so\n",
        );
        for kind in ["auth", "session", "session-noninteractive", "password"] {
            let path = format!("/usr/share/pam/common-{kind}");
            insert(&path, "# first\n$x_primary\n# refused\n$x_additional\n# end\n");
        }
        insert("/etc/pam.d/common-password", "mine\n");
        configure(&mut tree).unwrap();
        let text = |kind: &str| tree.text(&Path::new("/etc/pam.d").join(format!("common-{kind}")));
        assert_eq!(
            text("auth"),
            "# first\nauth\t[success=2 default=ignore]\tpam_unix.so\nauth\t[success=1 default=ignore]\tpam_sss.so use_first_pass\n\
             # refused\n# end\n"
        );
        assert_eq!(
            text("session"),
            "# first\nsession\t[default=1]\t\t\tpam_permit.so\n# refused\nsession\trequired\tpam_unix.so\nsession\toptional\tpam_sss.so\n# end\n"
        );
        assert_eq!(text("session-noninteractive").matches("pam_sss").count(), 0);
        assert_eq!((text("password").as_str(), text("account").as_str()), ("mine\n", ""));
    }
}
