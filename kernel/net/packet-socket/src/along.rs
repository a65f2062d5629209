//! What a program is told beside a frame: when it came, how many were lost before, and how long it was.

use crate::inbox::Arrived;
use crate::options::{AUXDATA, SOL_PACKET};
use crate::socket::PacketSocket;
use abi::socket::{SO_RXQ_OVFL, SOL_SOCKET};
use alloc::vec::Vec;
use vfs::Control;

impl PacketSocket {
    /// What a program is told beside a frame.
    pub(crate) fn control(&self, arrived: &Arrived) -> Vec<Control> {
        let mut all = Vec::new();
        let mut add = |level, kind, body: &[u8]| {
            all.push(Control {
                level,
                kind,
                body: body.to_vec(),
            });
        };
        if self.options.has_extras() {
            self.options
                .times(arrived.came, |kind, body| add(SOL_SOCKET, kind, body));
            if arrived.lost > 0 && self.options.is_set(SOL_SOCKET, SO_RXQ_OVFL) {
                add(SOL_SOCKET, SO_RXQ_OVFL, &arrived.lost.to_ne_bytes());
            }
        }
        if self.options.is_set(SOL_PACKET, AUXDATA) {
            // No tags are taken out of frames here.
            let offsets = (arrived.link as u32) << 16;
            let words = [
                arrived.status,
                arrived.len as u32,
                arrived.bytes.len() as u32,
                offsets,
                0,
            ];
            add(SOL_PACKET, AUXDATA, words.map(u32::to_ne_bytes).as_flattened());
        }
        all
    }
}
