//! The writable layer: what is below shows until it is changed, and is never changed itself.

mod ground;

use abi::Errno;
use abi::fcntl::{
    FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE, OpenFlags, RenameFlags, SEEK_DATA, SEEK_HOLE,
};
use ground::{Ground, errno};
use hal::Access;
use proptest::prelude::*;
use std::sync::Arc;
use tmpfs::Tmpfs;
use usermem::{Sink, Source};
use vfs::Replace;

/// A lower tree, and the layer over it.
fn layered() -> (Ground, Ground) {
    let lower = Ground::new();
    lower.directory("/etc");
    lower.directory("/etc/deep");
    lower.file("/etc/passwd", &[b'p'; 10_000]);
    lower.file("/etc/deep/x", b"x");
    lower.file("/gone", b"gone");
    lower
        .context
        .link(
            &lower
                .context
                .resolve(&lower.context.cwd, b"/gone", true)
                .expect("there"),
            &lower.context.cwd,
            b"/alias",
        )
        .expect("linked");
    let upper = Tmpfs::over(&**lower.context.root.mount.file_system(), 64);
    (lower, Ground::on(upper))
}

#[test]
fn what_is_below_shows_and_stays_as_it_is() {
    let (lower, upper) = layered();
    assert_eq!(upper.read("/etc/passwd"), [b'p'; 10_000]);
    let file = upper.open("/etc/passwd", OpenFlags::RDWR).expect("there");
    file.write_at(5000, &mut Source::kernel(b"HELLO")).expect("written");
    assert_eq!(upper.used(), 1, "one page was copied up");
    let mut expected = [b'p'; 10_000];
    expected[5000..5005].copy_from_slice(b"HELLO");
    assert_eq!(upper.read("/etc/passwd"), expected);
    assert_eq!(lower.read("/etc/passwd"), [b'p'; 10_000]);
    assert_eq!(
        file.page(0, Access::Read).expect("there").number(),
        lower
            .open("/etc/passwd", OpenFlags::empty())
            .and_then(|file| file.page(0, Access::Read))
            .expect("there")
            .number(),
        "an unchanged page is the lower one itself"
    );
}

#[test]
fn removed_names_stay_removed_and_new_ones_take_their_place() {
    let (lower, upper) = layered();
    let (c, at) = (&upper.context, &upper.context.cwd);
    c.unlink(at, b"/etc/passwd").expect("removed");
    assert_eq!(upper.errno("/etc/passwd"), Errno::ENOENT);
    assert_eq!(upper.names("/etc"), ["deep"]);
    upper.file("/etc/passwd", b"new");
    assert_eq!(upper.names("/etc"), ["deep", "passwd"]);
    assert_eq!(upper.read("/etc/passwd"), b"new");
    assert_eq!(errno(c.rmdir(at, b"/etc/deep")), Errno::ENOTEMPTY);
    c.unlink(at, b"/etc/deep/x").expect("removed");
    c.rmdir(at, b"/etc/deep").expect("removed");
    upper.directory("/etc/deep");
    assert!(upper.names("/etc/deep").is_empty(), "what was below does not come back");
    vfs::shrink();
    assert_eq!(upper.names("/etc"), ["deep", "passwd"]);
    assert_eq!(lower.names("/etc/deep"), ["x"]);
}

#[test]
fn a_directory_from_below_moves_with_what_is_in_it() {
    let (_lower, upper) = layered();
    let c = &upper.context;
    c.rename(&c.cwd, b"/etc", &c.cwd, b"/usr", RenameFlags::empty())
        .expect("moved");
    assert_eq!(upper.errno("/etc"), Errno::ENOENT);
    assert_eq!(upper.read("/usr/deep/x"), b"x");
    c.rename(&c.cwd, b"/usr", &c.cwd, b"/etc", RenameFlags::empty())
        .expect("moved back");
    assert_eq!(upper.names("/"), ["alias", "etc", "gone"]);
}

#[test]
fn two_names_of_a_file_below_stay_one_file() {
    let (_lower, upper) = layered();
    let file = upper.open("/gone", OpenFlags::WRONLY).expect("there");
    file.write(&mut Source::kernel(b"both")).expect("written");
    assert_eq!(upper.read("/alias"), b"both");
    upper.context.unlink(&upper.context.cwd, b"/gone").expect("removed");
    assert_eq!(
        upper
            .open("/alias", OpenFlags::empty())
            .expect("there")
            .attributes()
            .nlink,
        1
    );
}

