//! Images that `mkfs.erofs` 1.5 made (`plain.erofs`, and `chunks.erofs` with `--chunksize=4096`, both of one directory tree) are read right, and
//! damaged ones give errors.

extern crate std;

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use crate::*;

static PLAIN: &[u8] = include_bytes!("tests/plain.erofs");
static CHUNKS: &[u8] = include_bytes!("tests/chunks.erofs");

fn images() -> [Image<'static>; 2] {
    [Image::new(PLAIN).unwrap(), Image::new(CHUNKS).unwrap()]
}

fn walk(image: &Image<'_>, path: &str) -> Option<Inode> {
    path.split('/')
        .filter(|name| !name.is_empty())
        .try_fold(image.inode(image.root()).unwrap(), |inode, name| {
            let (nid, _) = image.lookup(&inode, name.as_bytes()).unwrap()?;
            Some(image.inode(nid).unwrap())
        })
}

fn content(image: &Image<'_>, path: &str) -> Vec<u8> {
    let inode = walk(image, path).unwrap();
    let mut bytes = vec![0xaa; inode.size as usize + 100];
    let len = image.read(&inode, 0, &mut bytes).unwrap();
    bytes.truncate(len);
    bytes
}

#[test]
fn superblock_and_checksum() {
    for image in images() {
        assert_eq!(image.block_size(), 4096);
        assert_eq!(image.verify_checksum(), Ok(()));
        assert!(image.inode(image.root()).unwrap().is_directory());
    }
    let mut damaged = Vec::from(PLAIN);
    damaged[2000] ^= 1;
    assert_eq!(Image::new(&damaged).unwrap().verify_checksum(), Err(Error::Corrupt));
    damaged[1024 + 80] = 0x80;
    assert_eq!(Image::new(&damaged).unwrap_err(), Error::Unsupported);
    damaged[1024] = 0;
    assert_eq!(Image::new(&damaged).unwrap_err(), Error::NotErofs);
    assert_eq!(Image::new(&PLAIN[..1100]).unwrap_err(), Error::NotErofs);
}

#[test]
fn content_in_every_layout() {
    let tail: Vec<u8> = (0..9000).map(|i| ((i * 7) % 251) as u8).collect();
    let exact: Vec<u8> = (0..4096).map(|i| (i % 256) as u8).collect();
    for image in images() {
        assert_eq!(content(&image, "small"), b"hello");
        assert_eq!(content(&image, "tail"), tail);
        assert_eq!(content(&image, "/exact"), exact);
        let sparse = content(&image, "sparse");
        assert_eq!((sparse.len(), &sparse[40960..]), (40963, &b"end"[..]));
        assert!(sparse[..40960].iter().all(|byte| *byte == 0));
        let inode = walk(&image, "tail").unwrap();
        let mut piece = [0; 300];
        assert_eq!(image.read(&inode, 8100, &mut piece), Ok(300));
        assert_eq!(piece[..], tail[8100..8400]);
        assert_eq!(image.read(&inode, 8900, &mut piece), Ok(100));
        assert_eq!(image.read(&inode, 9000, &mut piece), Ok(0));
        assert_eq!(image.read(&inode, u64::MAX, &mut piece), Ok(0));
    }
    assert!(matches!(
        walk(&images()[0], "tail").unwrap().layout,
        Layout::Inline { .. }
    ));
    assert!(matches!(
        walk(&images()[1], "tail").unwrap().layout,
        Layout::Chunks { .. }
    ));
}

#[test]
fn metadata_in_both_inode_forms() {
    for image in images() {
        let small = walk(&image, "small").unwrap();
        assert_eq!(
            (small.mode, small.uid, small.gid, small.size, small.nlink),
            (0o104_755, 100_000, 70_000, 5, 1)
        );
        assert_eq!(small.mtime, 1_700_000_000);
        let null = walk(&image, "null").unwrap();
        assert_eq!(
            (null.mode & 0o170_000, null.rdev, null.layout),
            (0o020_000, 0x103, Layout::None)
        );
        assert_eq!(walk(&image, "pipe").unwrap().mode & 0o170_000, 0o010_000);
        assert_eq!(walk(&image, "sub").unwrap().nlink, 3);
    }
    let tail = walk(&images()[1], "tail").unwrap();
    assert_eq!((tail.mtime, tail.mtime_nsec), (1_700_000_001, 500_000_000));
}

#[test]
fn symbolic_links() {
    for image in images() {
        let link = walk(&image, "sub/link").unwrap();
        assert_eq!(image.readlink(&link), Ok(&b"../target/of/link"[..]));
        assert_eq!(image.readlink(&walk(&image, "small").unwrap()), Err(Error::WrongKind));
    }
}

