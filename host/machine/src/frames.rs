//! The kernel's tables of frames (`.debug_frame`), which say where on a stack the return addresses are.

use std::path::Path;

use gimli::{BaseAddresses, CfaRule, DebugFrame, LittleEndian, UnwindContext, UnwindSection, X86_64};
use object::{Object, ObjectSection};

/// An instruction, and how far the stack pointer there is above the first one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub address: u64,
    pub stack: u64,
}

/// The tables.
pub(crate) struct Frames {
    section: Vec<u8>,
}

impl Frames {
    /// Reads them from the kernel's file; `None` if it has none.
    pub(crate) fn new(kernel: &Path) -> Option<Frames> {
        let file = std::fs::read(kernel).ok()?;
        let object = object::File::parse(&*file).ok()?;
        let section = object.section_by_name(".debug_frame")?.data().ok()?.to_vec();
        Some(Frames { section })
    }

    /// Where the return address of the function at a place lies. `None` if that depends on more than the stack pointer.
    pub(crate) fn return_address(&self, place: Place) -> Option<u64> {
        let mut section = DebugFrame::new(&self.section, LittleEndian);
        section.set_address_size(8);
        let mut context = UnwindContext::new();
        let row = section
            .unwind_info_for_address(
                &BaseAddresses::default(),
                &mut context,
                place.address,
                DebugFrame::cie_from_offset,
            )
            .ok()?;
        match *row.cfa() {
            CfaRule::RegisterAndOffset { register, offset } if register == X86_64::RSP => {
                place.stack.checked_add_signed(offset)?.checked_sub(8)
            }
            _ => None,
        }
    }
}
