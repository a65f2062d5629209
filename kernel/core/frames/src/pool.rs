//! All chunks: which have frames to give, and which come next when more memory is needed.

use crate::cache;
use crate::chunk::{Bitmap, Chunk, FRAMES, PINNED};
use address::{FrameNumber, HUGE_SIZE, PAGE_SIZE, PhysAddr};
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use lock::SpinLock;

/// No frame is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl From<OutOfMemory> for abi::Error {
    fn from(_: OutOfMemory) -> Self {
        Self::new(abi::Errno::ENOMEM, "no frame of memory is left")
    }
}

/// The kernel keeps at least so many frames for itself.
const LEAST_RESERVE: u64 = 48;
/// And of a larger machine's one in so many: more CPUs want something at one time.
const RESERVED_PART: u64 = 256;
static RESERVE: AtomicU64 = AtomicU64::new(LEAST_RESERVE);

/// How many frames only the kernel may have.
#[must_use]
#[inline]
pub fn reserve() -> u64 {
    RESERVE.load(Ordering::Relaxed)
}

/// Memory in frames, as `/proc/meminfo` wants to know it.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// All frames that the kernel manages, accepted or not.
    pub total: u64,
    /// Frames free now, with those not accepted yet.
    pub free: u64,
}

const CHUNKS_PER_BLOCK: usize = 512;
const BLOCKS: usize = 1024;
const MAX_RANGES: usize = 32;
const STOCK: usize = 16;

/// Directory of chunks: a block of 512 pointers for each GiB, made when its first chunk is accepted.
static DIRECTORY: [AtomicPtr<Block>; BLOCKS] = [const { AtomicPtr::new(core::ptr::null_mut()) }; BLOCKS];
pub(crate) static POOL: SpinLock<Pool> = SpinLock::new(Pool::new());
/// Frames free now, those in caches and those not accepted yet included.
pub(crate) static FREE: AtomicU64 = AtomicU64::new(0);
static TOTAL: AtomicU64 = AtomicU64::new(0);
static ACCEPTED: AtomicU32 = AtomicU32::new(0);

struct Block {
    chunks: [AtomicPtr<Chunk>; CHUNKS_PER_BLOCK],
}

/// RAM and what in it is taken, both as frame numbers, and the chunks with free frames.
pub(crate) struct Pool {
    ram: [Range<u64>; MAX_RANGES],
    ranges: usize,
    reserved: [Range<u64>; MAX_RANGES],
    reservations: usize,
    /// Next chunk to look at when more memory is needed.
    next_chunk: u32,
    /// First chunk of the list of those with some frames free.
    partial: Option<u32>,
    /// First chunk of the list of those with all frames free.
    whole: Option<u32>,
    /// Frames set aside for bookkeeping of chunks to come.
    stock: [u32; STOCK],
    stocked: usize,
}

/// Tells the pool about RAM at boot. `reserved` frames inside it are never handed out, but count as pages that may be referred to.
pub fn add_ram(ram: &[Range<PhysAddr>], reserved: &[Range<PhysAddr>]) {
    let mut pool = POOL.lock();
    let mut total = 0;
    for range in ram.iter().take(MAX_RANGES) {
        let (start, end) = (range.start.0.div_ceil(PAGE_SIZE), range.end.0 / PAGE_SIZE);
        if start < end && end <= (BLOCKS * CHUNKS_PER_BLOCK * FRAMES) as u64 {
            let at = pool.ranges;
            pool.ram[at] = start..end;
            pool.ranges += 1;
            total += end - start;
        }
    }
    for range in reserved.iter().take(MAX_RANGES) {
        let (start, end) = (range.start.0 / PAGE_SIZE, range.end.0.div_ceil(PAGE_SIZE));
        let at = pool.reservations;
        pool.reserved[at] = start..end;
        pool.reservations += 1;
        total -= pool.ram[..pool.ranges]
            .iter()
            .map(|ram| overlap(ram, &(start..end)))
            .sum::<u64>();
    }
    TOTAL.store(total, Ordering::Relaxed);
    RESERVE.store((total / RESERVED_PART).max(LEAST_RESERVE), Ordering::Relaxed);
    FREE.store(total, Ordering::Relaxed);
}

fn overlap(one: &Range<u64>, other: &Range<u64>) -> u64 {
    one.end.min(other.end).saturating_sub(one.start.max(other.start))
}

/// How much memory there is.
#[must_use]
pub fn usage() -> Usage {
    Usage {
        total: TOTAL.load(Ordering::Relaxed),
        free: FREE.load(Ordering::Relaxed),
    }
}

