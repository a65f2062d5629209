//! The linked kernel.
#![cfg_attr(target_os = "none", no_std)]
#![cfg_attr(target_os = "none", no_main)]
#![cfg_attr(
    target_os = "none",
    expect(unsafe_code, reason = "the entry point's symbol is the machine's to find")
)]

#[cfg(target_os = "none")]
extern crate alloc;

#[cfg(target_os = "none")]
mod panic;

#[cfg(target_os = "none")]
mod start {
    use hal::console::{self, Stream};

    #[global_allocator]
    static HEAP: frames::heap::Heap = frames::heap::Heap;

    /// The machine is ready: everything else begins here.
    // SAFETY: no other symbol has this name; the machine's entry code calls it once.
    #[unsafe(no_mangle)]
    extern "C" fn kernel_main() -> ! {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
        let text = alloc::format!("hello {:?}\n", frames::usage());
        console::write(Stream::Serial, text.as_bytes());
        hal::power::exit(3)
    }
}

/// The kernel is for machines without an operating system.
#[cfg(not(target_os = "none"))]
fn main() {}
