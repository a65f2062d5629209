//! The kernel heap: size classes over frames.
//!
//! Objects up to 2 KiB come from *slabs*, pages of equal objects with a short head that counts them; each CPU keeps a few free objects of
//! each class so that the usual allocation takes no shared lock. Larger ones are runs of frames, which may be lent one by one
//! (`docs/decisions/0023-large-objects-are-lent.md`). An empty slab goes back to the pool.
//!
//! Lock order: CPU magazine → class → pool.

use crate::cache;
use crate::chunk::FRAMES;
use crate::page::Page;
use crate::pool;
use address::{FrameNumber, PAGE_LEN, PhysAddr};
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU64, Ordering};
use lock::SpinLock;

const _: () = assert!(size_of::<Slab>() <= FIRST);
const CLASSES: [usize; 12] = [16, 32, 48, 64, 96, 128, 192, 256, 512, 1024, 1344, 2016];
const LARGEST: usize = CLASSES[CLASSES.len() - 1];
/// The alignment that all classes serve: objects start 64-aligned behind the head, and sizes are multiples of it.
const USUAL: usize = 16;
/// Lengths between which no class begins.
const STEP: usize = 16;
/// Free objects of a class that a CPU keeps at most.
const MAGAZINE: usize = 16;
/// Offset of a slab's first object: behind the head, and aligned for every class that is a multiple of 64.
const FIRST: usize = 64;

/// The kernel's allocator.
#[derive(Debug)]
pub struct Heap;

/// The head of a page of equal objects.
#[repr(C)]
struct Slab {
    free: *mut Object,
    next: *mut Slab,
    previous: *mut Slab,
    used: u16,
    class: u16,
}

struct Object {
    next: *mut Object,
}

struct Class {
    /// Slabs with a free object.
    partial: *mut Slab,
}

// SAFETY: the slabs that the pointer leads to are only touched by the holder of the class's lock.
unsafe impl Send for Class {}

/// Free objects of a class, in a list.
struct Magazine {
    first: *mut Object,
    count: usize,
}

impl Magazine {
    const EMPTY: Self = Self {
        first: ptr::null_mut(),
        count: 0,
    };

    #[inline(always)]
    fn take(&mut self) -> Option<*mut Object> {
        let object = self.first;
        // SAFETY: the list's objects are free, with what `put` wrote in them.
        self.first = unsafe { object.as_ref() }?.next;
        self.count -= 1;
        Some(object)
    }

    #[inline(always)]
    fn put(&mut self, object: *mut Object) {
        // SAFETY: the caller gives a free object, which belongs to the list now.
        unsafe { object.write(Object { next: self.first }) };
        self.first = object;
        self.count += 1;
    }
}

// SAFETY: the objects in a magazine are free memory that only the magazine's holder knows of.
unsafe impl Send for Magazine {}

type CpuMagazines = SpinLock<[Magazine; CLASSES.len()]>;

/// Frames that the heap has.
static HELD: AtomicU64 = AtomicU64::new(0);

/// Frames that the kernel's objects lie in.
#[must_use]
pub fn held() -> u64 {
    HELD.load(Ordering::Relaxed)
}

static CLASS: [SpinLock<Class>; CLASSES.len()] = [const {
    SpinLock::new(Class {
        partial: ptr::null_mut(),
    })
}; CLASSES.len()];
static MAGAZINES: [CpuMagazines; hal::MAX_CPUS] =
    [const { SpinLock::new([Magazine::EMPTY; CLASSES.len()]) }; hal::MAX_CPUS];

/// Size class of each length, in steps.
static CLASS_OF: [u8; LARGEST / STEP + 1] = {
    let mut table = [0; LARGEST / STEP + 1];
    let mut step = 0;
    let mut class = 0;
    while step < table.len() {
        while class < CLASSES.len() - 1 && CLASSES[class] < step * STEP {
            class += 1;
        }
        table[step] = class as u8;
        step += 1;
    }
    table
};

fn class_of(layout: Layout) -> Option<usize> {
    if layout.size() > LARGEST {
        return None;
    }
    let class = usize::from(CLASS_OF[layout.size().div_ceil(STEP)]);
    if layout.align() <= USUAL {
        Some(class)
    } else {
        aligned_class(class, layout.align())
    }
}