#[test]
fn every_name_of_a_large_directory_is_listed_and_found() {
    for image in images() {
        let big = walk(&image, "big").unwrap();
        assert!(big.size > 2 * 4096);
        let entries: Vec<Entry<'_>> = image.readdir(&big, 0).unwrap().map(Result::unwrap).collect();
        assert_eq!(entries.len(), 302);
        assert_eq!((entries[0].name, entries[1].name), (&b"."[..], &b".."[..]));
        assert!(entries.is_sorted_by(|a, b| a.name < b.name));
        for (n, entry) in entries.iter().enumerate() {
            assert_eq!(image.lookup(&big, entry.name), Ok(Some((entry.nid, entry.file_type))));
            let rest: Vec<Entry<'_>> = image.readdir(&big, entry.next).unwrap().map(Result::unwrap).collect();
            assert_eq!(rest, entries[n + 1..]);
        }
        for absent in [
            "",
            "a",
            "name",
            "name-of-a-file-999",
            "name-of-a-file-10000",
            "name-of-a-file-1300",
            "zzz",
        ] {
            assert_eq!(image.lookup(&big, absent.as_bytes()), Ok(None));
        }
        assert_eq!(
            image.lookup(&walk(&image, "small").unwrap(), b"x"),
            Err(Error::WrongKind)
        );
    }
}

#[test]
fn attributes_inline_and_shared() {
    for image in images() {
        for file in ["small", "tail", "exact"] {
            assert_eq!(
                image.attribute(&walk(&image, file).unwrap(), b"user.colour"),
                Ok(Some(&b"blue"[..]))
            );
        }
        let tail = walk(&image, "tail").unwrap();
        assert_eq!(image.attributes(&tail).unwrap().count(), 2);
        assert_eq!(image.attribute(&tail, b"user.only"), Ok(Some(&b"x\0y"[..])));
        assert_eq!(image.attribute(&tail, b"user.none"), Ok(None));
        assert_eq!(image.attributes(&walk(&image, "null").unwrap()).unwrap().count(), 0);
    }
}

#[test]
fn whole_pages_are_mapped_in_place() {
    for image in images() {
        let tail = walk(&image, "tail").unwrap();
        let first = image.data_offset(&tail, 0).unwrap();
        assert_eq!(first % 4096, 0);
        assert_eq!(image.bytes()[first..first + 4096], content(&image, "tail")[..4096]);
        assert!(image.data_offset(&tail, 1).is_some());
        assert_eq!(image.data_offset(&tail, 3), None);
        assert_eq!(image.data_offset(&tail, u64::MAX), None);
        assert_eq!(image.data_offset(&walk(&image, "pipe").unwrap(), 0), None);
    }
    let [plain, chunks] = images();
    assert_eq!(
        plain.data_offset(&walk(&plain, "tail").unwrap(), 2),
        None,
        "an inline tail"
    );
    assert!(
        chunks.data_offset(&walk(&chunks, "tail").unwrap(), 2).is_some(),
        "the last block of a chunk"
    );
    assert_eq!(plain.data_offset(&walk(&plain, "small").unwrap(), 0), None);
}

/// Walks the whole image and reads everything, bounded, caring for nothing but that it returns.
fn read_everything(bytes: &[u8]) {
    let Ok(image) = Image::new(bytes) else { return };
    let _ = image.verify_checksum();
    let mut pending = vec![image.root()];
    let mut visited = 0;
    let mut buffer = [0; 5000];
    while let Some(nid) = pending.pop() {
        visited += 1;
        let Ok(inode) = image.inode(nid) else { continue };
        if visited > 400 {
            break;
        }
        for offset in [0, 4090, inode.size / 2, inode.size.saturating_sub(10)] {
            let _ = image.read(&inode, offset, &mut buffer);
            if let Some(at) = image.data_offset(&inode, offset / 4096) {
                assert!(at % 4096 == 0 && at + 4096 <= bytes.len());
            }
        }
        let _ = image.readlink(&inode);
        let _ = image.attribute(&inode, b"user.only");
        if let Ok(entries) = image.readdir(&inode, 0) {
            for entry in entries.take(400).flatten() {
                assert!(!entry.name.is_empty() && !entry.name.contains(&b'/'));
                let _ = image.lookup(&inode, entry.name);
                pending.push(entry.nid);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damaged_images_are_answered(
        chunks in any::<bool>(),
        edits in prop::collection::vec((0..80_000_usize, prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), 0..5000_u64], 1..9_usize), 1..40),
        superblock in prop::option::of((0..128_usize, any::<u8>())),
        cut in 1000..200_000_usize,
    ) {
        let mut bytes = Vec::from(if chunks { CHUNKS } else { PLAIN });
        for (place, value, len) in edits {
            let place = place % bytes.len();
            let end = bytes.len().min(place + len);
            bytes[place..end].copy_from_slice(&value.to_le_bytes()[..end - place]);
        }
        if let Some((place, value)) = superblock {
            bytes[1024 + place] = value;
        }
        bytes.truncate(cut);
        read_everything(&bytes);
    }

    #[test]
    fn damaged_inodes_are_answered(edits in prop::collection::vec((0..1600_usize, any::<u16>()), 1..20)) {
        for image in [PLAIN, CHUNKS] {
            let mut bytes = Vec::from(image);
            let inodes = Image::new(image).unwrap().inodes;
            for (half, value) in &edits {
                bytes[inodes + half * 2..inodes + half * 2 + 2].copy_from_slice(&value.to_le_bytes());
            }
            read_everything(&bytes);
        }
    }
}
