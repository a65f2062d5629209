//! What a maintainer script would make, read off it without running it.
//!
//! A package's `postinst` is a shell script that must run as root on a real system; nobody runs it here. But most of what servers need of it is
//! written out in plain words: a directory made, a link, a file copied, an owner changed, a user added, an alternative installed. Commands all
//! of whose words are known, directly or through variables that were set to plain words, are taken as if they were executed, whatever the
//! conditions around them; they only ever fill gaps and set owners and modes, so that one which a condition would have skipped does no harm.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::loops::unrolled;
use super::{people, temporary};

/// One thing that a script does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Makes a directory.
    Directory(PathBuf),
    /// Makes an empty file.
    Touch(PathBuf),
    /// Makes a symbolic link `path`.
    Link { target: PathBuf, path: PathBuf },
    /// Copies a file.
    Copy { from: PathBuf, to: PathBuf },
    /// Sets a mode.
    Mode { path: PathBuf, mode: u16 },
    /// Sets an owner (and group).
    Owner {
        path: PathBuf,
        user: String,
        group: Option<String>,
        recursive: bool,
    },
    /// Adds a user of the system, with a group of the same name or another one.
    User {
        name: String,
        home: String,
        /// One that lets nobody in, if it is not said.
        shell: Option<String>,
        group: Option<String>,
    },
    /// Makes a user's own directory.
    Home { path: PathBuf, user: String },
    /// Adds a group of the system.
    Group(String),
    /// Puts a user into a group.
    Member { user: String, group: String },
    /// Switches a part of Apache on.
    ApachePart { kind: &'static str, name: String },
}

/// Words that may stand before a command.
const BEFORE: [&str; 12] = [
    "if",
    "then",
    "else",
    "elif",
    "!",
    "do",
    "{",
    "while",
    "until",
    "in_sysroot",
    "time",
    "command",
];
/// A word, if everything in it is known.
type Word = Option<String>;

/// What the script does in plain words.
pub(crate) fn actions(script: &str) -> Vec<Action> {
    let mut variables = HashMap::new();
    let mut actions = Vec::new();
    let joined = script.replace("\\\n", " ");
    for line in unrolled(&joined.lines().map(str::to_string).collect::<Vec<_>>()) {
        if let Some((name, path)) = temporary::made(&line) {
            variables.insert(name, path);
            continue;
        }
        for command in commands(&line, &variables) {
            let command = command.as_slice();
            if let [first] = command
                && assigns(first, &mut variables)
            {
                continue;
            }
            let skip = command
                .iter()
                .take_while(|word| word.as_deref().is_some_and(|word| BEFORE.contains(&word)))
                .count();
            let Some((Some(name), words)) = command[skip..].split_first() else {
                continue;
            };
            // A command with an unknown word is not understood; but these get options for their talk that way.
            let words: Option<Vec<&str>> = if ["adduser", "useradd"].contains(&name.as_str()) {
                Some(words.iter().filter_map(Option::as_deref).collect())
            } else {
                words.iter().map(Option::as_deref).collect()
            };
            if let Some(words) = words {
                understand(name, &words, &mut actions);
            }
        }
    }
    temporary::resolve(actions)
}

/// Splits a line into commands and these into words.
fn commands(line: &str, variables: &HashMap<String, String>) -> Vec<Vec<Word>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<Word> = None;
    let mut quote = None;
    let mut letters = line.trim().chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_with(|| Some(String::new()));
            }
            (letter, Some(open)) if letter == open => quote = None,
            ('#', None) if word.is_none() => break,
            (' ' | '\t' | ';' | '&' | '|' | '(' | ')', None) => {
                let ended = word.take();
                if let Some(last) = commands.last_mut() {
                    last.extend(ended.filter(|word| !word.as_deref().is_some_and(is_redirection)));
                }
                if !letter.is_whitespace() {
                    commands.push(Vec::new());
                }
            }
            ('$', open) if open != Some('\'') => {
                let value = variable(&mut letters).and_then(|name| variables.get(&name).cloned());
                add(&mut word, value);
            }
            ('`', open) if open != Some('\'') => add(&mut word, None),
            ('*' | '?' | '[' | '~', None) if word.is_some() || letter != '[' => add(&mut word, None),
            ('\\', None) => add(&mut word, letters.next().map(String::from)),
            (letter, _) => add(&mut word, Some(letter.into())),
        }
    }
    if let Some(last) = commands.last_mut() {
        last.extend(word.filter(|word| !word.as_deref().is_some_and(is_redirection)));
    }
    commands
}

