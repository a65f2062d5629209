//! Time from the time-stamp counter.
//!
//! Time since boot is `(tsc - start) * scale / 2^32`. The scale comes from the hypervisor where it says it (kvm-clock, CPUID), and otherwise from
//! comparing the counter with the local timer, whose frequency QEMU fixes at 1 GHz: the timer is started at boot and looked at when the application is
//! about to start, so that nothing ever spins to calibrate. Until then the counter is taken to run at 1 GHz, which is what it does under
//! instruction counting. Time of day is read from the hypervisor or the CMOS clock when it is first asked for.

use crate::instructions::{cpuid, inb, outb, rdtsc, wrmsr};
use crate::layout::IMAGE;
use crate::{apic, cpu};
use core::sync::atomic::{AtomicU64, Ordering};
use tsc_view::Leaves;

const NANOS: u64 = 1_000_000_000;
const ONE: u64 = 1 << 32;
const KVM: [u8; 12] = *b"KVMKVMKVM\0\0\0";
const KVM_CLOCK_MSR: u32 = 0x4b56_4d01;
const KVM_WALL_MSR: u32 = 0x4b56_4d00;
/// Frequency of the local timer where nobody says another: QEMU's and KVM's.
const TIMER_HZ: u64 = NANOS;

static START: AtomicU64 = AtomicU64::new(0);
static SCALE: AtomicU64 = AtomicU64::new(ONE);
static BASE: AtomicU64 = AtomicU64::new(0);
static WALL: AtomicU64 = AtomicU64::new(0);

/// What KVM writes for a guest: `pvclock_vcpu_time_info` and `pvclock_wall_clock`, as words.
#[repr(C, align(64))]
struct Shared([AtomicU64; 8]);

static SHARED: Shared = Shared([const { AtomicU64::new(0) }; 8]);

/// Starts the clock.
pub(crate) fn start() {
    START.store(rdtsc(), Ordering::Relaxed);
    if let Some(scale) = stated_scale() {
        SCALE.store(scale, Ordering::Relaxed);
    } else {
        apic::start_counting();
    }
}

/// The scale, where the hypervisor or the CPU says it.
fn stated_scale() -> Option<u64> {
    if cpu::features().hypervisor == Some(KVM)
        && cpuid(0x4000_0001, 0)[0] & 1 << 3 != 0
        && let Some(scale) = kvm_scale()
    {
        return Some(scale);
    }
    let highest = cpuid(0, 0)[0];
    let leaf = |number| if highest >= number { cpuid(number, 0) } else { [0; 4] };
    let of_hypervisor = cpu::features().hypervisor.is_some() && cpuid(0x4000_0000, 0)[0] >= 0x4000_0010;
    let [denominator, numerator, crystal, _] = leaf(0x15);
    let leaves = Leaves {
        crystal: [denominator, numerator, crystal],
        megahertz: leaf(0x16)[0],
        hypervisor_kilohertz: if of_hypervisor { cpuid(0x4000_0010, 0)[0] } else { 0 },
    };
    leaves.scale()
}

fn kvm_scale() -> Option<u64> {
    let at = (&raw const SHARED).addr() as u64 - IMAGE;
    // SAFETY: KVM writes the structure at a place that is reserved for it for ever, and stops when the register is cleared.
    unsafe { wrmsr(KVM_CLOCK_MSR, at | 1) };
    let words = [0, 1, 2, 3].map(|index| SHARED.0[index].load(Ordering::Acquire));
    // SAFETY: as above.
    unsafe { wrmsr(KVM_CLOCK_MSR, 0) };
    tsc_view::kvm_scale(words)
}

/// The application is about to start: takes the scale from what the local timer counted since boot, if nobody said it.
pub fn settle() {
    if SCALE.load(Ordering::Relaxed) != ONE {
        return;
    }
    let counted = u64::from(apic::counted());
    let ticks = rdtsc() - START.load(Ordering::Relaxed);
    apic::stop_counting();
    let scale = tsc_view::scale(counted * (NANOS / TIMER_HZ), ticks);
    // Within a thousandth of 1 GHz it is 1 GHz: instruction counting.
    if scale.abs_diff(ONE) > ONE / 1000 {
        let now = now();
        START.store(rdtsc(), Ordering::Relaxed);
        BASE.store(now.max(counted), Ordering::Relaxed);
        SCALE.store(scale, Ordering::Relaxed);
    }
}

