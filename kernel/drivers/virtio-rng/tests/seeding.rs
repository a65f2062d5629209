//! The driver against a device that answers, one that answers oddly, and one that lies.
#![forbid(unsafe_code)]

#[path = "../../virtio/tests/fake/mod.rs"]
mod fake;

use fake::{Bus, Far};
use std::sync::{Arc, Mutex};
use virtio::queue::Format;
use virtio::transport::{Addresses, Interrupt};
use virtio::{Transport, feature};
use virtio_rng::{KIND, Rng};

/// A device with one queue.
#[derive(Default)]
struct Card {
    status: Mutex<u8>,
    features: Mutex<u64>,
    queue: Mutex<Option<(u16, Addresses)>>,
    notified: Mutex<u32>,
    refuses: bool,
}

impl Transport for Card {
    fn kind(&self) -> u32 {
        KIND
    }

    fn offered(&self) -> u64 {
        feature::VERSION_1 | feature::ACCESS_PLATFORM | feature::PACKED | feature::INDIRECT | 7
    }

    fn accept(&self, features: u64) {
        *self.features.lock().expect("whole") = features;
    }

    fn status(&self) -> u8 {
        *self.status.lock().expect("whole")
    }

    fn set_status(&self, status: u8) {
        *self.status.lock().expect("whole") = if self.refuses { status & !8 } else { status };
    }

    fn queue_limit(&self, queue: u16) -> u16 {
        if queue == 0 { 8 } else { 0 }
    }

    fn set_queue(&self, _queue: u16, size: u16, at: Addresses) {
        *self.queue.lock().expect("whole") = Some((size, at));
    }

    fn notify(&self, _queue: u16) {
        *self.notified.lock().expect("whole") += 1;
    }

    fn acknowledge(&self) -> Interrupt {
        Interrupt::default()
    }

    fn generation(&self) -> u32 {
        0
    }

    fn configuration(&self, _offset: u32) -> u8 {
        0
    }
}

fn started() -> (Rng, Far, Arc<Card>) {
    fake::boot();
    let (card, bus) = (Arc::new(Card::default()), Arc::new(Bus::default()));
    let rng = Rng::start(card.clone(), bus.clone()).expect("a good device");
    let (size, at) = card.queue.lock().expect("whole").expect("the queue was set");
    let format = Format {
        packed: true,
        indirect: true,
        event_index: false,
    };
    (rng, Far::new(bus, size, at, format), card)
}

#[test]
fn what_the_device_gives_is_taken_once() {
    let (rng, mut far, card) = started();
    assert_eq!(*card.status.lock().expect("whole"), 1 | 2 | 4 | 8);
    let features = *card.features.lock().expect("whole");
    assert_eq!(features & 7, 0, "features that nobody knows are not accepted");
    assert_eq!(*card.notified.lock().expect("whole"), 1);
    rng.interrupt();
    assert_eq!(rng.taken(), 0);
    let chain = far.fetch().expect("a request");
    assert_eq!(chain.writable.iter().map(|&(_, len)| len).sum::<u32>(), 64);
    far.complete(chain, &[0xa5; 40]);
    rng.interrupt();
    rng.interrupt();
    assert_eq!(rng.taken(), 40);
}

#[test]
fn a_device_that_lies_is_believed_nothing() {
    let (rng, mut far, _card) = started();
    far.give(3, 1, 64);
    rng.interrupt();
    assert_eq!(rng.taken(), 0);
    let (rng, mut far, _card) = started();
    far.give(0, 1, u32::MAX);
    rng.interrupt();
    assert_eq!(rng.taken(), 64);
}

#[test]
fn a_driver_that_ends_leaves_a_device_at_rest_and_no_page_shared() {
    let (rng, far, card) = started();
    assert!(far.bus.shared() > 0);
    drop(rng);
    assert_eq!(*card.status.lock().expect("whole"), 0);
    assert_eq!(far.bus.shared(), 0);
}

#[test]
fn a_device_that_refuses_its_own_features_is_not_used() {
    fake::boot();
    let card = Arc::new(Card {
        refuses: true,
        ..Card::default()
    });
    let refused = Rng::start(card, Arc::new(Bus::default())).map(|_| ());
    assert_eq!(refused.map_err(|error| error.errno), Err(abi::Errno::EIO));
}
