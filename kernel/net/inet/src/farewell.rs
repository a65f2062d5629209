//! The end of the machine, for connections: what programs have sent arrives, and peers hear that nothing more comes.

use crate::remote::Remote;
use crate::table::{self, Entry};
use alloc::sync::Arc;
use alloc::vec::Vec;
use tcp::State;

/// How long peers have to take what was sent.
const PATIENCE: u64 = 2_000_000_000;

/// Waits until peers have everything that programs sent before they ended, and ends what the machine does on its networks.
#[cold]
pub fn farewell() {
    task::look_until(time::now() + PATIENCE, &mut || !is_anything_under_way());
    ip::farewell();
}

fn is_anything_under_way() -> bool {
    let mut live: Vec<Arc<Remote>> = Vec::new();
    table::each(|_, entry| {
        if let Entry::Live(remote) = entry {
            live.push(Arc::clone(remote));
        }
    });
    let mut states = live.iter().filter_map(|remote| remote.as_orphan());
    states.any(|(state, _)| matches!(state, State::FinWait1 | State::Closing | State::LastAck))
}
