//! What is mounted where.

use crate::tree::Scope;
use abi::Result;
use abi::stat::{major, minor};
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use vfs::{Mount, MountFlags, Path};

/// All mounts that a process sees, parents before children.
fn visible(scope: &Scope) -> Result<(Path, Vec<Arc<Mount>>)> {
    let root = scope.process()?.root();
    let mut mounts = alloc::vec![Arc::clone(&root.mount)];
    let mut at = 0;
    while let Some(mount) = mounts.get(at).cloned() {
        mounts.extend(mount.children());
        at += 1;
    }
    Ok((root, mounts))
}

/// Where a mount is seen; nothing for one that is outside of the root.
fn place(mount: &Arc<Mount>, root: &Path) -> Option<Vec<u8>> {
    let top = Path {
        mount: Arc::clone(mount),
        dentry: Arc::clone(mount.root()),
    };
    let text = top.text(Some(root));
    text.starts_with(b"/").then(|| escaped(&text))
}

/// Spaces and their like as `\040`.
fn escaped(text: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len());
    for byte in text {
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\\') {
            escaped.extend_from_slice(format!("\\{byte:03o}").as_bytes());
        } else {
            escaped.push(*byte);
        }
    }
    escaped
}

fn options(flags: MountFlags) -> Vec<u8> {
    let mut text = if flags.contains(MountFlags::READ_ONLY) {
        b"ro"
    } else {
        b"rw"
    }
    .to_vec();
    for (flag, name) in [
        (MountFlags::NO_SUID, &b",nosuid"[..]),
        (MountFlags::NO_DEVICES, b",nodev"),
        (MountFlags::NO_EXECUTE, b",noexec"),
        (MountFlags::NO_ATIME, b",noatime"),
        (MountFlags::RELATIVE_ATIME, b",relatime"),
    ] {
        if flags.contains(flag) {
            text.extend_from_slice(name);
        }
    }
    text
}

/// The file system's own options, behind a comma if there are any.
fn own_options(mount: &Mount) -> Vec<u8> {
    let own = mount.file_system().options();
    if own.is_empty() {
        own
    } else {
        [&b","[..], &own].concat()
    }
}

pub(crate) fn mounts(scope: &Scope) -> Result<Vec<u8>> {
    let (root, mounts) = visible(scope)?;
    let mut text = Vec::new();
    for mount in mounts {
        let Some(place) = place(&mount, &root) else { continue };
        for part in [
            &escaped(mount.source())[..],
            b" ",
            &place,
            b" ",
            mount.file_system().name().as_bytes(),
            b" ",
            &options(mount.flags()),
            &own_options(&mount),
            b" 0 0\n",
        ] {
            text.extend_from_slice(part);
        }
    }
    Ok(text)
}

pub(crate) fn mount_info(scope: &Scope) -> Result<Vec<u8>> {
    let (root, mounts) = visible(scope)?;
    let mut text = Vec::new();
    for mount in mounts {
        let Some(place) = place(&mount, &root) else { continue };
        let parent = mount.place().map_or(mount.id(), |place| place.mount.id());
        let device = mount.root().inode().map_or(0, |inode| inode.attributes().dev);
        let flags = mount.flags();
        let super_options = options(flags & MountFlags::READ_ONLY);
        let head = format!("{} {parent} {}:{} / ", mount.id(), major(device), minor(device));
        for part in [
            head.as_bytes(),
            &place,
            b" ",
            &options(flags),
            b" - ",
            mount.file_system().name().as_bytes(),
            b" ",
            &escaped(mount.source()),
            b" ",
            &super_options,
            &own_options(&mount),
            b"\n",
        ] {
            text.extend_from_slice(part);
        }
    }
    Ok(text)
}

pub(crate) fn file_systems(_scope: &Scope) -> Result<Vec<u8>> {
    let names = ["sysfs", "tmpfs", "proc", "devtmpfs", "overlay", "pipefs", "devpts"];
    let mut text: Vec<u8> = names
        .iter()
        .flat_map(|name| format!("nodev\t{name}\n").into_bytes())
        .collect();
    text.extend_from_slice(b"\terofs\n");
    Ok(text)
}
