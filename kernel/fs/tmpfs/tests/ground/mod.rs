//! A tree to test on.
#![allow(dead_code, reason = "each test program uses a part of it")]

use abi::fcntl::OpenFlags;
use abi::{Errno, Result};
use std::sync::{Arc, Once};
use usermem::{Sink, Source};
use vfs::{Context, Credentials, File, FileSystem, How, Mount, MountFlags, Path};

static BOOT: Once = Once::new();

pub(crate) fn boot() {
    BOOT.call_once(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
    });
}

pub(crate) fn errno<T>(result: Result<T>) -> Errno {
    result.err().expect("the call is refused").errno
}

pub(crate) struct Ground {
    pub(crate) context: Context,
}

impl Ground {
    pub(crate) fn new() -> Self {
        boot();
        Self::on(tmpfs::Tmpfs::new(64, 0o755))
    }

    pub(crate) fn on(file_system: Arc<dyn FileSystem>) -> Self {
        let mount = Mount::new(file_system, MountFlags::empty(), b"test");
        let root = Path {
            dentry: Arc::clone(mount.root()),
            mount,
        };
        Self {
            context: Context::new(root, Arc::new(Credentials::root())),
        }
    }

    /// Pages in use; blocks would count the layer below as well.
    pub(crate) fn used(&self) -> u64 {
        let statfs = self.context.root.mount.file_system().statfs();
        statfs.files - statfs.ffree
    }

    pub(crate) fn directory(&self, path: &str) {
        self.context
            .mkdir(&self.context.cwd, path.as_bytes(), 0o755)
            .expect("the directory is made");
    }

    pub(crate) fn symlink(&self, path: &str, target: &str) {
        self.context
            .symlink(target.as_bytes(), &self.context.cwd, path.as_bytes())
            .expect("the link is made");
    }

    pub(crate) fn open(&self, path: &str, flags: OpenFlags) -> Result<Arc<File>> {
        let how = How {
            mode: 0o644,
            ..How::new(flags)
        };
        self.context.open(&self.context.cwd, path.as_bytes(), how)
    }

    pub(crate) fn file(&self, path: &str, content: &[u8]) {
        let file = self
            .open(path, OpenFlags::CREAT | OpenFlags::WRONLY | OpenFlags::TRUNC)
            .expect("the file is made");
        assert_eq!(file.write(&mut Source::kernel(content)), Ok(content.len()));
    }

    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        let file = self.open(path, OpenFlags::empty()).expect("the file is there");
        let mut content = vec![0; file.attributes().size as usize + 10];
        let len = file.read(&mut Sink::kernel(&mut content)).expect("it is read");
        content.truncate(len);
        content
    }

    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        let directory = self.open(path, OpenFlags::DIRECTORY).expect("the directory is there");
        let mut names = Vec::new();
        directory
            .read_directory(&mut |entry| {
                names.push(String::from_utf8_lossy(entry.name).into_owned());
                true
            })
            .expect("it is listed");
        names.retain(|name| name != "." && name != "..");
        names.sort();
        names
    }

    pub(crate) fn errno(&self, path: &str) -> Errno {
        errno(self.context.resolve(&self.context.cwd, path.as_bytes(), true))
    }
}
