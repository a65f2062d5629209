//! The control queue: what the driver asks of the card besides frames (virtio 1.2, 5.1.6.5).
//!
//! Nobody waits for an answer: it is looked at when the card interrupts. A command for which there is no room is not given, which costs frames that nobody needs or one queue instead of
//! several, and never more.

use abi::Result;
use virtio::{Device, Queue, Segment, Shared};

/// Commands that are under way at most.
const COMMANDS: u16 = 16;
/// Where in a command's page the card says how it went.
const ANSWER: u32 = 4095;
const OK: u8 = 0;
/// Groups that a card is told of; where there are more it takes all.
const MOST_GROUPS: usize = 64;

/// A class of commands, and one of them.
type Code = [u8; 2];
const PROMISCUOUS: Code = [0, 0];
const ALL_GROUPS: Code = [0, 1];
const TABLE: Code = [1, 0];
const ADDRESS: Code = [1, 1];
const ANNOUNCED: Code = [3, 0];
const PAIRS: Code = [4, 0];

/// A command in the card's hands: what it is, its page, and a number that it asks for.
type Asked = (Code, Shared, u16);

/// The control queue.
pub(crate) struct Control {
    queue: Queue<Asked>,
}

impl Control {
    pub(crate) fn new(device: &Device, index: u16) -> Result<Self> {
        let mut queue = device.queue(index, COMMANDS)?;
        // Nothing can have come yet.
        let _ = queue.listen();
        Ok(Self { queue })
    }

    /// Takes frames for others: all, all for groups, or those for some.
    pub(crate) fn set_filter(&mut self, device: &Device, promiscuous: bool, all_groups: bool, groups: &[[u8; 6]]) {
        let all_groups = all_groups || groups.len() > MOST_GROUPS;
        let listed = if all_groups { &[] } else { groups };
        // No stations, then the groups, each with their count.
        let mut table = alloc::vec![0; 4];
        table.extend((listed.len() as u32).to_le_bytes());
        table.extend(listed.iter().flatten());
        self.ask(device, TABLE, &table, 0);
        self.ask(device, ALL_GROUPS, &[u8::from(all_groups)], 0);
        self.ask(device, PROMISCUOUS, &[u8::from(promiscuous)], 0);
    }

    pub(crate) fn set_mac(&mut self, device: &Device, mac: [u8; 6]) -> bool {
        self.ask(device, ADDRESS, &mac, 0)
    }

    /// Others have been told.
    pub(crate) fn announced(&mut self, device: &Device) {
        self.ask(device, ANNOUNCED, &[], 0);
    }

    /// Uses so many pairs of queues, from when the card has said so.
    pub(crate) fn set_pairs(&mut self, device: &Device, pairs: u16) {
        self.ask(device, PAIRS, &pairs.to_le_bytes(), pairs);
    }

    /// Gives a command; whether there was room for it.
    fn ask(&mut self, device: &Device, code: Code, data: &[u8], number: u16) -> bool {
        let Ok(page) = Shared::new(device.dma()) else {
            return false;
        };
        page.page().write(0, &code);
        page.page().write(2, data);
        page.page().write(ANSWER as usize, &[0xff]);
        let segments = [
            Segment::read(&page, 0, 2 + data.len() as u32),
            Segment::write(&page, ANSWER, 1),
        ];
        self.queue.add(&segments, (code, page, number)).is_ok()
    }

    /// Whether the card is to be told of commands.
    pub(crate) fn should_notify(&mut self) -> bool {
        self.queue.should_notify()
    }

    /// Looks at the answers: how many pairs the card uses now, if that is among them.
    pub(crate) fn answers(&mut self) -> Option<u16> {
        let mut pairs = None;
        loop {
            while let Ok(Some(used)) = self.queue.take() {
                let (code, page, number) = used.data;
                let mut answer = [0xff];
                page.page().read(ANSWER as usize, &mut answer);
                if answer == [OK] && used.written > 0 && code == PAIRS {
                    pairs = Some(number);
                }
            }
            if !self.queue.listen() {
                return pairs;
            }
        }
    }
}