fn add(word: &mut Option<Word>, more: Option<String>) {
    let old = word.take().unwrap_or_else(|| Some(String::new()));
    *word = Some(old.zip(more).map(|(old, more)| old + &more));
}

/// The name after `$`, if it is a plain one.
fn variable(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    let braces = letters.next_if_eq(&'{').is_some();
    let mut name = String::new();
    while let Some(letter) = letters.next_if(|letter| letter.is_ascii_alphanumeric() || *letter == '_') {
        name.push(letter);
    }
    let closed = !braces || letters.next_if_eq(&'}').is_some();
    (closed && !name.is_empty()).then_some(name)
}

fn is_redirection(word: &str) -> bool {
    word.trim_start_matches(|letter: char| letter.is_ascii_digit())
        .starts_with(['<', '>'])
}

/// Whether the command is `NAME=VALUE`; the variable is known from then on, or not any more.
fn assigns(word: &Word, variables: &mut HashMap<String, String>) -> bool {
    let Some((name, value)) = word.as_deref().and_then(|word| word.split_once('=')) else {
        return false;
    };
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if is_name {
        variables.insert(name.to_string(), value.to_string());
    }
    is_name
}

fn understand(name: &str, words: &[&str], actions: &mut Vec<Action>) {
    let has = |option: &str| words.contains(&option);
    let letters = |letter: char| {
        words
            .iter()
            .any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains(letter))
    };
    let plain: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with('-')).collect();
    let absolute = |text: &str| text.starts_with('/').then(|| PathBuf::from(text));
    match (name.rsplit('/').next().unwrap_or_default(), plain.as_slice()) {
        ("mkdir", paths) => {
            let paths = paths.iter().filter_map(|path| absolute(path));
            actions.extend(paths.map(Action::Directory));
        }
        ("touch", paths) => {
            let paths = paths.iter().filter_map(|path| absolute(path));
            actions.extend(paths.map(Action::Touch));
        }
        ("ln", [target, path]) if letters('s') || has("--symbolic") => {
            actions.extend(absolute(path).map(|path| Action::Link {
                target: target.into(),
                path,
            }));
        }
        // `ucf` asks before it replaces a file; here there is none.
        ("cp", [from, to]) | ("ucf", [.., from, to]) if !has("--purge") => {
            actions.extend(
                absolute(from)
                    .zip(absolute(to))
                    .map(|(from, to)| Action::Copy { from, to }),
            );
        }
        ("chmod", [mode, paths @ ..]) => {
            for path in paths.iter().filter_map(|path| absolute(path)) {
                actions.extend(octal(mode).map(|mode| Action::Mode { path, mode }));
            }
        }
        ("chown", [owner, paths @ ..]) => {
            let (user, group) = owner
                .split_once([':', '.'])
                .map_or((*owner, None), |(user, group)| (user, Some(group)));
            for path in paths.iter().filter_map(|path| absolute(path)) {
                actions.push(Action::Owner {
                    path,
                    user: user.to_string(),
                    group: group.filter(|group| !group.is_empty()).map(str::to_string),
                    recursive: letters('R'),
                });
            }
        }
        ("dpkg-statoverride", [user, group, mode, path]) if has("--add") => {
            if let Some((path, mode)) = absolute(path).zip(octal(mode)) {
                actions.push(Action::Mode {
                    path: path.clone(),
                    mode,
                });
                actions.push(Action::Owner {
                    path,
                    user: (*user).to_string(),
                    group: Some((*group).to_string()),
                    recursive: false,
                });
            }
        }
        ("install", _) if letters('d') => install(words, actions),
        ("update-alternatives", _) if has("--install") => alternatives(words, actions),
        (command @ ("adduser" | "useradd"), _) if has("--system") || letters('r') => {
            people::accounts(command, words, actions);
        }
        ("addgroup" | "groupadd", _) if has("--system") || letters('r') => {
            actions.extend(plain.last().map(|group| Action::Group((*group).to_string())));
        }
        (command @ "adduser", _) => people::members(command, words, actions),
        (command @ "usermod", _) if has("--append") || letters('a') => people::members(command, words, actions),
        (command @ "gpasswd", _) if has("--add") || letters('a') => people::members(command, words, actions),
        ("a2enmod" | "a2enconf" | "a2ensite", [part]) if !part.contains('/') => {
            let kind = match name {
                "a2enmod" => "mods",
                "a2enconf" => "conf",
                _ => "sites",
            };
            actions.push(Action::ApachePart {
                kind,
                name: (*part).to_string(),
            });
        }
        _ => {}
    }
}

