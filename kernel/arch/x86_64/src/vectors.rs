//! A program's vector state in memory: the kernel's own copies, and the one in a signal's frame.
//!
//! The CPU saves to a program's memory and loads from it directly; its faults there are fixed up, those by which it refuses what it cannot load too. What
//! a program describes otherwise than the kernel does is copied into the kernel, checked there by the same rules (no unknown component, no compacted form, no
//! reserved bit of `mxcsr`), and loaded from there.

use crate::{cpu, fpu, user};
use alloc::alloc::{alloc, dealloc};
use core::alloc::Layout;

/// Saved vector state.
pub(crate) struct VectorState {
    area: *mut u8,
}

// SAFETY: the area is owned by this value alone.
unsafe impl Send for VectorState {}

fn layout() -> Layout {
    // A constant size and alignment that are always valid.
    Layout::from_size_align(fpu::size().next_multiple_of(64), 64).unwrap_or(Layout::new::<[u64; 344]>())
}

impl VectorState {
    /// The state with which a program begins. `None` when memory is short.
    pub(crate) fn new() -> Option<Self> {
        // SAFETY: the layout is not empty.
        let area = unsafe { alloc(layout()) };
        if area.is_null() {
            return None;
        }
        // SAFETY: the area was just allocated with this length.
        fpu::set_initial(unsafe { core::slice::from_raw_parts_mut(area, layout().size()) });
        Some(Self { area })
    }

    /// Takes the state that this CPU has now.
    pub(crate) fn save(&mut self) {
        // SAFETY: the area has the size that the CPU's state takes.
        unsafe { fpu::save(self.area) };
    }

    /// Gives this CPU the state.
    pub(crate) fn load(&self) {
        // SAFETY: the area holds a saved state, an initial one, or one that `take` checked.
        unsafe { fpu::restore(self.area) };
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the area has this length, is initialised, and is borrowed with this value.
        unsafe { core::slice::from_raw_parts_mut(self.area, fpu::size()) }
    }

    /// Takes the state that a program left at an address. False, and the state is of no use, where that cannot be read or loaded.
    fn take(&mut self, from: u64) -> bool {
        let Some((legacy, rest)) = self.bytes().split_at_mut_checked(LEGACY) else {
            return false;
        };
        if user::copy_in(legacy, from) < LEGACY || word(legacy, MXCSR) & !fpu::mxcsr_mask() != 0 {
            return false;
        }
        match Description::read(from) {
            Some(described) => described.take_rest(rest, from),
            None => {
                set_word(rest, 0, X87_AND_SSE);
                true
            }
        }
    }
}

impl Drop for VectorState {
    fn drop(&mut self) {
        // SAFETY: the area was allocated with this layout, which never changes after boot.
        unsafe { dealloc(self.area, layout()) };
    }
}

/// The area of `fxsave`, which `xsave` begins with.
const LEGACY: usize = 512;
const HEADER: usize = 64;
const MXCSR: usize = 24;
/// Where the kernel tells a program what it saved, in bytes that the CPU leaves alone.
const DESCRIPTION: u64 = 464;
const MAGIC_1: u32 = 0x4650_5853;
const MAGIC_2: u32 = 0x4650_5845;
const X87_AND_SSE: u32 = 3;

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

fn set_word(bytes: &mut [u8], at: usize, value: u32) {
    if let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *place = value.to_le_bytes();
    }
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from(word(bytes, at)) | u64::from(word(bytes, at + 4)) << 32
}

/// What a frame says of the state in it (`struct _fpx_sw_bytes`).
struct Description {
    components: u64,
    size: usize,
}

impl Description {
    /// Reads it; nothing if there is none that makes sense: then only the legacy area counts.
    fn read(from: u64) -> Option<Self> {
        let mut bytes = [0; 20];
        let at = from.checked_add(DESCRIPTION)?;
        if !cpu::features().xsave || user::copy_in(&mut bytes, at) < bytes.len() {
            return None;
        }
        let extended = word(&bytes, 4) as usize;
        let size = word(&bytes, 16) as usize;
        let sensible = (LEGACY + HEADER..=fpu::size()).contains(&size) && size <= extended;
        let marked = || user::load_u32(from.checked_add(size as u64)?);
        if word(&bytes, 0) != MAGIC_1 || !sensible || marked() != Some(MAGIC_2) {
            return None;
        }
        Some(Self {
            components: long(&bytes, 8),
            size,
        })
    }

