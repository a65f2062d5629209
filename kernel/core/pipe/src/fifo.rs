//! Fifos: pipes that have a name. Opening one end waits for the other.

use crate::pipe::{End, Pipe};
use abi::fcntl::OpenFlags;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use lock::atomic::{AtomicU32, Ordering};
use task::wait_until;
use vfs::{FileLike, Inode};

/// Makes fifos open here.
pub fn register() {
    vfs::register_fifos(open);
}

fn open(inode: &Arc<dyn Inode>, flags: OpenFlags) -> Result<Arc<dyn FileLike>> {
    let none = || Error::new(Errno::ENXIO, "the file system keeps no fifos");
    let attached = inode
        .attachment()
        .ok_or_else(none)?
        .get_or_init(|| Pipe::new(true) as _);
    let pipe: Arc<Pipe> = Arc::clone(attached).downcast().map_err(|_| none())?;
    if !pipe.named {
        // An end of a pipe, opened again through `/proc/self/fd`: whoever was at the other end may have come and gone.
        return Ok(Arc::new(End::new(&pipe, flags)));
    }
    let waits = !flags.contains(OpenFlags::NONBLOCK);
    let (readers, writers) = (&pipe.readers, &pipe.writers);
    let none_there = |who: &AtomicU32| who.load(Ordering::Acquire) == 0;
    if flags.writable() && !flags.readable() && !waits && none_there(readers) {
        return Err(Error::new(Errno::ENXIO, "nobody reads the fifo"));
    }
    let (queue, others, ever) = if flags.readable() {
        (&pipe.readable, writers, &pipe.writers_ever)
    } else {
        (&pipe.writable, readers, &pipe.readers_ever)
    };
    // The other side may wait for this one, and be gone again before this one looks: so look before being seen. Who comes later is counted.
    let before = ever.load(Ordering::Acquire);
    let alone = none_there(others);
    let end = Arc::new(End::new(&pipe, flags));
    let both = flags.readable() && flags.writable();
    if waits && alone && !both {
        wait_until(&[queue], None, || {
            (!none_there(others) || ever.load(Ordering::Acquire) != before).then_some(())
        })?;
    }
    Ok(end)
}
