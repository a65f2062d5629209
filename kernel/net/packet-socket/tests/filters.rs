//! Filters: programs that `tcpdump -dd` makes, and any others.
#![forbid(unsafe_code)]

use ipc::filter::{About, Filter};
use proptest::prelude::*;

fn program(instructions: &[(u16, u8, u8, u32)]) -> Vec<u8> {
    let bytes = instructions.iter().flat_map(|(code, yes, no, number)| {
        let mut bytes = code.to_ne_bytes().to_vec();
        bytes.extend([*yes, *no]);
        bytes.extend(number.to_ne_bytes());
        bytes
    });
    bytes.collect()
}

/// `tcp port 80`, for IPv4 only.
const PORT_80: [(u16, u8, u8, u32); 12] = [
    (0x28, 0, 0, 12),
    (0x15, 0, 9, 0x0800),
    (0x30, 0, 0, 23),
    (0x15, 0, 7, 6),
    (0x28, 0, 0, 20),
    (0x45, 5, 0, 0x1fff),
    (0xb1, 0, 0, 14),
    (0x48, 0, 0, 14),
    (0x15, 1, 0, 80),
    (0x48, 0, 0, 16),
    (0x06, 0, 0, 262_144),
    (0x06, 0, 0, 0),
];

fn packet(protocol: u8, source: u16) -> Vec<u8> {
    let mut bytes = vec![0; 60];
    bytes[12..14].copy_from_slice(&[8, 0]);
    (bytes[14], bytes[23]) = (0x45, protocol);
    bytes[34..36].copy_from_slice(&source.to_be_bytes());
    bytes
}

#[test]
fn a_program_says_what_it_wants() {
    let mut instructions = PORT_80;
    // Without the source port the packet is refused.
    instructions[8] = (0x15, 1, 2, 80);
    let filter = Filter::new(&program(&instructions)).expect("a program");
    let run = |bytes: &[u8]| filter.run(bytes, &About::default());
    assert_eq!(run(&packet(6, 80)), 262_144);
    assert_eq!((run(&packet(6, 81)), run(&packet(17, 80))), (0, 0));
    assert_eq!(run(&packet(6, 80)[..30]), 0, "too short");
}

#[test]
fn what_is_known_besides_the_bytes_is_loaded() {
    let about = About {
        protocol: 0x0806,
        whose: 4,
        interface: 2,
        network: 14,
        start: 0,
    };
    for (number, wanted) in [(0, 0x0806), (4, 4), (8, 2), (44, 0)] {
        let filter = Filter::new(&program(&[(0x20, 0, 0, 0xffff_f000 + number), (0x16, 0, 0, 0)]));
        assert_eq!(filter.expect("a program").run(&[], &about), wanted);
    }
    let filter = Filter::new(&program(&[(0x30, 0, 0, 0xfff0_0000), (0x16, 0, 0, 0)]));
    assert_eq!(filter.expect("a program").run(&packet(6, 80), &about), 0x45);
}

#[test]
fn what_is_no_program_is_refused() {
    for bad in [
        &[][..],
        &[(0x28, 0, 0, 12)],
        &[(0x05, 0, 0, 1), (0x06, 0, 0, 0)],
        &[(0x15, 1, 0, 0), (0x06, 0, 0, 0)],
        &[(0x60, 0, 0, 16), (0x06, 0, 0, 0)],
        &[(0x34, 0, 0, 0), (0x06, 0, 0, 0)],
    ] {
        assert!(Filter::new(&program(bad)).is_err(), "{bad:?}");
    }
    assert!(Filter::new(&program(&PORT_80)[..9]).is_err());
}

proptest! {
    #[test]
    fn whatever_is_taken_ends(
        instructions in proptest::collection::vec((0u16..256, 0u8..6, 0u8..6, prop_oneof![0u32..20, any::<u32>()]), 1..40),
        bytes in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut instructions = instructions;
        instructions.push((0x06, 0, 0, 1));
        if let Ok(filter) = Filter::new(&program(&instructions)) {
            let _ = filter.run(&bytes, &About::default());
        }
    }
}
