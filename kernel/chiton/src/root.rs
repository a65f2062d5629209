//! The file systems of the machine: the root image with a writable layer, `/dev`, `/proc`.

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
        Some(bytes) => Tmpfs::over(erofs::Erofs::new(bytes)?.root(), Tmpfs::default_pages()),
        None => Tmpfs::new(Tmpfs::default_pages(), 0o755),
    };
    let mount = Mount::new(top, MountFlags::empty(), b"chiton");
    vfs::set_root(&mount);
    let root = Path {
        dentry: Arc::clone(mount.root()),
        mount,
    };
    devfs::register();
    ipc::register();
    let view = Context::new(root.clone(), Arc::new(Credentials::root()));
    let devices = Tmpfs::over(devfs::root(), Tmpfs::default_pages());
    mount_on(&view, b"/dev", devices, MountFlags::empty(), b"dev");
    Ok(root)
}

/// Mounts a file system on a directory, which is made if it is not there.
fn mount_on(view: &Context, place: &[u8], file_system: Arc<dyn FileSystem>, flags: MountFlags, source: &[u8]) {
    let found = view.resolve(&view.root, place, true).or_else(|_| {
        view.mkdir(&view.root, place, 0o755)?;
        view.resolve(&view.root, place, true)
    });
    let mounted = found.and_then(|at| vfs::mount_at(&at, &Mount::new(file_system, flags, source)));
    if let Err(error) = mounted {
        trace::warn!(
            "{} is not mounted: {error:?}",
            alloc::string::String::from_utf8_lossy(place)
        );
    }
}
