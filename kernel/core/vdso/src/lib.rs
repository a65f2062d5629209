//! The clock and the CPU number for programs, without a system call.
//!
//! Every program gets `linux-vdso.so.1` mapped (`image/vdso.rs`, compiled and linked by the build script) with a page of data in front of it: `[vdso]`
//! and `[vvar]` in `/proc/self/maps`. Both are pages of the kernel's own file in memory, shared by all programs, so that starting a program costs two mappings and no page.
//!
//! The data say how the clock is computed from the time-stamp counter. They change when the time of day is set or first becomes known: [`publish`]
//! makes the sequence number odd, writes, and makes it even again; a program that read meanwhile reads once more. Until the time of day is known (it
//! takes the machine thousands of instructions to find out) a program that asks for it makes the system call.
//!
//! Lock order: the writer's lock is a leaf. It does not do: CPU clocks, sleeping, random numbers, signal returns.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use abi::mman::{MapFlags, Prot};
use abi::{Errno, Error, Result};
use address::{PAGE_LEN, PAGE_SIZE};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering, fence};
use frames::Page;
use hal::Access;
use lock::{Once, SpinLock};
use space::{AddressSpace, Backing, FileMapping, Mapping};

/// The image, as programs see it.
#[repr(C, align(4096))]
struct Image([u8; PAGE_LEN]);

/// What the image reads: its own first words are the same.
#[repr(C, align(4096))]
struct Data {
    sequence: AtomicU64,
    start: AtomicU64,
    scale: AtomicU64,
    base: AtomicU64,
    wall: AtomicU64,
    rest: [u64; PAGE_LEN / 8 - 5],
}

static IMAGE: Image = Image(*include_bytes!(concat!(env!("OUT_DIR"), "/vdso.so")));

static DATA: Data = Data {
    sequence: AtomicU64::new(0),
    start: AtomicU64::new(0),
    scale: AtomicU64::new(0),
    base: AtomicU64::new(0),
    wall: AtomicU64::new(0),
    rest: [0; PAGE_LEN / 8 - 5],
};

static WRITER: SpinLock<()> = SpinLock::new(());

/// One page of the kernel's file, as something to be mapped.
struct Pinned {
    id: u64,
    name: &'static [u8],
    at: usize,
}

impl Backing for Pinned {
    fn id(&self) -> u64 {
        self.id
    }

    fn len(&self) -> u64 {
        PAGE_SIZE
    }

    fn page(&self, index: u64, _access: Access) -> Result<Page> {
        self.resident(index)
            .ok_or(Error::new(Errno::EIO, "no page of the kernel's file"))
    }

    fn resident(&self, index: u64) -> Option<Page> {
        let place = hal::memory::physical_of_kernel(self.at).filter(|_| index == 0)?;
        Page::pinned(place.frame())
    }

    fn name(&self) -> Vec<u8> {
        self.name.to_vec()
    }
}

/// What every program maps: the data, and the image behind them.
static OBJECTS: Once<[Arc<Pinned>; 2]> = Once::new();

fn objects() -> &'static [Arc<Pinned>; 2] {
    let object = |name, at| {
        Arc::new(Pinned {
            id: space::new_object_id(),
            name,
            at,
        })
    };
    OBJECTS.get_or_init(|| {
        [
            object(b"[vvar]", (&raw const DATA).addr()),
            object(b"[vdso]", (&raw const IMAGE).addr()),
        ]
    })
}

/// The machine's clock has settled: from here on what changes about it is published.
pub fn start() {
    publish();
    time::set_watcher(publish);
}

/// Tells programs how the clock is computed.
pub fn publish() {
    let _writer = WRITER.lock();
    let [start, scale, base] = hal::clock::vdso_parameters();
    let sequence = DATA.sequence.load(Ordering::Relaxed);
    DATA.sequence.store(sequence.wrapping_add(1), Ordering::Relaxed);
    fence(Ordering::Release);
    for (word, value) in [
        (&DATA.start, start),
        (&DATA.scale, scale),
        (&DATA.base, base),
        (&DATA.wall, time::known_wall_at_boot().unwrap_or(0)),
    ] {
        word.store(value, Ordering::Relaxed);
    }
    DATA.sequence.store(sequence.wrapping_add(2), Ordering::Release);
}

/// Maps data and image into a program's memory; says where the image is.
///
/// # Errors
/// As `mmap(2)`.
pub fn map(space: &AddressSpace) -> Result<u64> {
    let at = space.map(&Mapping::anonymous(2 * PAGE_SIZE, Prot::empty()))?;
    let rights = [Prot::READ, Prot::READ | Prot::EXEC];
    for (index, (object, prot)) in (0..).zip(objects().iter().zip(rights)) {
        space.map(&Mapping {
            address: at + index * PAGE_SIZE,
            length: PAGE_SIZE,
            prot,
            flags: MapFlags::PRIVATE | MapFlags::FIXED,
            file: Some(FileMapping {
                object: Arc::clone(object) as _,
                offset: 0,
                readable: true,
                writable: false,
                executable: true,
            }),
        })?;
    }
    Ok(at + PAGE_SIZE)
}

const _: () = assert!(size_of::<Data>() == PAGE_LEN && size_of::<Image>() == PAGE_LEN);

#[cfg(test)]
mod tests {
    use super::*;

    extern crate std;

    /// Where the image's dynamic symbols' names are, as text.
    fn holds(name: &[u8]) -> bool {
        IMAGE.0.windows(name.len()).any(|piece| piece == name)
    }

    #[test]
    fn the_image_is_a_library_that_offers_linux_names() {
        assert_eq!(IMAGE.0[..4], *b"\x7fELF");
        assert_eq!(IMAGE.0[16..18], [3, 0], "a shared object");
        for name in ["clock_gettime", "gettimeofday", "time", "clock_getres", "getcpu"] {
            let name = std::format!("\0__vdso_{name}\0");
            assert!(holds(name.as_bytes()), "{name:?}");
        }
        assert!(holds(b"\0LINUX_2.6\0") && holds(b"\0linux-vdso.so.1\0"));
    }

    #[test]
    fn publishing_leaves_the_sequence_even_and_follows_the_time_of_day() {
        start();
        assert_eq!(DATA.sequence.load(Ordering::Relaxed) % 2, 0);
        time::set_wall(1_000_000_000_000_000_000);
        let wall = DATA.wall.load(Ordering::Relaxed);
        assert_eq!(wall, time::wall_at_boot());
        assert_eq!(DATA.sequence.load(Ordering::Relaxed) % 2, 0);
    }
}
