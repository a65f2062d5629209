//! The end of the machine, for connections: what programs have sent arrives, and peers hear that nothing more comes.

use crate::unowned;
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
    const UNDER_WAY: [u8; 3] = [State::FinWait1 as u8, State::Closing as u8, State::LastAck as u8];
    unowned::over(&|_| true)
        .iter()
        .any(|one| UNDER_WAY.contains(&one.state))
}