/// Nanoseconds since boot.
#[must_use]
#[inline]
pub fn now() -> u64 {
    let ticks = rdtsc().wrapping_sub(START.load(Ordering::Relaxed));
    let scaled = u128::from(ticks) * u128::from(SCALE.load(Ordering::Relaxed));
    (scaled >> 32) as u64 + BASE.load(Ordering::Relaxed)
}

/// Nanoseconds from 1970 to boot.
#[must_use]
pub fn wall_at_boot() -> u64 {
    let known = WALL.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    let wall = kvm_wall()
        .unwrap_or_else(|| cmos_seconds() * NANOS)
        .saturating_sub(now())
        .max(1);
    WALL.store(wall, Ordering::Relaxed);
    wall
}

fn kvm_wall() -> Option<u64> {
    if cpu::features().hypervisor != Some(KVM) || cpuid(0x4000_0001, 0)[0] & 1 << 3 == 0 {
        return None;
    }
    let at = (&raw const SHARED).addr() as u64 - IMAGE + 32;
    // SAFETY: KVM writes 12 bytes at a place that is reserved for it.
    unsafe { wrmsr(KVM_WALL_MSR, at) };
    let (first, second) = (SHARED.0[4].load(Ordering::Acquire), SHARED.0[5].load(Ordering::Acquire));
    // The wall clock that KVM gives is that of the moment when its system time was zero: of the host's boot of this guest.
    let at_boot = tsc_view::kvm_wall([first as u32, (first >> 32) as u32, second as u32])?;
    Some(at_boot + now())
}

/// Sets the time of day: nanoseconds from 1970 to now.
pub fn set_wall(now_wall: u64) {
    WALL.store(now_wall.saturating_sub(now()).max(1), Ordering::Relaxed);
}

fn cmos(register: u8) -> u8 {
    // SAFETY: selects a register of the CMOS clock.
    unsafe { outb(0x70, register) };
    // SAFETY: reads the register selected.
    unsafe { inb(0x71) }
}

/// Seconds from 1970 to now, from the CMOS clock; 0 where there is none.
fn cmos_seconds() -> u64 {
    let mut patience = 10_000;
    while cmos(10) & 0x80 != 0 && patience > 0 {
        patience -= 1;
    }
    let binary = cmos(11) & 4 != 0;
    let [second, minute, hour, day, month, year, century] = [0, 2, 4, 7, 8, 9, 0x32].map(|register| {
        let value = cmos(register);
        u64::from(if binary {
            value
        } else {
            (value >> 4) * 10 + (value & 15)
        })
    });
    if month == 0 || month > 12 || day == 0 {
        return 0;
    }
    let year = if (19..=21).contains(&century) {
        century * 100 + year
    } else {
        2000 + year
    };
    days_from_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days_from_1970(year: u64, month: u64, day: u64) -> u64 {
    // Years begin in March, so that the leap day is the last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// Asks for a timer interrupt on this CPU at a time since boot; none for `None`.
pub fn set_timer(deadline: Option<u64>) {
    let Some(deadline) = deadline else {
        return if cpu::features().tsc_deadline {
            apic::set_deadline(0)
        } else {
            apic::set_count(0)
        };
    };
    let wait = deadline.saturating_sub(now()).max(1000);
    if cpu::features().tsc_deadline {
        let ticks = tsc_view::ticks(wait, SCALE.load(Ordering::Relaxed));
        apic::set_deadline(rdtsc().saturating_add(ticks).max(1));
    } else {
        apic::set_count(u32::try_from(wait / (NANOS / TIMER_HZ)).unwrap_or(u32::MAX));
    }
}

/// What a program's clock needs: TSC at the start, scale, nanoseconds at the start.
#[must_use]
pub fn vdso_parameters() -> [u64; 3] {
    [
        START.load(Ordering::Relaxed),
        SCALE.load(Ordering::Relaxed),
        BASE.load(Ordering::Relaxed),
    ]
}