/// Whether the kernel may build something for a program that takes about `frames` frames.
#[must_use]
pub fn has_headroom(frames: u64) -> bool {
    FREE.load(Ordering::Relaxed) >= reserve() + frames
}

/// The bookkeeping of the chunk that a frame lies in, if it has been accepted.
#[inline]
pub(crate) fn chunk_of(frame: FrameNumber) -> Option<&'static Chunk> {
    chunk(frame.0 / FRAMES as u64)
}

#[inline]
fn chunk(number: u64) -> Option<&'static Chunk> {
    let block = DIRECTORY
        .get(number as usize / CHUNKS_PER_BLOCK)?
        .load(Ordering::Acquire);
    // SAFETY: a non-null block pointer is stored once, points at a page that is never freed, and was initialised before.
    let block = unsafe { block.as_ref() }?;
    let chunk = block.chunks[number as usize % CHUNKS_PER_BLOCK].load(Ordering::Acquire);
    // SAFETY: as for the block; the fields that change are atomics or touched only under the pool's lock.
    unsafe { chunk.as_ref() }
}

/// The chunk's bookkeeping, to be changed by the holder of the pool's lock.
fn chunk_mut(_pool: &mut Pool, number: u32) -> Option<&mut Bookkeeping> {
    let chunk: *const Chunk = chunk(u64::from(number))?;
    // SAFETY: `Bookkeeping` covers only the fields that the pool's lock guards (not the counts), and the exclusive borrow of the
    // pool proves that its lock is held and that no other such reference is alive.
    Some(unsafe { &mut *chunk.cast_mut().cast::<Bookkeeping>() })
}

/// The guarded head of a [`Chunk`].
type Bookkeeping = crate::chunk::Head;

/// Takes an aligned run of `1 << order` frames.
pub(crate) fn take_run(order: u32, privileged: bool) -> Result<FrameNumber, OutOfMemory> {
    let spare = if privileged { 0 } else { reserve() };
    if FREE.load(Ordering::Relaxed) < spare + (1 << order) {
        return Err(OutOfMemory);
    }
    let mut frame = POOL.lock().take(order);
    if frame.is_none() && privileged {
        cache::empty_all();
        frame = POOL.lock().take(order);
    }
    let frame = frame.ok_or(OutOfMemory)?;
    FREE.fetch_sub(1 << order, Ordering::Relaxed);
    Ok(FrameNumber(u64::from(frame)))
}

/// Gives an aligned run back.
pub(crate) fn give_run(frame: FrameNumber, order: u32) {
    POOL.lock().give(frame.0 as u32, order);
    FREE.fetch_add(1 << order, Ordering::Relaxed);
}

/// Accepts the chunk that a reserved frame lies in, so that pages in it can be referred to: that one, and its reserved neighbours in the chunk, which are
/// likely to be next.
pub(crate) fn accept_reserved(frame: FrameNumber) -> Result<&'static Chunk, OutOfMemory> {
    let mut pool = POOL.lock();
    let range = pool.reserved[..pool.reservations]
        .iter()
        .find(|range| range.contains(&frame.0))
        .cloned()
        .ok_or(OutOfMemory)?;
    let number = frame.0 / FRAMES as u64;
    if chunk(number).is_none() && !pool.accept(number as u32) {
        return Err(OutOfMemory);
    }
    let chunk = chunk(number).ok_or(OutOfMemory)?;
    let first = number * FRAMES as u64;
    let (start, end) = (
        range.start.max(first) - first,
        range.end.min(first + FRAMES as u64) - first,
    );
    for count in &chunk.counts[start as usize..end as usize] {
        if count.load(Ordering::Relaxed) < PINNED {
            count.fetch_or(PINNED, Ordering::Relaxed);
        }
    }
    Ok(chunk)
}

/// Shows a part of RAM that is not the pool's in the direct map: the root image.
///
/// # Errors
/// [`OutOfMemory`] when a table is needed for that and cannot be had.
pub fn show(range: &Range<PhysAddr>) -> Result<(), OutOfMemory> {
    let mut at = range.start.0 & !(HUGE_SIZE - 1);
    while at < range.end.0 {
        let shown = hal::memory::accept(PhysAddr(at), &mut || {
            cache::take_frame(true).ok().map(FrameNumber::address)
        });
        if !shown {
            return Err(OutOfMemory);
        }
        at += HUGE_SIZE;
    }
    Ok(())
}

