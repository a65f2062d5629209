//! Rings that their programs write nonsense into while frames come and go.
#![forbid(unsafe_code)]

#[path = "../../link/tests/cable/mod.rs"]
mod cable;

use abi::fcntl::OpenFlags;
use abi::socket::{AF_PACKET, SOCK_DGRAM, SOCK_RAW};
use cable::{Cable, MAC};
use hal::Access;
use link::{Interface, interface};
use proptest::prelude::*;
use std::sync::{Arc, Mutex, Once, PoisonError};
use usermem::Source;
use vfs::{Context, Credentials, Direction, File, Outgoing};

const SOL_PACKET: u32 = 263;
const RX_RING: u32 = 5;
const STATISTICS: u32 = 6;
const VERSION: u32 = 10;
const TX_RING: u32 = 13;
const LOSS: u32 = 14;
const VNET_HDR: u32 = 15;
const TX_HAS_OFF: u32 = 19;
const BLOCK: u32 = 4096;
const BLOCKS: u32 = 2;

static BOOT: Once = Once::new();
/// All sockets see all interfaces, so tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn cable() -> (Arc<Interface>, Arc<Cable>) {
    BOOT.call_once(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
    });
    let cable = Arc::new(Cable::new(1500));
    (interface::add(cable.clone()), cable)
}

fn set(file: &File, name: u32, value: &[u8]) -> abi::Result<()> {
    file.socket().expect("a socket").set_option(SOL_PACKET, name, value)
}

fn set_number(file: &File, name: u32, value: u32) {
    set(file, name, &value.to_ne_bytes()).expect("the option");
}

/// A socket on an interface with rings in both directions.
fn with_rings(index: i32, raw: bool, version: u32, options: [bool; 3]) -> Arc<File> {
    let kind = if raw { SOCK_RAW } else { SOCK_DGRAM };
    let file = packet_socket::socket(kind, 0, OpenFlags::NONBLOCK).expect("a socket");
    let mut address = AF_PACKET.to_ne_bytes().to_vec();
    address.extend(3u16.to_be_bytes());
    address.extend(index.to_ne_bytes());
    address.extend([0; 12]);
    let view = Context::new(vfs::anonymous_place(b"nowhere", 0o777), Arc::new(Credentials::root()));
    file.socket().expect("a socket").bind(&view, &address).expect("bound");
    set_number(&file, VERSION, version);
    for (on, name) in options.into_iter().zip([LOSS, TX_HAS_OFF, VNET_HDR]) {
        if on && (raw || name != VNET_HDR) {
            set_number(&file, name, 1);
        }
    }
    let mut shape: Vec<u8> = [BLOCK, BLOCKS, 512, BLOCKS * 8]
        .into_iter()
        .flat_map(u32::to_ne_bytes)
        .collect();
    shape.resize(28, 0);
    set(&file, TX_RING, &shape).expect("places");
    set(&file, RX_RING, &shape).expect("places");
    file
}

/// Writes a word somewhere into both rings.
fn scribble(file: &File, at: usize, word: u64) {
    let at = at % (2 * (BLOCK * BLOCKS) as usize);
    let page = file
        .page((at / 4096) as u64, Access::Write)
        .expect("a page of the rings");
    page.write((at % 4096) & !7, &word.to_ne_bytes());
}

/// Where a program writes in earnest: the words that say whose a place is, and what stands next to them.
fn places() -> impl Strategy<Value = usize> {
    prop_oneof![
        any::<usize>(),
        (0..32usize, 0..4usize).prop_map(|(place, word)| place * 512 + word * 8)
    ]
}

fn words() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        0..8u64,
        (0..600u64).prop_map(|len| 1 | (len << 32)),
        (0..600u64).prop_map(|len| len | (1 << 32))
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nonsense_in_a_ring_harms_nobody(
        raw in any::<bool>(),
        version in 0..3u32,
        options in any::<[bool; 3]>(),
        steps in proptest::collection::vec((places(), words(), 0..4u32, 0..1600usize), 1..60),
    ) {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let (interface, cable) = cable();
        let file = with_rings(interface.index, raw, version, options);
        let socket = file.socket().expect("a socket");
        for (at, word, what, len) in steps {
            match what {
                0 | 1 => scribble(&file, at, word),
                2 => {
                    let mut bytes = MAC.to_vec();
                    bytes.extend([2, 0, 0, 0, 0, 1, 8, 6]);
                    bytes.resize(14 + len.min(1500), 7);
                    cable.put(bytes);
                    interface.poll();
                }
                _ => {
                    let _ = socket.send(&file, &mut Source::kernel(&[]), &mut Outgoing::default());
                }
            }
            let _ = file.ready();
        }
        for sent in cable.take() {
            prop_assert!((14..=1518).contains(&sent.len()));
        }
        prop_assert_eq!(socket.option(SOL_PACKET, STATISTICS).expect("counts").len(), if version == 2 { 12 } else { 8 });
        prop_assert!(file.queue(Direction::Read).is_some());
    }
}

#[test]
fn a_ring_needs_memory_and_gives_it_back() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (interface, _cable) = cable();
    // What the first of a kind keeps is there afterwards.
    drop(with_rings(interface.index, true, 2, [false; 3]));
    let before = frames::usage().free;
    let file = with_rings(interface.index, true, 2, [false; 3]);
    assert!(frames::usage().free + 4 <= before, "pages of both rings");
    let huge: Vec<u8> = [1 << 30, 1 << 10, 1 << 30, 1 << 10, 0, 0, 0u32]
        .into_iter()
        .flat_map(u32::to_ne_bytes)
        .collect();
    let other = packet_socket::socket(SOCK_RAW, 0, OpenFlags::NONBLOCK).expect("a socket");
    assert_eq!(
        set(&other, RX_RING, &huge).map_err(|error| error.errno),
        Err(abi::Errno::ENOMEM)
    );
    drop((file, other));
    assert!(frames::usage().free >= before, "they are free again");
}