#[test]
fn shrinking_keeps_what_was_changed() {
    let (_lower, upper) = layered();
    let c = &upper.context;
    let place = c.resolve(&c.cwd, b"/etc/deep/x", true).expect("there");
    c.chmod(&place, 0o600).expect("changed");
    drop(place);
    let mount = Arc::clone(&c.root.mount);
    mount.file_system().shrink();
    assert_eq!(c.stat(&c.cwd, b"/etc/deep/x", true).expect("there").mode & 0o777, 0o600);
}

#[test]
fn a_full_file_system_says_so_and_takes_more_after_a_removal() {
    let upper = Ground::on({
        ground::boot();
        Tmpfs::new(4, 0o755)
    });
    let file = upper.open("/big", OpenFlags::CREAT | OpenFlags::RDWR).expect("made");
    assert_eq!(file.write(&mut Source::kernel(&[1; 5 * 4096])), Ok(4 * 4096));
    assert_eq!(errno(file.write(&mut Source::kernel(b"x"))), Errno::ENOSPC);
    assert_eq!(errno(file.allocate(0, 0, 1 << 30)), Errno::ENOSPC);
    file.truncate(0).expect("cut");
    assert_eq!(upper.used(), 0);
    assert_eq!(file.position(), 4 * 4096);
}

#[test]
fn holes_and_data_are_found() {
    let g = Ground::new();
    let file = g.open("/sparse", OpenFlags::CREAT | OpenFlags::RDWR).expect("made");
    file.write_at(3 * 4096, &mut Source::kernel(b"data")).expect("written");
    file.truncate(10 * 4096).expect("extended");
    assert_eq!(file.seek(0, SEEK_DATA), Ok(3 * 4096));
    assert_eq!(file.seek(0, SEEK_HOLE), Ok(0));
    assert_eq!(file.seek(3 * 4096 + 5, SEEK_HOLE), Ok(4 * 4096));
    assert_eq!(errno(file.seek(5 * 4096, SEEK_DATA)), Errno::ENXIO);
    assert_eq!(errno(file.seek(10 * 4096, SEEK_HOLE)), Errno::ENXIO);
    assert_eq!(file.attributes().blocks, 8);
}

#[test]
fn extended_attributes_are_kept() {
    let (_lower, upper) = layered();
    let file = upper.open("/etc/passwd", OpenFlags::empty()).expect("there");
    let inode = file.inode().expect("there");
    assert_eq!(errno(inode.xattr(b"user.a")), Errno::ENODATA);
    inode.set_xattr(b"user.a", b"1", Replace::Never).expect("set");
    assert_eq!(errno(inode.set_xattr(b"user.a", b"2", Replace::Never)), Errno::EEXIST);
    assert_eq!(errno(inode.set_xattr(b"user.b", b"2", Replace::Always)), Errno::ENODATA);
    assert_eq!(
        errno(inode.set_xattr(b"system.x", b"2", Replace::Any)),
        Errno::EOPNOTSUPP
    );
    assert_eq!(inode.xattr(b"user.a").expect("there"), b"1");
    assert_eq!(inode.xattr_names(), b"user.a\0");
    inode.remove_xattr(b"user.a").expect("removed");
    assert!(inode.xattr_names().is_empty());
}

