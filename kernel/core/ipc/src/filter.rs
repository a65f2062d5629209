//! Filters of sockets (`SO_ATTACH_FILTER`): programs of the classic packet filter (McCanne and Jacobson, "The BSD Packet Filter", 1993), checked once and then interpreted.
//!
//! A program that was checked ends: jumps lead forwards only, and its last instruction returns. What it loads from behind the packet's end rejects the packet; it divides by no zero.

use abi::{Errno, Error, Result};
use alloc::boxed::Box;
use alloc::vec::Vec;
use usermem::UserSlice;

/// Longest program.
pub const MOST: usize = 4096;
/// Bytes of an instruction.
pub const INSTRUCTION: usize = 8;
/// Numbers that a program may keep.
const KEPT: usize = 16;

/// Loads from here on are not of the packet, but of what is known of it.
const ABOUT: u32 = 0xffff_f000;
const PROTOCOL: u32 = ABOUT;
const WHOSE: u32 = ABOUT + 4;
const INTERFACE: u32 = ABOUT + 8;
const CPU: u32 = ABOUT + 36;
/// Loads from here on are of the packet, from its network header or from its beginning on.
const NETWORK: u32 = 0xfff0_0000;
const LINK: u32 = 0xffe0_0000;

/// What an instruction is: the lowest three bits, and what each has besides.
mod class {
    pub(super) const LOAD: u16 = 0;
    pub(super) const LOAD_X: u16 = 1;
    pub(super) const STORE: u16 = 2;
    pub(super) const STORE_X: u16 = 3;
    pub(super) const CALCULATE: u16 = 4;
    pub(super) const JUMP: u16 = 5;
    pub(super) const RETURN: u16 = 6;
    pub(super) const MOVE: u16 = 7;
}

/// An instruction (`struct sock_filter`).
#[derive(Clone, Copy, Debug)]
struct Instruction {
    code: u16,
    yes: u8,
    no: u8,
    number: u32,
}

/// What is known of a packet besides its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct About {
    /// Its protocol, in host order.
    pub protocol: u16,
    /// Whose it is (`PACKET_HOST`…).
    pub whose: u8,
    /// By which interface.
    pub interface: u32,
    /// Where its network header begins.
    pub network: u32,
    /// Where its bytes begin, as far as the program goes; what lies before them it reaches by the network header.
    pub start: u32,
}

/// A program.
#[derive(Clone, Debug)]
pub struct Filter(Box<[Instruction]>);

impl Filter {
    /// Takes a program's bytes.
    ///
    /// # Errors
    /// `EINVAL` for one that is none.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        let (chunks, rest) = bytes.as_chunks::<INSTRUCTION>();
        let instructions = chunks.iter().map(|[a, b, yes, no, number @ ..]| Instruction {
            code: u16::from_ne_bytes([*a, *b]),
            yes: *yes,
            no: *no,
            number: u32::from_ne_bytes(*number),
        });
        let program: Vec<_> = instructions.collect();
        let fits = (1..=MOST).contains(&program.len()) && rest.is_empty();
        let is_good = |(at, one): (usize, &Instruction)| is_good(one, at, program.len());
        let ends = program.last().is_some_and(|last| last.code & 7 == class::RETURN);
        if fits && ends && program.iter().enumerate().all(is_good) {
            Ok(Self(program.into_boxed_slice()))
        } else {
            Err(Error::new(Errno::EINVAL, "the filter is no program"))
        }
    }

    /// The program of a `struct sock_fprog`: how many instructions, and where they are.
    ///
    /// # Errors
    /// `EINVAL`, `EFAULT`.
    pub fn of_option(value: &[u8]) -> Result<Self> {
        let wrong = Error::new(Errno::EINVAL, "the value names no program");
        let (Some(count), Some(place), 16) = (value.first_chunk(), value.last_chunk(), value.len()) else {
            return Err(wrong);
        };
        let count = usize::from(u16::from_ne_bytes(*count));
        if count > MOST || *place == [0; 8] {
            return Err(Error::new(Errno::EINVAL, "there is no such filter"));
        }
        Self::new(&UserSlice::new(u64::from_ne_bytes(*place), count * INSTRUCTION).to_vec()?)
    }

    /// Its instructions, as they were given.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let bytes = |one: &Instruction| {
            let [a, b] = one.code.to_ne_bytes();
            let [c, d, e, f] = one.number.to_ne_bytes();
            [a, b, one.yes, one.no, c, d, e, f]
        };
        self.0.iter().flat_map(bytes).collect()
    }

    /// How many bytes of a packet are wanted: 0 for none of it.
    #[must_use]
    pub fn run(&self, packet: &[u8], about: &About) -> u32 {
        let mut state = State {
            packet,
            about,
            a: 0,
            x: 0,
            kept: [0; KEPT],
        };
        let mut at = 0;
        while let Some(one) = self.0.get(at) {
            at += 1;
            match state.step(one) {
                Some(Next::Ahead(count)) => at += count,
                Some(Next::Return(count)) => return count,
                None => return 0,
            }
        }
        0
    }
}

