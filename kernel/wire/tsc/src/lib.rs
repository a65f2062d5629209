//! What processor and hypervisor say of the time-stamp counter: how fast it runs, and what time it was.
//!
//! A *scale* is nanoseconds per tick with 32 bits behind the point, so that `ticks * scale >> 32` are nanoseconds. References: Intel SDM volume 2, CPUID leaves
//! 0x15 and 0x16; VMware's hypervisor leaf 0x40000010, which KVM has too; Linux `Documentation/virt/kvm/x86/msr.rst` for kvm-clock.
#![no_std]
#![forbid(unsafe_code)]

const NANOS: u64 = 1_000_000_000;

/// The scale of a counter that makes so many ticks in so many nanoseconds.
#[must_use]
pub fn scale(nanos: u64, ticks: u64) -> u64 {
    let scale = (u128::from(nanos) << 32) / u128::from(ticks.max(1));
    u64::try_from(scale).unwrap_or(u64::MAX)
}

/// The ticks that a counter of this scale makes in so many nanoseconds.
#[must_use]
pub fn ticks(nanos: u64, scale: u64) -> u64 {
    let ticks = (u128::from(nanos) << 32) / u128::from(scale.max(1));
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

/// What CPUID says; leaves that are not there are zeros.
#[derive(Clone, Copy, Debug, Default)]
pub struct Leaves {
    /// Leaf 0x15: denominator, numerator, hertz of the crystal.
    pub crystal: [u32; 3],
    /// Leaf 0x16, `eax`: megahertz of the processor.
    pub megahertz: u32,
    /// Leaf 0x40000010, `eax`: kilohertz of the counter.
    pub hypervisor_kilohertz: u32,
}

impl Leaves {
    /// Ticks of the counter in a second, if the leaves say it.
    #[must_use]
    pub fn hertz(&self) -> Option<u64> {
        if self.hypervisor_kilohertz != 0 {
            return Some(u64::from(self.hypervisor_kilohertz) * 1000);
        }
        let [denominator, numerator, crystal] = self.crystal.map(u64::from);
        if denominator == 0 || numerator == 0 {
            return None;
        }
        // Processors that leave the crystal out run the counter at their base frequency.
        let hertz = if crystal == 0 {
            u64::from(self.megahertz & 0xffff) * 1_000_000
        } else {
            crystal * numerator / denominator
        };
        (hertz != 0).then_some(hertz)
    }

    /// The scale, if the leaves say it.
    #[must_use]
    pub fn scale(&self) -> Option<u64> {
        self.hertz().map(|hertz| scale(NANOS, hertz))
    }
}

/// The scale in KVM's `pvclock_vcpu_time_info`, given as words of 64 bits; none if it is being changed, was never written, or makes no sense.
#[must_use]
pub fn kvm_scale(words: [u64; 4]) -> Option<u64> {
    let version = words[0] as u32;
    let multiplier = words[3] & 0xffff_ffff;
    let shift = (words[3] >> 32) as i8;
    if version % 2 == 1 || multiplier == 0 || !(-31..=31).contains(&shift) {
        return None;
    }
    let scale = if shift >= 0 {
        multiplier << shift
    } else {
        multiplier >> -shift
    };
    (scale != 0).then_some(scale)
}

/// Nanoseconds from 1970 to the guest's start in KVM's `pvclock_wall_clock`, given as words of 32 bits: version, seconds, nanoseconds.
#[must_use]
pub fn kvm_wall(words: [u32; 3]) -> Option<u64> {
    let [version, seconds, nanos] = words;
    (version.is_multiple_of(2) && seconds != 0).then(|| u64::from(seconds) * NANOS + u64::from(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn leaf_15_multiplies_the_crystal() {
        let leaves = Leaves {
            crystal: [2, 216, 24_000_000],
            ..Leaves::default()
        };
        assert_eq!(leaves.hertz(), Some(2_592_000_000));
        assert_eq!(leaves.scale(), Some((1 << 32) * 1000 / 2592));
    }

    #[test]
    fn without_a_crystal_the_base_frequency_counts() {
        let mut leaves = Leaves {
            crystal: [2, 250, 0],
            megahertz: 3000,
            ..Leaves::default()
        };
        assert_eq!(leaves.hertz(), Some(3_000_000_000));
        leaves.megahertz = 0;
        assert_eq!(leaves.hertz(), None);
        assert_eq!(Leaves::default().hertz(), None);
    }

    #[test]
    fn the_hypervisor_knows_best() {
        let leaves = Leaves {
            crystal: [2, 216, 24_000_000],
            megahertz: 3000,
            hypervisor_kilohertz: 2_100_000,
        };
        assert_eq!(leaves.hertz(), Some(2_100_000_000));
    }

    #[test]
    fn kvms_multiplier_is_shifted_first() {
        // 2.1 GHz: KVM gives ticks / 2 * 0.952… / 2^32… as a negative shift.
        let info = |shift: i8, multiplier: u32| [2, 0, 0, u64::from(shift as u8) << 32 | u64::from(multiplier)];
        assert_eq!(kvm_scale(info(-1, 0xf3cf_3cf3)), Some(0x79e7_9e79));
        assert_eq!(kvm_scale(info(0, 0x8000_0000)), Some(0x8000_0000));
        assert_eq!(kvm_scale(info(1, 0x8000_0000)), Some(1 << 32));
        assert_eq!(kvm_scale(info(-1, 0)), None, "never written");
        assert_eq!(kvm_scale([3, 0, 0, 0x8000_0000]), None, "being written");
        assert_eq!(kvm_scale(info(100, 1)), None);
    }

    #[test]
    fn kvms_wall_clock_is_seconds_and_nanoseconds() {
        assert_eq!(kvm_wall([2, 1_700_000_000, 5]), Some(1_700_000_000_000_000_005));
        assert_eq!(kvm_wall([3, 1_700_000_000, 5]), None);
        assert_eq!(kvm_wall([0, 0, 0]), None);
    }

    proptest! {
        #[test]
        fn nothing_that_is_said_panics(words in any::<[u64; 4]>(), leaves in any::<[u32; 5]>()) {
            let _ = kvm_scale(words);
            let [a, b, c, megahertz, hypervisor_kilohertz] = leaves;
            let leaves = Leaves { crystal: [a, b, c], megahertz, hypervisor_kilohertz };
            prop_assert!(leaves.scale() != Some(0) || leaves.hertz() > Some(u64::MAX / 2));
        }

        #[test]
        fn a_deadline_is_neither_early_nor_late(hertz in 1_000_000u64..100_000_000_000, nanos in 1000u64..1_000_000_000_000) {
            let scale = scale(NANOS, hertz);
            let until = ((u128::from(ticks(nanos, scale)) * u128::from(scale)) >> 32) as u64;
            prop_assert!(until <= nanos && nanos - until <= 1 + scale / (1 << 32));
        }

        #[test]
        fn a_scale_turns_a_second_of_ticks_into_a_second(hertz in 1_000_000u64..100_000_000_000) {
            let second = ((u128::from(hertz) * u128::from(scale(NANOS, hertz))) >> 32) as u64;
            prop_assert!(second.abs_diff(NANOS) <= 1 + hertz / (1 << 31));
        }
    }
}
