//! A card behind a transport without hardware, and the far sides of its queues.
#![expect(unreachable_pub, reason = "a module of several test programs")]
#![allow(dead_code, reason = "each test program uses a part")]

use crate::fake::slot::Slot;
use crate::fake::{self, Bus, Far};
use frames::Page;
use link::header::Header;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use virtio::feature;
use virtio::queue::Format;
use virtio_net::{Hooks, KIND, VirtioCard};

pub const CHECKSUM: u64 = 1;
pub const GUEST_CHECKSUM: u64 = 1 << 1;
pub const MTU: u64 = 1 << 3;
pub const MAC: u64 = 1 << 5;
pub const GUEST_TSO4: u64 = 1 << 7;
pub const HOST_TSO4: u64 = 1 << 11;
pub const MERGEABLE: u64 = 1 << 15;
pub const STATUS: u64 = 1 << 16;
pub const CONTROL: u64 = 1 << 17;
pub const FILTER: u64 = 1 << 18;
pub const ANNOUNCE: u64 = 1 << 21;
pub const PAIRS: u64 = 1 << 22;
pub const NEW_MAC: u64 = 1 << 23;
pub const ALL: u64 = CHECKSUM | GUEST_CHECKSUM | MTU | MAC | GUEST_TSO4 | HOST_TSO4 | MERGEABLE | STATUS;
/// What a card with a control queue offers besides.
pub const CONTROLLED: u64 = ALL | CONTROL | FILTER | ANNOUNCE | PAIRS | NEW_MAC;
/// Queues of the card: three pairs, and the control queue.
const QUEUES: usize = 7;
const PAIRS_THERE: u8 = 3;

/// A card, and all that is behind it.
pub struct World {
    pub card: VirtioCard,
    pub slot: Arc<Slot>,
    /// The far sides of the receiving and the sending queue, and of more if they were set.
    pub far: Vec<Far>,
    /// How often frames came, room was there again, the link changed, others were to be told.
    pub told: Arc<[AtomicU32; 4]>,
}

pub const ADDRESS: [u8; 6] = [0x52, 0x54, 0, 1, 2, 3];

pub fn world(offered: u64) -> World {
    fake::boot();
    let mut configuration = ADDRESS.to_vec();
    configuration.extend([1, 0, PAIRS_THERE, 0, 0x28, 0x23]);
    let slot = Arc::new(Slot::new(KIND, offered | feature::INDIRECT, &[16; QUEUES]));
    *slot.configuration.lock().expect("whole") = configuration;
    let told = Arc::<[AtomicU32; 4]>::default();
    let count = |index: usize| {
        let told = told.clone();
        move || {
            told[index].fetch_add(1, Ordering::Relaxed);
        }
    };
    let link = count(2);
    let hooks = Hooks {
        received: Box::new(count(0)),
        sent: Box::new(count(1)),
        link: Box::new(move |_| link()),
        announce: Box::new(count(3)),
    };
    let bus = Arc::new(Bus::default());
    let card = VirtioCard::start(slot.clone(), bus.clone(), hooks).expect("a good card");
    let format = Format {
        indirect: true,
        ..Format::default()
    };
    let far = slot.all_far(&bus, format);
    World { card, slot, far, told }
}

impl World {
    pub fn page(bytes: &[u8]) -> Page {
        let page = Page::zeroed().expect("there is memory");
        page.write(0, bytes);
        page
    }

    /// A frame comes, in as many buffers as it needs.
    pub fn comes(&mut self, header: [u8; 12], bytes: &[u8]) {
        let mut whole = header.to_vec();
        whole.extend(bytes);
        for piece in whole.chunks(4096) {
            let chain = self.far[0].fetch().expect("a buffer");
            assert_eq!(chain.writable.len(), 1);
            self.far[0].complete(chain, piece);
        }
    }

    pub fn header(buffers: u16) -> Header {
        Header {
            buffers,
            ..Header::default()
        }
    }
}
