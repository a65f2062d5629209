//! The driver against a device that answers, one that answers oddly, and one that lies.
#![forbid(unsafe_code)]

#[path = "../../virtio/tests/fake/mod.rs"]
mod fake;

use fake::slot::Slot;
use fake::{Bus, Far};
use std::sync::Arc;
use virtio::feature;
use virtio::queue::Format;
use virtio_rng::{KIND, Rng};

/// A device with one queue.
fn card() -> Slot {
    Slot::new(KIND, feature::PACKED | feature::INDIRECT | 7, &[8])
}

fn started() -> (Rng, Far, Arc<Slot>) {
    fake::boot();
    let (card, bus) = (Arc::new(card()), Arc::new(Bus::default()));
    let rng = Rng::start(card.clone(), bus.clone()).expect("a good device");
    let format = Format {
        packed: true,
        indirect: true,
        event_index: false,
    };
    let far = card.far(&bus, 0, format).expect("the queue was set");
    (rng, far, card)
}

#[test]
fn what_the_device_gives_is_taken_once() {
    let (rng, mut far, card) = started();
    assert_eq!(*card.status.lock().expect("whole"), 1 | 2 | 4 | 8);
    let features = *card.accepted.lock().expect("whole");
    assert_eq!(features & 7, 0, "features that nobody knows are not accepted");
    assert_eq!(card.notified(), [0]);
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
    let mut card = card();
    card.refuses = true;
    let refused = Rng::start(Arc::new(card), Arc::new(Bus::default())).map(|_| ());
    assert_eq!(refused.map_err(|error| error.errno), Err(abi::Errno::EIO));
}
