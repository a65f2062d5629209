//! Segments that come in a row: what the protocols see of them.
#![forbid(unsafe_code)]

mod cable;

use cable::{Cable, MAC};
use link::{Came, Checksum, Interface, interface};
use packet::checksum::Sum;
use packet::{ethernet, ipv4, ipv6};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

const OLDER: (IpAddr, IpAddr) = (
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)),
);
const NEWER: (IpAddr, IpAddr) = (
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2)),
);
const ACK: u8 = 16;
const PUSH: u8 = 8;

type Seen = (Vec<u8>, Checksum, u16);

static SEEN: Mutex<Vec<Seen>> = Mutex::new(Vec::new());

/// There is one place for what protocols see, so tests take turns.
fn world() -> (MutexGuard<'static, ()>, Arc<Interface>, Arc<Cable>) {
    static TURN: Mutex<()> = Mutex::new(());
    static CARD: OnceLock<(Arc<Interface>, Arc<Cable>)> = OnceLock::new();
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (interface, cable) = CARD.get_or_init(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
        fn note(_: &Interface, came: &Came<'_>) {
            let seen = (came.bytes.to_vec(), came.checksum, came.piece);
            SEEN.lock().expect("whole").push(seen);
        }
        interface::set_protocols(note);
        let cable = Arc::new(Cable::new(1500));
        (interface::add(cable.clone()), cable)
    });
    (turn, interface.clone(), cable.clone())
}

fn come(frames: Vec<Vec<u8>>) -> Vec<Seen> {
    let (_turn, interface, cable) = world();
    frames.into_iter().for_each(|frame| cable.put(frame));
    interface.poll();
    assert!(cable.take().is_empty(), "nobody answers here");
    std::mem::take(&mut *SEEN.lock().expect("whole"))
}

/// A segment in its frame, its checksums right.
fn segment(ends: (IpAddr, IpAddr), seq: u32, ack: u32, flags: u8, body: &[u8]) -> Vec<u8> {
    let mut tcp = [0u8; 32];
    tcp[..4].copy_from_slice(&[0x10, 0, 0, 80]);
    tcp[4..8].copy_from_slice(&seq.to_be_bytes());
    tcp[8..12].copy_from_slice(&ack.to_be_bytes());
    tcp[12..16].copy_from_slice(&[0x80, flags, 1, 0]);
    tcp[20..24].copy_from_slice(&[1, 1, 8, 10]);
    let mut whole = [&tcp[..], body].concat();
    let mut sum = Sum::pseudo(ends.0, ends.1, 6, whole.len());
    sum.add(&whole);
    whole[16..18].copy_from_slice(&sum.finish());
    let (kind, header) = match ends {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut bytes = [0; ipv4::LONGEST];
            let header = ipv4::Header {
                traffic_class: 0,
                identification: seq as u16,
                dont_fragment: true,
                more_fragments: false,
                offset: 0,
                hop_limit: 64,
                protocol: 6,
                source,
                destination,
                options: &[],
            };
            let len = header.write(whole.len(), &mut bytes);
            (ethernet::IPV4, bytes[..len].to_vec())
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let mut bytes = vec![0x60, 0, 0, 0];
            bytes.extend((whole.len() as u16).to_be_bytes());
            bytes.extend([6, 64]);
            bytes.extend(source.octets());
            bytes.extend(destination.octets());
            (ethernet::IPV6, bytes)
        }
        _ => unreachable!("both ends are of one protocol"),
    };
    let from = [2, 0, 0, 0, 0, 1];
    let ethernet = ethernet::Header { to: MAC, from, kind };
    [&ethernet.to_bytes()[..], &header, &whole].concat()
}

