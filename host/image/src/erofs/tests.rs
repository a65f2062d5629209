//! What the writer writes, the reader reads, and `fsck.erofs` accepts.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;

use super::{EntryKind, Image, write};
use crate::tree::{Attributes, Content, Kind, Node, Tree};

/// A file to be put somewhere.
#[derive(Debug, Clone)]
enum Thing {
    Directory(u16),
    Text(Vec<u8>),
    Link(String),
    Device(u32),
}

fn thing() -> impl Strategy<Value = Thing> {
    prop_oneof![
        (0_u16..0o10000).prop_map(Thing::Directory),
        proptest::collection::vec(any::<u8>(), 0..100).prop_map(Thing::Text),
        (0_usize..20_000).prop_map(|size| Thing::Text(vec![7; size])),
        "[a-z/.]{1,200}".prop_map(Thing::Link),
        (1_usize..5000).prop_map(|size| Thing::Link("x".repeat(size))),
        any::<u32>().prop_map(Thing::Device),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]",
        "[!-.0-~]{1,20}",
        (200_usize..=255).prop_map(|size| "n".repeat(size))
    ]
    .prop_filter("dots are directories of their own", |name| name != "." && name != "..")
}

prop_compose! {
    fn tree()(things in proptest::collection::vec((proptest::collection::vec(name(), 1..4), thing(), any::<(u32, u32, i32)>()), 0..60)) -> Tree {
        let mut tree = Tree::new();
        for (names, thing, (uid, gid, mtime)) in things {
            let path: PathBuf = std::iter::once("/".to_string()).chain(names).collect();
            let attributes = |mode| Attributes { mode, uid, gid, mtime: mtime.into(), mtime_nsec: uid % 1_000_000_000 };
            let node = match thing {
                Thing::Directory(mode) => Node::directory(attributes(mode)),
                Thing::Text(text) => Node { attributes: attributes(0o644), kind: Kind::File(Content::Bytes(text)) },
                Thing::Link(target) => Node { attributes: attributes(0o777), kind: Kind::Symlink(target.into()) },
                Thing::Device(device) => Node { attributes: attributes(0o600), kind: Kind::Special { file_type: 0o020_000, device } },
            };
            // A path through another file is refused, and the rest goes on.
            tree.insert(&path, node).ok();
        }
        tree
    }
}

fn written(tree: &Tree) -> (tempfile::TempDir, PathBuf) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("image");
    let size = write(tree, &mut File::create(&path).unwrap(), &mut |_, _| {}).unwrap();
    assert_eq!(size, std::fs::metadata(&path).unwrap().len());
    (scratch, path)
}

fn check(tree: &Tree, path: &Path) {
    let image = Image::open(path).unwrap();
    let mut entries = image.entries().unwrap().into_iter();
    assert_eq!(entries.next().unwrap().path, Path::new("/"));
    let mut found: Vec<_> = entries.collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    let mut wanted = Vec::new();
    tree.walk(&mut |path, node| wanted.push((path.to_path_buf(), node)));
    wanted.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found.len(), wanted.len());
    for (entry, (path, node)) in found.iter().zip(wanted) {
        assert_eq!(entry.path, path);
        let attributes = &node.attributes;
        assert_eq!(
            (entry.mode & 0o7777, entry.uid, entry.gid),
            (attributes.mode, attributes.uid, attributes.gid)
        );
        assert_eq!(entry.mtime, attributes.mtime);
        match &node.kind {
            Kind::Directory(_) => assert_eq!(entry.kind, EntryKind::Directory),
            Kind::Symlink(target) => assert_eq!(entry.kind, EntryKind::Symlink(target.clone())),
            Kind::Special { device, .. } => assert_eq!(entry.kind, EntryKind::Special(*device)),
            Kind::File(Content::Bytes(bytes)) => {
                let same_place = tree.resolve(&path).is_some_and(|(real, _)| real == path);
                assert!(!same_place || image.read(&path).unwrap().as_ref() == Some(bytes));
                assert_eq!(entry.size, bytes.len() as u64);
            }
            Kind::File(Content::Host(_)) => unreachable!("the test makes none"),
        }
    }
}

/// `fsck.erofs` agrees, if it is there.
fn check_with_tools(path: &Path) {
    if let Ok(output) = Command::new("fsck.erofs").arg(path).output() {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(tree in tree()) {
        let (_scratch, path) = written(&tree);
        check(&tree, &path);
        check_with_tools(&path);
    }

    #[test]
    fn damaged_images_never_panic(tree in tree(), damage in proptest::collection::vec((any::<u32>(), any::<u8>()), 1..20)) {
        let (_scratch, path) = written(&tree);
        let file = File::options().write(true).open(&path).unwrap();
        let size = std::fs::metadata(&path).unwrap().len();
        for (at, byte) in damage {
            file.write_all_at(&[byte], u64::from(at) % size).unwrap();
        }
        if let Ok(image) = Image::open(&path) {
            image.entries().ok();
            image.read(Path::new("/a/b")).ok();
        }
    }
}

#[test]
fn directories_of_many_blocks() {
    let mut tree = Tree::new();
    for number in 0..3000 {
        tree.insert(
            Path::new(&format!("/many/file-{number}")),
            Node::text(0o644, number.to_string()),
        )
        .unwrap();
    }
    let (_scratch, path) = written(&tree);
    check(&tree, &path);
    check_with_tools(&path);
}

#[test]
fn every_file_starts_on_a_block_and_ends_with_zeros() {
    let mut tree = Tree::new();
    tree.insert(Path::new("/a"), Node::text(0o644, vec![0xff; 5000]))
        .unwrap();
    tree.insert(Path::new("/b"), Node::text(0o644, vec![0xee; 1])).unwrap();
    let (_scratch, path) = written(&tree);
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes.len(), 4096 + 8192 + 4096);
    assert!(bytes[4096..4096 + 5000].iter().all(|byte| *byte == 0xff));
    assert!(bytes[4096 + 5000..3 * 4096].iter().all(|byte| *byte == 0));
    assert_eq!(bytes[3 * 4096], 0xee);
}

#[test]
fn a_host_file_that_shrinks_meanwhile_is_an_error() {
    let scratch = tempfile::tempdir().unwrap();
    let source = scratch.path().join("source");
    std::fs::write(&source, vec![1; 200_000]).unwrap();
    let mut tree = Tree::new();
    tree.insert(
        Path::new("/x"),
        Node::host_file(&source, &std::fs::metadata(&source).unwrap()),
    )
    .unwrap();
    std::fs::write(&source, "short").unwrap();
    let mut out = File::create(scratch.path().join("image")).unwrap();
    let error = write(&tree, &mut out, &mut |_, _| {}).unwrap_err();
    assert!(error.cause.contains("shorter"), "{error}");
}
