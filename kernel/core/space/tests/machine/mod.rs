//! A program on the simulated machine: its touches go through the page tables in force, and faults to the space under test.
#![expect(unreachable_pub, reason = "a module of several test programs")]

use hal::Access;
use space::{AddressSpace, Layout, Limits};
use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

static BOOT: Once = Once::new();
/// Tests look at how much memory is free, so they take turns.
static TURN: Mutex<()> = Mutex::new(());
static HANDLERS: hal::thread::Handlers = hal::thread::Handlers {
    page_fault,
    ..hal::thread::Handlers::NONE
};

thread_local! {
    static CURRENT: RefCell<Option<Arc<AddressSpace>>> = const { RefCell::new(None) };
}

fn page_fault(address: u64, access: Access) -> bool {
    let space = CURRENT.with(|current| current.borrow().clone());
    space.is_some_and(|space| space.fault(address, access).is_ok())
}

/// Starts the machine; the guard is the test's turn.
pub fn boot() -> MutexGuard<'static, ()> {
    BOOT.call_once(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
        hal::thread::set_handlers(&HANDLERS);
        drop(table::zero_page());
        // All chunks are taken into use, so that their bookkeeping does not look like a leak later.
        let mut all = Vec::new();
        while let Ok(page) = frames::HugePage::zeroed() {
            all.push(page);
        }
    });
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A new space, in force.
pub fn new_space() -> Arc<AddressSpace> {
    let limits = Limits::default();
    let space = AddressSpace::new(limits, Layout::fixed(&limits)).expect("there is memory");
    enter(&space);
    space
}

/// Puts a space in force.
pub fn enter(space: &Arc<AddressSpace>) {
    space.activate();
    CURRENT.with(|current| *current.borrow_mut() = Some(Arc::clone(space)));
}

/// Puts none in force.
pub fn leave() {
    space::leave();
    CURRENT.with(|current| *current.borrow_mut() = None);
}

/// Reads a byte as the program would.
pub fn get(address: u64) -> Option<u8> {
    let mut byte = [0];
    (hal::user::copy_in(&mut byte, address) == 1).then_some(byte[0])
}

/// Writes a byte as the program would.
pub fn set(address: u64, value: u8) -> bool {
    hal::user::copy_out(address, &[value]) == 1
}
