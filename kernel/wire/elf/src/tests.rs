//! A well-formed file is read right; every ill-formed one gets the error that Linux gives, and nothing panics.

extern crate std;

use std::vec::Vec;

use proptest::prelude::*;

use crate::*;

const LIMIT: u64 = 0x7fff_ffff_f000;

#[derive(Clone, Copy)]
struct Ph(u32, u32, u64, u64, u64, u64, u64);

const INTERP: Ph = Ph(3, 4, 0x318, 0x318, 28, 28, 1);
const TEXT: Ph = Ph(1, 5, 0, 0, 0x1234, 0x1234, 0x1000);
const DATA: Ph = Ph(1, 6, 0x2e10, 0x3e10, 0x200, 0x900, 0x1000);
const STACK: Ph = Ph(0x6474_e551, 6, 0, 0, 0, 0, 16);

/// A file of an ELF header followed by its program headers.
fn file(kind: u16, machine: u16, entry: u64, headers: &[Ph]) -> Vec<u8> {
    let mut bytes = Vec::from(*b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    for half in [kind, machine] {
        bytes.extend(half.to_le_bytes());
    }
    bytes.extend(1_u32.to_le_bytes());
    for word in [entry, 64, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(0_u32.to_le_bytes());
    for half in [64, 56, headers.len() as u16, 64, 0, 0] {
        bytes.extend(half.to_le_bytes());
    }
    for Ph(kind, flags, offset, vaddr, file_size, mem_size, align) in headers {
        bytes.extend(kind.to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        for word in [offset, vaddr, vaddr, file_size, mem_size, align] {
            bytes.extend(word.to_le_bytes());
        }
    }
    bytes
}

/// The whole way from bytes to the list of segments.
fn load(bytes: &[u8]) -> Result<(Header, Plan<'_>), Error> {
    let header = Header::parse(bytes)?;
    let table = header.table();
    let table = usize::try_from(table.start)
        .ok()
        .zip(usize::try_from(table.end).ok())
        .and_then(|(a, b)| bytes.get(a..b));
    let plan = Plan::new(&header, table.ok_or(Error::Table)?, LIMIT)?;
    Ok((header, plan))
}

fn error(headers: &[Ph]) -> Error {
    load(&file(3, 62, 0x1040, headers)).unwrap_err()
}

#[test]
fn a_position_independent_program_with_interpreter() {
    let bytes = file(3, 62, 0x1040, &[INTERP, TEXT, DATA, STACK]);
    let (header, plan) = load(&bytes).unwrap();
    assert_eq!(
        (header.kind, header.machine, header.entry),
        (Kind::Relocatable, Machine::X86_64, 0x1040)
    );
    assert_eq!(plan.span, 0..0x4710);
    assert_eq!(plan.interpreter, Some(0x318..0x334));
    assert_eq!((plan.table_vaddr, plan.table_count), (64, 4));
    assert_eq!(
        (plan.relocatable, plan.executable_stack, plan.align),
        (true, Some(false), 0x1000)
    );
    let segments: Vec<Segment> = plan.segments().collect();
    assert_eq!(segments.len(), 2);
    assert_eq!(
        segments[1],
        Segment {
            offset: 0x2e10,
            file_size: 0x200,
            mem_size: 0x900,
            vaddr: 0x3e10,
            flags: SegmentFlags(6)
        }
    );
    assert!(
        segments[0].flags.execute()
            && !segments[0].flags.write()
            && segments[1].flags.write()
            && segments[1].flags.read()
    );
}

#[test]
fn a_fixed_aarch64_program_with_a_large_alignment() {
    let bytes = file(2, 183, 0x40_0100, &[Ph(1, 5, 0, 0x40_0000, 0x500, 0x500, 0x1_0000)]);
    let (header, plan) = load(&bytes).unwrap();
    assert_eq!((header.kind, header.machine), (Kind::Fixed, Machine::Aarch64));
    assert_eq!(
        (plan.span.clone(), plan.align, plan.table_vaddr),
        (0x40_0000..0x40_0500, 0x1_0000, 0x40_0040)
    );
    assert_eq!(
        (plan.interpreter.clone(), plan.executable_stack, plan.relocatable),
        (None, None, false)
    );
}

#[test]
fn headers_that_are_not_programs() {
    let good = file(3, 62, 0x1040, &[TEXT]);
    assert_eq!(Header::parse(&good[..63]), Err(Error::Short));
    assert_eq!(Header::parse(&[b'#'; 64]), Err(Error::NotElf));
    assert_eq!(load(&file(1, 62, 0, &[TEXT])).unwrap_err(), Error::NotLoadable);
    assert_eq!(load(&file(4, 62, 0, &[TEXT])).unwrap_err(), Error::NotLoadable);
    assert_eq!(load(&file(3, 3, 0, &[TEXT])).unwrap_err(), Error::OtherMachine);
    assert_eq!(load(&file(3, 62, 0, &[])).unwrap_err(), Error::Table);
    assert_eq!(load(&good[..100]).unwrap_err(), Error::Table);
    let mut other_size = good.clone();
    other_size[54] = 32;
    assert_eq!(load(&other_size).unwrap_err(), Error::Table);
    let mut far_table = good;
    far_table[32..40].fill(0xff);
    assert_eq!(load(&far_table).unwrap_err(), Error::Table);
}

#[test]
fn segments_that_cannot_be() {
    assert_eq!(error(&[INTERP, STACK]), Error::NothingToLoad);
    assert_eq!(error(&[Ph(1, 5, 0, 0, 0x2000, 0x1000, 0x1000)]), Error::SegmentRange);
    assert_eq!(
        error(&[Ph(1, 5, 0, u64::MAX - 0xfff, 0x1000, 0x1000, 0x1000)]),
        Error::SegmentRange
    );
    assert_eq!(
        error(&[Ph(1, 5, 0, LIMIT - 0x1000, 0, 0x1001, 0x1000)]),
        Error::SegmentRange
    );
    assert_eq!(
        error(&[Ph(1, 5, u64::MAX - 0xfff, 0, 0x1000, 0x1000, 0x1000)]),
        Error::SegmentRange
    );
    assert_eq!(
        error(&[Ph(1, 5, 0x10, 0x20, 0x1000, 0x1000, 0x1000)]),
        Error::Misaligned
    );
    assert_eq!(load(&file(3, 62, LIMIT, &[TEXT])).unwrap_err(), Error::Entry);
}

#[test]
fn interpreter_names_are_bounded_and_terminated() {
    for (size, fine) in [(0, false), (1, false), (2, true), (4096, true), (4097, false)] {
        let bytes = file(3, 62, 0, &[TEXT, Ph(3, 4, 0x318, 0x318, size, size, 1)]);
        assert_eq!(load(&bytes).is_ok(), fine, "{size}");
    }
    assert_eq!(interpreter_name(b"/lib/ld.so\0"), Ok(&b"/lib/ld.so"[..]));
    assert_eq!(interpreter_name(b"/lib\0junk\0"), Ok(&b"/lib"[..]));
    assert_eq!(interpreter_name(b"/lib/ld.so"), Err(Error::InterpreterName));
    assert_eq!(interpreter_name(b""), Err(Error::InterpreterName));
}

#[test]
fn the_first_interpreter_counts() {
    let bytes = file(3, 62, 0, &[INTERP, Ph(3, 4, 0x400, 0x400, 9, 9, 1), TEXT]);
    assert_eq!(load(&bytes).unwrap().1.interpreter, Some(0x318..0x334));
}

#[test]
fn verdicts_differ_by_role() {
    assert_eq!(Error::OtherMachine.verdict(Role::Program), Verdict::NotExecutable);
    assert_eq!(Error::OtherMachine.verdict(Role::Interpreter), Verdict::BadInterpreter);
    assert_eq!(Error::SegmentRange.verdict(Role::Program), Verdict::Invalid);
    assert_eq!(Error::SegmentRange.verdict(Role::Interpreter), Verdict::NoMemory);
    assert_eq!(Error::Short.verdict(Role::Interpreter), Verdict::Truncated);
}

/// What a [`Plan`] promises, whatever the bytes were.
fn promises_hold(bytes: &[u8]) {
    let Ok((_, plan)) = load(bytes) else { return };
    assert!(plan.span.start < plan.span.end && plan.span.end <= LIMIT && plan.span.start % 4096 == 0);
    assert!(plan.align.is_power_of_two() && plan.align >= 4096 && plan.entry < LIMIT);
    for segment in plan.segments() {
        assert!(segment.file_size <= segment.mem_size);
        assert!(plan.span.start <= segment.vaddr && segment.vaddr + segment.mem_size <= plan.span.end);
        assert!(segment.offset.checked_add(segment.file_size).is_some());
    }
    if let Some(name) = plan.interpreter {
        assert!((2..=4096).contains(&(name.end - name.start)));
    }
}

/// Values that sit on the edges of what is allowed.
fn edge() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        Just(0),
        Just(u64::MAX),
        Just(LIMIT),
        (0..64_u32).prop_map(|bit| 1 << bit),
        (0..64_u32).prop_map(|bit| (1_u64 << bit) - 1),
        0..0x10000_u64,
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        promises_hold(&bytes);
    }

    #[test]
    fn mutated_headers_are_answered(edits in prop::collection::vec((0..36_usize, edge()), 1..6), cut in 0..400_usize) {
        let mut bytes = file(3, 62, 0x1040, &[INTERP, TEXT, DATA, STACK]);
        for (word, value) in edits {
            if let Some(place) = bytes.get_mut(word * 8..word * 8 + 8) {
                place.copy_from_slice(&value.to_le_bytes());
            }
        }
        promises_hold(&bytes);
        bytes.truncate(cut);
        promises_hold(&bytes);
    }

    #[test]
    fn mutated_segments_are_answered(values in prop::array::uniform5(edge()), entry in edge(), kind in 0..8_u32) {
        let [offset, vaddr, file_size, mem_size, align] = values;
        promises_hold(&file(2, 62, entry, &[TEXT, Ph(kind, 7, offset, vaddr, file_size, mem_size, align)]));
        promises_hold(&file(2, 62, entry, &[Ph(1, 7, offset, vaddr, file_size.min(mem_size), mem_size, align)]));
    }
}