impl Pool {
    const fn new() -> Self {
        Self {
            ram: [const { 0..0 }; MAX_RANGES],
            ranges: 0,
            reserved: [const { 0..0 }; MAX_RANGES],
            reservations: 0,
            next_chunk: 0,
            partial: None,
            whole: None,
            stock: [0; STOCK],
            stocked: 0,
        }
    }

    /// Takes an aligned run of `1 << order` frames.
    pub(crate) fn take(&mut self, order: u32) -> Option<u32> {
        loop {
            if let Some(frame) = self.take_listed(order) {
                return Some(frame);
            }
            if !self.accept_next() {
                return None;
            }
        }
    }

    fn take_listed(&mut self, order: u32) -> Option<u32> {
        let mut at = if order == 9 { self.whole } else { self.partial };
        let mut steps = 0;
        while let Some(number) = at {
            if let Some(frame) = self.take_from(number, order) {
                return Some(frame);
            }
            steps += 1;
            at = if steps < 64 {
                chunk_mut(self, number)?.next
            } else {
                None
            };
        }
        let number = self.whole?;
        self.take_from(number, order)
    }

    fn take_from(&mut self, number: u32, order: u32) -> Option<u32> {
        let chunk = chunk_mut(self, number)?;
        let was = List::of(&chunk.bitmap);
        let first = chunk.bitmap.take(order)?;
        let now = List::of(&chunk.bitmap);
        self.move_between(number, was, now);
        Some(number * FRAMES as u32 + first as u32)
    }

    /// Gives such a run back.
    pub(crate) fn give(&mut self, frame: u32, order: u32) {
        let (number, first) = (frame / FRAMES as u32, frame as usize % FRAMES);
        if let Some(chunk) = chunk_mut(self, number) {
            let was = List::of(&chunk.bitmap);
            chunk.bitmap.give(first, order);
            let now = List::of(&chunk.bitmap);
            self.move_between(number, was, now);
        }
    }

    fn move_between(&mut self, number: u32, was: List, now: List) {
        if was == now {
            return;
        }
        self.unlink(number, was);
        self.link(number, now);
    }

    fn head(&mut self, list: List) -> Option<&mut Option<u32>> {
        match list {
            List::None => None,
            List::Partial => Some(&mut self.partial),
            List::Whole => Some(&mut self.whole),
        }
    }

    fn link(&mut self, number: u32, list: List) {
        let Some(head) = self.head(list) else { return };
        let old = head.replace(number);
        if let Some(old) = old.and_then(|old| chunk_mut(self, old)) {
            old.previous = Some(number);
        }
        if let Some(chunk) = chunk_mut(self, number) {
            chunk.next = old;
            chunk.previous = None;
        }
    }

    fn unlink(&mut self, number: u32, list: List) {
        if list == List::None {
            return;
        }
        let Some(chunk) = chunk_mut(self, number) else { return };
        let (next, previous) = (chunk.next.take(), chunk.previous.take());
        if let Some(next) = next.and_then(|next| chunk_mut(self, next)) {
            next.previous = previous;
        }
        match previous.and_then(|previous| chunk_mut(self, previous)) {
            Some(previous) => previous.next = next,
            None => {
                if let Some(head) = self.head(list) {
                    *head = next;
                }
            }
        }
    }

    /// Accepts the next chunk that has RAM of ours in it.
    fn accept_next(&mut self) -> bool {
        let end = self.ram[..self.ranges]
            .iter()
            .map(|range| range.end)
            .max()
            .unwrap_or(0)
            .div_ceil(FRAMES as u64) as u32;
        while self.next_chunk < end {
            let number = self.next_chunk;
            self.next_chunk += 1;
            if chunk(u64::from(number)).is_none() && self.has_free_frames(number) && self.accept(number) {
                return true;
            }
        }
        false
    }

    fn has_free_frames(&self, number: u32) -> bool {
        let mut any = false;
        self.for_each_free(number, |_| any = true);
        any
    }

    /// Calls `each` with the parts of a chunk that are RAM and not reserved.
    fn for_each_free(&self, number: u32, mut each: impl FnMut(Range<u64>)) {
        let start = u64::from(number) * FRAMES as u64;
        let end = start + FRAMES as u64;
        for ram in &self.ram[..self.ranges] {
            let (mut at, stop) = (ram.start.max(start), ram.end.min(end));
            while at < stop {
                let blocking = self.reserved[..self.reservations]
                    .iter()
                    .find(|taken| taken.contains(&at));
                if let Some(taken) = blocking {
                    at = taken.end;
                    continue;
                }
                let next = self.reserved[..self.reservations]
                    .iter()
                    .map(|taken| taken.start)
                    .filter(|&s| s > at)
                    .min();
                let until = next.map_or(stop, |next| next.min(stop));
                each(at..until);
                at = until;
            }
        }
    }