/// The first class from `class` on whose size is a multiple of an alignment.
fn aligned_class(class: usize, align: usize) -> Option<usize> {
    let fits = |&class: &usize| align <= 64 && CLASSES[class].is_multiple_of(align);
    (class..CLASSES.len()).find(fits)
}

fn run_order(layout: Layout) -> u32 {
    let frames = layout.size().div_ceil(PAGE_LEN).max(layout.align() / PAGE_LEN).max(1);
    frames.next_power_of_two().trailing_zeros()
}

// SAFETY: memory handed out is exclusively the caller's until it is given back: objects are in one place at a time (slab list,
// magazine, or caller) and runs are owned frames. Sizes and alignments are honoured by `class_of` and `run_order`.
unsafe impl GlobalAlloc for Heap {
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() <= LARGEST && layout.align() <= USUAL {
            let class = usize::from(CLASS_OF[layout.size().div_ceil(STEP)]);
            // Nobody else takes this lock, but whoever finds it taken goes the other way.
            if let Some(mut magazines) = MAGAZINES[hal::cpu::current()].try_lock()
                && let Some(object) = magazines[class].take()
            {
                return object.cast();
            }
        }
        take(layout)
    }

    // SAFETY: the caller gives back what `alloc` handed out with the same layout, so that `class_of` and `run_order` find what it is a part of.
    #[inline(always)]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if layout.size() <= LARGEST && layout.align() <= USUAL {
            let class = usize::from(CLASS_OF[layout.size().div_ceil(STEP)]);
            if let Some(mut magazines) = MAGAZINES[hal::cpu::current()].try_lock()
                && magazines[class].count < MAGAZINE
            {
                return magazines[class].put(pointer.cast());
            }
        }
        give(pointer, layout);
    }
}

/// Takes what has any length and alignment, or of which this CPU has none.
#[cold]
#[inline(never)]
fn take(layout: Layout) -> *mut u8 {
    let Some(class) = class_of(layout) else {
        return take_run(layout);
    };
    let magazine = &mut MAGAZINES[hal::cpu::current()].lock()[class];
    if magazine.count == 0 {
        refill(magazine, class);
    }
    magazine.take().unwrap_or(ptr::null_mut()).cast()
}

/// Gives back what has any length and alignment, or of which this CPU has many.
#[cold]
#[inline(never)]
fn give(pointer: *mut u8, layout: Layout) {
    let Some(class) = class_of(layout) else {
        return give_run(frame_of(pointer), run_order(layout));
    };
    let magazine = &mut MAGAZINES[hal::cpu::current()].lock()[class];
    if magazine.count >= MAGAZINE {
        drain(magazine, class);
    }
    magazine.put(pointer.cast());
}

fn frame_of(pointer: *mut u8) -> FrameNumber {
    hal::memory::physical(pointer).unwrap_or(PhysAddr(0)).frame()
}

fn take_run(layout: Layout) -> *mut u8 {
    let order = run_order(layout);
    let frame = match order {
        0 => cache::take_frame(true),
        order => pool::take_run(order, true),
    };
    let (Ok(frame), Some(chunk)) = (frame, frame.ok().and_then(pool::chunk_of)) else {
        return ptr::null_mut();
    };
    chunk.mark(frame.0 as usize % FRAMES, 1 << order);
    HELD.fetch_add(1 << order, Ordering::Relaxed);
    hal::memory::pointer(frame.address())
}

/// Gives a run back; frames that somebody has been lent ([`Page::of_heap`]) later, by whoever holds them last.
fn give_run(first: FrameNumber, order: u32) {
    let Some(chunk) = pool::chunk_of(first) else { return };
    HELD.fetch_sub(1 << order, Ordering::Relaxed);
    let mut own: [u64; FRAMES / 64] = [0; FRAMES / 64];
    let mut left = 1u64 << order;
    for index in 0..1 << order {
        if chunk.unmark(first.0 as usize % FRAMES + index) {
            own[index / 64] |= 1 << (index % 64);
            left -= 1;
        }
    }
    match (left, order) {
        (0, 1..) => pool::give_run(first, order),
        _ => {
            let is_own = |index: &u64| own[*index as usize / 64] >> (index % 64) & 1 != 0;
            let indices = (0..1 << order).filter(is_own);
            indices.for_each(|index| cache::give_frame(FrameNumber(first.0 + index)));
        }
    }
}

