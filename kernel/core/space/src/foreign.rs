//! Memory of an address space that is not in force: for `execve`, which fills a new one, and for those who look at another process.

use crate::{AddressSpace, FaultKind};
use address::{PAGE_LEN, PAGE_SIZE};
use hal::Access;

impl AddressSpace {
    /// Copies bytes out, as a program that reads them would see them; returns how many came before a page that cannot be read.
    #[must_use]
    pub fn peek(&self, address: u64, into: &mut [u8]) -> usize {
        let mut done = 0;
        while done < into.len() {
            let (at, len) = piece(address, done, into.len());
            let piece = &mut into[done..done + len];
            let copied = self.touch(at, Access::Read, |table| table.read(at, piece));
            if copied.is_err() {
                break;
            }
            done += len;
        }
        done
    }

    /// Copies bytes in, as a program that writes them would; returns how many went before a page that cannot be written.
    #[must_use]
    pub fn poke(&self, address: u64, from: &[u8]) -> usize {
        let mut done = 0;
        while done < from.len() {
            let (at, len) = piece(address, done, from.len());
            let piece = &from[done..done + len];
            let copied = self.touch(at, Access::Write, |table| table.write(at, piece));
            if copied.is_err() {
                break;
            }
            done += len;
        }
        done
    }

    /// Lets `copy` copy once the page is there. Another CPU may take it away between the two, so that it is tried again.
    fn touch(
        &self,
        address: u64,
        access: Access,
        mut copy: impl FnMut(&table::Table) -> bool,
    ) -> Result<(), FaultKind> {
        loop {
            self.fault(address, access)?;
            let state = self.state.lock();
            let there = state.table.lookup(address).is_some_and(|leaf| leaf.allows(access));
            if there && copy(&state.table) {
                return Ok(());
            }
        }
    }
}

/// The next piece that lies in one page.
fn piece(address: u64, done: usize, len: usize) -> (u64, usize) {
    let at = address.wrapping_add(done as u64);
    (at, (PAGE_LEN - (at % PAGE_SIZE) as usize).min(len - done))
}