/// `install -d -o USER -g GROUP -m MODE DIRECTORY…`
fn install(words: &[&str], actions: &mut Vec<Action>) {
    let mut mode = 0o755;
    let (mut user, mut group) = ("root", None);
    let mut paths = Vec::new();
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "-o" => user = words.next().unwrap_or(user),
            "-g" => group = words.next().map(str::to_string),
            "-m" => mode = words.next().and_then(octal).unwrap_or(mode),
            path if path.starts_with('/') => paths.push(PathBuf::from(path)),
            _ => {
                if let Some(text) = word.strip_prefix("-m") {
                    mode = octal(text).unwrap_or(mode);
                }
            }
        }
    }
    for path in paths {
        actions.extend([
            Action::Directory(path.clone()),
            Action::Mode {
                path: path.clone(),
                mode,
            },
            Action::Owner {
                path,
                user: user.to_string(),
                group: group.clone(),
                recursive: false,
            },
        ]);
    }
}

/// `update-alternatives --install LINK NAME PATH PRIORITY [--slave LINK NAME PATH]…`
fn alternatives(words: &[&str], actions: &mut Vec<Action>) {
    for (at, word) in words.iter().enumerate() {
        if !["--install", "--slave"].contains(word) {
            continue;
        }
        let Some([link, name, path]) = words.get(at + 1..at + 4).and_then(|words| words.first_chunk::<3>()) else {
            continue;
        };
        if !link.starts_with('/') || !path.starts_with('/') || name.contains('/') {
            continue;
        }
        let middle = Path::new("/etc/alternatives").join(name);
        actions.push(Action::Link {
            target: path.into(),
            path: middle.clone(),
        });
        actions.push(Action::Link {
            target: middle,
            path: link.into(),
        });
    }
}

