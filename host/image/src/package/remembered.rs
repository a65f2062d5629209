//! What apt answered before, as long as nothing has changed that it looks at: asking it takes a second or more, and a machine starts in a tenth of that.
//!
//! An answer is a file whose name is a hash over the question and over size and times of everything that apt reads. One that cannot be read or written is asked for again.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What apt's answer depends on. A directory's time changes with the files that are in it; those of `lists` and of the settings are looked at as well.
const STATE: [&str; 9] = [
    "/etc/apt/apt.conf",
    "/etc/apt/apt.conf.d",
    "/etc/apt/preferences",
    "/etc/apt/preferences.d",
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d",
    "/var/lib/apt/extended_states",
    "/var/lib/apt/lists",
    "/var/lib/dpkg/status",
];

/// Where the answer to a question is kept below `cache`.
pub(crate) fn place(cache: &Path, question: &[String]) -> PathBuf {
    place_of(cache, question, &STATE.map(Path::new))
}

fn place_of(cache: &Path, question: &[String], state: &[&Path]) -> PathBuf {
    let mut hashers = [DefaultHasher::new(), DefaultHasher::new()];
    hashers[1].write_u8(1);
    for hasher in &mut hashers {
        for word in question {
            hasher.write(word.as_bytes());
            hasher.write_u8(0);
        }
        for path in state {
            add(hasher, path);
            let mut names: Vec<PathBuf> = fs::read_dir(path)
                .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
                .unwrap_or_default();
            names.sort();
            names.iter().for_each(|path| add(hasher, path));
        }
    }
    cache.join(format!(
        "answers/{:016x}{:016x}",
        hashers[0].finish(),
        hashers[1].finish()
    ))
}

fn add(hasher: &mut DefaultHasher, path: &Path) {
    hasher.write(path.as_os_str().as_bytes());
    if let Ok(meta) = fs::metadata(path) {
        hasher.write_u64(meta.size());
        hasher.write_i64(meta.mtime());
        hasher.write_i64(meta.mtime_nsec());
    }
}

/// The answer that is kept there.
pub(crate) fn recall(place: &Path) -> Option<Vec<(String, String)>> {
    let text = fs::read_to_string(place).ok()?;
    // The last line says that the answer is whole.
    let body = text.strip_suffix(".\n")?;
    body.lines()
        .map(|line| {
            line.split_once(' ')
                .map(|(name, version)| (name.into(), version.into()))
        })
        .collect()
}

/// Keeps an answer. It is only remembered: nothing is lost if that fails.
pub(crate) fn keep(place: &Path, answer: &[(String, String)]) {
    let mut text: String = answer
        .iter()
        .map(|(name, version)| format!("{name} {version}\n"))
        .collect();
    text.push_str(".\n");
    if let Some(directory) = place.parent() {
        let _ = fs::create_dir_all(directory).and_then(|()| fs::write(place, text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_until_something_changes() {
        let scratch = tempfile::tempdir().unwrap();
        let status = scratch.path().join("status");
        fs::write(&status, "one").unwrap();
        let question = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            place_of(scratch.path(), &words, &[&status, &scratch.path().join("absent")])
        };
        let before = question(&["nginx"]);
        assert_eq!(question(&["nginx"]), before);
        assert_ne!(question(&["ngin", "x"]), before);

        let answer = vec![("nginx".to_string(), "1:1.22-9".to_string())];
        assert_eq!(recall(&before), None);
        keep(&before, &answer);
        assert_eq!(recall(&before), Some(answer));
        fs::write(&before, "nginx 1:1.2").unwrap();
        assert_eq!(recall(&before), None);

        fs::write(&status, "other").unwrap();
        assert_ne!(question(&["nginx"]), before);
    }
}
