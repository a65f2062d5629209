//! The other CPUs, which are started once there is something for them to do.

use address::PhysAddr;
use core::sync::atomic::{AtomicBool, Ordering};

/// Starts the other CPUs, the first time that there is something for them to do.
pub fn start_other_cpus() {
    static STARTED: AtomicBool = AtomicBool::new(false);
    if hal::cpu::count() > 1 && !STARTED.swap(true, Ordering::Relaxed) {
        hal::cpu::start_others(run_cpu, &mut pages);
    }
}

fn run_cpu() -> ! {
    task::scheduler::start_on_this_cpu();
    task::scheduler::idle()
}

fn pages(order: u32) -> Option<PhysAddr> {
    frames::kernel_run(order)
}
