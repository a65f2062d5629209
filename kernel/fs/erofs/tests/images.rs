//! Images that `mkfs.erofs` made, mounted: what is read, mapped and listed is one thing; damaged ones give errors.

use abi::Errno;
use abi::fcntl::OpenFlags;
use erofs::Erofs;
use hal::Access;
use std::sync::{Arc, Once};
use usermem::Sink;
use vfs::{Context, Credentials, How, Kind, Mount, MountFlags, Path};

static PLAIN: &[u8] = include_bytes!("../../../wire/erofs/src/tests/plain.erofs");
static CHUNKS: &[u8] = include_bytes!("../../../wire/erofs/src/tests/chunks.erofs");
static BOOT: Once = Once::new();

fn mounted(image: &'static [u8]) -> Context {
    BOOT.call_once(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
    });
    let mount = Mount::new(Erofs::new(image).expect("an image"), MountFlags::READ_ONLY, b"image");
    let root = Path {
        dentry: Arc::clone(mount.root()),
        mount,
    };
    Context::new(root, Arc::new(Credentials::root()))
}

/// Checks a directory and all below it; returns how many files there were.
fn check(context: &Context, at: &Path) -> usize {
    let directory = context.open_place(at, OpenFlags::DIRECTORY).expect("opened");
    let mut names = Vec::new();
    directory
        .read_directory(&mut |entry| {
            names.push((entry.name.to_vec(), entry.ino, entry.kind));
            true
        })
        .expect("listed");
    let mut count = 0;
    for (name, ino, kind) in names {
        if name == b"." || name == b".." {
            continue;
        }
        let place = context.resolve(at, &name, false).expect("what is listed is found");
        let attributes = place.attributes().expect("there");
        assert_eq!((attributes.ino, attributes.kind()), (ino, kind));
        count += 1;
        match kind {
            Kind::Directory => count += check(context, &place),
            Kind::Regular => check_file(context, &place, attributes.size),
            Kind::Symlink => assert_eq!(context.link_text(&place).expect("a link").len() as u64, attributes.size),
            _ => {}
        }
    }
    count
}

fn check_file(context: &Context, place: &Path, size: u64) {
    let file = context.open_place(place, OpenFlags::empty()).expect("opened");
    let mut content = vec![0xaa; size as usize + 1];
    assert_eq!(file.read(&mut Sink::kernel(&mut content)), Ok(size as usize));
    content.truncate(size as usize);
    for (index, expected) in content.chunks(4096).enumerate() {
        let mut bytes = [0xaa; 4096];
        file.page(index as u64, Access::Read)
            .expect("a page")
            .read(0, &mut bytes);
        assert!(bytes[..expected.len()] == *expected, "page {index} of {place:?}");
        assert!(
            bytes[expected.len()..].iter().all(|byte| *byte == 0),
            "zeros follow the end"
        );
    }
    let beyond = file
        .page(size.div_ceil(4096), Access::Read)
        .expect_err("nothing is there");
    assert_eq!(beyond.errno, Errno::EFAULT);
}

#[test]
fn every_file_reads_and_maps_alike() {
    for image in [PLAIN, CHUNKS] {
        let context = mounted(image);
        assert!(check(&context, &context.root) > 10);
    }
}

#[test]
fn nothing_is_written() {
    let context = mounted(PLAIN);
    let how = How::new(OpenFlags::CREAT | OpenFlags::WRONLY);
    let refused = context.open(&context.root, b"new", how).expect_err("read only");
    assert_eq!(refused.errno, Errno::EROFS);
    assert!(Erofs::new(&PLAIN[..1100]).is_err());
    assert!(Erofs::new(b"").is_err());
}
