//! The name of a word that threads wait on: the same for everyone who can see it, whatever its address is for them.

use crate::vma::Source;
use crate::{AddressSpace, FaultKind};
use address::PAGE_SIZE;
use hal::Access;

/// What names a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FutexKey {
    /// A word of one address space: its number, and the address.
    Private {
        /// The address space's number.
        space: u64,
        /// The word's address.
        address: u64,
    },
    /// A word of an object: the object's number, and the byte in it.
    Shared {
        /// The object's number.
        object: u64,
        /// The word's place in the object.
        offset: u64,
    },
}

impl AddressSpace {
    /// The name of a word that only threads of this address space wait on (`FUTEX_PRIVATE_FLAG`). The word need not be there.
    #[must_use]
    pub fn private_futex_key(&self, address: u64) -> FutexKey {
        FutexKey::Private {
            space: self.id(),
            address,
        }
    }

    /// The name of a word that other processes may wait on too.
    ///
    /// # Errors
    /// What happens on touching the word.
    pub fn futex_key(&self, address: u64) -> Result<FutexKey, FaultKind> {
        let state = self.state.lock();
        let (range, vma) = state.vmas.get(address).ok_or(FaultKind::MapErr)?;
        if !vma.allows(Access::Read) {
            return Err(FaultKind::AccErr);
        }
        Ok(match &vma.source {
            Source::Object { object, first } if vma.is_shared() => FutexKey::Shared {
                object: object.id(),
                offset: first * PAGE_SIZE + (address - range.start),
            },
            _ => self.private_futex_key(address),
        })
    }
}