    /// Whether it describes what [`save_to_user`] leaves.
    fn is_usual(&self) -> bool {
        self.size == fpu::size() && self.components == fpu::enabled()
    }

    fn take_rest(&self, rest: &mut [u8], from: u64) -> bool {
        let Some(wanted) = rest.get_mut(..self.size - LEGACY) else {
            return false;
        };
        if user::copy_in(wanted, from + LEGACY as u64) < wanted.len() {
            return false;
        }
        let present = long(rest, 0);
        let compacted = long(rest, 8) | long(rest, 16);
        if present & !fpu::enabled() != 0 || compacted != 0 {
            return false;
        }
        let present = present & self.components;
        set_word(rest, 0, present as u32);
        set_word(rest, 4, (present >> 32) as u32);
        rest.iter_mut().take(HEADER).skip(8).for_each(|byte| *byte = 0);
        true
    }
}

/// Bytes that vector state takes in a signal's frame, with the mark behind it.
#[must_use]
pub fn saved_size() -> u64 {
    let mark = if cpu::features().xsave { 4 } else { 0 };
    fpu::size() as u64 + mark
}

/// Copies the running program's vector state to its memory, described as Linux does, and clears it: a handler begins with nothing in the
/// registers. False where the memory cannot be written; the registers are as they were then.
#[must_use]
pub fn save_to_user(to: u64) -> bool {
    let saved = if cpu::features().xsave {
        save_extended(to)
    } else {
        save_legacy(to)
    };
    if saved {
        fpu::load_initial();
    }
    saved
}

/// Has the CPU save to the program's memory, behind a header that is clear, and adds the description and the marks.
fn save_extended(to: u64) -> bool {
    let (size, enabled) = (fpu::size(), fpu::enabled());
    let (Some(header), Some(end)) = (to.checked_add(LEGACY as u64), to.checked_add(size as u64)) else {
        return false;
    };
    let mut description = [0; LEGACY - DESCRIPTION as usize + HEADER];
    let words = [
        MAGIC_1,
        size as u32 + 4,
        enabled as u32,
        (enabled >> 32) as u32,
        size as u32,
    ];
    for (at, value) in (0..).step_by(4).zip(words) {
        set_word(&mut description, at, value);
    }
    let described = user::copy_out(to + DESCRIPTION, &description) == description.len();
    if !described || user::copy_out(end, &MAGIC_2.to_le_bytes()) < 4 || !user::save_vectors(to, size) {
        return false;
    }
    // Programs that know only the legacy area change it, and expect it to count.
    match user::load_u32(header) {
        Some(present) if present & X87_AND_SSE == X87_AND_SSE => true,
        Some(present) => user::copy_out(header, &(present | X87_AND_SSE).to_le_bytes()) == 4,
        None => false,
    }
}

fn save_legacy(to: u64) -> bool {
    let Some(mut state) = VectorState::new() else {
        return false;
    };
    state.save();
    let bytes = state.bytes();
    user::copy_out(to, bytes) == bytes.len()
}

/// Gives the running program the vector state that it left at an address, or a clear one for null. False where there is none that could be loaded; the program
/// must not go on with what is in the registers then.
#[must_use]
pub fn load_from_user(from: u64) -> bool {
    if from == 0 {
        fpu::load_initial();
        return true;
    }
    if Description::read(from).is_some_and(|described| described.is_usual()) {
        let status = from.checked_add(MXCSR as u64).and_then(user::load_u32);
        let loadable = status.is_some_and(|status| status & !fpu::mxcsr_mask() == 0);
        return loadable && user::load_vectors(from, fpu::size());
    }
    let Some(mut state) = VectorState::new() else {
        return false;
    };
    let taken = state.take(from);
    if taken {
        state.load();
    }
    taken
}
