//! What the device files do.

use abi::Errno;
use abi::fcntl::OpenFlags;
use abi::stat::makedev;
use std::sync::{Arc, Once};
use usermem::{Sink, Source};
use vfs::{Context, Credentials, FileSystem, How, Inode, Mount, MountFlags, Path};

static BOOT: Once = Once::new();

struct Dev;

impl FileSystem for Dev {
    fn name(&self) -> &'static str {
        "devtmpfs"
    }

    fn root(&self) -> Arc<dyn Inode> {
        devfs::root()
    }

    fn statfs(&self) -> abi::stat::Statfs {
        abi::stat::Statfs::default()
    }
}

fn context() -> Context {
    BOOT.call_once(devfs::register);
    let mount = Mount::new(Arc::new(Dev), MountFlags::empty(), b"dev");
    let root = Path {
        dentry: Arc::clone(mount.root()),
        mount,
    };
    Context::new(root, Arc::new(Credentials::root()))
}

#[test]
fn null_zero_and_full_read_and_write_as_their_names_say() {
    let context = context();
    let open = |name: &[u8]| {
        context
            .open(&context.root, name, How::new(OpenFlags::RDWR))
            .expect("opened")
    };
    let mut bytes = [7; 4];
    let (null, zero, full) = (open(b"null"), open(b"zero"), open(b"full"));
    assert_eq!(null.read(&mut Sink::kernel(&mut bytes)), Ok(0));
    assert_eq!(null.write(&mut Source::kernel(b"abc")), Ok(3));
    assert_eq!(zero.read(&mut Sink::kernel(&mut bytes)), Ok(4));
    assert_eq!(bytes, [0; 4]);
    assert_eq!(zero.read_at(1 << 40, &mut Sink::kernel(&mut bytes)), Ok(4));
    assert_eq!(
        full.write(&mut Source::kernel(b"abc")).expect_err("full").errno,
        Errno::ENOSPC
    );
    assert_eq!(null.ioctl(0x5401, 0).expect_err("no terminal").errno, Errno::ENOTTY);
    assert_eq!(null.truncate(0).expect_err("no file").errno, Errno::EINVAL);
    assert_eq!(null.seek(100, 1), Ok(0));
    assert_eq!(null.attributes().rdev, makedev(1, 3));
}

#[test]
fn random_bytes_differ() {
    let context = context();
    let file = context
        .open(&context.root, b"urandom", How::new(OpenFlags::empty()))
        .expect("opened");
    let (mut one, mut other) = ([0; 300], [0; 300]);
    assert_eq!(file.read(&mut Sink::kernel(&mut one)), Ok(300));
    assert_eq!(file.read(&mut Sink::kernel(&mut other)), Ok(300));
    assert_ne!(one, other);
}

#[test]
fn every_listed_name_is_found() {
    let context = context();
    let directory = context.open_place(&context.root, OpenFlags::DIRECTORY).expect("opened");
    let mut names = Vec::new();
    directory
        .read_directory(&mut |entry| {
            names.push((entry.name.to_vec(), entry.ino));
            true
        })
        .expect("listed");
    assert_eq!(names.len(), 17);
    for (name, ino) in &names[2..] {
        assert_eq!(context.stat(&context.root, name, false).expect("there").ino, *ino);
    }
    let missing = context.open(&context.root, b"ptmx", How::new(OpenFlags::RDWR));
    assert_eq!(missing.expect_err("no pseudo-terminals").errno, Errno::ENXIO);
}
