//! Commands of maintainer scripts that make accounts: `adduser`, `useradd`, `usermod`, `gpasswd`.

use super::script::Action;

/// Options with a value after them.
const WITH_VALUE: [&str; 16] = [
    "--home",
    "--shell",
    "--gecos",
    "--comment",
    "--uid",
    "--gid",
    "--ingroup",
    "--home-dir",
    "--firstuid",
    "--lastuid",
    "-d",
    "-s",
    "-c",
    "-g",
    "-u",
    "-G",
];

/// `adduser --system [--home HOME] [--group | --ingroup GROUP] NAME`, and `useradd` likewise.
pub(crate) fn accounts(command: &str, words: &[&str], actions: &mut Vec<Action>) {
    let (mut home, mut shell) = ("/nonexistent".to_string(), None);
    let mut make_home = command == "adduser";
    let mut own_group = false;
    let mut group = None;
    let mut names = Vec::new();
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let (key, value) = word
            .split_once('=')
            .map_or((word, None), |(key, value)| (key, Some(value)));
        let value = match value {
            None if WITH_VALUE.contains(&key) => words.next(),
            value => value,
        };
        match (key, value) {
            ("--home" | "--home-dir" | "-d", Some(text)) => home = text.to_string(),
            ("--shell" | "-s", Some(text)) => shell = Some(text.to_string()),
            ("--ingroup" | "--gid" | "-g", Some(text)) => group = Some(text.to_string()),
            ("--group" | "-U" | "--user-group", _) => own_group = true,
            ("--no-create-home" | "-M", _) => make_home = false,
            ("--create-home" | "-m", _) => make_home = true,
            (name, None) if !name.starts_with('-') => names.push(name),
            _ => {}
        }
    }
    let Some(name) = names.first().map(|name| (*name).to_string()) else {
        return;
    };
    let group = group.or(own_group.then(|| name.clone()));
    actions.extend(group.iter().map(|group| Action::Group(group.clone())));
    let path = (make_home && home.starts_with('/') && home != "/nonexistent").then(|| home.clone().into());
    let home_of = path.map(|path| Action::Home {
        path,
        user: name.clone(),
    });
    actions.push(Action::User {
        name,
        home,
        shell,
        group,
    });
    actions.extend(home_of);
}

/// `adduser USER GROUP`, `usermod -a -G GROUP,… USER`, `gpasswd -a USER GROUP`.
pub(crate) fn members(command: &str, words: &[&str], actions: &mut Vec<Action>) {
    let plain: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with('-')).collect();
    let [first, second] = plain.as_slice() else {
        return;
    };
    let (user, groups) = if command == "usermod" {
        (second, first)
    } else {
        (first, second)
    };
    actions.extend(groups.split(',').map(|group| Action::Member {
        user: (*user).to_string(),
        group: group.to_string(),
    }));
}
