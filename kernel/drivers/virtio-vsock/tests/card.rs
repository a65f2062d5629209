//! The driver against a device that behaves, and one that lies.
#![forbid(unsafe_code)]

#[path = "../../virtio/tests/fake/mod.rs"]
mod fake;

use fake::slot::Slot;
use fake::{Bus, Far};
use frames::Page;
use std::sync::Arc;
use virtio::Dma;
use virtio::queue::Format;
use virtio_vsock::{KIND, VsockCard};
use vsock::connection::Packet;
use vsock::header::{Address, BYTES, Header, Kind, op};
use vsock::way::{self, Card};

const RECEIVE: usize = 0;
const TRANSMIT: usize = 1;
const EVENTS: usize = 2;
const ENTRIES: u16 = 64;
const CID: u32 = 42;

struct World {
    card: Arc<VsockCard>,
    slot: Arc<Slot>,
    far: Vec<Far>,
}

fn world(cid: u64) -> abi::Result<World> {
    fake::boot();
    let bus = Arc::new(Bus::default());
    let slot = Arc::new(Slot::new(KIND, 0, &[ENTRIES; 3]));
    *slot.configuration.lock().expect("whole") = cid.to_le_bytes().to_vec();
    let card = VsockCard::start(Arc::clone(&slot) as _, Arc::clone(&bus) as Arc<dyn Dma>)?;
    let far = slot.all_far(&bus, Format::default());
    Ok(World { card, slot, far })
}

fn packet(op: u16, bytes: &[u8]) -> Packet {
    let (from, to) = (Address { cid: CID, port: 1 }, Address { cid: 2, port: 2 });
    let mut header = Header::new(from, to, Kind::Stream, op);
    header.len = bytes.len() as u32;
    let payload = (!bytes.is_empty()).then(|| {
        let page = Page::zeroed().expect("there is memory");
        page.write(0, bytes);
        page
    });
    Packet { header, payload }
}

impl World {
    /// What the driver has sent: headers, and what follows them.
    fn sent(&mut self) -> Vec<(Header, Vec<u8>)> {
        let far = &mut self.far[TRANSMIT];
        let chains = std::iter::from_fn(|| {
            let chain = far.fetch()?;
            let read = chain.read.clone();
            far.complete(chain, &[]);
            Some(read)
        });
        let parse = |read: Vec<u8>| {
            let (head, rest) = read.split_first_chunk::<BYTES>().expect("a header");
            (Header::parse(head).expect("a good one"), rest.to_vec())
        };
        chains.map(parse).collect()
    }

    /// The device writes this into the next buffer.
    fn comes(&mut self, bytes: &[u8]) {
        let chain = self.far[RECEIVE].fetch().expect("a buffer");
        self.far[RECEIVE].complete(chain, bytes);
        self.card.interrupt();
    }
}

#[test]
fn contexts_that_no_machine_has_are_refused() {
    for cid in [0, 1, 2, u64::from(u32::MAX), 1 << 32 | 7] {
        assert!(world(cid).is_err(), "{cid}");
    }
    assert_eq!(world(3).expect("it behaves").card.cid(), 3);
}

#[test]
fn packets_leave_in_order_and_wait_for_room() {
    let mut world = world(CID.into()).expect("it behaves");
    assert!(world.card.send(packet(op::REQUEST, b"")).is_ok());
    assert!(world.card.send(packet(op::DATA, b"hello")).is_ok());
    world.card.kick();
    let sent = world.sent();
    assert_eq!(
        (sent[0].0.op, sent[1].0.op, &sent[1].1[..]),
        (op::REQUEST, op::DATA, &b"hello"[..])
    );
    assert!(world.slot.notified().contains(&(TRANSMIT as u16)));
    let room = (0..1000)
        .take_while(|_| world.card.send(packet(op::DATA, b"x")).is_ok())
        .count();
    assert!((10..100).contains(&room), "{room}");
    let back = world
        .card
        .send(packet(op::DATA, b"again"))
        .expect_err("there is no room");
    assert_eq!((back.header.len, back.payload.is_some()), (5, true));
    assert_eq!(world.sent().len(), room);
    world.card.interrupt();
    assert!(world.card.send(back).is_ok());
    assert_eq!(world.sent()[0].1, b"again");
}

#[test]
fn what_comes_is_answered_and_what_makes_no_sense_is_dropped() {
    let mut world = world(CID.into()).expect("it behaves");
    assert!(way::set_card(Arc::clone(&world.card) as _));
    world.card.interrupt();
    let (host, own) = (Address { cid: 2, port: 9 }, Address { cid: CID, port: 8 });
    let request = Header::new(host, own, Kind::Stream, op::REQUEST);
    world.comes(&request.to_bytes());
    let sent = world.sent();
    assert_eq!(
        (sent.len(), sent[0].0.op, sent[0].0.from, sent[0].0.to),
        (1, op::RESET, own, host)
    );
    // A reset is not answered; nor is what has no whole header, says that it is longer than it is, or comes from this machine itself.
    let reset = Header {
        op: op::RESET,
        ..request
    };
    let long = Header { len: 1, ..request };
    let mut from_here = request;
    from_here.from.cid = way::LOCAL;
    let mut strange = request.to_bytes();
    strange[6] = 1;
    for bytes in [
        &reset.to_bytes()[..],
        &request.to_bytes()[..BYTES - 1],
        &[],
        &long.to_bytes(),
        &from_here.to_bytes(),
        &strange,
    ] {
        world.comes(bytes);
        assert!(world.sent().is_empty(), "{bytes:?}");
    }
    // Every buffer comes back, many times over.
    for _ in 0..5 * ENTRIES {
        world.comes(&request.to_bytes());
        assert_eq!(world.sent().len(), 1);
    }
    // The machine is moved, and is somebody else now.
    world.slot.configuration.lock().expect("whole")[0] = 77;
    let event = world.far[EVENTS].fetch().expect("a place");
    world.far[EVENTS].complete(event, &[0; 4]);
    world.card.interrupt();
    assert_eq!(world.card.cid(), 77);
    world.comes(&request.to_bytes());
    assert_eq!(world.sent().len(), 1, "who it was is told that it is not there");
    // It gives back what it was never given: nothing more comes, and nothing panics.
    world.far[RECEIVE].give(ENTRIES + 7, 1, 44);
    world.card.interrupt();
    world.card.interrupt();
    world.far[EVENTS].give(ENTRIES + 7, 1, 4);
    world.card.interrupt();
}
