//! What the stack asks of a card.

use crate::Frame;

/// What a card can do for the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// It completes checksums of frames that go.
    pub checksum: bool,
    /// It cuts large packets of each [`Kind`](crate::Kind).
    pub cuts: [bool; 3],
    /// Most bytes of a packet in one frame, unless it is cut, as long as nobody asks for others.
    pub mtu: u32,
    /// As many as anybody may ask for.
    pub most: u32,
}

/// What has gone through a card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames and bytes that came.
    pub received: [u64; 2],
    /// Frames and bytes that went.
    pub sent: [u64; 2],
    /// Frames that came and made no sense.
    pub broken: u64,
}

/// The queues of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queues {
    /// Pairs that are in use, and that there can be.
    pub pairs: [u32; 2],
    /// How many buffers and frames each has room for, for frames that come and for those that go.
    pub room: [u32; 2],
}

/// A network card. Nothing here blocks.
pub trait Card: Send + Sync {
    /// Its address.
    fn mac(&self) -> [u8; 6];
    /// What it can do.
    fn abilities(&self) -> Abilities;
    /// Whether the link is there.
    fn has_link(&self) -> bool;
    /// What has gone through it.
    fn counters(&self) -> Counters;
    /// Its queues.
    fn queues(&self) -> Queues {
        Queues {
            pairs: [1, 1],
            room: [0, 0],
        }
    }
    /// What has gone through a pair of its queues: frames and bytes that came, and those that went.
    fn pair_counters(&self, _pair: usize) -> [[u64; 2]; 2] {
        let all = self.counters();
        [all.received, all.sent]
    }
    /// Whether it can do all that a frame asks for.
    fn can(&self, _frame: &Frame) -> bool {
        true
    }
    /// Takes frames for others: all, all for groups, or those for some groups.
    fn set_filter(&self, _promiscuous: bool, _all_groups: bool, _groups: &[[u8; 6]]) {}
    /// Takes another address; whether it does that.
    fn set_mac(&self, _mac: [u8; 6]) -> bool {
        false
    }
    /// Sends a frame.
    ///
    /// # Errors
    /// The frame, when there is no room now, it asks for what the card cannot do, or the card is broken.
    fn transmit(&self, frame: Frame) -> Result<(), Frame>;
    /// Whether everything has left that it was given to send.
    fn is_idle(&self) -> bool {
        true
    }
    /// A frame that came, if there is one.
    fn receive(&self) -> Option<Frame>;
    /// After the last one: the next makes an interrupt, unless it has come already, which this says.
    fn rest(&self) -> bool {
        false
    }
    /// Takes a frame that came and is no longer needed: its pages may take others.
    fn give_back(&self, _frame: Frame) {}
}