#[test]
fn segments_in_a_row_are_one_packet() {
    for ends in [OLDER, NEWER] {
        let mut last = segment(ends, 3000, 7, ACK | PUSH, &[3; 10]);
        // A short frame is filled up on its way.
        last.extend([0; 6]);
        let frames = vec![
            segment(ends, 1000, 7, ACK, &[1; 1000]),
            segment(ends, 2000, 7, ACK, &[2; 1000]),
            last,
        ];
        let seen = come(frames);
        assert_eq!(seen.len(), 1);
        let (bytes, checksum, piece) = &seen[0];
        assert_eq!((*checksum, *piece), (Checksum::Valid, 1000));
        let tcp = if ends == OLDER {
            let (header, payload) = ipv4::Header::parse(&bytes[14..]).expect("a packet with a right checksum");
            assert_eq!(header.identification, 1000);
            payload
        } else {
            ipv6::Header::parse(&bytes[14..]).expect("a packet").1
        };
        assert_eq!((&tcp[4..8], tcp[13]), (&1000u32.to_be_bytes()[..], ACK | PUSH));
        assert_eq!(tcp[32..], [[1; 1000].as_slice(), &[2; 1000], &[3; 10]].concat());
    }
}

#[test]
fn what_does_not_follow_stays_alone_and_in_order() {
    let first = || segment(OLDER, 1000, 7, ACK, &[1; 100]);
    let mut marked = segment(OLDER, 1100, 7, ACK, &[2; 100]);
    marked[15] = 3;
    marked[24..26].fill(0);
    let sum = packet::checksum::of(&marked[14..34]);
    marked[24..26].copy_from_slice(&sum);
    let mut wrong = segment(OLDER, 1100, 7, ACK, &[2; 100]);
    wrong[80] ^= 1;
    let mut header = segment(OLDER, 1100, 7, ACK, &[2; 100]);
    header[18] ^= 1;
    let mut options = segment(OLDER, 1100, 7, ACK, &[2; 100]);
    options[14 + 20 + 24] ^= 1;
    for other in [
        segment(OLDER, 1101, 7, ACK, &[2; 100]),
        segment(OLDER, 1100, 8, ACK, &[2; 100]),
        segment(OLDER, 1100, 7, ACK | 1, &[2; 100]),
        segment(OLDER, 1100, 7, ACK, &[]),
        segment(NEWER, 1100, 7, ACK, &[2; 100]),
        marked,
        wrong,
        header,
        options,
    ] {
        let seen = come(vec![first(), other.clone()]);
        let bytes: Vec<_> = seen.iter().map(|(bytes, _, _)| bytes.clone()).collect();
        assert_eq!(bytes, [first(), other]);
        assert_eq!((seen[0].1, seen[0].2, seen[1].2), (Checksum::Valid, 0, 0));
    }
}

#[test]
fn no_packet_is_longer_than_it_can_say() {
    for ends in [OLDER, NEWER] {
        let frames = (0..60).map(|at| segment(ends, at * 1400, 7, ACK, &[at as u8; 1400]));
        let seen = come(frames.collect());
        assert!(seen.len() == 2 && seen.iter().all(|(bytes, _, _)| bytes.len() <= 65_535));
        let headers = 14 + 32 + if ends == OLDER { 20 } else { 40 };
        let count: usize = seen.iter().map(|(bytes, _, _)| bytes.len() - headers).sum();
        assert_eq!(count, 60 * 1400);
    }
}

proptest::proptest! {
    #[test]
    fn whatever_comes_is_passed_on(frames in proptest::collection::vec(
        (0usize..60, proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40), 0usize..3), 1..20,
    )) {
        let strange = |(cut, noise, kind): (usize, Vec<u8>, usize)| {
            let mut frame = segment([OLDER, NEWER][kind % 2], 0, 7, ACK, &[5; 30]);
            let at = cut.min(frame.len());
            let end = (at + noise.len()).min(frame.len());
            frame[at..end].copy_from_slice(&noise[..end - at]);
            if kind == 2 {
                frame.truncate(14.max(at));
            }
            frame
        };
        let frames: Vec<_> = frames.into_iter().map(strange).collect();
        let count = frames.len();
        let seen = come(frames);
        proptest::prop_assert!((1..=count).contains(&seen.len()));
    }
}
