//! The driver against a device that behaves, one without several ports, and one that lies.
#![forbid(unsafe_code)]

#[path = "../../virtio/tests/fake/mod.rs"]
mod fake;

use fake::slot::Slot;
use fake::{Bus, Chain, Far};
use std::sync::Arc;
use virtio::Dma;
use virtio::queue::Format;
use virtio_console::{Console, KIND, Port};

const MULTIPORT: u64 = 1 << 1;
const CONTROL: u16 = 3;
const RECEIVE: u16 = 4;
const TRANSMIT: u16 = 5;
const ERRORS: u16 = 7;
const QUEUES: usize = 8;
/// Entries of each queue, and so pages that can be on their way.
const ENTRIES: u16 = 8;

struct World {
    console: Console,
    slot: Arc<Slot>,
    bus: Arc<Bus>,
}

fn world(offered: u64) -> abi::Result<World> {
    world_of(Slot::new(KIND, offered, &[ENTRIES; QUEUES]))
}

fn world_of(slot: Slot) -> abi::Result<World> {
    fake::boot();
    let bus = Arc::new(Bus::default());
    let slot = Arc::new(slot);
    let console = Console::start(Arc::clone(&slot) as _, Arc::clone(&bus) as Arc<dyn Dma>)?;
    Ok(World { console, slot, bus })
}

impl World {
    fn far(&self, queue: u16) -> Far {
        let far = self.slot.far(&self.bus, queue, Format::default());
        far.expect("the queue was made")
    }
}

fn text(chain: &Chain) -> String {
    String::from_utf8_lossy(&chain.read).into_owned()
}

#[test]
fn the_ports_are_opened_by_messages() {
    let world = world(MULTIPORT).expect("it behaves");
    let mut far = world.far(CONTROL);
    let messages: Vec<Vec<u8>> = std::iter::from_fn(|| far.fetch()).map(|chain| chain.read).collect();
    let message = |port: u8, event: u8| vec![port, 0, 0, 0, event, 0, 1, 0];
    let expected = [
        message(0, 0),
        message(1, 3),
        message(1, 6),
        message(2, 3),
        message(2, 6),
    ];
    assert_eq!(messages, expected);
    assert_eq!(world.slot.notified(), [CONTROL, RECEIVE]);
}

#[test]
fn bytes_leave_in_order_and_pages_come_back() {
    let world = world(MULTIPORT).expect("it behaves");
    let mut far = world.far(TRANSMIT);
    world.console.write(Port::Output, b"one ").expect("taken");
    world.console.write(Port::Output, b"two").expect("taken");
    assert!(far.fetch().is_none(), "a page that is not full waits");
    world.console.flush();
    let chain = far.fetch().expect("it left");
    assert_eq!(text(&chain), "one two");
    far.complete(chain, &[]);

    // More than all pages hold: the writer waits for the device, which takes its time.
    let long: Vec<u8> = (0..80_000_u32).map(|number| number as u8).collect();
    let mut came = Vec::new();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            world.console.write(Port::Output, &long).expect("taken");
            world.console.drain();
        });
        while came.len() < long.len() {
            match far.fetch() {
                Some(chain) => {
                    came.extend_from_slice(&chain.read);
                    far.complete(chain, &[]);
                }
                None => std::thread::yield_now(),
            }
        }
        writer.join().expect("it ended");
    });
    assert!(came == long);
}

#[test]
fn a_console_with_one_port_is_left_alone() {
    assert!(world(0).is_err());
}

#[test]
fn a_device_that_lies_is_waited_for_no_longer() {
    let world = world(MULTIPORT).expect("it begins well");
    let mut far = world.far(TRANSMIT);
    world.console.write(Port::Output, b"x").expect("taken");
    world.console.flush();
    // It gives back what it was never given.
    far.fetch().expect("it left");
    far.give(ENTRIES + 7, 1, 0);
    world.console.drain();
    assert!(world.console.write(Port::Output, &[0; 8 * 4096 + 1]).is_err());
}

#[test]
fn errors_have_their_own_port_if_there_is_one() {
    let world = world(MULTIPORT).expect("it behaves");
    world.console.write(Port::Error, b"oh").expect("taken");
    world.console.flush();
    assert!(world.far(TRANSMIT).fetch().is_none());
    assert_eq!(text(&world.far(ERRORS).fetch().expect("it left")), "oh");

    // There is no port for standard error.
    let without = world_of(Slot::new(KIND, MULTIPORT, &[ENTRIES; ERRORS as usize])).expect("one port is enough");
    assert!(without.console.write(Port::Error, b"oh").is_err());
    assert!(without.console.write(Port::Output, b"well").is_ok());
}

#[test]
fn input_comes_in_order_and_its_pages_go_back() {
    let world = world(MULTIPORT).expect("it behaves");
    let mut far = world.far(RECEIVE);
    let sent: Vec<u8> = (0..100_000_u32).map(|number| (number * 7) as u8).collect();
    let (mut came, mut rest) = (Vec::new(), &sent[..]);
    let mut held = false;
    while came.len() < sent.len() {
        // The host fills what it may, and is held up by a reader that does not read.
        while !rest.is_empty() {
            let Some(chain) = far.fetch() else {
                held = true;
                break;
            };
            let (now, later) = rest.split_at(rest.len().min(1 + came.len() % 4096));
            far.complete(chain, now);
            rest = later;
        }
        let mut chunk = [0; 700];
        let count = world.console.read(&mut chunk);
        came.extend_from_slice(&chunk[..count]);
    }
    assert!(held && came == sent);
    assert_eq!(world.console.read(&mut [0; 16]), 0);
}

#[test]
fn a_device_that_lies_about_input_gives_none() {
    let world = world(MULTIPORT).expect("it begins well");
    let mut far = world.far(RECEIVE);
    // It says of the first page that it wrote more than there is room for.
    far.fetch().expect("pages wait");
    far.give(0, 1, u32::MAX);
    let mut into = [0; 8192];
    assert!(world.console.read(&mut into) <= 4096);
    far.give(ENTRIES + 7, 1, 0);
    while world.console.read(&mut into) > 0 {}
    assert_eq!(world.console.read(&mut into), 0);
    assert_eq!(world.console.read(&mut into), 0);
}
