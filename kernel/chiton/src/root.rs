//! The file systems of the machine: the root image with a writable layer, `/dev`, `/proc`, `/sys`.

use crate::processes::Processes;
use abi::Result;
use address::PhysAddr;
use alloc::sync::Arc;
use core::ops::Range;
use tmpfs::Tmpfs;
use vfs::{Context, Credentials, FileSystem, Mount, MountFlags, Path};

/// Mounts them; returns the root.
pub(crate) fn mount(image: Option<&Range<PhysAddr>>) -> Result<Path> {
    if let Some(range) = image {
        frames::show(range)?;
    }
    let top: Arc<dyn FileSystem> = match hal::boot::image() {
        Some(bytes) => Tmpfs::over(&*erofs::Erofs::new(bytes)?, Tmpfs::default_pages()),
        None => Tmpfs::new(Tmpfs::default_pages(), 0o755),
    };
    let mount = Mount::new(top, MountFlags::RELATIVE_ATIME, b"overlay");
    vfs::set_root(&mount);
    let root = Path {
        dentry: Arc::clone(mount.root()),
        mount,
    };
    devfs::register();
    pipe::register();
    let view = Context::new(root.clone(), Arc::new(Credentials::root()));
    let kept = MountFlags::RELATIVE_ATIME;
    let bare = MountFlags::NO_SUID | MountFlags::NO_DEVICES | MountFlags::NO_EXECUTE | kept;
    let devices = Tmpfs::over_devices(devfs::root());
    mount_on(&view, b"/dev", devices, MountFlags::NO_SUID | kept, b"devtmpfs");
    let bare_devices = MountFlags::NO_SUID | MountFlags::NO_EXECUTE | kept;
    mount_made(&view, b"/dev/pts", &devfs::pts_mount(bare_devices));
    let shared = Tmpfs::new(Tmpfs::default_pages(), 0o1777);
    mount_on(
        &view,
        b"/dev/shm",
        shared,
        MountFlags::NO_SUID | MountFlags::NO_DEVICES | kept,
        b"tmpfs",
    );
    procfs::register(Arc::new(Processes));
    mount_on(&view, b"/proc", procfs::procfs(), bare, b"proc");
    mount_on(&view, b"/sys", procfs::sysfs(), bare | MountFlags::READ_ONLY, b"sysfs");
    Ok(root)
}

/// The console is the application's, and so is its file, whoever that runs as.
pub(crate) fn give_console(root: &Path, user: &[u32]) -> Result<()> {
    let Some(uid) = user.first() else { return Ok(()) };
    let view = Context::new(root.clone(), Arc::new(Credentials::root()));
    view.chown(&view.resolve(root, b"/dev/console", true)?, Some(*uid), None)
}

/// Where the C library looks up whom to ask for names is what the network said, unless the image has an opinion of its own.
pub(crate) fn link_resolver(root: &Path) {
    let view = Context::new(root.clone(), Arc::new(Credentials::root()));
    // Both may be there already.
    let _ = view.mkdir(root, b"/etc", 0o755);
    let _ = view.symlink(b"/proc/net/pnp", root, b"/etc/resolv.conf");
}

/// Mounts a file system on a directory, which is made if it is not there.
fn mount_on(view: &Context, place: &[u8], file_system: Arc<dyn FileSystem>, flags: MountFlags, source: &[u8]) {
    mount_made(view, place, &Mount::new(file_system, flags, source));
}

fn mount_made(view: &Context, place: &[u8], mount: &Arc<Mount>) {
    let found = view.resolve(&view.root, place, true).or_else(|_| {
        view.mkdir(&view.root, place, 0o755)?;
        view.resolve(&view.root, place, true)
    });
    let mounted = found.and_then(|at| vfs::mount_at(&at, mount));
    if let Err(error) = mounted {
        trace::warn!(
            "{} is not mounted: {error:?}",
            alloc::string::String::from_utf8_lossy(place)
        );
    }
}
