//! Registers of devices: the simulated machine has none.

/// The registers of a device.
#[derive(Debug)]
pub struct Registers(());

impl Registers {
    /// Shows registers at a physical address: there are none.
    #[must_use]
    pub fn map(_address: u64, _len: u32) -> Option<Self> {
        None
    }

    /// Bytes of registers.
    #[must_use]
    pub fn len(&self) -> u32 {
        0
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        true
    }

    /// Reads a register of 4 bytes.
    #[must_use]
    pub fn read_32(&self, _offset: u32) -> u32 {
        u32::MAX
    }

    /// Reads a register of one byte.
    #[must_use]
    pub fn read_8(&self, _offset: u32) -> u8 {
        u8::MAX
    }

    /// Writes a register of 4 bytes.
    pub fn write_32(&self, _offset: u32, _value: u32) {}
}

/// Lets a device's interrupt line in: there are none.
#[must_use]
pub fn listen(_line: u32) -> bool {
    false
}

/// What this CPU stored is seen by devices before it loads anything more.
pub fn barrier() {
    core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
}
