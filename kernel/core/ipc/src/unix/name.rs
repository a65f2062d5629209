//! Addresses: paths in the file system, and abstract names, which begin with a zero.

use super::UnixSocket;
use abi::socket::AF_UNIX;
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use lock::SpinLock;
use lock::atomic::{AtomicU32, Ordering};
use sortedmap::SortedMap;
use vfs::{Context, Kind, Permission};

static ABSTRACT: SpinLock<SortedMap<Vec<u8>, Weak<UnixSocket>>> = SpinLock::new(SortedMap::new());
static NEXT: AtomicU32 = AtomicU32::new(1);

/// Bytes of `sun_path`.
const PATH_LEN: usize = 108;

/// The name in a `struct sockaddr_un`: a path without its zero, an abstract name with it, or nothing.
pub(super) fn parse(address: &[u8]) -> Result<Vec<u8>> {
    let (family, name) = address
        .split_first_chunk::<2>()
        .ok_or(Error::new(Errno::EINVAL, "the address is too short"))?;
    if u16::from_ne_bytes(*family) != AF_UNIX || name.len() > PATH_LEN {
        return Err(Error::new(
            Errno::EINVAL,
            "the address is of another family, or too long",
        ));
    }
    if name.first() == Some(&0) {
        return Ok(name.to_vec());
    }
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    Ok(name[..end].to_vec())
}

/// A name that nobody has.
pub(super) fn fresh() -> Vec<u8> {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    alloc::format!("\0{number:05x}").into_bytes()
}

/// Makes a socket be found by a name.
pub(super) fn enter(view: &Context, name: &[u8], socket: &Weak<UnixSocket>) -> Result<()> {
    let used = || Error::new(Errno::EADDRINUSE, "the address is somebody's");
    if name.first() == Some(&0) {
        let mut names = ABSTRACT.lock();
        if names.get(name).is_some_and(|other| other.strong_count() > 0) {
            return Err(used());
        }
        names.insert(name.to_vec(), Weak::clone(socket));
        return Ok(());
    }
    match view.mknod(&view.cwd, name, Kind::Socket, 0o777, 0) {
        Err(error) if error.errno == Errno::EEXIST => return Err(used()),
        made => made?,
    }
    let place = view.resolve(&view.cwd, name, false)?;
    if let Some(attachment) = place.inode()?.attachment() {
        drop(attachment.set(Arc::new(Weak::clone(socket)) as _));
    }
    Ok(())
}

/// The socket with a name.
pub(super) fn find(view: &Context, name: &[u8]) -> Result<Arc<UnixSocket>> {
    let refused = || Error::new(Errno::ECONNREFUSED, "nobody has the address");
    if name.is_empty() {
        return Err(refused());
    }
    if name.first() == Some(&0) {
        let found = ABSTRACT.lock().get(name).cloned();
        return found.and_then(|socket| socket.upgrade()).ok_or_else(refused);
    }
    let place = view.resolve(&view.cwd, name, true)?;
    view.check(&place, Permission::WRITE)?;
    let inode = place.inode()?;
    if inode.kind() != Kind::Socket {
        return Err(refused());
    }
    let attached = inode.attachment().and_then(|attachment| attachment.get().cloned());
    let socket = attached.and_then(|attached| attached.downcast::<Weak<UnixSocket>>().ok());
    socket.and_then(|socket| socket.upgrade()).ok_or_else(refused)
}

/// A socket is gone: so is its abstract name. A path stays.
pub(super) fn forget(name: &[u8], socket: &Weak<UnixSocket>) {
    if name.first() != Some(&0) {
        return;
    }
    let mut names = ABSTRACT.lock();
    if names.get(name).is_some_and(|other| Weak::ptr_eq(other, socket)) {
        names.remove(name);
    }
}
