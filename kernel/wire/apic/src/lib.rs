//! What is written to interrupt controllers, as values.
//!
//! A local controller is reached through memory (xAPIC) or through model-specific registers (x2APIC); the registers are the same, but for where they are, how a CPU is named, and
//! that the command has one register instead of two. References: Intel SDM volume 3A, 11.4 to 11.6 and 11.12; the I/O APIC's data sheet (82093AA), 3.2.4.
#![no_std]
#![forbid(unsafe_code)]

/// How a local controller is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Through memory.
    Memory,
    /// Through model-specific registers.
    Registers,
}

/// In `IA32_APIC_BASE`: the controller is on, and reached through registers.
const ON: u64 = 1 << 11;
const THROUGH_REGISTERS: u64 = 1 << 10;

/// `IA32_APIC_BASE` with the controller switched on, where it is.
#[must_use]
pub fn switched_on(base: u64, way: Way) -> u64 {
    let way = match way {
        Way::Memory => 0,
        Way::Registers => THROUGH_REGISTERS,
    };
    base & !(ON | THROUGH_REGISTERS) | ON | way
}

/// The model-specific register for one that lies at an offset in memory.
#[must_use]
pub fn register(offset: u32) -> u32 {
    0x800 + (offset >> 4)
}

/// A CPU's identity, from the identity register.
#[must_use]
pub fn identity(way: Way, register: u32) -> u32 {
    match way {
        Way::Memory => register >> 24,
        Way::Registers => register,
    }
}

/// What is asked of another CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Takes an interrupt.
    Interrupt(u8),
    /// Starts over, and waits.
    Init,
    /// Runs from a page below 1 MiB.
    Start(u8),
}

/// The lower half of the command: what, at a rising edge.
#[must_use]
pub fn command(message: Message) -> u32 {
    const ASSERT: u32 = 1 << 14;
    ASSERT
        | match message {
            Message::Interrupt(vector) => u32::from(vector),
            Message::Init => 0b101 << 8,
            Message::Start(page) => 0b110 << 8 | u32::from(page),
        }
}

/// Makes a command one for all CPUs but the own.
pub const ALL_OTHERS: u32 = 0b11 << 18;
/// In the command, through memory: the last one has not gone yet.
pub const PENDING: u32 = 1 << 12;

/// The command as one register takes it.
#[must_use]
pub fn whole_command(id: u32, command: u32) -> u64 {
    u64::from(id) << 32 | u64::from(command)
}

/// The upper half of the command as memory takes it, before the lower. A CPU whose identity has more than 8 bits cannot be named there.
#[must_use]
pub fn upper_command(id: u32) -> u32 {
    id << 24
}

/// What makes the timer interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Nothing: it only counts.
    Silent,
    /// A count that runs out, once.
    Count,
    /// A value of the time-stamp counter.
    Deadline,
}

/// The timer's entry.
#[must_use]
pub fn timer(kind: Timer, vector: u8) -> u32 {
    u32::from(vector)
        | match kind {
            Timer::Silent => 1 << 16,
            Timer::Count => 0,
            Timer::Deadline => 0b10 << 17,
        }
}

/// An I/O APIC's two registers for a line, which goes to one CPU: at a rising edge, or for as long as the line is high.
#[must_use]
pub fn line(vector: u8, while_high: bool, id: u32) -> [u32; 2] {
    let low = u32::from(vector) | if while_high { 1 << 15 } else { 0 };
    [low, id << 24]
}

/// The number of the first of these registers, for a line counted from the controller's first.
#[must_use]
pub fn line_register(number: u32) -> u32 {
    0x10 + 2 * number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_controller_stays_where_it_is_and_is_on() {
        assert_eq!(switched_on(0xfee0_0900, Way::Memory), 0xfee0_0900);
        assert_eq!(switched_on(0xfee0_0100, Way::Registers), 0xfee0_0d00);
        assert_eq!(switched_on(0xfee0_0d00, Way::Registers), 0xfee0_0d00);
    }

    #[test]
    fn registers_are_where_the_manual_lists_them() {
        // Identity, end of interrupt, spurious, command, timer, initial count.
        let offsets = [0x20, 0xb0, 0xf0, 0x300, 0x320, 0x380];
        assert_eq!(offsets.map(register), [0x802, 0x80b, 0x80f, 0x830, 0x832, 0x838]);
    }

    #[test]
    fn cpus_are_named_by_8_bits_or_by_32() {
        assert_eq!(identity(Way::Memory, 0x3f00_0000), 0x3f);
        assert_eq!(identity(Way::Registers, 0x1_0203), 0x1_0203);
        assert_eq!(upper_command(0x3f), 0x3f00_0000);
        assert_eq!(whole_command(0x1_0203, 0x40f1), 0x0001_0203_0000_40f1);
    }

    #[test]
    fn messages_have_their_delivery_mode() {
        assert_eq!(command(Message::Interrupt(0xf1)), 0x40f1);
        assert_eq!(command(Message::Init), 0x4500);
        assert_eq!(command(Message::Start(8)), 0x4608);
        assert_eq!(command(Message::Interrupt(0xf2)) | ALL_OTHERS, 0xc_40f2);
    }

    #[test]
    fn the_timer_waits_for_a_count_or_a_deadline_or_nobody() {
        assert_eq!(timer(Timer::Count, 0x20), 0x20);
        assert_eq!(timer(Timer::Deadline, 0x20), 0x4_0020);
        assert_eq!(timer(Timer::Silent, 0x20), 0x1_0020);
    }

    #[test]
    fn a_line_goes_to_one_cpu() {
        assert_eq!(line(0x34, false, 2), [0x34, 0x0200_0000]);
        assert_eq!(line(0x48, true, 0), [0x8048, 0]);
        assert_eq!([0, 4, 23].map(line_register), [0x10, 0x18, 0x3e]);
    }
}
