//! Images that were built before, kept by what went into them.
//!
//! The key is a hash over the plan: every path with its kind and attributes, and for host files their real path, size and
//! times, device and inode. File contents are not read, so looking up costs as much as planning. A finished image
//! appears under its name by one atomic rename; using an image renews its time, and when the directory grows over its
//! limit the images that were not used for longest go.

use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::error::{Error, Result, in_words};
use crate::tree::{Content, Kind, Node, Tree};

/// Changes whenever the same plan would give another image.
const FORMAT: u8 = 1;
/// How much the cache may hold.
const LIMIT: u64 = 4 << 30;
/// Unfinished images older than this belong to nobody.
const ABANDONED: Duration = Duration::from_secs(3600);
/// How exact the time of last use is; renewing it more often would only cost time.
const RENEWAL: Duration = Duration::from_secs(60);
const SUFFIX: &str = ".erofs";

/// A directory of images.
#[derive(Debug)]
pub struct Cache {
    directory: PathBuf,
    limit: u64,
}

impl Cache {
    /// The user's cache: `$XDG_CACHE_HOME/chiton`, or `~/.cache/chiton`.
    ///
    /// # Errors
    /// Neither is known.
    pub fn of_user() -> Result<Cache> {
        Ok(Cache {
            directory: directory_of_user()?.join("images"),
            limit: LIMIT,
        })
    }

    /// A cache in this directory, holding at most `limit` bytes.
    pub fn new(directory: PathBuf, limit: u64) -> Cache {
        Cache { directory, limit }
    }

    /// The image of this tree, built now if it is not there.
    ///
    /// # Errors
    /// The image cannot be built or written.
    pub fn image(&self, tree: &Tree, progress: &mut dyn FnMut(u64, u64)) -> Result<PathBuf> {
        let name = key(tree);
        let path = self.directory.join(format!("{name}{SUFFIX}"));
        if let Ok(meta) = fs::metadata(&path) {
            let now = SystemTime::now();
            let used = meta.modified().ok().and_then(|time| now.duration_since(time).ok());
            if used.is_none_or(|age| age > RENEWAL) {
                // A cache that cannot be written is still a cache: the image only looks older than it is.
                OpenOptions::new()
                    .append(true)
                    .open(&path)
                    .and_then(|file| file.set_modified(now))
                    .ok();
            }
            return Ok(path);
        }
        fs::create_dir_all(&self.directory).map_err(|error| {
            let cause = format!(
                "there is no place for cached images: {}: {}",
                self.directory.display(),
                in_words(&error)
            );
            Error::new(cause, "Set XDG_CACHE_HOME to a directory that can be written")
        })?;
        let unfinished = self.directory.join(format!(".{name}.{}", std::process::id()));
        let built = build(tree, &unfinished, progress)
            .and_then(|()| fs::rename(&unfinished, &path).map_err(|error| Error::io("write", &path, &error)));
        if let Err(error) = built {
            fs::remove_file(&unfinished).ok();
            return Err(error);
        }
        self.evict(&path);
        Ok(path)
    }

    /// Removes what was not used for longest until the limit holds; never `keep`.
    fn evict(&self, keep: &Path) {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let mut images = Vec::new();
        for entry in entries {
            let Ok(meta) = entry.metadata() else { continue };
            let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            let path = entry.path();
            if path.to_string_lossy().ends_with(SUFFIX) {
                images.push((used, meta.len(), path));
            } else if used.elapsed().is_ok_and(|age| age > ABANDONED) {
                fs::remove_file(path).ok();
            }
        }
        images.sort();
        let mut total: u64 = images.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in images {
            if total <= self.limit {
                break;
            }
            if path != keep && fs::remove_file(&path).is_ok() {
                total -= size;
            }
        }
    }
}

/// Where this user's cached files belong.
///
/// # Errors
/// Neither `XDG_CACHE_HOME` nor `HOME` is set.
pub fn directory_of_user() -> Result<PathBuf> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
    let base = base.ok_or_else(|| {
        Error::new(
            "there is no place for cached images: HOME is not set",
            "Set HOME or XDG_CACHE_HOME to a directory",
        )
    })?;
    Ok(base.join("chiton"))
}

