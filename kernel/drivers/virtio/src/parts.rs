//! The three pieces of memory that a ring of either format has, a page each.

use crate::dma::{Dma, Shared};
use crate::transport::Addresses;
use abi::Result;
use alloc::sync::Arc;

/// Where a ring lies.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) descriptors: Shared,
    /// What the driver alone writes.
    pub(crate) driver: Shared,
    /// What the device writes.
    pub(crate) device: Shared,
}

impl Parts {
    pub(crate) fn new(dma: &Arc<dyn Dma>) -> Result<Self> {
        Ok(Self {
            descriptors: Shared::new(dma)?,
            driver: Shared::new(dma)?,
            device: Shared::new(dma)?,
        })
    }

    /// As the device is told.
    pub(crate) fn addresses(&self) -> Addresses {
        Addresses {
            descriptors: self.descriptors.address(),
            driver: self.driver.address(),
            device: self.device.address(),
        }
    }
}
