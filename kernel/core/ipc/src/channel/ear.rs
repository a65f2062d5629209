//! Who waits at a socket, whatever it waits for.

use task::WaitQueue;

/// Who waits at a socket.
#[derive(Default)]
pub struct Ear {
    /// For something to read.
    pub readable: WaitQueue,
    /// For room to write.
    pub writable: WaitQueue,
}

impl Ear {
    /// Wakes all of them.
    pub fn wake_all(&self) {
        self.readable.wake_all();
        self.writable.wake_all();
    }
}