    fn accept(&mut self, number: u32) -> bool {
        let mut bitmap = Bitmap::full();
        self.for_each_free(number, |range| give_range(&mut bitmap, range));
        let base = PhysAddr(u64::from(number) * HUGE_SIZE);
        if !hal::memory::accept(base, &mut || self.metadata_frame(&mut bitmap, number)) {
            return false;
        }
        let Some(home) = self.metadata_frame(&mut bitmap, number) else {
            return false;
        };
        let Some(slot) = self.slot(number, &mut bitmap) else {
            return false;
        };
        let new: *mut Chunk = hal::memory::pointer(home).cast();
        // SAFETY: the frame was just taken, is in the direct map, is page-aligned, and holds a `Chunk` (checked below at compile time).
        unsafe { fill(new, number, bitmap) };
        slot.store(new, Ordering::Release);
        ACCEPTED.fetch_add(1, Ordering::Relaxed);
        let list = chunk_mut(self, number).map_or(List::None, |chunk| List::of(&chunk.bitmap));
        self.link(number, list);
        true
    }

    /// The directory entry of a chunk; makes the block if it is the GiB's first.
    fn slot(&mut self, number: u32, bitmap: &mut Bitmap) -> Option<&'static AtomicPtr<Chunk>> {
        let entry = DIRECTORY.get(number as usize / CHUNKS_PER_BLOCK)?;
        if entry.load(Ordering::Acquire).is_null() {
            let home = self.metadata_frame(bitmap, number)?;
            let block: *mut Block = hal::memory::pointer(home).cast();
            // SAFETY: the frame was just taken and is in the direct map; all-zero bytes are a block of null pointers.
            unsafe { block.write_bytes(0, 1) };
            entry.store(block, Ordering::Release);
        }
        // SAFETY: the pointer is not null here and blocks are never freed.
        let block = unsafe { NonNull::new(entry.load(Ordering::Acquire))?.as_ref() };
        block.chunks.get(number as usize % CHUNKS_PER_BLOCK)
    }

    /// A frame for bookkeeping: from the stock, which is filled from one chunk for many, so that the others can be whole.
    fn metadata_frame(&mut self, own: &mut Bitmap, number: u32) -> Option<PhysAddr> {
        if self.stocked == 0 {
            let ahead = TOTAL.load(Ordering::Relaxed) as usize / FRAMES / 4;
            while self.stocked < ahead.clamp(1, STOCK) {
                let Some(first) = own.take_one() else { break };
                self.stock[self.stocked] = number * FRAMES as u32 + first as u32;
                self.stocked += 1;
            }
            if self.stocked == 0 {
                self.stock[0] = self.take_listed(0)?;
                self.stocked = 1;
            }
            FREE.fetch_sub(self.stocked as u64, Ordering::Relaxed);
        }
        self.stocked -= 1;
        Some(FrameNumber(u64::from(self.stock[self.stocked])).address())
    }
}

const _: () = assert!(size_of::<Chunk>() <= PAGE_SIZE as usize && size_of::<Block>() <= PAGE_SIZE as usize);

/// Writes a chunk's bookkeeping.
///
/// # Safety
/// `new` points at a writable, aligned page that nobody else uses.
unsafe fn fill(new: *mut Chunk, number: u32, bitmap: Bitmap) {
    // SAFETY: the caller's promise; zero bytes are valid counts.
    unsafe { new.write_bytes(0, 1) };
    // SAFETY: the caller's promise, and the counts were just zeroed.
    let chunk = unsafe { &mut *new };
    chunk.head = crate::chunk::Head {
        bitmap,
        number,
        next: None,
        previous: None,
    };
}

/// Gives a range of frames of one chunk to its bitmap, in the largest aligned runs.
fn give_range(bitmap: &mut Bitmap, range: Range<u64>) {
    let mut at = range.start % FRAMES as u64;
    let end = at + (range.end - range.start);
    while at < end {
        let align = if at == 0 { 9 } else { at.trailing_zeros().min(9) };
        let order = (0..=align).rev().find(|&order| at + (1 << order) <= end).unwrap_or(0);
        bitmap.give(at as usize, order);
        at += 1 << order;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    None,
    Partial,
    Whole,
}

impl List {
    fn of(bitmap: &Bitmap) -> Self {
        match bitmap.free() as usize {
            0 => Self::None,
            FRAMES => Self::Whole,
            _ => Self::Partial,
        }
    }
}
