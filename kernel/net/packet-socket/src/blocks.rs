//! Blocks that fill up with frames that come (`TPACKET_V3`): one lies right behind the other, and a block goes to the program when nothing more fits, or when the first frame in it has waited
//! long enough. When the next block is still the program's, nothing is taken until it has done with that.
//!
//! On Linux the time of a block begins when it is opened and begins anew while it is empty; here it begins with the first frame, so that a ring in which nothing happens costs nothing. A frame waits no longer
//! than there.

use crate::ring::{Layout, Memory, Packet, Shape, own_part, status};

/// Milliseconds that a block waits if the program does not care.
const USUAL_WAIT: u32 = 8;
/// What a program may want besides: the flow of each frame.
const WANTS_FLOWS: u32 = 1;
/// In a block's header: whose it is, with the number of frames in the other half of the word.
const STATUS: usize = 8;
const VERSION: u32 = 2;

/// The blocks.
pub(crate) struct Blocks {
    shape: Shape,
    /// The block that is filled, or is waited for.
    active: usize,
    waits: bool,
    /// How many have been opened.
    opened: u64,
    /// Where in the block the next frame begins, and the one before it.
    end: usize,
    last: usize,
    frames: u32,
    /// When it was opened, and when the last frame came.
    times: [u64; 2],
}

/// What became of a frame.
#[derive(Clone, Copy, Default)]
pub(crate) struct Put {
    /// It was kept.
    pub(crate) kept: bool,
    /// It is the first in its block.
    pub(crate) first: bool,
    /// A block went to the program, and the next one was not free.
    pub(crate) told: bool,
    pub(crate) froze: bool,
}

fn aligned(len: usize) -> usize {
    len.next_multiple_of(8)
}

impl Blocks {
    pub(crate) fn new(shape: Shape) -> Self {
        let mut blocks = Self {
            shape,
            active: 0,
            waits: false,
            opened: 0,
            end: 0,
            last: 0,
            frames: 0,
            times: [0; 2],
        };
        blocks.open(time::wall_now());
        blocks
    }

    /// The number of the block that is filled.
    pub(crate) fn number(&self) -> u64 {
        self.opened
    }

    /// Nanoseconds that a frame waits at most.
    pub(crate) fn patience(&self) -> u64 {
        let wait = self.shape.more[0];
        u64::from(if wait == 0 { USUAL_WAIT } else { wait }) * 1_000_000
    }

    pub(crate) fn wants_flows(&self) -> bool {
        self.shape.more[2] & WANTS_FLOWS != 0
    }

    /// How many blocks there are.
    pub(crate) fn len(&self) -> usize {
        self.shape.blocks
    }

    /// Whether the block that lies so many behind the active one is not the program's.
    pub(crate) fn is_kernels(&self, memory: &Memory, ahead: usize) -> bool {
        let number = (self.active + ahead) % self.shape.blocks;
        memory.word(number * self.shape.block + STATUS) as u32 == status::KERNELS
    }

    /// Whether the block that was filled last is still the program's.
    pub(crate) fn is_readable(&self, memory: &Memory) -> bool {
        !self.is_kernels(memory, self.shape.blocks - 1)
    }

    fn own_part(&self) -> usize {
        own_part(self.shape.more[1])
    }

    fn open(&mut self, now: u64) {
        self.opened += 1;
        self.waits = false;
        self.end = self.own_part();
        self.last = self.end;
        self.frames = 0;
        self.times = [now; 2];
    }

    /// Gives the active block to the program and begins the next one; whether that was free.
    fn close(&mut self, memory: &Memory, why: u32, now: u64) -> bool {
        let at = self.active * self.shape.block;
        // The last frame says that it is the last.
        memory.write(at + self.last, &[0; 4]);
        let [opened, last] = self.times.map(|time| [time / 1_000_000_000, time % 1_000_000_000]);
        let sequence = [self.opened as u32, (self.opened >> 32) as u32];
        let [[a, b], [c, d]] = [opened, last].map(|time| time.map(|part| part as u32));
        let rest = [
            self.own_part() as u32,
            self.end as u32,
            sequence[0],
            sequence[1],
            a,
            b,
            c,
            d,
        ];
        let head = [VERSION, own_part(0) as u32].map(u32::to_ne_bytes);
        memory.write(at, head.as_flattened());
        memory.write(at + STATUS + 8, rest.map(u32::to_ne_bytes).as_flattened());
        let word = u64::from(status::PROGRAMS | why) | u64::from(self.frames) << 32;
        memory.set_word(at + STATUS, word);
        self.active = (self.active + 1) % self.shape.blocks;
        self.frames = 0;
        let free = self.is_kernels(memory, 0);
        if free {
            self.open(now);
        }
        self.waits = !free;
        free
    }

    /// The block with that number has waited long enough; whether it went to the program, and whether the next one was free.
    pub(crate) fn retire(&mut self, memory: &Memory, number: u64, losing: u32) -> Put {
        let mut put = Put::default();
        if self.opened == number && self.frames > 0 {
            put.told = true;
            put.froze = !self.close(memory, status::TIMED_OUT | losing, time::wall_now());
        }
        put
    }

    /// Puts a frame behind the last one; `losing` says that some were lost before.
    pub(crate) fn put(&mut self, memory: &Memory, mut layout: Layout, packet: &Packet<'_>, losing: u32) -> Put {
        let mut put = Put::default();
        let most = self.shape.block - self.own_part();
        let taken = packet.bytes.len().min(most.saturating_sub(layout.frame));
        layout.has_offload &= layout.frame <= most;
        layout.frame = layout.frame.min(most);
        let len = aligned(layout.frame + taken);
        if self.waits {
            if !self.is_kernels(memory, 0) {
                return put;
            }
            self.open(packet.now);
        }
        // As on Linux a block is never filled to its very end, so that what would fill one alone goes into the next.
        if self.end + len >= self.shape.block {
            put.told = true;
            put.froze = !self.close(memory, losing, packet.now);
            if put.froze {
                return put;
            }
        }
        let at = self.active * self.shape.block;
        layout.write(memory, at + self.end, packet, taken, len);
        self.last = self.end;
        self.end += len;
        self.frames += 1;
        self.times[1] = packet.now;
        put.kept = true;
        put.first = self.frames == 1;
        put
    }
}