#[derive(Clone, Debug)]
enum Step {
    Write(u64, u8, usize),
    Append(u8, usize),
    Resize(u64),
    Punch(u64, u64),
    Zero(u64, u64),
    Map(u64, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let offset = 0..20_000u64;
    prop_oneof![
        (offset.clone(), 1..255u8, 1..9000usize).prop_map(|(at, byte, len)| Step::Write(at, byte, len)),
        (1..255u8, 1..5000usize).prop_map(|(byte, len)| Step::Append(byte, len)),
        (0..25_000u64).prop_map(Step::Resize),
        (offset.clone(), 1..9000u64).prop_map(|(at, len)| Step::Punch(at, len)),
        (offset.clone(), 1..9000u64).prop_map(|(at, len)| Step::Zero(at, len)),
        (offset, 1..255u8).prop_map(|(at, byte)| Step::Map(at, byte)),
    ]
}

fn fill(model: &mut Vec<u8>, at: usize, byte: u8, len: usize) {
    model.resize(model.len().max(at + len), 0);
    model[at..at + len].fill(byte);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn a_file_over_a_lower_one_behaves_as_bytes(steps in prop::collection::vec(step(), 1..25)) {
        let (lower, upper) = layered();
        let mut model = vec![b'p'; 10_000];
        let file = upper.open("/etc/passwd", OpenFlags::RDWR).expect("there");
        let appending = upper.open("/etc/passwd", OpenFlags::WRONLY | OpenFlags::APPEND).expect("there");
        for step in steps {
            match step {
                Step::Write(at, byte, len) => {
                    prop_assert_eq!(file.write_at(at, &mut Source::kernel(&vec![byte; len])), Ok(len));
                    fill(&mut model, at as usize, byte, len);
                }
                Step::Append(byte, len) => {
                    prop_assert_eq!(appending.write(&mut Source::kernel(&vec![byte; len])), Ok(len));
                    let end = model.len();
                    fill(&mut model, end, byte, len);
                }
                Step::Resize(size) => {
                    file.truncate(size).expect("resized");
                    model.resize(size as usize, 0);
                }
                Step::Punch(at, len) => {
                    file.allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, len).expect("punched");
                    let end = model.len().min((at + len) as usize);
                    if (at as usize) < end { model[at as usize..end].fill(0); }
                }
                Step::Zero(at, len) => {
                    file.allocate(FALLOC_FL_ZERO_RANGE, at, len).expect("zeroed");
                    fill(&mut model, at as usize, 0, len as usize);
                }
                Step::Map(at, byte) => {
                    // A mapping may write anywhere in the page, behind the end of the file too.
                    let page = file.page(at / 4096, Access::Write);
                    prop_assert_eq!(page.is_ok(), at / 4096 < (model.len() as u64).div_ceil(4096));
                    if let Ok(page) = page {
                        page.write(at as usize % 4096, &[byte]);
                        if let Some(to) = model.get_mut(at as usize) { *to = byte; }
                    }
                }
            }
            let mut content = vec![0; model.len() + 10];
            let len = file.read_at(0, &mut Sink::kernel(&mut content)).expect("read");
            prop_assert_eq!(len, model.len());
            prop_assert!(content[..len] == model[..], "the content differs");
        }
        drop((file, appending));
        upper.context.unlink(&upper.context.cwd, b"/etc/passwd").expect("removed");
        prop_assert_eq!(upper.used(), 0, "all pages are free again");
        prop_assert_eq!(lower.read("/etc/passwd"), vec![b'p'; 10_000]);
    }
}

#[test]
fn a_memory_file_keeps_to_its_seals() {
    ground::boot();
    const SEAL: u32 = 1;
    const SHRINK: u32 = 2;
    const GROW: u32 = 4;
    const WRITE: u32 = 8;
    let file = tmpfs::memory_file(b"name", (1, 2), tmpfs::Sealable::Yes).expect("made");
    let inode = file.inode().expect("there");
    assert_eq!(file.path().text(None), b"/memfd:name (deleted)");
    assert_eq!((file.attributes().uid, file.attributes().mode & 0o777), (1, 0o777));
    assert_eq!(file.write(&mut Source::kernel(b"12345678")), Ok(8));
    inode.add_seals(GROW | SHRINK).expect("sealed");
    assert_eq!(errno(file.truncate(4)), Errno::EPERM);
    assert_eq!(errno(file.truncate(9)), Errno::EPERM);
    assert_eq!(errno(file.write(&mut Source::kernel(b"9"))), Errno::EPERM);
    assert_eq!(file.write_at(0, &mut Source::kernel(b"abc")), Ok(3));
    inode.add_seals(WRITE | SEAL).expect("sealed");
    assert_eq!(errno(file.write_at(0, &mut Source::kernel(b"x"))), Errno::EPERM);
    assert_eq!(errno(inode.add_seals(WRITE)), Errno::EPERM);
    assert_eq!(inode.seals(), Ok(SEAL | SHRINK | GROW | WRITE));
    let plain = tmpfs::memory_file(b"", (0, 0), tmpfs::Sealable::No).expect("made");
    assert_eq!(errno(plain.inode().expect("there").add_seals(GROW)), Errno::EPERM);
}

#[test]
fn what_runs_is_not_written_and_what_is_written_does_not_run() {
    let g = Ground::new();
    g.file("/program", b"code");
    let place = g.context.resolve(&g.context.cwd, b"/program", true).expect("there");
    let writer = g.open("/program", OpenFlags::WRONLY).expect("opened");
    assert_eq!(errno(vfs::Running::new(&place)), Errno::ETXTBSY);
    drop(writer);
    let running = vfs::Running::new(&place).expect("it runs");
    let again = vfs::Running::new(&place).expect("twice");
    assert_eq!(errno(g.open("/program", OpenFlags::RDWR)), Errno::ETXTBSY);
    assert_eq!(
        errno(g.open("/program", OpenFlags::WRONLY | OpenFlags::TRUNC)),
        Errno::ETXTBSY
    );
    assert_eq!(errno(g.context.truncate(&place, 0)), Errno::ETXTBSY);
    assert_eq!(g.read("/program"), b"code");
    drop((running, again));
    assert!(g.open("/program", OpenFlags::RDWR).is_ok());
}