fn octal(text: &str) -> Option<u16> {
    u16::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_in_plain_words() {
        let script = "#!/bin/sh\nset -e\nlogdir=\"/var/log/x\"\nif [ -z $2 ] && [ -d /etc/x ]; then\n\
            \u{20}ln -s /etc/x/a /etc/x/b; fi\n mkdir -p $logdir '/var/lib/x y' # not this\n\
            cp /usr/share/x/i /var/www/i 2>/dev/null || true\nchmod 640 ${logdir}/log\nchown www-data:adm $logdir\n";
        assert_eq!(
            actions(script),
            [
                Action::Link {
                    target: "/etc/x/a".into(),
                    path: "/etc/x/b".into()
                },
                Action::Directory("/var/log/x".into()),
                Action::Directory("/var/lib/x y".into()),
                Action::Copy {
                    from: "/usr/share/x/i".into(),
                    to: "/var/www/i".into()
                },
                Action::Mode {
                    path: "/var/log/x/log".into(),
                    mode: 0o640
                },
                Action::Owner {
                    path: "/var/log/x".into(),
                    user: "www-data".into(),
                    group: Some("adm".into()),
                    recursive: false
                },
            ]
        );
    }

    #[test]
    fn what_depends_on_something_is_left_out() {
        let script = "mkdir -p $(cat x)/y\nln -sf /usr/$from /etc/$to\nx=`date`\ntouch /var/$x\nchmod 640 /var/*.log\nmkdir relative\nfor i in a; do rm /x; done\n";
        assert_eq!(actions(script), []);
    }

    #[test]
    fn loops_over_plain_words() {
        let script = "for m in one \\\n\ttwo; do\n\tfor d in a b ; do\n\t\ttouch /x/$m/$d\n\tdone\n\ta2enmod -m -q $m\ndone\n\
            for i in $(ls); do\n touch /y/$i\n done\ntouch /z\nfor u in p q; do\ntouch /never\n";
        let part = |name: &str| Action::ApachePart {
            kind: "mods",
            name: name.into(),
        };
        let touch = |path: &str| Action::Touch(path.into());
        assert_eq!(
            actions(script),
            [
                touch("/x/one/a"),
                touch("/x/one/b"),
                part("one"),
                touch("/x/two/a"),
                touch("/x/two/b"),
                part("two"),
                touch("/z"),
                touch("/never"),
            ]
        );
    }

    #[test]
    fn settings_that_are_put_in_their_places() {
        let script = "F=\"a \\\n b\"\nfor f in $F ; do\n ucf --three-way \"/usr/share/x/$f\" /etc/x/$f\ndone\nnew=\"$(mktemp)\"\n\
            cp -aZ /usr/share/y/conf \"$new\"\nchmod 600 $new\nucf --debconf-ok \\\n --sum-file /z $new /etc/y\nucf --purge /etc/a /etc/b\n";
        let copy = |from: &str, to: &str| Action::Copy {
            from: from.into(),
            to: to.into(),
        };
        assert_eq!(
            actions(script),
            [
                copy("/usr/share/x/a", "/etc/x/a"),
                copy("/usr/share/x/b", "/etc/x/b"),
                copy("/usr/share/y/conf", "/etc/y"),
            ]
        );
    }

    #[test]
    fn homes_shells_and_members() {
        let script = "adduser --system --home /var/lib/pg --shell /bin/bash pg\nadduser $quiet pg ssl-cert\n\
            usermod -a -G adm,tty pg\ngpasswd -a pg audio\nuseradd -r -d /srv/x x\nusermod -c Name pg\n";
        let user = |name: &str, home: &str, shell: Option<&str>| Action::User {
            name: name.into(),
            home: home.into(),
            shell: shell.map(str::to_string),
            group: None,
        };
        let member = |group: &str| Action::Member {
            user: "pg".into(),
            group: group.into(),
        };
        assert_eq!(
            actions(script),
            [
                user("pg", "/var/lib/pg", Some("/bin/bash")),
                Action::Home {
                    path: "/var/lib/pg".into(),
                    user: "pg".into()
                },
                member("ssl-cert"),
                member("adm"),
                member("tty"),
                member("audio"),
                user("x", "/srv/x", None),
            ]
        );
    }

    #[test]
    fn users_and_alternatives() {
        let script = "adduser $quiet --system --no-create-home \\\n --home /var/lib/redis --group redis || true\n\
            update-alternatives --install /usr/bin/vi vi /usr/bin/vim 50 --slave /usr/share/man/vi.1 vi.1 /x/vim.1\n\
            dpkg-statoverride --update --add redis redis 640 /etc/r.conf\ninstall -d -o u -m0750 /srv/z\n";
        let found = actions(script);
        let user = Action::User {
            name: "redis".into(),
            home: "/var/lib/redis".into(),
            shell: None,
            group: Some("redis".into()),
        };
        assert!(
            found[0] == Action::Group("redis".into()) && found[1] == user,
            "{found:?}"
        );
        assert_eq!(
            found[2],
            Action::Link {
                target: "/usr/bin/vim".into(),
                path: "/etc/alternatives/vi".into()
            }
        );
        assert_eq!(
            found[3],
            Action::Link {
                target: "/etc/alternatives/vi".into(),
                path: "/usr/bin/vi".into()
            }
        );
        assert_eq!(
            found[6],
            Action::Mode {
                path: "/etc/r.conf".into(),
                mode: 0o640
            }
        );
        assert_eq!(
            found[9],
            Action::Mode {
                path: "/srv/z".into(),
                mode: 0o750
            }
        );
    }
}