fn build(tree: &Tree, path: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
    let mut file = File::create(path).map_err(|error| Error::io("create", path, &error))?;
    crate::write(tree, &mut file, progress).map(|_| ())
}

/// The name of the image that this tree makes.
fn key(tree: &Tree) -> String {
    let mut hashers = [DefaultHasher::new(), DefaultHasher::new()];
    hashers[1].write_u8(1);
    for hasher in &mut hashers {
        hasher.write_u8(FORMAT);
        add(hasher, Path::new("/"), tree.root());
        tree.walk(&mut |path, node| add(hasher, path, node));
    }
    format!("{:016x}{:016x}", hashers[0].finish(), hashers[1].finish())
}

fn add(hasher: &mut DefaultHasher, path: &Path, node: &Node) {
    let text = |hasher: &mut DefaultHasher, bytes: &[u8]| {
        hasher.write_usize(bytes.len());
        hasher.write(bytes);
    };
    text(hasher, path.as_os_str().as_bytes());
    let attributes = &node.attributes;
    hasher.write_u16(attributes.mode);
    hasher.write_u32(attributes.uid);
    hasher.write_u32(attributes.gid);
    hasher.write_i64(attributes.mtime);
    hasher.write_u32(attributes.mtime_nsec);
    match &node.kind {
        Kind::Directory(entries) => {
            hasher.write_u8(1);
            hasher.write_usize(entries.len());
        }
        Kind::File(Content::Bytes(bytes)) => {
            hasher.write_u8(2);
            text(hasher, bytes);
        }
        Kind::File(Content::Host(file)) => {
            hasher.write_u8(3);
            text(hasher, file.path.as_os_str().as_bytes());
            hasher.write_u64(file.size);
            file.stamp.iter().for_each(|number| hasher.write_i64(*number));
        }
        Kind::Symlink(target) => {
            hasher.write_u8(4);
            text(hasher, target.as_os_str().as_bytes());
        }
        Kind::Special { file_type, device } => {
            hasher.write_u8(5);
            hasher.write_u16(*file_type);
            hasher.write_u32(*device);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Tree {
        let mut tree = Tree::new();
        tree.insert(Path::new("/file"), Node::text(0o644, text)).unwrap();
        tree
    }

    #[test]
    fn the_same_plan_is_built_once() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = Cache::new(scratch.path().join("images"), LIMIT);
        let first = cache.image(&tree("a"), &mut |_, _| {}).unwrap();
        let written = fs::metadata(&first).unwrap().modified().unwrap();
        assert_eq!(cache.image(&tree("a"), &mut |_, _| {}).unwrap(), first);
        assert_eq!(fs::metadata(&first).unwrap().modified().unwrap(), written);
        assert_ne!(cache.image(&tree("b"), &mut |_, _| {}).unwrap(), first);
    }

    #[test]
    fn the_oldest_images_go_first_and_the_new_one_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = Cache::new(scratch.path().to_path_buf(), 2 * 8192);
        let old = cache.image(&tree("old"), &mut |_, _| {}).unwrap();
        File::open(&old).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let middle = cache.image(&tree("middle"), &mut |_, _| {}).unwrap();
        let new = cache.image(&tree("new"), &mut |_, _| {}).unwrap();
        assert!(!old.exists() && middle.exists() && new.exists());
    }

    #[test]
    fn a_changed_host_file_changes_the_key() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("x");
        let plan = || {
            let mut tree = Tree::new();
            tree.insert(Path::new("/x"), Node::host_file(&path, &fs::metadata(&path).unwrap()))
                .unwrap();
            key(&tree)
        };
        fs::write(&path, "1").unwrap();
        let first = plan();
        assert_eq!(plan(), first);
        fs::write(&path, "22").unwrap();
        assert_ne!(plan(), first);
    }
}