/// Whether an instruction is one, and what it names is there.
fn is_good(one: &Instruction, at: usize, len: usize) -> bool {
    let code = one.code;
    let left = len - at - 1;
    let reaches = |count: usize| count < left;
    match code & 7 {
        class::LOAD | class::LOAD_X => match code & 0xe0 {
            0x60 => (one.number as usize) < KEPT,
            mode => mode <= 0xa0,
        },
        class::STORE | class::STORE_X => (one.number as usize) < KEPT,
        class::CALCULATE => match code & 0xf0 {
            0x30 | 0x90 => code & 8 != 0 || one.number != 0,
            kind => kind <= 0xa0,
        },
        class::JUMP if code & 0xf0 == 0 => reaches(one.number as usize),
        class::JUMP => code & 0xf0 <= 0x40 && reaches(usize::from(one.yes)) && reaches(usize::from(one.no)),
        _ => true,
    }
}

enum Next {
    /// So many instructions are left out.
    Ahead(usize),
    Return(u32),
}

struct State<'a> {
    packet: &'a [u8],
    about: &'a About,
    a: u32,
    x: u32,
    kept: [u32; KEPT],
}

impl State<'_> {
    /// Does what an instruction says; nothing if the packet is too short for it.
    fn step(&mut self, one: &Instruction) -> Option<Next> {
        let operand = if one.code & 8 != 0 { self.x } else { one.number };
        match one.code & 7 {
            class::LOAD => self.a = self.load(one)?,
            class::LOAD_X => self.x = self.load(one)?,
            class::STORE => *self.kept.get_mut(one.number as usize)? = self.a,
            class::STORE_X => *self.kept.get_mut(one.number as usize)? = self.x,
            class::CALCULATE => self.a = self.calculate(one.code & 0xf0, operand)?,
            class::JUMP => {
                let holds = match one.code & 0xf0 {
                    0 => return Some(Next::Ahead(one.number as usize)),
                    0x10 => self.a == operand,
                    0x20 => self.a > operand,
                    0x30 => self.a >= operand,
                    _ => self.a & operand != 0,
                };
                return Some(Next::Ahead(usize::from(if holds { one.yes } else { one.no })));
            }
            class::RETURN => {
                let what = if one.code & 0x18 == 0x10 { self.a } else { one.number };
                return Some(Next::Return(what));
            }
            class::MOVE if one.code & 0x80 != 0 => self.a = self.x,
            _ => self.x = self.a,
        }
        Some(Next::Ahead(0))
    }

    fn load(&self, one: &Instruction) -> Option<u32> {
        let len = match one.code & 0x18 {
            0 => 4,
            8 => 2,
            _ => 1,
        };
        match one.code & 0xe0 {
            0 => Some(one.number),
            0x20 => self.fetch(one.number, len),
            0x40 => self.fetch(self.x.wrapping_add(one.number), len),
            0x60 => self.kept.get(one.number as usize).copied(),
            0x80 => u32::try_from(self.packet.len()).ok()?.checked_sub(self.about.start),
            // Four times the lower half of a byte: how long a header of IPv4 is.
            _ => Some(self.fetch(one.number, 1)? % 16 * 4),
        }
    }

    /// Bytes of the packet, or something about it, as a number.
    fn fetch(&self, at: u32, len: usize) -> Option<u32> {
        if at >= ABOUT {
            return Some(match at {
                PROTOCOL => u32::from(self.about.protocol),
                WHOSE => u32::from(self.about.whose),
                INTERFACE => self.about.interface,
                CPU => hal::cpu::current() as u32,
                // The rest of what Linux knows: hashes, tags of virtual networks.
                _ => 0,
            });
        }
        let at = match at {
            NETWORK.. => at.wrapping_sub(NETWORK).wrapping_add(self.about.network),
            LINK.. => at.wrapping_sub(LINK),
            _ => at.saturating_add(self.about.start),
        };
        let bytes = self.packet.get(at as usize..)?.get(..len)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    fn calculate(&self, kind: u16, operand: u32) -> Option<u32> {
        Some(match kind {
            0 => self.a.wrapping_add(operand),
            0x10 => self.a.wrapping_sub(operand),
            0x20 => self.a.wrapping_mul(operand),
            0x30 => self.a.checked_div(operand)?,
            0x40 => self.a | operand,
            0x50 => self.a & operand,
            0x60 => self.a.checked_shl(operand).unwrap_or(0),
            0x70 => self.a.checked_shr(operand).unwrap_or(0),
            0x80 => self.a.wrapping_neg(),
            0x90 => self.a.checked_rem(operand)?,
            _ => self.a ^ operand,
        })
    }
}