fn refill(magazine: &mut Magazine, class: usize) {
    let mut shared = CLASS[class].lock();
    // Large objects are scarce in a page: do not let a magazine hoard them.
    let want = if CLASSES[class] >= 512 { 2 } else { MAGAZINE / 2 };
    while magazine.count < want {
        let Some(object) = shared.take(class) else { break };
        magazine.put(object);
    }
}

fn drain(magazine: &mut Magazine, class: usize) {
    let mut shared = CLASS[class].lock();
    while magazine.count > MAGAZINE / 2 {
        let Some(object) = magazine.take() else { break };
        shared.give(object);
    }
}

impl Class {
    fn take(&mut self, class: usize) -> Option<*mut Object> {
        if self.partial.is_null() {
            self.partial = new_slab(class)?;
        }
        // SAFETY: `partial` leads to a live slab that only the class's holder touches.
        let slab = unsafe { &mut *self.partial };
        let object = slab.free;
        // SAFETY: a slab in the list has a free object.
        slab.free = unsafe { (*object).next };
        slab.used += 1;
        if slab.free.is_null() {
            self.unlink(ptr::from_mut(slab));
        }
        Some(object)
    }

    fn give(&mut self, object: *mut Object) {
        let slab_at = object.map_addr(|address| address & !(PAGE_LEN - 1)).cast::<Slab>();
        // SAFETY: an object lies in the page that its slab's head starts.
        let slab = unsafe { &mut *slab_at };
        let was_full = slab.free.is_null();
        // SAFETY: the object is free and belongs to the slab now.
        unsafe { object.write(Object { next: slab.free }) };
        slab.free = object;
        slab.used -= 1;
        if was_full {
            self.link(slab_at);
        }
        if slab.used == 0 && !(self.partial == slab_at && slab.next.is_null()) {
            self.unlink(slab_at);
            free_slab(slab_at);
        }
    }

    fn link(&mut self, slab: *mut Slab) {
        // SAFETY: `slab` is a live slab of this class that is in no list.
        let head = unsafe { &mut *slab };
        head.previous = ptr::null_mut();
        head.next = self.partial;
        // SAFETY: `partial` is null or a live slab.
        if let Some(next) = unsafe { self.partial.as_mut() } {
            next.previous = slab;
        }
        self.partial = slab;
    }

    fn unlink(&mut self, slab: *mut Slab) {
        // SAFETY: `slab` is a live slab that is in this list.
        let (next, previous) = unsafe { ((*slab).next, (*slab).previous) };
        // SAFETY: neighbours in the list are null or live.
        if let Some(next) = unsafe { next.as_mut() } {
            next.previous = previous;
        }
        // SAFETY: as above.
        match unsafe { previous.as_mut() } {
            Some(previous) => previous.next = next,
            None => self.partial = next,
        }
    }
}

fn new_slab(class: usize) -> Option<*mut Slab> {
    let frame = Page::unset_for_kernel().ok()?.into_raw();
    HELD.fetch_add(1, Ordering::Relaxed);
    let page: *mut u8 = hal::memory::pointer(frame.address());
    let size = CLASSES[class];
    let mut free: *mut Object = ptr::null_mut();
    let mut at = FIRST + (PAGE_LEN - FIRST) / size * size;
    while at > FIRST {
        at -= size;
        let object: *mut Object = page.wrapping_add(at).cast();
        // SAFETY: `at..at + size` lies in the page, which is owned by the heap now.
        unsafe { object.write(Object { next: free }) };
        free = object;
    }
    let slab: *mut Slab = page.cast();
    let head = Slab {
        free,
        next: ptr::null_mut(),
        previous: ptr::null_mut(),
        used: 0,
        class: class as u16,
    };
    // SAFETY: the head lies in the page before the first object.
    unsafe { slab.write(head) };
    Some(slab)
}

fn free_slab(slab: *mut Slab) {
    if let Some(address) = NonNull::new(slab).and_then(|slab| hal::memory::physical(slab.as_ptr().cast())) {
        HELD.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: the slab's page was given up with `into_raw` when it was made, and the slab is in no list any more.
        drop(unsafe { Page::from_raw(address.frame()) });
    }
}
