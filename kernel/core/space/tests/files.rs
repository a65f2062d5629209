//! Mappings of files: a file here is a list of pages, some of which have to be "read in" first.
#![forbid(unsafe_code)]

mod machine;

use abi::mman::{MADV_DONTNEED, MADV_POPULATE_READ, MADV_REMOVE, MapFlags, Prot, RemapFlags, SyncFlags};
use abi::{Errno, Result};
use frames::Page;
use hal::Access;
use machine::{boot, enter, get, leave, new_space, set};
use space::{AddressSpace, Backing, FaultKind, FileMapping, FutexKey, Mapping, new_object_id};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

const RW: Prot = Prot::READ.union(Prot::WRITE);
const PAGE: u64 = 4096;

type Hook = Box<dyn FnMut() + Send>;

/// A file whose page `n` begins with the byte `n + 1`.
struct File {
    id: u64,
    len: AtomicU64,
    pages: Vec<Page>,
    /// Pages from here on have to be read in.
    resident: u64,
    asked: Mutex<Vec<(u64, Access)>>,
    synced: Mutex<Vec<Range<u64>>>,
    while_reading: Mutex<Option<Hook>>,
}

impl File {
    fn new(pages: u64, resident: u64) -> Arc<Self> {
        let page = |number: u64| {
            let page = Page::zeroed().expect("there is memory");
            page.write(0, &[number as u8 + 1]);
            page
        };
        Arc::new(Self {
            id: new_object_id(),
            len: AtomicU64::new(pages * PAGE),
            pages: (0..pages).map(page).collect(),
            resident,
            asked: Mutex::default(),
            synced: Mutex::default(),
            while_reading: Mutex::default(),
        })
    }

    fn byte(&self, page: usize) -> u8 {
        let mut byte = [0];
        self.pages[page].read(0, &mut byte);
        byte[0]
    }

