//! What a program calls instead of the kernel to learn the time and its CPU: the whole text of `linux-vdso.so.1`.
//!
//! The kernel maps its data page right in front of this file's first page and changes it under a sequence number that is odd meanwhile. Clocks
//! that are not answered here, and the time of day before the kernel knows it, are asked of the kernel. The build script compiles this file by
//! itself, for the bare machine: nothing of it is part of the kernel.
#![no_std]

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering, fence};

const NANOS: u64 = 1_000_000_000;

/// Clocks that count from boot: monotonic, raw, coarse, boottime.
const SINCE_BOOT: u32 = 1 << 1 | 1 << 4 | 1 << 6 | 1 << 7;
/// Clocks that count from 1970: realtime, coarse, TAI.
const SINCE_1970: u32 = 1 << 0 | 1 << 5 | 1 << 11;
/// Clocks that Linux moves only with its tick.
const COARSE: u32 = 1 << 5 | 1 << 6;
const COARSE_NANOS: u64 = 4_000_000;

const CLOCK_GETTIME: u64 = 228;
const CLOCK_GETRES: u64 = 229;
const GETTIMEOFDAY: u64 = 96;
const TIME: u64 = 201;

/// The selector whose limit is the number of the CPU.
const NUMBER: u32 = 0x48 | 3;

/// The kernel's words, in the order of `vdso::Data`.
#[repr(C)]
struct Data {
    sequence: AtomicU64,
    start: AtomicU64,
    scale: AtomicU64,
    base: AtomicU64,
    wall: AtomicU64,
}

#[repr(C)]
pub struct Pair {
    seconds: u64,
    rest: u64,
}

#[inline(always)]
fn data() -> &'static Data {
    let at: *const Data;
    // SAFETY: only computes an address; the linker script puts it in front of the image.
    unsafe { asm!("lea {}, [rip + vvar]", out(reg) at, options(pure, nomem, nostack, preserves_flags)) };
    // SAFETY: the kernel maps its page of atomic words there for as long as the image is mapped.
    unsafe { &*at }
}

#[inline(always)]
fn ticks() -> u64 {
    let (low, high): (u64, u64);
    // SAFETY: reads the counter, not before the loads in front of it.
    unsafe { asm!("lfence", "rdtsc", out("rax") low, out("rdx") high, options(nostack, preserves_flags)) };
    high << 32 | low
}

#[cold]
#[inline(never)]
fn call(number: u64, first: u64, second: u64) -> u64 {
    let result;
    // SAFETY: one of the calls above, with the arguments that the program gave.
    unsafe {
        asm!("syscall", inlateout("rax") number => result, in("rdi") first, in("rsi") second, out("rcx") _, out("r11") _, options(nostack))
    };
    result
}

/// Nanoseconds since boot, and what `more` reads in the same moment.
#[inline(always)]
fn now<T>(more: impl Fn(&Data) -> T) -> (u64, T) {
    let data = data();
    loop {
        let sequence = data.sequence.load(Ordering::Acquire);
        let passed = ticks().wrapping_sub(data.start.load(Ordering::Relaxed));
        let scaled = (u128::from(passed) * u128::from(data.scale.load(Ordering::Relaxed)) >> 32) as u64;
        let since_boot = scaled.wrapping_add(data.base.load(Ordering::Relaxed));
        let rest = more(data);
        fence(Ordering::Acquire);
        if sequence & 1 == 0 && sequence == data.sequence.load(Ordering::Relaxed) {
            return (since_boot, rest);
        }
    }
}

/// Whether a clock is one of a set.
#[inline(always)]
fn is_among(clock: u32, set: u32) -> bool {
    clock < 32 && set >> clock & 1 == 1
}

/// The time of day in nanoseconds, if the kernel has found it out.
#[inline(always)]
fn time_of_day() -> Option<u64> {
    let (since_boot, wall) = now(|data| data.wall.load(Ordering::Relaxed));
    (wall != 0).then(|| since_boot.wrapping_add(wall))
}

// SAFETY: no other function of the image has this name, nor has any below its own.
#[unsafe(no_mangle)]
pub extern "C" fn __vdso_clock_gettime(clock: u32, out: *mut Pair) -> u64 {
    let time = if is_among(clock, SINCE_BOOT) {
        Some(now(|_| ()).0)
    } else if is_among(clock, SINCE_1970) {
        time_of_day()
    } else {
        None
    };
    let Some(time) = time else {
        return call(CLOCK_GETTIME, u64::from(clock), out as u64);
    };
    let pair = Pair {
        seconds: time / NANOS,
        rest: time % NANOS,
    };
    // SAFETY: the program's own pointer; if it is wrong, the program faults.
    unsafe { out.write(pair) };
    0
}

// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn __vdso_gettimeofday(out: *mut Pair, zone: *mut u64) -> u64 {
    let Some(time) = time_of_day() else {
        return call(GETTIMEOFDAY, out as u64, zone as u64);
    };
    if !out.is_null() {
        let pair = Pair {
            seconds: time / NANOS,
            rest: time % NANOS / 1000,
        };
        // SAFETY: as in `clock_gettime`.
        unsafe { out.write(pair) };
    }
    if !zone.is_null() {
        // SAFETY: as above; the two words of a time zone are 8 bytes that need not be aligned to more than 4.
        unsafe { zone.write_unaligned(0) };
    }
    0
}

// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn __vdso_time(out: *mut u64) -> u64 {
    let Some(time) = time_of_day() else {
        return call(TIME, out as u64, 0);
    };
    let seconds = time / NANOS;
    if !out.is_null() {
        // SAFETY: as in `clock_gettime`.
        unsafe { out.write(seconds) };
    }
    seconds
}

// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn __vdso_clock_getres(clock: u32, out: *mut Pair) -> u64 {
    if !is_among(clock, SINCE_BOOT | SINCE_1970) {
        return call(CLOCK_GETRES, u64::from(clock), out as u64);
    }
    if !out.is_null() {
        let rest = if is_among(clock, COARSE) { COARSE_NANOS } else { 1 };
        // SAFETY: as in `clock_gettime`.
        unsafe { out.write(Pair { seconds: 0, rest }) };
    }
    0
}

// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn __vdso_getcpu(cpu: *mut u32, node: *mut u32) -> u64 {
    let number: u32;
    // SAFETY: reads the limit of a descriptor that every CPU has.
    unsafe { asm!("lsl {:e}, {:e}", out(reg) number, in(reg) NUMBER, options(nomem, nostack)) };
    for (out, value) in [(cpu, number), (node, 0)] {
        if !out.is_null() {
            // SAFETY: as in `clock_gettime`.
            unsafe { out.write(value) };
        }
    }
    0
}
