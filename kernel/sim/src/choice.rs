//! Who goes on: the choices that a seed makes.
//!
//! Half of the seeds walk at random, changing CPUs often or seldom; they find what needs many small coincidences. The other half give the CPUs priorities and change them at a
//! few random points (after Burckhardt and others, *A randomized scheduler with probabilistic guarantees of finding bugs*, 2010); they find what needs one CPU to be very late.

use seam::CpuSet;

/// Numbers from a seed (splitmix64).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Numbers that begin with this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.any()) * u128::from(end)) >> 64) as u64
    }

    /// True once in so many times; never for 0.
    pub fn one_in(&mut self, times: u64) -> bool {
        times != 0 && self.below(times) == 0
    }

    /// One of several.
    pub fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// How a seed chooses.
#[derive(Debug)]
enum Manner {
    /// Changes at one point in so many.
    Walk(u64),
    Priorities {
        of: Vec<u64>,
        lowest: u64,
        /// Points at which whoever runs gets the lowest.
        changes: Vec<u64>,
    },
}

/// The choices of a seed.
#[derive(Debug)]
pub(crate) struct Choice {
    random: Random,
    manner: Manner,
    /// The clock jumps at one point in so many.
    jumps: u64,
}

impl Choice {
    pub(crate) fn new(seed: u64, cpus: usize) -> Self {
        let mut random = Random::new(seed);
        let manner = if random.one_in(2) {
            Manner::Walk(random.one_of(&[2, 3, 6, 20, 60]))
        } else {
            let within = random.one_of(&[100, 400, 1500, 5000]);
            Manner::Priorities {
                of: (0..cpus).map(|_| random.any() | 1 << 63).collect(),
                lowest: 1 << 62,
                changes: (0..random.below(5)).map(|_| random.below(within)).collect(),
            }
        };
        let jumps = random.one_of(&[0, 20, 100, 500]);
        Self { random, manner, jumps }
    }

    /// The CPU that goes on, of those that can; `stays` is the one that runs now, if it can go on and it is not better that another does first.
    pub(crate) fn next(&mut self, ready: CpuSet, running: usize, stays: bool, step: u64) -> usize {
        let random = &mut self.random;
        match &mut self.manner {
            Manner::Walk(times) if stays && !random.one_in(*times) => running,
            Manner::Walk(_) => {
                let others = if stays { ready } else { ready & !(1 << running) };
                nth(if others == 0 { ready } else { others }, random)
            }
            Manner::Priorities { of, lowest, changes } => {
                if !stays || changes.contains(&step) {
                    *lowest -= 1;
                    of[running] = *lowest;
                }
                let able = (0..of.len()).filter(|cpu| ready >> cpu & 1 == 1);
                able.max_by_key(|cpu| of[*cpu]).unwrap_or(running)
            }
        }
    }

    /// How many nanoseconds pass until the next point.
    pub(crate) fn passes(&mut self) -> u64 {
        const STEP: u64 = 40;
        if self.random.one_in(self.jumps) {
            let most = self.random.one_of(&[1_000, 100_000, 3_000_000, 20_000_000]);
            return self.random.below(most);
        }
        STEP
    }
}

/// One of a set that is not empty.
fn nth(set: CpuSet, random: &mut Random) -> usize {
    let mut left = set;
    for _ in 0..random.below(u64::from(set.count_ones())) {
        left &= left - 1;
    }
    left.trailing_zeros() as usize
}
