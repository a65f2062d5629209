//! What the device files do.

use abi::Errno;
use abi::fcntl::OpenFlags;
use abi::stat::makedev;
use std::sync::{Arc, Once};
use usermem::{Sink, Source};
use vfs::{Context, Credentials, DirectoryEntry, Events, File, FileSystem, How, Inode, Mount, MountFlags, Path};

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
    assert_eq!(names.len(), 18);
    for (name, ino) in &names[2..] {
        assert_eq!(context.stat(&context.root, name, false).expect("there").ino, *ino);
    }
}

fn read(file: &File) -> Vec<u8> {
    let mut bytes = [0; 100];
    let read = file.read(&mut Sink::kernel(&mut bytes)).expect("read");
    bytes[..read].to_vec()
}

#[test]
fn a_pseudo_terminal_has_a_file_as_long_as_its_master_is_open() {
    let context = context();
    // Whether the reader is in the background depends on who runs: here nobody who has a terminal.
    task::scheduler::start_on_this_cpu();
    let mount = devfs::pts_mount(MountFlags::empty());
    let root = Path {
        dentry: Arc::clone(mount.root()),
        mount,
    };
    let pts = Context::new(root.clone(), Arc::new(Credentials::root()));
    let open = |name: &[u8]| pts.open(&root, name, How::new(OpenFlags::RDWR | OpenFlags::NONBLOCK));
    assert_eq!(open(b"0").expect_err("nothing is there").errno, Errno::ENOENT);
    let flags = OpenFlags::RDWR | OpenFlags::NONBLOCK;
    let master = context.open(&context.root, b"ptmx", How::new(flags)).expect("opened");
    assert_eq!(open(b"0").expect_err("it is locked").errno, Errno::EIO);
    assert_eq!(open(b"00").expect_err("no such name").errno, Errno::ENOENT);
    let terminal = tty::pty::find(0).expect("a pseudo-terminal");
    tty::pty::unlock(&terminal);
    let slave = open(b"0").expect("opened");
    assert_eq!(slave.attributes().rdev, makedev(136, 0));
    assert_eq!(master.write(&mut Source::kernel(b"typed\n")), Ok(6));
    assert_eq!(read(&slave), b"typed\n");
    assert_eq!(read(&master), b"typed\r\n");
    assert_eq!(slave.write(&mut Source::kernel(b"shown")), Ok(5));
    drop(slave);
    assert_eq!(master.ready(), Events::READABLE | Events::WRITABLE | Events::HUP);
    assert_eq!(read(&master), b"shown");
    let mut names = Vec::new();
    let directory = pts.open_place(&root, OpenFlags::DIRECTORY).expect("opened");
    let list = |entry: &DirectoryEntry<'_>| {
        names.push(entry.name.to_vec());
        true
    };
    directory.read_directory(&mut { list }).expect("listed");
    assert_eq!(names, [&b"."[..], b"..", b"ptmx", b"0"]);
    drop(master);
    assert_eq!(open(b"0").expect_err("the master is closed").errno, Errno::ENOENT);
}
