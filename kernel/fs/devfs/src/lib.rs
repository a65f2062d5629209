//! The device files.
//!
//! `/dev` is a table: entries become inodes when they are looked up. It is read only; a tmpfs over it takes what programs make there. What a
//! device does is found by its number, so that a node made elsewhere with `mknod` works the same.
//!
//! | module | what |
//! |---|---|
//! | `table` | the names in `/dev` |
//! | `memory` | `null`, `zero`, `full`, `random`, `urandom` |
//! | `pts` | `/dev/pts`, a file system of its own |
//!
//! Sideways: terminals come from the tty crate, `/dev/vsock` from that of its sockets. It does not do: block devices.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod memory;
mod pts;
mod table;

use abi::fcntl::OpenFlags;
use abi::stat::{S_IFIFO, makedev};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use lock::Once;
use memory::Device;
use vfs::{Context, File, FileLike, How, Inode, Kind};

pub use pts::{pts, pts_mount};
pub use table::root;

/// Makes device files open here.
pub fn register() {
    vfs::register_devices(open);
    tty::set_peer(pts::open_peer);
}

const NULL: u64 = makedev(1, 3);
const ZERO: u64 = makedev(1, 5);
const FULL: u64 = makedev(1, 7);
const RANDOM: u64 = makedev(1, 8);
const URANDOM: u64 = makedev(1, 9);
const TERMINAL: u64 = makedev(5, 0);
const CONSOLE: u64 = tty::console::DEVICE;
const MASTERS: u64 = makedev(5, 2);
const VSOCK: u64 = makedev(10, 258);

static DEVICES: [Once<Arc<dyn FileLike>>; 5] = [const { Once::new() }; 5];

/// Opens a device by its number.
fn open(inode: &Arc<dyn Inode>, flags: OpenFlags) -> Result<Arc<dyn FileLike>> {
    let number = inode.device();
    let none = || Error::new(Errno::ENXIO, "no device has that number");
    if inode.kind() != Kind::Character {
        return Err(none());
    }
    let memory = |slot: usize, device: Device| {
        let made = DEVICES
            .get(slot)
            .ok_or_else(none)?
            .get_or_init(|| Arc::new(device) as _);
        Ok(Arc::clone(made))
    };
    match number {
        NULL => memory(0, Device::Null),
        ZERO => memory(1, Device::Zero),
        FULL => memory(2, Device::Full),
        RANDOM => memory(3, Device::Random),
        URANDOM => memory(4, Device::Random),
        TERMINAL => tty::open(&tty::job::current().ok_or_else(none)?, flags, true),
        CONSOLE => match tty::console::terminal() {
            Some(terminal) => tty::open(&terminal, flags, true),
            None => Ok(tty::console::serial()),
        },
        MASTERS => pts::open_master(),
        VSOCK => Ok(Arc::new(vsock::Node)),
        number => tty::open(&tty::pty::find_device(number).ok_or_else(none)?, flags, false),
    }
}

/// Standard input, output and error of the first program: the console where the stream is a terminal on the host, a stream of bytes where
/// it is not.
///
/// # Errors
/// What opening `/dev/console` fails with.
pub fn standard_files(context: &Context) -> Result<[Arc<File>; 3]> {
    let open = |number: usize| match tty::console::stream(number) {
        Some(stream) => {
            let flags = if number == 0 {
                OpenFlags::empty()
            } else {
                OpenFlags::WRONLY
            };
            Ok(vfs::anonymous_device(b"pipe:", S_IFIFO | 0o600, flags, stream))
        }
        None => context.open(&context.root, b"/dev/console", How::new(OpenFlags::RDWR)),
    };
    Ok([open(0)?, open(1)?, open(2)?])
}