    fn asked(&self) -> Vec<(u64, Access)> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Backing for File {
    fn id(&self) -> u64 {
        self.id
    }

    fn len(&self) -> u64 {
        self.len.load(Ordering::Relaxed)
    }

    fn page(&self, index: u64, access: Access) -> Result<Page> {
        self.asked.lock().unwrap().push((index, access));
        if let Some(mut hook) = self.while_reading.lock().unwrap().take() {
            hook();
        }
        self.pages.get(index as usize).cloned().ok_or(Errno::EIO.into())
    }

    fn resident(&self, index: u64) -> Option<Page> {
        (index < self.resident)
            .then(|| self.pages.get(index as usize).cloned())
            .flatten()
    }

    fn sync(&self, range: Range<u64>) -> Result<()> {
        self.synced.lock().unwrap().push(range);
        Ok(())
    }

    fn name(&self) -> Vec<u8> {
        b"/a/file".to_vec()
    }

    fn ids(&self) -> (u64, u64) {
        (8, 15)
    }
}

fn mapping(file: &Arc<File>, pages: u64, prot: Prot, flags: MapFlags) -> Mapping {
    Mapping {
        address: 0,
        length: pages * PAGE,
        prot,
        flags,
        file: Some(FileMapping {
            object: Arc::<File>::clone(file),
            offset: 0,
            readable: true,
            writable: true,
            executable: true,
        }),
    }
}

fn map(space: &AddressSpace, file: &Arc<File>, pages: u64, prot: Prot, flags: MapFlags) -> u64 {
    space.map(&mapping(file, pages, prot, flags)).expect("mapped")
}

#[test]
fn a_read_maps_the_neighbours_that_are_in_memory() {
    let _turn = boot();
    let space = new_space();
    let file = File::new(40, 20);
    let at = map(&space, &file, 40, Prot::READ, MapFlags::PRIVATE);
    assert_eq!(get(at + 3 * PAGE), Some(4));
    let mapped = space.counters().resident;
    assert!((2..=16).contains(&mapped), "{mapped} pages");
    for page in 0..40 {
        assert_eq!(get(at + page * PAGE), Some(page as u8 + 1));
    }
    let asked: Vec<_> = (20..40).map(|page| (page, Access::Read)).collect();
    assert_eq!(file.asked(), asked, "only what is not in memory is read in");
    assert_eq!(space.counters().resident, 40);
    leave();
}

#[test]
fn a_private_write_copies_and_a_shared_one_asks() {
    let _turn = boot();
    let space = new_space();
    let file = File::new(4, 4);
    let own = map(&space, &file, 4, RW, MapFlags::PRIVATE);
    let both = map(&space, &file, 4, RW, MapFlags::SHARED);
    assert_eq!(get(own), Some(1));
    assert!(set(own, 100) && set(own + PAGE, 101));
    assert_eq!((file.byte(0), file.byte(1)), (1, 2));
    assert_eq!(file.asked(), []);
    assert_eq!(get(both + 2 * PAGE), Some(3));
    assert!(set(both + 2 * PAGE, 103) && set(both + 3 * PAGE, 104));
    assert_eq!((file.byte(2), file.byte(3)), (103, 104));
    assert_eq!(file.asked(), [(2, Access::Write), (3, Access::Write)]);
    assert_eq!(
        get(own + 2 * PAGE),
        Some(103),
        "a page that was not copied shows the file"
    );
    space.advise(own, PAGE, MADV_DONTNEED).expect("advised");
    assert_eq!(get(own), Some(1), "the copy is gone, the file is back");
    leave();
}

#[test]
fn rights_of_a_shared_file_that_was_opened_for_reading() {
    let _turn = boot();
    let space = new_space();
    let file = File::new(2, 2);
    let mut request = mapping(&file, 2, Prot::READ, MapFlags::SHARED);
    if let Some(file) = &mut request.file {
        (file.writable, file.executable) = (false, false);
    }
    let at = space.map(&request).expect("mapped");
    let errno = |prot| space.protect(at, PAGE, prot).expect_err("refused").errno;
    assert_eq!(
        (errno(RW), errno(Prot::READ | Prot::EXEC)),
        (Errno::EACCES, Errno::EACCES)
    );
    request.prot = RW;
    assert_eq!(space.map(&request).expect_err("refused").errno, Errno::EACCES);
    request.prot = Prot::READ | Prot::EXEC;
    assert_eq!(space.map(&request).expect_err("refused").errno, Errno::EPERM);
    request.prot = RW;
    request.flags = MapFlags::PRIVATE;
    assert!(space.map(&request).is_ok());
    if let Some(file) = &mut request.file {
        file.readable = false;
    }
    assert_eq!(space.map(&request).expect_err("refused").errno, Errno::EACCES);
    leave();
}

#[test]
fn what_is_shared_stays_so_when_rights_change() {
    let _turn = boot();
    let space = new_space();
    let file = File::new(1, 1);
    let at = map(&space, &file, 1, Prot::READ, MapFlags::SHARED);
    assert_eq!(get(at), Some(1));
    space.protect(at, PAGE, RW).expect("protected");
    assert!(set(at, 9));
    assert_eq!(file.asked(), [(0, Access::Write)], "the file hears of the write");
    let own = map(&space, &file, 1, Prot::READ, MapFlags::PRIVATE);
    assert_eq!(get(own), Some(9));
    space.protect(own, PAGE, RW).expect("protected");
    assert!(set(own, 10));
    assert_eq!(file.byte(0), 9, "a private page is copied first");
    leave();
}

#[test]
fn behind_the_end_is_a_bus_error() {
    let _turn = boot();
    let space = new_space();
    let file = File::new(3, 1);
    let at = map(&space, &file, 5, RW, MapFlags::PRIVATE);
    assert_eq!(space.fault(at + 3 * PAGE, Access::Read), Err(FaultKind::BusAdrErr));
    assert_eq!(space.fault(at + 5 * PAGE, Access::Read), Err(FaultKind::MapErr));
    assert_eq!(space.fault(at, Access::Execute), Err(FaultKind::AccErr));
    assert!(set(at + PAGE, 50) && set(at + 2 * PAGE, 51));
    file.len.store(PAGE + 1, Ordering::Relaxed);
    space.forget_backing(file.id, 2);
    assert_eq!((get(at + PAGE), get(at + 2 * PAGE)), (Some(50), None));
    let error = space.advise(at, 5 * PAGE, MADV_POPULATE_READ).expect_err("an end");
    assert_eq!(error.errno, Errno::EFAULT);
    leave();
}

#[test]
fn a_page_is_read_in_without_the_lock_and_looked_at_again() {
    let _turn = boot();
    let space = new_space();
    let file = File::new(2, 0);
    let at = map(&space, &file, 2, Prot::READ, MapFlags::SHARED);
    let (inner, cut) = (Arc::clone(&space), Arc::clone(&file));
    *file.while_reading.lock().unwrap() = Some(Box::new(move || {
        cut.len.store(0, Ordering::Relaxed);
        inner.forget_backing(cut.id, 0);
    }));
    assert_eq!(
        space.fault(at, Access::Read),
        Err(FaultKind::BusAdrErr),
        "cut while it was read"
    );
    file.len.store(2 * PAGE, Ordering::Relaxed);
    let inner = Arc::clone(&space);
    *file.while_reading.lock().unwrap() = Some(Box::new(move || inner.unmap(at, PAGE).expect("unmapped")));
    assert_eq!(
        space.fault(at, Access::Read),
        Err(FaultKind::MapErr),
        "unmapped while it was read"
    );
    assert_eq!(get(at + PAGE), Some(2));
    leave();
}

#[test]
fn parts_keep_their_place_in_the_file() {
    let _turn = boot();
    let space = new_space();
    let file = File::new(8, 8);
    let at = map(&space, &file, 8, Prot::READ, MapFlags::SHARED);
    space.unmap(at + 2 * PAGE, PAGE).expect("unmapped");
    space.protect(at + 5 * PAGE, PAGE, RW).expect("protected");
    let offsets: Vec<_> = space.mappings().iter().map(|mapping| mapping.offset / PAGE).collect();
    assert_eq!(offsets, [0, 3, 5, 6]);
    let to = space
        .remap(at + 6 * PAGE, PAGE, 2 * PAGE, RemapFlags::MAYMOVE, 0)
        .expect("moved");
    assert_eq!((get(to), get(to + PAGE)), (Some(7), Some(8)));
    let twice = space.remap(at, 0, PAGE, RemapFlags::MAYMOVE, 0).expect("a second view");
    assert_eq!((get(twice), get(at)), (Some(1), Some(1)));
    let key = space.futex_key(at + 5 * PAGE + 8).expect("there");
    let object = file.id;
    assert_eq!(
        key,
        FutexKey::Shared {
            object,
            offset: 5 * PAGE + 8
        }
    );
    leave();
}

#[test]
fn sync_reaches_the_shared_parts() {
    let _turn = boot();
    let space = new_space();
    let file = File::new(8, 8);
    let at = map(&space, &file, 8, RW, MapFlags::SHARED);
    space.sync(at + PAGE, 2 * PAGE, SyncFlags::SYNC).expect("synced");
    assert_eq!(file.synced.lock().unwrap().as_slice(), std::slice::from_ref(&(1..3)));
    let errno = |address, length, flags| space.sync(address, length, flags).expect_err("refused").errno;
    assert_eq!(errno(at + 1, PAGE, SyncFlags::SYNC), Errno::EINVAL);
    assert_eq!(errno(at, PAGE, SyncFlags::SYNC | SyncFlags::ASYNC), Errno::EINVAL);
    assert_eq!(errno(at + 7 * PAGE, 2 * PAGE, SyncFlags::ASYNC), Errno::ENOMEM);
    assert_eq!(
        space.advise(at, PAGE, MADV_REMOVE).expect_err("no holes").errno,
        Errno::EOPNOTSUPP
    );
    let mut there = [9; 8];
    space.residency(at, &mut there).expect("known");
    assert_eq!(there, [1; 8]);
    leave();
}

#[test]
fn a_child_shares_files_and_copies_the_rest() {
    let _turn = boot();
    let space = new_space();
    let file = File::new(2, 2);
    let both = map(&space, &file, 2, RW, MapFlags::SHARED);
    let own = map(&space, &file, 2, RW, MapFlags::PRIVATE);
    let memory = space.map(&Mapping::anonymous(4 << 20, RW)).expect("mapped");
    assert!(set(own, 20) && set(memory, 30) && set(both, 40));
    let child = space.fork().expect("forked");
    assert!(set(own, 21) && set(memory, 31) && set(both, 41));
    enter(&child);
    assert_eq!((get(own), get(memory), get(both)), (Some(20), Some(30), Some(41)));
    assert!(set(memory + 1, 33) && set(memory, 32));
    enter(&space);
    assert_eq!((get(memory), get(memory + 1)), (Some(31), Some(0)));
    leave();
}
