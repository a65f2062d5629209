//! What packages declare for systemd and others to make at boot: directories and files of `tmpfiles.d`, accounts of `sysusers.d`, and the
//! directories of a service.

use std::path::PathBuf;

use super::script::{self, Action};

/// The actions of a file of `tmpfiles.d`: `TYPE PATH MODE USER GROUP AGE ARGUMENT` on each line.
pub(crate) fn tmpfiles(text: &str) -> Vec<Action> {
    let mut actions = Vec::new();
    for line in lines(text) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [kind, path, rest @ ..] = words.as_slice() else {
            continue;
        };
        // Specifiers stand for what only a running system knows.
        if !path.starts_with('/') || path.contains(['%', '*', '?']) {
            continue;
        }
        let path = PathBuf::from(path);
        let said = |at: usize| rest.get(at).copied().filter(|word| *word != "-");
        match kind.chars().next() {
            Some('d' | 'D' | 'v' | 'q' | 'Q') => actions.push(Action::Directory(path.clone())),
            Some('f' | 'F') => actions.push(Action::Touch(path.clone())),
            Some('L') => {
                actions.extend(said(4).map(|target| Action::Link {
                    target: target.into(),
                    path: path.clone(),
                }));
                continue;
            }
            _ => continue,
        }
        let mode = said(0).and_then(|text| u16::from_str_radix(text.trim_start_matches(['~', ':']), 8).ok());
        actions.extend(mode.map(|mode| Action::Mode {
            path: path.clone(),
            mode: mode & 0o7777,
        }));
        if said(1).or(said(2)).is_some() {
            actions.push(Action::Owner {
                path,
                user: said(1).unwrap_or("root").trim_start_matches(':').to_string(),
                group: said(2).map(|group| group.trim_start_matches(':').to_string()),
                recursive: false,
            });
        }
    }
    actions
}

/// The directories that a service has, and where they are.
const DIRECTORIES: [(&str, &str); 4] = [
    ("RuntimeDirectory", "/run"),
    ("StateDirectory", "/var/lib"),
    ("CacheDirectory", "/var/cache"),
    ("LogsDirectory", "/var/log"),
];

/// The actions of a unit for a service: `RuntimeDirectory=NAME…` and the like, which belong to its user.
pub(crate) fn service(text: &str) -> Vec<Action> {
    let value = |key: &str| {
        let mut values = lines(text).filter_map(|line| line.split_once('='));
        values
            .find(|(name, _)| name.trim_end() == key)
            .map(|(_, value)| value.trim())
    };
    // What is done before the service starts.
    let before = lines(text).filter_map(|line| line.strip_prefix("ExecStartPre="));
    let before: Vec<&str> = before
        .map(|command| command.trim_start_matches(['-', '+', '!', '@', ':']))
        .collect();
    let mut actions = script::actions(&before.join("\n"));
    for (key, place) in DIRECTORIES {
        // Where a directory is a link of another name, its own name comes first.
        let names = value(key).unwrap_or_default().split_whitespace();
        let names = names.filter_map(|name| name.split(':').next());
        for name in names.filter(|name| !name.contains(['%', '$']) && !name.split('/').any(|part| part == "..")) {
            let path = PathBuf::from(place).join(name.trim_start_matches('/'));
            actions.push(Action::Directory(path.clone()));
            let mode = value(&format!("{key}Mode")).and_then(|text| u16::from_str_radix(text, 8).ok());
            actions.extend(mode.map(|mode| Action::Mode {
                path: path.clone(),
                mode: mode & 0o7777,
            }));
            actions.extend(value("User").map(|user| Action::Owner {
                path,
                user: user.to_string(),
                group: value("Group").map(str::to_string),
                recursive: false,
            }));
        }
    }
    actions
}

/// The actions of a file of `sysusers.d`: `u NAME ID "GECOS" HOME SHELL` and `g NAME ID`.
pub(crate) fn sysusers(text: &str) -> Vec<Action> {
    let mut actions = Vec::new();
    for line in lines(text) {
        // The real name is in quotes and of no importance.
        let plain: String = line.split('"').step_by(2).collect::<Vec<_>>().join("-");
        let words: Vec<&str> = plain.split_whitespace().collect();
        match words.as_slice() {
            [kind, name, rest @ ..] if kind.starts_with('u') && !name.contains('%') => {
                let home = rest.get(2).copied().filter(|home| home.starts_with('/')).unwrap_or("/");
                actions.push(Action::Group((*name).to_string()));
                actions.push(Action::User {
                    name: (*name).to_string(),
                    home: home.to_string(),
                    shell: rest.get(3).map(|shell| (*shell).to_string()),
                    group: Some((*name).to_string()),
                });
            }
            ["g", name, ..] if !name.contains('%') => actions.push(Action::Group((*name).to_string())),
            _ => {}
        }
    }
    actions
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_a_service() {
        let unit = "[Service]\nUser=redis\nRuntimeDirectory=redis %N ../x\nRuntimeDirectoryMode = 2755\nLogsDirectory=r/s\n\
            ExecStartPre=-/bin/mkdir -m 740 -p /run/t\nExecStartPre=/usr/sbin/squid -z\n";
        let owner = |path: &str| Action::Owner {
            path: path.into(),
            user: "redis".into(),
            group: None,
            recursive: false,
        };
        assert_eq!(
            service(unit),
            [
                Action::Directory("/run/t".into()),
                Action::Directory("/run/redis".into()),
                Action::Mode {
                    path: "/run/redis".into(),
                    mode: 0o2755
                },
                owner("/run/redis"),
                Action::Directory("/var/log/r/s".into()),
                owner("/var/log/r/s"),
            ]
        );
    }

    #[test]
    fn directories_links_and_accounts() {
        let found = tmpfiles(
            "# x\nd /run/postgresql 2775 postgres postgres - -\nL+ /etc/a - - - - ../b\nd /run/%U 0700\nx /tmp/y\n",
        );
        let path = PathBuf::from("/run/postgresql");
        let owner = Action::Owner {
            path: path.clone(),
            user: "postgres".into(),
            group: Some("postgres".into()),
            recursive: false,
        };
        let link = Action::Link {
            target: "../b".into(),
            path: "/etc/a".into(),
        };
        assert_eq!(
            found,
            [
                Action::Directory(path.clone()),
                Action::Mode { path, mode: 0o2775 },
                owner,
                link
            ]
        );
        let found = sysusers("u redis - \"Redis Server\" /var/lib/redis\ng adm 4\nm redis adm\n");
        let user = Action::User {
            name: "redis".into(),
            home: "/var/lib/redis".into(),
            shell: None,
            group: Some("redis".into()),
        };
        assert_eq!(
            found,
            [Action::Group("redis".into()), user, Action::Group("adm".into())]
        );
    }
}
