//! The card of loopback, which there is none of: what goes to the machine's own addresses never becomes a frame.

use crate::{Abilities, Card, Counters, Frame};

/// Packets as long as on Linux.
const MTU: u32 = 65536;

pub(crate) struct Loopback;

impl Card for Loopback {
    fn mac(&self) -> [u8; 6] {
        [0; 6]
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            checksum: false,
            cuts: [false; 3],
            mtu: MTU,
            most: u32::MAX >> 1,
        }
    }

    fn has_link(&self) -> bool {
        true
    }

    fn counters(&self) -> Counters {
        Counters::default()
    }

    fn can(&self, _frame: &Frame) -> bool {
        false
    }

    fn transmit(&self, frame: Frame) -> Result<(), Frame> {
        Err(frame)
    }

    fn receive(&self) -> Option<Frame> {
        None
    }
}
